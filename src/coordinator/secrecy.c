// SPDX-License-Identifier: Apache-2.0
// Primary and secondary suppression of totals.
#include "coordinator/secrecy.h"

#include <stdlib.h>
#include <string.h>

const char *secrecy_word(enum secrecy_verdict v)
{
    static const char *const words[] = {"empty", "shown", "few", "dominated", "secondary"};
    return words[v];
}

static double sum_of(const double *sites, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += sites[i];
    return sum;
}

enum secrecy_verdict secrecy_total(const struct secrecy_rule *r, const double *sites, size_t n)
{
    unsigned count = 0;
    double largest = 0, second = 0, sum = sum_of(sites, n);
    for (size_t i = 0; i < n; i++) {
        count += sites[i] > 0;
        if (sites[i] > largest) {
            second = largest;
            largest = sites[i];
        } else if (sites[i] > second) {
            second = sites[i];
        }
    }
    if (count == 0)
        return SECRECY_EMPTY;
    if (count < r->sites_least)
        return SECRECY_FEW;
    bool dominated = largest > r->share_most * sum || sum - largest - second < r->rest_least * largest;
    return dominated ? SECRECY_DOMINATED : SECRECY_SHOWN;
}

static int line_order(const char *a, size_t an, const char *b, size_t bn)
{
    int d = memcmp(a, b, an < bn ? an : bn);
    return d ? d : an < bn ? -1 : an > bn;
}

bool secrecy_may_move(const struct secrecy_rule *r, const char *then, const char *now)
{
    unsigned different = 0;
    while (*then || *now) {
        size_t an = strcspn(then, "\n"), bn = strcspn(now, "\n");
        int d = !*then ? 1 : !*now ? -1 : line_order(then, an, now, bn);
        different += d != 0;
        if (d <= 0)
            then += an + (then[an] == '\n');
        if (d >= 0)
            now += bn + (now[bn] == '\n');
    }
    return different == 0 || different >= r->sites_least;
}

static bool is_hidden(enum secrecy_verdict v)
{
    return v != SECRECY_SHOWN && v != SECRECY_EMPTY;
}

// The shown cell whose loss costs least; SIZE_MAX: none is left.
static size_t smallest_shown(const double *amounts, size_t cells, size_t n,
                             const enum secrecy_verdict *verdicts)
{
    size_t best = (size_t)-1;
    double least = 0;
    for (size_t c = 0; c < cells; c++) {
        double sum = sum_of(amounts + c * n, n);
        if (verdicts[c] == SECRECY_SHOWN && (best == (size_t)-1 || sum < least)) {
            best = c;
            least = sum;
        }
    }
    return best;
}

static size_t sum_hidden(const double *amounts, size_t cells, size_t n, const enum secrecy_verdict *verdicts,
                         double *out)
{
    size_t hidden = 0;
    for (size_t s = 0; s < n; s++)
        out[s] = 0;
    for (size_t c = 0; c < cells; c++) {
        if (!is_hidden(verdicts[c]))
            continue;
        hidden++;
        for (size_t s = 0; s < n; s++)
            out[s] += amounts[c * n + s];
    }
    return hidden;
}

bool secrecy_row(const struct secrecy_rule *r, const double *amounts, size_t cells, size_t n,
                 enum secrecy_verdict *verdicts)
{
    double *sums = calloc(n + 1, sizeof *sums);
    for (size_t c = 0; c < cells; c++)
        verdicts[c] = sums ? secrecy_total(r, amounts + c * n, n) : SECRECY_SECONDARY;
    verdicts[cells] = SECRECY_SECONDARY;
    if (!sums)
        return false;
    for (size_t c = 0; c < cells; c++)
        for (size_t s = 0; s < n; s++)
            sums[s] += amounts[c * n + s];
    verdicts[cells] = secrecy_total(r, sums, n);
    while (!is_hidden(verdicts[cells])) {
        size_t hidden = sum_hidden(amounts, cells, n, verdicts, sums);
        if (!hidden || secrecy_total(r, sums, n) == SECRECY_SHOWN)
            break;
        size_t next = smallest_shown(amounts, cells, n, verdicts);
        verdicts[next == (size_t)-1 ? cells : next] = SECRECY_SECONDARY;
    }
    free(sums);
    return true;
}
