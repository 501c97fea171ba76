// SPDX-License-Identifier: Apache-2.0
// symbiont scan: which units answer on a line, what they probably are, and the lines to paste.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/identify.h"
#include "cli/output.h"
#include "symbiont/text.h"

static volatile int stopped;

static void on_interrupt(int number)
{
    (void)number;
    stopped = 1;
}

struct found {
    uint8_t unit;
    const char *mode; // NULL: TCP
    double answer_ms;
    struct candidate candidates[CANDIDATES_MAX];
    size_t n;
};

struct scan {
    struct command *c;
    struct library *library; // NULL: not asked to identify
    uint8_t first, last;
    int64_t timeout_ns;
    struct found found[256];
    size_t n;
    size_t probes;
    struct mono begun;
    bool progress; // stderr is a terminal
};

static void show_progress(const struct scan *s, const char *mode, unsigned unit)
{
    if (!s->progress)
        return;
    fprintf(s->c->err, "\r%s%sunit %3u of %u, %zu found ", mode ? mode : "", mode ? ", " : "", unit, s->last,
            s->n);
    fflush(s->c->err);
}

static void end_progress(const struct scan *s)
{
    if (s->progress)
        fprintf(s->c->err, "\r%60s\r", "");
}

// One register is asked: a unit that does not have it still says so. A gateway's word that nobody is
// there (exceptions 10 and 11) is not an answer.
static bool answers(struct scan *s, struct session *session, uint8_t unit)
{
    struct modbus_ask ask = {unit, TABLE_HOLDING, 0, 1};
    struct modbus_answer a = session_ask(session, &ask, s->timeout_ns);
    s->probes++;
    return a.verdict == VERDICT_ANSWER ||
           (a.verdict == VERDICT_EXCEPTION && a.exception != 10 && a.exception != 11);
}

// Returns false when the line itself is not there.
static bool scan_line(struct scan *s, struct session *session, const char *mode)
{
    for (unsigned unit = s->first; unit <= s->last && !stopped; unit++) {
        show_progress(s, mode, unit);
        if (!answers(s, session, (uint8_t)unit)) {
            if (*session_trouble(session) && s->n == 0) {
                end_progress(s);
                command_fail(s->c, EX_UNAVAILABLE, "%s: %s", session_address(session),
                             session_trouble(session));
                return false;
            }
            continue;
        }
        struct found *f = &s->found[s->n < 255 ? s->n++ : 255];
        *f = (struct found){.unit = (uint8_t)unit,
                            .mode = mode,
                            .answer_ms = (double)(session_took_ns(session) / 10000) / 100};
        if (s->library)
            f->n = identify(s->library, session, f->unit, 0, &stopped, f->candidates);
    }
    end_progress(s);
    return true;
}

static void show_found(struct output *o, const struct scan *s)
{
    static const struct column columns[] = {{"unit", NULL},      {"mode", NULL},  {"answer_ms", "answer ms"},
                                            {"profile", NULL},   {"score", NULL}, {"by", NULL},
                                            {"plausible", NULL}, {"or", NULL},    {0}};
    output_table(o, "units", columns);
    for (size_t i = 0; i < s->n; i++) {
        const struct found *f = &s->found[i];
        char plausible[32], others[160] = "";
        output_row(o);
        output_int(o, "unit", f->unit);
        output_text(o, "mode", f->mode);
        output_number(o, "answer_ms", f->answer_ms);
        if (f->n) {
            const struct candidate *best = &f->candidates[0];
            snprintf(plausible, sizeof plausible, "%zu of %zu", best->good, best->asked);
            output_text(o, "profile", best->device->profile);
            output_number(o, "score", (double)(int)(100 * best->score + 0.5) / 100);
            output_text(o, "by", best->fingerprint ? "fingerprint" : "plausible values");
            output_text(o, "plausible", plausible);
            for (size_t k = 1; k < f->n; k++)
                snprintf(others + strlen(others), sizeof others - strlen(others), "%s%s", k > 1 ? ", " : "",
                         f->candidates[k].device->profile);
            output_text(o, "or", *others ? others : NULL);
        }
        output_row_end(o);
    }
    output_table_end(o);
}

static const char *line_setting(const struct command *c, const char **value)
{
    static const char *const kinds[][2] = {
        {"tcp", "tcp"}, {"serial", "serial"}, {"rtu-over-tcp", "rtu_over_tcp"}};
    for (size_t i = 0; i < 3; i++)
        if ((*value = command_value(c, kinds[i][0])))
            return kinds[i][1];
    return "";
}

// The configuration to paste: a line, and a meter for each unit.
static void show_config(struct output *o, const struct scan *s)
{
    const char *address;
    const char *setting = line_setting(s->c, &address);
    if (s->n == 0)
        return;
    output_note(o, "To paste into symbiont.conf (or a file in conf.d/):\n");
    if (s->found[0].mode)
        output_note(o, "lines: ( { name = \"line_1\"; %s = \"%s\"; mode = \"%s\"; } );", setting, address,
                    s->found[0].mode);
    else
        output_note(o, "lines: ( { name = \"line_1\"; %s = \"%s\"; } );", setting, address);
    output_note(o, "meters: (");
    for (size_t i = 0; i < s->n; i++) {
        const struct found *f = &s->found[i];
        const char *comma = i + 1 < s->n ? "," : "";
        if (f->n)
            output_note(o,
                        "  { name = \"meter_%u\"; line = \"line_1\"; unit_id = %u; profile = \"%s\"; every = "
                        "\"10 s\"; }%s",
                        f->unit, f->unit, f->candidates[0].device->profile, comma);
        else
            output_note(o,
                        "  { name = \"meter_%u\"; line = \"line_1\"; unit_id = %u; every = \"10 s\";  # no "
                        "profile fits: see "
                        "docs/adding-a-meter.md\n    points: ( { name = \"value\"; table = \"holding\"; "
                        "address = 0; type = "
                        "\"uint16\"; unit = \"\"; } ); }%s",
                        f->unit, f->unit, comma);
    }
    output_note(o, ");");
}

