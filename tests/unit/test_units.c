// SPDX-License-Identifier: Apache-2.0
// Units: the traps UDUNITS-2 sets by itself, conversions, derived units, amounts as written.
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbiont/units.h"

// Without its database the program must say so, in one sentence and not on stderr; with it all is well.
static int open_units(void **state)
{
    (void)state;
    char why[200] = "", said[16];
    int ends[2], saved = dup(2);
    if (pipe2(ends, O_NONBLOCK) != 0 || dup2(ends[1], 2) < 0)
        return -1;
    setenv("UDUNITS2_XML_PATH", "/nowhere/udunits2.xml", 1);
    int missing = units_open(why, sizeof why);
    unsetenv("UDUNITS2_XML_PATH");
    dup2(saved, 2);
    bool silent = read(ends[0], said, sizeof said) < 0;
    close(ends[0]), close(ends[1]), close(saved);
    if (missing == 0 || !silent || !strstr(why, "libudunits2-data") ||
        !strstr(why, "/nowhere/udunits2.xml") || unit_find("kW") || unit_row(0))
        return -1;
    return units_open(why, sizeof why);
}

static double convert(double value, const char *from, const char *to)
{
    const struct unit *a = unit_find(from), *b = unit_find(to);
    assert_non_null(a);
    assert_non_null(b);
    double factor, offset;
    assert_true(unit_compatible(a, b));
    assert_true(unit_conversion(a, b, &factor, &offset));
    return value * factor + offset;
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
}

static void assert_apart(const char *a, const char *b)
{
    const struct unit *x = unit_find(a), *y = unit_find(b);
    assert_non_null(x);
    assert_non_null(y);
    double factor = 7, offset = 8;
    assert_false(unit_compatible(x, y));
    assert_false(unit_conversion(x, y, &factor, &offset));
    assert_true(factor == 7 && offset == 8);
}

static void opening_twice_is_harmless(void **state)
{
    (void)state;
    const struct unit *kw = unit_find("kW");
    char why[200] = "";
    assert_int_equal(units_open(why, sizeof why), 0);
    assert_ptr_equal(unit_find("kW"), kw);
    assert_string_equal(why, "");
}

static void every_row_reads_back(void **state)
{
    (void)state;
    const struct unit *u;
    for (size_t i = 0; (u = unit_row(i)); i++) {
        assert_ptr_equal(unit_find(unit_text(u)), u);
        assert_true(unit_dimension(u)[0] != '\0');
        double factor, offset;
        assert_true(unit_conversion(u, u, &factor, &offset));
        assert_true(factor == 1 && offset == 0);
    }
}

static void common_conversions_are_clean(void **state)
{
    (void)state;
    // Exactly, not nearly: these numbers are shown.
    assert_true(convert(1, "kWh", "MJ") == 3.6);
    assert_true(convert(3.6, "MJ", "kWh") == 1);
    assert_true(convert(1, "GJ", "kWh") == 1e9 / 3.6e6);
    assert_true(convert(250, "kW", "W") == 250000);
    assert_true(convert(1, "W", "kW") == 0.001);
    assert_true(convert(1, "Wh", "kWh") == 0.001);
    assert_true(convert(1, "L/min", "m3/h") == 0.06);
    assert_true(convert(1, "L/s", "m3/h") == 3.6);
    assert_true(convert(1, "L/h", "m3/h") == 0.001);
    assert_true(convert(1, "m3/min", "m3/h") == 60);
    assert_true(convert(1, "t/h", "kg/h") == 1000);
    assert_true(convert(1, "kg/s", "kg/h") == 3600);
    assert_true(convert(1, "mbar", "bar") == 0.001);
    assert_true(convert(1, "Pa", "bar") == 1e-5);
    assert_true(convert(1, "mS/cm", "uS/cm") == 1000);
    assert_true(convert(1, "mS/m", "uS/cm") == 10);
    assert_true(convert(1, "g/L", "mg/L") == 1000);
    assert_true(convert(80, "%", "") == 0.8);
    assert_true(convert(1, "EUR/kWh", "EUR/MWh") == 1000);
    assert_true(convert(1, "kgCO2e/kWh", "tCO2e/MWh") == 1);
    assert_true(convert(1, "tCO2e", "kgCO2e") == 1000);
    assert_true(convert(1, "year", "h") == 8760);
    assert_true(convert(1, "h", "min") == 60);
    assert_true(convert(1500, "rpm", "Hz") == 25);
    assert_true(convert(1, "kvarh", "varh") == 1000);
    assert_true(convert(1, "MVAh", "kVAh") == 1000);
    assert_near(convert(1, "psi", "bar"), 0.0689475729, 1e-9);
    assert_near(convert(1, "lb", "kg"), 0.45359237, 1e-12);
    assert_near(convert(1, "Gcal", "MWh"), 1.163, 1e-9); // the heat meter's calorie
    assert_near(convert(1, "rad", "deg"), 57.295779513, 1e-8);
    assert_near(convert(1, "gal/min", "L/min"), 3.785411784, 1e-9);
    assert_near(convert(1, "Sm3", "Nm3"), 273.15 / 288.15, 1e-8);
}

