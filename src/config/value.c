// SPDX-License-Identifier: Apache-2.0
// Values of options from text into memory, checked.
#include "config/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/clock.h"
#include "symbiont/text.h"
#include "symbiont/units.h"

__attribute__((format(printf, 2, 3))) static bool refuse(struct why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return false;
}

static bool out_of_memory(struct why *why)
{
    why->text[0] = '\0';
    return false;
}

// "wants a power such as "1 kW", found ..."
static bool unwanted(const struct option *o, struct why *why, const char *found)
{
    struct buf wanted = {0};
    value_wanted(o, &wanted);
    refuse(why, "wants %s, found %s", buf_text(&wanted), found);
    buf_free(&wanted);
    return false;
}

static bool unwanted_text(const struct option *o, struct why *why, const char *text)
{
    char shown[64], found[80];
    snprintf(found, sizeof found, "\"%s\"", value_shown(text, shown));
    return unwanted(o, why, found);
}

const char *value_shown(const char *text, char out[static 64])
{
    size_t n = strlen(text), cut = n > 60 ? 57 : n;
    while (cut < n && cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--; // not within a UTF-8 character
    for (size_t i = 0; i < cut; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
    memcpy(out + cut, cut < n ? "..." : "", cut < n ? 4 : 1);
    return out;
}

// `value` in the unit of the limits.
static bool within(const struct option *o, double value, const char *shown, struct why *why)
{
    bool limited = o->min != 0 || o->max != 0;
    if (!limited || (value >= o->min && value <= o->max))
        return true;
    struct buf range = {0};
    value_range(o, &range);
    refuse(why, "is %s; allowed is %s", shown, buf_text(&range));
    buf_free(&range);
    return false;
}

bool value_from_int(const struct option *o, int64_t value, void *at, struct why *why)
{
    if (o->type == OPTION_NUMBER)
        return value_from_number(o, (double)value, at, why);
    char shown[32];
    snprintf(shown, sizeof shown, "%lld", (long long)value);
    if (!within(o, (double)value, shown, why))
        return false;
    memcpy(at, &value, sizeof value);
    return true;
}

bool value_from_number(const struct option *o, double value, void *at, struct why *why)
{
    struct buf shown = {0};
    buf_number(&shown, value, false);
    bool good = within(o, value, buf_text(&shown), why);
    buf_free(&shown);
    if (good)
        memcpy(at, &value, sizeof value);
    return good;
}

// ---- Values with a unit ----

// Number and unit of `text`, converted to `wanted`.
static bool convert(const struct option *o, const char *text, const char *wanted, double *out,
                    struct why *why)
{
    char shown[64], reason[200];
    double value, factor, offset;
    const struct unit *from, *to = unit_find(wanted);
    if (!to)
        return refuse(why, "has the unknown unit \"%s\" in its table", wanted);
    if (!amount_parse(text, &value, &from, reason, sizeof reason)) {
        if (o->type == OPTION_DURATION)
            return unwanted_text(o, why, text);
        return refuse(why, ": %s", reason);
    }
    if (!unit_conversion(from, to, &factor, &offset)) {
        if (*unit_text(from) == '\0')
            return refuse(why, "is \"%s\", without a unit: write \"%s %s\"", value_shown(text, shown), shown,
                          wanted);
        struct buf want = {0};
        value_wanted(o, &want);
        refuse(why, "wants %s; \"%s\" is a %s", buf_text(&want), value_shown(text, shown),
               unit_dimension(from));
        buf_free(&want);
        return false;
    }
    *out = value * factor + offset;
    if (!isfinite(*out))
        return refuse(why, "is too large: \"%s\"", value_shown(text, shown));
    return true;
}

static bool amount(const struct option *o, const char *text, void *at, struct why *why)
{
    double value;
    char shown[64];
    if (!convert(o, text, o->unit, &value, why) || !within(o, value, value_shown(text, shown), why))
        return false;
    memcpy(at, &value, sizeof value);
    return true;
}

static bool duration(const struct option *o, const char *text, void *at, struct why *why)
{
    double seconds;
    char shown[64];
    if (!convert(o, text, "s", &seconds, why) || !within(o, seconds, value_shown(text, shown), why))
        return false;
    if (seconds < 0 && o->min == 0 && o->max == 0)
        return refuse(why, "is %s; a duration is not negative", value_shown(text, shown));
    if (fabs(seconds) > 9e9) // int64 nanoseconds hold 292 years
        return refuse(why, "is %s; allowed are at most 285 years", value_shown(text, shown));
    int64_t ns = llround(seconds * 1e9);
    memcpy(at, &ns, sizeof ns);
    return true;
}

static const struct {
    const char *word;
    double bytes;
} sizes[] = {
    {"B", 1},         {"kB", 1e3},         {"MB", 1e6},
    {"GB", 1e9},      {"TB", 1e12},        {"KiB", 1024},
    {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776},
};

static bool size(const struct option *o, const char *text, void *at, struct why *why)
{
    char shown[64], number[32];
    size_t digits = strspn(text, "0123456789.");
    const char *suffix = text + digits + strspn(text + digits, " ");
    double value = 0, unit = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].word, suffix) == 0)
            unit = sizes[i].bytes;
    if (digits == 0 || digits >= sizeof number || unit == 0)
        return unwanted_text(o, why, text);
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!text_number(number, &value))
        return unwanted_text(o, why, text);
    value *= unit;
    if (!within(o, value, value_shown(text, shown), why))
        return false;
    if (value > 9e18)
        return refuse(why, "is too large: \"%s\"", value_shown(text, shown));
    int64_t bytes = llround(value);
    memcpy(at, &bytes, sizeof bytes);
    return true;
}

