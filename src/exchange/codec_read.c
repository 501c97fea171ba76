// SPDX-License-Identifier: Apache-2.0
// Reading a stranger's body by its table: known keys only, each once, each of its type and in its range.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "codec.h"
#include "exchange/span.h"
#include "symbiont/clock.h"
#include "symbiont/envelope.h"
#include "symbiont/json_parse.h"
#include "symbiont/messages.h"
#include "symbiont/offer.h"
#include "symbiont/text.h"
#include "symbiont/waste.h"

#define UTC_MAX 4102444800000LL /* 2100 */

struct reader {
    char *why;
    size_t why_size;
    char path[96]; // "heat." in front of the key
};

static bool refuse(const struct reader *r, const struct field *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool refuse(const struct reader *r, const struct field *f, const char *format, ...)
{
    char words[160];
    va_list ap;
    va_start(ap, format);
    vsnprintf(words, sizeof words, format, ap);
    va_end(ap);
    snprintf(r->why, r->why_size, "\"%s%s\" %s", r->path, f->key, words);
    return false;
}

static bool range(const struct reader *r, const struct field *f, double v)
{
    if ((f->min == 0 && f->max == 0) || (v >= f->min && v <= f->max))
        return true;
    return refuse(r, f, "must be from %g to %g", f->min, f->max);
}

// The values that follow are members and elements: never NULL, which jansson's own macros ask for, too.
static bool is_number(const json_t *v)
{
    return json_typeof(v) == JSON_INTEGER || json_typeof(v) == JSON_REAL;
}

static bool take_number(const struct reader *r, const struct field *f, const json_t *v, double *out)
{
    if (!is_number(v))
        return refuse(r, f, "must be a number");
    *out = json_number_value(v);
    return range(r, f, *out);
}

static void put_uint(void *p, size_t size, uint64_t v)
{
    uint8_t one = (uint8_t)v;
    uint32_t four = (uint32_t)v;
    switch (size) {
    case sizeof one:
        memcpy(p, &one, sizeof one);
        break;
    case sizeof four:
        memcpy(p, &four, sizeof four);
        break;
    default:
        memcpy(p, &v, sizeof v);
        break;
    }
}

static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static bool take_text(const struct reader *r, const struct field *f, const json_t *v, char *out)
{
    const char *s = json_string_value(v);
    if (!s)
        return refuse(r, f, "must be a string");
    if (json_string_length(v) >= f->size)
        return refuse(r, f, "has more than %zu bytes", f->size - 1);
    if (!*s)
        return refuse(r, f, "is empty: leave it out");
    if (f->chars ? strspn(s, f->chars) != strlen(s) : !printable(s))
        return refuse(r, f, "has characters that do not belong there");
    if (f->type == FIELD_ID && !exchange_is_id(s))
        return refuse(r, f, "must be 32 hex digits in small letters");
    strcpy(out, s);
    return true;
}

static bool take_choice(const struct reader *r, const struct field *f, const json_t *v, void *out)
{
    const char *s = json_string_value(v);
    const struct choice *c = f->choices;
    if (!s)
        return refuse(r, f, "must be a string");
    while (c->word && (c->value < 0 || strcmp(c->word, s) != 0))
        c++;
    if (!c->word)
        return refuse(r, f, "has a word that is not known there");
    put_uint(out, f->size, (uint64_t)c->value);
    return true;
}

static bool take_uint(const struct reader *r, const struct field *f, const json_t *v, void *out)
{
    double max = f->max > 0 ? f->max : CODEC_UINT_MAX;
    json_int_t n = json_integer_value(v);
    if (json_typeof(v) != JSON_INTEGER || n < (json_int_t)f->min || (double)n > max)
        return refuse(r, f, "must be a whole number from %.0f to %.0f", f->min, max);
    put_uint(out, f->size, (uint64_t)n);
    return true;
}

static bool take_utc(const struct reader *r, const struct field *f, const json_t *v, struct utc *out)
{
    if (json_typeof(v) != JSON_INTEGER || json_integer_value(v) < 1 || json_integer_value(v) > UTC_MAX)
        return refuse(r, f, "must be milliseconds since 1970, whole");
    out->ms = json_integer_value(v);
    return true;
}

// The band of an allowed number may reach beyond the range: 210 bar is told as "200-500".
static bool ends_in_range(const struct reader *r, const struct field *f, struct span s)
{
    enum coarse coarse = (enum coarse)f->coarse;
    bool band = !span_exact(s) && s.low <= f->max && s.high >= f->min;
    bool low = !isfinite(s.low) ||
               (band && s.low >= codec_coarse_span(coarse, span_of(f->min), "", "").low) ||
               range(r, f, s.low);
    return low && (!isfinite(s.high) ||
                   (band && s.high <= codec_coarse_span(coarse, span_of(f->max), "", "").high) ||
                   range(r, f, s.high));
}

static bool take_span(const struct reader *r, const struct field *f, const json_t *v, struct span *out)
{
    if (is_number(v))
        *out = span_of(json_number_value(v));
    else if (json_typeof(v) != JSON_STRING || !span_parse(json_string_value(v), out))
        return refuse(r, f, "must be a number or a band: \"200-500\", \">200\", \"<500\"");
    return ends_in_range(r, f, *out);
}

static bool take_key(const struct reader *r, const struct field *f, const json_t *v, char *base)
{
    const char *s = json_string_value(v);
    if (!s || !public_key_parse(s, (unsigned char *)base + f->at))
        return refuse(r, f, "must be a public key: base64 of 32 bytes");
    if (f->count != NO_COUNT)
        *(bool *)(base + f->count) = true;
    return true;
}

static bool take_members(struct reader *r, const struct field *rows, const json_t *object, char *base);

static bool take_code(const struct reader *r, const struct field *f, const json_t *v, uint32_t *out)
{
    char why[200];
    const char *s = json_string_value(v);
    const struct waste_code *w =
        s && strspn(s, CHARS_DIGITS) == strlen(s) ? waste_parse(s, why, sizeof why) : NULL;
    if (!w)
        return refuse(r, f, "must be codes of the List of Waste, six digits: \"150101\"");
    *out = w->code;
    return true;
}

static bool take_operation(const struct reader *r, const struct field *f, const json_t *v, uint32_t *bits)
{
    const char *s = json_string_value(v);
    uint32_t bit = s ? waste_operation(s) : 0;
    *bits |= bit;
    return bit || refuse(r, f, "must be of \"R1\" to \"R13\" and \"D1\" to \"D15\"");
}

static bool take_share(const struct reader *r, const struct field *f, const json_t *v, float *out)
{
    if (!is_number(v) || json_number_value(v) < 0 || json_number_value(v) > 1)
        return refuse(r, f, "must be shares from 0 to 1");
    *out = (float)json_number_value(v);
    return true;
}

static bool take_object(struct reader *r, const struct field *f, const json_t *v, char *p)
{
    size_t n = strlen(r->path);
    if (json_typeof(v) != JSON_OBJECT)
        return refuse(r, f, "must be %s", f->type == FIELD_OBJECT ? "an object" : "a list of objects");
    snprintf(r->path + n, sizeof r->path - n, "%s.", f->key);
    bool ok = take_members(r, f->rows, v, p);
    r->path[n] = '\0';
    return ok;
}

static bool take_element(struct reader *r, const struct field *f, const json_t *v, void *p)
{
    switch (f->type) {
    case FIELD_WORDS:
    case FIELD_TEXTS:
        return take_text(r, f, v, p);
    case FIELD_CODES:
        return take_code(r, f, v, p);
    case FIELD_NUMBERS:
        *(double *)p = NAN;
        return json_typeof(v) == JSON_NULL || take_number(r, f, v, p);
    case FIELD_SHARES:
        return take_share(r, f, v, p);
    case FIELD_OPERATIONS:
        return take_operation(r, f, v, p);
    default:
        return take_object(r, f, v, p);
    }
}

static bool take_list(struct reader *r, const struct field *f, const json_t *v, char *base)
{
    bool all = f->type == FIELD_SHARES, bits = f->type == FIELD_OPERATIONS;
    size_t most = bits ? 28 : f->most;
    if (json_typeof(v) != JSON_ARRAY)
        return refuse(r, f, "must be a list");
    size_t n = json_array_size(v);
    if (n == 0 || n > most || (all && n != most))
        return refuse(r, f, "must have %s%zu entries", all ? "" : "1 to ", most);
    for (size_t i = 0; i < n; i++)
        if (!take_element(r, f, json_array_get(v, i), base + f->at + (bits ? 0 : i * f->size)))
            return false;
    if (all)
        *(bool *)(base + f->count) = true;
    else if (!bits)
        *(uint8_t *)(base + f->count) = (uint8_t)n;
    return true;
}

static bool take_field(struct reader *r, const struct field *f, const json_t *v, char *base)
{
    void *p = base + f->at;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_ID:
        return take_text(r, f, v, p);
    case FIELD_CHOICE:
        return take_choice(r, f, v, p);
    case FIELD_UINT:
        return take_uint(r, f, v, p);
    case FIELD_UTC:
        return take_utc(r, f, v, p);
    case FIELD_NUMBER:
        return take_number(r, f, v, p);
    case FIELD_SPAN:
        return take_span(r, f, v, p);
    case FIELD_BOOL:
        *(bool *)p = json_typeof(v) == JSON_TRUE;
        return json_typeof(v) == JSON_TRUE || json_typeof(v) == JSON_FALSE ||
               refuse(r, f, "must be true or false");
    case FIELD_KEY:
        return take_key(r, f, v, base);
    case FIELD_OBJECT:
        return take_object(r, f, v, p);
    default:
        return take_list(r, f, v, base);
    }
}

