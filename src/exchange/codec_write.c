// SPDX-License-Identifier: Apache-2.0
// Writing a body from its table: keys in the table's order, what is unsaid left out.
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "codec.h"
#include "symbiont/clock.h"
#include "symbiont/envelope.h"
#include "symbiont/offer.h"

const char *codec_choice_word(const struct choice *c, int value)
{
    while (c->word && c->value != value)
        c++;
    return c->word ? c->word : "";
}

static uint64_t uint_at(const void *p, size_t size)
{
    uint8_t one;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case sizeof one:
        memcpy(&one, p, sizeof one);
        return one;
    case sizeof four:
        memcpy(&four, p, sizeof four);
        return four;
    default:
        memcpy(&eight, p, sizeof eight);
        return eight;
    }
}

static size_t count_of(const struct field *f, const char *base)
{
    size_t n = uint_at(base + f->count, 1);
    return n < f->most ? n : f->most;
}

static bool said(const struct field *f, const char *base);

static bool any_said(const struct field *rows, const char *base)
{
    for (const struct field *f = rows; f->key; f++)
        if (said(f, base))
            return true;
    return false;
}

static bool said(const struct field *f, const char *base)
{
    const void *p = base + f->at;
    if (f->required)
        return true;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_ID:
        return *(const char *)p != '\0';
    case FIELD_CHOICE:
    case FIELD_UINT:
    case FIELD_OPERATIONS:
        return uint_at(p, f->size) != 0;
    case FIELD_UTC:
        return ((const struct utc *)p)->ms != 0;
    case FIELD_NUMBER:
        return !isnan(*(const double *)(const void *)p) && (*(const double *)p != 0 || !f->zero_unsaid);
    case FIELD_SPAN:
        return span_said(*(const struct span *)p);
    case FIELD_BOOL:
        return *(const bool *)p;
    case FIELD_OBJECT:
        return any_said(f->rows, p);
    case FIELD_KEY:
    case FIELD_SHARES:
        return *(const bool *)(base + f->count);
    default:
        return count_of(f, base) > 0;
    }
}

static void write_span(struct json *j, const char *key, struct span s)
{
    char text[SPAN_TEXT];
    if (span_exact(s) && isfinite(s.low))
        json_number(j, key, s.low);
    else
        json_text(j, key, span_text(s, text));
}

static void write_operations(struct json *j, uint32_t bits)
{
    char text[16]; // gcc with -fsanitize=thread does not see the bounds of i
    for (int i = 1; i <= 31; i++) {
        if (!(bits >> i & 1) || i == 14 || i == 15 || i == 16)
            continue;
        snprintf(text, sizeof text, "%c%d", i < 16 ? 'R' : 'D', i < 16 ? i : i - 16);
        json_text(j, NULL, text);
    }
}

static void write_element(const struct field *f, const char *p, struct json *j)
{
    char text[16];
    switch (f->type) {
    case FIELD_WORDS:
    case FIELD_TEXTS:
        json_text(j, NULL, p);
        break;
    case FIELD_CODES:
        snprintf(text, sizeof text, "%06" PRIu32, (uint32_t)uint_at(p, 4));
        json_text(j, NULL, text);
        break;
    case FIELD_NUMBERS:
        json_number(j, NULL, *(const double *)(const void *)p);
        break;
    case FIELD_SHARES:
        json_single(j, NULL, (double)*(const float *)(const void *)p);
        break;
    default:
        json_open(j, NULL, '{');
        codec_write_members(f->rows, p, j);
        json_close(j, '}');
        break;
    }
}

static void write_list(const struct field *f, const char *base, struct json *j)
{
    json_open(j, f->key, '[');
    if (f->type == FIELD_OPERATIONS) {
        write_operations(j, (uint32_t)uint_at(base + f->at, 4));
    } else {
        size_t n = f->type == FIELD_SHARES ? f->most : count_of(f, base);
        for (size_t i = 0; i < n; i++)
            write_element(f, base + f->at + i * f->size, j);
    }
    json_close(j, ']');
}

static void write_field(const struct field *f, const char *base, struct json *j)
{
    const void *p = base + f->at;
    char text[KEY_TEXT];
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_ID:
        json_text(j, f->key, p);
        break;
    case FIELD_CHOICE:
        json_text(j, f->key, codec_choice_word(f->choices, (int)uint_at(p, f->size)));
        break;
    case FIELD_UINT:
        json_int(j, f->key, (int64_t)uint_at(p, f->size));
        break;
    case FIELD_UTC:
        json_int(j, f->key, ((const struct utc *)p)->ms);
        break;
    case FIELD_NUMBER:
        json_number(j, f->key, *(const double *)(const void *)p);
        break;
    case FIELD_SPAN:
        write_span(j, f->key, *(const struct span *)p);
        break;
    case FIELD_BOOL:
        json_bool(j, f->key, *(const bool *)p);
        break;
    case FIELD_KEY:
        json_text(j, f->key, public_key_text(p, text));
        break;
    case FIELD_OBJECT:
        json_open(j, f->key, '{');
        codec_write_members(f->rows, p, j);
        json_close(j, '}');
        break;
    default:
        write_list(f, base, j);
        break;
    }
}

void codec_write_members(const struct field *rows, const void *from, struct json *j)
{
    for (const struct field *f = rows; f->key; f++)
        if (said(f, from))
            write_field(f, from, j);
}

void codec_write(const struct field *rows, const void *from, struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    codec_write_members(rows, from, &j);
    json_close(&j, '}');
}
