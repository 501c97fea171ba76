// SPDX-License-Identifier: Apache-2.0
// symbiont match: the coordinator's matching over offers and needs in files.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "matching/offers_file.h"
#include "symbiont/files.h"
#include "symbiont/match.h"
#include "symbiont/text.h"

#define FILE_MAX_BYTES (64 << 20)
#define PAIRS_MAX      1000000 // that --all looks at

struct asked {
    struct command *c;
    const struct match_settings *settings;
    struct matcher *matcher;
    const char *path; // being read
    struct offer *all;
    size_t count, cap;
    enum match_language language;
    struct utc now;
    bool failed;
};

// ---- Reading ----

static bool out_of_memory(struct asked *a)
{
    command_fail(a->c, EX_OSERR, "out of memory");
    a->failed = true;
    return false;
}

static bool add(void *arg, const struct offer *o, int line)
{
    struct asked *a = arg;
    struct offer known;
    if (matcher_offer(a->matcher, o->id, &known)) {
        command_fail(a->c, EX_WRONG, "%s:%d: the id \"%s\" stands there twice", a->path, line, o->id);
        a->failed = true;
        return false;
    }
    if (a->count == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 64;
        struct offer *all = reallocarray(a->all, cap, sizeof *all);
        if (!all)
            return out_of_memory(a);
        a->all = all;
        a->cap = cap;
    }
    a->all[a->count] = *o;
    // A file is no message: it does not expire while it is looked at.
    if (!a->all[a->count].valid_until.ms)
        a->all[a->count].valid_until.ms = INT64_MAX;
    return matcher_put(a->matcher, &a->all[a->count++]) || out_of_memory(a);
}

static bool read_text(struct asked *a, const char *path, struct buf *out)
{
    if (file_read(path, FILE_MAX_BYTES, out) == 0)
        return true;
    command_fail(a->c, EX_NOINPUT, "%s: %s", path, strerror(errno));
    return false;
}

// The file's name without folder and ending: how its entries are called that have no id.
static void stem_of(const char *path, char out[static OFFER_WORD])
{
    const char *base = strrchr(path, '/');
    size_t n = 0;
    for (const char *p = base ? base + 1 : path; *p && *p != '.' && n + 1 < OFFER_WORD; p++)
        out[n++] =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ? *p : '-';
    out[n] = '\0';
}

static bool read_offers(struct asked *a)
{
    bool good = true;
    for (size_t i = 0; good && i < a->c->n; i++) {
        struct buf text = {0};
        char why[400], stem[OFFER_WORD];
        a->path = a->c->words[i];
        stem_of(a->path, stem);
        good = read_text(a, a->path, &text);
        if (good && !offers_read(text.len ? text.data : "", text.len, stem, add, a, why, sizeof why)) {
            const char *colon = strchr(why, ':'); // "line 7: ..."
            command_fail(a->c, EX_WRONG, "%s:%.*s%s", a->path, (int)(colon ? colon - why - 5 : 0), why + 5,
                         colon ? colon : "");
            good = false;
        }
        good = good && !a->failed;
        buf_free(&text);
    }
    return good;
}

static bool take_distance(void *arg, const char *x, const char *y, double metres)
{
    struct asked *a = arg;
    return matcher_distance(a->matcher, x, y, metres) || out_of_memory(a);
}

static bool read_distances(struct asked *a)
{
    const char *path = command_value(a->c, "distances");
    struct buf text = {0};
    char why[400];
    if (!path)
        return true;
    bool good = read_text(a, path, &text);
    if (good && !distances_read(text.len ? text.data : "", text.len, take_distance, a, why, sizeof why)) {
        command_fail(a->c, EX_WRONG, "%s: %s", path, why);
        good = false;
    }
    buf_free(&text);
    return good && !a->failed;
}

// ---- Settings ----

struct root {
    struct settings common;
    struct match_settings matching;
};

static const struct option root_options[] = {{"matching", OPTION_GROUP, offsetof(struct root, matching),
                                              .section = &matching_section,
                                              .help = "As in coordinator.conf."},
                                             {0}};
static const struct section root_section = {"settings", sizeof(struct root), root_options, ""};

