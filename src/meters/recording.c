// SPDX-License-Identifier: Apache-2.0
// Replays recorded registers through a profile and compares with the readings expected.
#include "symbiont/recording.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "meters/recorded.h"
#include "symbiont/text.h"

#define WORD_MAX 128 // longest word of a statement

struct replay {
    struct diagnostics *diags;
    struct place place; // of the line at hand
    const struct profile_path *path;
    struct recording_counts *counts;
    struct config *owner;
    const struct device *device;
    char profile[WORD_MAX];
    int order; // of order_choices
    struct recorded recorded;
};

// ---- Words of a line ----

// The next word, at most WORD_MAX - 1 characters; false at the end of the line.
static bool next_word(const char **at, char word[static WORD_MAX])
{
    const char *s = *at;
    size_t n = 0;
    while (*s == ' ' || *s == '\t' || *s == '\r')
        s++;
    if (*s == '"') {
        for (s++; *s && *s != '"'; s++)
            if (n < WORD_MAX - 1)
                word[n++] = *s;
        s += *s == '"';
        word[n] = '\0';
        *at = s;
        return true;
    }
    for (; *s && !isspace((unsigned char)*s); s++)
        if (n < WORD_MAX - 1)
            word[n++] = *s;
    word[n] = '\0';
    *at = s;
    return n > 0;
}

static void wrong(struct replay *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct replay *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_error(r->diags, r->place, "%s", text);
    r->counts->wrong++;
}

// ---- profile, order, recording ----

static const struct option no_options[] = {{0}};
static const struct section no_section = {"recording", sizeof(struct settings), no_options, ""};

static void take_profile(struct replay *r, const char *at)
{
    if (r->profile[0])
        wrong(r, "a second \"profile\": one file, one profile");
    else if (!next_word(&at, r->profile))
        wrong(r, "\"profile\" needs a name");
}

static void take_recording(struct replay *r)
{
    r->recorded.n = 0;
    r->recorded.finished = false;
    r->counts->recordings++;
}

static void take_order(struct replay *r, const char *at)
{
    char word[WORD_MAX];
    const struct choice *o = order_choices;
    if (!next_word(&at, word))
        word[0] = '\0';
    while (o->word && strcmp(o->word, word) != 0)
        o++;
    if (r->owner)
        wrong(r, "\"order\" stands behind \"profile\", before anything is expected");
    else if (!o->word)
        wrong(r, "the order is \"%s\"; allowed are abcd, cdab, badc, dcba", word);
    r->order = o->value;
}

// Compiles at the first need, when everything that is said before has been read.
static bool compiled(struct replay *r)
{
    if (r->device)
        return true;
    if (!r->profile[0]) {
        wrong(r, "the file must begin with \"profile NAME\"");
        return false;
    }
    if (r->owner) // it has failed before
        return false;
    r->owner = config_read_text("", r->place.file, &no_section, r->diags);
    struct device_request request = {.profile = r->profile,
                                     .unverified = true,
                                     .order = r->order,
                                     .place = r->place,
                                     .subject = "the recording"};
    r->device = r->owner ? device_compile(r->owner, r->path, &request, r->diags) : NULL;
    if (!r->device) {
        r->counts->wrong++;
        return false;
    }
    r->recorded.raw = config_alloc(r->owner, r->device->n * sizeof *r->recorded.raw);
    r->recorded.out = config_alloc(r->owner, r->device->n * sizeof *r->recorded.out);
    return r->recorded.raw && r->recorded.out;
}

// ---- read ----

static uint8_t table_of(const char *word)
{
    static const char *const words[] = {[TABLE_COIL] = "coil",
                                        [TABLE_DISCRETE] = "discrete",
                                        [TABLE_HOLDING] = "holding",
                                        [TABLE_INPUT] = "input"};
    for (uint8_t t = TABLE_COIL; t <= TABLE_INPUT; t++)
        if (strcmp(words[t], word) == 0)
            return t;
    return 0;
}

static bool take_register(struct recorded_read *d, const char *word)
{
    char *end;
    unsigned long value = strtoul(word, &end, 16);
    if (*end || end == word || strlen(word) != 4 || d->count == MODBUS_REGISTERS_MAX)
        return false;
    d->data[2 * d->count] = (uint8_t)(value >> 8);
    d->data[2 * d->count + 1] = (uint8_t)value;
    d->count++;
    return true;
}

