// SPDX-License-Identifier: Apache-2.0
// Whether something changed by more than the band it was told in, field by field out of the table.
#include <math.h>
#include <string.h>
#include "codec.h"
#include "exchange/span.h"
#include "symbiont/clock.h"

// A share told as 0.4 may be 0.35 or 0.45: two tenths are a change.
#define SHARE_QUIET 0.19f
#define DAY_MS      86400000LL

// Bands as they are told at level 2, also of what is told exactly: more than a band is the measure of both.
static bool span_differs(const struct field *f, const char *told, const char *seen, const char *now)
{
    const struct offer_parameter *p = (const struct offer_parameter *)(const void *)told;
    struct span was, is, real;
    memcpy(&was, told + f->at, sizeof was);
    memcpy(&is, seen + f->at, sizeof is);
    memcpy(&real, now + f->at, sizeof real);
    bool of_parameter = f->coarse == COARSE_PARAMETER;
    struct span band = codec_coarse_span((enum coarse)f->coarse, was, of_parameter ? p->unit : "",
                                         of_parameter ? p->name : "");
    return span_left(band, span_said(is) ? real : is);
}

static bool number_differs(const struct field *f, double a, double b)
{
    return isnan(a) != isnan(b) || fabs(a - b) > (f->quiet > 0 ? f->quiet : 0.1 * fabs(a) + 1e-9);
}

static bool utc_differs(struct utc a, struct utc b)
{
    return a.ms != b.ms && (a.ms == 0 || b.ms == 0 || a.ms - b.ms > DAY_MS || b.ms - a.ms > DAY_MS);
}

static bool shares_differ(const struct field *f, const char *told, const char *seen)
{
    const float *a = (const float *)(const void *)(told + f->at),
                *b = (const float *)(const void *)(seen + f->at);
    if (*(const bool *)(told + f->count) != *(const bool *)(seen + f->count))
        return true;
    for (size_t i = 0; i < f->most; i++)
        if (fabsf(a[i] - b[i]) > SHARE_QUIET)
            return true;
    return false;
}

static bool list_differs(const struct field *f, const char *told, const char *seen, const char *now)
{
    size_t n = *(const uint8_t *)(told + f->count);
    if (n != *(const uint8_t *)(seen + f->count))
        return true;
    for (size_t i = 0; i < n; i++) {
        size_t at = f->at + i * f->size;
        if (f->type == FIELD_OBJECTS ? codec_differs(f->rows, told + at, seen + at, now + at)
                                     : memcmp(told + at, seen + at, f->size) != 0)
            return true;
    }
    return false;
}

static bool field_differs(const struct field *f, const char *told, const char *seen, const char *now)
{
    const char *a = told + f->at, *b = seen + f->at;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_ID:
        return strcmp(a, b) != 0;
    case FIELD_SPAN:
        return span_differs(f, told, seen, now);
    case FIELD_NUMBER:
        return number_differs(f, *(const double *)(const void *)a, *(const double *)(const void *)b);
    case FIELD_UTC:
        return utc_differs(*(const struct utc *)(const void *)a, *(const struct utc *)(const void *)b);
    case FIELD_OBJECT:
        return codec_differs(f->rows, a, b, now + f->at);
    case FIELD_SHARES:
        return shares_differ(f, told, seen);
    case FIELD_WORDS:
    case FIELD_TEXTS:
    case FIELD_OBJECTS:
    case FIELD_CODES:
    case FIELD_NUMBERS:
        return list_differs(f, told, seen, now);
    default:
        return memcmp(a, b, f->size) != 0;
    }
}

bool codec_differs(const struct field *rows, const void *told, const void *seen, const void *now)
{
    for (const struct field *f = rows; f->key; f++)
        if (!f->ignored && field_differs(f, told, seen, now))
            return true;
    return false;
}
