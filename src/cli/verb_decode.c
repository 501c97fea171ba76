// SPDX-License-Identifier: Apache-2.0
// symbiont decode: every way to read registers, for the manual that does not say which.
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/modbus.h"
#include "symbiont/point.h"
#include "symbiont/text.h"

static const struct {
    const char *name;
    enum point_type type;
    uint8_t words;
} types[] = {
    {"uint16", POINT_UINT16, 1},
    {"int16", POINT_INT16, 1},
    {"bcd16", POINT_BCD16, 1},
    {"high_byte", POINT_HIGH_BYTE, 1},
    {"low_byte", POINT_LOW_BYTE, 1},
    {"uint32", POINT_UINT32, 2},
    {"int32", POINT_INT32, 2},
    {"float32", POINT_FLOAT32, 2},
    {"bcd32", POINT_BCD32, 2},
    {"t5", POINT_T5, 2},
    {"t6", POINT_T6, 2},
    {"uint64", POINT_UINT64, 4},
    {"int64", POINT_INT64, 4},
    {"float64", POINT_FLOAT64, 4},
    {"bcd64", POINT_BCD64, 4},
};

// By enum byte_order, for values of one, two and four registers; "": the same as an earlier one.
static const char *const orders[3][4] = {
    {"ab", "", "ba", ""},
    {"abcd", "cdab", "badc", "dcba"},
    {"abcdefgh", "ghefcdab", "badcfehg", "hgfedcba"},
};

struct decode {
    struct command *c;
    struct output out;
    uint8_t bytes[2 * MODBUS_REGISTERS_MAX];
    size_t n; // registers
    const char *type, *order;
    double expect; // NAN: nothing
    size_t shown;
};

static const char *order_name(uint8_t words, int order)
{
    return orders[words == 4 ? 2 : words - 1][order];
}

// The order asked for, also under the name it has for two registers.
static bool order_wanted(const struct decode *d, uint8_t words, int order)
{
    return !d->order || strcmp(d->order, order_name(words, order)) == 0 ||
           strcmp(d->order, orders[1][order]) == 0;
}

// The power of ten that makes `value` the expected one within half a percent; NAN when none does. What a
// display shows is rounded and often scaled by the meter.
static double scale_to(double value, double expect)
{
    for (int exponent = -6; exponent <= 6; exponent++) {
        double scale = exponent < 0 ? 1 / pow(10, -exponent) : pow(10, exponent);
        if (fabs(value * scale - expect) <= fabs(expect) * 0.005)
            return scale;
    }
    return NAN;
}

static void show(struct decode *d, size_t at, const char *type, const char *order, struct value v,
                 bool single)
{
    double scale = NAN;
    if (!isnan(d->expect)) {
        scale = v.reason == REASON_GOOD ? scale_to(v.number, d->expect) : NAN;
        if (isnan(scale))
            return;
    }
    output_row(&d->out);
    output_int(&d->out, "register", (int64_t)at);
    output_text(&d->out, "type", type);
    output_text(&d->out, "order", order);
    double number = v.reason == REASON_GOOD ? v.number : NAN;
    if (single)
        output_single(&d->out, "value", number);
    else
        output_number(&d->out, "value", number);
    if (!isnan(scale))
        output_number(&d->out, "scale", scale);
    if (v.reason != REASON_GOOD)
        output_text(&d->out, "note", "not a number");
    output_row_end(&d->out);
    d->shown++;
}

static void decode_at(struct decode *d, size_t at, size_t i)
{
    const uint8_t *data = d->bytes + 2 * at;
    struct point p = {
        .table = TABLE_HOLDING, .type = (uint8_t)types[i].type, .words = types[i].words, .bit = -1};
    for (int order = 0; order < 4; order++) {
        const char *name = order_name(types[i].words, order);
        if (*name && order_wanted(d, types[i].words, order))
            show(d, at, types[i].name, name, point_raw(&p, (uint8_t)order, data),
                 types[i].type == POINT_FLOAT32);
    }
}

static void decode_numbers(struct decode *d)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (d->type && strcmp(d->type, types[i].name) != 0)
            continue;
        // One value after the other; a value that is looked for may begin anywhere.
        size_t step = isnan(d->expect) ? types[i].words : 1;
        for (size_t at = 0; at + types[i].words <= d->n; at += step)
            decode_at(d, at, i);
    }
}

