// SPDX-License-Identifier: Apache-2.0
// What `symbiont watch` draws: within the terminal's width and height, every meter with its share.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "cli/watch.h"

static struct watch_point number(const char *name, double value, const char *unit)
{
    return (struct watch_point){.name = name, .unit = unit, .value = value};
}

static void add_meter(struct watch_round *r, size_t i, const char *name, const char *state, size_t points)
{
    static char names[200][16];
    struct watch_meter *m = &r->meters[i];
    assert_true(watch_meter_size(m, points));
    m->name = name;
    m->state = state;
    m->age_s = 0.42;
    m->round_trip_ms = 31;
    for (size_t k = 0; k < points && k < 200; k++) {
        snprintf(names[k], sizeof names[k], "point_%zu", k);
        m->points[k] = number(names[k], (double)k, "kW");
    }
}

static char *rendered(const struct watch_round *r, struct watch_view view, size_t *lines)
{
    struct buf out = {0};
    watch_render(r, &view, &out);
    char *text = strdup(buf_text(&out));
    buf_free(&out);
    *lines = 0;
    size_t column = 0;
    for (const char *p = text; *p; p++) {
        column = *p == '\n' ? 0 : column + ((*p & 0xC0) != 0x80);
        *lines += *p == '\n';
        assert_true(view.styled || column <= view.width);
    }
    return text;
}

static void test_a_meter(void **state)
{
    (void)state;
    struct watch_round r = {.time = {1764000000000}, .title = "mill"};
    struct watch_publisher *p;
    setenv("TZ", "UTC", 1);
    assert_true(watch_round_size(&r, 2, 2));
    add_meter(&r, 0, "boiler", "up", 6);
    r.meters[0].points[0] = number("volume_flow", 84.23456789, "m3/h");
    r.meters[0].points[1] = number("thermal_energy_forward_exact", 123456789.125, "kWh");
    r.meters[0].points[2] = number("small", -0.000123, "");
    r.meters[0].points[3] = (struct watch_point){.name = "serial_number", .unit = "", .text = "A\033[2J17"};
    r.meters[0].points[4] = number("tiny", 1.5e-9, "m3/h");
    r.meters[0].points[5] =
        (struct watch_point){.name = "ghost", .bad = "exception 2 (illegal data address)"};
    add_meter(&r, 1, "press", "down", 3);
    r.meters[1].age_s = NAN;
    r.meters[1].round_trip_ms = NAN;
    for (int i = 0; i < 3; i++)
        strcpy(r.meters[1].points[i].bad, "timeout");
    p = r.publishers;
    p[0] = (struct watch_publisher){.name = "mqtt", .connected = true};
    p[1] = (struct watch_publisher){.name = "influxdb", .waiting = 12, .oldest_s = 34, .error = "refused"};
    size_t lines;
    char *text = rendered(&r, (struct watch_view){.width = 79}, &lines);
    assert_string_equal(text,
                        "2025-11-24 16:00:00  mill  1 of 2 meters up\n"
                        "boiler  up             0.4 s ago     31 ms  1 bad\n"
                        "  volume_flow             84.23457 m3/h  thermal_energy_forwar~ 123456789 kWh\n"
                        "  small                  -0.000123       serial_number            A?[2J17\n"
                        "  tiny                     1.5e-09 m3/h  ghost                     exception 2\n"
                        "press   down               never  timeout\n"
                        "mqtt connected, 0 waiting | influxdb NOT connected, 12 waiting for 34 s: refuse\n");
    free(text);
    watch_round_free(&r);
}

// However many meters and however small the terminal: never a line too many or a column too far.
static void test_any_size_fits(void **state)
{
    (void)state;
    for (size_t meters = 0; meters < 9; meters += 2) {
        struct watch_round r = {.title = "a-site-with-a-long-name"};
        assert_true(watch_round_size(&r, meters, 1));
        r.publishers[0] = (struct watch_publisher){.name = "mqtt", .error = "a long story \xC3\xA9\xC3\xA9"};
        for (size_t i = 0; i < meters; i++)
            add_meter(&r, i, i == 3 ? "a_meter_with_a_name_that_is_rather_long" : "m", "up", 13 * i);
        for (size_t height = 1; height < 60; height += height < 6 ? 1 : 9)
            for (size_t width = 1; width < 130; width += width < 8 ? 1 : 13)
                for (long scroll = -1; scroll < 300; scroll += 43) {
                    size_t lines;
                    struct watch_view v = {.width = width, .height = height, .scroll = scroll};
                    free(rendered(&r, v, &lines));
                    assert_true(lines <= height);
                }
        watch_round_free(&r);
    }
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void test_shares_and_scrolling(void **state)
{
    (void)state;
    struct watch_round r = {.title = "mill"};
    assert_true(watch_round_size(&r, 3, 0));
    add_meter(&r, 0, "big", "up", 100);
    add_meter(&r, 1, "small", "up", 4);
    add_meter(&r, 2, "other", "up", 50);
    size_t lines;
    // 24 lines less title and footer: 3 headings, 2 rows for the small one, 17 for the two others.
    char *text = rendered(&r, (struct watch_view){.width = 79, .height = 24, .scroll = -1}, &lines);
    assert_int_equal(lines, 24);
    assert_non_null(strstr(text, "and 82 points more\n")); // 9 rows
    assert_non_null(strstr(text, "and 34 points more\n")); // 8 rows
    assert_int_equal(count(text, "points more"), 2);
    assert_non_null(strstr(text, "space: all of it\n"));
    free(text);

    // 3 + 50 + 2 + 25 lines in all.
    text = rendered(&r, (struct watch_view){.width = 79, .height = 24, .scroll = 10}, &lines);
    assert_int_equal(lines, 24);
    assert_non_null(strstr(text, "11-32 of 80\n"));
    assert_non_null(strstr(text, "point_18 "));
    assert_null(strstr(text, "point_17 "));
    free(text);
    text = rendered(&r, (struct watch_view){.width = 79, .height = 24, .scroll = 9999}, &lines);
    assert_non_null(strstr(text, "59-80 of 80\n"));
    free(text);
    watch_round_free(&r);
}

static void test_json(void **state)
{
    (void)state;
    struct watch_round r = {.time = {1764000000000}, .title = "mill", .trouble = "gone"};
    struct buf out = {0};
    assert_true(watch_round_size(&r, 1, 0));
    add_meter(&r, 0, "m", "up", 3);
    r.meters[0].age_s = NAN;
    strcpy(r.meters[0].points[1].bad, "timeout");
    r.meters[0].points[2].text = "v\"1";
    watch_json(&r, &out);
    json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *m = json_array_get(json_object_get(root, "meters"), 0), *points = json_object_get(m, "points");
    assert_true(json_is_null(json_object_get(m, "age_s")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(points, 1), "bad")), "timeout");
    assert_null(json_object_get(json_array_get(points, 1), "value"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(points, 2), "value")), "v\"1");
    assert_int_equal(count(buf_text(&out), "\n"), 1);
    json_decref(root);
    buf_free(&out);
    watch_round_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_meter),
        cmocka_unit_test(test_any_size_fits),
        cmocka_unit_test(test_shares_and_scrolling),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