static bool take_members(struct reader *r, const struct field *rows, const json_t *object, char *base)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        const struct field *f = rows;
        while (f->key && strcmp(f->key, key) != 0)
            f++;
        if (!f->key) {
            bool plain = strspn(key, CHARS_NAME) == strlen(key);
            snprintf(r->why, r->why_size, "\"%s%.40s\" is not a known key", r->path, plain ? key : "?");
            return false;
        }
        if (!take_field(r, f, v, base))
            return false;
    }
    for (const struct field *f = rows; f->key; f++)
        if (f->required && !json_object_get(object, f->key))
            return refuse(r, f, "is missing");
    return true;
}

bool codec_take(const struct field *rows, const void *object, void *out, char *why, size_t why_size)
{
    struct reader r = {.why = why, .why_size = why_size};
    if (!json_is_object((const json_t *)object)) {
        snprintf(why, why_size, "it is not a JSON object");
        return false;
    }
    return take_members(&r, rows, object, out);
}

// Before jansson, which goes down by recursion.
static unsigned depth_of(const char *s, size_t n)
{
    unsigned depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            quoted = !quoted;
        else if (!quoted && (s[i] == '{' || s[i] == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!quoted && (s[i] == '}' || s[i] == ']') && depth)
            depth--;
    }
    return deepest;
}

void *codec_parse(const char *json, size_t n, size_t limit, unsigned depth, char *why, size_t why_size)
{
    json_error_t error;
    if (n > limit) {
        snprintf(why, why_size, "it has more than %zu bytes", limit);
        return NULL;
    }
    if (depth_of(json, n) > depth) {
        snprintf(why, why_size, "it is nested more than %u deep", depth);
        return NULL;
    }
    json_t *object = json_parse(json, n, JSON_REJECT_DUPLICATES, &error);
    if (!object) {
        if (error.line < 0)
            snprintf(why, why_size, "no memory");
        else
            snprintf(why, why_size, "it is not JSON: line %d, column %d", error.line, error.column);
        return NULL;
    }
    if (!json_is_object(object)) {
        snprintf(why, why_size, "it is not a JSON object");
        json_decref(object);
        return NULL;
    }
    return object;
}

bool codec_read(const struct field *rows, const char *json, size_t n, size_t limit, void *out, char *why,
                size_t why_size)
{
    json_t *object = codec_parse(json, n, limit, CODEC_DEPTH, why, why_size);
    bool ok = object && codec_take(rows, object, out, why, why_size);
    json_decref(object);
    return ok;
}
