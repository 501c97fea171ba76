// SPDX-License-Identifier: Apache-2.0
// symbiont report: the flow diagnosis of a period, out of the ledger.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/control_client.h"
#include "cli/report.h"
#include "cli/territory_report.h"
#include "symbiont/ledger.h"
#include "symbiont/site.h"

#define HOUR_MS    3600000LL
#define ASK_AGAIN  50 // times, while the daemon writes its hourly commit
#define PAUSE_NS   (100 * NS_PER_MS)
#define DAYS_SHOWN 30

// Where hours come from: a running daemon, or a ledger that none has open.
struct source {
    const struct command *command;
    struct ledger *ledger;
    char socket[108];
    const char *path;
};

static json_t *ask_once(struct source *s, const char *request, int *status)
{
    if (!s->ledger)
        return control_ask_json(s->command, s->path, request, status);
    struct buf answer = {0};
    ledger_answer(s->ledger, request, &answer);
    json_t *root = json_loadb(answer.data, answer.len, 0, NULL);
    buf_free(&answer);
    *status = root ? EX_OK : command_fail(s->command, EX_UNAVAILABLE, "out of memory");
    return root;
}

static json_t *ask(struct source *s, const char *request, int *status)
{
    for (int i = 0; i < ASK_AGAIN; i++) {
        json_t *root = ask_once(s, request, status);
        if (!root)
            return NULL;
        const char *error = json_string_value(json_object_get(root, "error"));
        if (error) {
            *status = command_fail(s->command, EX_UNAVAILABLE, "%s: %s", request, error);
            json_decref(root);
            return NULL;
        }
        if (!json_is_true(json_object_get(root, "busy")))
            return root;
        json_decref(root);
        struct timespec pause = {0, PAUSE_NS};
        nanosleep(&pause, NULL);
    }
    *status = command_fail(s->command, EX_UNAVAILABLE, "the ledger is busy");
    return NULL;
}

// ---- The period ----

struct period {
    struct zone *zone;
    char zone_name[64], site[128];
};

// A configuration that is missing or wrong leaves UTC: a ledger can be read without one.
static void learn_site(const struct command *c, struct period *p)
{
    char why[200];
    snprintf(p->zone_name, sizeof p->zone_name, "UTC");
    struct diagnostics *d = diagnostics_new();
    struct config *config = d ? config_read_path(command_config(c), true, site_section(), d) : NULL;
    const struct site_root *root = config ? config_root(config) : NULL;
    if (root && root->site.timezone && (p->zone = zone_open(root->site.timezone, why, sizeof why)))
        snprintf(p->zone_name, sizeof p->zone_name, "%s", root->site.timezone);
    if (root && (root->site.name || root->site.id))
        snprintf(p->site, sizeof p->site, "%s", root->site.name ? root->site.name : root->site.id);
    config_free(config);
    diagnostics_free(d);
}

// The instant of a local date and hour. Twice: the first guess may lie on the other side of a change of the
// clocks.
static struct utc local_time(const struct zone *z, int64_t day, int hour)
{
    int64_t local = day * 24 * HOUR_MS + hour * HOUR_MS;
    struct utc t = {local - zone_offset(z, (struct utc){local}) * 1000LL};
    return (struct utc){local - zone_offset(z, t) * 1000LL};
}

// "2026-01-31" or "2026-01-31T06" (or 06:00). `end`: a day is meant with all of it.
static bool parse_time(const char *text, const struct zone *z, bool end, struct utc *out)
{
    static const int length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d, h = -1, n = 0;
    char rest[8] = "";
    if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || n != 10 || y < 1970 || m < 1 || m > 12 ||
        d < 1 || d > length[m - 1])
        return false;
    if (text[n] &&
        (sscanf(text + n, "T%2d%6s", &h, rest) < 1 || h < 0 || h > 23 || (*rest && strcmp(rest, ":00") != 0)))
        return false;
    int64_t day = civil_day_number(y, m, d);
    *out = h >= 0 ? local_time(z, day, h) : local_time(z, day + end, 0);
    return true;
}

