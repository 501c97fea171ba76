// SPDX-License-Identifier: Apache-2.0
// Walking SunSpec devices: honest, unusual and hostile ones.
#include "symbiont/sunspec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "symbiont/units.h"

// A device as an array of registers; what is not in [begin, end) is exception 2.
struct device_under_test {
    uint32_t begin, end;
    uint16_t registers[65536];
    bool silent; // instead of exceptions
    unsigned requests;
};

static struct device_under_test dut;

static void dut_reset(uint32_t begin)
{
    memset(&dut, 0, sizeof dut);
    dut.begin = begin;
    dut.end = begin;
}

static void put(uint16_t value)
{
    dut.registers[dut.end++] = value;
}

static void put_text(const char *text, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint16_t high = i * 2 < strlen(text) ? (uint8_t)text[2 * i] : 0;
        uint16_t low = i * 2 + 1 < strlen(text) ? (uint8_t)text[2 * i + 1] : 0;
        put((uint16_t)(high << 8 | low));
    }
}

static void put_model(uint16_t id, uint16_t length)
{
    put(id);
    put(length);
    for (uint16_t i = 0; i < length; i++)
        put(0);
}

static void put_common(const char *maker, const char *product)
{
    put(1);
    put(66);
    put_text(maker, 16);
    put_text(product, 16);
    put_text("", 8);
    put_text("1.7", 8);
    put_text("SN 42  ", 16);
    put(0);
    put(0);
}

static struct modbus_answer answer_of(const struct modbus_ask *ask, uint8_t *data)
{
    dut.requests++;
    assert_int_equal(ask->function, 3);
    assert_int_equal(ask->unit, 7);
    assert_in_range(ask->count, 1, 125);
    if (ask->address < dut.begin || (uint32_t)ask->address + ask->count > dut.end)
        return dut.silent ? (struct modbus_answer){.verdict = VERDICT_TIMEOUT}
                          : (struct modbus_answer){.verdict = VERDICT_EXCEPTION, .exception = 2};
    for (size_t i = 0; i < ask->count; i++) {
        data[2 * i] = (uint8_t)(dut.registers[ask->address + i] >> 8);
        data[2 * i + 1] = (uint8_t)dut.registers[ask->address + i];
    }
    return (struct modbus_answer){.verdict = VERDICT_ANSWER, .data = data, .n = (size_t)2 * ask->count};
}

static const uint16_t meter_models[] = {201, 202, 203, 204};

static struct sunspec walk(unsigned instance)
{
    struct sunspec s;
    struct modbus_ask ask = {.unit = 7};
    uint8_t data[250];
    struct sunspec_want want = {.models = meter_models, .n = 4, .words = 107, .instance = instance};
    sunspec_start(&s, &want);
    dut.requests = 0;
    while (sunspec_next(&s, &ask) == SUNSPEC_ASK) {
        struct modbus_answer a = answer_of(&ask, data);
        sunspec_answer(&s, &a);
        if (dut.requests > 200)
            fail_msg("the walk does not end");
    }
    return s;
}

static void fails(const char *why)
{
    struct sunspec s = walk(0);
    assert_int_equal(s.state, SUNSPEC_FAILED);
    assert_string_equal(s.why, why);
}

// As a Veris E51C2: model 203 at 40069 (SolarNetwork node, test-data-203-01).
static void a_meter_at_the_usual_place(void **state)
{
    (void)state;
    dut_reset(40000);
    put_text("SunS", 2);
    put(1);
    put(65);
    put_text("Veris Industries", 16);
    put_text("E51C2", 16);
    put_text("", 8);
    put_text("2.104", 8);
    put_text("4e3c", 16);
    put(1);
    put_model(203, 105);
    put_model(0xFFFF, 0);
    struct sunspec s = walk(0);
    assert_int_equal(s.state, SUNSPEC_FOUND);
    assert_int_equal(s.base, 40069);
    assert_int_equal(s.model, 203);
    assert_int_equal(s.words, 107);
    assert_string_equal(s.manufacturer, "Veris Industries");
    assert_string_equal(s.product, "E51C2");
    assert_string_equal(s.version, "2.104");
    assert_string_equal(s.serial, "4e3c");
    assert_int_equal(dut.requests, 4);
}

static void other_places_and_models_on_the_way(void **state)
{
    (void)state;
    for (int place = 0; place < 2; place++)
        for (int silent = 0; silent < 2; silent++) {
            dut_reset(place ? 0 : 50000);
            dut.silent = silent;
            put_text("SunS", 2);
            put_common("Fronius", "Smart Meter 63A");
            put_model(103, 50);
            put_model(120, 26);
            put_model(204, 105);
            put_model(0xFFFF, 0);
            struct sunspec s = walk(0);
            assert_int_equal(s.state, SUNSPEC_FOUND);
            assert_int_equal(s.base, (place ? 0 : 50000) + 2 + 68 + 52 + 28);
            assert_string_equal(s.serial, "SN 42");
        }
}

