// SPDX-License-Identifier: Apache-2.0
// Values of a simulated meter: over time, and into registers, which the daemon's own decoder must read back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulator/sim.h"
#include "simulator/sim_sunspec.h"

static void near_at(double a, double b, double most, const char *file, int line)
{
    if (!(fabs(a - b) <= most)) {
        print_error("%.17g is not %.17g within %g\n", a, b, most);
        _fail(file, line);
    }
}
#define assert_near(a, b, most) near_at((a), (b), (most), __FILE__, __LINE__)

// ---- Over time ----

static void a_day_is_straight_lines_and_wraps(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        double value;
    } rows[] = {{"06:00", 10}, {"07:00", 45}, {"08:00", 80}, {"20:00", 80},
                {"22:00", 45}, {"00:00", 10}, {"03:00", 10}};
    char *items[] = {"00:00 10", "06:00 10.0", "08:00 80", "20:00  80"};
    struct sim_series s;
    char why[200];
    assert_true(sim_series_of_day(&s, items, 4, why, sizeof why));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double t;
        assert_true(sim_time_of_day(rows[i].time, &t));
        assert_near(sim_series_at(&s, t), rows[i].value, 1e-9);
        assert_near(sim_series_at(&s, t + 3 * 86400.0), rows[i].value, 1e-6);
    }
    sim_series_free(&s);

    // Before its first moment it comes from its last.
    char *late[] = {"06:00 0", "18:00 100"};
    assert_true(sim_series_of_day(&s, late, 2, why, sizeof why));
    assert_near(sim_series_at(&s, 0), 50, 1e-9);
    sim_series_free(&s);
}