// By itself UDUNITS-2 reads "40 degC" as 40 K.
static void forty_degrees_is_not_forty_kelvin(void **state)
{
    (void)state;
    double value;
    const struct unit *unit;
    char why[200];
    assert_true(amount_parse("40 degC", &value, &unit, why, sizeof why));
    assert_true(value == 40);
    assert_ptr_equal(unit, unit_find("degC"));
    assert_near(convert(40, "degC", "degF"), 104, 1e-9);
    assert_near(convert(-40, "degF", "degC"), -40, 1e-9);
    assert_near(convert(212, "degF", "degC"), 100, 1e-9);
}

static void a_temperature_is_not_a_difference(void **state)
{
    (void)state;
    const struct unit *c = unit_find("degC"), *k = unit_find("K"), *f = unit_find("degF");
    assert_apart("degC", "K");
    assert_apart("K", "degF");
    assert_true(unit_is_absolute(c) && unit_is_absolute(f) && !unit_is_absolute(k));
    assert_ptr_equal(unit_difference(c), k);
    assert_ptr_equal(unit_difference(k), k);
    assert_near(convert(9, unit_text(unit_difference(f)), "K"), 5, 1e-12);
    assert_null(unit_multiply(c, unit_find("kW")));
    assert_null(unit_divide(unit_find("kW"), c));
    assert_null(unit_power(c, 2));
    assert_null(unit_find("W/degC"));
    assert_string_equal(unit_dimension(c), "temperature");
    assert_string_equal(unit_dimension(k), "temperature difference");
}

static void own_dimensions_stay_apart(void **state)
{
    (void)state;
    assert_apart("W", "var");
    assert_apart("W", "VA");
    assert_apart("var", "VA");
    assert_apart("kWh", "kvarh");
    assert_apart("kWh", "kVAh");
    assert_apart("m3/h", "Nm3/h");
    assert_apart("deg", "");
    assert_apart("pH", "");
    assert_apart("pulses", "");
    assert_apart("divisions", "kg");
    assert_apart("EUR", "USD");
    assert_apart("tCO2e", "t");
    assert_apart("NTU", "mg/L");
    assert_apart("kg", "m3");
}

// What the database has and nobody here means: "pH" is a picohenry to it, "gal" an acceleration.
static void only_words_of_the_table_are_looked_up(void **state)
{
    (void)state;
    assert_string_equal(unit_dimension(unit_find("pH")), "pH");
    assert_string_equal(unit_dimension(unit_find("gal")), "volume");
    static const char *const unknown[] = {"parsec", "kilowatt", "kWhr", "meter", "5",
                                          "kW.h",   "kW h",     "kW^2", "",      " kW",
                                          "kW ",    "/h",       "kW/",  "kW//h", "W/foo"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        if (unknown[i][0])
            assert_null(unit_find(unknown[i]));
    assert_null(unit_find(NULL));
}

static void spellings_are_the_same_unit(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"m³/h", "m3/h"},  {"°C", "degC"},     {"µS/cm", "uS/cm"},
                                           {"l/h", "L/h"},    {"l/min", "L/min"}, {"kVAr", "kvar"},
                                           {"Ω", "ohm"},      {"hours", "h"},     {"kg/hour", "kg/h"},
                                           {"m^3/h", "m3/h"}, {"Nm³/h", "Nm3/h"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_non_null(unit_find(pairs[i][0]));
        assert_ptr_equal(unit_find(pairs[i][0]), unit_find(pairs[i][1]));
    }
}

static void words_can_be_joined(void **state)
{
    (void)state;
    assert_near(convert(1, "GJ/t", "kWh/kg"), 1 / 3.6, 1e-12);
    assert_near(convert(1, "Wh/pulses", "kWh/pulses"), 0.001, 0);
    assert_near(convert(1, "kW*h", "kWh"), 1, 0);
    assert_string_equal(unit_text(unit_find("EUR/pieces")), "EUR/pieces");
    assert_ptr_equal(unit_find("EUR/pieces"), unit_find("EUR/piece"));
    assert_string_equal(unit_dimension(unit_find("kW/m2")), "power per area");
}

