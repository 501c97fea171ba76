// SPDX-License-Identifier: Apache-2.0
// Which points a meter gets: bits made points, only those wanted, what is said when a name or a number is
// wrong.
#include "profile_kit.h"
#include "symbiont/units.h"

static struct meter compile_only(const char *own, char **only, size_t n)
{
    return compile_in((struct profile_path){{SHIPPED}}, NULL, own,
                      (struct device_request){.only = {only, n}});
}

static void says(struct meter m, const char *words)
{
    char *text = said(m.diag);
    assert_true(diag_errors(m.diag) > 0); // then nobody uses what is compiled
    if (!strstr(text, words))
        fail_msg("\"%s\", wanted \"%s\"", text, words);
    free(text);
    meter_free(&m);
}

#define REGISTER(name_, address_, type_)                                                                     \
    "{ name = \"" name_ "\"; table = \"holding\"; address = " address_ "; type = \"" type_ "\"; "

static void bits_of_each_kind_of_register(void **state)
{
    (void)state;
    struct meter m = compile(
        NULL, "points = ( " REGISTER(
                  "status", "1",
                  "uint16") "not_available = [ \"0xFFFF\" ]; bits = ( { bit = 15; "
                            "name = \"alarm\"; } ); }, " REGISTER(
                                "faults", "2",
                                "uint32") "quantity = \"status\"; bits = ( { bit = 31; name = \"b31\"; "
                                          "quantity = \"running\"; }, { bit = 0; name = \"b0\"; quantity = "
                                          "\"running\"; } ); } );");
    must_compile(&m);
    const struct point *p = point_of(&m, "alarm");
    assert_true(p->bit == 15 && p->address == 1 &&
                p->marker_count == 1); // what stands for "nothing" counts for bits, too
    p = point_of(&m, "b31");           // high word first
    assert_true(p->bit == 15 && p->address == 2 && p->marker_count == 0);
    assert_true(point_of(&m, "b0")->address == 3);
    meter_free(&m);
    says(compile(NULL, "points = ( " REGISTER("status", "1",
                                              "int16") "bits = ( { bit = 1; name = \"alarm\"; } ); } );"),
         "\"bits\" are of a bits16, bits32, uint16 or uint32");
    says(compile(NULL, "points = ( " REGISTER("status", "1",
                                              "bits16") "bits = ( { bit = 16; name = \"alarm\"; } ); } );"),
         "bit 16 of \"alarm\" is beyond its 16 bits");
    says(compile(NULL, "points = ( " REGISTER("status", "1",
                                              "bits16") "bits = ( { bit = 1; name = \"status\"; } ); } );"),
         "there is already a point of that name");
    says(compile(NULL, "points = ( " REGISTER("status", "1", "bits16") "bits = ( { bit = 1; } ); } );"),
         "name");
    says(compile(NULL, "points = ( { table = \"holding\"; address = 1; type = \"uint16\"; } );"), "name");
}

// A name is needed by an expression only where it stands as a whole word.
static void what_an_expression_needs(void **state)
{
    (void)state;
    static const char own[] =
        "points = ( " REGISTER("active_power", "0", "uint16") "unit = \"kW\"; }, " REGISTER(
            "active_power_l1", "1",
            "uint16") "quantity = \"active_power\"; unit = \"kW\"; "
                      "}, " REGISTER(
                          "power", "2",
                          "uint16") "quantity = "
                                    "\"active_power\"; "
                                    "unit = \"kW\"; "
                                    "}, " REGISTER(
                                        "power"
                                        "9",
                                        "3",
                                        "uint1"
                                        "6") "q"
                                             "u"
                                             "a"
                                             "n"
                                             "t"
                                             "i"
                                             "t"
                                             "y"
                                             " "
                                             "="
                                             " "
                                             "\"active_power\"; unit = \"kW\"; }, "
                                             "{"
                                             " "
                                             "n"
                                             "a"
                                             "m"
                                             "e"
                                             " "
                                             "="
                                             " "
                                             "\"apparent_power\"; unit = \"kVA\"; expression = \"%s\"; } );";
    static const struct {
        const char *expression;
        bool active, l1, power, power9;
    } rows[] = {
        {"active_power_l1 * 3", false, true, false, false},
        {"3*active_power", true, false, false, false},
        {"power + active_power_l1", false, true, true, false},
        {"(power)", false, false, true, false},
        {"power9", false, false, false, true},
        {"2 * power9 + active_power", true, false, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1500];
        char *only[] = {"apparent_power"};
        snprintf(text, sizeof text, own, rows[i].expression);
        struct meter m = compile_only(text, only, 1);
        must_compile(&m);
        if (has_point(&m, "active_power") != rows[i].active ||
            has_point(&m, "active_power_l1") != rows[i].l1 || has_point(&m, "power") != rows[i].power ||
            has_point(&m, "power9") != rows[i].power9)
            fail_msg("\"%s\" has other points", rows[i].expression);
        assert_false(point_of(&m, "apparent_power")->hidden);
        if (rows[i].active)
            assert_true(point_of(&m, "active_power")->hidden); // read, not published
        meter_free(&m);
    }
}

static void only_what_there_is(void **state)
{
    (void)state;
    static const char own[] = "points = ( " REGISTER(
        "active_power", "0", "uint16") "unit = \"kW\"; }, " REGISTER("status", "1", "uint16") "} );";
    char *far[] = {"zzzzzzzzzzzz"}, *near[] = {"statsu"}, *none[] = {NULL, "status"};
    struct meter m = compile_only(own, far, 1);
    char *text = said(m.diag);
    assert_null(m.device);
    assert_non_null(strstr(text, "\"zzzzzzzzzzzz\", which is not one of its points"));
    assert_null(strstr(text, "did you mean"));
    free(text);
    meter_free(&m);
    says(compile_only(own, near, 1), "did you mean \"status\"?");
    m = compile_only(own, none, 2); // an entry that was wrong and is reported already
    must_compile(&m);
    assert_true(has_point(&m, "status") && !has_point(&m, "active_power"));
    meter_free(&m);
}

static void a_meter_has_a_bounded_number_of_points(void **state)
{
    (void)state;
    char *own;
    size_t size;
    FILE *f = open_memstream(&own, &size);
    fputs("points = (\n", f);
    for (int i = 0; i < 4200; i++)
        fprintf(f,
                "%s{ name = \"p%d\"; quantity = \"status\"; table = \"holding\"; address = %d; type = "
                "\"uint16\"; }",
                i ? ",\n" : "", i, i);
    fputs(" );", f);
    fclose(f);
    says(compile(NULL, own), "points; a meter has at most");
    char *only[] = {"p1"};
    says(compile_only(own, only, 1), "points; a meter has at most");
    free(own);
}

static int open_units(void **state)
{
    char why[128];
    (void)state;
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_of_each_kind_of_register),
        cmocka_unit_test(what_an_expression_needs),
        cmocka_unit_test(only_what_there_is),
        cmocka_unit_test(a_meter_has_a_bounded_number_of_points),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
