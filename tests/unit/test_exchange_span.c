// SPDX-License-Identifier: Apache-2.0
// Bands: how a number is made coarse, written, read and left.
#include "exchange/span.h"
#include "exchange_kit.h"

static void band_of(double v, double low, double high)
{
    struct span s = span_band(span_of(v));
    if (s.low != low || s.high != high)
        fail_msg("%.17g -> %.17g..%.17g, wanted %g..%g", v, s.low, s.high, low, high);
}

static void test_bands(void **state)
{
    (void)state;
    band_of(415, 200, 500); // scenario 10
    band_of(1000, 1000, 2000);
    band_of(999.999, 500, 1000);
    band_of(0, 0, 0);
    band_of(1, 1, 2);
    band_of(0.3, 0.2, 0.5);
    band_of(0.002, 0.002, 0.005);
    band_of(2e-5, 2e-5, 5e-5);
    band_of(5, 5, 10);
    band_of(-415, -500, -200);
    band_of(1e12, 1e12, 2e12);
    // Beyond what 10^k can say exactly the bands end, and nothing is said finer than it is.
    band_of(1e23, 5e22, 1e23);
    band_of(3e-23, 0, 1e-22);
    band_of(-3e-23, -1e-22, -0.0);
    struct span endless = span_band((struct span){INFINITY, INFINITY});
    assert_true(isinf(endless.low) && isinf(endless.high));
    assert_false(span_said(span_band(SPAN_UNSAID)));
    // Every band is its own, and holds what it was made of.
    for (double v = 1e-6; v < 1e9; v *= 1.37) {
        struct span b = span_band(span_of(v)), again = span_band(b);
        assert_true(b.low <= v && v < b.high);
        assert_true(again.low == b.low && again.high == b.high);
    }
    struct span wide = span_band((struct span){150, 320});
    assert_true(wide.low == 100 && wide.high == 500);
    struct span open = span_band((struct span){-INFINITY, 320});
    assert_true(open.low == -INFINITY && open.high == 500);
}

static void celsius(double v, double low, double high)
{
    struct span s = span_band_celsius(span_of(v));
    if (s.low != low || s.high != high)
        fail_msg("%g degC -> %g..%g", v, s.low, s.high);
}

static void test_temperature_bands(void **state)
{
    (void)state;
    celsius(65, 60, 70);
    celsius(60, 60, 70);
    celsius(-5, -10, 0);
    celsius(0, 0, 10);
    celsius(-10, -10, 0);
    struct span b = span_band_celsius((struct span){60, 70});
    assert_true(b.low == 60 && b.high == 70);
}

static void round_trip(struct span s, const char *text)
{
    char out[SPAN_TEXT];
    struct span back;
    assert_string_equal(span_text(s, out), text);
    if (!span_said(s) || (span_exact(s) && isfinite(s.low)))
        return;
    assert_true(span_parse(text, &back));
    assert_true(back.low == s.low && back.high == s.high);
}

static void test_text_of_spans(void **state)
{
    (void)state;
    round_trip((struct span){200, 500}, "200-500");
    round_trip((struct span){-10, 0}, "-10-0");
    round_trip((struct span){-20, -10}, "-20--10");
    round_trip((struct span){0.2, 0.5}, "0.2-0.5");
    round_trip((struct span){1e-5, 2e-5}, "1e-05-2e-05");
    round_trip((struct span){-INFINITY, 500}, "<500");
    round_trip((struct span){200, INFINITY}, ">200");
    round_trip((struct span){-INFINITY, INFINITY}, "any");
    round_trip(span_of(415), "415");
    round_trip(SPAN_UNSAID, "");
    static const char *const bad[] = {"",         "-",
                                      "5",        "500-200",
                                      "5-5",      "1-2-3",
                                      " 1-2",     "1-2 ",
                                      "0x1-2",    "nan-1",
                                      "1-inf",    ">",
                                      "<",        ">1-2",
                                      "1e-2",     "1--",
                                      "a-b",      "1-2e",
                                      "+1-2",     "1,5-2",
                                      "1.-2",     "1-00000000000000000000000000000002",
                                      "-1e999-1", ".5-1",
                                      "anyx",     "-1e999",
                                      "1-1e999"};
    assert_string_equal(span_text((struct span){INFINITY, INFINITY}, (char[SPAN_TEXT]){0}), "any");
    struct span s;
    assert_true(span_parse("1E2-2E+3", &s) && s.low == 100 && s.high == 2000);
    assert_true(span_parse("1e-3-0.5", &s) && s.low == 0.001 && s.high == 0.5);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (span_parse(bad[i], &s))
            fail_msg("\"%s\" was taken for %g..%g", bad[i], s.low, s.high);
}

static void test_left(void **state)
{
    (void)state;
    const struct span band = {200, 500}, exact = {10, 10}, open = {200, INFINITY};
    assert_false(span_left(SPAN_UNSAID, SPAN_UNSAID));
    assert_true(span_left(band, SPAN_UNSAID));
    assert_true(span_left(SPAN_UNSAID, band));
    assert_false(span_left(band, span_of(171))); // a tenth of its width
    assert_true(span_left(band, span_of(169)));
    assert_false(span_left(band, span_of(529)));
    assert_true(span_left(band, span_of(531)));
    assert_true(span_left(exact, span_of(10.01)));
    assert_true(span_left(open, span_of(199)));
    assert_false(span_left(open, span_of(1e9)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_temperature_bands),
        cmocka_unit_test(test_text_of_spans),
        cmocka_unit_test(test_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
