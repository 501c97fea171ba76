// SPDX-License-Identifier: Apache-2.0
// Any text as coordinator.conf: it ends with errors at its lines, or with settings that hold together.
#include "coordinator/options.h"
#include "complaints.h"
#include "one_text.h"
#include "scratch.h"
#include "symbiont/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct territory *t)
{
    unsigned char key[KEY_PUBLIC];
    const struct coordinator_root *r = t->root;
    for (size_t i = 0; i < r->members.n; i++) {
        const struct member_config *m = territory_member(t, i);
        if (!exchange_is_pseudonym(m->pseudonym) || m->keys.n < 1 || m->keys.n > 2)
            abort();
        for (size_t k = 0; k < m->keys.n; k++)
            if (!public_key_parse(m->keys.items[k], key))
                abort();
    }
    for (size_t i = 0; i < r->declared.n; i++)
        if (!exchange_is_pseudonym(territory_declared(t, i)->pseudonym))
            abort();
    if (!t->zone || t->digest_weekday < 0 || t->digest_weekday > 7 || t->digest_hour < 0 ||
        t->digest_hour > 23 || r->limits.burst < 1 || r->limits.entries_most < 1 || r->limits.mute_ns <= 0)
        abort();
    for (int i = 0; i < FACTORS; i++)
        if (!(r->matching.factor[i].low <= r->matching.factor[i].value &&
              r->matching.factor[i].value <= r->matching.factor[i].high))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char why[200];
    if (units_open(why, sizeof why) < 0)
        abort();
    scratch_write("coordinator.conf", data, n);
    struct diagnostics *d = diagnostics_new();
    struct territory *t = coordinator_settings_load(scratch_path("coordinator.conf"), d);
    size_t seen = complaints_count(d);
    if ((!t || diag_errors(d)) && !seen)
        abort();
    if (t && diag_errors(d) == 0)
        check(t);
    coordinator_settings_free(t);
    diagnostics_free(d);
    return 0;
}
