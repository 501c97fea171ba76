// SPDX-License-Identifier: Apache-2.0
// Values that cannot be right, and what would be.
#include "cli/doubts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "cli/evidence.h"

// So many doubtful points are enough to see what is wrong with all.
#define POINTS_MAX 8

static double published(const struct point *p, struct value raw)
{
    return raw.number * p->factor / (p->divisor == 0 ? 1 : p->divisor) + p->offset;
}

static bool is_float(const struct point *p)
{
    return p->type == POINT_FLOAT32 || p->type == POINT_FLOAT64;
}

static bool is_bcd(const struct point *p)
{
    return p->type == POINT_BCD16 || p->type == POINT_BCD32 || p->type == POINT_BCD64;
}

// A 32-bit whole number with nothing in its low half has its words exchanged, nearly always.
static bool looks_swapped(const struct point *p, struct value raw)
{
    return (p->type == POINT_INT32 || p->type == POINT_UINT32) && raw.number != 0 &&
           fmod(raw.number, 65536) == 0;
}

bool doubtful(const struct point *p, struct value raw, struct value v)
{
    if (p->type == POINT_STRING || p->type == POINT_DERIVED || p->table <= TABLE_DISCRETE)
        return false;
    switch (v.reason) {
    case REASON_EXCEPTION: // it has no such register, or not in this table
        return v.exception >= 1 && v.exception <= 3;
    case REASON_OUT_OF_RANGE:
        return true;
    case REASON_NOT_AVAILABLE: // the meter's own mark is no mistake; digits that are none may be
        return raw.reason == REASON_NOT_AVAILABLE && is_bcd(p);
    case REASON_GOOD:
        return (is_float(p) && raw.number != 0 && fabs(published(p, raw)) < 1e-9) || looks_swapped(p, raw);
    default:
        return false;
    }
}

// What the same bytes, or other ones, would have to be to be believed: like the quantity's values are.
static bool is_better(const struct point *p, struct value raw)
{
    double low, high, v = published(p, raw);
    evidence_typical(p->quantity, &low, &high);
    return raw.reason == REASON_GOOD && fabs(v) > 1e-4 && fabs(v) < 1e10 && v >= fmax(low, p->min) &&
           v <= fmin(high, p->max) && !looks_swapped(p, raw);
}

// ---- The changes that are tried ----

struct change {
    int order;   // flags of enum byte_order to read with; -1: the point's own
    int address; // to be added
    bool table;  // the other of holding and input
};

static const struct change changes[] = {{ORDER_ABCD, 0, false},
                                        {ORDER_WORD_SWAP, 0, false},
                                        {ORDER_BYTE_SWAP, 0, false},
                                        {ORDER_DCBA, 0, false},
                                        {-1, -1, false},
                                        {-1, 1, false},
                                        {-1, 0, true}};
enum { CHANGES = sizeof changes / sizeof changes[0] };

static bool applies(const struct point *p, struct value v, const struct change *c)
{
    bool answered = v.reason != REASON_EXCEPTION;
    if (c->order >= 0)
        return answered && c->order != p->order && !(p->words == 1 && (c->order & ORDER_WORD_SWAP));
    return p->address + c->address >= 0 && p->address + c->address + p->words <= 65536;
}

static uint8_t table_of(const struct point *p, const struct change *c)
{
    return c->table ? (p->table == TABLE_HOLDING ? TABLE_INPUT : TABLE_HOLDING) : p->table;
}

// The raw number that the change gives. Its reason is not good when there is none.
static struct value changed(struct session *s, uint8_t unit, const struct device_read *r, size_t i,
                            const struct change *c)
{
    const struct point *p = &r->device->points[i];
    if (c->order >= 0)
        return point_raw(p, (uint8_t)c->order, r->bytes[i]);
    struct modbus_ask ask = {unit, table_of(p, c), (uint16_t)(p->address + c->address + r->base), p->words};
    struct modbus_answer a = session_ask(s, &ask, r->device->timing.timeout_ns);
    if (a.verdict != VERDICT_ANSWER)
        return (struct value){.reason = REASON_EXCEPTION};
    return point_raw(p, p->order, a.data);
}

static const char *order_word(const struct point *p, int order)
{
    static const char *const words[3][4] = {{"ab", "ab", "ba", "ba"},
                                            {"abcd", "cdab", "badc", "dcba"},
                                            {"abcdefgh", "ghefcdab", "badcfehg", "hgfedcba"}};
    return words[p->words == 4 ? 2 : p->words == 1 ? 0 : 1][order];
}

