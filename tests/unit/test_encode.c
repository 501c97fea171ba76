// SPDX-License-Identifier: Apache-2.0
// The bytes that receivers get: JSON state, meta, gaps, line protocol and its escapes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>
#include "symbiont/encode.h"

#define GOOD(x)                                                                                              \
    {                                                                                                        \
        .number = (x), .reason = REASON_GOOD                                                                 \
    }
#define BAD(r)                                                                                               \
    {                                                                                                        \
        .reason = (r)                                                                                        \
    }
#define POINT(n, ...)                                                                                        \
    {                                                                                                        \
        .name = (n), .min = -INFINITY, .max = INFINITY, __VA_ARGS__                                          \
    }

static const struct point points[] = {
    POINT("active_power", .single = true),
    POINT("active_energy_import"),
    POINT("state", .integer = true),
    POINT("scale_factor", .hidden = true),
    POINT("flow_temperature"),
    POINT("serial_number", .type = POINT_STRING),
};
#define N (sizeof points / sizeof points[0])

static const struct meter_info meter = {.name = "boiler_2", .points = points, .n = N, .every_ns = NS_PER_S};

static struct reading reading_of(const struct value *values)
{
    return (struct reading){
        .meter = &meter, .time = {1764000000123}, .epoch = 7, .seq = 4711, .values = values};
}

static char *state(const struct reading *r, const struct encode_window *w, struct buf *b)
{
    buf_reset(b);
    encode_json_state(b, r, w);
    return (char *)(uintptr_t)buf_text(b);
}

static void state_holds_what_was_read(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(230.2f), GOOD(123456.789), GOOD(3),
                              GOOD(-2),     GOOD(61.5),       BAD(REASON_NOT_DUE)};
    struct reading r = reading_of(values);
    struct buf b = {0};
    assert_string_equal(state(&r, NULL, &b),
                        "{\"ts\":1764000000123,\"epoch\":7,\"seq\":4711,\"active_power\":230.2,"
                        "\"active_energy_import\":123456.789,\"state\":3,"
                        "\"flow_temperature\":61.5}");
    buf_free(&b);
}

static void state_names_what_could_not_be_read(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(1),
                              BAD(REASON_TIMEOUT),
                              BAD(REASON_NOT_DUE),
                              BAD(REASON_TIMEOUT),
                              {.reason = REASON_EXCEPTION, .exception = 2},
                              BAD(REASON_NOT_DUE)};
    struct reading r = reading_of(values);
    r.maintenance = true;
    struct buf b = {0};
    assert_string_equal(
        state(&r, NULL, &b),
        "{\"ts\":1764000000123,\"epoch\":7,\"seq\":4711,\"maintenance\":true,\"active_power\":1,"
        "\"bad\":{\"active_energy_import\":\"timeout\","
        "\"flow_temperature\":\"exception 2 (illegal data address)\"}}");
    buf_free(&b);
}

static void state_never_shows_a_non_number(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(NAN),           GOOD(INFINITY),      BAD(REASON_NOT_DUE),
                              BAD(REASON_NOT_DUE), BAD(REASON_NOT_DUE), BAD(REASON_NOT_DUE)};
    struct reading r = reading_of(values);
    struct buf b = {0};
    assert_string_equal(
        state(&r, NULL, &b),
        "{\"ts\":1764000000123,\"epoch\":7,\"seq\":4711,\"bad\":{\"active_power\":\"not available\","
        "\"active_energy_import\":\"not available\"}}");
    buf_free(&b);
}

static void state_with_nothing_to_tell_is_no_message(void **unused)
{
    (void)unused;
    struct value values[N];
    for (size_t i = 0; i < N; i++)
        values[i] = (struct value)BAD(REASON_NOT_DUE);
    values[3] = (struct value)GOOD(4); // hidden
    struct reading r = reading_of(values);
    struct buf b = {0};
    buf_puts(&b, "before");
    assert_int_equal(encode_json_state(&b, &r, NULL), 0);
    assert_string_equal(buf_text(&b), "before");
    buf_free(&b);
}

