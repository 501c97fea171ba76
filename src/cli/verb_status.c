// SPDX-License-Identifier: Apache-2.0
// symbiont status: how a running daemon is.
#include <math.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/output.h"

enum kind {
    TEXT,
    WHOLE,
    NUMBER,
    PERCENT, // of a share, to a tenth
    YES_NO,
    SUM, // of an object's members
    END
};

// What is shown of an answer, in its order. `from`: the members that lead to it, "config.file".
struct shown {
    const char *key;
    enum kind kind;
    const char *from;    // NULL: the key itself
    const char *heading; // NULL: as struct column has it
    bool only_if_told;   // in an object: left out when it is not there, or 0
};

static const struct shown line_fields[] = {
    {"line", .kind = TEXT, .from = "name"},
    {"address", .kind = TEXT},
    {"state", .kind = TEXT},
    {"busy_%", .kind = PERCENT, .from = "busy_share", .heading = "busy %"},
    {"asked", .kind = WHOLE},
    {"answered", .kind = WHOLE},
    {"timeouts", .kind = WHOLE},
    {"refused", .kind = SUM, .from = "refused_answers"},
    {"trouble", .kind = TEXT},
    {.kind = END}};

static const struct shown meter_fields[] = {
    {"meter", .kind = TEXT, .from = "name"},
    {"line", .kind = TEXT},
    {"unit", .kind = WHOLE},
    {"state", .kind = TEXT},
    {"last_success", .kind = TEXT},
    {"round_trip_ms", .kind = NUMBER, .heading = "ms"},
    {"readings", .kind = WHOLE},
    {"missed", .kind = WHOLE},
    {"timeout", .kind = WHOLE, .from = "errors.timeout"},
    {"bad_answer", .kind = WHOLE, .from = "errors.bad_answer", .heading = "bad"},
    {"exception", .kind = WHOLE, .from = "errors.exception"},
    {"no_connection", .kind = WHOLE, .from = "errors.no_connection", .heading = "unreachable"},
    {.kind = END}};

static const struct shown publisher_fields[] = {{"publisher", .kind = TEXT, .from = "name"},
                                                {"connected", .kind = YES_NO},
                                                {"server", .kind = TEXT},
                                                {"waiting", .kind = WHOLE},
                                                {"oldest_s", .kind = NUMBER, .heading = "oldest s"},
                                                {"on_disk", .kind = WHOLE, .heading = "on disk"},
                                                {"delivered", .kind = WHOLE},
                                                {"dropped", .kind = WHOLE},
                                                {"rejected", .kind = WHOLE},
                                                {"error", .kind = TEXT},
                                                {.kind = END}};

static const struct shown rule_fields[] = {{"rule", .kind = TEXT, .from = "name"},
                                           {"state", .kind = TEXT},
                                           {"condition", .kind = TEXT},
                                           {"evaluated", .kind = TEXT},
                                           {"unknown_since", .kind = TEXT, .heading = "unknown since"},
                                           {"began", .kind = TEXT},
                                           {"alerts", .kind = WHOLE},
                                           {"suppressed", .kind = WHOLE},
                                           {.kind = END}};

static const struct shown stream_fields[] = {{"stream", .kind = TEXT, .from = "name"},
                                             {"state", .kind = TEXT},
                                             {"value", .kind = NUMBER},
                                             {"unit", .kind = TEXT},
                                             {"provenance", .kind = TEXT},
                                             {"confidence", .kind = NUMBER},
                                             {.kind = END}};

static const struct shown member_fields[] = {{"member", .kind = TEXT, .from = "pseudonym"},
                                             {"state", .kind = TEXT},
                                             {"last_message", .kind = TEXT},
                                             {"entries", .kind = WHOLE},
                                             {"accepted", .kind = WHOLE},
                                             {"refused", .kind = WHOLE},
                                             {"throttled", .kind = WHOLE},
                                             {"muted", .kind = WHOLE},
                                             {"trouble", .kind = TEXT},
                                             {.kind = END}};