static bool take_bit(struct recorded_read *d, const char *word)
{
    if ((strcmp(word, "0") != 0 && strcmp(word, "1") != 0) || d->count == sizeof d->data)
        return false;
    d->data[d->count++] = (uint8_t)(word[0] - '0');
    return true;
}

static void take_read(struct replay *r, const char *at)
{
    char word[WORD_MAX];
    int64_t address;
    if (r->recorded.n == RECORDED_READS_MAX) {
        wrong(r, "more than %d reads in one recording", RECORDED_READS_MAX);
        return;
    }
    struct recorded_read *d = &r->recorded.reads[r->recorded.n];
    *d = (struct recorded_read){.table = next_word(&at, word) ? table_of(word) : 0};
    if (!d->table) {
        wrong(r, "\"read\" needs a table: input, holding, coil or discrete");
        return;
    }
    if (!next_word(&at, word) || !text_integer(word, 0, 65535, &address)) {
        wrong(r, "\"read\" needs an address from 0 to 65535 after the table");
        return;
    }
    d->address = (uint16_t)address;
    bool bits = d->table <= TABLE_DISCRETE;
    while (next_word(&at, word))
        if (!(bits ? take_bit(d, word) : take_register(d, word))) {
            wrong(r, "\"%s\": %s", word,
                  bits ? "bits are 0 or 1, at most 250 of them"
                       : "registers are four hexadecimal digits, at most 125 of them");
            return;
        }
    if (d->count == 0 || d->address + d->count > 65536) {
        wrong(r, d->count ? "the read goes beyond address 65535" : "\"read\" needs what was read");
        return;
    }
    r->recorded.n++;
    r->recorded.finished = false;
}

static bool find_point(struct replay *r, const char *name, size_t *index)
{
    const struct device *d = r->device;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0) {
            *index = i;
            return true;
        }
    const char *near = text_nearest(name, d->points, d->n, sizeof *d->points);
    wrong(r, "profile %s has no point \"%s\"%s%s%s", r->profile, name, near ? ", did you mean \"" : "",
          near ? near : "", near ? "\"?" : "");
    return false;
}

// The point named next, with its reading made; NULL (and an error) when that cannot be.
static const struct point *point_named(struct replay *r, const char **at, struct value *v)
{
    char word[WORD_MAX], why[300];
    size_t i;
    if (!compiled(r))
        return NULL;
    if (!next_word(at, word)) {
        wrong(r, "the name of a point is missing");
        return NULL;
    }
    if (!find_point(r, word, &i))
        return NULL;
    const struct point *p = &r->device->points[i];
    *v = recorded_value(&r->recorded, r->device, i, why, sizeof why);
    if (why[0]) {
        wrong(r, "%s: %s", p->name, why);
        return NULL;
    }
    if (v->reason == REASON_NOT_YET) {
        wrong(r, "%s: no read holds %s %d, %d registers", p->name,
              p->table == TABLE_INPUT     ? "input"
              : p->table == TABLE_HOLDING ? "holding"
                                          : "bit",
              p->address, p->words);
        return NULL;
    }
    return p;
}

// ---- expect, unavailable ----

// Rounded to the digits written, the reading is the one written.
static bool agrees(const char *written, double stated, double reading)
{
    const char *point = strchr(written, '.');
    double half = strpbrk(written, "eE") ? 1e-6 * fabs(stated)
                  : point                ? 0.5 * pow(10, -(double)strlen(point + 1))
                                         : 1e-9 * fabs(stated);
    return fabs(reading - stated) <= half * (1 + 1e-6);
}

// A reading with the digits it has.
static const char *shown(const struct point *p, double number, char text[static 32])
{
    snprintf(text, 32, p->single ? "%.7g" : "%.12g", number);
    return text;
}

static void expect_text(struct replay *r, const struct point *p, const char *expected)
{
    char text[2 * MODBUS_REGISTERS_MAX + 1];
    point_string(p, recorded_data(&r->recorded, p), text);
    if (strcmp(text, expected) == 0)
        r->counts->right++;
    else
        wrong(r, "%s: expected \"%s\", reads \"%s\"", p->name, expected, text);
}