static void state_carries_text_and_its_window(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(2.5),           BAD(REASON_NOT_DUE), BAD(REASON_NOT_DUE),
                              BAD(REASON_NOT_DUE), BAD(REASON_NOT_DUE), GOOD(0)};
    const char *texts[N] = {[5] = "A\"1\\\n"};
    struct reading r = reading_of(values);
    r.texts = texts;
    struct encode_window w = {.from = {1764000000000}, .aggregate = "mean", .readings = 60};
    struct buf b = {0};
    json_error_t error;
    json_t *j = json_loads(state(&r, &w, &b), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "serial_number")), "A\"1\\\n");
    assert_int_equal(json_integer_value(json_object_get(j, "from")), 1764000000000);
    assert_string_equal(json_string_value(json_object_get(j, "aggregate")), "mean");
    assert_int_equal(json_integer_value(json_object_get(j, "readings")), 60);
    json_decref(j);
    buf_free(&b);
}

static void reserved_names(void **unused)
{
    (void)unused;
    assert_true(encode_name_reserved("ts"));
    assert_true(encode_name_reserved("time"));
    assert_true(encode_name_reserved("bad"));
    assert_false(encode_name_reserved("active_power"));
    // Every word the encoder itself writes is in the list.
    struct value values[N] = {GOOD(1), BAD(REASON_TIMEOUT), GOOD(1), GOOD(1), GOOD(1), BAD(REASON_NOT_DUE)};
    struct reading r = reading_of(values);
    r.maintenance = true;
    struct encode_window w = {.aggregate = "max"};
    struct buf b = {0};
    json_t *j = json_loads(state(&r, &w, &b), JSON_REJECT_DUPLICATES, NULL);
    const char *key;
    json_t *value;
    size_t own = 0;
    json_object_foreach(j, key, value)
    {
        bool is_point = false;
        for (size_t i = 0; i < N; i++)
            is_point |= strcmp(points[i].name, key) == 0;
        if (!is_point) {
            assert_true(encode_name_reserved(key));
            own++;
        }
    }
    assert_int_equal(own, 8);
    json_decref(j);
    buf_free(&b);
}

static void meta_explains_the_points(void **unused)
{
    (void)unused;
    static const struct quantity power = {"active_power", "kW", QUANTITY_GAUGE, "power", -1e6, 1e6, ""};
    static const struct quantity energy = {
        "active_energy_import", "kWh", QUANTITY_COUNTER, "energy", 0, 1e11, ""};
    char why[200];
    assert_int_equal(units_open(why, sizeof why), 0);
    const struct point own[] = {
        POINT("active_power_l1", .quantity = &power, .unit = unit_find("kW"), .phase = "l1"),
        {.name = "active_energy_import",
         .quantity = &energy,
         .unit = unit_find("kWh"),
         .integer = true,
         .every_ns = 60 * NS_PER_S,
         .modulus = 1e6,
         .min = 0,
         .max = INFINITY},
        POINT("hidden", .hidden = true),
    };
    struct meter_info m = {.name = "mill",
                           .vendor = "Eastron",
                           .model = "SDM630",
                           .profile = "eastron-sdm630",
                           .points = own,
                           .n = 3,
                           .every_ns = NS_PER_S};
    struct buf b = {0};
    encode_json_meta(&b, &m);
    assert_string_equal(
        buf_text(&b),
        "{\"name\":\"mill\",\"vendor\":\"Eastron\",\"model\":\"SDM630\",\"profile\":\"eastron-sdm630\","
        "\"every_ms\":1000,"
        "\"points\":{\"active_power_l1\":{\"unit\":\"kW\",\"quantity\":\"active_power\",\"kind\":\"gauge\","
        "\"device_class\":\"power\",\"phase\":\"l1\"},\"active_energy_import\":{\"unit\":\"kWh\","
        "\"quantity\":"
        "\"active_energy_import\",\"kind\":\"counter\",\"device_class\":\"energy\",\"integer\":true,\"every_"
        "ms\":60000,"
        "\"modulus\":1000000,\"min\":0}}}");
    buf_free(&b);
}

