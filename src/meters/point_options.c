// SPDX-License-Identifier: Apache-2.0
// The settings of profiles and points, as tables.
#include "meters/point_options.h"

#include <string.h>

static const struct choice tables[] = {
    {"input", TABLE_INPUT},
    {"holding", TABLE_HOLDING},
    {"coil", TABLE_COIL},
    {"discrete", TABLE_DISCRETE},
    {0},
};

static const struct choice types[] = {
    {"int16", TYPE_CHOICE(POINT_INT16)},
    {"uint16", TYPE_CHOICE(POINT_UINT16)},
    {"int32", TYPE_CHOICE(POINT_INT32)},
    {"uint32", TYPE_CHOICE(POINT_UINT32)},
    {"int64", TYPE_CHOICE(POINT_INT64)},
    {"uint64", TYPE_CHOICE(POINT_UINT64)},
    {"float32", TYPE_CHOICE(POINT_FLOAT32)},
    {"float64", TYPE_CHOICE(POINT_FLOAT64)},
    {"bool", TYPE_CHOICE(POINT_BOOL)},
    {"bits16", TYPE_CHOICE(POINT_BITS16)},
    {"bits32", TYPE_CHOICE(POINT_BITS32)},
    {"low_byte", TYPE_CHOICE(POINT_LOW_BYTE)},
    {"high_byte", TYPE_CHOICE(POINT_HIGH_BYTE)},
    {"bcd16", TYPE_CHOICE(POINT_BCD16)},
    {"bcd32", TYPE_CHOICE(POINT_BCD32)},
    {"bcd64", TYPE_CHOICE(POINT_BCD64)},
    {"t5", TYPE_CHOICE(POINT_T5)},
    {"t6", TYPE_CHOICE(POINT_T6)},
    {"string", TYPE_CHOICE(POINT_STRING)},
    {0},
};

static const struct choice orders[] = {
    {"ab", ORDER_CHOICE(2, ORDER_ABCD)},
    {"ba", ORDER_CHOICE(2, ORDER_BYTE_SWAP)},
    {"abcd", ORDER_CHOICE(4, ORDER_ABCD)},
    {"cdab", ORDER_CHOICE(4, ORDER_WORD_SWAP)},
    {"badc", ORDER_CHOICE(4, ORDER_BYTE_SWAP)},
    {"dcba", ORDER_CHOICE(4, ORDER_DCBA)},
    {"abcdefgh", ORDER_CHOICE(8, ORDER_ABCD)},
    {"ghefcdab", ORDER_CHOICE(8, ORDER_WORD_SWAP)},
    {"badcfehg", ORDER_CHOICE(8, ORDER_BYTE_SWAP)},
    {"hgfedcba", ORDER_CHOICE(8, ORDER_DCBA)},
    {0},
};

// The order of a whole device names the bytes of a 32-bit value and holds for the other widths in its way.
const struct choice order_choices[] = {
    {"abcd", 1 + ORDER_ABCD},
    {"cdab", 1 + ORDER_WORD_SWAP},
    {"badc", 1 + ORDER_BYTE_SWAP},
    {"dcba", 1 + ORDER_DCBA},
    {0},
};

static const struct choice device_orders[] = {
    {"abcd", ORDER_ABCD}, {"cdab", ORDER_WORD_SWAP},    {"badc", ORDER_BYTE_SWAP},
    {"dcba", ORDER_DCBA}, {"unknown", ORDER_NOT_KNOWN}, {0},
};

static const struct choice ratios[] = {
    {"ct", RATIO_CT},
    {"vt", RATIO_VT},
    {"power", RATIO_POWER},
    {0},
};

static const struct choice media[] = {
    {"electricity", 0},    {"heat", 1},     {"water", 2}, {"gas", 3},    {"compressed_air", 4},
    {"steam", 5},          {"weighing", 6}, {"pulse", 7}, {"analog", 8}, {"temperature", 9},
    {"water_quality", 10}, {"flow", 11},    {0},
};

static const struct choice confidences[] = {
    {"low", CONFIDENCE_LOW},
    {"medium", CONFIDENCE_MEDIUM},
    {"high", CONFIDENCE_HIGH},
    {0},
};

static const char *word_of(const struct choice *choices, int value)
{
    for (; choices->word; choices++)
        if (choices->value == value)
            return choices->word;
    return "?";
}

const char *point_type_text(int type_choice)
{
    return word_of(types, type_choice);
}

