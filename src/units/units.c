// SPDX-License-Identifier: Apache-2.0
// Units as interned values: the whitelist is resolved once through UDUNITS-2 into factor and dimension.
//
// After units_open UDUNITS-2 is not called again: its status and message handler are process-wide, its
// system costs half a megabyte, and a factor with a vector of exponents is all that converting needs.
// The table of interned units is the one global here. It holds constants only: a unit, once made,
// never changes and is never freed, so that pointers compare and every part of the program may keep them.
#include "symbiont/units.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udunits2.h>
#include "symbiont/text.h"
#include "words.h"

enum {
    SI_BASES = 7,
    MAX_BASES = 32,
    MAX_TEXT = 64,
    // Derived units are made while configurations are read. The bound keeps a program that is fed
    // endless new configurations from growing for ever; a plant needs some dozens.
    MAX_DERIVED = 8192,
};

// Their names in UDUNITS-2's database, and as we print them.
static const struct unit_base si_bases[SI_BASES] = {
    {"meter", "m"},  {"kilogram", "kg"}, {"second", "s"},   {"kelvin", "K"},
    {"ampere", "A"}, {"mole", "mol"},    {"candela", "cd"},
};

struct unit {
    char text[MAX_TEXT];
    // SI value = value * up / down + offset. Two factors, because 1/3600 has no exact double and
    // L/min to m3/h shall be 0.06, not 0.060000000000000005.
    long double up, down;
    double offset;
    bool absolute;
    int8_t exponent[MAX_BASES];
    const char *dimension; // a name, or text of base units; never NULL once interned
    const struct unit *difference;
    struct unit *next; // of the derived ones
};

struct word_entry {
    const char *word; // first: text_nearest steps over them
    const struct unit *unit;
};