static void the_second_meter_behind_an_inverter(void **state)
{
    (void)state;
    dut_reset(40000);
    put_text("SunS", 2);
    put_common("SolarEdge", "SE10K");
    put_model(103, 50);
    put_common("WattNode", "first");
    put_model(203, 105);
    put_common("WattNode", "second");
    put_model(202, 105);
    put_model(0xFFFF, 0);
    struct sunspec s = walk(0);
    assert_string_equal(s.product, "first");
    assert_int_equal(s.model, 203);
    s = walk(1);
    assert_int_equal(s.state, SUNSPEC_FOUND);
    assert_string_equal(s.product, "second");
    assert_int_equal(s.model, 202);
    s = walk(2);
    assert_int_equal(s.state, SUNSPEC_FAILED);
    assert_string_equal(s.why, "it has only 2 of the models looked for");
}

static void devices_without_the_model(void **state)
{
    (void)state;
    dut_reset(40000);
    fails("no SunSpec marker at 40000, 50000 or 0");
    dut.silent = true;
    fails("no answer at 40000, 50000 and 0, where SunSpec begins");
    dut_reset(40000);
    put_text("SunT", 2);
    fails("no SunSpec marker at 40000, 50000 or 0");

    dut_reset(40000);
    put_text("SunS", 2);
    put_common("a", "b");
    put_model(103, 50);
    put_model(213, 124);
    put_model(0xFFFF, 0);
    fails("none of its models is looked for; it has 1, 103, 213");

    dut_reset(40000);
    put_text("SunS", 2);
    put_model(0xFFFF, 0);
    fails("none of its models is looked for; it has none");
}

static void hostile_and_broken_chains(void **state)
{
    (void)state;
    dut_reset(40000);
    put_text("SunS", 2);
    put_model(103, 0);
    put_model(203, 105);
    fails("model 103 at 40002 says it has 0 registers");

    dut_reset(40000);
    put_text("SunS", 2);
    put(103);
    put(0xFFFF);
    fails("model 103 at 40002 says it has 65535 registers");

    dut_reset(40000);
    put_text("SunS", 2);
    put(103);
    put(25531);
    dut.end = 65536;
    fails("model 103 at 40002 says it has 25531 registers, beyond the last address");

    dut_reset(40000);
    put_text("SunS", 2);
    put_model(203, 60);
    fails("model 203 at 40002 has 62 registers; the profile's points reach to 107");

    dut_reset(40000);
    put_text("SunS", 2);
    put_model(103, 50);
    fails("the chain of models breaks off at 40054: exception 2 (illegal data address)");
    dut.silent = true;
    fails("no good answer at 40054, within the chain of models");

    dut_reset(0);
    put_text("SunS", 2);
    for (int i = 0; i < 100; i++)
        put_model(64000, 1);
    fails("more than 64 models");
    assert_true(dut.requests < 80);

    // A common model that is too short for its texts, and one that cannot be read: passed over.
    dut_reset(40000);
    put_text("SunS", 2);
    put_model(1, 10);
    put_model(201, 105);
    assert_int_equal(walk(0).base, 40014);
    dut_reset(65400);
    struct sunspec s;
    struct modbus_ask ask = {.unit = 7};
    struct sunspec_want want = {.models = meter_models, .n = 4};
    sunspec_start(&s, &want);
    const uint8_t suns[] = "SunS", common[] = {0, 1, 0, 66}, meter[] = {0, 201, 0, 105};
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = suns, .n = 4});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = common, .n = 4});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_ASK);
    assert_int_equal(ask.count, 64);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_TIMEOUT});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = meter, .n = 4});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FOUND);
    assert_string_equal(s.manufacturer, "");
    assert_int_equal(s.base, 40070);
}

static void answers_of_another_length(void **state)
{
    (void)state;
    struct sunspec s;
    struct modbus_ask ask = {.unit = 7};
    struct sunspec_want want = {.models = meter_models, .n = 4};
    const uint8_t suns[] = "SunS", common[] = {0, 1, 0, 66}, text[128] = "Veris";
    // Half a marker is none: on to the next place.
    sunspec_start(&s, &want);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = suns, .n = 2});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_ASK);
    assert_int_equal(ask.address, 50000);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = suns, .n = 4});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = common, .n = 4});
    // Of texts that are cut short the whole ones are known.
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = text, .n = 40});
    assert_string_equal(s.manufacturer, "Veris");
    assert_string_equal(s.product, "");
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = common, .n = 3});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FAILED);
    assert_string_equal(s.why, "an answer of 3 bytes instead of 4 at 50070");
    // What comes afterwards changes nothing.
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = suns, .n = 4});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FAILED);
}

