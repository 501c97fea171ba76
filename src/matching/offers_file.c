// SPDX-License-Identifier: Apache-2.0
// Offers and needs out of JSON; out of CSV row by row, a table of columns.
#include "matching/offers_file.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "matching/csv.h"
#include "symbiont/json_parse.h"
#include "symbiont/text.h"
#include "symbiont/waste.h"

typedef bool each_fn(void *arg, const struct offer *o, int line);

// ---- JSON ----

static int lines_before(const char *text, size_t n)
{
    int lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

static bool take(const json_t *object, int line, each_fn *each, void *arg, bool *ended, char *why,
                 size_t why_size)
{
    struct offer o;
    char reason[300];
    if (!offer_take(object, &o, reason, sizeof reason)) {
        snprintf(why, why_size, "line %d: %s", line, reason);
        return false;
    }
    *ended = !each(arg, &o, line);
    return true;
}

static bool read_json(const char *text, size_t n, each_fn *each, void *arg, char *why, size_t why_size)
{
    size_t at = 0;
    bool ended = false, good = true;
    while (good && !ended) {
        while (at < n && (isspace((unsigned char)text[at]) || text[at] == ','))
            at++;
        if (at == n)
            return true;
        json_error_t error;
        int line = lines_before(text, at);
        json_t *value =
            json_parse(text + at, n - at, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
        if (!value) {
            snprintf(why, why_size, "line %d: %s", line + error.line, error.text);
            return false;
        }
        if (json_is_array(value))
            for (size_t i = 0; good && !ended && i < json_array_size(value); i++)
                good = take(json_array_get(value, i), line + 1, each, arg, &ended, why, why_size);
        else
            good = take(value, line + 1, each, arg, &ended, why, why_size);
        at += (size_t)error.position;
        json_decref(value);
    }
    return good;
}

// ---- CSV ----

struct row {
    struct csv *csv;
    struct offer *o;
    char *why;
    size_t why_size;
};

static bool refuse(const struct row *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const struct row *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    csv_refuse_list(r->csv, r->why, r->why_size, format, args);
    va_end(args);
    return false;
}

// "415"; a band as in messages, "200-500", ">200", "<500"; as people write it, "6.5..8.5", ">= 200".
static bool span(const char *text, struct span *out)
{
    char band[64];
    size_t n = 0;
    double v;
    if (text_number(text, &v)) {
        *out = span_of(v);
        return true;
    }
    if (*text == '<' || *text == '>')
        band[n++] = *text++;
    text += n && *text == '=';
    while (n && *text == ' ')
        text++;
    const char *between = n ? NULL : strstr(text, "..");
    int wrote = between ? snprintf(band, sizeof band, "%.*s-%s", (int)(between - text), text, between + 2)
                        : snprintf(band + n, sizeof band - n, "%s", text);
    return wrote >= 0 && (size_t)wrote < sizeof band - n && span_parse(band, out);
}

enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_SPAN, CELL_CHOICE, CELL_BYTE_CHOICE, CELL_FUNCTION };

struct column {
    const char *name;
    enum cell_kind kind;
    size_t at, size;
    const struct choice *choices;
    bool (*read)(struct row *r, const char *text);
};

static const struct choice roles[] = {{"offer", ROLE_OFFER}, {"need", ROLE_NEED}, {0}};

static bool read_codes(struct row *r, const char *text)
{
    struct offer_waste *w = &r->o->waste;
    char copy[512], why[300];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest = copy, *one; (one = strsep(&rest, "|/;,"));) {
        while (*one == ' ')
            one++;
        for (size_t n = strlen(one); n && one[n - 1] == ' ';)
            one[--n] = '\0';
        const struct waste_code *c = waste_parse(one, why, sizeof why);
        if (!c)
            return refuse(r, "%s", why);
        if (w->code_count == OFFER_CODES)
            return refuse(r, "at most %d waste codes", OFFER_CODES);
        w->codes[w->code_count++] = c->code;
        w->hazardous = w->hazardous || waste_hazardous(c);
    }
    return true;
}