static int show(const struct scan *s)
{
    struct output o = output_begin(command_flag(s->c, "json"));
    const char *address;
    line_setting(s->c, &address);
    output_object(&o, NULL);
    output_text(&o, "line", address);
    output_int(&o, "probes", (int64_t)s->probes);
    output_number(&o, "took_s", (double)(mono_since(mono_now(), s->begun) / 10000000) / 100);
    output_bool(&o, "complete", !stopped);
    show_found(&o, s);
    show_config(&o, s);
    output_object_end(&o);
    if (!output_end(&o, s->c->out))
        return EX_OSERR;
    return s->n ? EX_OK : EX_WRONG;
}

// "1-247", "5"
static bool parse_units(struct scan *s, const char *text)
{
    int64_t first, last;
    char head[16];
    const char *dash = strchr(text, '-');
    snprintf(head, sizeof head, "%.*s", dash ? (int)(dash - text) : 15, text);
    if (!text_integer(head, 0, 255, &first) || !text_integer(dash ? dash + 1 : head, first, 255, &last))
        return false;
    s->first = (uint8_t)first;
    s->last = (uint8_t)last;
    return true;
}

// The settings found in the field, the most frequent first.
static const char *const modes[] = {"9600 8N1",   "19200 8E1", "9600 8E1",  "19200 8N1",  "38400 8N1",
                                    "115200 8N1", "57600 8N1", "38400 8E1", "4800 8N1",   "2400 8N1",
                                    "9600 8O1",   "9600 8N2",  "19200 8N2", "115200 8E1", "4800 8E1",
                                    "2400 8E1",   "1200 8N1",  NULL};

static int scan_modes(struct scan *s, bool all)
{
    int status = EX_OK;
    const char *given = command_value(s->c, "mode");
    const char *one[] = {command_value(s->c, "tcp") ? NULL : given ? given : "9600 8N1", NULL};
    const char *const *list = all ? modes : one;
    // A line speaks one mode: the first that anybody answers in is it.
    for (size_t i = 0; (i == 0 || list[i]) && !stopped && s->n == 0; i++) {
        struct session *session = session_open(s->c, list[i], &status);
        if (!session)
            return status;
        bool there = scan_line(s, session, list[i]);
        session_close(session);
        if (!there)
            return EX_UNAVAILABLE;
    }
    return show(s);
}

static int run(struct command *c)
{
    static struct scan s; // found[] is large
    s = (struct scan){.c = c, .first = 1, .last = 247, .timeout_ns = 300 * NS_PER_MS, .begun = mono_now()};
    const char *units = command_value(c, "units");
    bool all = command_flag(c, "all-modes");
    int status = EX_USAGE;
    if (!session_named(c))
        return command_usage(c,
                             "name the line: --tcp HOST[:PORT], --serial DEVICE or --rtu-over-tcp HOST:PORT");
    if (all && !command_value(c, "serial"))
        return command_usage(c, "--all-modes is for a serial port");
    if (units && !parse_units(&s, units))
        return command_usage(c, "--units \"%s\": wanted e.g. 1-247 or 5", units);
    if (!command_duration(c, "timeout", 0.01, 60, &s.timeout_ns))
        return EX_USAGE;
    s.progress = isatty(STDERR_FILENO) && !command_flag(c, "json");
    if (!command_flag(c, "no-identify") && !(s.library = library_open(c, &status)))
        return status;
    stopped = 0;
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    sigaction(SIGINT, &action, &before);
    status = scan_modes(&s, all);
    sigaction(SIGINT, &before, NULL);
    library_close(s.library);
    return status;
}

static const struct verb_option options[] = {
    SESSION_OPTIONS,
    {"units", 'u', "FIRST-LAST", "unit ids to try (default 1-247)", false, NULL},
    {"all-modes", 'a', NULL, "on a serial port: try the usual speeds and parities until somebody answers",
     false, NULL},
    {"no-identify", 0, NULL, "only say who answers", false, NULL},
    VERB_JSON,
    {0},
};

const struct verb verb_scan = {
    .name = "scan",
    .help = "find the units on a line and name their likely profiles",
    .text =
        "Asks every unit id for one register, and tries the profile library on those that answer:\n"
        "fingerprints first, then whether the numbers make sense. Prints the configuration to paste.\n"
        "Only reads. Ctrl-C stops and shows what was found so far. The timeout is 300 ms unless --timeout\n"
        "says otherwise: a slow meter needs more. Exit status 1 when nobody answered.\n"
        "\n"
        "symbiont scan --tcp 192.168.1.20\n"
        "symbiont scan --serial /dev/ttyUSB0 --all-modes --units 1-32",
    .options = options,
    .run = run};
