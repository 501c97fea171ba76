// SPDX-License-Identifier: Apache-2.0
// symbiont scan: which units answer on a line, what they probably are, and the lines to paste.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/output.h"
#include "cli/scan.h"
#include "symbiont/text.h"

// So many unit ids must have been asked, and all have answered the same, before one device is said to answer
// to all of them.
#define EVERYWHERE_LEAST 8
// After so many units of which each gave bytes that are not Modbus, it is something else that listens there.
#define GARBAGE_LEAST 8

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

// ---- One device that answers to every unit id ----

static bool may_be_everywhere(const struct scan *s)
{
    return s->probe.tcp && s->n == s->units_asked;
}

static void take_portrait(struct scan *s, struct session *session, uint8_t unit)
{
    portrait_begin(&s->portrait, unit);
    if (!s->library)
        portrait_sketch(&s->portrait, session);
}

// Returns false when the unit was found to be the one known already.
static bool is_new(struct scan *s, struct session *session, struct found *f)
{
    if (!may_be_everywhere(s))
        return true;
    f->alike = s->n > 1 && portrait_is_of(&s->portrait, session, f->unit);
    s->alike += f->alike;
    if (!f->alike && s->alike == 0)
        take_portrait(s, session, f->unit);
    return !f->alike;
}

static void identify_unit(struct scan *s, struct session *session, struct found *f)
{
    bool pictured = s->portrait.unit == f->unit && s->portrait.n == 0;
    if (s->library)
        identify(s->library, session, f->unit, &f->identity, pictured ? &s->portrait : NULL);
    if (f->identity.no_memory)
        command_fail(s->c, EX_OSERR, "unit %u: out of memory, not every model could be tried", f->unit);
}

// All have been asked. Units that say the same are one device only if there is no id without an answer.
static void settle(struct scan *s, struct session *session)
{
    s->everywhere = s->alike > 0 && may_be_everywhere(s) && s->units_asked >= EVERYWHERE_LEAST;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->found[i].alike && s->everywhere)
            continue;
        if (s->found[i].alike)
            identify_unit(s, session, &s->found[i]);
        s->found[n++] = s->found[i];
    }
    s->n = n;
}

// ---- The line ----

static void add_found(struct scan *s, struct session *session, const char *mode, uint8_t unit)
{
    size_t at = s->n++;
    // Units that were found in a second round stand in their place.
    for (; at > 0 && s->found[at - 1].unit > unit; at--)
        s->found[at] = s->found[at - 1];
    struct found *f = &s->found[at];
    *f = (struct found){
        .unit = unit, .mode = mode, .answer_ms = (double)(session_took_ns(session) / 10000) / 100};
    show_progress(s, mode, unit, ", identifying");
    if (is_new(s, session, f))
        identify_unit(s, session, f);
}

// False: enough.
static bool ask_unit(struct scan *s, struct session *session, const char *mode, uint8_t unit)
{
    show_progress(s, mode, unit, "             ");
    bool first_time = s->presence[unit] == UNIT_UNASKED;
    enum presence is = probe_unit(&s->probe, unit);
    // One lost answer must not make two hundred devices of one.
    if (is == UNIT_SILENT && s->alike > 0 && may_be_everywhere(s))
        is = probe_unit(&s->probe, unit);
    if (is == UNIT_LOST || is == UNIT_INTERRUPTED) {
        s->lost = is == UNIT_LOST;
        return false;
    }
    s->units_asked += first_time;
    s->presence[unit] = is;
    if (is == UNIT_PRESENT)
        add_found(s, session, mode, unit);
    return !(s->probe.tcp && s->n == 0 && s->probe.damaged >= GARBAGE_LEAST &&
             s->probe.damaged == s->units_asked);
}

// Returns false when the line itself is not there, after saying so.
static bool scan_line(struct scan *s, struct session *session, const char *mode)
{
    bool more = true;
    probe_begin(&s->probe, session, session_line(session)->tcp != NULL, s->timeout_ns);
    memset(s->presence, 0, sizeof s->presence);
    s->units_asked = 0;
    do {
        for (unsigned unit = s->first; unit <= s->last && more; unit++)
            if (s->presence[unit] <= UNIT_SILENT)
                more = !interrupt_seen(&s->interrupt) && ask_unit(s, session, mode, (uint8_t)unit);
    } while (more && probe_patience(&s->probe));
    if (!interrupt_seen(&s->interrupt))
        settle(s, session);
    end_progress(s);
    s->probes += s->probe.asked;
    s->damaged += s->probe.damaged;
    s->closed += s->probe.closed;
    if (s->lost && s->n == 0) {
        command_fail(s->c, EX_UNAVAILABLE, "%s: %s", session_address(session), s->probe.trouble);
        return false;
    }
    if (!more && !s->lost && !interrupt_seen(&s->interrupt)) {
        command_fail(s->c, EX_UNAVAILABLE,
                     "%s: what answers there does not speak Modbus TCP (perhaps RTU: "
                     "--rtu-over-tcp)",
                     session_address(session));
        return false;
    }
    return true;
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
    return scan_show(s);
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
    // Closed connections are part of the search here, and told of at its end.
    if (command_value(c, "tcp"))
        log_set_level(LOG_LEVEL_ERROR);
    if (command_flag(c, "no-identify") || (s.library = library_open(c, &status)))
        status = scan_modes(&s, all);
    log_set_level(LOG_LEVEL_INFO);
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
        "says otherwise: a slow meter needs more. A Modbus TCP gateway that takes longer to say that a unit "
        "is\n"
        "not there is given its time; a device that closes the connection instead is connected to again; "
        "one\n"
        "that answers to every unit id is listed once. Exit status 1 when nobody answered.\n"
        "\n"
        "  symbiont scan --tcp 192.168.1.20\n"
        "  symbiont scan --serial /dev/ttyUSB0 --all-modes --units 1-32",
    .options = options,
    .run = run};