static void models_at_the_end_of_the_addresses(void **state)
{
    (void)state;
    // A common model whose texts would lie beyond the last register is not asked for them.
    struct sunspec s;
    struct modbus_ask ask = {.unit = 7};
    struct sunspec_want want = {.models = meter_models, .n = 4};
    const uint8_t suns[] = "SunS", step[] = {1, 0, 25000 >> 8, 25000 & 255},
                  rest[] = {1, 0, 470 >> 8, 470 & 255}, common[] = {0, 1, 0, 66};
    sunspec_start(&s, &want);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = suns, .n = 4});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = step, .n = 4});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = rest, .n = 4});
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = common, .n = 4});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FAILED);
    assert_string_equal(s.why, "model 1 at 65476 says it has 66 registers, beyond the last address");
    // A list of models is told as far as there is room for it.
    dut_reset(40000);
    put_text("SunS", 2);
    for (int i = 0; i < 40; i++)
        put_model((uint16_t)(64000 + i), 1);
    put(0xFFFF);
    put(0);
    s = walk(0);
    assert_int_equal(s.state, SUNSPEC_FAILED);
    assert_non_null(strstr(s.why, "it has 64000, 64001, "));
    assert_null(strstr(s.why, "64039"));
    // What the points of a profile reach to, derived ones apart, stays an address.
    struct point points[] = {{.type = POINT_DERIVED, .address = 500, .words = 9},
                             {.type = POINT_UINT32, .address = 65535, .words = 2}};
    struct device device = {.points = points, .n = 1};
    assert_int_equal(sunspec_want_of(&device).words, 2);
    device.n = 2;
    assert_int_equal(sunspec_want_of(&device).words, UINT16_MAX);
}

static void a_lost_connection_ends_the_walk(void **state)
{
    (void)state;
    struct sunspec s;
    struct sunspec_want want = {.models = meter_models, .n = 4};
    struct modbus_ask ask;
    sunspec_start(&s, &want);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_NO_CONNECTION});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FAILED);
    assert_string_equal(s.why, "no connection");
    sunspec_start(&s, &want);
    sunspec_answer(&s, &(struct modbus_answer){.verdict = VERDICT_CANCELLED});
    assert_int_equal(sunspec_next(&s, &ask), SUNSPEC_FAILED);
}

// ---- Through the shipped profiles ----

static const struct section nothing = {"nothing", sizeof(struct settings), (const struct option[]){{0}},
                                       NULL};

static double reading(const struct device *d, const struct value *out, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0) {
            assert_int_equal(out[i].reason, REASON_GOOD);
            return out[i].number;
        }
    fail_msg("no point %s", name);
    return 0;
}

static void a_captured_meter_reads_as_asserted(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct config *owner = config_read_text("", "x", &nothing, d);
    struct device_request r = {.profile = "sunspec-meter-int", .subject = "meter"};
    const struct device *device = device_compile(owner, &(struct profile_path){{"conf/profiles"}}, &r, d);
    assert_non_null(device);
    struct sunspec_want want = sunspec_want_of(device);
    assert_int_equal(want.words, 107);
    assert_int_equal(want.n, 4);
    // Registers of a Veris E51C2 at base 40069 (SolarNetwork node, IntegerMeterModelAccessor_203_01Tests).
    static const struct {
        uint16_t address, value;
    } captured[] = {{40071, 0x14E4}, {40075, 0xFFFE}, {40076, 0x0334}, {40084, 0xFFFF}, {40085, 0x1771},
                    {40086, 0xFFFE}, {40088, 0x0148}, {40091, 0x0001}, {40097, 0xFFB1}, {40101, 0x0001},
                    {40115, 0x0001}, {40116, 0x6227}, {40123, 0x0001}};
    uint16_t registers[107] = {0};
    for (size_t i = 0; i < sizeof captured / sizeof captured[0]; i++)
        registers[captured[i].address - 40069] = captured[i].value;
    struct value raw[128], out[128];
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        uint8_t data[4];
        for (size_t w = 0; w < p->words; w++) {
            data[2 * w] = (uint8_t)(registers[p->address + w] >> 8);
            data[2 * w + 1] = (uint8_t)registers[p->address + w];
        }
        raw[i] = point_raw(p, p->order, data);
    }
    points_finish(device->points, device->n, raw, NULL, out);
    assert_true(reading(device, out, "current") == 53.48);
    assert_true(reading(device, out, "voltage") == 82);
    assert_true(reading(device, out, "frequency") == 60.01);
    assert_true(reading(device, out, "active_power_l1") == 3.28);
    assert_true(reading(device, out, "reactive_power") == -0.79);
    assert_true(reading(device, out, "active_energy_import") == 906.63);
    config_free(owner);
    diagnostics_free(d);
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
        cmocka_unit_test(a_meter_at_the_usual_place),
        cmocka_unit_test(other_places_and_models_on_the_way),
        cmocka_unit_test(the_second_meter_behind_an_inverter),
        cmocka_unit_test(devices_without_the_model),
        cmocka_unit_test(hostile_and_broken_chains),
        cmocka_unit_test(answers_of_another_length),
        cmocka_unit_test(models_at_the_end_of_the_addresses),
        cmocka_unit_test(a_lost_connection_ends_the_walk),
        cmocka_unit_test(a_captured_meter_reads_as_asserted),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
