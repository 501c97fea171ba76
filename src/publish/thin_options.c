// SPDX-License-Identifier: Apache-2.0
// Settings of a publisher's own rate: words, limits, what contradicts what.
#include "thin.h"

#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"

const struct choice thin_aggregates[] = {
    {"last", THIN_LAST}, {"mean", THIN_MEAN}, {"min", THIN_MIN}, {"max", THIN_MAX}, {NULL, 0},
};

static const struct option deadband_options[] = {
    {"quantity", OPTION_NAME, offsetof(struct thin_deadband_config, quantity), .required = true,
     .help = "A quantity of the vocabulary: \"active_power\"."},
    {"change", OPTION_TEXT, offsetof(struct thin_deadband_config, change), .required = true,
     .help = "\"2 %\" of its size, or an amount: \"0.5 kW\"."},
    {0},
};

const struct section thin_deadband_section = {
    "deadband", sizeof(struct thin_deadband_config), deadband_options,
    "How far the values of one quantity may move before they are published again."};

static bool percent_parse(const char *text, double *percent)
{
    char number[32];
    size_t n = strlen(text);
    if (n < 2 || text[n - 1] != '%')
        return false;
    n--;
    while (n && text[n - 1] == ' ')
        n--;
    if (n == 0 || n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    return text_number(number, percent);
}

// A change of a temperature is a difference: "0.5 K".
static bool amount_of(const char *text, const struct quantity *q, double *value, char *why, size_t why_size)
{
    const struct unit *given, *wanted = unit_find(q->unit);
    double factor, offset;
    if (!wanted || !amount_parse(text, value, &given, why, why_size))
        return false;
    wanted = unit_difference(wanted);
    if (!unit_conversion(unit_difference(given), wanted, &factor, &offset)) {
        snprintf(why, why_size, "\"%s\" is a %s, but %s needs a %s: \"0.5 %s\"", text, unit_dimension(given),
                 q->name, unit_dimension(wanted), unit_text(wanted));
        return false;
    }
    *value *= factor;
    return true;
}

bool thin_limit_parse(const char *text, const struct quantity *q, struct thin_limit *out, char *why,
                      size_t why_size)
{
    struct thin_limit limit = {0, 0};
    bool ok = percent_parse(text, &limit.percent) || text_number(text, &limit.absolute);
    if (!ok && q) {
        if (!amount_of(text, q, &limit.absolute, why, why_size))
            return false;
    } else if (!ok) {
        snprintf(why, why_size,
                 "\"%s\" is no deadband: \"2 %%\" of a value, or \"0.5\" in each value's own unit "
                 "(amounts with a unit go into `deadbands`, per quantity)",
                 text);
        return false;
    }
    if (limit.absolute < 0 || limit.percent < 0 || limit.percent > 100) {
        snprintf(why, why_size, "deadband \"%s\" must be at least 0, and at most 100 %%", text);
        return false;
    }
    *out = limit;
    return true;
}

static void deadband_check(const struct thin_deadband_config *c, struct diagnostics *d)
{
    struct thin_limit limit;
    char why[200];
    const struct quantity *q = quantity_find(c->quantity);
    if (!q) {
        const char *near = quantity_nearest(c->quantity);
        diag_error(d, c->common.place, "deadbands: there is no quantity \"%s\"%s%s%s", c->quantity,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    } else if (!thin_limit_parse(c->change, q, &limit, why, sizeof why)) {
        diag_error(d, c->common.place, "deadbands: %s", why);
    }
}

void thin_check(const struct thin_config *c, struct place at, struct diagnostics *d)
{
    struct thin_limit limit;
    char why[200];
    if (c->deadband && !thin_limit_parse(c->deadband, NULL, &limit, why, sizeof why))
        diag_error(d, at, "%s", why);
    const struct thin_deadband_config *rows = c->deadbands.items;
    for (size_t i = 0; i < c->deadbands.n; i++)
        deadband_check(&rows[i], d);
    if (c->aggregate != THIN_LAST && c->interval_ns == 0)
        diag_error(d, at, "aggregate = \"%s\" needs an interval to be taken over: interval = \"1 min\"",
                   thin_aggregates[c->aggregate].word);
    if (c->interval_ns > 0 && c->interval_ns < NS_PER_MS)
        diag_error(d, at, "interval must be at least 1 ms, or \"0 s\" for every reading");
}