static const struct shown channel_fields[] = {{"channel", .kind = TEXT, .from = "name"},
                                              {"kind", .kind = TEXT},
                                              {"waiting", .kind = WHOLE},
                                              {.kind = END}};

static const struct shown exchange_fields[] = {
    {"exchange", .kind = TEXT, .from = "pseudonym"},
    {"connected", .kind = YES_NO},
    {"server", .kind = TEXT},
    {"told", .kind = WHOLE},
    {"matches", .kind = WHOLE},
    {"waiting", .kind = WHOLE},
    {"refused_in", .kind = SUM, .from = "refused", .heading = "refused in"},
    {"error", .kind = TEXT, .from = "last_error"},
    {.kind = END}};

// Tables of a gateway and of a coordinator: those that an answer does not have are not shown.
static const struct {
    const char *key, *from;
    const struct shown *fields;
    bool even_if_empty;
} tables[] = {
    {"lines", "lines", line_fields, true},
    {"meters", "meters", meter_fields, true},
    {"publishers", "publishers", publisher_fields, true},
    {"rules", "rules", rule_fields, false},
    {"streams", "streams", stream_fields, false},
    {"exchange", "exchange", exchange_fields, false},
    {"members", "members", member_fields, true},
    {"channels", "alerts.channels", channel_fields, false},
};

static const struct shown gateway_head[] = {
    {"site", .kind = TEXT},
    {"version", .kind = TEXT},
    {"running since", .kind = TEXT, .from = "started"},
    {"configuration", .kind = TEXT, .from = "config.file"},
    {"loaded", .kind = TEXT, .from = "config.loaded"},
    {"last reload failed", .kind = TEXT, .from = "config.last_reload_error", .only_if_told = true},
    {"clock", .kind = TEXT, .from = "clock", .only_if_told = true},
    {"readings that wait for it", .kind = WHOLE, .from = "held_readings.waiting", .only_if_told = true},
    {"readings lost without it", .kind = WHOLE, .from = "held_readings.lost", .only_if_told = true},
    {"storage fails", .kind = TEXT, .from = "storage.error", .only_if_told = true},
    {"written to disk, bytes", .kind = WHOLE, .from = "storage.bytes_written"},
    {"at this rate, bytes a day", .kind = WHOLE, .from = "storage.bytes_per_day"},
    {"the flash lasts, years", .kind = NUMBER, .from = "storage.flash_years", .only_if_told = true},
    {.kind = END}};

static const struct shown coordinator_head[] = {
    {"territory", .kind = TEXT},
    {"version", .kind = TEXT},
    {"public key", .kind = TEXT, .from = "public_key"},
    {"running since", .kind = TEXT, .from = "started"},
    {"configuration", .kind = TEXT, .from = "config.file"},
    {"loaded", .kind = TEXT, .from = "config.loaded"},
    {"last reload failed", .kind = TEXT, .from = "config.last_reload_error", .only_if_told = true},
    {"clock", .kind = TEXT, .from = "clock", .only_if_told = true},
    {"broker", .kind = TEXT, .from = "broker.server"},
    {"connected", .kind = YES_NO, .from = "broker.connected"},
    {"last error", .kind = TEXT, .from = "broker.error", .only_if_told = true},
    {"offers and needs", .kind = WHOLE, .from = "matching.entries"},
    {"proposed", .kind = WHOLE, .from = "matching.proposed"},
    {"in talks", .kind = WHOLE, .from = "matching.disclosed"},
    {"agreed", .kind = WHOLE, .from = "matching.agreed"},
    {"running", .kind = WHOLE, .from = "matching.running"},
    {"alerts raised", .kind = WHOLE, .from = "alerts.raised"},
    {"alerts held back", .kind = WHOLE, .from = "alerts.held_back"},
    {"alerts given up", .kind = WHOLE, .from = "alerts.given_up", .only_if_told = true},
    {"store fails", .kind = TEXT, .from = "store.error", .only_if_told = true},
    {.kind = END}};

