// SPDX-License-Identifier: Apache-2.0
// Names, nearest words, strict numbers.
#include "symbiont/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 63

static bool is_made_of(const char *s, char extra)
{
    size_t n = 0;
    for (; s[n]; n++)
        if (!((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') || s[n] == extra))
            return false;
    return n > 0 && n <= NAME_MAX_BYTES;
}

bool text_is_name(const char *s)
{
    return s[0] >= 'a' && s[0] <= 'z' && is_made_of(s, '_');
}

bool text_is_id(const char *s)
{
    return is_made_of(s, '-');
}

// Optimal string alignment distance: insert, delete, change or swap neighbours, each costs one.
static size_t distance(const char *a, const char *b)
{
    enum { MAX = NAME_MAX_BYTES + 1 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MAX || m >= MAX)
        return SIZE_MAX;
    size_t row[3][MAX + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

const char *text_nearest(const char *word, const void *words, size_t n, size_t stride)
{
    const char *best = NULL;
    // Up to a third of the letters may be wrong: "adress" finds "address", "foo" finds nothing.
    size_t limit = strlen(word) / 3 + 1, least = limit + 1;
    for (size_t i = 0; i < n; i++) {
        const char *known = *(const char *const *)(const void *)((const char *)words + i * stride);
        if (!known)
            continue;
        size_t d = distance(word, known);
        if (d < least) {
            least = d;
            best = known;
        }
    }
    return best;
}

bool text_number(const char *s, double *out)
{
    // strtod also takes hexadecimal, "inf" and "nan": none of them is a setting anyone means.
    if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
        return false;
    char *end;
    errno = 0;
    *out = strtod(s, &end);
    return *end == '\0' && isfinite(*out);
}

bool text_integer(const char *s, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    bool hex = strncmp(s, "0x", 2) == 0 || strncmp(s, "0X", 2) == 0;
    if (!*s || strspn(s, hex ? "0123456789abcdefABCDEFxX" : "0123456789-") != strlen(s))
        return false;
    long long value = strtoll(s, &end, hex ? 16 : 10);
    if (*end != '\0' || errno || value < min || value > max)
        return false;
    *out = value;
    return true;
}

char *text_dup(const char *s)
{
    return s ? strdup(s) : NULL;
}
