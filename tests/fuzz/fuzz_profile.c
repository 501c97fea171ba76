// SPDX-License-Identifier: Apache-2.0
// Any text as a profile: it ends with errors, or with a device that can be planned and read.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "meters/compile.h"
#include "one_text.h"
#include "symbiont/counter.h"
#include "symbiont/plan.h"
#include "symbiont/sunspec.h"
#include "symbiont/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

static void check_point(const struct device *d, const struct point *p)
{
    const uint16_t links[] = {p->exponent_point, p->factor_point, p->sign_point, p->add_point,
                              p->order_point};
    require(p->name && p->quantity && p->unit && p->place.file && p->rank <= POINT_RANK_MAX);
    require(p->min <= p->max && isfinite(p->factor) && p->divisor >= 1);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        require(links[i] == POINT_NONE || (links[i] < d->n && d->points[links[i]].rank < p->rank));
}

// Every register holds 1: read through the plan, finished, judged as totals.
static void read_once(const struct device *d, const struct plan *plan)
{
    static const uint8_t answer[252] = {0, 1};
    struct value *raw = calloc(d->n, sizeof *raw), *out = calloc(d->n, sizeof *out);
    require(raw && out);
    for (size_t i = 0; i < d->n; i++)
        raw[i].reason = REASON_NOT_DUE;
    for (size_t i = 0; i < plan->n; i++) {
        const struct request *r = &plan->requests[i];
        require(r->count >= 1 &&
                r->count <= (r->function <= 2 ? d->limits.max_bits : d->limits.max_registers) &&
                (uint32_t)r->address + r->count <= 65536);
        for (size_t k = 0; k < r->n; k++) {
            size_t point = plan->order[r->first + k];
            raw[point] = point_from_answer(&d->points[point], d->points[point].order, answer, r->address);
        }
    }
    points_finish(d->points, d->n, raw, raw, out);
    for (size_t i = 0; i < d->n; i++) {
        struct counter_rule rule = counter_rule_for(d->points, i, out, NS_PER_S);
        require(rule.modulus >= 0 && rule.step >= 0);
    }
    free(raw);
    free(out);
}

static void check_device(const struct device *d)
{
    struct plan plan;
    for (size_t i = 0; i < d->n; i++)
        check_point(d, &d->points[i]);
    require(plan_make(d, NS_PER_S, &plan) == 0);
    read_once(d, &plan);
    while (plan.n && plan_split(&plan, d, 0) > 1)
        ;
    plan_free(&plan);
    require(sunspec_want_of(d).words >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200];
    require(units_open(why, sizeof why) == 0);
    char *text = strndup((const char *)data, size);
    struct diagnostics *d = diagnostics_new();
    struct config *config = config_read_text(text, "fuzz", &profile_section, d);
    const struct device_request request = {.profile = "fuzz", .subject = "meter"};
    struct compile c = {.owner = config,
                        .diag = d,
                        .request = &request,
                        .profile = config_root(config),
                        .bad = diag_errors(d) > 0};
    const struct device *device = compile_device(&c);
    require(c.bad == (diag_errors(d) > 0));
    if (!c.bad && !c.failed)
        check_device(device);
    config_free(config);
    diagnostics_free(d);
    free(text);
    return 0;
}