const char *point_order_text(int order_choice)
{
    return word_of(orders, order_choice);
}

const char *point_type_word(const struct point *p)
{
    return p->type == POINT_DERIVED ? "derived" : word_of(types, TYPE_CHOICE(p->type));
}

const char *point_order_word(const struct point *p)
{
    if (p->type == POINT_DERIVED || p->type == POINT_BOOL || p->table <= TABLE_DISCRETE)
        return "";
    unsigned bytes = p->type == POINT_STRING ? 2 : 2u * p->words;
    return word_of(orders, ORDER_CHOICE((int)bytes, bytes == 2 ? p->order & ORDER_BYTE_SWAP : p->order));
}

const char *medium_text(int medium)
{
    return word_of(media, medium);
}

// ---- Rows of points ----

#define AT(field) offsetof(struct factor_config, field)
static const struct option factor_options[] = {
    {"code", OPTION_INT, AT(code), .required = true, .help = "What the device reports."},
    {"factor", OPTION_NUMBER, AT(factor), .required = true,
     .help = "What the value is multiplied with then."},
    {0},
};
static const struct section factor_section = {"factors", sizeof(struct factor_config), factor_options,
                                              "One row per code."};
#undef AT

#define AT(field) offsetof(struct bit_config, field)
static const struct option bit_options[] = {
    {"bit", OPTION_INT, AT(bit), .required = true, .min = 0, .max = 31,
     .help = "Number of the bit, 0 is the lowest."},
    {"name", OPTION_NAME, AT(name), .required = true, .help = "The name of the point that it becomes."},
    {"quantity", OPTION_NAME, AT(quantity),
     .help = "A word of the vocabulary; default: the name if it is one, else `status`."},
    {"description", OPTION_TEXT, AT(description), .help = "What the manual says about it."},
    {0},
};
static const struct section bit_section = {
    "bits", sizeof(struct bit_config), bit_options,
    "Bits of the register that are published as points of their own, 0 or 1."};
#undef AT

