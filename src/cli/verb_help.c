// SPDX-License-Identifier: Apache-2.0
// symbiont help
#include <string.h>
#include "cli/verb.h"

static int run(struct command *c)
{
    if (c->n == 0) {
        help_overview(c->out);
        return EX_OK;
    }
    const struct verb *v = verb_find(c->words[0]);
    if (!v)
        return command_fail(c, EX_USAGE, "there is no \"%s\"; `symbiont help` lists what there is",
                            c->words[0]);
    help_verb(v, c->out);
    return EX_OK;
}

const struct verb verb_help = {
    .name = "help", .help = "list the verbs, or tell about one", .words = "[VERB]", .most = 1, .run = run};
