// SPDX-License-Identifier: Apache-2.0
// A meter's device: its profile read and checked, its points compiled, what other meters can share shared.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "meters/compile.h"
#include "meters/profile_load.h"
#include "symbiont/line.h"

// A device that meters without settings of their own share.
struct shared {
    struct shared *next;
    const struct profile_config *profile;
    double ct_ratio, vt_ratio;
    int order;
    const struct device *device;
};

struct profile_cache {
    struct loaded_profile *loaded;
    struct shared *shared;
};

struct profile_cache *profile_cache_new(void)
{
    return calloc(1, sizeof(struct profile_cache));
}

static void empty(struct profile_cache *c)
{
    profiles_unload(c->loaded);
    for (struct shared *s = c->shared, *next; s; s = next) {
        next = s->next;
        free(s);
    }
}

void profile_cache_free(struct profile_cache *c)
{
    if (!c)
        return;
    empty(c);
    free(c);
}

// ---- What the tables cannot say of a profile ----

static void check_transport(struct compile *c)
{
    const struct profile_config *p = c->profile;
    int baud, stop_bits;
    char parity;
    for (size_t i = 0; i < p->transport.n; i++) {
        const char *word = p->transport.items[i];
        if (word && strcmp(word, "tcp") != 0 && strcmp(word, "rtu") != 0)
            compile_wrong(c, p->common.place, "transport \"%s\" is not known; known are tcp and rtu", word);
    }
    if (p->serial && !serial_mode_parse(p->serial, &baud, &parity, &stop_bits))
        compile_wrong(c, p->common.place, "serial \"%s\" is not a mode such as \"9600 8N1\"", p->serial);
}

static void check_sunspec(struct compile *c)
{
    const struct profile_config *p = c->profile;
    if (p->sunspec != (p->sunspec_models.n > 0))
        compile_wrong(
            c, p->common.place,
            "sunspec = true and sunspec_models go together: which models the points describe, such as "
            "[ 203 ]");
    for (size_t i = 0; i < p->sunspec_models.n; i++) {
        double id = p->sunspec_models.items[i];
        // 65535 ends the chain of models.
        if (id < 1 || id > 65534 || id != nearbyint(id))
            compile_wrong(c, p->common.place, "sunspec_models: %g is not the id of a model, 1 to 65534", id);
    }
}

static struct request_limits limits_of(const struct profile_config *p)
{
    if (!p)
        return (struct request_limits){.max_registers = 125, .max_bits = 2000, .merge = true};
    // 0: it was out of range, which was reported.
    return (struct request_limits){.max_registers = p->max_registers ? (uint16_t)p->max_registers : 125,
                                   .max_bits = p->max_bits ? (uint16_t)p->max_bits : 2000,
                                   .max_gap = (uint16_t)p->max_gap,
                                   .merge = p->merge};
}

// ---- Fingerprints ----

static bool fingerprint_point(struct compile *c, const struct fingerprint_config *k, struct point *p)
{
    int type = k->type - 1;
    if (!k->type)
        return false; // reported when it was read
    *p =
        (struct point){.name = "fingerprint", .place = k->common.place, .bit = -1, .factor = 1, .divisor = 1};
    p->table = (uint8_t)(k->table ? k->table : c->profile->table);
    p->type = (uint8_t)type;
    p->order = k->order ? ORDER_FLAGS(k->order) : compile_device_order(c);
    p->words = (uint8_t)point_type_words((enum point_type)type);
    p->address = (uint16_t)k->address;
    if (!p->table)
        compile_wrong(c, k->common.place,
                      "fingerprint: \"table\" is missing: input, holding, coil or discrete");
    else if (type == POINT_STRING || (type == POINT_BOOL) != (p->table <= TABLE_DISCRETE))
        compile_wrong(c, k->common.place,
                      "fingerprint: a number in registers, or a bool in a coil or discrete "
                      "input, not a %s",
                      point_type_text(k->type));
    else if (k->order && ORDER_BYTES(k->order) != 2 * p->words)
        compile_wrong(c, k->common.place, "fingerprint: the order \"%s\" does not fit a %s",
                      point_order_text(k->order), point_type_text(k->type));
    else
        return true;
    return false;
}

