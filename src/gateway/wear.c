// SPDX-License-Identifier: Apache-2.0
// How fast the flash is worn: bytes a day, and how many years that leaves.
#include <math.h>
#include "gateway/gateway.h"

#define DAY_NS (86400 * NS_PER_S)
#define YEAR   365.25
#define ENOUGH 3.0
// A day tells something; an outage of an hour, taken for a day, would cry wolf.
#define SURE_NS DAY_NS
// What a flash writes for a byte that it is given, where it has to move others. An assumption, on the safe
// side of what is reported of eMMC under small synced writes.
#define AMPLIFICATION 3.0

struct wear gateway_wear(const struct gateway *g, struct mono now)
{
    struct outbox_disk d;
    struct ledger_stats l = {0};
    outbox_disk_stats(g->outbox, &d);
    if (g->ledger)
        ledger_stats(g->ledger, &l);
    int64_t ran = mono_since(now, g->began), least = 60 * NS_PER_S;
    double days = (double)(ran > least ? ran : least) / (double)DAY_NS;
    struct wear w = {.per_day = (double)(d.bytes_written + l.bytes_written) / days, .years = INFINITY};
    double endurance = (double)g->site->root->storage.endurance;
    if (endurance > 0 && w.per_day > 0)
        w.years = endurance / (w.per_day * AMPLIFICATION * YEAR);
    return w;
}

void gateway_look_at_wear(struct gateway *g, struct mono now)
{
    if (mono_since(now, g->began) < SURE_NS)
        return;
    struct wear w = gateway_wear(g, now);
    if (w.years < ENOUGH)
        complain(&g->worn, now, LOG_LEVEL_WARNING, "storage",
                 "%.1f MB a day are written: a flash of this endurance lasts %.1f years. A broker or "
                 "database that is "
                 "away for long, or durability \"always\" with short intervals, is the usual reason",
                 w.per_day / 1e6, w.years);
    else
        complaint_over(&g->worn, "storage", "the flash lasts %.0f years again at this rate",
                       fmin(w.years, 1000));
}
