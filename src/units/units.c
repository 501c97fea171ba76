// SPDX-License-Identifier: Apache-2.0
// The table of units: the whitelist, resolved once through UDUNITS-2 into factors and dimensions.
//
// After units_open UDUNITS-2 is not called again: its status and message handler are process-wide, its
// system costs half a megabyte, and a factor with a vector of exponents is all that converting needs.
// The tables here and in derived.c are global. They hold constants only: a unit, once made, never changes
// and is never freed, so that pointers compare and every part of the program may keep them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"
#include "unit.h"

struct word_entry {
    const char *word; // first: text_nearest steps over them
    const struct unit *unit;
};

static struct {
    pthread_mutex_t opening;
    bool open;
    struct unit *units; // one per row of unit_words
    size_t n;
    struct word_entry *words; // rows and aliases, sorted
    size_t word_count;
} table = {.opening = PTHREAD_MUTEX_INITIALIZER};

// ---- The dimension in words ----

size_t unit_put(char *out, size_t size, size_t at, const char *text)
{
    int n = snprintf(out + at, size - at, "%s", text);
    return at + (size_t)n < size ? at + (size_t)n : size - 1;
}

void unit_base_text(const struct unit *u, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (int below = 0; below <= 1; below++)
        for (size_t i = 0; i < unit_base_count(); i++) {
            int e = below ? -u->exponent[i] : u->exponent[i];
            if (e <= 0)
                continue;
            char text[24];
            snprintf(text, sizeof text, e == 1 ? "%s" : "%s%d", unit_base(i), e);
            at = unit_put(out, size, at, below ? (at ? "/" : "1/") : (at ? "*" : ""));
            at = unit_put(out, size, at, text);
        }
    if (at == 0)
        unit_put(out, size, at, "number");
}

static const struct unit *row(const char *word)
{
    for (size_t i = 0; i < table.n; i++)
        if (strcmp(table.units[i].text, word) == 0)
            return &table.units[i];
    return NULL;
}

const char *unit_name_dimension(const struct unit *u)
{
    for (const struct unit_dimension_name *d = unit_dimension_names; d->name; d++) {
        const struct unit *known = row(d->word);
        if (known && unit_same_dimension(known, u))
            return d->name;
    }
    char text[MAX_TEXT * 2];
    unit_base_text(u, text, sizeof text);
    return text_dup(text);
}

// ---- Opening ----

static int word_order(const void *a, const void *b)
{
    return strcmp(((const struct word_entry *)a)->word, ((const struct word_entry *)b)->word);
}

static bool fill_rows(struct unit_database *d, char *why, size_t why_size)
{
    for (size_t i = 0; i < table.n; i++) {
        struct unit *u = &table.units[i];
        snprintf(u->text, sizeof u->text, "%s", unit_words[i].word);
        u->absolute = unit_words[i].difference != NULL;
        if (!unit_database_resolve(d, unit_words[i].definition, u)) {
            snprintf(why, why_size,
                     "the UDUNITS-2 database does not know \"%s\", which defines the unit \"%s\"",
                     unit_words[i].definition, unit_words[i].word);
            return false;
        }
    }
    for (size_t i = 0; i < table.n; i++) {
        struct unit *u = &table.units[i];
        u->difference = unit_words[i].difference ? row(unit_words[i].difference) : u;
        u->dimension = unit_name_dimension(u);
        if (!u->difference || !u->dimension) {
            snprintf(why, why_size, "out of memory");
            return false;
        }
    }
    return true;
}

static bool fill_words(char *why, size_t why_size)
{
    size_t n = table.n;
    for (const struct unit_alias *a = unit_aliases; a->alias; a++)
        n++;
    table.words = calloc(n, sizeof *table.words);
    if (!table.words) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    for (size_t i = 0; i < table.n; i++)
        table.words[table.word_count++] = (struct word_entry){table.units[i].text, &table.units[i]};
    for (const struct unit_alias *a = unit_aliases; a->alias; a++)
        table.words[table.word_count++] = (struct word_entry){a->alias, row(a->word)};
    qsort(table.words, table.word_count, sizeof *table.words, word_order);
    return true;
}

// A dimension without a name of its own is text in new memory.
static void forget_dimensions(void)
{
    for (size_t i = 0; table.units && i < table.n; i++) {
        const struct unit_dimension_name *d = unit_dimension_names;
        while (d->name && d->name != table.units[i].dimension)
            d++;
        if (!d->name)
            free((char *)(uintptr_t)table.units[i].dimension);
    }
}

static bool fill(char *why, size_t why_size)
{
    while (unit_words[table.n].word)
        table.n++;
    struct unit_database *d = unit_database_open(why, why_size);
    if (!d)
        return false;
    table.units = calloc(table.n, sizeof *table.units);
    if (!table.units)
        snprintf(why, why_size, "out of memory");
    bool ok = table.units && fill_rows(d, why, why_size) && fill_words(why, why_size);
    unit_database_close(d);
    return ok;
}

int units_open(char *why, size_t why_size)
{
    pthread_mutex_lock(&table.opening);
    if (!table.open) {
        table.open = fill(why, why_size);
        if (!table.open) { // so that a second call starts afresh
            forget_dimensions();
            free(table.units);
            free(table.words);
            table.units = NULL;
            table.words = NULL;
            table.n = table.word_count = 0;
        }
    }
    bool ok = table.open;
    pthread_mutex_unlock(&table.opening);
    return ok ? 0 : -1;
}

// ---- Asking ----

static const struct unit *look_up(const char *text)
{
    struct word_entry key = {text, NULL};
    const struct word_entry *found =
        table.words ? bsearch(&key, table.words, table.word_count, sizeof key, word_order) : NULL;
    return found ? found->unit : NULL;
}

// U+00B5, the micro sign, and U+03BC, the Greek letter, stand for the "u" of the table.
const struct unit *unit_word(const char *text)
{
    const struct unit *found = look_up(text);
    bool micro = strncmp(text, "\xC2\xB5", 2) == 0 || strncmp(text, "\xCE\xBC", 2) == 0;
    char plain[MAX_TEXT];
    if (found || !micro || strlen(text) >= sizeof plain)
        return found;
    snprintf(plain, sizeof plain, "u%s", text + 2);
    return look_up(plain);
}

const struct unit *unit_row(size_t i)
{
    return i < table.n ? &table.units[i] : NULL;
}

const char *unit_nearest(const char *text)
{
    if (!table.open || !text[0])
        return NULL;
    // The commonest mistake is the case of a letter: kwh, KW, Bar.
    for (size_t i = 0; i < table.n; i++)
        if (table.units[i].text[0] && strcasecmp(table.units[i].text, text) == 0)
            return table.units[i].text;
    const char *near = text_nearest(text, table.words, table.word_count, sizeof *table.words);
    const struct unit *found = near && near[0] ? unit_word(near) : NULL;
    return found ? found->text : NULL;
}

const char *unit_text(const struct unit *u)
{
    return u->text;
}

const char *unit_dimension(const struct unit *u)
{
    return u->dimension;
}

bool unit_compatible(const struct unit *from, const struct unit *to)
{
    return unit_same_dimension(from, to);
}

bool unit_conversion(const struct unit *from, const struct unit *to, double *factor, double *offset)
{
    if (!unit_same_dimension(from, to))
        return false;
    *factor = (double)((from->up * to->down) / (from->down * to->up));
    *offset = (double)(((long double)from->offset - (long double)to->offset) * to->down / to->up);
    return true;
}

bool unit_is_absolute(const struct unit *u)
{
    return u->absolute;
}

const struct unit *unit_difference(const struct unit *u)
{
    return u->difference;
}
