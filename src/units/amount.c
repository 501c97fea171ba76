// SPDX-License-Identifier: Apache-2.0
// Amounts as people write them, "200 kW": a number, then a unit of the table.
#include "symbiont/units.h"

#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"

// Bytes of `s` that are a decimal number: "-5", ".5", "1e3". "5e" is the number 5 and a letter.
static size_t number_length(const char *s)
{
    static const char digit[] = "0123456789";
    size_t n = s[0] == '-' || s[0] == '+';
    size_t whole = strspn(s + n, digit);
    n += whole;
    size_t fraction = 0;
    if (s[n] == '.') {
        fraction = strspn(s + n + 1, digit);
        n += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (s[n] == 'e' || s[n] == 'E') {
        size_t sign = s[n + 1] == '-' || s[n + 1] == '+';
        size_t exponent = strspn(s + n + 1 + sign, digit);
        if (exponent)
            n += 1 + sign + exponent;
    }
    return n;
}

static bool complain(char *why, size_t size, const char *text, const char *word)
{
    const char *near = unit_nearest(word);
    if (near)
        snprintf(why, size, "\"%.80s\": the unit \"%s\" is not known; did you mean \"%s\"?", text, word,
                 near);
    else
        snprintf(why, size, "\"%.80s\": the unit \"%s\" is not known; docs/names.md lists the units", text,
                 word);
    return false;
}

bool amount_parse(const char *text, double *value, const struct unit **unit, char *why, size_t why_size)
{
    char number[64], word[64];
    const char *start = text + strspn(text, " ");
    size_t n = number_length(start);
    if (n == 0 || n >= sizeof number) {
        snprintf(why, why_size, "\"%.80s\" is not an amount: write a number, then a unit, such as \"200 kW\"",
                 text);
        return false;
    }
    memcpy(number, start, n);
    number[n] = '\0';
    if (!text_number(number, value)) {
        snprintf(why, why_size, "\"%.80s\": the number \"%s\" is too large", text, number);
        return false;
    }
    const char *rest = start + n;
    if (*rest == ',') {
        snprintf(why, why_size, "\"%.80s\": the decimal sign is a point, and digits are not grouped", text);
        return false;
    }
    rest += strspn(rest, " ");
    size_t length = strlen(rest);
    while (length && rest[length - 1] == ' ')
        length--;
    if (length >= sizeof word) {
        snprintf(why, why_size, "\"%.80s...\": the unit is too long", text);
        return false;
    }
    memcpy(word, rest, length);
    word[length] = '\0';
    *unit = unit_find(word);
    return *unit ? true : complain(why, why_size, text, word);
}