// ---- Words ----

static bool choice(const struct option *o, const char *text, void *at, struct why *why)
{
    size_t n = 0;
    for (; o->choices[n].word; n++) {
        if (strcmp(o->choices[n].word, text) == 0) {
            memcpy(at, &o->choices[n].value, sizeof o->choices[n].value);
            return true;
        }
    }
    char shown[64];
    struct buf allowed = {0};
    const char *near = text_nearest(text, o->choices, n, sizeof *o->choices);
    value_choices(o, &allowed);
    if (near)
        refuse(why, "is \"%s\"; did you mean \"%s\"? Allowed are %s", value_shown(text, shown), near,
               buf_text(&allowed));
    else
        refuse(why, "is \"%s\"; allowed are %s", value_shown(text, shown), buf_text(&allowed));
    buf_free(&allowed);
    return false;
}

static bool word(struct config *owner, const struct option *o, const char *text, void *at, struct why *why)
{
    char shown[64];
    if (o->type == OPTION_NAME && !text_is_name(text))
        return refuse(
            why,
            "is \"%s\"; allowed are small letters a-z, digits and _, a letter first, at most 63 characters",
            value_shown(text, shown));
    if (o->type == OPTION_ID && !text_is_id(text))
        return refuse(why, "is \"%s\"; allowed are small letters a-z, digits and -, at most 63 characters",
                      value_shown(text, shown));
    char *copy = config_copy(owner, text, strlen(text));
    if (!copy)
        return out_of_memory(why);
    memcpy(at, &copy, sizeof copy);
    return true;
}

// ---- Lists as a default writes them: "tcp, rtu" ----

static bool list(struct config *owner, const struct option *o, const char *text, void *at, struct why *why)
{
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += *p == ',';
    n += *text != '\0';
    bool texts = o->type == OPTION_TEXTS;
    char **words = texts ? config_alloc(owner, n * sizeof *words) : NULL;
    double *numbers = texts ? NULL : config_alloc(owner, n * sizeof *numbers);
    if (!words && !numbers)
        return out_of_memory(why);
    const char *p = text;
    for (size_t i = 0; i < n; i++) {
        p += strspn(p, " ");
        size_t length = strcspn(p, ",");
        char *item = config_copy(owner, p, length);
        if (!item)
            return out_of_memory(why);
        if (texts)
            words[i] = item;
        else if (!text_number(item, &numbers[i]))
            return unwanted_text(o, why, item);
        p += length + 1;
    }
    if (texts)
        memcpy(at, &(struct texts){words, n}, sizeof(struct texts));
    else
        memcpy(at, &(struct numbers){numbers, n}, sizeof(struct numbers));
    return true;
}

// ---- Only defaults are texts here ----

static bool plain(const struct option *o, const char *text, void *at, struct why *why)
{
    int64_t whole;
    double number;
    bool truth = strcmp(text, "true") == 0;
    if (o->type == OPTION_INT && text_integer(text, INT64_MIN, INT64_MAX, &whole))
        return value_from_int(o, whole, at, why);
    if (o->type == OPTION_NUMBER && text_number(text, &number))
        return value_from_number(o, number, at, why);
    if (o->type == OPTION_BOOL && (truth || strcmp(text, "false") == 0)) {
        memcpy(at, &truth, sizeof truth);
        return true;
    }
    return unwanted_text(o, why, text);
}

bool value_from_text(struct config *owner, const struct option *o, const char *text, void *at,
                     struct why *why)
{
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_ID:
        return word(owner, o, text, at, why);
    case OPTION_AMOUNT:
        return amount(o, text, at, why);
    case OPTION_DURATION:
        return duration(o, text, at, why);
    case OPTION_SIZE:
        return size(o, text, at, why);
    case OPTION_CHOICE:
        return choice(o, text, at, why);
    case OPTION_TEXTS:
    case OPTION_NUMBERS:
        return list(owner, o, text, at, why);
    default:
        return plain(o, text, at, why);
    }
}
