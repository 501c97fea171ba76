// SPDX-License-Identifier: Apache-2.0
// Windows against their definitions, worked out the long way over all samples, and over time that misbehaves.
#include "seal.h"
#include "expression_kit.h"

#include <malloc.h>

#define MINUTE INT64_C(60000)
#define HOUR   INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

// A day in November 2026, an even number of minutes.
#define START INT64_C(1795478400000)

struct rig {
    struct expression *e;
    struct expression_state *s;
};

static struct rig rig(const char *text, const char *unit)
{
    struct rig r = {.e = kit_compile(text, unit)};
    r.s = expression_state_new(r.e);
    assert_non_null(r.s);
    return r;
}

static void rig_free(struct rig r)
{
    expression_state_free(r.s);
    expression_free(r.e);
}

// Feeds the only name and evaluates.
static double step(struct rig r, int64_t t, double v)
{
    expression_feed(r.s, 0, (struct utc){t}, v);
    return expression_value(r.s, (struct utc){t});
}

static double at(struct rig r, int64_t t)
{
    return expression_value(r.s, (struct utc){t});
}

static uint64_t seed;

static double chance(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (double)(seed >> 11) / 9007199254740992.0;
}

// ---- The definitions ----

enum { MOST = 4000 };

struct history {
    int64_t t[MOST];
    double v[MOST]; // NAN: unknown
    size_t n;
    int64_t length, hold;
    double coverage;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sum_over_time(const struct history *h, int power, double about, double *known)
{
    int64_t end = h->t[h->n - 1], low = end - h->length;
    double sum = 0;
    *known = 0;
    for (size_t i = 1; i < h->n; i++) {
        int64_t from = h->t[i - 1] > low ? h->t[i - 1] : low;
        if (isnan(h->v[i]) || h->t[i] <= low || (h->hold && h->t[i] - h->t[i - 1] > h->hold))
            continue;
        *known += (double)(h->t[i] - from);
        sum += pow(h->v[i] - about, power) * (double)(h->t[i] - from);
    }
    return sum;
}

static size_t in_window(const struct history *h, double *v, double *t)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        if (!isnan(h->v[i]) && h->t[i] > h->t[h->n - 1] - h->length) {
            t[n] = (double)h->t[i];
            v[n++] = h->v[i];
        }
    return n;
}

static double quantile(double *v, size_t n, double p)
{
    qsort(v, n, sizeof *v, ascending);
    double at_rank = (double)(n - 1) * p;
    size_t k = (size_t)at_rank;
    return k + 1 < n ? v[k] + (at_rank - (double)k) * (v[k + 1] - v[k]) : v[k];
}

static double define_slope(const double *v, const double *t, size_t n)
{
    static double slopes[MOST * 120];
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slopes[m++] = (v[j] - v[i]) / ((t[j] - t[i]) / (double)HOUR);
    return m ? quantile(slopes, m, 0.5) : NAN;
}

static double define_edges(const struct history *h)
{
    double n = 0;
    for (size_t i = 1; i < h->n; i++)
        n += h->t[i] > h->t[h->n - 1] - h->length && h->v[i] == 1 && h->v[i - 1] == 0;
    return n;
}

// From the known samples after the last gap that is not bridged.
static double define_delta(const struct history *h, bool rate)
{
    size_t first = SIZE_MAX, last = SIZE_MAX;
    for (size_t i = 0; i < h->n; i++) {
        if (isnan(h->v[i]))
            continue;
        if (first == SIZE_MAX || (h->hold && h->t[i] - h->t[last] > h->hold))
            first = i;
        last = i;
    }
    if (first == SIZE_MAX)
        return NAN;
    int64_t low = h->t[last] - h->length;
    double from = h->v[first], from_t = (double)h->t[first];
    for (size_t i = first, before = first; i <= last && h->t[first] < low; i++) {
        if (isnan(h->v[i]))
            continue;
        if (h->t[i] > low) {
            double part = (double)(low - h->t[before]) / (double)(h->t[i] - h->t[before]);
            from = h->v[before] + part * (h->v[i] - h->v[before]);
            from_t = (double)low;
            break;
        }
        before = i;
    }
    double span = (double)h->t[last] - from_t, missing = (double)(h->t[h->n - 1] - h->t[last]);
    if (span <= 0 || span - missing < h->coverage * (double)h->length - 0.5)
        return NAN;
    return (h->v[last] - from) / span * (rate ? (double)HOUR : (double)h->length);
}

