// SPDX-License-Identifier: Apache-2.0
// The saved state of a rule, damaged in any way but with a sum that fits: it is refused, or the rule goes on
// from it.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "seal.h"
#include "symbiont/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t size)
{
    (void)arg, (void)name, (void)why, (void)size;
    *out = (struct expression_source){.unit = unit_find("kW"), .every_ms = 60000, .hold_ms = 180000};
    return true;
}

static void live_on(struct rule *r)
{
    for (int i = 0; i < 30; i++) {
        struct utc t = {INT64_C(1767571200000) + i * 60000};
        rule_feed(r, 0, t, i % 10 < 5 ? 9 : 1);
        rule_settle(r, t);
        rule_tick(r, (struct utc){t.ms + 30000});
    }
    struct rule_health h;
    rule_health(r, &h);
    if (h.state >= RULE_STATES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char name[] = "r", when[] = "m.p > 5 kW", alert[] = "{m.p}", why[200];
    const struct rule_config c = {.name = name,
                                  .when = when,
                                  .alert = alert,
                                  .for_ns = 120 * NS_PER_S,
                                  .release_for_ns = 60 * NS_PER_S,
                                  .repeat_ns = 600 * NS_PER_S,
                                  .at_most_every_ns = 900 * NS_PER_S};
    if (n > 4096)
        return 0;
    if (units_open(why, sizeof why) < 0)
        abort();
    struct diagnostics *d = diagnostics_new();
    struct rule *r = rule_new(&c, &(struct expression_names){resolve, NULL}, NULL, NULL, d);
    struct buf bytes = {0};
    if (!r)
        abort();
    rule_restore(r, data, n);
    rule_save(r, true, &bytes);
    // The fuzzer cannot guess names and sums: the bytes go between a true head and a true sum.
    size_t head = 12, room = bytes.len - head - 8;
    memcpy(bytes.data + head, data, n < room ? n : room);
    seal(bytes.data, bytes.len);
    if (rule_restore(r, bytes.data, bytes.len))
        live_on(r);
    buf_free(&bytes);
    rule_free(r);
    diagnostics_free(d);
    return 0;
}