static void compile_fingerprint(struct compile *c, const struct fingerprint_config *k, struct fingerprint *f)
{
    if (!fingerprint_point(c, k, &f->point))
        return;
    double *equals = compile_alloc(c, k->equals.n * sizeof *equals);
    if (!equals)
        return;
    if (k->equals.n)
        memcpy(equals, k->equals.items, k->equals.n * sizeof *equals);
    f->equals = equals;
    f->n = k->equals.n;
    f->min = FINGERPRINT_GIVEN(k, min) ? k->min : -INFINITY;
    f->max = FINGERPRINT_GIVEN(k, max) ? k->max : INFINITY;
    if (f->n == 0 && !FINGERPRINT_GIVEN(k, min) && !FINGERPRINT_GIVEN(k, max))
        compile_wrong(c, k->common.place,
                      "fingerprint: say what it holds, with \"equals\", \"min\" or \"max\"");
}

static void compile_fingerprints(struct compile *c, struct device *device)
{
    const struct fingerprint_config *k = c->profile->fingerprint.items;
    size_t n = c->profile->fingerprint.n;
    struct fingerprint *f = compile_alloc(c, n * sizeof *f);
    for (size_t i = 0; f && i < n; i++)
        compile_fingerprint(c, &k[i], &f[i]);
    device->fingerprints = f;
    device->fingerprint_count = n;
}

bool fingerprint_matches(const struct fingerprint *f, const uint8_t *data)
{
    struct value v = point_raw(&f->point, f->point.order, data);
    if (v.reason != REASON_GOOD || v.number < f->min || v.number > f->max)
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (f->equals[i] == v.number)
            return true;
    return f->n == 0;
}

// ---- The device ----

static void copy_models(struct compile *c, struct device *device)
{
    const struct numbers *models = &c->profile->sunspec_models;
    uint16_t *ids = compile_alloc(c, models->n * sizeof *ids);
    for (size_t i = 0; ids && i < models->n; i++)
        ids[i] = models->items[i] >= 1 && models->items[i] < 65535 ? (uint16_t)models->items[i] : 0;
    device->sunspec = c->profile->sunspec;
    device->sunspec_models = ids;
    device->sunspec_model_count = models->n;
}

static void copy_profile(struct compile *c, struct device *device)
{
    const struct profile_config *p = c->profile;
    device->profile = compile_keep(c, c->request->profile);
    device->vendor = compile_keep(c, p->vendor);
    device->model = compile_keep(c, p->model);
    device->medium = medium_text(p->medium);
    device->serial_mode = compile_keep(c, p->serial);
    device->confidence = (enum confidence)p->confidence;
    device->unit_id = PROFILE_GIVEN(p, unit_id) ? (int)p->unit_id : -1;
    device->timing.timeout_ns = p->timeout_ns;
    device->timing.pause_ns = p->pause_ns;
    device->timing.connect_pause_ns = p->connect_pause_ns;
    device->timing.in_flight = (int)p->in_flight;
    if (PROFILE_GIVEN(p, close_after_cycle))
        device->timing.close_after_cycle = p->close_after_cycle;
    check_transport(c);
    check_sunspec(c);
    copy_models(c, device);
    compile_fingerprints(c, device);
}

// Guessing would give numbers that look like readings.
static void check_order(struct compile *c)
{
    if (c->profile->order != ORDER_NOT_KNOWN || c->request->order)
        return;
    for (size_t i = 0; i < c->n; i++)
        if (c->points[i].words > 1 && !c->settings[i].order && c->points[i].type != POINT_DERIVED) {
            compile_wrong(
                c, c->request->place,
                "%s: the word order of %s is not known: say order = \"abcd\" or \"cdab\" for this meter, "
                "whichever makes its readings right",
                c->request->subject, c->request->profile);
            return;
        }
}

static bool is_whole_number(const struct point *p)
{
    return p->type == POINT_INT16 || p->type == POINT_UINT16 || p->type == POINT_INT32 ||
           p->type == POINT_UINT32 || p->type == POINT_BCD16 || p->type == POINT_BCD32;
}

