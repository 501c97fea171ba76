// SPDX-License-Identifier: Apache-2.0
// Walks a SunSpec device's chain of models to the one that is wanted.
#include "symbiont/sunspec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/cursor.h"

#define END_MODEL    0xFFFF
#define COMMON_MODEL 1
#define COMMON_WORDS 64 /* manufacturer 16, model 16, options 8, version 8, serial number 16 */

static const uint16_t places[] = {40000, 50000, 0};
enum { PLACES = sizeof places / sizeof places[0] };
static const uint8_t marker[] = {'S', 'u', 'n', 'S'};

enum stage { STAGE_MARKER, STAGE_HEADER, STAGE_COMMON };

struct sunspec_want sunspec_want_of(const struct device *device)
{
    struct sunspec_want want = {
        .models = device->sunspec_models, .n = device->sunspec_model_count, .words = 2};
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        uint32_t end = (uint32_t)p->address + p->words;
        if (p->type != POINT_DERIVED && end > want.words)
            want.words = end > UINT16_MAX ? UINT16_MAX : (uint16_t)end;
    }
    return want;
}

void sunspec_start(struct sunspec *s, const struct sunspec_want *want)
{
    *s = (struct sunspec){.want = *want, .state = SUNSPEC_ASK, .stage = STAGE_MARKER, .at = places[0]};
}

enum sunspec_state sunspec_next(const struct sunspec *s, struct modbus_ask *ask)
{
    if (s->state == SUNSPEC_ASK) {
        ask->function = TABLE_HOLDING;
        ask->address = s->stage == STAGE_COMMON ? (uint16_t)(s->at + 2) : s->at;
        ask->count = s->stage == STAGE_COMMON ? COMMON_WORDS : 2;
    }
    return s->state;
}

__attribute__((format(printf, 2, 3))) static void fail(struct sunspec *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    s->state = SUNSPEC_FAILED;
}

// ---- The marker ----

static void try_next_place(struct sunspec *s)
{
    if (++s->place < PLACES)
        s->at = places[s->place];
    else if (s->answered)
        fail(s, "no SunSpec marker at 40000, 50000 or 0");
    else
        fail(s, "no answer at 40000, 50000 and 0, where SunSpec begins");
}

static void take_marker(struct sunspec *s, const struct modbus_answer *answer)
{
    // A device may answer with an exception, with other content, or not at all where it has nothing.
    if (answer->verdict != VERDICT_ANSWER || answer->n != sizeof marker ||
        memcmp(answer->data, marker, sizeof marker) != 0) {
        try_next_place(s);
        return;
    }
    s->at = (uint16_t)(s->at + 2);
    s->stage = STAGE_HEADER;
}

// ---- The chain ----

static bool is_wanted(const struct sunspec *s)
{
    for (size_t i = 0; i < s->want.n; i++)
        if (s->want.models[i] == s->id)
            return true;
    return false;
}

static void fail_at_end(struct sunspec *s)
{
    char ids[100] = "";
    size_t used = 0;
    for (size_t i = 0; i < s->seen_count && used < sizeof ids - 8; i++)
        used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%u", i ? ", " : "", s->seen[i]);
    if (s->matches)
        fail(s, "it has only %u of the models looked for", s->matches);
    else
        fail(s, "none of its models is looked for; it has %s", s->seen_count ? ids : "none");
}

// On to the header after this model. A length can send us nowhere but forward, within the address space.
static void step(struct sunspec *s)
{
    uint32_t next = (uint32_t)s->at + 2 + s->length;
    if (next > UINT16_MAX - 1)
        fail(s, "model %u at %u says it has %u registers, beyond the last address", s->id, s->at, s->length);
    else if (s->seen_count == SUNSPEC_MODELS_MAX)
        fail(s, "more than %d models", SUNSPEC_MODELS_MAX);
    s->at = (uint16_t)next;
    s->stage = STAGE_HEADER;
}

static void take_match(struct sunspec *s)
{
    if (s->matches++ < s->want.instance) {
        step(s);
        return;
    }
    if ((uint32_t)s->length + 2 < s->want.words) {
        fail(s, "model %u at %u has %u registers; the profile's points reach to %u", s->id, s->at,
             s->length + 2u, s->want.words);
        return;
    }
    s->base = s->at;
    s->model = s->id;
    s->words = (uint16_t)(s->length + 2);
    s->state = SUNSPEC_FOUND;
}

static void take_header(struct sunspec *s, const struct modbus_answer *answer)
{
    if (answer->n != 4) {
        fail(s, "an answer of %zu bytes instead of 4 at %u", answer->n, s->at);
        return;
    }
    struct cursor c = cursor_over(answer->data, answer->n);
    s->id = cursor_u16(&c);
    s->length = cursor_u16(&c);
    if (s->id == END_MODEL) {
        fail_at_end(s);
        return;
    }
    if (s->length == 0 || s->length > UINT16_MAX - 2) {
        fail(s, "model %u at %u says it has %u registers", s->id, s->at, s->length);
        return;
    }
    s->seen[s->seen_count++] = s->id;
    if (is_wanted(s))
        take_match(s);
    else if (s->id == COMMON_MODEL && s->length >= COMMON_WORDS &&
             (uint32_t)s->at + 2 + COMMON_WORDS <= 65536)
        s->stage = STAGE_COMMON;
    else
        step(s);
}

static void take_text(struct cursor *c, uint8_t words, char *out)
{
    const struct point text = {.type = POINT_STRING, .words = words};
    const uint8_t *data = cursor_take(c, (size_t)2 * words);
    if (data)
        point_string(&text, data, out);
}

// Who made it; it may not be readable, and then it is not known.
static void take_common(struct sunspec *s, const struct modbus_answer *answer)
{
    if (answer->verdict == VERDICT_ANSWER) {
        struct cursor c = cursor_over(answer->data, answer->n);
        take_text(&c, 16, s->manufacturer);
        take_text(&c, 16, s->product);
        take_text(&c, 8, s->options);
        take_text(&c, 8, s->version);
        take_text(&c, 16, s->serial);
    }
    step(s);
}

void sunspec_answer(struct sunspec *s, const struct modbus_answer *answer)
{
    if (s->state != SUNSPEC_ASK)
        return;
    if (answer->verdict == VERDICT_NO_CONNECTION || answer->verdict == VERDICT_CANCELLED) {
        fail(s, "no connection");
        return;
    }
    s->answered = s->answered || answer->verdict == VERDICT_ANSWER || answer->verdict == VERDICT_EXCEPTION;
    if (s->stage == STAGE_MARKER)
        take_marker(s, answer);
    else if (s->stage == STAGE_COMMON)
        take_common(s, answer);
    else if (answer->verdict == VERDICT_ANSWER)
        take_header(s, answer);
    else if (answer->verdict == VERDICT_EXCEPTION)
        fail(s, "the chain of models breaks off at %u: exception %u (%s)", s->at, answer->exception,
             modbus_exception_text(answer->exception));
    else
        fail(s, "no good answer at %u, within the chain of models", s->at);
}