static void a_bad_curve_is_named(void **state)
{
    (void)state;
    static const struct {
        char *items[2];
        const char *why;
    } rows[] = {
        {{"00:00 10", "25:00 4"}, "\"25:00 4\" is not like \"06:00 10.5\": a time of day and a number"},
        {{"00:00 10", "6:00"}, "\"6:00\" is not like \"06:00 10.5\": a time of day and a number"},
        {{"00:00 10", "06:00 ten"}, "\"06:00 ten\" is not like \"06:00 10.5\": a time of day and a number"},
        {{"06:00 10", "06:00 11"},
         "\"06:00 11\" is not later than \"06:00 10\": a curve goes forward from 00:00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_series s;
        char why[200];
        assert_false(sim_series_of_day(&s, rows[i].items, 2, why, sizeof why));
        assert_string_equal(why, rows[i].why);
        sim_series_free(&s);
    }
}

static void noise_is_even_bounded_and_repeatable(void **state)
{
    (void)state;
    struct sim_rule r = sim_rule_steady;
    r.value = 100;
    r.noise = 2;
    r.weekend = 0.5;
    double sum = 0, least = 1e9, most = -1e9;
    for (int i = 0; i < 10000; i++) {
        struct sim_moment at = {.elapsed = i * 0.1, .seed = 42};
        double v = sim_rule_value(&r, &at, (double[]){0, 0, 1});
        assert_near(v, sim_rule_value(&r, &at, (double[]){0, 0, 1}), 0);
        sum += v;
        least = fmin(least, v);
        most = fmax(most, v);
    }
    assert_near(sum / 10000, 100, 0.1);
    assert_true(least >= 98 && least < 98.05 && most <= 102 && most > 101.95);
    struct sim_moment saturday = {.elapsed = 1, .weekend = true, .seed = 42};
    assert_near(sim_rule_value(&r, &saturday, (double[]){0, 0, 1}), 50, 2);
    r.max = 49;
    r.noise = 0;
    assert_near(sim_rule_value(&r, &saturday, (double[]){0, 0, 1}), 49, 0);
}

static void recordings_are_read_with_their_oddities(void **state)
{
    (void)state;
    static const struct {
        const char *text, *column, *time_column;
        bool good;
        double at, value; // after `at` seconds
    } rows[] = {
        {"date,kW\n01/01/2018 00:15,10\n01/01/2018 00:30,20\n", "kW", "date", true, 450, 15},
        {"\"date\";\"kW\"\r\n2018-01-01 00:15;10\r\n2018-01-01 00:30:00;20\r\n", "kW", "date", true, 450, 15},
        {"t,kW\n0,10\n900,\n1800,30\n", "2", "t", true, 900, 20},
        {"kW\n10\n20\n30\n", "kW", NULL, true, 90, 25},
        // A clock put back by an hour: the rows until it has caught up are left out.
        {"t,kW\n0,10\n100,20\n50,999\n200,30\n", "kW", "t", true, 150, 25},
        {"t,kW\n0,10\n100,20\n", "MW", "t", false, 0, 0},
        {"t,kW\n0,10\n", "kW", "t", false, 0, 0},
        {"", "kW", "t", false, 0, 0},
    };
    char path[] = "/tmp/test_simulator_csv_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].text);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, rows[i].text, n, 0), (ssize_t)n);
        struct sim_csv c = {path, rows[i].column, rows[i].time_column, 60, false, false};
        struct sim_series s;
        char why[300];
        assert_int_equal(sim_series_of_csv(&s, &c, why, sizeof why), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_near(sim_series_at(&s, rows[i].at), rows[i].value, 1e-9);
        sim_series_free(&s);
    }
    close(fd);
    unlink(path);
}

// ---- A device: points by hand, as a profile compiles them ----

static struct point a_point(const char *name, const char *quantity, enum point_type type, uint16_t address)
{
    struct point p = {
        .name = name,
        .quantity = quantity_find(quantity),
        .table = TABLE_HOLDING,
        .type = (uint8_t)type,
        .words = (uint8_t)point_type_words(type),
        .address = address,
        .bit = -1,
        .min = -INFINITY,
        .max = INFINITY,
        .exponent_point = POINT_NONE,
        .factor_point = POINT_NONE,
        .sign_point = POINT_NONE,
        .add_point = POINT_NONE,
        .order_point = POINT_NONE,
    };
    p.unit = unit_find(p.quantity->unit);
    point_scale(&p, 1, 0);
    return p;
}

#define NO_GAPS .limits = {.max_registers = 125, .max_bits = 2000, .max_gap = 0}

// What the daemon reads out of the image.
static void decode(const struct sim_layout *l, const struct sim_image *image, struct value *out)
{
    const struct device *d = l->device;
    struct value raw[16];
    for (size_t i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];
        const uint8_t *at = sim_image_at(image, p->table, l->base + p->address, p->words);
        uint8_t order = p->order;
        assert_non_null(at);
        // What says the order is read first here: it has a lower index in these tests.
        point_order(d->points, i, raw, NULL, &order);
        raw[i] = point_raw(p, order, at);
    }
    points_finish(d->points, d->n, raw, NULL, out);
}

struct bench {
    struct sim_layout layout;
    struct sim_image image;
    struct sim_value values[16];
    struct value read[16];
};

static void given(struct sim_rule *r, double value)
{
    r->given = true;
    r->value = value;
}

static struct sim_rule *steady_rules(size_t n)
{
    struct sim_rule *rules = calloc(n, sizeof *rules);
    for (size_t i = 0; i < n; i++)
        rules[i] = sim_rule_steady;
    return rules;
}

static void lay_out(struct bench *b, const struct device *d, struct sim_rule *rules)
{
    char why[200];
    *b = (struct bench){0};
    if (!sim_layout_make(&b->layout, d, rules, why, sizeof why))
        fail_msg("%s", why);
    assert_int_equal(sim_layout_registers(&b->layout, 0, &b->image), 0);
    sim_layout_begin(&b->layout, b->values);
    assert_int_equal(sim_layout_write(&b->layout, b->values, &b->image), 0);
    decode(&b->layout, &b->image, b->read);
}