static bool read_operations(struct row *r, const char *text)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest = copy, *one; (one = strsep(&rest, " |,"));) {
        uint32_t bit = waste_operation(one);
        if (*one && !bit)
            return refuse(r, "operations are R1 to R13 and D1 to D15, not \"%.40s\"", text);
        r->o->waste.operations |= bit;
    }
    return true;
}

static bool read_profile(struct row *r, const char *text)
{
    uint8_t hours[21];
    char why[300];
    if (!schedule_parse(text, hours, why, sizeof why))
        return refuse(r, "%s", why);
    r->o->has_blocks = true;
    for (unsigned b = 0; b < OFFER_BLOCKS; b++) {
        unsigned n = 0;
        for (unsigned h = 0; h < 4; h++)
            n += schedule_has(hours, b * 4 + h);
        r->o->blocks[b] = (float)n / 4;
    }
    return true;
}

static bool read_months(struct row *r, const char *text)
{
    const char *p = text;
    for (int i = 0; i < 12; i++) {
        char *end;
        double v = strtod(p, &end);
        if (end == p || !(v >= 0 && v <= 1))
            return refuse(r, "months are twelve shares between 0 and 1, not \"%.60s\"", text);
        r->o->months[i] = (float)v;
        for (p = end; *p == ' ' || *p == '|';)
            p++;
    }
    r->o->has_months = true;
    return !*p || refuse(r, "more than twelve months: \"%.60s\"", text);
}

static bool read_level(struct row *r, const char *text)
{
    int64_t level;
    if (!text_integer(text, 0, 5, &level))
        return refuse(r, "level is 0 to 5, not \"%.20s\"", text);
    r->o->level = (uint8_t)level;
    return true;
}

// Temperatures by what they are for: an offer has a supply and is cooled to, a need has an inlet and an
// outlet.
static bool read_warm(struct row *r, const char *text, enum offer_role role, struct span *out)
{
    if (r->o->role != role)
        return refuse(r, role == ROLE_OFFER
                             ? "supply_degC and return_degC are an offer's; a need has in_degC, out_degC"
                             : "in_degC and out_degC are a need's; an offer has supply_degC, return_degC");
    return span(text, out) || refuse(r, "\"%.40s\" is not a temperature", text);
}

static bool read_supply(struct row *r, const char *text)
{
    return read_warm(r, text, ROLE_OFFER, &r->o->heat.supply);
}

static bool read_return(struct row *r, const char *text)
{
    return read_warm(r, text, ROLE_OFFER, &r->o->heat.back);
}

static bool read_out(struct row *r, const char *text)
{
    return read_warm(r, text, ROLE_NEED, &r->o->heat.supply);
}

static bool read_in(struct row *r, const char *text)
{
    return read_warm(r, text, ROLE_NEED, &r->o->heat.back);
}

// Of steam a field of its own, of air a parameter like others.
static bool read_pressure(struct row *r, const char *text)
{
    struct offer *o = r->o;
    struct span value;
    if (!span(text, &value))
        return refuse(r, "\"%.40s\" is not a pressure", text);
    if (o->resource == RESOURCE_STEAM || o->resource == RESOURCE_HEAT) {
        o->heat.pressure = value;
        return true;
    }
    if (o->parameter_count == OFFER_LIMITS)
        return refuse(r, "too many parameters in one row");
    o->parameters[o->parameter_count++] = (struct offer_parameter){"pressure", "bar", value};
    return true;
}

#define OFFER_AT(member) offsetof(struct offer, member), sizeof((struct offer *)0)->member

