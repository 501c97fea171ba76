// SPDX-License-Identifier: Apache-2.0
// The ledger: a stream's hours over restarts, clock steps, daylight saving, a disk that refuses; and what a
// year of it weighs.
#include "streams_kit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/ledger.h"

static char directory[64], path[96];

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/ledger-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/ledger.db", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[120];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static struct ledger *opened(bool read_only)
{
    char why[300];
    struct ledger *l = ledger_open(path, read_only, why, sizeof why);
    if (!l)
        fail_msg("%s", why);
    return l;
}

static const struct ledger_stream heat = {.name = "s",
                                          .resource = "heat",
                                          .direction = "out",
                                          .provenance = "measured",
                                          .unit = "kW",
                                          .amount_unit = "kWh"};

struct total {
    double amount;
    int64_t known_s, first, last;
    size_t n;
};

static void sum(void *arg, const struct stream_hour *h)
{
    struct total *t = arg;
    if (!t->n++)
        t->first = h->hour;
    t->last = h->hour;
    t->amount += h->amount;
    t->known_s += h->known_s;
}

static struct total total_of(struct ledger *l)
{
    struct total t = {0};
    while (ledger_read(l, 1, 0, INT64_MAX, sum, &t) == LEDGER_BUSY)
        usleep(1000);
    return t;
}

// A stream that is stopped and started again at odd moments, its clock set back on the way: every second
// once.
static void exact_over_restarts(void **state)
{
    (void)state;
    int64_t t = MONDAY, end = MONDAY + 50 * HOUR;
    double fed = 0;
    int restarts = 0;
    while (t < end) {
        struct ledger *l = opened(false);
        assert_int_equal(ledger_stream(l, &heat), 1);
        struct kit *k = kit_new("resource = \"heat\"; value = \"m.power\";", MINUTE);
        struct buf bytes = {0};
        if (ledger_state(l, 1, &bytes))
            assert_true(stream_restore(k->s, bytes.data, bytes.len));
        else
            kit_sample(k, "m.power", t, 0);
        int64_t until = t + (317 + 31 * restarts) * MINUTE;
        for (; t < until && t < end;) {
            t += MINUTE;
            double kw = (double)(t / MINUTE % 97);
            kit_sample(k, "m.power", t, kw);
            fed += kw / 60;
        }
        if (restarts == 3)
            for (int64_t again = t - 2 * HOUR; again <= t; again += MINUTE)
                kit_sample(k, "m.power", again, 1e6);
        for (size_t i = 0; i < k->hours_n; i++)
            ledger_add(l, 1, &k->hours[i]);
        buf_reset(&bytes);
        stream_save(k->s, &bytes);
        ledger_keep(l, 1, bytes.data, bytes.len);
        buf_free(&bytes);
        kit_free(k);
        assert_true(ledger_close(l));
        restarts++;
    }
    struct ledger *l = opened(true);
    struct total sums = total_of(l);
    assert_true(restarts > 4);
    assert_int_equal(sums.n, 50);
    assert_int_equal(sums.known_s, 50 * 3600);
    kit_near(sums.amount, fed, 1e-6);
    ledger_close(l);
}

// An hour that comes twice stays as the one of which more is known.
static void the_better_hour(void **state)
{
    (void)state;
    struct ledger *l = opened(false);
    ledger_stream(l, &heat);
    ledger_add(l, 1, &(struct stream_hour){.hour = 100, .amount = 50, .low = 1, .high = 60, .known_s = 3600});
    ledger_add(l, 1,
               &(struct stream_hour){.hour = 100, .amount = 10, .low = NAN, .high = NAN, .known_s = 600});
    ledger_add(l, 1, &(struct stream_hour){.hour = 101, .amount = 1, .low = NAN, .high = NAN, .known_s = 60});
    ledger_add(l, 1,
               &(struct stream_hour){.hour = 101, .amount = 30, .low = NAN, .high = NAN, .known_s = 1800});
    ledger_close(l);
    l = opened(true);
    struct total t = total_of(l);
    kit_near(t.amount, 80, 1e-9);
    assert_int_equal(t.n, 2);
    ledger_close(l);
}

// In Paris the day of 2026-03-29 has 23 hours and 2026-10-25 has 25: the ledger has them all, each once.
static void daylight_saving(void **state)
{
    (void)state;
    char why[200];
    struct zone *paris = zone_open("Europe/Paris", why, sizeof why);
    if (!paris)
        skip();
    const int64_t starts[] = {1774738800000LL, 1792879200000LL}; // local midnights
    const size_t hours[] = {23, 25};
    for (int i = 0; i < 2; i++) {
        struct expression_calendar calendar = {.zone = paris};
        struct kit *k = malloc(sizeof *k);
        assert_non_null(kit_try(k, "resource = \"heat\"; value = \"m.power\";", 15 * MINUTE, &calendar));
        int64_t t = starts[i];
        for (; t == starts[i] || zone_civil(paris, (struct utc){t - 1}).day_number ==
                                     zone_civil(paris, (struct utc){starts[i]}).day_number;
             t += 15 * MINUTE)
            kit_sample(k, "m.power", t, 100);
        assert_int_equal(k->hours_n, hours[i]);
        for (size_t h = 0; h < k->hours_n; h++) {
            assert_int_equal(k->hours[h].hour, starts[i] / HOUR + (int64_t)h);
            kit_near(k->hours[h].amount, 100, 1e-9);
        }
        kit_free(k);
    }
    zone_free(paris);
}

static void damaged(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputs("not a ledger ", f);
    fclose(f);
    char why[300];
    assert_null(ledger_open(path, true, why, sizeof why));
    struct ledger *l = opened(false); // set aside, a new one begun
    assert_int_equal(ledger_stream(l, &heat), 1);
    ledger_add(l, 1, &(struct stream_hour){.hour = 5, .amount = 1, .known_s = 3600});
    assert_true(ledger_close(l));
    l = opened(true);
    assert_int_equal(total_of(l).n, 1);
    ledger_close(l);
    char missing[120];
    snprintf(missing, sizeof missing, "%s/none.db", directory);
    assert_null(ledger_open(missing, true, why, sizeof why));
    assert_non_null(strstr(why, "none.db"));
}

static void a_year(void **state)
{
    (void)state;
    struct ledger *l = opened(false);
    const int streams = 4;
    char names[4][16];
    for (int s = 0; s < streams; s++) {
        snprintf(names[s], sizeof names[s], "s%d", s);
        struct ledger_stream what = heat;
        what.name = names[s];
        assert_int_equal(ledger_stream(l, &what), s + 1);
    }
    for (int h = 0; h < 8760; h++) {
        for (int s = 0; s < streams; s++) {
            double kw = 200 + 100 * sin(h / 3.7 + s);
            ledger_add(l, s + 1,
                       &(struct stream_hour){.hour = 490000 + h,
                                             .amount = kw,
                                             .low = kw * 0.83,
                                             .high = kw * 1.17,
                                             .surplus = kw > 250 ? kw : 0,
                                             .surplus_s = kw > 250 ? 3600 : 0,
                                             .known_s = 3600});
        }
    }
    assert_true(ledger_close(l));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    print_message("ledger: %lld kB per stream and year\n", (long long)st.st_size / streams / 1000);
    assert_true(st.st_size / streams < 600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exact_over_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(the_better_hour, setup, teardown),
        cmocka_unit_test(daylight_saving),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(a_year, setup, teardown),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
