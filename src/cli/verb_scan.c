// SPDX-License-Identifier: Apache-2.0
// symbiont scan: which units answer on a line, what they probably are, and the lines to paste.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/identify.h"
#include "cli/output.h"
#include "symbiont/text.h"

// Each probe is for another unit, so that a late answer cannot be taken for the next one's: no need to wait
// for it as long as between questions to one unit.
#define PROBE_DRAIN_NS (5 * NS_PER_MS)

struct found {
    uint8_t unit;
    const char *mode; // NULL: TCP
    double answer_ms;
    struct identity identity;
};

struct scan {
    struct command *c;
    struct library *library; // NULL: not asked to identify
    uint8_t first, last;
    int64_t timeout_ns;
    struct found found[256];
    size_t n;
    size_t probes, damaged; /* damaged: something answers that cannot be read */
    struct mono begun;
    struct interrupt interrupt;
    bool progress; // stderr is a terminal
};

static void show_progress(const struct scan *s, const char *mode, unsigned unit, const char *what)
{
    if (!s->progress)
        return;
    fprintf(s->c->err, "\r%s%sunit %3u of %u, %zu found%s  ", mode ? mode : "", mode ? ", " : "", unit,
            s->last, s->n, what);
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
    session_drain(session, PROBE_DRAIN_NS);
    struct modbus_answer a = session_ask(session, &ask, s->timeout_ns);
    session_drain(session, 0);
    s->probes++;
    if (a.verdict == VERDICT_BAD_ANSWER) { // a late one of the unit before may have run into it
        a = session_ask(session, &ask, s->timeout_ns);
        s->probes++;
        s->damaged += a.verdict == VERDICT_BAD_ANSWER;
    }
    return a.verdict == VERDICT_ANSWER ||
           (a.verdict == VERDICT_EXCEPTION && a.exception != 10 && a.exception != 11);
}

// Returns false when the line itself is not there.
static bool scan_line(struct scan *s, struct session *session, const char *mode)
{
    for (unsigned unit = s->first; unit <= s->last && !interrupt_seen(&s->interrupt); unit++) {
        show_progress(s, mode, unit, "             ");
        if (!answers(s, session, (uint8_t)unit)) {
            if (session_interrupted(session))
                break;
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
        show_progress(s, mode, unit, ", identifying");
        if (s->library)
            identify(s->library, session, f->unit, &f->identity);
    }
    end_progress(s);
    return true;
}

static const char *const by_texts[] = {"plausible values", "fingerprint", "SunSpec models"};

static double two_digits(double v)
{
    return (double)(int)(100 * v + 0.5) / 100;
}

// In a table the others stand in one cell; a program gets them as a list.
static void show_others(struct output *o, const struct identity *id)
{
    static const struct column none[] = {{0}};
    char text[160] = "";
    if (o->json) {
        output_table(o, "candidates", none);
        for (size_t k = 0; k < id->n; k++) {
            output_row(o);
            output_text(o, "profile", id->candidates[k].device->profile);
            output_text(o, "order", id->candidates[k].order);
            output_number(o, "score", two_digits(id->candidates[k].score));
            output_number(o, "evidence", two_digits(id->candidates[k].evidence));
            output_row_end(o);
        }
        output_table_end(o);
        return;
    }
    for (size_t k = 1; k < id->n; k++) {
        const struct candidate *c = &id->candidates[k];
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s%s (%.2f)", k > 1 ? ", " : "", c->device->profile,
                 c->order ? " " : "", c->order ? c->order : "", c->score);
    }
    output_text(o, "or", *text ? text : NULL);
}

