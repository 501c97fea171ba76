// SPDX-License-Identifier: Apache-2.0
// What a level lets out: copied field by field out of the table, so that what no row names stays inside.
#include <math.h>
#include <string.h>
#include <time.h>
#include "codec.h"
#include "exchange/span.h"
#include "symbiont/clock.h"
#include "symbiont/offer.h"

// The quarter of the year that `t` lies in: its begin, or the begin of the next one.
static struct utc quarter(struct utc t, bool end)
{
    struct tm tm;
    time_t s = (time_t)(t.ms / 1000);
    if (t.ms <= 0 || !gmtime_r(&s, &tm))
        return (struct utc){0};
    struct tm first = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon / 3 * 3, .tm_mday = 1};
    struct utc begin = {(int64_t)timegm(&first) * 1000};
    if (!end || begin.ms == t.ms)
        return begin;
    first = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon / 3 * 3 + 3, .tm_mday = 1};
    return (struct utc){(int64_t)timegm(&first) * 1000};
}

struct span codec_coarse_span(enum coarse c, struct span s, const char *unit, const char *name)
{
    switch (c) {
    case COARSE_125:
        return span_band(s);
    case COARSE_CELSIUS:
        return span_band_celsius(s);
    case COARSE_PARAMETER:
        if (strcmp(unit, "degC") == 0)
            return span_band_celsius(s);
        return strcmp(name, "ph") == 0 ? span_band_whole(s) : span_band(s);
    default:
        return s;
    }
}

static double coarse_number(enum coarse c, double v)
{
    return c == COARSE_TENTH ? nearbyint(v * 10) / 10 : c == COARSE_WHOLE ? nearbyint(v) : v;
}

static void disclose_shares(const struct field *f, const char *from, char *out, bool exact)
{
    const float *given = (const float *)(const void *)(from + f->at);
    float *shares = (float *)(void *)(out + f->at);
    double steps = exact ? 100 : 10;
    for (size_t i = 0; i < f->most; i++)
        shares[i] = (float)(nearbyint((double)given[i] * steps) / steps);
    *(bool *)(out + f->count) = true;
}

static void disclose_list(const struct field *f, unsigned level, const char *from, char *out)
{
    size_t n = *(const uint8_t *)(from + f->count);
    n = n < f->most ? n : f->most;
    for (size_t i = 0; i < n; i++) {
        const char *element = from + f->at + i * f->size;
        char *copy = out + f->at + i * f->size;
        if (f->type == FIELD_OBJECTS)
            codec_disclose(f->rows, level, element, copy);
        else if (f->type == FIELD_WORDS || f->type == FIELD_TEXTS)
            memcpy(copy, element, strnlen(element, f->size - 1)); // nothing that lies behind its end
        else
            memcpy(copy, element, f->size);
    }
    *(uint8_t *)(out + f->count) = (uint8_t)n;
}

static void disclose_text(const struct field *f, bool exact, const char *from, char *out)
{
    size_t n = strnlen(from, f->size - 1);
    if (!exact && f->coarse == COARSE_TWO_LETTERS && n > 2)
        n = 2;
    memcpy(out, from, n);
    out[n] = '\0';
}

static void disclose_field(const struct field *f, unsigned level, const char *from, char *out)
{
    bool exact = level >= DISCLOSE_EXACT;
    enum coarse coarse = exact ? COARSE_NOT : (enum coarse)f->coarse;
    const char *p = from + f->at;
    char *copy = out + f->at;
    const struct offer_parameter *parameter = (const struct offer_parameter *)(const void *)from;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_ID:
        disclose_text(f, exact, p, copy);
        break;
    case FIELD_SPAN:
        *(struct span *)(void *)copy = codec_coarse_span(coarse, *(const struct span *)(const void *)p,
                                                         coarse == COARSE_PARAMETER ? parameter->unit : "",
                                                         coarse == COARSE_PARAMETER ? parameter->name : "");
        break;
    case FIELD_NUMBER:
        *(double *)(void *)copy = coarse_number(coarse, *(const double *)(const void *)p);
        break;
    case FIELD_UTC:
        *(struct utc *)(void *)copy = coarse == COARSE_NOT ? *(const struct utc *)(const void *)p
                                                           : quarter(*(const struct utc *)(const void *)p,
                                                                     coarse == COARSE_QUARTER_END);
        break;
    case FIELD_OBJECT:
        codec_disclose(f->rows, level, p, copy);
        break;
    case FIELD_SHARES:
        if (*(const bool *)(from + f->count))
            disclose_shares(f, from, out, exact);
        break;
    case FIELD_WORDS:
    case FIELD_TEXTS:
    case FIELD_OBJECTS:
    case FIELD_CODES:
    case FIELD_NUMBERS:
        disclose_list(f, level, from, out);
        break;
    default:
        memcpy(copy, p, f->size);
        break;
    }
}

void codec_disclose(const struct field *rows, unsigned level, const void *from, void *out)
{
    for (const struct field *f = rows; f->key; f++)
        if (level >= f->level)
            disclose_field(f, level, from, out);
}
