// SPDX-License-Identifier: Apache-2.0
// Bands: how a number is made coarse, written and read.
#include "span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

// 10^k for whole k is exact up to 22, and so are its quotients: 2e-3 is the double that "0.002" reads as.
#define EXPONENT_MAX 22

static double scaled(double mantissa, int exponent)
{
    return exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
}

// The largest number of the series at or below v > 0; `next` the one after it.
static double step_below(double v, double *next)
{
    static const double steps[] = {1, 2, 5, 10};
    int e = (int)floor(log10(v));
    e = e < -EXPONENT_MAX ? -EXPONENT_MAX : e > EXPONENT_MAX ? EXPONENT_MAX : e;
    // log10 may round either way at a power of ten.
    while (e < EXPONENT_MAX && v >= scaled(1, e + 1))
        e++;
    while (e > -EXPONENT_MAX && v < scaled(1, e))
        e--;
    int i = 0;
    while (i < 2 && v >= scaled(steps[i + 1], e))
        i++;
    *next = scaled(steps[i + 1], e);
    double below = scaled(steps[i], e);
    if (below <= v)
        return below;
    *next = below; // smaller than the smallest step
    return 0;
}

static double down(double v)
{
    double next, below;
    if (v == 0 || !isfinite(v))
        return v;
    if (v > 0)
        return step_below(v, &next);
    below = step_below(-v, &next);
    return below == -v ? v : -next;
}

static double up(double v)
{
    return -down(-v);
}

struct span span_band(struct span s)
{
    double next;
    if (!span_said(s))
        return s;
    if (span_exact(s) && s.low > 0 && isfinite(s.low)) {
        double below = step_below(s.low, &next);
        return (struct span){below, next};
    }
    if (span_exact(s) && s.low < 0 && isfinite(s.low)) {
        double below = step_below(-s.low, &next);
        return (struct span){-next, -below};
    }
    // A band is its own band.
    return (struct span){down(s.low), up(s.high)};
}

static struct span band_of_width(struct span s, double width)
{
    if (!span_said(s))
        return s;
    double low = floor(s.low / width) * width;
    double high = span_exact(s) ? low + width : ceil(s.high / width) * width;
    return (struct span){low + 0.0, high + 0.0}; // no -0
}

struct span span_band_celsius(struct span s)
{
    return band_of_width(s, 10);
}

struct span span_band_whole(struct span s)
{
    return band_of_width(s, 1);
}

static void number_text(double v, char out[static 26])
{
    snprintf(out, 26, "%.15g", v);
    if (strtod(out, NULL) != v)
        snprintf(out, 26, "%.17g", v);
}

char *span_text(struct span s, char out[static SPAN_TEXT])
{
    char low[26], high[26];
    number_text(s.low, low);
    number_text(s.high, high);
    if (!span_said(s))
        out[0] = '\0';
    else if (span_exact(s) && isfinite(s.low))
        snprintf(out, SPAN_TEXT, "%s", low);
    else if (isfinite(s.low) && isfinite(s.high))
        snprintf(out, SPAN_TEXT, "%s-%s", low, high);
    else if (isfinite(s.low))
        snprintf(out, SPAN_TEXT, ">%s", low);
    else if (isfinite(s.high))
        snprintf(out, SPAN_TEXT, "<%s", high);
    else
        snprintf(out, SPAN_TEXT, "any");
    return out;
}

// The length of a decimal number as JSON has it, from its begin; 0: none.
static size_t number_length(const char *s)
{
    const char *p = s;
    p += *p == '-';
    size_t digits = strspn(p, "0123456789");
    if (!digits)
        return 0;
    p += digits;
    if (*p == '.') {
        size_t more = strspn(p + 1, "0123456789");
        if (!more)
            return 0;
        p += 1 + more;
    }
    if (*p == 'e' || *p == 'E') {
        const char *e = p + 1;
        e += *e == '-' || *e == '+';
        size_t more = strspn(e, "0123456789");
        if (!more)
            return 0;
        p = e + more;
    }
    return (size_t)(p - s);
}

static bool one_number(const char *s, size_t n, double *out)
{
    char copy[32];
    if (n == 0 || n >= sizeof copy || n != number_length(s))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    return text_number(copy, out);
}

bool span_parse(const char *text, struct span *out)
{
    *out = (struct span){-INFINITY, INFINITY};
    if (strcmp(text, "any") == 0)
        return true;
    if (*text == '>')
        return one_number(text + 1, strlen(text + 1), &out->low);
    if (*text == '<')
        return one_number(text + 1, strlen(text + 1), &out->high);
    size_t n = number_length(text);
    return n && text[n] == '-' && one_number(text, n, &out->low) &&
           one_number(text + n + 1, strlen(text + n + 1), &out->high) && out->low < out->high;
}

bool span_left(struct span told_band, struct span now)
{
    if (span_said(told_band) != span_said(now))
        return true;
    if (!span_said(now))
        return false;
    double width = told_band.high - told_band.low;
    double margin = isfinite(width) && width > 0 ? width / 10 : 0;
    return now.high < told_band.low - margin || now.low > told_band.high + margin;
}
