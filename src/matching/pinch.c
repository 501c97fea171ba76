// SPDX-License-Identifier: Apache-2.0
// The problem table: shifted temperatures, interval balances, a cascade that never runs dry.
#include "symbiont/pinch.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Shifted temperatures closer than this are one row: they differ by rounding only.
#define SAME_K 1e-9

// Up to so many streams each row is summed by itself; the time grows with the square.
#define FEW 300

// Below this a flow is "nothing": loads are given in kW with a few decimals.
#define NOTHING_KW 1e-7

struct shifted {
    double hot_end, cold_end; // hot_end > cold_end
    double cp;                // kW/K, > 0 for streams that give heat
};

static bool is_latent(const struct pinch_stream *s)
{
    return s->supply_c == s->target_c;
}

static bool gives(const struct pinch_stream *s)
{
    return is_latent(s) ? s->kw > 0 : s->supply_c > s->target_c;
}

static struct shifted shift(const struct pinch_stream *s, double dt_min)
{
    double share = s->dt_contribution_k >= 0 ? s->dt_contribution_k : dt_min / 2;
    double by = gives(s) ? -share : share;
    double high = fmax(s->supply_c, s->target_c), low = fmin(s->supply_c, s->target_c);
    // Both kinds of latent stream lie just below their temperature: two that meet exactly fit each other.
    if (is_latent(s))
        low -= PINCH_LATENT_K;
    double cp = fabs(s->kw) / (high - low);
    return (struct shifted){high + by, low + by, gives(s) ? cp : -cp};
}

static int hottest_first(const void *a, const void *b)
{
    double x = ((const struct pinch_row *)a)->shifted_c, y = ((const struct pinch_row *)b)->shifted_c;
    return (x < y) - (x > y);
}

static size_t make_rows(const struct shifted *s, size_t n, struct pinch_row *rows)
{
    for (size_t i = 0; i < n; i++) {
        rows[2 * i].shifted_c = s[i].hot_end;
        rows[2 * i + 1].shifted_c = s[i].cold_end;
    }
    qsort(rows, 2 * n, sizeof *rows, hottest_first);
    size_t kept = 0;
    for (size_t i = 0; i < 2 * n; i++)
        if (kept == 0 || rows[kept - 1].shifted_c - rows[i].shifted_c > SAME_K)
            rows[kept++].shifted_c = rows[i].shifted_c;
    return kept;
}

// For a list of streams of usual length: sums of their own in each row, so that nothing is left of what
// cancels.
static void sum_few(const struct shifted *s, size_t n, struct pinch_result *r)
{
    for (size_t i = 0; i + 1 < r->n; i++) {
        double middle = (r->rows[i].shifted_c + r->rows[i + 1].shifted_c) / 2;
        for (size_t k = 0; k < n; k++)
            if (s[k].hot_end > middle && s[k].cold_end < middle)
                r->rows[i].net_cp += s[k].cp;
    }
}

// The row at a temperature, or just below it.
static size_t row_at(const struct pinch_result *r, double shifted_c)
{
    size_t low = 0, high = r->n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->rows[middle].shifted_c - shifted_c > SAME_K)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// For a whole territory: each stream begins and ends in one row, a running sum does the rest.
static void sum_many(const struct shifted *s, size_t n, struct pinch_result *r)
{
    long double running = 0;
    for (size_t k = 0; k < n; k++) {
        r->rows[row_at(r, s[k].hot_end)].net_cp += s[k].cp;
        r->rows[row_at(r, s[k].cold_end)].net_cp -= s[k].cp;
    }
    for (size_t i = 0; i + 1 < r->n; i++) {
        running += (long double)r->rows[i].net_cp;
        r->rows[i].net_cp = (double)running;
    }
    r->rows[r->n - 1].net_cp = 0;
}

static void balance(const struct shifted *s, size_t n, struct pinch_result *r)
{
    double flow = 0, least = 0;
    if (n <= FEW)
        sum_few(s, n, r);
    else
        sum_many(s, n, r);
    for (size_t i = 0; i + 1 < r->n; i++) {
        struct pinch_row *row = &r->rows[i];
        row->interval_kw = row->net_cp * (row->shifted_c - r->rows[i + 1].shifted_c);
        flow += row->interval_kw;
        least = fmin(least, flow);
    }
    r->hot_utility_kw = -least;
    r->cold_utility_kw = fmax(0, flow - least);
    flow = -least;
    for (size_t i = 0; i < r->n; i++) {
        r->rows[i].cascade_kw = fabs(flow) < NOTHING_KW ? 0 : flow;
        flow += r->rows[i].interval_kw;
    }
}

// A pinch is where nothing flows past while heat comes in above and leaves below.
static void find_pinch(struct pinch_result *r, double dt_min)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->rows[i].cascade_kw != 0 || r->hot_utility_kw <= NOTHING_KW || r->cold_utility_kw <= NOTHING_KW)
            continue;
        r->has_pinch = 1;
        r->pinch_shifted_c = r->rows[i].shifted_c;
        r->pinch_hot_c = r->pinch_shifted_c + dt_min / 2;
        r->pinch_cold_c = r->pinch_shifted_c - dt_min / 2;
        return;
    }
}

int pinch_solve(const struct pinch_stream *streams, size_t n, double dt_min_k, struct pinch_result *out)
{
    *out = (struct pinch_result){0};
    if (!isfinite(dt_min_k) || dt_min_k < 0) {
        errno = EINVAL;
        return -1;
    }
    struct shifted *s = calloc(n ? n : 1, sizeof *s);
    out->rows = calloc(2 * n + 1, sizeof *out->rows);
    if (!s || !out->rows)
        goto failed;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(streams[i].supply_c) || !isfinite(streams[i].target_c) || !isfinite(streams[i].kw)) {
            errno = EINVAL;
            goto failed;
        }
        s[i] = shift(&streams[i], dt_min_k);
        *(s[i].cp > 0 ? &out->hot_total_kw : &out->cold_total_kw) += fabs(streams[i].kw);
    }
    out->n = make_rows(s, n, out->rows);
    balance(s, n, out);
    find_pinch(out, dt_min_k);
    out->recovered_kw = out->hot_total_kw - out->cold_utility_kw;
    free(s);
    return 0;

failed:
    free(s);
    pinch_free(out);
    return -1;
}

void pinch_free(struct pinch_result *r)
{
    free(r->rows);
    r->rows = NULL;
    r->n = 0;
}
