// SPDX-License-Identifier: Apache-2.0
// The List of Waste: its counts, the forms of a code, refusals with the nearest, and the table against its
// file.
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/waste.h"

static void as_published(void **state)
{
    (void)state;
    size_t n = 0, kinds[4] = {0}, parts = 0, chapters = 0;
    uint32_t before = 0;
    for (const struct waste_code *w; (w = waste_row(n)); n++) {
        assert_true(w->code > before);
        parts += w->code / 100 != before / 100;
        chapters += w->code / 10000 != before / 10000;
        before = w->code;
        kinds[w->entry]++;
        assert_true(*waste_chapter(w) && *waste_sub_chapter(w) && *w->description);
        assert_ptr_equal(waste_find(w->code), w);
    }
    assert_int_equal(n, 842);
    assert_int_equal(kinds[WASTE_ABSOLUTE_HAZARDOUS], 235);
    assert_int_equal(kinds[WASTE_ABSOLUTE_NON_HAZARDOUS], 256);
    assert_int_equal(kinds[WASTE_MIRROR_HAZARDOUS], 173);
    assert_int_equal(kinds[WASTE_MIRROR_NON_HAZARDOUS], 178);
    assert_int_equal(chapters, 20);
    assert_true(parts > 100);
    assert_null(waste_find(0));
    assert_null(waste_find(999999));
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *given, *text, *digits;
    } rows[] = {
        {"15 01 01", "15 01 01", "150101"},   {"150101", "15 01 01", "150101"},
        {" 15 01 01 ", "15 01 01", "150101"}, {"01 03 04*", "01 03 04*", "010304"},
        {"010304*", "01 03 04*", "010304"},   {"010304", "01 03 04*", "010304"},
        {"01 03 04", "01 03 04*", "010304"},  {"1501 10*", "15 01 10*", "150110"},
    };
    char why[300], out[WASTE_TEXT];
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        const struct waste_code *w = waste_parse(rows[i].given, why, sizeof why);
        if (!w)
            fail_msg("%s", why);
        assert_string_equal(waste_text(w, out), rows[i].text);
        assert_string_equal(waste_digits(w, out), rows[i].digits);
        assert_int_equal(waste_hazardous(w), strchr(rows[i].text, '*') != NULL);
    }
    // Every code, in both printed forms, reads back to itself.
    const struct waste_code *w;
    for (size_t i = 0; (w = waste_row(i)); i++) {
        assert_ptr_equal(waste_parse(waste_text(w, out), why, sizeof why), w);
        assert_ptr_equal(waste_parse(waste_digits(w, out), why, sizeof why), w);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *given, *words;
    } rows[] = {
        {"15 01 08", "did you mean \"15 01 0"},
        {"15 01 01*", "not hazardous, its code is \"15 01 01\""},
        {"15 01 10 *", "the star belongs to the code, \"15 01 10*\""},
        {"15.01.01", "did you mean \"15 01 01\"?"},
        {"15 0101x", "did you mean \"15 01 01\"?"},
        {"1 50101", "did you mean \"15 01 01\"?"},
        {"15 01", "six digits are wanted"},
        {"", "six digits are wanted"},
        {"*", "six digits are wanted"},
        {"15 01 01 01", "six digits are wanted"},
        {"cardboard", "six digits are wanted"},
        {"99 99 99", "did you mean \""},
    };
    char why[300];
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        assert_null(waste_parse(rows[i].given, why, sizeof why));
        if (!strstr(why, rows[i].words))
            fail_msg("%s: %s", rows[i].given, why);
    }
}

// "a,b" and quoted fields; the description is the last one.
static void as_the_file(void **state)
{
    (void)state;
    FILE *f = fopen("conf/list_of_waste.csv", "r");
    if (!f)
        skip();
    char line[2048], why[300];
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#' || line[0] == 'c')
            continue;
        line[strcspn(line, ",")] = '\0';
        const char *rest = line + strlen(line) + 1;
        const struct waste_code *w = waste_parse(line, why, sizeof why);
        assert_non_null(w);
        assert_int_equal(rest[0] == '1', waste_hazardous(w));
        n++;
    }
    fclose(f);
    assert_int_equal(n, 842);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_published), cmocka_unit_test(forms),
                                       cmocka_unit_test(refusals), cmocka_unit_test(as_the_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
