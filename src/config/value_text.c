// SPDX-License-Identifier: Apache-2.0
// Values of options as text: for printing back, for ranges and for messages.
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "config/value.h"
#include "symbiont/clock.h"
#include "symbiont/units.h"

void value_quote(const char *text, struct buf *out)
{
    static const char plain[] = "\n\r\t\f\\\"", letters[] = "nrtf\\\"";
    buf_putc(out, '"');
    for (; *text; text++) {
        const char *found = strchr(plain, *text);
        if (found)
            buf_put(out, (char[]){'\\', letters[found - plain]}, 2);
        else if ((unsigned char)*text < ' ' || *text == 127)
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

// The largest unit that gives a whole number; what is finer than a millisecond as a fraction of a second.
static void duration_text(int64_t ns, struct buf *out)
{
    static const struct {
        const char *word;
        int64_t ns;
    } units[] = {{"d", 86400 * NS_PER_S},
                 {"h", 3600 * NS_PER_S},
                 {"min", 60 * NS_PER_S},
                 {"s", NS_PER_S},
                 {"ms", NS_PER_MS}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ns % units[i].ns == 0 && (ns != 0 || i == 3)) {
            buf_printf(out, "%" PRId64 " %s", ns / units[i].ns, units[i].word);
            return;
        }
    }
    uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    buf_printf(out, "%s%" PRIu64 ".%09" PRIu64 " s", ns < 0 ? "-" : "", magnitude / 1000000000u,
               magnitude % 1000000000u);
}

// In binary or decimal multiples, whichever is shorter.
static void size_text(int64_t bytes, struct buf *out)
{
    static const char *const words[2][5] = {{"B", "KiB", "MiB", "GiB", "TiB"}, {"B", "kB", "MB", "GB", "TB"}};
    static const int64_t steps[2] = {1024, 1000};
    int64_t number[2] = {bytes, bytes};
    size_t power[2] = {0, 0};
    for (int k = 0; k < 2; k++)
        for (; power[k] < 4 && bytes != 0 && number[k] % steps[k] == 0; power[k]++)
            number[k] /= steps[k];
    int best = number[1] < number[0];
    buf_printf(out, "%" PRId64 " %s", number[best], words[best][power[best]]);
}

static void amount_text(const struct option *o, double value, struct buf *out)
{
    buf_number(out, value, false);
    if (o->unit && *o->unit)
        buf_printf(out, " %s", o->unit);
}

// libconfig reads "5" as an integer of 32 bits.
static void number_text(double value, struct buf *out)
{
    size_t before = out->len;
    buf_number(out, value, false);
    if (!out->failed && !memchr(out->data + before, '.', out->len - before) &&
        !memchr(out->data + before, 'e', out->len - before))
        buf_puts(out, ".0");
}

static void choice_text(const struct option *o, int value, struct buf *out)
{
    for (const struct choice *c = o->choices; c->word; c++) {
        if (c->value == value) {
            value_quote(c->word, out);
            return;
        }
    }
    buf_puts(out, "\"\"");
}

static void list_text(const struct option *o, const void *at, struct buf *out)
{
    struct texts texts = {0};
    struct numbers numbers = {0};
    if (o->type == OPTION_TEXTS)
        memcpy(&texts, at, sizeof texts);
    else
        memcpy(&numbers, at, sizeof numbers);
    buf_putc(out, '(');
    for (size_t i = 0; i < texts.n + numbers.n; i++) {
        buf_puts(out, i ? ", " : " ");
        if (o->type == OPTION_TEXTS)
            value_quote(texts.items[i], out);
        else
            number_text(numbers.items[i], out);
    }
    buf_puts(out, " )");
}

void value_print(const struct option *o, const void *at, struct buf *out)
{
    union {
        int64_t whole;
        double number;
        int choice;
        bool truth;
        const char *text;
    } v = {0};
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_ID:
        memcpy(&v.text, at, sizeof v.text);
        value_quote(v.text ? v.text : "", out);
        break;
    case OPTION_INT:
        memcpy(&v.whole, at, sizeof v.whole);
        buf_printf(out, "%" PRId64 "%s", v.whole, v.whole < INT32_MIN || v.whole > INT32_MAX ? "L" : "");
        break;
    case OPTION_NUMBER:
        memcpy(&v.number, at, sizeof v.number);
        number_text(v.number, out);
        break;
    case OPTION_BOOL:
        memcpy(&v.truth, at, sizeof v.truth);
        buf_puts(out, v.truth ? "true" : "false");
        break;
    case OPTION_AMOUNT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        buf_putc(out, '"');
        memcpy(&v.whole, at, sizeof v.whole);
        if (o->type == OPTION_AMOUNT)
            amount_text(o, v.number, out);
        else if (o->type == OPTION_DURATION)
            duration_text(v.whole, out);
        else
            size_text(v.whole, out);
        buf_putc(out, '"');
        break;
    case OPTION_CHOICE:
        memcpy(&v.choice, at, sizeof v.choice);
        choice_text(o, v.choice, out);
        break;
    case OPTION_TEXTS:
    case OPTION_NUMBERS:
        list_text(o, at, out);
        break;
    case OPTION_GROUP:
    case OPTION_GROUPS:
        break;
    }
}