static void describe(const struct point *p, const struct change *c, char where[static 48],
                     char setting[static 48])
{
    const char *table = table_of(p, c) == TABLE_INPUT ? "input" : "holding";
    if (c->order >= 0) {
        snprintf(where, 48, "word order %s", order_word(p, c->order));
        snprintf(setting, 48, "order = \"%s\";", order_word(p, c->order));
    } else if (c->table) {
        snprintf(where, 48, "table %s", table);
        snprintf(setting, 48, "table = \"%s\";", table);
    } else {
        snprintf(where, 48, "address %d (%+d)", p->address + c->address, c->address);
        snprintf(setting, 48, "address = %d;", p->address + c->address);
    }
}

// ---- Showing ----

struct doubts {
    size_t points, mends[CHANGES];
    const struct point *first; // for the words of the conclusion
};

static void show_row(struct output *o, const struct point *p, const struct change *c, struct value raw)
{
    char where[48], setting[48];
    describe(p, c, where, setting);
    output_row(o);
    output_text(o, "point", p->name);
    output_text(o, "if", where);
    if (p->single)
        output_single(o, "value", published(p, raw));
    else
        output_number(o, "value", published(p, raw));
    output_text(o, "unit", unit_text(p->unit));
    output_text(o, "setting", setting);
    output_row_end(o);
}

static void doubt_point(struct output *o, struct session *s, uint8_t unit, const struct device_read *r,
                        size_t i, struct doubts *d)
{
    const struct point *p = &r->device->points[i];
    d->points++;
    if (!d->first || (d->first->words < 2 && p->words >= 2))
        d->first = p;
    for (size_t k = 0; k < CHANGES; k++) {
        if (!applies(p, r->values[i], &changes[k]))
            continue;
        struct value raw = changed(s, unit, r, i, &changes[k]);
        if (!is_better(p, raw))
            continue;
        d->mends[k]++;
        show_row(o, p, &changes[k], raw);
    }
}

// The change that mends most; several when they mend as many.
static void show_likely(struct output *o, const struct doubts *d)
{
    static const struct column columns[] = {{"change", NULL}, {"makes_sense_of", "makes sense of"}, {0}};
    static const char *const words[CHANGES] = {"order = \"abcd\"", "order = \"cdab\"", "order = \"badc\"",
                                               "order = \"dcba\"", "addresses less 1", "addresses plus 1",
                                               "the other table"};
    size_t most = 0;
    for (size_t k = 0; k < CHANGES; k++)
        most = d->mends[k] > most ? d->mends[k] : most;
    if (most == 0)
        return;
    output_table(o, "likely", columns);
    for (size_t k = 0; k < CHANGES; k++) {
        char text[64];
        if (d->mends[k] != most)
            continue;
        output_row(o);
        if (o->json) {
            output_int(o, "address", changes[k].address);
            output_text(o, "order", changes[k].order >= 0 ? order_word(d->first, changes[k].order) : NULL);
            output_bool(o, "other_table", changes[k].table);
            output_int(o, "mends", (int64_t)d->mends[k]);
            output_int(o, "of", (int64_t)d->points);
        } else {
            output_text(o, "change", words[k]);
            snprintf(text, sizeof text, "%zu of %zu doubtful points", d->mends[k], d->points);
            output_text(o, "makes_sense_of", text);
        }
        output_row_end(o);
    }
    output_table_end(o);
}

void doubts_show(struct output *o, struct session *s, uint8_t unit, const struct device_read *r)
{
    static const struct column columns[] = {{"point", NULL}, {"if", "would be, with"}, {"value", NULL},
                                            {"unit", NULL},  {"setting", NULL},        {0}};
    struct doubts d = {0};
    bool any = false;
    for (size_t i = 0; i < r->device->n; i++)
        any |= doubtful(&r->device->points[i], r->raw[i], r->values[i]);
    if (!any)
        return;
    output_table(o, "instead", columns);
    for (size_t i = 0; i < r->device->n && d.points < POINTS_MAX && !session_interrupted(s); i++)
        if (doubtful(&r->device->points[i], r->raw[i], r->values[i]))
            doubt_point(o, s, unit, r, i, &d);
    output_table_end(o);
    show_likely(o, &d);
}