// gas_price=60
static bool set_factors(struct command *c, struct match_settings *s)
{
    const char *text;
    for (size_t i = 0; (text = command_value_at(c, "set", i)); i++) {
        char name[64];
        double v;
        const char *equals = strchr(text, '=');
        size_t n = equals ? (size_t)(equals - text) : 0;
        if (!n || n >= sizeof name || !text_number(equals + 1, &v)) {
            command_usage(c, "--set wants name=number, not \"%s\"", text);
            return false;
        }
        memcpy(name, text, n);
        name[n] = '\0';
        int id = factor_find(name);
        if (id < 0) {
            const char *near = text_nearest(name, factor_rows, FACTORS, sizeof *factor_rows);
            command_usage(c, "there is no factor \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                          near ? near : "", near ? "\"?" : "");
            return false;
        }
        s->factor[id] = (struct factor){v, v, v};
    }
    return true;
}

static struct config *read_settings(struct command *c, int *status)
{
    struct diagnostics *d = diagnostics_new();
    const char *path = command_value(c, "settings"), *factors = command_value(c, "factors");
    struct buf csv = {0};
    char why[300];
    *status = EX_CONFIG;
    struct config *config = !d     ? NULL
                            : path ? config_read_path(path, false, &root_section, d)
                                   : config_read_text("", "defaults", &root_section, d);
    bool good = config && diag_errors(d) == 0;
    if (d)
        diag_print(d, c->err);
    diagnostics_free(d);
    if (!good) {
        config_free(config);
        return NULL;
    }
    struct match_settings *s = &((struct root *)config_root(config))->matching;
    if (!factors)
        factors = s->factors_file;
    if (factors && file_read(factors, 1 << 20, &csv) < 0) {
        *status = command_fail(c, EX_NOINPUT, "%s: %s", factors, strerror(errno));
        good = false;
    } else if (!match_settings_ready(s, factors ? csv.data : NULL, csv.len, why, sizeof why)) {
        *status = command_fail(c, EX_CONFIG, "%s: %s", factors ? factors : path ? path : "settings", why);
        good = false;
    } else if (!set_factors(c, s)) {
        *status = EX_USAGE;
        good = false;
    }
    buf_free(&csv);
    if (good)
        return config;
    config_free(config);
    return NULL;
}

// ---- Showing ----

static const struct offer *find(const struct asked *a, const char *id)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->all[i].id, id) == 0)
            return &a->all[i];
    return NULL;
}

static void names_of(const struct asked *a, const struct match *m, const char *names[static MATCH_MEMBERS])
{
    for (int i = 0; i < m->member_count; i++) {
        const struct offer *o = find(a, m->members[i]);
        names[i] = o && o->pseudonym[0] ? o->pseudonym : m->members[i];
    }
}

static void joined(const char *const *names, int n, struct buf *out)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? n == 2 ? " -> " : " + " : "", names[i]);
}

static void range(struct output *o, const char *key, struct span s, double scale)
{
    struct span shown = {s.low * scale, s.high * scale};
    char text[2][32];
    if (!span_said(s))
        return;
    for (int i = 0; i < 2; i++)
        snprintf(text[i], sizeof text[i], "%.4g", i ? shown.high : shown.low);
    struct buf b = {0};
    buf_printf(&b, strcmp(text[0], text[1]) == 0 ? "%s" : "%s..%s", text[0], text[1]);
    output_text(o, key, buf_text(&b));
    buf_free(&b);
}

static const struct column columns[] = {{"resource", NULL},
                                        {"who", NULL},
                                        {"way", NULL},
                                        {"quantity", NULL},
                                        {"unit", ""},
                                        {"annual", "a year"},
                                        {"annual_unit", ""},
                                        {"coverage", "covers %"},
                                        {"eur", "EUR/a"},
                                        {"payback", "payback a"},
                                        {"tco2e", "tCO2e/a"},
                                        {"verdict", NULL},
                                        {0}};

static void show_row(const struct asked *a, struct output *o, const struct match *m)
{
    const char *names[MATCH_MEMBERS];
    struct buf who = {0};
    names_of(a, m, names);
    joined(names, m->member_count, &who);
    output_row(o);
    output_text(o, "resource", resource_word(m->resource));
    output_text(o, "who", buf_text(&who));
    output_text(o, "way", match_way_word(m->way));
    range(o, "quantity", m->quantity, 1);
    output_text(o, "unit", offer_unit(m->resource));
    range(o, "annual", m->annual, 1);
    output_text(o, "annual_unit", offer_annual_unit(m->resource));
    range(o, "coverage", m->coverage, 100);
    range(o, "eur", m->eur_yr, 1);
    range(o, "payback", m->payback_y, 1);
    range(o, "tco2e", m->tco2e, 1);
    output_text(o, "verdict", match_verdict_word(m->verdict));
    output_row_end(o);
    buf_free(&who);
}

