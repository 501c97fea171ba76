// SPDX-License-Identifier: Apache-2.0
// Units made of others: products, quotients, and words joined by / and *; each is kept once.
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"

// Derived units are made while configurations are read. The bound keeps a program that is fed endless
// new configurations from growing for ever; a plant needs some dozens.
#define MAX_DERIVED 8192

static struct {
    pthread_mutex_t lock;
    struct unit *first;
    size_t n;
} derived = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool same_size(const struct unit *a, const struct unit *b)
{
    long double x = a->up * b->down, y = b->up * a->down;
    return fabsl(x - y) <= 1e-14L * fabsl(x);
}

static const struct unit *intern(const struct unit *wanted)
{
    pthread_mutex_lock(&derived.lock);
    struct unit *u = derived.first;
    while (u &&
           !(strcmp(u->text, wanted->text) == 0 && unit_same_dimension(u, wanted) && same_size(u, wanted)))
        u = u->next;
    if (!u && derived.n < MAX_DERIVED && (u = malloc(sizeof *u))) {
        *u = *wanted;
        u->difference = u;
        u->dimension = unit_name_dimension(u);
        if (!u->dimension) {
            free(u);
            u = NULL;
        } else {
            u->next = derived.first;
            derived.first = u;
            derived.n++;
        }
    }
    pthread_mutex_unlock(&derived.lock);
    return u;
}

// A result that has a word of its own is that word: kW * h is kWh.
static const struct unit *intern_result(const struct unit *wanted)
{
    const struct unit *u;
    for (size_t i = 0; (u = unit_row(i)); i++)
        if (unit_same_dimension(u, wanted) && same_size(u, wanted))
            return u;
    return intern(wanted);
}

static bool add_exponents(struct unit *to, const struct unit *u, int times)
{
    for (size_t i = 0; i < MAX_BASES; i++) {
        int e = to->exponent[i] + times * u->exponent[i];
        if (e < -32 || e > 32)
            return false;
        to->exponent[i] = (int8_t)e;
    }
    return true;
}

// a times b^sign. The text is the caller's.
static bool combine(const struct unit *a, const struct unit *b, int sign, struct unit *out)
{
    if (a->absolute || b->absolute)
        return false;
    *out = *a;
    out->text[0] = '\0';
    out->up = sign > 0 ? a->up * b->up : a->up * b->down;
    out->down = sign > 0 ? a->down * b->down : a->down * b->up;
    return isfinite(out->up) && isfinite(out->down) && out->up > 0 && out->down > 0 &&
           add_exponents(out, b, sign);
}

// Too long a text is replaced by the base units and the size.
static void name_result(struct unit *u, const char *text)
{
    size_t n = strlen(text);
    if (n < sizeof u->text) {
        memcpy(u->text, text, n + 1);
        return;
    }
    char base[MAX_TEXT];
    unit_base_text(u, base, sizeof base);
    snprintf(u->text, sizeof u->text, "%.6g*%.48s", (double)(u->up / u->down), base);
}

static const struct unit *product(const struct unit *a, const struct unit *b, int sign)
{
    struct unit u;
    if (!a || !b || !combine(a, b, sign, &u))
        return NULL;
    char text[2 * MAX_TEXT + 8];
    bool grouped = sign < 0 && strpbrk(b->text, "*/") != NULL;
    if (sign > 0 && !a->text[0])
        snprintf(text, sizeof text, "%s", b->text);
    else if (!b->text[0])
        snprintf(text, sizeof text, "%s", a->text);
    else
        snprintf(text, sizeof text, "%s%c%s%s%s", a->text[0] ? a->text : "1", sign > 0 ? '*' : '/',
                 grouped ? "(" : "", b->text, grouped ? ")" : "");
    name_result(&u, text);
    return intern_result(&u);
}

const struct unit *unit_multiply(const struct unit *a, const struct unit *b)
{
    return product(a, b, 1);
}

const struct unit *unit_divide(const struct unit *a, const struct unit *b)
{
    return product(a, b, -1);
}

const struct unit *unit_power(const struct unit *a, int exponent)
{
    if (!a || a->absolute || exponent < -8 || exponent > 8)
        return NULL;
    const struct unit *u = unit_word("");
    for (int i = 0; i < abs(exponent) && u; i++)
        u = exponent > 0 ? unit_multiply(u, a) : unit_divide(u, a);
    return u;
}

// "kJ/kg/K": words of the table joined by / and *, read from left to right.
static const struct unit *find_composed(const char *text)
{
    char part[MAX_TEXT], normal[MAX_TEXT];
    struct unit sum = {.up = 1, .down = 1};
    size_t at = 0;
    char join = '*';
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, "*/");
        if (n == 0 || n >= sizeof part)
            return NULL;
        memcpy(part, p, n);
        part[n] = '\0';
        const struct unit *word = unit_word(part);
        if (!word || !combine(&sum, word, join == '*' ? 1 : -1, &sum))
            return NULL;
        if (p != text)
            at = unit_put(normal, sizeof normal, at, join == '*' ? "*" : "/");
        at = unit_put(normal, sizeof normal, at, word->text[0] ? word->text : "1");
        if (at >= sizeof normal - 1)
            return NULL;
        p += n;
        if (!*p)
            break;
        join = *p;
    }
    const struct unit *known = unit_word(normal);
    if (known)
        return known;
    snprintf(sum.text, sizeof sum.text, "%s", normal);
    return intern(&sum);
}

const struct unit *unit_find(const char *text)
{
    if (!text)
        return NULL;
    const struct unit *word = unit_word(text);
    return word || !strpbrk(text, "*/") ? word : find_composed(text);
}
