// SPDX-License-Identifier: Apache-2.0
// What numbers say for a profile: the sane for it, the impossible against it, zero nothing, relations most.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "cli/evidence.h"

static struct point point(const char *name, const char *quantity, enum point_type type, double scale)
{
    struct point p = {.name = name,
                      .quantity = quantity_find(quantity),
                      .table = TABLE_HOLDING,
                      .type = (uint8_t)type,
                      .words = (uint8_t)point_type_words(type),
                      .bit = -1,
                      .min = -INFINITY,
                      .max = INFINITY};
    assert_non_null(p.quantity);
    point_scale(&p, scale, 0);
    return p;
}

// The evidence of one value of one point.
static double says(struct point p, double raw)
{
    struct device d = {.points = &p, .n = 1};
    struct value r = {.number = raw}, v = {.number = raw * p.factor / p.divisor};
    struct evidence e = {0};
    evidence_weigh(&d, &r, &v, NULL, &e);
    return e.pro - e.contra;
}

static void test_one_value(void **state)
{
    (void)state;
    struct point voltage = point("voltage_l1", "voltage", POINT_FLOAT32, 1);
    struct point energy = point("active_energy_import", "active_energy_import", POINT_UINT32, 0.01);
    struct point frequency = point("frequency", "frequency", POINT_UINT16, 0.01);
    struct point current = point("current_l2", "current", POINT_FLOAT32, 1);
    // A float of 230 is no accident; that a counter is some number is.
    assert_true(evidence_worth(&voltage) > 4);
    assert_true(evidence_worth(&frequency) > 3);
    assert_true(evidence_worth(&energy) < 1);
    assert_true(evidence_worth(&current) < evidence_worth(&voltage));
    assert_true(says(voltage, 230.2) > 4);
    assert_true(says(voltage, 4.2e-8) <= -2); // its words exchanged
    assert_true(says(voltage, 3.3e30) < -1);
    assert_true(says(frequency, 4998) > 3);
    assert_true(says(frequency, 17) < -1);
    // Zero: a phase that is off, but not the mains.
    assert_true(fabs(says(current, 0)) < 0.2);
    assert_true(says(frequency, 0) < -1);
    // A whole number with an empty low half.
    assert_true(says(energy, 12345.0 * 65536) <= -2);
    assert_true(says(energy, 12345.0) >= 0);
}

static void test_marks(void **state)
{
    (void)state;
    const uint64_t mark = 0x8000;
    struct point p = point("current_l2", "current", POINT_INT16, 1),
                 digits = point("volume", "volume", POINT_BCD32, 1);
    p.markers = &mark;
    p.marker_count = 1;
    const struct value none = {.number = NAN, .reason = REASON_NOT_AVAILABLE};
    struct evidence e = {0};
    evidence_weigh(&(struct device){.points = &p, .n = 1}, &none, &none, NULL, &e);
    assert_true(e.pro == 2 && e.contra == 0);
    e = (struct evidence){0};
    evidence_weigh(&(struct device){.points = &digits, .n = 1}, &none, &none, NULL, &e); // no decimal digits
    assert_true(e.contra >= 3);
}

static double load_says(double p_kw, double q, double s, double u, double i)
{
    struct point points[] = {point("active_power_l1", "active_power", POINT_FLOAT32, 1),
                             point("reactive_power_l1", "reactive_power", POINT_FLOAT32, 1),
                             point("apparent_power_l1", "apparent_power", POINT_FLOAT32, 1),
                             point("voltage_l1", "voltage", POINT_FLOAT32, 1),
                             point("current_l1", "current", POINT_FLOAT32, 1)};
    struct value v[] = {{.number = p_kw}, {.number = q}, {.number = s}, {.number = u}, {.number = i}};
    struct evidence e = {0};
    evidence_weigh(&(struct device){.points = points, .n = 5}, v, v, NULL, &e);
    return e.pro - e.contra;
}

static void test_relations(void **state)
{
    (void)state;
    double right = load_says(2.59, 1.25, 2.876, 230.2, 12.5);
    assert_true(right > load_says(2.59, 1.25, 28.76, 230.2, 12.5) + 6); // S ten times too large
    assert_true(right > load_says(25.9, 12.5, 2.876, 230.2, 12.5) + 6); // P and Q
    assert_true(right > load_says(2.59, 1.25, 2.876, 230.2, 125) + 3);  // I
    assert_true(
        fabs(load_says(0, 0, 0, 230, 0) - says(point("voltage_l1", "voltage", POINT_FLOAT32, 1), 230)) < 1);
}

static void test_texts(void **state)
{
    (void)state;
    struct point p = point("model", "serial_number", POINT_STRING, 1);
    struct device d = {.points = &p, .n = 1, .vendor = "Siemens", .model = "SENTRON PAC3200"};
    const struct value v = {0};
    const struct {
        char *text;
        double least, most;
    } cases[] = {{(char *)(uintptr_t) "PAC3200 V2", 8, 20},
                 {(char *)(uintptr_t) "AB12CD", 1, 4},
                 {(char *)(uintptr_t) "?\?A?\?", -5, -2},
                 {(char *)(uintptr_t) "", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evidence e = {0};
        evidence_weigh(&d, &v, &v, &cases[i].text, &e);
        assert_true(e.pro - e.contra >= cases[i].least && e.pro - e.contra <= cases[i].most);
    }
}

int main(void)
{
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_value),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_relations),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