static double define(const char *function, const struct history *h)
{
    static double v[MOST], t[MOST];
    if (strcmp(function, "delta") == 0 || strcmp(function, "rate") == 0)
        return define_delta(h, function[0] == 'r');
    double known, area = sum_over_time(h, 1, 0, &known);
    size_t n = in_window(h, v, t);
    if (strcmp(function, "count") == 0)
        return (double)n;
    if (known < h->coverage * (double)h->length - 0.5 || known <= 0)
        return NAN;
    if (strcmp(function, "avg") == 0)
        return area / known;
    if (strcmp(function, "integral") == 0)
        return area / known * (double)h->length / (double)HOUR;
    if (strcmp(function, "stddev") == 0)
        return sqrt(sum_over_time(h, 2, area / known, &known) / known);
    if (strcmp(function, "edges") == 0)
        return define_edges(h);
    if (n == 0)
        return NAN;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    if (strcmp(function, "sum") == 0)
        return sum;
    if (strcmp(function, "slope") == 0)
        return define_slope(v, t, n);
    if (strcmp(function, "min") == 0)
        return quantile(v, n, 0);
    if (strcmp(function, "max") == 0)
        return quantile(v, n, 1);
    return quantile(v, n, strcmp(function, "median") == 0 ? 0.5 : 0.2);
}

struct subject {
    const char *function, *text;
    struct rig rig;
};

// Samples at least a grain apart are kept as they are: the answers are exact.
static void every_function_is_its_definition(void **state)
{
    (void)state;
    static const struct {
        const char *name; // in the kit
        int64_t hold;
    } inputs[] = {{"p", 0}, {"slow.p", 2700000}};
    for (size_t k = 0; k < 2; k++) {
        struct subject subjects[] = {
            {"avg", "avg(%s, 15 min)", {0}},
            {"integral", "integral(%s, 15 min)", {0}},
            {"stddev", "stddev(%s, 15 min)", {0}},
            {"sum", "sum(%s, 15 min)", {0}},
            {"count", "count(%s, 15 min)", {0}},
            {"min", "min(%s, 15 min)", {0}},
            {"max", "max(%s, 15 min)", {0}},
            {"median", "median(%s, 15 min)", {0}},
            {"p20", "percentile(%s, 15 min, 20 %%)", {0}},
            {"slope", "slope(%s, 15 min)", {0}},
            {"delta", "delta(%s, 15 min)", {0}},
            {"rate", "rate(%s, 15 min)", {0}},
            {"edges", "count(%s > 500 kW, 15 min)", {0}},
        };
        enum { SUBJECTS = sizeof subjects / sizeof *subjects };
        for (size_t i = 0; i < SUBJECTS; i++) {
            char text[100];
            // The texts are the table's own; the format is not foreign.
            const char *mark = strstr(subjects[i].text, "%s");
            snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - subjects[i].text), subjects[i].text,
                     inputs[k].name, mark + 2);
            char *percent = strstr(text, "%%");
            if (percent)
                memmove(percent, percent + 1, strlen(percent));
            subjects[i].rig = rig(text, NULL);
        }
        seed = 7 + k;
        static struct history h, edges;
        h = (struct history){.length = 15 * MINUTE, .hold = inputs[k].hold, .coverage = 0.8};
        int64_t t = START;
        for (int i = 0; i < 1500; i++) {
            // Mostly regular, sometimes a long gap; a stretch of unknown now and then.
            t += 15000 + (int64_t)(chance() * 30000);
            if (chance() < 0.01)
                t += (int64_t)(chance() * 5000000);
            double v = i / 20 % 17 == 16 || chance() < 0.05 ? NAN : round(chance() * 1000 * 16) / 16;
            h.t[h.n] = t;
            h.v[h.n++] = v;
            edges = h;
            for (size_t j = 0; j < edges.n; j++)
                edges.v[j] = isnan(edges.v[j]) ? NAN : edges.v[j] > 500;
            for (size_t j = 0; j < SUBJECTS; j++) {
                bool is_edges = strcmp(subjects[j].function, "edges") == 0;
                double expected = define(subjects[j].function, is_edges ? &edges : &h);
                double got = step(subjects[j].rig, t, v);
                // A root makes much of a rounding: 1e-16 of a square of 1,000 is 1e-5.
                double tolerance = strcmp(subjects[j].function, "stddev") == 0 ? 1e-4 : 1e-9;
                if (isnan(got) != isnan(expected) || fabs(got - expected) > tolerance * (1 + fabs(expected)))
                    fail_msg("%s, sample %d: %.15g, not %.15g", subjects[j].function, i, got, expected);
            }
        }
        for (size_t i = 0; i < SUBJECTS; i++)
            rig_free(subjects[i].rig);
    }
}

