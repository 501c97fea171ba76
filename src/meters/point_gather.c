// SPDX-License-Identifier: Apache-2.0
// Which points a meter has: the profile's, overridden and added to by its own, bits made points, only those
// wanted.
#include "meters/compile.h"

#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

struct list {
    struct point_config *items;
    size_t n;
};

static struct point_config *find(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return &l->items[i];
    return NULL;
}

static size_t count_of(const struct groups *g)
{
    return g ? g->n : 0;
}

// ---- The profile's and the meter's own ----

static void add_all(struct list *l, const struct groups *points)
{
    const struct point_config *k = points->items;
    for (size_t i = 0; i < points->n; i++) {
        if (!k[i].name)
            continue; // reported when it was read
        struct point_config *known = find(l, k[i].name);
        if (known)
            point_config_override(known, &k[i]);
        else
            l->items[l->n++] = k[i];
    }
}

// ---- Bits ----

static size_t register_words(const struct point_config *k)
{
    if (k->type == TYPE_CHOICE(POINT_BITS16) || k->type == TYPE_CHOICE(POINT_UINT16))
        return 1;
    if (k->type == TYPE_CHOICE(POINT_BITS32) || k->type == TYPE_CHOICE(POINT_UINT32))
        return 2;
    return 0;
}

static struct point_config bit_point(const struct compile *c, const struct point_config *parent,
                                     const struct bit_config *b)
{
    uint8_t order = compile_order(c, parent);
    bool in_low_word = b->bit < 16, low_first = order & ORDER_WORD_SWAP;
    int64_t second = register_words(parent) == 2 && in_low_word != low_first;
    struct point_config k = {.common = {.place = b->common.place},
                             .name = b->name,
                             .quantity = b->quantity              ? b->quantity
                                         : quantity_find(b->name) ? b->name
                                                                  : "status",
                             .description = b->description,
                             .table = parent->table,
                             .type = TYPE_CHOICE(POINT_BOOL),
                             .order = ORDER_CHOICE(2, order & ORDER_BYTE_SWAP),
                             .address = parent->address + second,
                             .bit = b->bit % 16,
                             .scale = 1,
                             .every_ns = parent->every_ns,
                             .hidden = parent->hidden};
    if (register_words(parent) == 1)
        k.not_available = parent->not_available;
    point_config_give(&k, offsetof(struct point_config, address));
    point_config_give(&k, offsetof(struct point_config, bit));
    return k;
}

static void add_bits(struct compile *c, const struct point_config *parent, struct list *l)
{
    const struct bit_config *b = parent->bits.items;
    if (parent->bits.n && register_words(parent) == 0) {
        compile_error(c, parent, "\"bits\" are of a bits16, bits32, uint16 or uint32");
        return;
    }
    for (size_t i = 0; i < parent->bits.n; i++) {
        if (!b[i].name)
            continue;
        if (b[i].bit >= (int64_t)register_words(parent) * 16) {
            compile_error(c, parent, "bit %lld of \"%s\" is beyond its 16 bits", (long long)b[i].bit,
                          b[i].name);
            continue;
        }
        if (find(l, b[i].name))
            compile_wrong(c, b[i].common.place,
                          "bit \"%s\" of point \"%s\": there is already a point of that name", b[i].name,
                          parent->name);
        else
            l->items[l->n++] = bit_point(c, parent, &b[i]);
    }
}

// ---- Only those wanted ----

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool mentions(const char *expression, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = expression; (at = strstr(at, name)); at++)
        if ((at == expression || !is_word(at[-1])) && !is_word(at[n]))
            return true;
    return false;
}

static bool needs(const struct point_config *k, const char *name)
{
    const char *const from[] = {k->exponent_from, k->decimals_from, k->factor_from,
                                k->sign_from,     k->add_from,      k->order_from};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
        if (from[i] && strcmp(from[i], name) == 0)
            return true;
    return k->expression && mentions(k->expression, name);
}

// Marks what the wanted ones need, and what those need.
static void mark_needed(const struct list *l, bool *keep)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < l->n; i++)
            for (size_t j = 0; keep[i] && j < l->n; j++)
                if (!keep[j] && needs(&l->items[i], l->items[j].name))
                    more = keep[j] = true;
    }
}

static void no_such_point(struct compile *c, const struct list *l, const char *name)
{
    const char *near = NULL;
    const char **names = calloc(l->n + 1, sizeof *names);
    for (size_t i = 0; names && i < l->n; i++)
        names[i] = l->items[i].name;
    if (names)
        near = text_nearest(name, names, l->n, sizeof *names);
    compile_wrong(c, c->request->place, "%s: \"only\" names \"%s\", which is not one of its points%s%s%s",
                  c->request->subject, name, near ? "; did you mean \"" : "", near ? near : "",
                  near ? "\"?" : "");
    free(names);
}

static void keep_only(struct compile *c, struct list *l)
{
    const struct texts *only = &c->request->only;
    bool *wanted = calloc(l->n + 1, sizeof *wanted), *keep = calloc(l->n + 1, sizeof *keep);
    if (!wanted || !keep) {
        c->failed = true;
        goto cleanup;
    }
    for (size_t i = 0; i < only->n; i++) {
        struct point_config *k = only->items[i] ? find(l, only->items[i]) : NULL;
        if (k)
            wanted[k - l->items] = keep[k - l->items] = true;
        else if (only->items[i])
            no_such_point(c, l, only->items[i]);
    }
    mark_needed(l, keep);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (keep[i]) {
            l->items[n] = l->items[i];
            l->items[n++].hidden |= !wanted[i];
        }
    l->n = n;
cleanup:
    free(wanted);
    free(keep);
}

static size_t bit_count(const struct list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->items[i].bits.n;
    return n;
}

void compile_gather(struct compile *c)
{
    const struct groups *theirs = c->profile ? &c->profile->points : NULL, *own = c->request->own_points;
    size_t most = count_of(theirs) + count_of(own);
    struct list l = {calloc(most + 1, sizeof *l.items), 0};
    if (l.items && theirs)
        add_all(&l, theirs);
    if (l.items && own)
        add_all(&l, own);
    size_t base = l.n, all = l.items ? base + bit_count(&l) : 0;
    struct point_config *larger = l.items ? reallocarray(l.items, all + 1, sizeof *larger) : NULL;
    if (!larger) {
        free(l.items);
        c->failed = true;
        return;
    }
    l.items = larger;
    if (all > COMPILE_POINTS_MAX)
        compile_wrong(c, c->request->place, "%s: %zu points; a meter has at most %d", c->request->subject,
                      all, COMPILE_POINTS_MAX);
    for (size_t i = 0; i < base && all <= COMPILE_POINTS_MAX; i++)
        add_bits(c, &l.items[i], &l);
    if (c->request->only.n && all <= COMPILE_POINTS_MAX)
        keep_only(c, &l);
    c->settings = l.items;
    c->n = all <= COMPILE_POINTS_MAX ? l.n : 0;
}
