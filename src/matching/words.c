// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them, and templates with places to be filled.
#include "matching/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Digits of a whole number in groups of three.
static void grouped(const char *digits, const char *separator, struct buf *out)
{
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            buf_puts(out, separator);
        buf_putc(out, digits[i]);
    }
}

static void rounded(double v, int digits, enum match_language l, struct buf *out)
{
    char text[64];
    double size = fabs(v);
    int before = size >= 1 ? (int)floor(log10(size)) + 1 : 1;
    int after = before < digits ? digits - before : 0;
    if (before > digits) {
        double step = pow(10, before - digits);
        size = round(size / step) * step;
    }
    snprintf(text, sizeof text, "%.*f", after, size);
    char *point = strchr(text, '.');
    if (point) { // zeros at the end say nothing
        char *end = point + strlen(point);
        while (end > point && (end[-1] == '0' || end[-1] == '.'))
            *--end = '\0';
        point = strchr(text, '.');
    }
    if (v < 0 && strcmp(text, "0") != 0)
        buf_putc(out, '-');
    if (point)
        *point = '\0';
    grouped(text, l == LANGUAGE_FR ? "\u202f" : ",", out); // a narrow space that does not break
    if (point) {
        buf_putc(out, l == LANGUAGE_FR ? ',' : '.');
        buf_puts(out, point + 1);
    }
}

void number_text(double v, enum match_language l, struct buf *out)
{
    if (isnan(v))
        buf_puts(out, "?");
    else if (isinf(v))
        buf_puts(out, v > 0 ? "\u221e" : "-\u221e");
    else
        rounded(v, 3, l, out);
}

static void range(struct span s, int digits, enum match_language l, struct buf *out)
{
    struct buf low = {0}, high = {0};
    if (!span_said(s) || isinf(s.low) || isinf(s.high)) {
        number_text(s.low, l, out);
        if (!isnan(s.low) && s.low != s.high) {
            buf_puts(out, l == LANGUAGE_FR ? " à " : " to ");
            number_text(s.high, l, out);
        }
        return;
    }
    rounded(s.low, digits, l, &low);
    rounded(s.high, digits, l, &high);
    buf_puts(out, buf_text(&low));
    if (strcmp(buf_text(&low), buf_text(&high)) != 0) {
        buf_puts(out, l == LANGUAGE_FR ? " à " : " to ");
        buf_puts(out, buf_text(&high));
    }
    buf_free(&low);
    buf_free(&high);
}

void range_text(struct span s, enum match_language l, struct buf *out)
{
    range(s, 3, l, out);
}

void carbon_text(struct span s, enum match_language l, struct buf *out)
{
    range(s, 2, l, out);
}

bool placeholder(const char *at, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(at, name, n) == 0;
}

void template_text(const char *text, void (*fill)(void *arg, const char *name, size_t n, struct buf *out),
                   void *arg, struct buf *out)
{
    while (*text) {
        const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            buf_puts(out, text);
            return;
        }
        buf_put(out, text, (size_t)(open - text));
        fill(arg, open + 1, (size_t)(close - open - 1), out);
        text = close + 1;
    }
}

static const struct {
    const char *en, *fr;
} resources[RESOURCES] = {
    [RESOURCE_HEAT] = {"heat", "chaleur"},
    [RESOURCE_COLD] = {"cold", "froid"},
    [RESOURCE_STEAM] = {"steam", "vapeur"},
    [RESOURCE_WATER] = {"water", "eau"},
    [RESOURCE_WASTE] = {"waste", "déchets"},
    [RESOURCE_ELECTRICITY] = {"electricity", "électricité"},
    [RESOURCE_COMPRESSED_AIR] = {"compressed air", "air comprimé"},
    [RESOURCE_BY_PRODUCT] = {"by-product", "sous-produit"},
    [RESOURCE_CO2] = {"CO2", "CO2"},
    [RESOURCE_EQUIPMENT] = {"equipment", "équipement"},
    [RESOURCE_FUEL] = {"fuel", "combustible"},
    [RESOURCE_MATERIAL] = {"material", "matière"},
};

const char *resource_text(enum resource r, enum match_language l)
{
    return l == LANGUAGE_FR ? resources[r].fr : resources[r].en;
}

static const struct {
    const char *name, *en, *fr;
} parameters[] = {{"conductivity", "conductivity", "conductivité"},
                  {"ph", "pH", "pH"},
                  {"cod", "COD", "DCO"},
                  {"bod5", "BOD5", "DBO5"},
                  {"tss", "suspended solids", "matières en suspension"},
                  {"temperature", "temperature", "température"},
                  {"chloride", "chloride", "chlorures"},
                  {"hardness", "hardness", "dureté"},
                  {"moisture", "moisture", "humidité"},
                  {"contamination", "contamination", "impuretés"},
                  {"oil", "oil", "huile"},
                  {"dew_point", "dew point", "point de rosée"},
                  {"micro", "micro-organisms", "micro-organismes"},
                  {"purity", "purity", "pureté"}};

const char *parameter_text(const char *name, enum match_language l)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return l == LANGUAGE_FR ? parameters[i].fr : parameters[i].en;
    return name;
}
