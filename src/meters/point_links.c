// SPDX-License-Identifier: Apache-2.0
// Points that depend on other points of the same meter: names resolved, cycles refused, ranks given.
#include "meters/compile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/buf.h"
#include "symbiont/text.h"

static size_t index_of(const struct compile *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->settings[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static const char *nearest(const struct compile *c, const char *name)
{
    const char **names = calloc(c->n + 1, sizeof *names);
    for (size_t i = 0; names && i < c->n; i++)
        names[i] = c->settings[i].name;
    const char *near = names ? text_nearest(name, names, c->n, sizeof *names) : NULL;
    free(names);
    return near;
}

static uint16_t link_to(struct compile *c, const struct point_config *k, const char *setting,
                        const char *name)
{
    if (!name)
        return POINT_NONE;
    size_t i = index_of(c, name);
    if (i == SIZE_MAX) {
        const char *near = nearest(c, name);
        compile_error(c, k, "%s names \"%s\", and there is no such point%s%s%s", setting, name,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return POINT_NONE;
    }
    enum point_type type = c->points[i].type;
    if (type == POINT_STRING || type == POINT_DERIVED) {
        compile_error(c, k, "%s names \"%s\", which is %s; it has to be a number in a register", setting,
                      name, type == POINT_STRING ? "a text" : "computed by an expression");
        return POINT_NONE;
    }
    return (uint16_t)i;
}

static void link_exponent(struct compile *c, const struct point_config *k, struct point *p)
{
    if (k->exponent_from && k->decimals_from)
        compile_error(c, k, "exponent_from and decimals_from say the same in two ways: give one");
    p->exponent_sign = k->decimals_from ? -1 : 1;
    p->exponent_point = k->decimals_from ? link_to(c, k, "decimals_from", k->decimals_from)
                                         : link_to(c, k, "exponent_from", k->exponent_from);
}

static void link_factor(struct compile *c, const struct point_config *k, struct point *p)
{
    p->factor_point = link_to(c, k, "factor_from", k->factor_from);
    if (k->factor_from && k->factors.n == 0)
        compile_error(c, k, "factor_from needs \"factors\": ({ code = 0; factor = 1.0; }, ...)");
}

static void link_sign(struct compile *c, const struct point_config *k, struct point *p)
{
    p->sign_point = link_to(c, k, "sign_from", k->sign_from);
    p->sign_mask = (uint64_t)k->sign_mask;
    if (!k->sign_from != !p->sign_mask)
        compile_error(c, k, "sign_from and sign_mask go together: which point, and which of its bits");
}

static void link_add(struct compile *c, const struct point_config *k, struct point *p)
{
    p->add_point = link_to(c, k, "add_from", k->add_from);
    if (p->add_point == POINT_NONE)
        return;
    const struct point *other = &c->points[p->add_point];
    if (other->unit && p->unit && other->unit != p->unit)
        compile_error(
            c, k,
            "add_from \"%s\" is published as %s in \"%s\", this as %s in \"%s\"; only the same can be "
            "added",
            other->name, unit_dimension(other->unit), unit_text(other->unit), unit_dimension(p->unit),
            unit_text(p->unit));
}

static void link_order(struct compile *c, const struct point_config *k, struct point *p)
{
    p->order_point = link_to(c, k, "order_from", k->order_from);
    p->order_code = k->order_code;
    if (!k->order_from != !POINT_GIVEN(k, order_code))
        compile_error(c, k,
                      "order_from and order_code go together: which point, and its value when the low word "
                      "comes first");
    if (k->order_from && p->words < 2)
        compile_error(c, k, "order_from is for values of several registers");
}

static void link_point(struct compile *c, const struct point_config *k, struct point *p)
{
    link_exponent(c, k, p);
    link_factor(c, k, p);
    link_sign(c, k, p);
    link_add(c, k, p);
    link_order(c, k, p);
    bool scaled = p->exponent_point != POINT_NONE || p->factor_point != POINT_NONE ||
                  p->add_point != POINT_NONE || p->factor_count;
    if (p->integer && scaled && !POINT_GIVEN(k, integer))
        p->integer = false;
    else if (p->integer && scaled && p->type != POINT_DERIVED)
        compile_error(c, k, "\"integer\" is for whole numbers, and this value depends on other points");
}

// ---- Cycles and ranks ----

enum { LINKS = 5 };

static void links_of(const struct point *p, uint16_t links[static LINKS])
{
    const uint16_t all[LINKS] = {p->exponent_point, p->factor_point, p->sign_point, p->add_point,
                                 p->order_point};
    memcpy(links, all, sizeof all);
}

enum state { UNSEEN, ON_PATH, DONE };

struct walk {
    struct compile *c;
    uint8_t *state;
    uint16_t path[POINT_RANK_MAX + 2];
    size_t depth;
};

static void report_path(struct walk *w, size_t again, const char *what)
{
    const struct compile *c = w->c;
    struct buf text = {0};
    size_t from = 0;
    while (from < w->depth && again != SIZE_MAX && w->path[from] != again)
        from++;
    for (size_t i = again == SIZE_MAX ? 0 : from; i < w->depth; i++)
        buf_printf(&text, "%s%s", c->settings[w->path[i]].name,
                   i + 1 < w->depth || again != SIZE_MAX ? " -> " : "");
    if (again != SIZE_MAX)
        buf_puts(&text, c->settings[again].name);
    size_t at = again != SIZE_MAX ? again : w->path[0];
    compile_error(w->c, &c->settings[at], "%s: %s", what, buf_text(&text));
    buf_free(&text);
}

// Gives points[i] its rank, those it depends on first. The depth is bounded: a longer chain is refused.
static bool visit(struct walk *w, size_t i)
{
    struct point *p = &w->c->points[i];
    uint16_t links[LINKS];
    w->state[i] = ON_PATH;
    w->path[w->depth++] = (uint16_t)i;
    links_of(p, links);
    for (size_t l = 0; l < LINKS; l++) {
        if (links[l] == POINT_NONE)
            continue;
        if (w->state[links[l]] == ON_PATH) {
            report_path(w, links[l], "it depends on itself");
            return false;
        }
        if (w->state[links[l]] == UNSEEN && w->depth > POINT_RANK_MAX) {
            report_path(w, SIZE_MAX, "a chain of points that is too long");
            return false;
        }
        if (w->state[links[l]] == UNSEEN && !visit(w, links[l]))
            return false;
        uint8_t above = (uint8_t)(w->c->points[links[l]].rank + 1);
        p->rank = above > p->rank ? above : p->rank;
    }
    if (p->rank > POINT_RANK_MAX) {
        report_path(w, SIZE_MAX, "a chain of points that is too long");
        return false;
    }
    w->state[i] = DONE;
    w->depth--;
    return true;
}

static void check_order_points(struct compile *c)
{
    for (size_t i = 0; i < c->n; i++) {
        uint16_t from = c->points[i].order_point;
        if (from != POINT_NONE && c->points[from].rank)
            compile_error(c, &c->settings[i],
                          "order_from \"%s\" depends on other points itself: it has to be a plain "
                          "number",
                          c->settings[from].name);
    }
}

void compile_links(struct compile *c)
{
    for (size_t i = 0; i < c->n; i++)
        link_point(c, &c->settings[i], &c->points[i]);
    if (c->bad)
        return;
    struct walk w = {.c = c, .state = calloc(c->n + 1, 1)};
    if (!w.state) {
        c->failed = true;
        return;
    }
    bool good = true;
    for (size_t i = 0; i < c->n && good; i++) {
        w.depth = 0;
        if (w.state[i] == UNSEEN)
            good = visit(&w, i);
    }
    free(w.state);
    if (good)
        check_order_points(c);
}