static void results_get_the_word_they_deserve(void **state)
{
    (void)state;
    const struct unit *kw = unit_find("kW"), *h = unit_find("h"), *m3 = unit_find("m3"), *k = unit_find("K");
    assert_ptr_equal(unit_multiply(kw, h), unit_find("kWh"));
    assert_ptr_equal(unit_divide(unit_find("kWh"), h), kw);
    assert_ptr_equal(unit_divide(kw, kw), unit_find(""));
    assert_ptr_equal(unit_divide(m3, h), unit_find("m3/h"));
    assert_ptr_equal(unit_multiply(unit_find(""), kw), kw);
    const struct unit *odd = unit_divide(kw, unit_multiply(unit_find("m3/h"), k));
    assert_non_null(odd);
    assert_string_equal(unit_text(odd), "kW/(m3/h*K)");
    assert_ptr_equal(unit_divide(kw, unit_multiply(unit_find("m3/h"), k)), odd);
    assert_ptr_equal(unit_power(unit_find("m"), 3), m3);
    assert_string_equal(unit_text(unit_power(h, -1)), "1/h");
    assert_string_equal(unit_dimension(unit_multiply(kw, kw)), "m4*kg2/s6");
    // Too long a text falls back on base units and size, and still is one unit only.
    const struct unit *a = unit_find("EUR/tkm"), *b = unit_find("kgCO2e/kWh"), *c = unit_find("pulses/m3");
    const struct unit *long_one =
        unit_multiply(unit_multiply(unit_multiply(a, b), unit_multiply(c, unit_find("divisions"))),
                      unit_multiply(unit_find("tCO2e/year"), unit_find("kgCO2e/tkm")));
    assert_non_null(long_one);
    assert_int_equal(strlen(unit_text(long_one)), 60);
    long_one = unit_multiply(long_one, unit_find("pieces"));
    assert_non_null(strstr(unit_text(long_one), "*kg"));
    // Grows without end: refused before an exponent overflows, and the text stays bounded.
    const struct unit *u = kw;
    int steps = 0;
    while (u && steps++ < 100) {
        assert_true(strlen(unit_text(u)) < 64);
        u = unit_multiply(u, kw);
    }
    assert_null(u);
}

static const char *refuse(const char *text)
{
    static char why[200];
    double value;
    const struct unit *unit;
    assert_false(amount_parse(text, &value, &unit, why, sizeof why));
    return why;
}

static void amounts_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        const char *unit;
    } good[] = {
        {"200 kW", 200, "kW"},    {"-5 degC", -5, "degC"}, {"0.25", 0.25, ""},
        {"15 min", 15, "min"},    {"2.4 t", 2.4, "t"},     {"80 %", 80, "%"},
        {"80%", 80, "%"},         {"1e3 kW", 1000, "kW"},  {" 7.5kWh ", 7.5, "kWh"},
        {".5 m3/h", 0.5, "m3/h"}, {"+3 bar", 3, "bar"},    {"50 EUR/MWh", 50, "EUR/MWh"},
        {"0 K", 0, "K"},          {"5. A", 5, "A"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double value;
        const struct unit *unit;
        char why[200];
        if (!amount_parse(good[i].text, &value, &unit, why, sizeof why))
            fail_msg("%s", why);
        assert_true(value == good[i].value);
        assert_ptr_equal(unit, unit_find(good[i].unit));
    }
}

static void wrong_amounts_are_explained(void **state)
{
    (void)state;
    assert_string_equal(refuse("200 kw"), "\"200 kw\": the unit \"kw\" is not known; did you mean \"kW\"?");
    assert_string_equal(refuse("5 kWhh"),
                        "\"5 kWhh\": the unit \"kWhh\" is not known; did you mean \"kWh\"?");
    assert_string_equal(refuse("5 m3/hr"),
                        "\"5 m3/hr\": the unit \"m3/hr\" is not known; did you mean \"m3/h\"?");
    assert_string_equal(refuse("5 furlongs"),
                        "\"5 furlongs\": the unit \"furlongs\" is not known; docs/names.md lists the units");
    assert_string_equal(refuse("kW"),
                        "\"kW\" is not an amount: write a number, then a unit, such as \"200 kW\"");
    assert_non_null(strstr(refuse(""), "is not an amount"));
    assert_non_null(strstr(refuse("-"), "is not an amount"));
    assert_non_null(strstr(refuse("."), "is not an amount"));
    assert_non_null(strstr(refuse("nan kW"), "is not an amount"));
    assert_non_null(strstr(refuse("0x10 kW"), "not known"));
    assert_non_null(strstr(refuse("1,5 kW"), "the decimal sign is a point"));
    assert_non_null(strstr(refuse("1e999 kW"), "too large"));
    assert_non_null(strstr(refuse("5 kW 3"), "not known"));
    assert_non_null(strstr(
        refuse("5 qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"), "too long"));
}

static void the_nearest_word(void **state)
{
    (void)state;
    assert_string_equal(unit_nearest("KWH"), "kWh");
    assert_string_equal(unit_nearest("Bar"), "bar");
    assert_string_equal(unit_nearest("m3/hr"), "m3/h");
    assert_null(unit_nearest("abracadabra"));
    assert_null(unit_nearest(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_twice_is_harmless),
        cmocka_unit_test(every_row_reads_back),
        cmocka_unit_test(common_conversions_are_clean),
        cmocka_unit_test(forty_degrees_is_not_forty_kelvin),
        cmocka_unit_test(a_temperature_is_not_a_difference),
        cmocka_unit_test(own_dimensions_stay_apart),
        cmocka_unit_test(only_words_of_the_table_are_looked_up),
        cmocka_unit_test(spellings_are_the_same_unit),
        cmocka_unit_test(words_can_be_joined),
        cmocka_unit_test(results_get_the_word_they_deserve),
        cmocka_unit_test(amounts_are_read),
        cmocka_unit_test(wrong_amounts_are_explained),
        cmocka_unit_test(the_nearest_word),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