// The role comes first: what other cells mean depends on it.
static const struct column columns[] = {
    {"role", CELL_CHOICE, OFFER_AT(role), roles, NULL},
    {"resource", CELL_CHOICE, OFFER_AT(resource), resource_choices, NULL},
    {"site", CELL_TEXT, OFFER_AT(pseudonym), NULL, NULL},
    {"id", CELL_TEXT, OFFER_AT(id), NULL, NULL},
    {"title", CELL_TEXT, OFFER_AT(title), NULL, NULL},
    {"synergy", CELL_CHOICE, OFFER_AT(synergy), synergy_choices, NULL},
    {"provenance", CELL_CHOICE, OFFER_AT(provenance), provenance_choices, NULL},
    {"level", CELL_FUNCTION, 0, 0, NULL, read_level},
    {"zone", CELL_TEXT, OFFER_AT(zone), NULL, NULL},
    {"latitude", CELL_NUMBER, OFFER_AT(latitude), NULL, NULL},
    {"longitude", CELL_NUMBER, OFFER_AT(longitude), NULL, NULL},
    {"radius_m", CELL_NUMBER, OFFER_AT(radius_m), NULL, NULL},
    {"nace", CELL_TEXT, OFFER_AT(nace), NULL, NULL},
    {"quantity", CELL_SPAN, OFFER_AT(typical), NULL, NULL},
    {"firm", CELL_SPAN, OFFER_AT(firm), NULL, NULL},
    {"peak", CELL_SPAN, OFFER_AT(peak), NULL, NULL},
    {"annual", CELL_SPAN, OFFER_AT(annual), NULL, NULL},
    {"profile", CELL_FUNCTION, 0, 0, NULL, read_profile},
    {"months", CELL_FUNCTION, 0, 0, NULL, read_months},
    {"medium", CELL_CHOICE, OFFER_AT(heat.medium), medium_choices, NULL},
    {"supply_degC", CELL_FUNCTION, 0, 0, NULL, read_supply},
    {"return_degC", CELL_FUNCTION, 0, 0, NULL, read_return},
    {"in_degC", CELL_FUNCTION, 0, 0, NULL, read_in},
    {"out_degC", CELL_FUNCTION, 0, 0, NULL, read_out},
    {"pressure_bar", CELL_FUNCTION, 0, 0, NULL, read_pressure},
    {"approach_K", CELL_NUMBER, OFFER_AT(heat.approach_k), NULL, NULL},
    {"codes", CELL_FUNCTION, 0, 0, NULL, read_codes},
    {"legal", CELL_BYTE_CHOICE, OFFER_AT(waste.legal), legal_choices, NULL},
    {"operations", CELL_FUNCTION, 0, 0, NULL, read_operations},
    {"capacity_t", CELL_SPAN, OFFER_AT(waste.capacity_t), NULL, NULL},
    {"stock_t", CELL_SPAN, OFFER_AT(waste.stock_t), NULL, NULL},
    {"lot_t", CELL_SPAN, OFFER_AT(waste.lot_t), NULL, NULL},
    {"equipment", CELL_TEXT, OFFER_AT(equipment.type), NULL, NULL},
    {"price", CELL_NUMBER, OFFER_AT(price), NULL, NULL},
    {"avoided", CELL_NUMBER, OFFER_AT(avoided), NULL, NULL},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static bool choose(const struct row *r, const struct column *c, const char *text)
{
    for (const struct choice *k = c->choices; k->word; k++)
        if (strcmp(k->word, text) == 0) {
            uint8_t byte = (uint8_t)k->value;
            memcpy((char *)r->o + c->at, c->kind == CELL_CHOICE ? (const void *)&k->value : &byte,
                   c->kind == CELL_CHOICE ? sizeof k->value : sizeof byte);
            return true;
        }
    struct buf known = {0};
    for (const struct choice *k = c->choices; k->word; k++)
        buf_printf(&known, "%s%s", k == c->choices ? "" : ", ", k->word);
    refuse(r, "%s is one of %s; not \"%.40s\"", c->name, buf_text(&known), text);
    buf_free(&known);
    return false;
}

static bool read_cell(struct row *r, const struct column *c, const char *text)
{
    char *to = (char *)r->o + c->at;
    switch (c->kind) {
    case CELL_TEXT:
        if (strlen(text) >= c->size)
            return refuse(r, "%s has at most %zu characters: \"%.60s\"", c->name, c->size - 1, text);
        memcpy(to, text, strlen(text) + 1);
        return true;
    case CELL_NUMBER:
        return text_number(text, (double *)(void *)to) ||
               refuse(r, "%s: \"%.40s\" is not a number", c->name, text);
    case CELL_SPAN:
        return span(text, (struct span *)(void *)to) ||
               refuse(r, "%s: \"%.40s\" is neither a number nor a band such as 200-500, >200, <500", c->name,
                      text);
    case CELL_CHOICE:
    case CELL_BYTE_CHOICE:
        return choose(r, c, text);
    default:
        return c->read(r, text);
    }
}

// A heading such as "conductivity [uS/cm]": a parameter. "lift [t] can": what equipment can do.
struct extra {
    char name[OFFER_WORD], unit[12];
    bool capability;
};

static bool read_heading(const struct row *r, const char *heading, struct extra *x)
{
    const char *open = strchr(heading, '['), *close = open ? strchr(open, ']') : NULL;
    size_t n = open ? (size_t)(open - heading) : 0;
    while (n && heading[n - 1] == ' ')
        n--;
    if (!close || !n || n >= sizeof x->name || (size_t)(close - open) > sizeof x->unit) {
        const char *near = text_nearest(heading, columns, COLUMNS, sizeof *columns);
        return refuse(r, "there is no column \"%.40s\"%s%s%s; a parameter has its unit: \"cod [mg/L]\"",
                      heading, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    memcpy(x->name, heading, n);
    memcpy(x->unit, open + 1, (size_t)(close - open - 1));
    x->capability = strcmp(close + 1, " can") == 0;
    return text_is_name(x->name) ||
           refuse(r, "a parameter's name has small letters, digits and _: \"%.40s\"", x->name);
}

static bool read_extra(struct row *r, const struct extra *x, const char *text)
{
    struct offer *o = r->o;
    uint8_t *n = x->capability ? &o->equipment.capability_count : &o->parameter_count;
    struct offer_parameter *list = x->capability ? o->equipment.capability : o->parameters;
    if (*n == (x->capability ? 8 : OFFER_LIMITS))
        return refuse(r, "too many parameters in one row");
    struct offer_parameter *p = &list[(*n)++];
    *p = (struct offer_parameter){0};
    memcpy(p->name, x->name, sizeof p->name);
    memcpy(p->unit, x->unit, sizeof p->unit);
    if (!span(text, &p->value))
        return refuse(r, "%s: \"%.40s\" is neither a number nor a band such as 6.5..8.5, >200, <500", x->name,
                      text);
    if (o->role == ROLE_NEED && span_exact(p->value) && !x->capability && strcmp(x->name, "cycles") != 0 &&
        strcmp(x->name, "pressure") != 0 && strcmp(x->name, "contract_end") != 0)
        p->value.low = -INFINITY; // one number in a need is what it bears at most
    return true;
}

struct layout {
    int column[COLUMNS];
    struct extra extras[CSV_CELLS];
    bool is_extra[CSV_CELLS];
    size_t n;
};

static bool read_layout(const struct row *r, struct layout *l)
{
    *l = (struct layout){.n = r->csv->n};
    for (size_t k = 0; k < COLUMNS; k++)
        l->column[k] = csv_column(r->csv, columns[k].name);
    for (size_t i = 0; i < r->csv->n; i++) {
        bool known = false;
        for (size_t k = 0; k < COLUMNS; k++)
            known = known || l->column[k] == (int)i;
        if (known)
            continue;
        l->is_extra[i] = true;
        if (!read_heading(r, r->csv->cells[i], &l->extras[i]))
            return false;
    }
    for (size_t k = 0; k < 3; k++)
        if (l->column[k] < 0)
            return refuse(r, "there is no column \"%s\"", columns[k].name);
    return true;
}

static bool read_row(struct row *r, const struct layout *l, const char *stem)
{
    char why[300];
    offer_clear(r->o);
    r->o->level = DISCLOSE_EXACT;
    r->o->provenance = PROVENANCE_DECLARED;
    if (r->csv->n > l->n)
        return refuse(r, "%zu cells, but %zu columns", r->csv->n, l->n);
    for (size_t k = 0; k < COLUMNS; k++) {
        const char *text = csv_cell(r->csv, l->column[k]);
        if (!*text && k < 3)
            return refuse(r, "%s is missing", columns[k].name);
        if (*text && !read_cell(r, &columns[k], text))
            return false;
    }
    for (size_t i = 0; i < r->csv->n; i++)
        if (l->is_extra[i] && *r->csv->cells[i] && !read_extra(r, &l->extras[i], r->csv->cells[i]))
            return false;
    if (!r->o->id[0])
        snprintf(r->o->id, sizeof r->o->id, "%.20s-%d", stem, r->csv->line);
    return offer_check(r->o, why, sizeof why) || refuse(r, "%s", why);
}

static bool read_csv(const char *text, size_t n, const char *stem, each_fn *each, void *arg, char *why,
                     size_t why_size)
{
    struct csv *csv = malloc(sizeof *csv);
    struct offer *o = malloc(sizeof *o);
    struct layout *l = malloc(sizeof *l);
    struct row r = {csv, o, why, why_size};
    bool good = csv && o && l;
    if (!good)
        snprintf(why, why_size, "line 1: out of memory");
    if (good) {
        csv_begin(csv, text, n);
        good = csv_next(csv) || refuse(&r, "the first row names the columns");
        good = good && read_layout(&r, l);
        while (good && csv_next(csv)) {
            good = read_row(&r, l, stem);
            if (good && !each(arg, o, csv->line))
                break;
        }
        if (good && csv->wrong)
            good = refuse(&r, "%s", csv->wrong);
    }
    free(csv);
    free(o);
    free(l);
    return good;
}

bool offers_read(const char *text, size_t n, const char *stem, each_fn *each, void *arg, char *why,
                 size_t why_size)
{
    size_t at = 0;
    while (at < n && isspace((unsigned char)text[at]))
        at++;
    if (at < n && (text[at] == '{' || text[at] == '['))
        return read_json(text, n, each, arg, why, why_size);
    return read_csv(text, n, stem, each, arg, why, why_size);
}

bool distances_read(const char *text, size_t n,
                    bool (*each)(void *arg, const char *a, const char *b, double metres), void *arg,
                    char *why, size_t why_size)
{
    static const char *const names[] = {"site_a", "site_b", "distance_m"};
    struct csv csv;
    struct row r = {&csv, NULL, why, why_size};
    int column[3] = {-1, -1, -1};
    csv_begin(&csv, text, n);
    bool good = csv_next(&csv) || refuse(&r, "the first row names the columns: site_a,site_b,distance_m");
    for (int i = 0; good && i < 3; i++)
        if ((column[i] = csv_column(&csv, names[i])) < 0)
            good = refuse(&r, "there is no column \"%s\"", names[i]);
    while (good && csv_next(&csv)) {
        double metres;
        for (int i = 0; good && i < 3; i++)
            if (!*csv_cell(&csv, column[i]))
                good = refuse(&r, "%s is missing", names[i]);
        if (good && (!text_number(csv.cells[column[2]], &metres) || metres < 0))
            good = refuse(&r, "\"%.40s\" is not a distance in metres", csv.cells[column[2]]);
        if (good && !each(arg, csv.cells[column[0]], csv.cells[column[1]], metres))
            return true;
    }
    return good && csv.wrong ? refuse(&r, "%s", csv.wrong) : good;
}