// A sample each second in a quarter of an hour is more than is kept: the error stays within a grain.
static void dense_samples_are_merged_within_a_grain(void **state)
{
    (void)state;
    struct rig avg = rig("avg(quick.p, 15 min)", NULL), max = rig("max(quick.p, 15 min)", NULL);
    struct rig min = rig("min(quick.p, 15 min)", NULL), median = rig("median(quick.p, 15 min)", NULL);
    struct rig energy = rig("integral(quick.p, 15 min)", NULL), trend = rig("slope(quick.p, 15 min)", NULL);
    static struct history h, longer;
    h = (struct history){.length = 15 * MINUTE, .hold = 3000, .coverage = 0.8};
    const double grain = 15 * 60 / 256.0; // seconds
    seed = 3;
    for (int i = 0; i < 3000; i++) {
        int64_t t = START + i * 1000 + (int64_t)(chance() * 300);
        double v = 500 + 300 * sin(i / 200.0) + 50 * chance();
        h.t[h.n] = t;
        h.v[h.n++] = v;
        double a = step(avg, t, v), hi = step(max, t, v), lo = step(min, t, v), mid = step(median, t, v);
        double e = step(energy, t, v), s = step(trend, t, v);
        if (i < 1000 || i % 5)
            continue;
        kit_near(a, define("avg", &h), 700 * grain / 900);
        kit_near(e, define("avg", &h) / 4, 700 * grain / 900);
        kit_near(mid, define("median", &h), 25);
        if (i % 250 == 0) // 400,000 pairs take their time
            kit_near(s, define("slope", &h), 400);
        longer = h;
        longer.length += (int64_t)(1000 * grain) + 1;
        assert_true(hi >= define("max", &h) && hi <= define("max", &longer));
        assert_true(lo <= define("min", &h) && lo >= define("min", &longer));
    }
    struct rig rigs[] = {avg, max, min, median, energy, trend};
    for (size_t i = 0; i < 6; i++)
        rig_free(rigs[i]);
}

static void a_window_needs_its_coverage(void **state)
{
    (void)state;
    struct rig r = rig("avg(p, 10 min)", NULL), whole = rig("avg(p, 10 min, 100 %)", NULL);
    struct rig any = rig("avg(p, 10 min, 0 %)", NULL);
    for (int i = 0; i <= 10; i++) {
        int64_t t = START + i * MINUTE;
        kit_near(step(r, t, 5), i >= 8 ? 5 : NAN, 0);
        kit_near(step(whole, t, 5), i >= 10 ? 5 : NAN, 0);
        kit_near(step(any, t, 5), i >= 1 ? 5 : NAN, 0);
    }
    // Two unknown minutes may be missing, a third not.
    kit_near(step(r, START + 11 * MINUTE, NAN), 5, 0);
    kit_near(step(r, START + 12 * MINUTE, NAN), 5, 0);
    kit_near(step(r, START + 13 * MINUTE, NAN), NAN, 0);
    rig_free(r);
    rig_free(whole);
    rig_free(any);
}

