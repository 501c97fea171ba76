// SPDX-License-Identifier: Apache-2.0
// symbiont accept, symbiont decline: the site's answer to a match.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/json_fields.h"

static int answer(struct command *c, const char *request)
{
    char path[128];
    int status;
    json_t *root = control_ask_json(c, control_socket(c, path, sizeof path), request, &status);
    if (!root)
        return status;
    if (field_text(root, "error")) {
        status = command_fail(c, EX_WRONG, "%s: %s", c->words[0], field_text(root, "error"));
    } else if (command_flag(c, "json")) {
        char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
        fprintf(c->out, "%s\n", text ? text : "");
        free(text);
    } else {
        fprintf(c->out, "match %s: answered \"%s\"\n", field_text(root, "match"), field_text(root, "answer"));
        if (field_text(root, "meter"))
            fprintf(c->out, "once both agreed, the hourly amounts of stream %s are told\n",
                    field_text(root, "meter"));
        if (field_text(root, "note"))
            fprintf(c->out, "%s\n", field_text(root, "note"));
    }
    json_decref(root);
    return status;
}

// The request is one line of words.
static bool is_plain(const char *s)
{
    for (; *s; s++)
        if (iscntrl((unsigned char)*s))
            return false;
    return true;
}

static int ask(struct command *c, const char *verb, const char *option)
{
    char request[220];
    const char *more = command_value(c, option), *id = c->words[0];
    if (asks_coordinator(c)) {
        option = "for";
        more = command_value(c, "for");
        if (!more)
            return command_usage(c, "say for which firm: --for PSEUDONYM");
    }
    if (strlen(id) > 32 || strspn(id, "0123456789abcdef") != strlen(id))
        return command_usage(c, "\"%s\" is no id of a match: `symbiont matches` lists them", id);
    if (more && !is_plain(more))
        return command_usage(c, "--%s must be one line", option);
    if (snprintf(request, sizeof request, "%s %s %s", verb, id, more ? more : "") >= (int)sizeof request)
        return command_usage(c, "--%s is too long", option);
    return answer(c, request);
}

static int run_accept(struct command *c)
{
    return ask(c, "accept", "meter");
}

static int run_decline(struct command *c)
{
    return ask(c, "decline", "reason");
}

static const struct verb_option accept_options[] = {
    VERB_CONFIG,
    VERB_SOCKET,
    VERB_COORDINATOR,
    {"for", 0, "PSEUDONYM", "with --coordinator: the firm without a gateway that it is answered for", false,
     NULL},
    {"meter", 'm', "STREAM",
     "the stream whose hourly amounts are told once both agreed (default: the offer's own)", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_accept = {
    .name = "accept",
    .help = "say yes to a match",
    .words = "ID",
    .least = 1,
    .most = 1,
    .text =
        "To a match that is proposed: this site is interested. The other side learns of it only when it says "
        "yes\n"
        "too; then, at disclosure 4 and above, both get the other's name and contact. To a match that is\n"
        "disclosed: there is an agreement. Once the coordinator has set it running, the hourly amounts of "
        "one\n"
        "stream are told, and of no other.\n"
        "\n"
        "Exit status 1: there is no such match, or it is not for a yes now.",
    .options = accept_options,
    .run = run_accept};

static const struct verb_option decline_options[] = {
    VERB_CONFIG,
    VERB_SOCKET,
    VERB_COORDINATOR,
    {"for", 0, "PSEUDONYM", "with --coordinator: the firm without a gateway that it is answered for", false,
     NULL},
    {"reason", 'r', "TEXT", "for the disclosure log; it does not leave the site", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_decline = {.name = "decline",
                                  .help = "say no to a match, take a yes back, end an exchange",
                                  .words = "ID",
                                  .least = 1,
                                  .most = 1,
                                  .text = "To a match that is proposed: no, and it is not proposed again. "
                                          "After a yes: the yes is taken back. To one\n"
                                          "that is agreed or running: it has ended.\n"
                                          "\n"
                                          "Exit status 1: there is no such match, or it has ended.",
                                  .options = decline_options,
                                  .run = run_decline};