static void decode_text(struct decode *d)
{
    if ((d->type && strcmp(d->type, "string") != 0) || !isnan(d->expect))
        return;
    char text[2 * MODBUS_REGISTERS_MAX + 1];
    for (int swapped = 0; swapped < 2; swapped++) {
        int order = swapped ? ORDER_BYTE_SWAP : ORDER_ABCD;
        struct point p = {.type = POINT_STRING, .words = (uint8_t)d->n, .order = (uint8_t)order};
        if (d->order && strcmp(d->order, orders[0][order]) != 0 && strcmp(d->order, orders[1][order]) != 0)
            continue;
        point_string(&p, d->bytes, text);
        output_row(&d->out);
        output_int(&d->out, "register", 0);
        output_text(&d->out, "type", "string");
        output_text(&d->out, "order", orders[0][order]);
        if (d->out.json)
            output_text(&d->out, "text", text);
        else
            output_text(&d->out, "value", text);
        output_row_end(&d->out);
        d->shown++;
    }
}

// "0x4366", "17254", "4366h"
static bool parse_register(const char *text, uint16_t *out)
{
    int64_t value;
    char hex[16];
    size_t n = strlen(text);
    if (n > 1 && n < 8 && tolower((unsigned char)text[n - 1]) == 'h') {
        snprintf(hex, sizeof hex, "0x%.*s", (int)(n - 1), text);
        text = hex;
    }
    if (!text_integer(text, 0, 0xFFFF, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

static int parse_words(struct decode *d)
{
    for (size_t i = 0; i < d->c->n; i++) {
        uint16_t value;
        if (!parse_register(d->c->words[i], &value))
            return command_usage(d->c, "\"%s\" is not a register; allowed are 0 to 65535 or 0x0 to 0xFFFF",
                                 d->c->words[i]);
        d->bytes[2 * i] = (uint8_t)(value >> 8);
        d->bytes[2 * i + 1] = (uint8_t)value;
    }
    d->n = d->c->n;
    return EX_OK;
}

static int run(struct command *c)
{
    static const struct column columns[] = {{"register", NULL},
                                            {"type", NULL},
                                            {"order", NULL},
                                            {"value", NULL},
                                            {"scale", NULL},
                                            {"note", NULL},
                                            {0}};
    struct decode d = {
        .c = c, .type = command_value(c, "type"), .order = command_value(c, "order"), .expect = NAN};
    int status = parse_words(&d);
    if (status != EX_OK)
        return status;
    if (!command_number(c, "expect", -1e15, 1e15, &d.expect))
        return EX_USAGE;
    d.out = output_begin(command_flag(c, "json"));
    output_table(&d.out, NULL, columns);
    decode_numbers(&d);
    decode_text(&d);
    output_table_end(&d.out);
    if (!output_end(&d.out, c->out))
        return command_fail(c, EX_UNAVAILABLE, "out of memory");
    if (d.shown == 0)
        return command_fail(c, EX_WRONG, "%s",
                            isnan(d.expect) ? "so many registers cannot be read like that"
                                            : "no way of reading gives that value");
    return EX_OK;
}

static const struct verb_option options[] = {
    {"type", 't', "TYPE", "only this type", false,
     "uint16 int16 bcd16 high_byte low_byte uint32 int32 float32 bcd32 t5 t6 uint64 int64 float64 bcd64 "
     "string"},
    {"order", 'o', "ORDER", "only this order of bytes", false,
     "ab ba abcd cdab badc dcba abcdefgh ghefcdab badcfehg hgfedcba"},
    {"expect", 'e', "VALUE", "only what gives this value, as a display shows it, with the scale it takes",
     false, NULL},
    VERB_JSON,
    {0},
};

const struct verb verb_decode = {
    .name = "decode",
    .help = "show every way to read raw registers",
    .words = "REGISTER...",
    .least = 1,
    .most = MODBUS_REGISTERS_MAX,
    .text = "Reads registers as every type in every order of bytes, to find the one that a manual does not "
            "name.\n"
            "Registers are decimal or hexadecimal: 17254, 0x4366, 4366h. A value is what points of that type "
            "and\n"
            "order read before their scale.\n"
            "\n"
            "  symbiont decode 0x4366 0x3334\n"
            "  symbiont decode --expect 230.2 0x3334 0x4366    (the display shows 230.2)",
    .options = options,
    .run = run,
};