static void an_answer_goes_stale_with_its_source(void **state)
{
    (void)state;
    // Expected each second, known for three: then up to a fifth of the window may be missing.
    struct rig r = rig("avg(quick.p, 1 min)", NULL);
    int64_t t = START;
    for (int i = 0; i <= 60; i++)
        step(r, t = START + i * 1000, 8);
    kit_near(at(r, t + 15000), 8, 0);
    kit_near(at(r, t + 15001), NAN, 0);
    // The first sample after a gap stands for itself only.
    kit_near(step(r, t + 30000, 9), NAN, 0);
    rig_free(r);
    // Between two samples a quarter of an hour apart the answer stands still.
    r = rig("avg(slow.p, 15 min)", NULL);
    step(r, START, 1);
    kit_near(step(r, START + 15 * MINUTE, 4), 4, 0);
    kit_near(at(r, START + 29 * MINUTE), 4, 0);
    kit_near(step(r, START + 30 * MINUTE, 6), 6, 0);
    rig_free(r);
}

// Means stamped with the end of their interval, as in recorded data.
static void means_of_quarters_are_exact(void **state)
{
    (void)state;
    struct rig r = rig("avg(slow.p, 1 h)", NULL), e = rig("integral(slow.p, 1 h)", "kWh");
    static const double kw[] = {0, 180, 260, 280, 300, 290, 240, 210};
    for (int i = 0; i < 8; i++) {
        int64_t t = START + i * 15 * MINUTE;
        double mean = i >= 4 ? (kw[i] + kw[i - 1] + kw[i - 2] + kw[i - 3]) / 4 : NAN;
        kit_near(step(r, t, kw[i]), mean, 1e-9);
        kit_near(step(e, t, kw[i]), mean, 1e-9);
    }
    rig_free(r);
    rig_free(e);
}

static void of_true_and_false(void **state)
{
    (void)state;
    // Runs from minute 10 to 20, from 30 to 40 and from 50 on.
    struct rig share = rig("avg(p > 10 kW, 1 h)", "%"), time = rig("integral(p > 10 kW, 1 h)", "min");
    struct rig starts = rig("count(p > 10 kW, 1 h)", ""), fed = rig("integral(on, 1 h)", "min");
    for (int i = 0; i <= 60; i++) {
        int64_t t = START + i * MINUTE;
        double p = i > 10 && (i - 1) / 10 % 2 == 1 ? 75 : 1;
        step(share, t, p);
        step(time, t, p);
        step(starts, t, p);
        step(fed, t, p > 10 ? 17 : 0); // anything but 0 is true
    }
    int64_t end = START + HOUR;
    kit_near(at(share, end), 50, 1e-9);
    kit_near(at(time, end), 30, 1e-9);
    kit_near(at(fed, end), 30, 1e-9);
    kit_near(at(starts, end), 3, 0);
    rig_free(share);
    rig_free(time);
    rig_free(starts);
    rig_free(fed);
}

static void ages_and_counts(void **state)
{
    (void)state;
    struct rig age = rig("age(p)", "s"), limited = rig("age(p, 10 min)", "min"),
               n = rig("count(p, 10 min)", NULL);
    kit_near(at(age, START), NAN, 0);
    kit_near(at(limited, START), 10, 0);
    kit_near(at(n, START), 0, 0);
    step(age, START, 5), step(limited, START, 5), step(n, START, 5);
    kit_near(at(age, START + 90000), 90, 0);
    kit_near(at(limited, START + 90000), 1.5, 1e-12);
    step(age, START + MINUTE * 2, NAN), step(limited, START + MINUTE * 2, NAN),
        step(n, START + MINUTE * 2, NAN);
    kit_near(at(age, START + MINUTE * 3), 180, 0); // unknown is not an answer
    kit_near(at(limited, START + MINUTE * 30), 10, 0);
    kit_near(at(n, START + MINUTE * 3), 1, 0);
    kit_near(at(n, START + MINUTE * 10), 0, 0); // counts fall while nothing comes
    rig_free(age);
    rig_free(limited);
    rig_free(n);
}

