// SPDX-License-Identifier: Apache-2.0
// symbiont status: how a running daemon is.
#include <math.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/output.h"

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static double number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static int64_t whole_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static int64_t sum_of(const json_t *o)
{
    const char *key;
    json_t *value;
    int64_t sum = 0;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) sum += json_integer_value(value);
    return sum;
}

static void show_lines(struct output *o, const json_t *lines)
{
    static const struct column columns[] = {
        {"line", NULL},     {"address", NULL},  {"state", NULL},   {"busy_%", "busy %"}, {"asked", NULL},
        {"answered", NULL}, {"timeouts", NULL}, {"refused", NULL}, {"trouble", NULL},    {0}};
    size_t i;
    json_t *l;
    output_table(o, "lines", columns);
    json_array_foreach((json_t *)(uintptr_t)lines, i, l)
    {
        output_row(o);
        output_text(o, "line", text_of(l, "name"));
        output_text(o, "address", text_of(l, "address"));
        output_text(o, "state", text_of(l, "state"));
        output_number(o, "busy_%", (double)(int64_t)(1000 * number_of(l, "busy_share")) / 10);
        output_int(o, "asked", whole_of(l, "asked"));
        output_int(o, "answered", whole_of(l, "answered"));
        output_int(o, "timeouts", whole_of(l, "timeouts"));
        output_int(o, "refused", sum_of(json_object_get(l, "refused_answers")));
        output_text(o, "trouble", text_of(l, "trouble"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_meters(struct output *o, const json_t *meters)
{
    static const struct column columns[] = {{"meter", NULL},
                                            {"line", NULL},
                                            {"unit", NULL},
                                            {"state", NULL},
                                            {"last_success", NULL},
                                            {"round_trip_ms", "ms"},
                                            {"readings", NULL},
                                            {"missed", NULL},
                                            {"timeout", NULL},
                                            {"bad_answer", "bad"},
                                            {"exception", NULL},
                                            {"no_connection", "unreachable"},
                                            {0}};
    size_t i;
    json_t *m;
    output_table(o, "meters", columns);
    json_array_foreach((json_t *)(uintptr_t)meters, i, m)
    {
        const json_t *errors = json_object_get(m, "errors");
        output_row(o);
        output_text(o, "meter", text_of(m, "name"));
        output_text(o, "line", text_of(m, "line"));
        output_int(o, "unit", whole_of(m, "unit"));
        output_text(o, "state", text_of(m, "state"));
        output_text(o, "last_success", text_of(m, "last_success"));
        output_number(o, "round_trip_ms", number_of(m, "round_trip_ms"));
        output_int(o, "readings", whole_of(m, "readings"));
        output_int(o, "missed", whole_of(m, "missed"));
        output_int(o, "timeout", whole_of(errors, "timeout"));
        output_int(o, "bad_answer", whole_of(errors, "bad_answer"));
        output_int(o, "exception", whole_of(errors, "exception"));
        output_int(o, "no_connection", whole_of(errors, "no_connection"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_publishers(struct output *o, const json_t *publishers)
{
    static const struct column columns[] = {{"publisher", NULL},
                                            {"connected", NULL},
                                            {"server", NULL},
                                            {"waiting", NULL},
                                            {"oldest_s", "oldest s"},
                                            {"on_disk", "on disk"},
                                            {"delivered", NULL},
                                            {"dropped", NULL},
                                            {"rejected", NULL},
                                            {"error", NULL},
                                            {0}};
    size_t i;
    json_t *p;
    output_table(o, "publishers", columns);
    json_array_foreach((json_t *)(uintptr_t)publishers, i, p)
    {
        output_row(o);
        output_text(o, "publisher", text_of(p, "name"));
        output_bool(o, "connected", json_is_true(json_object_get(p, "connected")));
        output_text(o, "server", text_of(p, "server"));
        output_int(o, "waiting", whole_of(p, "waiting"));
        output_number(o, "oldest_s", number_of(p, "oldest_s"));
        output_int(o, "on_disk", whole_of(p, "on_disk"));
        output_int(o, "delivered", whole_of(p, "delivered"));
        output_int(o, "dropped", whole_of(p, "dropped"));
        output_int(o, "rejected", whole_of(p, "rejected"));
        output_text(o, "error", text_of(p, "error"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_rules(struct output *o, const json_t *rules)
{
    static const struct column columns[] = {{"rule", NULL},
                                            {"state", NULL},
                                            {"condition", NULL},
                                            {"evaluated", NULL},
                                            {"unknown_since", "unknown since"},
                                            {"began", NULL},
                                            {"alerts", NULL},
                                            {"suppressed", NULL},
                                            {0}};
    size_t i;
    json_t *r;
    if (json_array_size(rules) == 0)
        return;
    output_table(o, "rules", columns);
    json_array_foreach((json_t *)(uintptr_t)rules, i, r)
    {
        output_row(o);
        output_text(o, "rule", text_of(r, "name"));
        output_text(o, "state", text_of(r, "state"));
        output_text(o, "condition", text_of(r, "condition"));
        output_text(o, "evaluated", text_of(r, "evaluated"));
        output_text(o, "unknown_since", text_of(r, "unknown_since"));
        output_text(o, "began", text_of(r, "began"));
        output_int(o, "alerts", whole_of(r, "alerts"));
        output_int(o, "suppressed", whole_of(r, "suppressed"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_streams(struct output *o, const json_t *streams)
{
    static const struct column columns[] = {{"stream", NULL},
                                            {"state", NULL},
                                            {"value", NULL},
                                            {"unit", NULL},
                                            {"provenance", NULL},
                                            {"confidence", NULL},
                                            {0}};
    size_t i;
    json_t *s;
    if (json_array_size(streams) == 0)
        return;
    output_table(o, "streams", columns);
    json_array_foreach((json_t *)(uintptr_t)streams, i, s)
    {
        output_row(o);
        output_text(o, "stream", text_of(s, "name"));
        output_text(o, "state", text_of(s, "state"));
        output_number(o, "value", number_of(s, "value"));
        output_text(o, "unit", text_of(s, "unit"));
        output_text(o, "provenance", text_of(s, "provenance"));
        output_number(o, "confidence", number_of(s, "confidence"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_members(struct output *o, const json_t *members)
{
    static const struct column columns[] = {{"member", NULL},
                                            {"name", NULL},
                                            {"state", NULL},
                                            {"last_message", NULL},
                                            {"entries", NULL},
                                            {"accepted", NULL},
                                            {"refused", NULL},
                                            {"throttled", NULL},
                                            {"muted", NULL},
                                            {"trouble", NULL},
                                            {0}};
    size_t i;
    json_t *m;
    output_table(o, "members", columns);
    json_array_foreach((json_t *)(uintptr_t)members, i, m)
    {
        output_row(o);
        output_text(o, "member", text_of(m, "pseudonym"));
        output_text(o, "name", text_of(m, "name"));
        output_text(o, "state", text_of(m, "state"));
        output_text(o, "last_message", text_of(m, "last_message"));
        output_int(o, "entries", whole_of(m, "entries"));
        output_int(o, "accepted", whole_of(m, "accepted"));
        output_int(o, "refused", whole_of(m, "refused"));
        output_int(o, "throttled", whole_of(m, "throttled"));
        output_int(o, "muted", whole_of(m, "muted"));
        output_text(o, "trouble", text_of(m, "trouble"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_channels(struct output *o, const json_t *channels)
{
    static const struct column columns[] = {{"channel", NULL}, {"kind", NULL}, {"waiting", NULL}, {0}};
    size_t i;
    json_t *ch;
    if (json_array_size(channels) == 0)
        return;
    output_table(o, "channels", columns);
    json_array_foreach((json_t *)(uintptr_t)channels, i, ch)
    {
        output_row(o);
        output_text(o, "channel", text_of(ch, "name"));
        output_text(o, "kind", text_of(ch, "kind"));
        output_int(o, "waiting", whole_of(ch, "waiting"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_coordinator(struct output *o, const json_t *root)
{
    const json_t *config = json_object_get(root, "config"), *broker = json_object_get(root, "broker"),
                 *matching = json_object_get(root, "matching"), *alerts = json_object_get(root, "alerts"),
                 *store = json_object_get(root, "store");
    output_text(o, "territory", text_of(root, "territory"));
    output_text(o, "version", text_of(root, "version"));
    output_text(o, "public key", text_of(root, "public_key"));
    output_text(o, "running since", text_of(root, "started"));
    output_text(o, "configuration", text_of(config, "file"));
    output_text(o, "loaded", text_of(config, "loaded"));
    if (text_of(config, "last_reload_error"))
        output_text(o, "last reload failed", text_of(config, "last_reload_error"));
    if (json_is_false(json_object_get(root, "clock_set")))
        output_text(o, "clock", "not set: messages wait for the time");
    output_text(o, "broker", text_of(broker, "server"));
    output_bool(o, "connected", json_is_true(json_object_get(broker, "connected")));
    if (text_of(broker, "error"))
        output_text(o, "last error", text_of(broker, "error"));
    output_int(o, "offers and needs", whole_of(matching, "entries"));
    output_int(o, "proposed", whole_of(matching, "proposed"));
    output_int(o, "in talks", whole_of(matching, "disclosed"));
    output_int(o, "agreed", whole_of(matching, "agreed"));
    output_int(o, "running", whole_of(matching, "running"));
    output_int(o, "alerts raised", whole_of(alerts, "raised"));
    output_int(o, "alerts held back", whole_of(alerts, "held_back"));
    if (whole_of(alerts, "given_up"))
        output_int(o, "alerts given up", whole_of(alerts, "given_up"));
    if (json_is_true(json_object_get(store, "failing")))
        output_text(o, "store fails", text_of(store, "error"));
    show_members(o, json_object_get(root, "members"));
    show_channels(o, json_object_get(alerts, "channels"));
}

static void show_exchange(struct output *o, const json_t *x)
{
    static const struct column columns[] = {{"exchange", NULL},
                                            {"connected", NULL},
                                            {"server", NULL},
                                            {"told", NULL},
                                            {"matches", NULL},
                                            {"waiting", NULL},
                                            {"refused_in", "refused in"},
                                            {"error", NULL},
                                            {0}};
    if (!x)
        return;
    output_table(o, "exchange", columns);
    output_row(o);
    output_text(o, "exchange", text_of(x, "pseudonym"));
    output_bool(o, "connected", json_is_true(json_object_get(x, "connected")));
    output_text(o, "server", text_of(x, "server"));
    output_int(o, "told", whole_of(x, "told"));
    output_int(o, "matches", whole_of(x, "matches"));
    output_int(o, "waiting", whole_of(x, "waiting"));
    output_int(o, "refused_in", sum_of(json_object_get(x, "refused")));
    output_text(o, "error", json_is_true(json_object_get(x, "connected")) ? NULL : text_of(x, "last_error"));
    output_row_end(o);
    output_table_end(o);
}

static void show_head(struct output *o, const json_t *root)
{
    const json_t *config = json_object_get(root, "config"), *storage = json_object_get(root, "storage");
    output_text(o, "site", text_of(root, "site"));
    output_text(o, "version", text_of(root, "version"));
    output_text(o, "running since", text_of(root, "started"));
    output_text(o, "configuration", text_of(config, "file"));
    output_text(o, "loaded", text_of(config, "loaded"));
    if (text_of(config, "last_reload_error"))
        output_text(o, "last reload failed", text_of(config, "last_reload_error"));
    if (json_is_false(json_object_get(root, "clock_set")))
        output_text(o, "clock", "not set: readings wait for the time");
    const json_t *held = json_object_get(root, "held_readings");
    if (whole_of(held, "waiting") || whole_of(held, "lost")) {
        output_int(o, "readings that wait for it", whole_of(held, "waiting"));
        output_int(o, "readings lost without it", whole_of(held, "lost"));
    }
    if (json_is_true(json_object_get(storage, "failing")))
        output_text(o, "storage fails", text_of(storage, "error"));
    output_int(o, "written to disk, bytes", whole_of(storage, "bytes_written"));
    output_int(o, "at this rate, bytes a day", whole_of(storage, "bytes_per_day"));
    if (json_object_get(storage, "flash_years"))
        output_number(o, "the flash lasts, years", number_of(storage, "flash_years"));
}

static int run(struct command *c)
{
    char path[128];
    const char *socket_path = control_socket(c, path, sizeof path);
    if (command_flag(c, "json")) {
        struct buf answer = {0};
        int status = control_ask(c, socket_path, "status", &answer);
        if (status == EX_OK)
            fwrite(answer.data, 1, answer.len, c->out);
        buf_free(&answer);
        return status;
    }
    int status;
    json_t *root = control_ask_json(c, socket_path, "status", &status);
    if (!root)
        return status;
    struct output o = output_begin(false);
    output_object(&o, NULL);
    if (json_object_get(root, "territory")) {
        show_coordinator(&o, root);
        output_object_end(&o);
        json_decref(root);
        return output_end(&o, c->out) ? EX_OK : EX_OSERR;
    }
    show_head(&o, root);
    show_lines(&o, json_object_get(root, "lines"));
    show_meters(&o, json_object_get(root, "meters"));
    show_publishers(&o, json_object_get(root, "publishers"));
    show_rules(&o, json_object_get(root, "rules"));
    show_streams(&o, json_object_get(root, "streams"));
    show_exchange(&o, json_object_get(root, "exchange"));
    output_object_end(&o);
    json_decref(root);
    return output_end(&o, c->out) ? EX_OK : command_fail(c, EX_OSERR, "out of memory");
}

static const struct verb_option options[] = {VERB_CONFIG, VERB_SOCKET, VERB_COORDINATOR, VERB_JSON, {0}};

const struct verb verb_status = {
    .name = "status",
    .help = "how a running daemon is: lines, meters, publishers, rules, streams; members",
    .text = "Asks the daemon over its control socket. Per line: the share of time it is busy, requests and\n"
            "what became of them. Per meter: its state (up, suspect, down), when it last answered, the\n"
            "round trip, and its errors by class. Per publisher: whether it is connected, what waits for it\n"
            "and for how long, what was sent, dropped and set aside. Of a coordinator (--coordinator, or -c "
            "with\n"
            "a coordinator.conf): the broker, members and what was refused of them, matches, alerts.",
    .options = options,
    .run = run};
