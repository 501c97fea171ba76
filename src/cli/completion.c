// SPDX-License-Identifier: Apache-2.0
// A completion script for bash, from the tables.
#include <string.h>
#include "cli/verb.h"

static void option_words(const struct verb *v, FILE *out)
{
    for (const struct verb_option *o = v->options; o && o->name; o++)
        fprintf(out, "--%s ", o->name);
    fputs("--help", out);
}

static bool is_word(const char *text, const char *word)
{
    return text && strncmp(text + strspn(text, "["), word, strlen(word)) == 0;
}

// What may follow an option, as a command that fills COMPREPLY.
static void after_option(const struct verb *v, const struct verb_option *o, FILE *out)
{
    fprintf(out, "        %s:--%s", v->name, o->name);
    if (o->letter)
        fprintf(out, " | %s:-%c", v->name, o->letter);
    if (o->choices)
        fprintf(out, ") COMPREPLY=($(compgen -W \"%s\" -- \"$word\")); return ;;\n", o->choices);
    else if (strcmp(o->argument, "FILE") == 0)
        fputs(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", out);
    else if (strcmp(o->name, "profile") == 0)
        fputs(") COMPREPLY=($(compgen -W \"$(_symbiont_profiles)\" -- \"$word\")); return ;;\n", out);
    else if (strcmp(o->argument, "DIR") == 0)
        fputs(") COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n", out);
    else
        fputs(") return ;;\n", out);
}

// "[symbiont.conf|profile]": one of these words.
static void alternatives(const struct verb *v, FILE *out)
{
    fprintf(out, "        %s) COMPREPLY=($(compgen -W \"", v->name);
    for (const char *c = v->words; *c; c++)
        if (*c != '[' && *c != ']')
            fputc(*c == '|' ? ' ' : *c, out);
    fputs("\" -- \"$word\")) ;;\n", out);
}

static void words_of(const struct verb *v, FILE *out)
{
    if (is_word(v->words, "FILE"))
        fprintf(out, "        %s) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n", v->name);
    else if (is_word(v->words, "PROFILE"))
        fprintf(out, "        %s) COMPREPLY=($(compgen -W \"$(_symbiont_profiles)\" -- \"$word\")) ;;\n",
                v->name);
    else if (is_word(v->words, "VERB"))
        fprintf(out, "        %s) COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\")) ;;\n", v->name);
    else if (v->words && strspn(v->words, "abcdefghijklmnopqrstuvwxyz.[|]") == strlen(v->words))
        alternatives(v, out);
}

void completion_bash(FILE *out)
{
    fputs(
        "# bash completion for symbiont; made by `symbiont completion bash`\n"
        "_symbiont_profiles()\n"
        "{\n"
        "    \"${COMP_WORDS[0]}\" profiles 2>/dev/null | {\n"
        "        read -r _ # the headings\n"
        "        while read -r name _; do echo \"$name\"; done\n"
        "    }\n"
        "}\n"
        "_symbiont()\n"
        "{\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}\n"
        "    local verbs=\"",
        out);
    for (size_t i = 0; verbs[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", verbs[i]->name);
    fputs("\"\n"
          "    COMPREPLY=()\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        COMPREPLY=($(compgen -W \"$verbs --help --version\" -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    case $verb:$before in\n",
          out);
    for (size_t i = 0; verbs[i]; i++)
        for (const struct verb_option *o = verbs[i]->options; o && o->name; o++)
            if (o->argument)
                after_option(verbs[i], o, out);
    fputs("        *) ;;\n"
          "    esac\n"
          "    case $word:$verb in\n",
          out);
    for (size_t i = 0; verbs[i]; i++) {
        fprintf(out, "        -*:%s) COMPREPLY=($(compgen -W \"", verbs[i]->name);
        option_words(verbs[i], out);
        fputs("\" -- \"$word\")); return ;;\n", out);
    }
    fputs("        *) ;;\n"
          "    esac\n"
          "    case $verb in\n",
          out);
    for (size_t i = 0; verbs[i]; i++)
        words_of(verbs[i], out);
    fputs("        *) ;;\n"
          "    esac\n"
          "}\n"
          "complete -F _symbiont symbiont\n",
          out);
}