static void take_away(struct bench *b)
{
    sim_layout_free(&b->layout);
    sim_image_free(&b->image);
}

static void plausible_values_read_back(void **state)
{
    (void)state;
    struct point points[] = {
        a_point("voltage_l1", "voltage", POINT_FLOAT32, 0),
        a_point("active_power", "active_power", POINT_INT32, 2),
        a_point("frequency", "frequency", POINT_UINT16, 4),
        a_point("active_energy_import", "active_energy_import", POINT_UINT64, 5),
        a_point("fill_level", "fill_level", POINT_LOW_BYTE, 9),
        a_point("serial_number", "serial_number", POINT_STRING, 10),
    };
    point_scale(&points[1], 0.001, 0);
    point_scale(&points[2], 0.01, 0);
    points[4].order = ORDER_BYTE_SWAP;
    points[5].words = 4;
    const struct device d = {.points = points, .n = 6, NO_GAPS};
    struct sim_rule *rules = steady_rules(6);
    given(&rules[1], 12.345);
    given(&rules[4], 99);
    rules[5].text = "SN 4711";
    struct bench b;
    lay_out(&b, &d, rules);
    static const double expected[] = {230, 12.345, 50, 12345, 99};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(b.read[i].reason, REASON_GOOD);
        assert_near(b.read[i].number, expected[i], 1e-9);
    }
    char text[16];
    point_string(&points[5], sim_image_at(&b.image, TABLE_HOLDING, 10, 4), text);
    assert_string_equal(text, "SN 4711");
    assert_int_equal(b.image.n[TABLE_HOLDING], 1);
    take_away(&b);
}

static void scale_factors_are_chosen_so_that_values_fit(void **state)
{
    (void)state;
    struct point points[] = {
        a_point("voltage_sf", "number", POINT_INT16, 0),
        a_point("voltage_l1", "voltage", POINT_INT16, 1),
        a_point("power_sf", "number", POINT_INT16, 2),
        a_point("active_power", "active_power", POINT_INT16, 3),
        a_point("unit_code", "code", POINT_UINT16, 4),
        a_point("volume", "volume", POINT_UINT32, 5),
        a_point("decimals", "number", POINT_UINT16, 7),
        a_point("mass_net", "mass_net", POINT_UINT32, 8),
        a_point("scale_status", "status", POINT_BITS16, 10),
    };
    static const struct code_factor units[] = {{1, 0.001}, {0, 1}};
    points[1].rank = points[3].rank = points[5].rank = points[7].rank = 1;
    points[1].exponent_point = 0;
    points[3].exponent_point = 2;
    points[1].exponent_sign = points[3].exponent_sign = 1;
    point_scale(&points[3], 0.001, 0); // watts
    points[5].factor_point = 4;
    points[5].factor_map = units;
    points[5].factor_count = 2;
    points[7].exponent_point = 6;
    points[7].exponent_sign = -1;
    points[7].sign_point = 8;
    points[7].sign_mask = 0x0002;
    const struct device d = {.points = points, .n = 9, NO_GAPS};
    struct sim_rule *rules = steady_rules(9);
    given(&rules[3], 1250); // 1.25 MW does not fit a signed register in watts
    given(&rules[7], -12.5);
    given(&rules[8], 0x0104);
    struct bench b;
    lay_out(&b, &d, rules);
    assert_near(b.read[1].number, 230, 0.01);
    assert_near(b.read[3].number, 1250, 0.1);
    assert_near(b.read[4].number, 0, 0); // m3, not litres
    assert_near(b.read[5].number, 12345, 1e-9);
    assert_near(b.read[7].number, -12.5, 1e-9);
    assert_near(b.read[8].number, 0x0106, 0); // the sign bit besides its own
    // Positive again: the bit goes.
    b.values[7].number = 12.5;
    assert_int_equal(sim_layout_write(&b.layout, b.values, &b.image), 0);
    decode(&b.layout, &b.image, b.read);
    assert_near(b.read[7].number, 12.5, 1e-9);
    assert_near(b.read[8].number, 0x0104, 0);
    take_away(&b);
}

