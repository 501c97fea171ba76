// SPDX-License-Identifier: Apache-2.0
// symbiont options: every option of a file, from the tables that read it, as the source of its man page.
#include <string.h>
#include "cli/verb.h"
#include "symbiont/coordinator.h"
#include "symbiont/simulator.h"
#include "symbiont/site.h"

static int run(struct command *c)
{
    const struct {
        const char *name;
        const struct section *section;
    } files[] = {{"symbiont.conf", site_section()},
                 {"profile", &profile_section},
                 {"plant", &plant_section},
                 {"coordinator.conf", &coordinator_section}};
    const char *name = c->n ? c->words[0] : files[0].name;
    if (strcmp(name, "verbs") == 0) {
        man_verbs(c->out);
        return EX_OK;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(name, files[i].name) == 0) {
            return config_describe(files[i].section, c->out) ? EX_OK
                                                             : command_fail(c, EX_OSERR, "out of memory");
        }
    }
    return command_usage(c, "\"%s\": wanted symbiont.conf, profile, plant or verbs", name);
}

const struct verb verb_options = {
    .name = "options",
    .help = "every option of symbiont.conf, of a profile, of a plant file or of coordinator.conf, as scdoc",
    .words = "[symbiont.conf|profile|plant|verbs]",
    .most = 1,
    .text =
        "Printed from the tables that read the file, in the form of a man page's source (scdoc): types,\n"
        "units, defaults, ranges. `man 5 symbiont.conf` is made from it, and `man symbiont` from \"verbs\".",
    .run = run};
