// SPDX-License-Identifier: Apache-2.0
// Any text as symbiont.conf, with the profiles that are shipped: it ends with errors at its lines, or with a
// site that can be planned and whose engine runs. From the top of the source, where conf/profiles is.
#include "complaints.h"
#include "one_text.h"
#include "scratch.h"
#include "symbiont/engine.h"
#include "symbiont/plan.h"
#include "symbiont/site.h"
#include "symbiont/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void run(struct site *s)
{
    struct engine *e = engine_new(s, NULL);
    if (!e)
        abort();
    for (size_t i = 0; i < s->root->meters.n; i++) {
        struct plan plan;
        const struct device *device = s->devices[i];
        struct value *values = calloc(device->n + 1, sizeof *values);
        if (!values || s->line_of[i] >= s->root->lines.n || plan_make(device, NS_PER_S, &plan) != 0)
            abort();
        plan_free(&plan);
        for (size_t p = 0; p < device->n; p++)
            values[p] = (struct value){.number = (double)p, .reason = REASON_GOOD};
        engine_derive(e, i, (struct utc){1795478400000}, values);
        free(values);
    }
    engine_tick(e, (struct utc){1795478460000});
    engine_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct profile_path shipped = {{"conf/profiles", NULL}};
    char why[200];
    if (units_open(why, sizeof why) < 0)
        abort();
    scratch_write("symbiont.conf", data, n);
    struct diagnostics *d = diagnostics_new();
    struct site *s = site_load(scratch_path("symbiont.conf"), &shipped, d);
    size_t seen = complaints_count(d);
    if ((!s || diag_errors(d)) && !seen)
        abort();
    if (s && diag_errors(d) == 0)
        run(s);
    site_free(s);
    diagnostics_free(d);
    return 0;
}