#define AT(field) offsetof(struct point_config, field)
static const struct option point_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true,
     .help =
         "Its name in topics, fields and expressions: the quantity, with the phase or place where there are "
         "several, such as `voltage_l1`."},
    {"quantity", OPTION_NAME, AT(quantity),
     .help = "What it measures, a word of the vocabulary (docs/names.md). Default: the longest beginning of "
             "the name that "
             "is one."},
    {"phase", OPTION_TEXT, AT(phase),
     .help = "l1, l2, l3, l12, l23, l31 or n. Default: what the name ends in."},
    {"description", OPTION_TEXT, AT(description), .help = "What the manual says about it."},
    {"table", OPTION_CHOICE, AT(table), .choices = tables, .help = "Default: the profile's."},
    {"address", OPTION_INT, AT(address), .min = 0, .max = 65535,
     .help = "First register or coil, counted from 0 as on the wire: 40001 of a manual is holding 0. With "
             "`sunspec`, counted from the start of the model."},
    {"words", OPTION_INT, AT(words), .min = 1, .max = 125, .help = "Registers of a `string`."},
    {"type", OPTION_CHOICE, AT(type), .choices = types, .help = "How the registers hold the value."},
    {"order", OPTION_CHOICE, AT(order), .choices = orders,
     .help = "How its bytes lie on the wire, as many letters as it has bytes. Default: the profile's, else "
             "high byte and high word first."},
    {"bit", OPTION_INT, AT(bit), .min = 0, .max = 15,
     .help = "Of a `bool` in a register: which bit, 0 is the lowest."},
    {"mask", OPTION_INT, AT(mask), .min = 0, .max = 9.2233720368547758e18,
     .help = "Only these bits count, moved down to bit 0."},
    {"scale", OPTION_NUMBER, AT(scale), .def = "1", .help = "Multiplies the register's number..."},
    {"offset", OPTION_NUMBER, AT(offset), .def = "0", .help = "...and this is added."},
    {"unit", OPTION_TEXT, AT(unit), .help = "The unit that gives, as in the manual."},
    {"publish_unit", OPTION_TEXT, AT(publish_unit),
     .help = "The unit it is published in; default: the vocabulary's. Conversion is automatic."},
    {"not_available", OPTION_TEXTS, AT(not_available),
     .help = "Register contents that mean \"no value\", such as \"0x8000\", as wide as the type. NaN and "
             "infinity always do."},
    {"min", OPTION_NUMBER, AT(min),
     .help = "Smallest plausible value, in `unit`; default: the vocabulary's."},
    {"max", OPTION_NUMBER, AT(max), .help = "Largest plausible value, in `unit`; default: the vocabulary's."},
    {"every", OPTION_DURATION, AT(every_ns), .min = 0.01, .max = 86400,
     .help = "How often it is read; default: as the meter."},
    {"modulus", OPTION_NUMBER, AT(modulus), .min = 1e-9, .max = 1e30,
     .help = "Of a total: the value, in `unit`, at which it starts again at 0. Default: what an unsigned "
             "register of up to 32 bits holds."},
    {"max_rate", OPTION_NUMBER, AT(max_rate), .min = 1e-9, .max = 1e30,
     .help = "Of a total: the largest plausible rise in an hour, in `unit`. A larger one is not counted."},
    {"exponent_from", OPTION_NAME, AT(exponent_from),
     .help = "The point whose value is the power of ten to multiply with."},
    {"decimals_from", OPTION_NAME, AT(decimals_from),
     .help = "The point whose value is the number of decimals."},
    {"factor_from", OPTION_NAME, AT(factor_from),
     .help = "The point whose code `factors` gives the factor for."},
    {"factors", OPTION_GROUPS, AT(factors), .section = &factor_section,
     .help = "Factors by code. Without factor_from: by its own code, and the factor is its value."},
    {"sign_from", OPTION_NAME, AT(sign_from),
     .help = "The point that tells whether the value is negative: it is..."},
    {"sign_mask", OPTION_INT, AT(sign_mask), .min = 1, .max = 9.2233720368547758e18,
     .help = "...when one of these bits is set."},
    {"add_from", OPTION_NAME, AT(add_from), .help = "The point that is added: the fraction of a total."},
    {"order_from", OPTION_NAME, AT(order_from),
     .help = "The point that tells the word order: low word first..."},
    {"order_code", OPTION_INT, AT(order_code), .help = "...when its value is this."},
    {"ratio", OPTION_CHOICE, AT(ratio), .choices = ratios,
     .help = "The value is of the secondary side: multiplied by the meter's ct_ratio, vt_ratio, or both "
             "(power)."},
    {"hidden", OPTION_BOOL, AT(hidden), .def = "false",
     .help = "Read because others need it, not published."},
    {"integer", OPTION_BOOL, AT(integer), .def = "false",
     .help = "Whole numbers for ever: an integer field in InfluxDB."},
    {"bits", OPTION_GROUPS, AT(bits), .section = &bit_section,
     .help = "Bits that become points of their own."},
    {"expression", OPTION_TEXT, AT(expression),
     .help = "Instead of an address: computed from other points, such as `active_power / apparent_power`."},
    {0},
};
const struct section point_section = {"point", sizeof(struct point_config), point_options,
                                      "One number, state or text of a meter."};
#undef AT

// ---- Rows of profiles ----

#define AT(field) offsetof(struct fingerprint_config, field)
static const struct option fingerprint_options[] = {
    {"table", OPTION_CHOICE, AT(table), .choices = tables, .help = "Default: the profile's."},
    {"address", OPTION_INT, AT(address), .required = true, .min = 0, .max = 65535, .help = "As of a point."},
    {"type", OPTION_CHOICE, AT(type), .required = true, .choices = types, .help = "As of a point; a number."},
    {"order", OPTION_CHOICE, AT(order), .choices = orders, .help = "As of a point."},
    {"equals", OPTION_NUMBERS, AT(equals), .help = "It is one of these numbers..."},
    {"min", OPTION_NUMBER, AT(min), .help = "...or at least this"},
    {"max", OPTION_NUMBER, AT(max), .help = "and at most this."},
    {0},
};
const struct section fingerprint_section = {"fingerprint", sizeof(struct fingerprint_config),
                                            fingerprint_options,
                                            "What this model answers and others do not; `scan` looks at it."};
#undef AT