static int take_period(const struct command *c, const struct period *p, struct report *r)
{
    const char *from = command_value(c, "from"), *to = command_value(c, "to");
    struct utc now = utc_now();
    r->to = (struct utc){now.ms / HOUR_MS * HOUR_MS};
    if (to && !parse_time(to, p->zone, true, &r->to))
        return command_usage(c, "--to \"%s\": wanted a day, 2026-01-31, or an hour of it, 2026-01-31T06", to);
    struct civil begin = zone_civil(p->zone, (struct utc){r->to.ms - 1});
    r->from = local_time(p->zone, begin.day_number - DAYS_SHOWN + 1, 0);
    if (from && !parse_time(from, p->zone, false, &r->from))
        return command_usage(c, "--from \"%s\": wanted a day, 2026-01-01, or an hour of it, 2026-01-01T06",
                             from);
    if (r->from.ms >= r->to.ms)
        return command_usage(c, "the period ends before it begins");
    if (r->to.ms - r->from.ms > 50LL * 366 * 24 * HOUR_MS)
        return command_usage(c, "the period is longer than 50 years");
    r->period_h = (double)(r->to.ms - r->from.ms) / (double)HOUR_MS;
    struct civil a = zone_civil(p->zone, r->from), b = zone_civil(p->zone, r->to);
    snprintf(r->from_text, sizeof r->from_text, "%04d-%02d-%02d %02d:00", a.year, a.month, a.day, a.hour);
    snprintf(r->to_text, sizeof r->to_text, "%04d-%02d-%02d %02d:00", b.year, b.month, b.day, b.hour);
    snprintf(r->zone, sizeof r->zone, "%s", p->zone_name);
    snprintf(r->site, sizeof r->site, "%s", p->site);
    return EX_OK;
}

// ---- Gathering ----