static void limit_text(const struct option *o, double limit, struct buf *out)
{
    if (o->type == OPTION_DURATION)
        duration_text(fabs(limit) < 9e9 ? llround(limit * 1e9) : INT64_MAX, out);
    else if (o->type == OPTION_SIZE)
        size_text(limit < 9e18 ? llround(limit) : INT64_MAX, out);
    else
        amount_text(o, limit, out);
}

void value_range(const struct option *o, struct buf *out)
{
    bool below = isfinite(o->min), above = isfinite(o->max);
    if (o->min == 0 && o->max == 0)
        return;
    if (below && above) {
        limit_text(o, o->min, out);
        buf_puts(out, " to ");
        limit_text(o, o->max, out);
    } else if (below || above) {
        buf_puts(out, below ? "at least " : "at most ");
        limit_text(o, below ? o->min : o->max, out);
    }
}

void value_choices(const struct option *o, struct buf *out)
{
    for (const struct choice *c = o->choices; c->word; c++) {
        if (c != o->choices)
            buf_puts(out, c[1].word ? ", " : " or ");
        value_quote(c->word, out);
    }
}

static void amount_wanted(const struct option *o, struct buf *out)
{
    const struct unit *u = o->unit ? unit_find(o->unit) : NULL;
    buf_printf(out, "a %s such as ", u ? unit_dimension(u) : "value with a unit");
    if (o->def)
        value_quote(o->def, out);
    else
        buf_printf(out, "\"%d %s\"", o->max > 0 && o->max < 10 ? 1 : 10, o->unit ? o->unit : "");
}

void value_wanted(const struct option *o, struct buf *out)
{
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_ID:
        buf_puts(out, "a text in quotes");
        break;
    case OPTION_INT:
        buf_puts(out, "a whole number");
        break;
    case OPTION_NUMBER:
        buf_puts(out, "a number");
        break;
    case OPTION_BOOL:
        buf_puts(out, "true or false");
        break;
    case OPTION_AMOUNT:
        amount_wanted(o, out);
        break;
    case OPTION_DURATION:
        buf_printf(out, "a duration such as \"%s\" (in ms, s, min, h or d)", o->def ? o->def : "10 s");
        break;
    case OPTION_SIZE:
        buf_printf(out, "a size such as \"%s\"", o->def ? o->def : "64 MiB");
        break;
    case OPTION_CHOICE:
        value_choices(o, out);
        break;
    case OPTION_TEXTS:
        buf_puts(out, "a list of texts: ( \"...\", \"...\" )");
        break;
    case OPTION_NUMBERS:
        buf_puts(out, "a list of numbers: ( 1, 2.5 )");
        break;
    case OPTION_GROUP:
        buf_puts(out, "a group: { ... }");
        break;
    case OPTION_GROUPS:
        buf_puts(out, "a list of groups: ( { ... }, { ... } )");
        break;
    }
}