#define AT(field) offsetof(struct profile_config, field)
static const struct option profile_options[] = {
    {"vendor", OPTION_TEXT, AT(vendor), .required = true, .help = "Who makes it."},
    {"model", OPTION_TEXT, AT(model), .required = true, .help = "Which models it holds for."},
    {"medium", OPTION_CHOICE, AT(medium), .required = true, .choices = media, .help = "What it meters."},
    {"confidence", OPTION_CHOICE, AT(confidence), .required = true, .choices = confidences,
     .help =
         "high: the maker's document, or two sources that agree; medium: one good source; low: unproven, and "
         "a meter must say `unverified = true` to use it."},
    {"sources", OPTION_TEXTS, AT(sources), .help = "Where the facts come from."},
    {"notes", OPTION_TEXTS, AT(notes), .help = "What one should know when wiring it."},
    {"addressing", OPTION_TEXT, AT(addressing), .help = "How the manual counts registers."},
    {"transport", OPTION_TEXTS, AT(transport), .help = "tcp, rtu."},
    {"serial", OPTION_TEXT, AT(serial), .help = "The factory's setting, such as \"9600 8N1\"."},
    {"unit_id", OPTION_INT, AT(unit_id), .min = 0, .max = 255, .help = "The factory's setting."},
    {"table", OPTION_CHOICE, AT(table), .choices = tables, .help = "Where points stand that do not say."},
    {"order", OPTION_CHOICE, AT(order), .def = "abcd", .choices = device_orders,
     .help =
         "How the bytes lie on the wire, by the example of a 32-bit value. unknown: no source says, and a "
         "meter must (`order` of the meter)."},
    {"max_registers", OPTION_INT, AT(max_registers), .def = "125", .min = 1, .max = 125,
     .help = "Largest request, in registers."},
    {"max_bits", OPTION_INT, AT(max_bits), .def = "2000", .min = 1, .max = 2000,
     .help = "Largest request, in coils or discrete inputs."},
    {"max_gap", OPTION_INT, AT(max_gap), .def = "0", .min = 0, .max = 124,
     .help = "So many registers that belong to no point may be read to join two points in one request."},
    {"merge", OPTION_BOOL, AT(merge), .def = "true", .help = "false: one request per point."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .min = 0.01, .max = 60,
     .help = "Response timeout it needs."},
    {"pause", OPTION_DURATION, AT(pause_ns), .min = 0, .max = 10,
     .help = "Silence it needs after an answer."},
    {"connect_pause", OPTION_DURATION, AT(connect_pause_ns), .min = 0, .max = 60,
     .help = "Time it needs between connecting and the first request."},
    {"in_flight", OPTION_INT, AT(in_flight), .min = 1, .max = 16, .help = "Requests it takes at once."},
    {"close_after_cycle", OPTION_BOOL, AT(close_after_cycle), .help = "It serves one client at a time."},
    {"sunspec", OPTION_BOOL, AT(sunspec), .def = "false",
     .help =
         "Addresses count from the start of a SunSpec model, which is found by walking through the models."},
    {"sunspec_models", OPTION_NUMBERS, AT(sunspec_models),
     .help = "Ids of the models that the points describe."},
    {"fingerprint", OPTION_GROUPS, AT(fingerprint), .section = &fingerprint_section,
     .help = "What identifies the model on the wire; all rows must hold."},
    {"points", OPTION_GROUPS, AT(points), .section = &point_section, .help = "What it can tell."},
    {0},
};
const struct section profile_section = {"profile", sizeof(struct profile_config), profile_options,
                                        "What is known of a device model: one file in the profile library."};
#undef AT

// ---- Settings of one point over another's ----

static size_t option_size(enum option_type type)
{
    switch (type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_ID:
        return sizeof(char *);
    case OPTION_INT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        return sizeof(int64_t);
    case OPTION_NUMBER:
    case OPTION_AMOUNT:
        return sizeof(double);
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_CHOICE:
        return sizeof(int);
    case OPTION_TEXTS:
        return sizeof(struct texts);
    case OPTION_NUMBERS:
        return sizeof(struct numbers);
    case OPTION_GROUPS:
        return sizeof(struct groups);
    case OPTION_GROUP:
        break;
    }
    return 0;
}

void point_config_override(struct point_config *base, const struct point_config *over)
{
    for (size_t i = 0; point_options[i].name; i++) {
        const struct option *o = &point_options[i];
        if (over->common.given >> i & 1)
            memcpy((char *)base + o->offset, (const char *)over + o->offset, option_size(o->type));
    }
    base->common.given |= over->common.given;
    base->common.place = over->common.place;
}

void point_config_give(struct point_config *k, size_t offset)
{
    for (size_t i = 0; point_options[i].name; i++)
        if (point_options[i].offset == offset)
            k->common.given |= (uint64_t)1 << i;
}