static void explain(const struct asked *a, const struct match *m, struct buf *out)
{
    const char *names[MATCH_MEMBERS];
    names_of(a, m, names);
    match_text(m, names, a->language, out);
    buf_puts(out, "\n\n");
}

// Each pair of one resource that is not matched, for --all.
static bool unmatched(struct asked *a, void (*each)(void *arg, const struct match *m), void *arg)
{
    size_t looked = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < a->count; k++) {
            struct match m, known;
            if (a->all[i].role != ROLE_OFFER || a->all[k].role != ROLE_NEED ||
                a->all[i].resource != a->all[k].resource || ++looked > PAIRS_MAX)
                continue;
            char id[MATCH_ID + 1];
            match_id((const char *const[]){a->all[i].id, a->all[k].id}, 2, id);
            if (matcher_get(a->matcher, id, a->now, &known))
                continue;
            matcher_pair(a->matcher, a->all[i].id, a->all[k].id, a->now, &m);
            each(arg, &m);
        }
    return looked <= PAIRS_MAX;
}

struct showing {
    const struct asked *a;
    struct output *table;
    struct buf *words;
    struct json *json;
};

static void show_json(const struct asked *a, struct json *j, const struct match *m)
{
    const char *names[MATCH_MEMBERS];
    struct buf one = {0};
    names_of(a, m, names);
    match_write(m, names, true, a->language, &one);
    if (!one.failed)
        json_raw(j, NULL, one.data, one.len);
    buf_free(&one);
}

static void show_one(void *arg, const struct match *m)
{
    struct showing *s = arg;
    if (s->json)
        show_json(s->a, s->json, m);
    else
        show_row(s->a, s->table, m);
    if (s->words)
        explain(s->a, m, s->words);
}

static void each_match(struct asked *a, struct showing *s)
{
    size_t n;
    struct match_rank *list = matcher_list(a->matcher, NULL, &n);
    for (size_t i = 0; i < n; i++) {
        struct match m;
        if (matcher_get(a->matcher, list[i].id, a->now, &m))
            show_one(s, &m);
    }
    free(list);
}

static void json_territory(struct asked *a, struct json *j)
{
    struct ceiling x;
    size_t n;
    if (matcher_ceiling(a->matcher, a->now, &x) == 0 && x.streams) {
        json_open(j, "ceiling", '{');
        json_number(j, "reached_kW", x.reached_kw);
        json_number(j, "possible_kW", x.possible_kw);
        json_number(j, "hot_utility_alone_kW", x.alone_kw);
        json_number(j, "hot_utility_together_kW", x.together_kw);
        json_number(j, "cold_utility_together_kW", x.cold_together_kw);
        json_close(j, '}');
    }
    struct orphan *o = matcher_orphans(a->matcher, a->now, &n);
    json_open(j, "orphans", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "family", o[i].family);
        json_bool(j, "hazardous", o[i].hazardous);
        json_int(j, "sites", o[i].sites);
        json_number(j, "annual_t", span_middle(o[i].annual_t));
        json_close(j, '}');
    }
    json_close(j, ']');
    free(o);
}

static int show_as_json(struct asked *a)
{
    struct buf out = {0};
    struct json j = json_begin(&out);
    struct showing s = {.a = a, .json = &j};
    json_open(&j, NULL, '{');
    json_open(&j, "matches", '[');
    each_match(a, &s);
    json_close(&j, ']');
    if (command_flag(a->c, "all")) {
        json_open(&j, "others", '[');
        unmatched(a, show_one, &s);
        json_close(&j, ']');
    }
    json_territory(a, &j);
    json_close(&j, '}');
    buf_putc(&out, '\n');
    bool good = !out.failed && fwrite(out.data, 1, out.len, a->c->out) == out.len;
    buf_free(&out);
    return good ? EX_OK : EX_OSERR;
}