static void fractions_and_reported_orders_read_back(void **state)
{
    (void)state;
    struct point points[] = {
        a_point("order_code", "code", POINT_UINT16, 0),
        a_point("volume_fraction", "volume", POINT_FLOAT32, 1),
        a_point("volume", "volume", POINT_INT32, 3),
        a_point("volume_flow", "volume_flow", POINT_FLOAT32, 5),
        a_point("empty_pipe", "running", POINT_BOOL, 7),
        a_point("no_signal", "running", POINT_BOOL, 7),
        a_point("error_bits", "error_bits", POINT_BITS16, 7),
    };
    points[2].rank = points[3].rank = 1;
    points[2].add_point = 1;
    points[3].order_point = 0;
    points[3].order_code = 0;
    points[4].bit = 3;
    points[5].bit = 0;
    const struct device d = {.points = points, .n = 7, NO_GAPS};
    struct sim_rule *rules = steady_rules(7);
    given(&rules[2], 4711.25);
    given(&rules[3], 12.5);
    given(&rules[4], 1);
    given(&rules[6], 0x8001);
    struct bench b;
    lay_out(&b, &d, rules);
    assert_near(b.read[1].number, 0.25, 1e-6);
    assert_near(b.read[2].number, 4711.25, 1e-6);
    assert_near(b.read[3].number, 12.5, 0);
    assert_near(b.read[4].number, 1, 0);
    assert_near(b.read[5].number, 1, 0); // nobody gave it a value: the register's
    assert_near(b.read[6].number, 0x8009, 0);
    take_away(&b);
}

static void totals_are_the_integral_of_their_power(void **state)
{
    (void)state;
    struct point points[] = {
        a_point("active_energy_import", "active_energy_import", POINT_FLOAT64, 0),
        a_point("active_power", "active_power", POINT_FLOAT64, 4),
        a_point("current_l1", "current", POINT_FLOAT64, 8),
    };
    points[0].modulus = 1000;
    const struct device d = {.points = points, .n = 3, NO_GAPS};
    struct sim_rule *rules = steady_rules(3);
    char *items[] = {"00:00 0", "12:00 120"}, why[200];
    given(&rules[0], 990);
    rules[0].kind = SIM_COUNTER;
    rules[0].of = 1;
    rules[0].factor = 1 / 3600.0;
    given(&rules[1], 0);
    rules[1].kind = SIM_DAY;
    assert_true(sim_series_of_day(&rules[1].series, items, 2, why, sizeof why));
    given(&rules[2], 1);
    rules[2].kind = SIM_FORMULA;
    rules[2].of = 1;
    rules[2].factor = 1.5;
    struct bench b;
    lay_out(&b, &d, rules);
    assert_true(b.layout.live && b.layout.counters);
    // From midnight to 01:00 the power climbs from 0 to 10 kW: 5 kWh. Then to 02:00: 15 kWh more.
    sim_layout_advance(&b.layout, b.values, &(struct sim_moment){.second_of_day = 0}, 0);
    assert_near(b.values[0].number, 990, 1e-9);
    sim_layout_advance(&b.layout, b.values, &(struct sim_moment){.second_of_day = 3600}, 3600);
    assert_near(b.values[0].number, 995, 1e-9);
    assert_near(b.values[2].number, 16, 1e-9);
    sim_layout_advance(&b.layout, b.values, &(struct sim_moment){.second_of_day = 7200}, 3600);
    assert_near(b.values[0].number, 10, 1e-9); // 1010, wrapped
    take_away(&b);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct point points[] = {a_point("voltage_l1", "voltage", POINT_UINT16, 0),
                             a_point("voltage_l2", "voltage", POINT_UINT16, 1)};
    const struct device d = {.points = points, .n = 2, NO_GAPS};
    struct sim_layout l;
    char why[200];
    struct sim_rule *rules = steady_rules(2);
    given(&rules[1], 70000);
    assert_false(sim_layout_make(&l, &d, rules, why, sizeof why));
    assert_string_equal(why, "point \"voltage_l2\": its registers cannot hold 70000");
    sim_layout_free(&l);

    rules = steady_rules(2);
    rules[0].given = rules[1].given = true;
    rules[0].kind = rules[1].kind = SIM_FORMULA;
    rules[0].of = 1;
    rules[1].of = 0;
    assert_false(sim_layout_make(&l, &d, rules, why, sizeof why));
    assert_string_equal(why, "the value of point \"voltage_l1\" depends on itself");
    sim_layout_free(&l);
}