static struct {
    pthread_mutex_t lock; // of opening and of `derived`
    bool open;
    struct unit *units; // one per row of unit_words
    size_t n;
    struct word_entry *words; // rows and aliases, sorted
    size_t word_count;
    struct unit *derived;
    size_t derived_count;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *base_text(size_t i)
{
    return i < SI_BASES ? si_bases[i].text : unit_bases[i - SI_BASES].text;
}

static const char *base_id(size_t i)
{
    return i < SI_BASES ? si_bases[i].id : unit_bases[i - SI_BASES].id;
}

static size_t base_count(void)
{
    size_t n = SI_BASES;
    while (n < MAX_BASES && unit_bases[n - SI_BASES].id)
        n++;
    return n;
}

// ---- From UDUNITS-2 ----

static ut_status add_base(struct unit *u, const ut_unit *basic, int power)
{
    const char *name = ut_get_name(basic, UT_ASCII);
    for (size_t i = 0; name && i < base_count(); i++)
        if (strcmp(name, base_id(i)) == 0) {
            u->exponent[i] = (int8_t)(u->exponent[i] + power);
            return UT_SUCCESS;
        }
    return UT_VISIT_ERROR;
}

static ut_status visit_basic(const ut_unit *unit, void *arg)
{
    return add_base(arg, unit, 1);
}

static ut_status visit_product(const ut_unit *unit, int count, const ut_unit *const *basics,
                               const int *powers, void *arg)
{
    (void)unit;
    for (int i = 0; i < count; i++)
        if (add_base(arg, basics[i], powers[i]) != UT_SUCCESS)
            return UT_VISIT_ERROR;
    return UT_SUCCESS;
}

static ut_status visit_timestamp(const ut_unit *unit, const ut_unit *time_unit, double origin, void *arg)
{
    (void)unit, (void)time_unit, (void)origin, (void)arg;
    return UT_VISIT_ERROR;
}

static ut_status visit_logarithmic(const ut_unit *unit, double base, const ut_unit *reference, void *arg)
{
    (void)unit, (void)base, (void)reference, (void)arg;
    return UT_VISIT_ERROR;
}

// Factors below one that are the inverse of a whole number become exactly that.
static void set_factor(struct unit *u, double scale)
{
    u->up = (long double)scale;
    u->down = 1;
    double inverse = 1 / scale, whole = nearbyint(inverse);
    if (scale < 1 && fabs(inverse - whole) <= 4e-15 * whole) {
        u->up = 1;
        u->down = (long double)whole;
    } else if (fabs(scale - nearbyint(scale)) <= 4e-15 * scale) {
        u->up = (long double)nearbyint(scale);
    }
}

static ut_status visit_galilean(const ut_unit *unit, double scale, const ut_unit *underlying, double offset,
                                void *arg);

static const ut_visitor visitor = {visit_basic, visit_product, visit_galilean, visit_timestamp,
                                   visit_logarithmic};

// The offset is in the unit itself: degF is 0.5556 K, 459.67 degF above nothing.
static ut_status visit_galilean(const ut_unit *unit, double scale, const ut_unit *underlying, double offset,
                                void *arg)
{
    (void)unit;
    struct unit *u = arg;
    if (ut_accept_visitor(underlying, &visitor, u) != UT_SUCCESS)
        return UT_VISIT_ERROR;
    set_factor(u, scale);
    u->offset = (double)(u->up / u->down * (long double)offset);
    return UT_SUCCESS;
}

static bool resolve(ut_system *system, const char *definition, struct unit *u)
{
    ut_unit *parsed = ut_parse(system, definition, UT_ASCII);
    if (!parsed)
        return false;
    u->up = u->down = 1;
    bool ok = ut_accept_visitor(parsed, &visitor, u) == UT_SUCCESS;
    ut_free(parsed);
    return ok;
}

static bool add_bases(ut_system *system)
{
    for (const struct unit_base *b = unit_bases; b->id; b++) {
        ut_unit *unit = ut_new_base_unit(system);
        bool ok = unit && ut_map_name_to_unit(b->id, UT_ASCII, unit) == UT_SUCCESS &&
                  ut_map_unit_to_name(unit, b->id, UT_ASCII) == UT_SUCCESS;
        ut_free(unit);
        if (!ok)
            return false;
    }
    return true;
}

// ---- The dimension in words ----

static bool same_dimension(const struct unit *a, const struct unit *b)
{
    return a->absolute == b->absolute && memcmp(a->exponent, b->exponent, sizeof a->exponent) == 0;
}

static bool same_size(const struct unit *a, const struct unit *b)
{
    long double x = a->up * b->down, y = b->up * a->down;
    return fabsl(x - y) <= 1e-14L * fabsl(x);
}

static size_t put(char *out, size_t size, size_t at, const char *text)
{
    int n = snprintf(out + at, size - at, "%s", text);
    return at + (size_t)n < size ? at + (size_t)n : size - 1;
}

// "kg*m2/s3"
static void base_units_text(const struct unit *u, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (int below = 0; below <= 1; below++)
        for (size_t i = 0; i < base_count(); i++) {
            int e = below ? -u->exponent[i] : u->exponent[i];
            if (e <= 0)
                continue;
            char text[24];
            snprintf(text, sizeof text, e == 1 ? "%s" : "%s%d", base_text(i), e);
            at = put(out, size, at, below ? (at ? "/" : "1/") : (at ? "*" : ""));
            at = put(out, size, at, text);
        }
    if (at == 0)
        put(out, size, at, "number");
}

static const struct unit *row(const char *word)
{
    for (size_t i = 0; i < table.n; i++)
        if (strcmp(table.units[i].text, word) == 0)
            return &table.units[i];
    return NULL;
}

static const char *dimension_name(const struct unit *u)
{
    for (const struct unit_dimension_name *d = unit_dimension_names; d->name; d++) {
        const struct unit *known = row(d->word);
        if (known && same_dimension(known, u))
            return d->name;
    }
    char text[MAX_TEXT * 2];
    base_units_text(u, text, sizeof text);
    return text_dup(text);
}

// ---- Opening ----

static int word_order(const void *a, const void *b)
{
    return strcmp(((const struct word_entry *)a)->word, ((const struct word_entry *)b)->word);
}

static bool fill_rows(ut_system *system, char *why, size_t why_size)
{
    for (size_t i = 0; i < table.n; i++) {
        struct unit *u = &table.units[i];
        snprintf(u->text, sizeof u->text, "%s", unit_words[i].word);
        u->absolute = unit_words[i].difference != NULL;
        if (!resolve(system, unit_words[i].definition, u)) {
            snprintf(why, why_size,
                     "the UDUNITS-2 database does not know \"%s\", which defines the unit \"%s\"",
                     unit_words[i].definition, unit_words[i].word);
            return false;
        }
    }
    for (size_t i = 0; i < table.n; i++) {
        struct unit *u = &table.units[i];
        u->difference = unit_words[i].difference ? row(unit_words[i].difference) : u;
        u->dimension = dimension_name(u);
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

static bool fill(char *why, size_t why_size)
{
    // By default the library prints its complaints on stderr.
    ut_error_message_handler before = ut_set_error_message_handler(ut_ignore);
    bool ok = false;
    ut_system *system = ut_read_xml(NULL);
    if (!system) {
        const char *path = getenv("UDUNITS2_XML_PATH");
        snprintf(why, why_size,
                 "the UDUNITS-2 unit database cannot be read (%s); install the package libudunits2-data",
                 path ? path : "udunits2.xml");
        goto cleanup;
    }
    while (unit_words[table.n].word)
        table.n++;
    table.units = calloc(table.n, sizeof *table.units);
    if (!table.units || !add_bases(system)) {
        snprintf(why, why_size, "out of memory");
        goto cleanup;
    }
    ok = fill_rows(system, why, why_size) && fill_words(why, why_size);
cleanup:
    ut_free_system(system);
    ut_set_error_message_handler(before);
    return ok;
}

int units_open(char *why, size_t why_size)
{
    pthread_mutex_lock(&table.lock);
    if (!table.open) {
        table.open = fill(why, why_size);
        if (!table.open) { // so that a second call starts afresh
            free(table.units);
            free(table.words);
            table.units = NULL;
            table.words = NULL;
            table.n = table.word_count = 0;
        }
    }
    bool ok = table.open;
    pthread_mutex_unlock(&table.lock);
    return ok ? 0 : -1;
}

// ---- Interning what is derived ----

static const struct unit *look_up(const char *text)
{
    struct word_entry key = {text, NULL};
    const struct word_entry *found =
        table.words ? bsearch(&key, table.words, table.word_count, sizeof key, word_order) : NULL;
    return found ? found->unit : NULL;
}

// U+00B5, the micro sign, and U+03BC, the Greek letter, stand for the "u" of the table.
static const struct unit *find_word(const char *text)
{
    const struct unit *found = look_up(text);
    bool micro = strncmp(text, "\xC2\xB5", 2) == 0 || strncmp(text, "\xCE\xBC", 2) == 0;
    char plain[MAX_TEXT];
    if (found || !micro || strlen(text) >= sizeof plain)
        return found;
    snprintf(plain, sizeof plain, "u%s", text + 2);
    return look_up(plain);
}

static const struct unit *intern(const struct unit *wanted)
{
    pthread_mutex_lock(&table.lock);
    struct unit *u = table.derived;
    while (u && !(strcmp(u->text, wanted->text) == 0 && same_dimension(u, wanted) && same_size(u, wanted)))
        u = u->next;
    if (!u && table.derived_count < MAX_DERIVED && (u = malloc(sizeof *u))) {
        *u = *wanted;
        u->difference = u;
        u->dimension = dimension_name(u);
        if (!u->dimension) {
            free(u);
            u = NULL;
        } else {
            u->next = table.derived;
            table.derived = u;
            table.derived_count++;
        }
    }
    pthread_mutex_unlock(&table.lock);
    return u;
}

// A result that has a word of its own is that word: kW * h is kWh.
static const struct unit *intern_result(const struct unit *wanted)
{
    for (size_t i = 0; i < table.n; i++)
        if (same_dimension(&table.units[i], wanted) && same_size(&table.units[i], wanted))
            return &table.units[i];
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
    base_units_text(u, base, sizeof base);
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
    const struct unit *u = find_word("");
    for (int i = 0; i < abs(exponent) && u; i++)
        u = exponent > 0 ? unit_multiply(u, a) : unit_divide(u, a);
    return u;
}

// ---- Finding ----

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
        const struct unit *word = find_word(part);
        if (!word || !combine(&sum, word, join == '*' ? 1 : -1, &sum))
            return NULL;
        if (p != text)
            at = put(normal, sizeof normal, at, join == '*' ? "*" : "/");
        at = put(normal, sizeof normal, at, word->text[0] ? word->text : "1");
        if (at >= sizeof normal - 1)
            return NULL;
        p += n;
        if (!*p)
            break;
        join = *p;
    }
    const struct unit *known = find_word(normal);
    if (known)
        return known;
    snprintf(sum.text, sizeof sum.text, "%s", normal);
    return intern(&sum);
}

const struct unit *unit_find(const char *text)
{
    if (!text)
        return NULL;
    const struct unit *word = find_word(text);
    return word || !strpbrk(text, "*/") ? word : find_composed(text);
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
    const struct unit *found = near && near[0] ? find_word(near) : NULL;
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
    return same_dimension(from, to);
}

bool unit_conversion(const struct unit *from, const struct unit *to, double *factor, double *offset)
{
    if (!same_dimension(from, to))
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