static void counters(void **state)
{
    (void)state;
    struct rig r = rig("rate(energy, 1 h)", "kW"), d = rig("delta(energy, 1 h)", "kWh");
    for (int i = 0; i <= 90; i++) {
        double e = 1000000 + i * 2; // 2 kWh a minute
        kit_near(step(r, START + i * MINUTE, e), i >= 48 ? 120 : NAN, 1e-6);
        kit_near(step(d, START + i * MINUTE, e), i >= 48 ? 120 : NAN, 1e-6);
    }
    // A meter changed, or read wrongly: no number until the fall has left the window.
    for (int i = 91; i <= 160; i++) {
        double expected = i - 91 >= 48 ? 120 : NAN;
        kit_near(step(r, START + i * MINUTE, i * 2), expected, 1e-6);
        kit_near(step(d, START + i * MINUTE, i * 2), expected, 1e-6);
    }
    rig_free(r);
    rig_free(d);
    // A known modulus: 9,999,870 -> 45 is a wrap; a step back by ten is not.
    r = rig("delta(wrapping, 10 min)", "kWh");
    for (int i = 0; i <= 10; i++)
        step(r, START + i * MINUTE, 9999870);
    kit_near(step(r, START + 11 * MINUTE, 45), 175, 1e-6);
    kit_near(step(r, START + 12 * MINUTE, 35), NAN, 0);
    rig_free(r);
    // What is no counter may fall.
    r = rig("delta(p, 10 min)", "kW");
    for (int i = 0; i <= 20; i++)
        step(r, START + i * MINUTE, 100 - i);
    kit_near(at(r, START + 20 * MINUTE), -10, 1e-9);
    rig_free(r);
}

// Net kg of six days: 120 kg a day.
static void filling_container(void **state)
{
    (void)state;
    struct rig r = rig("slope(scale.mass_net, 5 d)", "kg/h");
    static const double kg[] = {400, 520, 645, 760, 885, 1000};
    for (int i = 0; i < 6; i++)
        step(r, START + i * DAY_MS, kg[i]);
    kit_near(at(r, START + 5 * DAY_MS) * 24, 120, 1.5);
    // One spike of 2,600 kg does not move it.
    kit_near(step(r, START + 5 * DAY_MS + HOUR, 2600) * 24, 120, 6);
    rig_free(r);
}

static void several_values_of_one_instant(void **state)
{
    (void)state;
    // The mean of the sum takes one sample per instant, whatever the order of feeding.
    struct rig r = rig("max(p + p2, 10 min)", "kW"), sum = rig("sum(p + p2, 10 min)", "kW");
    for (int i = 0; i <= 10; i++) {
        struct utc t = {START + i * MINUTE};
        // p rises as p2 falls; a mixture of old and new would exceed 10 kW.
        kit_feed(r.e, r.s, "p", t.ms, i);
        kit_feed(r.e, r.s, "p2", t.ms, (10 - i) * 1000);
        kit_feed(sum.e, sum.s, "p", t.ms, i);
        (void)expression_value(sum.s, t); // too early, with the p2 of before: replaced below
        kit_feed(sum.e, sum.s, "p2", t.ms, (10 - i) * 1000);
        (void)expression_value(sum.s, t);
    }
    kit_near(at(r, START + 10 * MINUTE), 10, 1e-9);
    kit_near(at(sum, START + 10 * MINUTE), 100, 1e-9);
    rig_free(r);
    rig_free(sum);
}

static void fed_without_being_asked(void **state)
{
    (void)state;
    struct rig asked = rig("avg(p, 10 min)", NULL), silent = rig("avg(p, 10 min)", NULL);
    seed = 5;
    for (int i = 0; i <= 100; i++) {
        double v = chance();
        step(asked, START + i * MINUTE, v);
        expression_feed(silent.s, 0, (struct utc){START + i * MINUTE}, v);
    }
    assert_true(at(asked, START + 100 * MINUTE) == at(silent, START + 100 * MINUTE));
    rig_free(asked);
    rig_free(silent);
}

static void nested_windows(void **state)
{
    (void)state;
    struct rig r = rig("max(avg(p, 10 min), 1 h)", "kW");
    for (int i = 0; i <= 120; i++)
        step(r, START + i * MINUTE, i > 65 && i <= 75 ? 40 : 10);
    kit_near(at(r, START + 120 * MINUTE), 40, 1e-9); // the mean of minutes 66 to 75
    rig_free(r);
}