static void show_found(struct output *o, const struct scan *s)
{
    static const struct column columns[] = {{"unit", NULL},
                                            {"mode", NULL},
                                            {"answer_ms", "answer ms"},
                                            {"says", NULL},
                                            {"profile", NULL},
                                            {"order", NULL},
                                            {"score", NULL},
                                            {"by", NULL},
                                            {"plausible", NULL},
                                            {"or", NULL},
                                            {0}};
    output_table(o, "units", columns);
    for (size_t i = 0; i < s->n; i++) {
        const struct found *f = &s->found[i];
        const struct identity *id = &f->identity;
        output_row(o);
        output_int(o, "unit", f->unit);
        output_text(o, "mode", f->mode);
        output_number(o, "answer_ms", f->answer_ms);
        output_text(o, "says", id->maker[0] ? id->maker : NULL);
        if (id->n) {
            const struct candidate *best = &id->candidates[0];
            char plausible[48];
            snprintf(plausible, sizeof plausible, "%zu of %zu", best->good, best->asked);
            output_text(o, "profile", best->device->profile);
            output_text(o, "order", best->order);
            output_number(o, "score", two_digits(best->score));
            output_text(o, "by", by_texts[best->by]);
            output_text(o, "plausible", plausible);
        } else {
            output_text(o, "profile", NULL);
        }
        show_others(o, id);
        if (o->json)
            output_int(o, "requests", (int64_t)id->requests);
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

static void show_meter(struct output *o, const struct found *f, bool last)
{
    const struct candidate *best = f->identity.n ? &f->identity.candidates[0] : NULL;
    const char *comma = last ? "" : ",";
    if (best && best->score >= 0.5)
        output_note(
            o,
            "  { name = \"meter_%u\"; line = \"line_1\"; unit_id = %u; profile = \"%s\";%s%s%s every = "
            "\"10 s\"; }%s",
            f->unit, f->unit, best->device->profile, best->order ? " order = \"" : "",
            best->order ? best->order : "", best->order ? "\";" : "", comma);
    else if (best)
        output_note(
            o,
            "  # Unit %u may be another model: compare `symbiont read` with the meter's display.\n"
            "  { name = \"meter_%u\"; line = \"line_1\"; unit_id = %u; profile = \"%s\";%s%s%s every = "
            "\"10 s\"; }%s",
            f->unit, f->unit, f->unit, best->device->profile, best->order ? " order = \"" : "",
            best->order ? best->order : "", best->order ? "\";" : "", comma);
    else
        output_note(
            o,
            "  # No profile fits unit %u: docs/adding-a-meter.md tells how to name its points.\n"
            "  { name = \"meter_%u\"; line = \"line_1\"; unit_id = %u; every = \"10 s\";\n"
            "    points: ( { name = \"value\"; table = \"holding\"; address = 0; type = \"uint16\"; } ); "
            "}%s",
            f->unit, f->unit, f->unit, comma);
}

// The configuration to paste: a line, and a meter for each unit.
static void show_config(struct output *o, const struct scan *s)
{
    const char *address;
    const char *setting = line_setting(s->c, &address);
    if (s->n == 0)
        return;
    output_note(o, "\n# To paste into symbiont.conf, or a file in conf.d/:");
    if (s->found[0].mode)
        output_note(o, "lines: ( { name = \"line_1\"; %s = \"%s\"; mode = \"%s\"; } );", setting, address,
                    s->found[0].mode);
    else
        output_note(o, "lines: ( { name = \"line_1\"; %s = \"%s\"; } );", setting, address);
    output_note(o, "meters: (");
    for (size_t i = 0; i < s->n; i++)
        show_meter(o, &s->found[i], i + 1 == s->n);
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
    output_bool(&o, "complete", !interrupt_seen(&s->interrupt));
    if (s->damaged) {
        output_int(&o, "damaged_answers", (int64_t)s->damaged);
        output_note(&o, "Something answers and cannot be read: another speed or parity (--all-modes), or two "
                        "units at one id.");
    }
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
    for (size_t i = 0; (i == 0 || list[i]) && !interrupt_seen(&s->interrupt) && s->n == 0; i++) {
        struct session *session = session_open(s->c, list[i], &status);
        if (!session)
            return status;
        if (session_heed(session, &s->interrupt) < 0) {
            session_close(session);
            return command_fail(s->c, EX_OSERR, "%s", strerror(errno));
        }
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
    if (interrupt_open(&s.interrupt) < 0)
        return command_fail(c, EX_OSERR, "%s", strerror(errno));
    if (command_flag(c, "no-identify") || (s.library = library_open(c, &status)))
        status = scan_modes(&s, all);
    library_close(s.library);
    interrupt_close(&s.interrupt);
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
        "  symbiont scan --tcp 192.168.1.20\n"
        "  symbiont scan --serial /dev/ttyUSB0 --all-modes --units 1-32",
    .options = options,
    .run = run};