static void sunspec_models_can_be_walked(void **state)
{
    (void)state;
    struct point points[] = {a_point("current", "current", POINT_FLOAT32, 2),
                             a_point("active_power", "active_power", POINT_FLOAT32, 26)};
    const struct device d = {
        .points = points, .n = 2, .sunspec = true, .vendor = "Acme", .model = "M1", NO_GAPS};
    struct bench b;
    lay_out(&b, &d, steady_rules(2));
    const uint8_t *at = sim_image_at(&b.image, TABLE_HOLDING, 40000, 2);
    assert_memory_equal(at, "SunS", 4);
    // Model after model: id, length.
    static const uint16_t models[][2] = {{1, 66}, {213, 124}, {0xffff, 0}};
    uint32_t address = 40002;
    for (size_t i = 0; i < 3; i++) {
        at = sim_image_at(&b.image, TABLE_HOLDING, address, 2);
        assert_non_null(at);
        assert_int_equal(at[0] << 8 | at[1], models[i][0]);
        assert_int_equal(at[2] << 8 | at[3], models[i][1]);
        address += 2u + models[i][1];
    }
    assert_memory_equal(sim_image_at(&b.image, TABLE_HOLDING, 40004, 2), "Acme", 4);
    assert_memory_equal(sim_image_at(&b.image, TABLE_HOLDING, 40020, 1), "M1", 2);
    assert_near(b.read[0].number, 60, 1e-9);
    take_away(&b);
}

// ---- In a running plant ----

static void an_encoding_meter_counts_its_reads(void **state)
{
    (void)state;
    struct point points[] = {a_point("total", "number", POINT_UINT32, 4),
                             a_point("wide", "number", POINT_UINT64, 6)};
    const struct device d = {.points = points, .n = 2, NO_GAPS};
    char why[200];
    struct loop *loop = loop_new();
    struct simulator *s = simulator_new(loop, &(struct simulator_settings){.seed = 1});
    int line = simulator_line(
        s, &(struct simulator_line){.name = "hall", .listen = "127.0.0.1:0", .ports = 2}, why, sizeof why);
    assert_int_equal(simulator_meter(s,
                                     &(struct simulator_meter){.name = "boiler",
                                                               .line = line,
                                                               .unit_id = 1,
                                                               .copies = 3,
                                                               .device = &d,
                                                               .encode = true,
                                                               .number = 100},
                                     why, sizeof why),
                     0);
    if (simulator_start(s, why, sizeof why) < 0)
        fail_msg("%s", why);
    assert_int_not_equal(simulator_port(s, line, 0), simulator_port(s, line, 1));
    struct sim_meter *m = s->lines[line]->ports[1].units[2]; // the fifth of six
    assert_string_equal(m->name, "boiler_4");
    struct sim_request q = {.unit = 2, .function = 3, .address = 4, .count = 6, .read = true};
    uint8_t pdu[SIM_PDU_MAX];
    for (uint64_t read = 1; read <= 3; read++) {
        assert_int_equal(sim_meter_read(m, &q, mono_now(), pdu), 14);
        assert_near(point_raw(&points[0], 0, pdu + 2).number, 104 * 1e6 + 2 * 1e5 + (double)read, 0);
        assert_near(point_raw(&points[1], 0, pdu + 6).number, 104 * 1e11 + 6 * 1e8 + (double)read, 0);
    }
    // Only what is read whole counts.
    q.count = 3;
    sim_meter_read(m, &q, mono_now(), pdu);
    q.count = 6;
    sim_meter_read(m, &q, mono_now(), pdu);
    assert_near(point_raw(&points[0], 0, pdu + 2).number, 104 * 1e6 + 2 * 1e5 + 5, 0);
    assert_near(point_raw(&points[1], 0, pdu + 6).number, 104 * 1e11 + 6 * 1e8 + 4, 0);
    simulator_free(s);
    loop_free(loop);
}

