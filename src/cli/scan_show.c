// SPDX-License-Identifier: Apache-2.0
// What a scan has found: a table, and the lines to paste.
#include "cli/scan.h"

#include <string.h>
#include "cli/output.h"

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

// How the line's absent units show, where that is worth knowing.
static void show_absent(struct output *o, const struct scan *s)
{
    if (s->probe.tcp)
        output_bool(o, "every_unit", s->everywhere);
    if (s->everywhere)
        output_note(o, "It answers to every unit id: one device that does not look at it. Any id will do.");
    if (s->closed) {
        output_int(o, "closed", (int64_t)s->closed);
        output_note(o, "It closes the connection when it is asked for a unit that is not there.");
    }
    if (s->probe.slowest_absent_ns > s->timeout_ns) {
        output_number(o, "gateway_waits_ms", (double)(s->probe.slowest_absent_ns / NS_PER_MS));
        output_note(
            o,
            "It is a gateway that waits that long for a unit that is not there: each cost that time, and a "
            "meter that is down will.");
    }
    if (s->lost)
        output_note(o, "The line was lost before the end: %s.", s->probe.trouble);
}

int scan_show(const struct scan *s)
{
    struct output o = output_begin(command_flag(s->c, "json"));
    const char *address;
    line_setting(s->c, &address);
    output_object(&o, NULL);
    output_text(&o, "line", address);
    output_int(&o, "probes", (int64_t)s->probes);
    output_number(&o, "took_s", (double)(mono_since(mono_now(), s->begun) / 10000000) / 100);
    output_bool(&o, "complete", !interrupt_seen(&s->interrupt) && !s->lost);
    show_absent(&o, s);
    if (s->damaged) {
        output_int(&o, "damaged_answers", (int64_t)s->damaged);
        output_note(&o, "Something answers and cannot be read: another speed or parity (--all-modes), or two "
                        "units at one id.");
    }
    show_found(&o, s);
    show_config(&o, s);
    output_object_end(&o);
    if (!output_end(&o, s->c->out))
        return command_fail(s->c, EX_OSERR, "out of memory");
    return s->n ? EX_OK : EX_WRONG;
}