static void time_that_steps_back(void **state)
{
    (void)state;
    struct rig r = rig("avg(p, 10 min)", NULL);
    for (int i = 0; i <= 20; i++)
        step(r, START + i * MINUTE, 5);
    // A little: as of the latest time.
    expression_feed(r.s, 0, (struct utc){START + 19 * MINUTE}, 7);
    kit_near(at(r, START + 19 * MINUTE), 5 + 2 / 10.0, 1e-9);
    assert_int_equal(expression_counts(r.s).late, 1);
    assert_int_equal(expression_counts(r.s).resets, 0);
    // A lot: the clock was put right.
    kit_near(step(r, START - DAY_MS, 3), NAN, 0);
    assert_int_equal(expression_counts(r.s).resets, 1);
    for (int i = 1; i <= 10; i++)
        step(r, START - DAY_MS + i * MINUTE, 3);
    kit_near(at(r, START - DAY_MS + 10 * MINUTE), 3, 0);
    // Two names, of which one was last fed before that, can be saved and restored.
    struct rig two = rig("avg(p + p2, 10 min)", NULL);
    kit_feed(two.e, two.s, "p", START, 1);
    kit_feed(two.e, two.s, "p2", START - DAY_MS, 1);
    struct buf saved = {0};
    expression_state_save(two.s, &saved);
    assert_true(expression_state_restore(two.s, saved.data, saved.len));
    buf_free(&saved);
    rig_free(two);
    // Forward: what lies between was not seen.
    kit_near(step(r, START + 365 * DAY_MS, 3), 3, 0); // without a hold, the value is taken to have stood
    expression_feed(r.s, 0, (struct utc){INT64_MAX}, 3);
    assert_int_equal(expression_counts(r.s).late, 2);
    kit_near(at(r, INT64_MIN), NAN, 0);
    rig_free(r);
}

static void sums_do_not_drift(void **state)
{
    (void)state;
    struct rig avg = rig("avg(p, 10 min)", NULL), dev = rig("stddev(p, 10 min)", NULL),
               sum = rig("sum(p, 10 min)", NULL);
    seed = 11;
    int64_t t = START;
    for (int i = 0; i < 60000; i++) {
        double v = i % 1000 == 999 ? 1e15 : 1e9 + chance();
        t += 700;
        step(avg, t, v), step(dev, t, v), step(sum, t, v);
    }
    // A huge level with little noise on it, long after the last outlier.
    double least = 2, most = 0;
    for (int i = 0; i < 2000; i++) {
        double v = chance();
        t += 700;
        step(avg, t, 1e9 + v);
        step(dev, t, 1e9 + v);
        step(sum, t, 1e9 + v);
        least = fmin(least, at(dev, t)), most = fmax(most, i > 1000 ? at(dev, t) : 0);
    }
    kit_near(at(avg, t), 1e9 + 0.5, 0.05);
    kit_near(most, 0.2887, 0.02); // of an even distribution over one
    for (int i = 0; i < 1000; i++)
        t += 700, step(avg, t, 1), step(dev, t, 1), step(sum, t, 1);
    assert_true(at(avg, t) == 1);
    kit_near(at(dev, t), 0, 1e-6);
    kit_near(at(sum, t), 857, 3);
    rig_free(avg);
    rig_free(dev);
    rig_free(sum);
}

static void nothing_is_allocated_while_it_runs(void **state)
{
    (void)state;
    struct rig r =
        rig("slope(p, 1 h) + rate(p, 1 h) * 1 + max(p, 1 h) / 1 h + median(p, 1 h) / 1 h > 1 kW/h", "bool");
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 5000; i++)
        step(r, START + i * 1000, i);
    assert_int_equal(mallinfo2().uordblks, before);
    rig_free(r);
}

// ---- Saving ----

static const char everything[] =
    "avg(slow.p, 1 h) + stddev(slow.p, 1 h) + min(slow.p, 1 h) + max(slow.p, 1 h) + "
    "median(slow.p, 2 h) + percentile(slow.p, 2 h, 20 %) + delta(slow.p, 1 h) + "
    "slope(slow.p, 2 h) * 1 h + rate(slow.energy, 1 h) + integral(slow.p, 1 h) / 1 h + "
    "sum(slow.p, 1 h) + count(slow.p, 1 h) * 1 kW + age(slow.p) * 1 kW/s";

static void feed_all(struct rig r, int i)
{
    int64_t t = START + i * 4 * MINUTE;
    kit_feed(r.e, r.s, "slow.p", t, i % 37 == 5 ? NAN : 100 + 50 * sin(i / 3.0));
    kit_feed(r.e, r.s, "slow.energy", t, i * 3.5);
}