static const json_t *member_of(const json_t *o, const char *path)
{
    size_t n;
    for (;; path += n + 1) {
        n = strcspn(path, ".");
        o = json_object_getn(o, path, n);
        if (!path[n])
            return o;
    }
}

static int64_t sum_of(const json_t *o)
{
    const char *key;
    json_t *value;
    int64_t sum = 0;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) sum += json_integer_value(value);
    return sum;
}

// To a thousandth, small ones to three digits: --json has them as they are.
static double readable(double v)
{
    double scale = v != 0 && fabs(v) < 1 ? pow(10, 2 - floor(log10(fabs(v)))) : 1000;
    return isfinite(scale) ? round(v * scale) / scale : v;
}

static void show(struct output *o, const json_t *object, const struct shown *f)
{
    const json_t *v = member_of(object, f->from ? f->from : f->key);
    double number = json_is_number(v) ? json_number_value(v) : NAN;
    if (f->only_if_told && (!v || json_is_null(v) || number == 0))
        return;
    switch (f->kind) {
    case TEXT:
        output_text(o, f->key, json_string_value(v));
        break;
    case WHOLE:
        output_int(o, f->key, json_integer_value(v));
        break;
    case NUMBER:
        output_number(o, f->key, readable(number));
        break;
    case PERCENT:
        output_number(o, f->key, trunc(1000 * number) / 10);
        break;
    case YES_NO:
        output_bool(o, f->key, json_is_true(v));
        break;
    case SUM:
        output_int(o, f->key, sum_of(v));
        break;
    case END:
        break;
    }
}

static void show_object(struct output *o, const json_t *object, const struct shown *fields)
{
    for (const struct shown *f = fields; f->kind != END; f++)
        show(o, object, f);
}

// `rows`: an array, or the only row itself.
static void show_table(struct output *o, const char *key, const json_t *rows, const struct shown *fields)
{
    struct column columns[OUTPUT_COLUMNS + 1] = {{0}};
    for (size_t i = 0; i < OUTPUT_COLUMNS && fields[i].kind != END; i++)
        columns[i] = (struct column){fields[i].key, fields[i].heading};
    output_table(o, key, columns);
    size_t count = json_is_array(rows) ? json_array_size(rows) : 1;
    for (size_t i = 0; i < count; i++) {
        output_row(o);
        show_object(o, json_is_array(rows) ? json_array_get(rows, i) : rows, fields);
        output_row_end(o);
    }
    output_table_end(o);
}

// What is only true at times is taken out of the answer, so that the tables above need no conditions.
static void tidy(json_t *root, bool gateway)
{
    json_t *store = json_object_get(root, gateway ? "storage" : "store"),
           *exchange = json_object_get(root, "exchange");
    if (json_is_false(json_object_get(root, "clock_set")))
        json_object_set_new(root, "clock",
                            json_string(gateway ? "not set: readings wait for the time"
                                                : "not set: messages wait for the time"));
    if (!json_is_true(json_object_get(store, "failing")))
        json_object_del(store, "error");
    if (json_is_true(json_object_get(exchange, "connected")))
        json_object_del(exchange, "last_error");
}

static void show_all(struct output *o, json_t *root)
{
    bool gateway = !json_object_get(root, "territory");
    tidy(root, gateway);
    output_object(o, NULL);
    show_object(o, root, gateway ? gateway_head : coordinator_head);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const json_t *rows = member_of(root, tables[i].from);
        if (rows && !json_is_null(rows) &&
            (tables[i].even_if_empty || !json_is_array(rows) || json_array_size(rows) > 0))
            show_table(o, tables[i].key, rows, tables[i].fields);
    }
    output_object_end(o);
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
    show_all(&o, root);
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