static double number_at(const json_t *row, size_t i)
{
    const json_t *v = json_array_get(row, i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void take_hours(struct report_stream *s, const json_t *hours)
{
    for (size_t i = 0; i < json_array_size(hours); i++) {
        const json_t *row = json_array_get(hours, i);
        report_add_hour(s, &(struct stream_hour){
                               .hour = json_integer_value(json_array_get(row, 0)),
                               .amount = number_at(row, 1),
                               .internal = number_at(row, 2),
                               .surplus = number_at(row, 3),
                               .taken = number_at(row, 4),
                               .low = number_at(row, 5),
                               .high = number_at(row, 6),
                               .known_s = (int32_t)json_integer_value(json_array_get(row, 7)),
                               .surplus_s = (int32_t)json_integer_value(json_array_get(row, 8)),
                           });
    }
}

static int gather_stream(struct source *source, struct report_stream *s, int64_t from, int64_t to)
{
    int status = EX_OK;
    for (int64_t at = from; at < to && status == EX_OK; at += LEDGER_ANSWER_HOURS) {
        char request[160];
        int64_t until = at + LEDGER_ANSWER_HOURS < to ? at + LEDGER_ANSWER_HOURS : to;
        snprintf(request, sizeof request, "ledger %s %lld %lld", s->name, (long long)at, (long long)until);
        json_t *root = ask(source, request, &status);
        if (root)
            take_hours(s, json_object_get(root, "hours"));
        json_decref(root);
    }
    return status;
}

static void copy(char *to, size_t size, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", text ? text : "");
}

static int gather(struct source *source, struct report *r)
{
    int status;
    json_t *root = ask(source, "ledger", &status);
    if (!root)
        return status;
    const json_t *list = json_object_get(root, "streams");
    r->streams = calloc(json_array_size(list) + 1, sizeof *r->streams);
    for (size_t i = 0; r->streams && status == EX_OK && i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct report_stream *s = &r->streams[r->n];
        *s = (struct report_stream){.low = NAN, .high = NAN};
        copy(s->name, sizeof s->name, o, "name");
        copy(s->title, sizeof s->title, o, "title");
        copy(s->resource, sizeof s->resource, o, "resource");
        copy(s->direction, sizeof s->direction, o, "direction");
        copy(s->provenance, sizeof s->provenance, o, "provenance");
        copy(s->unit, sizeof s->unit, o, "unit");
        copy(s->amount_unit, sizeof s->amount_unit, o, "amount_unit");
        copy(s->code, sizeof s->code, o, "code");
        status = gather_stream(source, s, r->from.ms / HOUR_MS, (r->to.ms + HOUR_MS - 1) / HOUR_MS);
        r->n += s->hours > 0; // a stream that was not there then is no part of the diagnosis
    }
    json_decref(root);
    if (status == EX_OK && r->n == 0)
        status = command_fail(source->command, EX_WRONG, "the ledger has nothing from %s to %s (%s)",
                              r->from_text, r->to_text, r->zone);
    return status;
}

static int open_source(const struct command *c, struct source *s)
{
    const char *file = command_value(c, "ledger");
    char why[400];
    s->command = c;
    if (!file) {
        s->path = control_socket(c, s->socket, sizeof s->socket);
        return EX_OK;
    }
    s->ledger = ledger_open(file, true, why, sizeof why);
    return s->ledger ? EX_OK : command_fail(c, EX_UNAVAILABLE, "%s", why);
}

static int run(struct command *c)
{
    struct period p = {0};
    struct report r = {0};
    struct source source = {0};
    bool csv = command_flag(c, "csv"), json = command_flag(c, "json"), html = command_flag(c, "html");
    if (csv + json + html > 1)
        return command_usage(c, "one of --csv, --json and --html");
    if (asks_coordinator(c))
        return territory_report(c);
    learn_site(c, &p);
    int status = take_period(c, &p, &r);
    if (status == EX_OK)
        status = open_source(c, &source);
    if (status == EX_OK)
        status = gather(&source, &r);
    if (status == EX_OK) {
        report_finish(&r);
        bool ok = true;
        if (csv)
            report_csv(&r, c->out);
        else
            ok = html ? report_page(&r, c->out) : report_print(&r, json, c->out);
        status = ok ? EX_OK : command_fail(c, EX_OSERR, "out of memory");
    }
    free(r.streams);
    ledger_close(source.ledger);
    zone_free(p.zone);
    return status;
}

static const struct verb_option options[] = {
    VERB_CONFIG,
    VERB_SOCKET,
    VERB_COORDINATOR,
    {"from", 'f', "DAY", "first day, 2026-01-01, or hour, 2026-01-01T06 (default: 30 days before the end)",
     false, NULL},
    {"to", 't', "DAY", "last day, all of it, or hour up to which (default: now)", false, NULL},
    {"ledger", 'l', "FILE", "read this ledger, which no daemon has open", false, NULL},
    {"csv", 0, NULL, "print one line per stream, comma-separated", false, NULL},
    {"html", 0, NULL, "print one page with diagrams, to be kept or printed", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_report = {
    .name = "report",
    .help = "the flow diagnosis of a period: what came in, what left, what was to spare",
    .text =
        "Sums the hourly totals of a running daemon's ledger, or of a ledger file. Per stream: amount, own\n"
        "use, surplus and its hours, lowest and highest value, where the numbers come from and for how much\n"
        "of the time there are any. Per energy, mass and water: inputs, outputs, own use, products, losses\n"
        "and the unexplained rest. Days are those of the site's time zone, UTC without a configuration.\n"
        "\n"
        "    symbiont report --from 2026-01-01 --to 2026-01-31 --html >january.html\n"
        "\n"
        "With --coordinator, or -c with a coordinator.conf, it is the territory's summary as it is now: "
        "what\n"
        "is on offer and wanted by zone, matches and what they brought by kind, what nobody takes. Totals "
        "are\n"
        "bands, and only those that tell nothing of a single site are shown.\n"
        "\n"
        "    symbiont report -c /etc/symbiont/coordinator.conf --html >territory.html",
    .options = options,
    .run = run};
