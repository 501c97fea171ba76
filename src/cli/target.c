// SPDX-License-Identifier: Apache-2.0
// From --profile or --holding 0:10 to a compiled device, by way of the same tables a configuration goes
// through.
#include "cli/target.h"

#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

// A meter written as a configuration would write it: the reader, its checks and its messages serve both.
struct target_root {
    struct settings common;
    struct groups points;
};

static const struct option root_options[] = {
    {"points", OPTION_GROUPS, offsetof(struct target_root, points), .section = &point_section,
     .help = "points"},
    {0},
};
static const struct section root_section = {"command line", sizeof(struct target_root), root_options, "-"};

static const char *const tables[] = {"coil", "discrete", "holding", "input"};

static int words_of(const char *type)
{
    static const struct {
        const char *suffix;
        int words;
    } sizes[] = {{"64", 4}, {"32", 2}, {"t5", 2}, {"t6", 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = strlen(type), k = strlen(sizes[i].suffix);
        if (n >= k && strcmp(type + n - k, sizes[i].suffix) == 0)
            return sizes[i].words;
    }
    return 1;
}

// "40:10" -> points of the wanted type side by side from 40 on, until 10 registers are used up.
static bool add_registers(struct buf *text, const struct command *c, const char *table, const char *range)
{
    char first_text[32];
    const char *colon = strchr(range, ':');
    int64_t first, count;
    size_t n = colon ? (size_t)(colon - range) : strlen(range);
    bool bits = table[0] == 'c' || table[0] == 'd';
    const char *type = bits ? "bool" : command_value(c, "type") ? command_value(c, "type") : "uint16";
    int words = words_of(type);
    count = words;
    snprintf(first_text, sizeof first_text, "%.*s", (int)(n < 31 ? n : 31), range);
    if (!text_integer(first_text, 0, 65535, &first) ||
        (colon && !text_integer(colon + 1, words, bits ? 2000 : 1250, &count))) {
        command_usage(
            c,
            "--%s %s: wanted ADDRESS or ADDRESS:COUNT, addresses 0 to 65535, at least %d register%s for %s",
            table, range, words, words == 1 ? "" : "s", type);
        return false;
    }
    const char *order = command_value(c, "order"), *scale = command_value(c, "scale");
    for (int64_t at = first; at + words <= first + count && at + words <= 65536; at += words) {
        buf_printf(text,
                   "{ name = \"%s_%lld\"; quantity = \"%s\"; table = \"%s\"; address = %lld; type = "
                   "\"%s\"; unit = \"\";",
                   table, (long long)at, bits ? "status" : "value", table, (long long)at, type);
        if (order && !bits)
            buf_printf(text, " order = \"%s\";", order);
        if (scale && !bits)
            buf_printf(text, " scale = %s;", scale);
        buf_puts(text, " }, ");
    }
    return true;
}

static bool named_registers(struct buf *text, const struct command *c, bool *any)
{
    buf_puts(text, "points = ( ");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const char *range;
        for (size_t k = 0; (range = command_value_at(c, tables[i], k)); k++) {
            *any = true;
            if (!add_registers(text, c, tables[i], range))
                return false;
        }
    }
    if (*any)
        text->len -= 2; // the last comma
    buf_puts(text, " );");
    return true;
}

// Where the profile leaves the order of bytes to the meter, --order stands for the meter.
static int order_asked(const struct command *c)
{
    const char *word = command_value(c, "order");
    for (const struct choice *o = order_choices; word && o->word; o++)
        if (strcmp(o->word, word) == 0)
            return o->value;
    return 0;
}

const struct device *target_device(struct target *t, const struct command *c, int *status)
{
    struct buf text = {0};
    struct diagnostics *d = diagnostics_new();
    const struct device *device = NULL;
    const char *profile = command_value(c, "profile");
    bool registers = false;
    double scale = 1;
    *status = EX_USAGE;
    if (!d)
        *status = command_fail(c, EX_OSERR, "out of memory");
    else if (command_number(c, "scale", -1e12, 1e12, &scale) && named_registers(&text, c, &registers)) {
        if (!profile && !registers)
            command_usage(c, "say what to read: --profile NAME, or registers: --holding ADDRESS[:COUNT]");
        else if (text.failed)
            *status = command_fail(c, EX_OSERR, "out of memory");
        else
            t->memory = config_read_text(buf_text(&text), "command line", &root_section, d);
    }
    if (t->memory && diag_errors(d) == 0) {
        const struct target_root *root = config_root(t->memory);
        struct profile_path path = profile_path_default();
        struct device_request request = {.profile = profile,
                                         .own_points = &root->points,
                                         .ct_ratio = 1,
                                         .vt_ratio = 1,
                                         .unverified = command_flag(c, "unverified"),
                                         .order = order_asked(c),
                                         .place = {"command line", 0},
                                         .subject = "the device"};
        device = device_compile(t->memory, &path, &request, d);
    }
    if (d)
        diag_print(d, c->err);
    diagnostics_free(d);
    buf_free(&text);
    if (device)
        *status = EX_OK;
    return device;
}

void target_close(struct target *t)
{
    config_free(t->memory);
    site_free(t->site);
    *t = (struct target){0};
}
