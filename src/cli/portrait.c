// SPDX-License-Identifier: Apache-2.0
// Two unit ids, one device?
#include "cli/portrait.h"

#include <string.h>

// So many registers that stay the same must agree. A total, a serial number and a setting have two or three.
#define TELLING_LEAST 3
// A register may change between two questions and back: the question is then put again.
#define TRIES 3

static uint16_t word_at(const uint8_t *data, size_t i)
{
    return (uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
}

static bool tells(uint16_t word)
{
    return word != 0 && word != 0xFFFF;
}

void portrait_begin(struct portrait *p, uint8_t unit)
{
    *p = (struct portrait){.unit = unit};
}

void portrait_add(struct portrait *p, const struct modbus_ask *ask, const struct modbus_answer *answer)
{
    struct portrait_part part = {.ask = *ask};
    if (answer->verdict != VERDICT_ANSWER || ask->function < TABLE_HOLDING || answer->n != 2u * ask->count ||
        answer->n > sizeof part.data)
        return;
    memcpy(part.data, answer->data, answer->n);
    for (size_t i = 0; i < ask->count; i++)
        part.telling += tells(word_at(part.data, i));
    if (part.telling == 0)
        return;
    struct portrait_part *least = &p->parts[0];
    if (p->n < PORTRAIT_PARTS)
        least = &p->parts[p->n++];
    else
        for (size_t i = 1; i < p->n; i++)
            if (p->parts[i].telling < least->telling)
                least = &p->parts[i];
    if (least->telling < part.telling)
        *least = part;
}

void portrait_sketch(struct portrait *p, struct session *s)
{
    // Where devices of the library have registers: from 0 or 1, Schneider's from 3000, Siemens' and Janitza's
    // after them, SunSpec's marker and common model (with the serial number) from 40000.
    static const uint16_t addresses[] = {0, 1, 0x100, 0x1000, 3000, 19000, 40000, 50000};
    for (size_t i = 0; i < 2 * sizeof addresses / sizeof addresses[0]; i++) {
        struct modbus_ask ask = {p->unit, i % 2 ? TABLE_INPUT : TABLE_HOLDING, addresses[i / 2], 20};
        for (; ask.count > 0; ask.count /= 10) {
            struct modbus_answer a = session_ask(s, &ask, 0);
            portrait_add(p, &ask, &a);
            if (a.verdict != VERDICT_EXCEPTION)
                break;
        }
    }
}

// One part, asked of the other and of the own unit. False: they differ.
static bool same(struct portrait *p, struct portrait_part *part, struct session *s, uint8_t unit,
                 size_t *agree)
{
    uint8_t theirs[sizeof part->data];
    struct modbus_ask ask = part->ask;
    ask.unit = unit;
    struct modbus_answer a = session_ask(s, &ask, 0);
    if (a.verdict != VERDICT_ANSWER || a.n != 2u * ask.count)
        return false;
    memcpy(theirs, a.data, a.n);
    ask.unit = p->unit;
    a = session_ask(s, &ask, 0);
    if (a.verdict != VERDICT_ANSWER || a.n != 2u * ask.count)
        return false;
    bool alike = true;
    for (size_t i = 0; i < ask.count; i++) {
        uint16_t first = word_at(part->data, i);
        part->moved[i] |= word_at(a.data, i) != first;
        if (part->moved[i])
            continue;
        alike &= word_at(theirs, i) == first;
        *agree += tells(first);
    }
    return alike;
}

bool portrait_is_of(struct portrait *p, struct session *s, uint8_t unit)
{
    for (int tries = 0; tries < TRIES && p->n > 0; tries++) {
        size_t agree = 0, i = 0;
        while (i < p->n && same(p, &p->parts[i], s, unit, &agree))
            i++;
        if (i == p->n)
            return agree >= TELLING_LEAST;
    }
    return false;
}
