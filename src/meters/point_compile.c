// SPDX-License-Identifier: Apache-2.0
// One point from its settings: every check that needs no other point.
#include "meters/compile.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

void compile_wrong(struct compile *c, struct place at, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_error(c->diag, at, "%s", text);
    c->bad = true;
}

void compile_error(struct compile *c, const struct point_config *k, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    // What is wrong with a profile is wrong once, not once for every meter that uses it.
    const char *file = c->profile ? c->profile->common.place.file : NULL;
    bool of_profile = file && k->common.place.file && strcmp(file, k->common.place.file) == 0;
    compile_wrong(c, k->common.place, "point \"%s\"%s%s: %s", k->name, of_profile ? "" : " of ",
                  of_profile ? "" : c->request->subject, text);
}

void *compile_alloc(struct compile *c, size_t size)
{
    void *memory = config_alloc(c->owner, size);
    if (!memory)
        c->failed = true;
    return memory;
}

const char *compile_keep(struct compile *c, const char *text)
{
    if (!text)
        return NULL;
    size_t n = strlen(text) + 1;
    char *copy = compile_alloc(c, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

uint8_t compile_device_order(const struct compile *c)
{
    if (c->request->order)
        return (uint8_t)(c->request->order - 1);
    return c->profile && c->profile->order != ORDER_NOT_KNOWN ? (uint8_t)c->profile->order : ORDER_ABCD;
}

uint8_t compile_order(const struct compile *c, const struct point_config *k)
{
    if (k->order)
        return ORDER_FLAGS(k->order);
    return compile_device_order(c);
}

int compile_table(const struct compile *c, const struct point_config *k)
{
    if (k->table)
        return k->table;
    return c->profile ? c->profile->table : 0;
}

// ---- What it measures ----

static const char *const phases[] = {"l1", "l2", "l3", "l12", "l23", "l31", "n"};
enum { PHASES = sizeof phases / sizeof phases[0] };

// "voltage_l1" -> "l1", and the length of what stands before it.
static const char *phase_of_name(const char *name, size_t *before)
{
    const char *last = strrchr(name, '_');
    for (size_t i = 0; last && i < PHASES; i++)
        if (strcmp(last + 1, phases[i]) == 0) {
            *before = (size_t)(last - name);
            return phases[i];
        }
    *before = strlen(name);
    return NULL;
}

static const char *phase_of(struct compile *c, const struct point_config *k, const char *from_name)
{
    if (!k->phase)
        return from_name;
    for (size_t i = 0; i < PHASES; i++)
        if (strcmp(k->phase, phases[i]) == 0)
            return phases[i];
    compile_error(c, k, "the phase \"%s\" is not known; known are l1, l2, l3, l12, l23, l31 and n", k->phase);
    return NULL;
}

// "l7": meant as a phase, and none.
static bool is_no_phase(const char *part)
{
    return part[0] == 'l' && part[1] && part[1 + strspn(part + 1, "0123456789")] == '\0';
}

// "voltage_l1" is a voltage, "pulse_count_ch3" a pulse count: the longest beginning that is in the
// vocabulary.
static const struct quantity *quantity_of_name(const char *name)
{
    char word[64];
    size_t before;
    const char *part = strrchr(name, '_');
    if (part && !phase_of_name(name, &before) && is_no_phase(part + 1))
        return NULL;
    snprintf(word, sizeof word, "%s", name);
    for (;;) {
        const struct quantity *q = quantity_find(word);
        char *last = strrchr(word, '_');
        if (q || !last)
            return q;
        *last = '\0';
    }
}

static void find_quantity(struct compile *c, const struct point_config *k, struct point *p)
{
    char word[64];
    size_t before;
    p->phase = phase_of(c, k, phase_of_name(k->name, &before));
    p->quantity = k->quantity ? quantity_find(k->quantity) : quantity_of_name(k->name);
    snprintf(word, sizeof word, "%.*s", (int)before, k->name);
    if (p->quantity)
        return;
    const char *wanted = k->quantity ? k->quantity : word, *near = quantity_nearest(wanted);
    if (near)
        compile_error(c, k, "\"%s\" is not a quantity; did you mean \"%s\"?", wanted, near);
    else if (k->quantity)
        compile_error(c, k, "\"%s\" is not a quantity; docs/names.md lists them", wanted);
    else
        compile_error(c, k,
                      "its name is not a quantity: say what it measures with \"quantity\"; docs/names.md "
                      "lists the words");
}

// ---- How it stands in the registers ----

static const char *type_text(const struct point *p)
{
    return point_type_text(TYPE_CHOICE(p->type));
}

static bool is_whole(enum point_type type)
{
    return type <= POINT_UINT64 || type == POINT_BITS16 || type == POINT_BITS32;
}

static void check_kind(struct compile *c, const struct point_config *k, const struct point *p)
{
    enum quantity_kind kind = p->quantity->kind;
    bool is_bits = p->type == POINT_BOOL || p->type == POINT_BITS16 || p->type == POINT_BITS32;
    if (p->type == POINT_STRING && kind != QUANTITY_TEXT)
        compile_error(c, k, "%s is not a text: a string has a quantity such as serial_number",
                      p->quantity->name);
    else if (p->type != POINT_STRING && kind == QUANTITY_TEXT)
        compile_error(
            c, k, "%s is a text: its type is string; for a number use the quantity \"number\" or \"code\"",
            p->quantity->name);
    else if (is_bits && kind != QUANTITY_STATE)
        compile_error(c, k, "a %s is a state, %s is not: use a quantity such as \"status\"", type_text(p),
                      p->quantity->name);
}

static bool find_type(struct compile *c, const struct point_config *k, struct point *p)
{
    p->table = (uint8_t)compile_table(c, k);
    bool is_bit = p->table == TABLE_COIL || p->table == TABLE_DISCRETE;
    if (!p->table)
        compile_error(c, k, "\"table\" is missing: input, holding, coil or discrete");
    if (!POINT_GIVEN(k, address))
        compile_error(c, k, "\"address\" is missing (or \"expression\")");
    if (!k->type && !is_bit) {
        compile_error(c, k, "\"type\" is missing: say how the registers hold it, such as \"float32\"");
        return false;
    }
    p->type = (uint8_t)(k->type ? k->type - 1 : POINT_BOOL);
    p->address = (uint16_t)k->address;
    if (is_bit && p->type != POINT_BOOL)
        compile_error(c, k, "a coil or discrete input is one bit: its type is bool, not %s", type_text(p));
    return true;
}

static void find_words(struct compile *c, const struct point_config *k, struct point *p)
{
    unsigned words = point_type_words(p->type), most = c->limits.max_registers;
    if (words && POINT_GIVEN(k, words) && k->words != words)
        compile_error(c, k, "a %s takes %u registers, not %lld", type_text(p), words, (long long)k->words);
    if (!words && !POINT_GIVEN(k, words))
        compile_error(c, k, "\"words\" is missing: how many registers the string takes, two characters each");
    p->words = (uint8_t)(words ? words : (unsigned)k->words);
    if (p->words > most && p->table >= TABLE_HOLDING)
        compile_error(c, k, "it takes %u registers, but max_registers is %u, and a value is never split",
                      p->words, most);
    if ((uint32_t)p->address + p->words > 65536)
        compile_error(c, k, "address %u plus %u registers is beyond the last address, 65535", p->address,
                      p->words);
}

static void find_order(struct compile *c, const struct point_config *k, struct point *p)
{
    int bytes = 2 * (int)point_type_words(p->type);
    p->order = compile_order(c, k);
    if (!k->order)
        return;
    if (p->table && p->table <= TABLE_DISCRETE)
        compile_error(c, k, "a coil or discrete input has no \"order\"");
    else if (p->type == POINT_STRING && ORDER_BYTES(k->order) != 2)
        compile_error(c, k, "the order of a string is \"ab\" or \"ba\"");
    else if (bytes && ORDER_BYTES(k->order) != bytes)
        compile_error(
            c, k, "the order \"%s\" names %d bytes, a %s has %d: write \"%s\"", point_order_text(k->order),
            ORDER_BYTES(k->order), type_text(p), bytes,
            point_order_text(ORDER_CHOICE(bytes, bytes == 2 ? p->order & ORDER_BYTE_SWAP : p->order)));
}

static uint64_t most_of(const struct point *p)
{
    if (p->type == POINT_LOW_BYTE || p->type == POINT_HIGH_BYTE)
        return 0xFF;
    return p->words >= 4 ? UINT64_MAX : (1ULL << (16 * p->words)) - 1;
}

static void find_bits(struct compile *c, const struct point_config *k, struct point *p)
{
    bool in_register = p->type == POINT_BOOL && p->table >= TABLE_HOLDING;
    p->bit = POINT_GIVEN(k, bit) ? (int8_t)k->bit : -1;
    if (in_register && p->bit < 0)
        compile_error(c, k, "a bool in a register needs \"bit\", 0 to 15");
    if (!in_register && p->bit >= 0)
        compile_error(c, k, "\"bit\" is only for a bool in a register; for several bits use \"mask\"");
    p->mask = (uint64_t)k->mask;
    if (p->mask && !is_whole(p->type))
        compile_error(c, k, "\"mask\" is only for whole numbers, not for a %s", type_text(p));
    else if (p->mask > most_of(p))
        compile_error(c, k, "the mask 0x%llx is wider than a %s", (unsigned long long)p->mask, type_text(p));
    if (POINT_GIVEN(k, mask) && !p->mask)
        compile_error(c, k, "a mask of 0 leaves nothing");
}

static bool pattern(const char *text, uint64_t *out)
{
    char *end;
    if ((strncmp(text, "0x", 2) != 0 && strncmp(text, "0X", 2) != 0) || strlen(text) > 18 || !text[2])
        return false;
    if (strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2))
        return false;
    *out = strtoull(text, &end, 16);
    return true;
}

static void find_markers(struct compile *c, const struct point_config *k, struct point *p)
{
    size_t n = k->not_available.n;
    uint64_t *markers = n ? compile_alloc(c, n * sizeof *markers) : NULL;
    if (!markers)
        return;
    if (p->type == POINT_STRING || p->table == TABLE_COIL || p->table == TABLE_DISCRETE) {
        compile_error(c, k, "\"not_available\" is for numbers in registers");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *text = k->not_available.items[i];
        if (!text)
            continue;
        if (!pattern(text, &markers[i]))
            compile_error(c, k, "not_available \"%s\" is not a bit pattern such as \"0x8000\"", text);
        else if (markers[i] > most_of(p))
            compile_error(c, k, "not_available \"%s\" is wider than a %s", text, type_text(p));
    }
    p->markers = markers;
    p->marker_count = n;
}

// ---- The two kinds of points ----

static void compile_wire(struct compile *c, const struct point_config *k, struct point *p)
{
    if (!find_type(c, k, p))
        return;
    find_words(c, k, p);
    find_order(c, k, p);
    find_bits(c, k, p);
    find_markers(c, k, p);
    if (!p->quantity)
        return;
    check_kind(c, k, p);
    if (p->type == POINT_STRING)
        p->unit = unit_find("");
    else
        compile_number(c, k, p);
}

// Settings that say how a value stands in registers.
static const struct {
    const char *name;
    size_t offset;
} wire_settings[] = {
#define WIRE(field)                                                                                          \
    {                                                                                                        \
#field, offsetof(struct point_config, field)                                                         \
    }
    WIRE(table),         WIRE(address),       WIRE(words),       WIRE(type),    WIRE(order),
    WIRE(bit),           WIRE(mask),          WIRE(scale),       WIRE(offset),  WIRE(not_available),
    WIRE(exponent_from), WIRE(decimals_from), WIRE(factor_from), WIRE(factors), WIRE(sign_from),
    WIRE(add_from),      WIRE(order_from),    WIRE(ratio),       WIRE(bits),
#undef WIRE
};

static void compile_derived(struct compile *c, const struct point_config *k, struct point *p)
{
    p->type = POINT_DERIVED;
    p->expression = compile_keep(c, k->expression);
    for (size_t i = 0; i < sizeof wire_settings / sizeof wire_settings[0]; i++)
        if (option_given(&point_section, k, wire_settings[i].offset))
            compile_error(c, k, "it has an expression, so no \"%s\"", wire_settings[i].name);
    if (!*k->expression)
        compile_error(c, k, "its expression is empty");
    if (!p->quantity)
        return;
    if (p->quantity->kind == QUANTITY_TEXT)
        compile_error(c, k, "%s is a text; an expression gives a number", p->quantity->name);
    compile_published(c, k, p);
}

static void compile_point(struct compile *c, const struct point_config *k, struct point *p)
{
    *p = (struct point){.name = compile_keep(c, k->name),
                        .description = compile_keep(c, k->description),
                        .place = k->common.place,
                        .bit = -1,
                        .factor = 1,
                        .divisor = 1,
                        .min = -INFINITY,
                        .max = INFINITY,
                        .exponent_point = POINT_NONE,
                        .factor_point = POINT_NONE,
                        .sign_point = POINT_NONE,
                        .add_point = POINT_NONE,
                        .order_point = POINT_NONE,
                        .every_ns = k->every_ns,
                        .hidden = k->hidden};
    find_quantity(c, k, p);
    if (k->expression)
        compile_derived(c, k, p);
    else
        compile_wire(c, k, p);
}

void compile_points(struct compile *c)
{
    c->points = compile_alloc(c, c->n * sizeof *c->points);
    if (!c->points)
        return;
    for (size_t i = 0; i < c->n && !c->failed; i++)
        compile_point(c, &c->settings[i], &c->points[i]);
}