// Indicators send what they display without its decimal point. Some tell its place in another register; where
// none does and no scale was said, a whole number of kg is a guess.
static const char *unscaled_weight(const struct compile *c)
{
    if (strcmp(medium_text(c->profile->medium), "weighing") != 0)
        return NULL;
    for (size_t i = 0; i < c->n; i++) {
        const struct point_config *k = &c->settings[i];
        const struct point *p = &c->points[i];
        if (!p->hidden && is_whole_number(p) && strcmp(p->quantity->name, "mass_flow") != 0 &&
            strncmp(p->quantity->name, "mass", 4) == 0 && !POINT_GIVEN(k, scale) && !k->decimals_from &&
            !k->exponent_from && !k->factor_from)
            return p->name;
    }
    return NULL;
}

// The places of points name files in memory that may be freed before the device.
static void keep_places(struct compile *c)
{
    const char *from = NULL, *to = NULL;
    for (size_t i = 0; i < c->n; i++) {
        struct place *at = &c->points[i].place;
        if (at->file != from || !to) {
            from = at->file;
            to = compile_keep(c, from);
        }
        at->file = to;
    }
}

struct device *compile_device(struct compile *c)
{
    struct device *device = compile_alloc(c, sizeof *device);
    if (!device)
        return NULL;
    c->limits = limits_of(c->profile);
    *device = (struct device){.limits = c->limits, .unit_id = -1, .confidence = CONFIDENCE_HIGH};
    device->timing.close_after_cycle = -1;
    if (c->profile)
        copy_profile(c, device);
    compile_gather(c);
    if (!c->failed)
        compile_points(c);
    if (!c->failed)
        compile_links(c);
    if (!c->failed)
        keep_places(c);
    if (!c->failed && c->profile)
        check_order(c);
    if (!c->failed && !c->bad && c->profile)
        device->unscaled_weight = unscaled_weight(c);
    if (!c->failed && !c->bad && c->n == 0)
        compile_wrong(c, c->request->place, "%s has no points: nothing to read", c->request->subject);
    free(c->settings);
    device->points = c->points;
    device->n = c->n;
    return device;
}

// ---- Sharing ----

static bool is_plain(const struct device_request *r)
{
    return (!r->own_points || r->own_points->n == 0) && r->only.n == 0;
}

static const struct device *find_shared(const struct profile_cache *cache,
                                        const struct profile_config *profile, const struct device_request *r)
{
    for (const struct shared *s = cache->shared; s; s = s->next)
        if (s->profile == profile && s->ct_ratio == r->ct_ratio && s->vt_ratio == r->vt_ratio &&
            s->order == r->order)
            return s->device;
    return NULL;
}

// Sharing saves memory; without memory for it, it is left.
static void share(struct profile_cache *cache, const struct profile_config *profile,
                  const struct device_request *r, const struct device *device)
{
    struct shared *s = malloc(sizeof *s);
    if (!s)
        return;
    *s = (struct shared){cache->shared, profile, r->ct_ratio, r->vt_ratio, r->order, device};
    cache->shared = s;
}

static const struct device *compile_request(struct config *owner, struct profile_cache *cache,
                                            const struct loaded_profile *loaded,
                                            const struct device_request *r, struct diagnostics *d)
{
    const struct profile_config *profile = loaded ? loaded->profile : NULL;
    bool plain = is_plain(r) && profile;
    const struct device *known = plain ? find_shared(cache, profile, r) : NULL;
    if (known)
        return known;
    struct compile c = {
        .owner = owner, .diag = d, .request = r, .profile = profile, .bad = loaded && loaded->bad};
    const struct device *device = compile_device(&c);
    if (c.failed)
        diag_error(d, r->place, "%s: out of memory", r->subject);
    if (c.failed || c.bad)
        return NULL;
    if (plain)
        share(cache, profile, r, device);
    return device;
}

const struct device *device_compile(struct config *owner, const struct profile_path *path,
                                    const struct device_request *request, struct diagnostics *d)
{
    struct profile_cache once = {0}, *cache = request->cache ? request->cache : &once;
    const struct loaded_profile *loaded =
        request->profile ? profile_load(&cache->loaded, path, request, d) : NULL;
    const struct device *device = NULL;
    if (loaded || !request->profile)
        device = compile_request(owner, cache, loaded, request, d);
    empty(&once);
    return device;
}

const struct point *device_widest(const struct device *device)
{
    const struct point *widest = NULL;
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        if (p->type != POINT_DERIVED && p->table >= TABLE_HOLDING && (!widest || p->words > widest->words))
            widest = p;
    }
    return widest;
}