static void encoded_numbers_survive_their_type(void **state)
{
    (void)state;
    for (int type = POINT_INT16; type <= POINT_T6; type++) {
        struct point p = a_point("number", "number", (enum point_type)type, 8);
        uint8_t data[16] = {0};
        p.bit = 0;
        for (uint64_t read = 0; read < 2000000000; read = read * 3 + 7) {
            double raw = simulator_encoded((enum point_type)type, 4294967295u - (uint32_t)read, 65535, read);
            assert_true(point_encode(&p, raw, data));
            assert_near(point_raw(&p, 0, data).number, raw, 0);
        }
    }
}

static void a_value_can_be_held_by_order(void **state)
{
    (void)state;
    struct point points[] = {a_point("voltage_l1", "voltage", POINT_UINT16, 0)};
    const struct device d = {.points = points, .n = 1, NO_GAPS};
    char why[200];
    struct loop *loop = loop_new();
    struct buf answer = {0};
    struct simulator *s = simulator_new(loop, &(struct simulator_settings){.seed = 1, .start = "mon 06:00"});
    assert_non_null(s);
    int line =
        simulator_line(s, &(struct simulator_line){.name = "hall", .listen = "127.0.0.1:0"}, why, sizeof why);
    simulator_meter(s, &(struct simulator_meter){.name = "boiler", .line = line, .unit_id = 1, .device = &d},
                    why, sizeof why);
    if (simulator_start(s, why, sizeof why) < 0)
        fail_msg("%s", why);
    const uint8_t *at = sim_image_at(&s->meters->image, TABLE_HOLDING, 0, 1);
    assert_int_equal(at[0] << 8 | at[1], 230);
    assert_true(simulator_command(s, "value boiler voltage_l1 17", &answer));
    assert_int_equal(at[0] << 8 | at[1], 17);
    assert_false(simulator_command(s, "value boiler voltage_l1 70000", &answer));
    assert_false(simulator_command(s, "value boiler voltage_l9 7", &answer));
    assert_int_equal(at[0] << 8 | at[1], 17);
    assert_null(simulator_new(loop, &(struct simulator_settings){.start = "moon 06:00"}));
    buf_free(&answer);
    simulator_free(s);
    loop_free(loop);
}

static int open_units(void **state)
{
    char why[200];
    (void)state;
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_straight_lines_and_wraps),
        cmocka_unit_test(a_bad_curve_is_named),
        cmocka_unit_test(noise_is_even_bounded_and_repeatable),
        cmocka_unit_test(recordings_are_read_with_their_oddities),
        cmocka_unit_test(plausible_values_read_back),
        cmocka_unit_test(scale_factors_are_chosen_so_that_values_fit),
        cmocka_unit_test(fractions_and_reported_orders_read_back),
        cmocka_unit_test(totals_are_the_integral_of_their_power),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(sunspec_models_can_be_walked),
        cmocka_unit_test(an_encoding_meter_counts_its_reads),
        cmocka_unit_test(encoded_numbers_survive_their_type),
        cmocka_unit_test(a_value_can_be_held_by_order),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