static void expect_number(struct replay *r, const struct point *p, struct value v, const char *written,
                          const char *unit)
{
    char digits[32];
    double stated, factor, offset;
    const struct unit *from = unit ? unit_find(unit) : p->unit;
    if (!text_number(written, &stated)) {
        wrong(r, "%s: \"%s\" is not a number", p->name, written);
        return;
    }
    if (!from || !unit_conversion(p->unit, from, &factor, &offset)) {
        wrong(r, "%s: \"%s\" is not a unit of it, which is read in %s", p->name, unit ? unit : "",
              unit_text(p->unit));
        return;
    }
    if (v.reason != REASON_GOOD)
        wrong(r, "%s: expected %s %s, has no value: %s", p->name, written, unit_text(from), reason_text(v));
    else if (!agrees(written, stated, v.number * factor + offset))
        wrong(r, "%s: expected %s %s, reads %s", p->name, written, unit_text(from),
              shown(p, v.number * factor + offset, digits));
    else
        r->counts->right++;
}

static void take_expect(struct replay *r, const char *at)
{
    char number[WORD_MAX], unit[WORD_MAX];
    struct value v;
    const struct point *p = point_named(r, &at, &v);
    if (!p)
        return;
    if (!next_word(&at, number)) {
        wrong(r, "%s: the reading expected is missing", p->name);
        return;
    }
    if (p->type == POINT_STRING)
        expect_text(r, p, number);
    else
        expect_number(r, p, v, number, next_word(&at, unit) ? unit : NULL);
}

static void take_unavailable(struct replay *r, const char *at)
{
    char digits[32];
    struct value v;
    const struct point *p = point_named(r, &at, &v);
    if (!p)
        return;
    if (v.reason == REASON_NOT_AVAILABLE || v.reason == REASON_DEPENDENCY)
        r->counts->right++;
    else if (v.reason == REASON_GOOD)
        wrong(r, "%s: expected unavailable, reads %s %s", p->name, shown(p, v.number, digits),
              unit_text(p->unit));
    else
        wrong(r, "%s: expected unavailable, but: %s", p->name, reason_text(v));
}

// ---- The file ----

static void take_line(struct replay *r, const char *at)
{
    char verb[WORD_MAX];
    if (!next_word(&at, verb))
        return;
    if (strcmp(verb, "profile") == 0)
        take_profile(r, at);
    else if (strcmp(verb, "order") == 0)
        take_order(r, at);
    else if (strcmp(verb, "recording") == 0)
        take_recording(r);
    else if (strcmp(verb, "read") == 0)
        take_read(r, at);
    else if (strcmp(verb, "expect") == 0)
        take_expect(r, at);
    else if (strcmp(verb, "unavailable") == 0)
        take_unavailable(r, at);
    else
        wrong(r, "\"%s\": a line begins with profile, order, recording, read, expect or unavailable", verb);
}

bool recording_replay(const char *text, const char *name, const struct profile_path *path,
                      struct diagnostics *d, struct recording_counts *counts)
{
    struct replay *r = calloc(1, sizeof *r);
    char line[2048];
    *counts = (struct recording_counts){0};
    if (!r) {
        diag_error(d, (struct place){name, 0}, "out of memory");
        return false;
    }
    *r = (struct replay){.diags = d, .path = path, .counts = counts, .place = {name, 0}};
    while (*text) {
        size_t n = strcspn(text, "\n"), used = strcspn(text, "#\n");
        r->place.line++;
        if (used >= sizeof line)
            wrong(r, "the line is longer than %zu characters", sizeof line - 1);
        else {
            memcpy(line, text, used);
            line[used] = '\0';
            take_line(r, line);
        }
        text += n + (text[n] == '\n');
    }
    if (counts->recordings == 0)
        counts->recordings = 1; // one that has no name
    if (counts->right + counts->wrong == 0)
        wrong(r, "nothing is expected: add \"expect POINT NUMBER UNIT\"");
    config_free(r->owner);
    free(r);
    return counts->wrong == 0;
}