static void gap_is_told(void **unused)
{
    (void)unused;
    struct outbox_gap gap = {.from = {10}, .to = {20}, .first_id = 3, .last_id = 9, .count = 7};
    struct buf b = {0};
    encode_json_gap(&b, "mqtt", &gap, (struct utc){30});
    assert_string_equal(buf_text(&b),
                        "{\"ts\":30,\"publisher\":\"mqtt\",\"from\":10,\"to\":20,\"messages\":7,"
                        "\"first_id\":3,\"last_id\":9}");
    buf_free(&b);
}

static void line_of_a_reading(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(-230.2f), GOOD(1e20), GOOD(3), GOOD(5), BAD(REASON_TIMEOUT), GOOD(0)};
    const char *texts[N] = {[5] = "text has no field"};
    struct reading r = reading_of(values);
    r.texts = texts;
    struct buf b = {0};
    assert_true(encode_line_reading(&b, "rolling-mill", &r));
    assert_string_equal(buf_text(&b), "meters,meter=boiler_2,site=rolling-mill active_power=-230.2,"
                                      "active_energy_import=1e+20,state=3i 1764000000123\n");
    r.maintenance = true;
    buf_reset(&b);
    assert_true(encode_line_reading(&b, "rolling-mill", &r));
    assert_non_null(strstr(buf_text(&b), ",maintenance=true 1764"));
    buf_free(&b);
}

static void line_without_a_good_field_is_none(void **unused)
{
    (void)unused;
    struct value values[N] = {GOOD(NAN), BAD(REASON_TIMEOUT), GOOD(1e19) /* no int64 */,
                              GOOD(1),   BAD(REASON_NOT_DUE), BAD(REASON_NOT_DUE)};
    struct reading r = reading_of(values);
    r.maintenance = true;
    struct buf b = {0};
    buf_puts(&b, "x");
    assert_false(encode_line_reading(&b, "s", &r));
    assert_string_equal(buf_text(&b), "x");
    buf_free(&b);
}

static void line_escapes(void **unused)
{
    (void)unused;
    struct buf b = {0};
    struct influx_line l = influx_line_begin(&b, "my, mea=s");
    influx_line_tag(&l, "a tag", "v,1 =2\\");
    influx_line_tag(&l, "empty", "");
    influx_line_tag(&l, "none", NULL);
    influx_line_tag(&l, "broken", "a\nb\r");
    influx_line_text(&l, "t,x", "say \"hi\" \\ \n, =");
    influx_line_bool(&l, "b", false);
    influx_line_integer(&l, "i", INT64_MIN);
    influx_line_number(&l, "n", 0.1, false);
    influx_line_number(&l, "inf", -INFINITY, false);
    assert_true(influx_line_end(&l, (struct utc){-5}));
    assert_string_equal(buf_text(&b),
                        "my\\,\\ mea=s,a\\ tag=v\\,1\\ \\=2/,broken=a\\ b\\  "
                        "t\\,x=\"say \\\"hi\\\" \\\\  , =\",b=false,i=-9223372036854775808i,n=0.1 -5\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_holds_what_was_read),
        cmocka_unit_test(state_names_what_could_not_be_read),
        cmocka_unit_test(state_never_shows_a_non_number),
        cmocka_unit_test(state_with_nothing_to_tell_is_no_message),
        cmocka_unit_test(state_carries_text_and_its_window),
        cmocka_unit_test(reserved_names),
        cmocka_unit_test(meta_explains_the_points),
        cmocka_unit_test(gap_is_told),
        cmocka_unit_test(line_of_a_reading),
        cmocka_unit_test(line_without_a_good_field_is_none),
        cmocka_unit_test(line_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
