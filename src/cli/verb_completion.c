// SPDX-License-Identifier: Apache-2.0
// symbiont completion
#include <string.h>
#include "cli/verb.h"

static int run(struct command *c)
{
    if (strcmp(c->words[0], "bash") != 0)
        return command_usage(c, "there is no completion for \"%s\"; allowed is bash", c->words[0]);
    completion_bash(c->out);
    return EX_OK;
}

const struct verb verb_completion = {
    .name = "completion",
    .help = "print the completion script of a shell",
    .words = "bash",
    .least = 1,
    .most = 1,
    .text = "Prints what makes bash complete verbs, options and files. For all users:\n"
            "\n"
            "  symbiont completion bash > /usr/share/bash-completion/completions/symbiont\n"
            "\n"
            "For this shell only: eval \"$(symbiont completion bash)\"",
    .run = run,
};
