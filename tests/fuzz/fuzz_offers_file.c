// SPDX-License-Identifier: Apache-2.0
// A file of offers and needs, JSON or CSV: a complaint, or a territory that settles and of which all can be
// said. The same bytes as a CSV of factors and of distances.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "matching/offers_file.h"
#include "one_text.h"
#include "symbiont/match.h"
#include "symbiont/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct match_settings *settings;

static bool put(void *arg, const struct offer *o, int line)
{
    (void)line;
    return matcher_put(arg, o) && matcher_count(arg) < 30;
}

static bool known(void *arg, const char *a, const char *b, double metres)
{
    return matcher_distance(arg, a, b, metres);
}

static void check(const struct match *m)
{
    struct buf out = {0};
    if (m->gate_count > MATCH_GATES || m->member_count > MATCH_MEMBERS || isnan(m->confidence) ||
        (span_said(m->quantity) && m->quantity.low > m->quantity.high))
        abort();
    match_write(m, NULL, true, LANGUAGE_FR, &out);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    char why[300] = "";
    struct factor factors[FACTORS];
    struct utc now = {1795000000000};
    if (!settings && (units_open(why, sizeof why) < 0 || !(settings = match_settings_new())))
        abort();
    factors_default(factors);
    if (!factors_read(text, n, factors, why, sizeof why) && !why[0])
        abort();
    struct matcher *m = matcher_new(settings);
    if (!m)
        return 0;
    distances_read(text, n, known, m, why, sizeof why);
    if (!offers_read(text, n, "f", put, m, why, sizeof why) && !why[0])
        abort();
    if (!matcher_settle(m, now, NULL, NULL))
        abort();
    size_t count;
    struct match_rank *list = matcher_list(m, NULL, &count);
    for (size_t i = 0; i < count; i++) {
        struct match x;
        if (!matcher_get(m, list[i].id, now, &x))
            abort();
        check(&x);
    }
    free(list);
    free(matcher_orphans(m, now, &count));
    struct ceiling c;
    matcher_ceiling(m, now, &c);
    matcher_free(m);
    return 0;
}