static void a_restored_state_goes_on_to_the_last_bit(void **state)
{
    (void)state;
    for (int cut = 0; cut < 120; cut += 7) {
        struct rig a = rig(everything, NULL), b = rig(everything, NULL);
        struct buf saved = {0};
        for (int i = 0; i < cut; i++)
            feed_all(a, i);
        expression_state_save(a.s, &saved);
        assert_true(expression_state_restore(b.s, saved.data, saved.len));
        for (int i = cut; i < cut + 80; i++) {
            struct utc t = {START + i * 4 * MINUTE};
            feed_all(a, i);
            feed_all(b, i);
            double x = expression_value(a.s, t), y = expression_value(b.s, t);
            assert_true(x == y || (isnan(x) && isnan(y)));
            if (i > 70 && i % 37 != 5)
                assert_true(x == x); // there is an answer
        }
        buf_free(&saved);
        rig_free(a);
        rig_free(b);
    }
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct rig a = rig(everything, NULL), b = rig(everything, NULL), other = rig("avg(slow.p, 2 h)", NULL);
    struct buf saved = {0};
    for (int i = 0; i < 60; i++)
        feed_all(a, i);
    expression_state_save(a.s, &saved);
    for (int i = 0; i < 60; i++)
        feed_all(b, i + 1);
    struct utc t = {START + 60 * 4 * MINUTE};
    double before = expression_value(b.s, t);
    for (size_t n = 0; n < saved.len; n += 13) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, saved.data, n);
        assert_false(expression_state_restore(b.s, copy, n));
        free(copy);
    }
    for (size_t i = 0; i < saved.len; i += 11) {
        saved.data[i] = (char)(saved.data[i] ^ 0x10);
        assert_false(expression_state_restore(b.s, saved.data, saved.len));
        saved.data[i] = (char)(saved.data[i] ^ 0x10);
    }
    assert_false(expression_state_restore(other.s, saved.data, saved.len)); // another program's
    assert_true(expression_value(b.s, t) == before);
    assert_true(expression_state_restore(b.s, saved.data, saved.len));
    buf_free(&saved);
    rig_free(a);
    rig_free(b);
    rig_free(other);
}

// With the sum put right damage gets further: it is refused by its contents, or is harmless.
static void forged_states_do_no_harm(void **state)
{
    (void)state;
    struct rig a = rig(everything, NULL), b = rig(everything, NULL);
    struct buf saved = {0};
    for (int i = 0; i < 60; i++)
        feed_all(a, i);
    expression_state_save(a.s, &saved);
    size_t refused = 0;
    for (size_t i = 12; i < saved.len - 8; i++) {
        char kept = saved.data[i];
        saved.data[i] = (char)(kept ^ (i % 3 == 0 ? 0x80 : 0x7F));
        seal(saved.data, saved.len);
        if (!expression_state_restore(b.s, saved.data, saved.len))
            refused++;
        feed_all(b, 61);
        (void)at(b, START + 61 * 4 * MINUTE);
        saved.data[i] = kept;
    }
    assert_true(refused > saved.len / 10 && refused < saved.len);
    buf_free(&saved);
    rig_free(a);
    rig_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_its_definition),
        cmocka_unit_test(dense_samples_are_merged_within_a_grain),
        cmocka_unit_test(a_window_needs_its_coverage),
        cmocka_unit_test(an_answer_goes_stale_with_its_source),
        cmocka_unit_test(means_of_quarters_are_exact),
        cmocka_unit_test(of_true_and_false),
        cmocka_unit_test(ages_and_counts),
        cmocka_unit_test(counters),
        cmocka_unit_test(filling_container),
        cmocka_unit_test(several_values_of_one_instant),
        cmocka_unit_test(fed_without_being_asked),
        cmocka_unit_test(nested_windows),
        cmocka_unit_test(time_that_steps_back),
        cmocka_unit_test(sums_do_not_drift),
        cmocka_unit_test(nothing_is_allocated_while_it_runs),
        cmocka_unit_test(a_restored_state_goes_on_to_the_last_bit),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(forged_states_do_no_harm),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
