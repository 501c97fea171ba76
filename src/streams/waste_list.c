// SPDX-License-Identifier: Apache-2.0
// Waste codes: read in every form that is about, refused with the nearest, printed in the two that are
// wanted.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"
#include "streams/waste_table.h"

const struct waste_code *waste_row(size_t i)
{
    return i < waste_count ? &waste_codes[i] : NULL;
}

const struct waste_code *waste_find(uint32_t code)
{
    size_t low = 0, high = waste_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (waste_codes[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < waste_count && waste_codes[low].code == code ? &waste_codes[low] : NULL;
}

const char *waste_entry_word(enum waste_entry e)
{
    static const char *const words[] = {
        [WASTE_ABSOLUTE_NON_HAZARDOUS] = "absolute non-hazardous",
        [WASTE_ABSOLUTE_HAZARDOUS] = "absolute hazardous",
        [WASTE_MIRROR_NON_HAZARDOUS] = "mirror non-hazardous",
        [WASTE_MIRROR_HAZARDOUS] = "mirror hazardous",
    };
    return words[e];
}

static const char *heading(const struct waste_heading *h, uint32_t number)
{
    while (h->text && h->number != number)
        h++;
    return h->text ? h->text : "";
}

const char *waste_chapter(const struct waste_code *w)
{
    return heading(waste_chapters, w->code / 10000);
}

const char *waste_sub_chapter(const struct waste_code *w)
{
    return heading(waste_parts, w->code / 100);
}

char *waste_text(const struct waste_code *w, char out[static WASTE_TEXT])
{
    snprintf(out, WASTE_TEXT, "%02u %02u %02u%s", w->code / 10000 % 100, w->code / 100 % 100, w->code % 100,
             waste_hazardous(w) ? "*" : "");
    return out;
}

char *waste_digits(const struct waste_code *w, char out[static WASTE_TEXT])
{
    snprintf(out, WASTE_TEXT, "%06u", w->code % 1000000);
    return out;
}

// The fewest digits mistyped; among these the same chapter and the smallest step.
static const struct waste_code *nearest(uint32_t code)
{
    const struct waste_code *best = NULL;
    unsigned long best_cost = 0;
    for (size_t i = 0; i < waste_count; i++) {
        uint32_t a = code, b = waste_codes[i].code;
        unsigned long wrong = 0, step = a > b ? a - b : b - a;
        for (int d = 0; d < 6; d++, a /= 10, b /= 10)
            wrong += a % 10 != b % 10;
        unsigned long cost = wrong * 1000000 + step;
        if (!best || cost < best_cost) {
            best = &waste_codes[i];
            best_cost = cost;
        }
    }
    return best;
}

struct scanned {
    uint32_t code;
    int digits;
    bool star, apart, foreign;
};

static struct scanned scan(const char *s)
{
    struct scanned r = {0};
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    if (n && s[n - 1] == '*') {
        r.star = true;
        n--;
        r.apart = n && isspace((unsigned char)s[n - 1]);
        while (n && isspace((unsigned char)s[n - 1]))
            n--;
    }
    for (size_t i = 0; i < n; i++) {
        if (isdigit((unsigned char)s[i])) {
            r.code = r.digits < 6 ? r.code * 10 + (uint32_t)(s[i] - '0') : r.code;
            r.digits++;
        } else if (s[i] != ' ' || r.digits % 2 || i == 0 || s[i - 1] == ' ') {
            r.foreign = true; // one space between pairs of digits is all there may be
        }
    }
    return r;
}

const struct waste_code *waste_parse(const char *text, char *why, size_t why_size)
{
    struct scanned r = scan(text);
    const struct waste_code *w = r.digits == 6 ? waste_find(r.code) : NULL;
    const struct waste_code *near = w ? w : r.digits == 6 ? nearest(r.code) : NULL;
    char form[WASTE_TEXT];
    if (r.foreign || r.digits != 6)
        snprintf(why, why_size,
                 "\"%.40s\" is not a waste code: six digits are wanted, \"15 01 01\" or \"01 03 04*\"%s%s%s",
                 text, near ? "; did you mean \"" : "", near ? waste_text(near, form) : "",
                 near ? "\"?" : "");
    else if (!w)
        snprintf(why, why_size, "\"%.40s\" is not in the List of Waste; did you mean \"%s\" (%.80s)?", text,
                 waste_text(near, form), near->description);
    else if (r.star && !waste_hazardous(w))
        snprintf(why, why_size, "\"%.40s\": this waste is not hazardous, its code is \"%s\" (%.80s)", text,
                 waste_text(w, form), w->description);
    else if (r.apart)
        snprintf(why, why_size, "\"%.40s\": the star belongs to the code, \"%s\"", text, waste_text(w, form));
    else
        return w;
    return NULL;
}

uint32_t waste_operation(const char *text)
{
    bool recovery = *text == 'R';
    int64_t n;
    if ((!recovery && *text != 'D') || text[1] == '0' || !text_integer(text + 1, 1, recovery ? 13 : 15, &n))
        return 0;
    return 1u << (recovery ? n : 16 + n);
}