static void note_territory(struct asked *a, struct output *o)
{
    struct ceiling x;
    size_t n;
    if (matcher_ceiling(a->matcher, a->now, &x) == 0 && x.streams > 1)
        output_note(o, "heat that the sites could pass on: %.4g kW reached of %.4g kW possible", x.reached_kw,
                    x.possible_kw);
    struct orphan *list = matcher_orphans(a->matcher, a->now, &n);
    for (size_t i = 0; i < n; i++)
        output_note(o, "nobody takes: %s%s, %.4g t a year from %u %s", list[i].family,
                    list[i].hazardous ? " (hazardous)" : "", span_middle(list[i].annual_t), list[i].sites,
                    list[i].sites == 1 ? "site" : "sites");
    free(list);
}

static int show_as_text(struct asked *a)
{
    struct output o = output_begin(false);
    struct buf words = {0};
    struct showing s = {.a = a, .table = &o, .words = command_flag(a->c, "explain") ? &words : NULL};
    output_table(&o, NULL, columns);
    each_match(a, &s);
    if (command_flag(a->c, "all") && !unmatched(a, show_one, &s))
        fprintf(a->c->err, "symbiont match: only the first million pairs are shown\n");
    output_table_end(&o);
    note_territory(a, &o);
    bool good = output_end(&o, a->c->out);
    if (good && words.len)
        fprintf(a->c->out, "\n%s", buf_text(&words));
    buf_free(&words);
    return good ? EX_OK : EX_OSERR;
}

static int match_all(struct asked *a)
{
    if (!read_distances(a) || !read_offers(a))
        return EX_WRONG;
    if (!matcher_settle(a->matcher, a->now, NULL, NULL))
        return command_fail(a->c, EX_OSERR, "out of memory");
    return command_flag(a->c, "json") ? show_as_json(a) : show_as_text(a);
}

static int run(struct command *c)
{
    int status;
    double distance = NAN;
    const char *lang = command_value(c, "lang");
    if (!command_number(c, "distance", 0, 1e6, &distance))
        return EX_USAGE;
    if (lang && strcmp(lang, "en") != 0 && strcmp(lang, "fr") != 0)
        return command_usage(c, "--lang is en or fr, not \"%s\"", lang);
    struct config *config = read_settings(c, &status);
    if (!config)
        return status;
    struct match_settings *s = &((struct root *)config_root(config))->matching;
    if (!isnan(distance))
        s->assumed_m = distance;
    struct asked a = {.c = c,
                      .settings = s,
                      .matcher = matcher_new(s),
                      .now = utc_now(),
                      .language = lang && strcmp(lang, "fr") == 0 ? LANGUAGE_FR : LANGUAGE_EN};
    status = a.matcher ? match_all(&a) : command_fail(c, EX_OSERR, "out of memory");
    matcher_free(a.matcher);
    free(a.all);
    config_free(config);
    return status;
}

static const struct verb_option options[] = {
    {"distance", 'd', "M", "metres between sites whose places are not known (default 1000)", false, NULL},
    {"distances", 0, "FILE", "a CSV of site_a,site_b,distance_m: ways that are known", false, NULL},
    {"factors", 'f', "FILE", "prices and emission factors (default: those compiled in)", false, NULL},
    {"set", 's', "NAME=N", "one factor: gas_price=60", true, NULL},
    {"settings", 0, "FILE", "a file with a matching group, as in coordinator.conf", false, NULL},
    {"all", 'a', NULL, "also the pairs that are not matched, and why", false, NULL},
    {"explain", 'e', NULL, "a paragraph for each", false, NULL},
    {"lang", 'l', "LANG", "of the paragraphs", false, "en fr"},
    VERB_JSON,
    {0}};

const struct verb verb_match = {
    .name = "match",
    .help = "which offers could serve which needs, what that is worth, what stands in the way",
    .words = "FILE...",
    .least = 1,
    .most = SIZE_MAX,
    .text =
        "FILEs hold offers and needs: bodies of messages (JSON objects, or lists of them), or a CSV whose "
        "first row\n"
        "names columns: role, resource, site and any of latitude, longitude, quantity, annual, profile,\n"
        "supply_degC, return_degC, in_degC, out_degC, codes, capacity_t, price, avoided... and parameters "
        "with\n"
        "their unit, \"conductivity [uS/cm]\". A cell may be a band: 200-500, >200, <500.\n"
        "\n"
        "The same matching as the coordinator's: gates with reasons, quantity, EUR a year, payback, tCO2e, "
        "and\n"
        "the best allocation in which nothing is promised twice. docs/matching.md has formulas and columns.",
    .options = options,
    .run = run};
