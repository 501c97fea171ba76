// SPDX-License-Identifier: Apache-2.0
// Reading a site's configuration whole and checking what the tables alone cannot say.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "site/site_options.h"
#include "symbiont/encode.h"
#include "symbiont/text.h"
#include "symbiont/wire_time.h"

static struct place place_of(const struct settings *s)
{
    return s->place;
}

static size_t find_line(const struct site *s, const char *name)
{
    for (size_t i = 0; i < s->root->lines.n; i++)
        if (site_line(s, i)->name && strcmp(site_line(s, i)->name, name) == 0)
            return i;
    return SIZE_MAX;
}

static const char *nearest_line(const struct site *s, const char *name)
{
    const char **names = calloc(s->root->lines.n + 1, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < s->root->lines.n; i++)
        names[i] = site_line(s, i)->name;
    const char *nearest = text_nearest(name, names, s->root->lines.n, sizeof *names);
    free(names);
    return nearest;
}

static void connect_meter(struct site *s, size_t i, struct diagnostics *d)
{
    const struct meter_config *m = site_meter(s, i);
    s->line_of[i] = m->line ? find_line(s, m->line) : SIZE_MAX;
    if (!m->line || s->line_of[i] != SIZE_MAX)
        return;
    const char *near = nearest_line(s, m->line);
    if (near)
        diag_error(d, place_of(&m->common), "meter \"%s\": there is no line \"%s\"; did you mean \"%s\"?",
                   m->name, m->line, near);
    else
        diag_error(d, place_of(&m->common),
                   "meter \"%s\": there is no line \"%s\" (lines: ...) in this configuration", m->name,
                   m->line);
}

// The state message has words of its own, and InfluxDB refuses a field called "time".
static void check_names(const struct device *device, struct place at, const char *subject,
                        struct diagnostics *d)
{
    for (size_t i = 0; i < device->n; i++)
        if (encode_name_reserved(device->points[i].name))
            diag_error(d, device->points[i].place.file ? device->points[i].place : at,
                       "%s: a point may not be called \"%s\": messages use that word themselves", subject,
                       device->points[i].name);
}

static void compile_meter(struct site *s, size_t i, const struct profile_path *profiles,
                          struct profile_cache *cache, struct diagnostics *d)
{
    const struct meter_config *m = site_meter(s, i);
    char subject[96];
    snprintf(subject, sizeof subject, "meter \"%s\"", m->name ? m->name : "?");
    struct device_request request = {.profile = m->profile,
                                     .own_points = &m->points,
                                     .ct_ratio = m->ct_ratio,
                                     .vt_ratio = m->vt_ratio,
                                     .unverified = m->unverified,
                                     .order = m->order,
                                     .only = m->only,
                                     .cache = cache,
                                     .place = place_of(&m->common),
                                     .subject = subject};
    if (!m->profile && m->points.n == 0) {
        diag_error(d, request.place, "%s has neither a profile nor points of its own: nothing to read",
                   subject);
        return;
    }
    const struct device *compiled = device_compile(s->config, profiles, &request, d);
    if (compiled && compiled->profile && compiled->confidence == CONFIDENCE_LOW)
        diag_warning(d, request.place,
                     "%s: profile \"%s\" is of low confidence: compare every reading with the display",
                     subject, m->profile);
    // The meter's own limits stand over the profile's.
    struct device *own = compiled ? config_alloc(s->config, sizeof *own) : NULL;
    if (!own)
        return;
    *own = *compiled;
    check_names(compiled, request.place, subject, d);
    const struct point *widest = device_widest(compiled);
    if (widest && option_given(&meter_section, m, offsetof(struct meter_config, max_registers))) {
        own->limits.max_registers = (uint16_t)m->max_registers;
        if (widest->words > m->max_registers)
            diag_error(d, request.place, "%s: max_registers is %lld, but point \"%s\" alone takes %u",
                       subject, (long long)m->max_registers, widest->name, widest->words);
    }
    if (option_given(&meter_section, m, offsetof(struct meter_config, max_gap)))
        own->limits.max_gap = (uint16_t)m->max_gap;
    if (option_given(&meter_section, m, offsetof(struct meter_config, merge)))
        own->limits.merge = m->merge;
    s->devices[i] = own;
}

static void warn_shared_unit(const struct site *s, size_t i, struct diagnostics *d)
{
    const struct meter_config *m = site_meter(s, i);
    for (size_t j = 0; j < i; j++) {
        const struct meter_config *other = site_meter(s, j);
        if (s->line_of[j] == s->line_of[i] && other->unit_id == m->unit_id && s->line_of[i] != SIZE_MAX)
            diag_warning(d, place_of(&m->common),
                         "meter \"%s\": unit %lld on line \"%s\" is also meter \"%s\"", m->name,
                         (long long)m->unit_id, m->line, other->name);
    }
}

static void warn_unscaled_weight(const struct site *s, size_t i, struct diagnostics *d)
{
    const struct meter_config *m = site_meter(s, i);
    if (s->devices[i]->unscaled_weight)
        diag_warning(
            d, place_of(&m->common),
            "meter \"%s\": point \"%s\" is taken as whole kg, because the device does not tell where its "
            "decimal point is: compare it with the display and say the scale, "
            "points = ( { name = \"%s\"; scale = 0.1; } ), or scale = 1 when it is right",
            m->name, s->devices[i]->unscaled_weight, s->devices[i]->unscaled_weight);
}

static void warn_crowded_lines(const struct site *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->root->lines.n; i++) {
        struct wire_load load;
        if (site_line(s, i)->name && wire_load_of_line(s, i, &load) == 0 && load.share > 1)
            diag_warning(d, place_of(&site_line(s, i)->common),
                         "line \"%s\": its meters want %.0f %% of its time: the cycle cannot fit, slots will "
                         "be missed "
                         "(`symbiont plan` shows what takes it)",
                         site_line(s, i)->name, 100 * load.share);
    }
}

static void check_publishers(const struct site *s, struct diagnostics *d)
{
    size_t working = 0;
    for (size_t i = 0; publishers[i]; i++) {
        const void *settings = site_publisher(s, i);
        if (!publishers[i]->configured(settings))
            continue;
        working++;
        publishers[i]->check(settings, s->root->storage.spill_after_ns, d);
    }
    if (working == 0)
        diag_warning(d, (struct place){place_of(&s->root->common).file, 0},
                     "neither mqtt nor influxdb is configured: readings are polled and shown by `symbiont "
                     "status` only");
}

static void number_sources(struct site *s)
{
    for (size_t i = 0; i < s->root->meters.n; i++)
        s->first_source[i + 1] = s->first_source[i] + (s->devices[i] ? s->devices[i]->n : 0);
}

static void check_all(struct site *s, const struct profile_path *profiles, struct diagnostics *d)
{
    struct profile_cache *cache = profile_cache_new(); // NULL only makes it slower
    for (size_t i = 0; i < s->root->lines.n; i++)
        line_config_check(site_line(s, i), d);
    for (size_t i = 0; i < s->root->meters.n; i++) {
        connect_meter(s, i, d);
        compile_meter(s, i, profiles, cache, d);
    }
    profile_cache_free(cache);
    number_sources(s);
    site_calendar_read(s, d);
    site_derived_compile(s, d);
    site_watch_check(s, d);
    site_exchange_check(s, d);
    check_publishers(s, d);
    if (diag_errors(d) > 0)
        return; // of a wrong configuration, doubts are noise
    for (size_t i = 0; i < s->root->meters.n; i++)
        warn_shared_unit(s, i, d);
    for (size_t i = 0; i < s->root->meters.n; i++)
        warn_unscaled_weight(s, i, d);
    warn_crowded_lines(s, d);
}

// Zeroed, and freed with the configuration.
static void *table(struct site *s, size_t n, size_t size)
{
    void *memory = config_alloc(s->config, (n + 1) * size);
    return memory ? memset(memory, 0, (n + 1) * size) : NULL;
}

static bool make_tables(struct site *s)
{
    size_t meters = s->root->meters.n;
    s->devices = table(s, meters, sizeof *s->devices);
    s->line_of = table(s, meters, sizeof *s->line_of);
    s->first_source = table(s, meters, sizeof *s->first_source);
    s->pace_ns = table(s, meters, sizeof *s->pace_ns);
    s->stream_every_ms = table(s, s->root->streams.n, sizeof *s->stream_every_ms);
    return s->devices && s->line_of && s->first_source && s->pace_ns && s->stream_every_ms;
}

static void take_paces(struct site *s, const struct site_pace *paces, size_t n)
{
    for (size_t i = 0; i < s->root->meters.n; i++)
        for (size_t k = 0; k < n; k++)
            if (site_meter(s, i)->name && strcmp(site_meter(s, i)->name, paces[k].meter) == 0)
                s->pace_ns[i] = paces[k].every_ns;
}

// Without memory a part can be missing that nobody has complained of.
static bool is_whole(const struct site *s)
{
    for (size_t i = 0; s && i < s->root->meters.n; i++)
        if (!s->devices[i])
            return false;
    return s != NULL;
}

struct site *site_load(const char *path, const struct profile_path *profiles, struct diagnostics *d)
{
    return site_load_paced(path, profiles, NULL, 0, d);
}

struct site *site_load_paced(const char *path, const struct profile_path *profiles,
                             const struct site_pace *paces, size_t pace_count, struct diagnostics *d)
{
    struct site *s = calloc(1, sizeof *s);
    if (s) {
        s->holders = 1;
        s->config = config_read_path(path, true, site_section(), d);
        s->root = s->config ? config_root(s->config) : NULL;
        if (s->root && make_tables(s)) {
            take_paces(s, paces, pace_count);
            check_all(s, profiles, d);
        } else {
            site_free(s);
            s = NULL;
        }
    }
    if (diag_errors(d) == 0 && !is_whole(s))
        diag_error(d, (struct place){path, 0}, "out of memory");
    return s;
}

struct site *site_hold(struct site *s)
{
    s->holders++;
    return s;
}

void site_free(struct site *s)
{
    if (!s || --s->holders > 0)
        return;
    site_derived_free(s);
    site_calendar_free(s);
    config_free(s->config);
    free(s);
}

size_t site_place_on_line(const struct site *s, size_t meter, size_t *count)
{
    size_t place = 0, n = 0;
    for (size_t i = 0; i < s->root->meters.n; i++) {
        if (s->line_of[i] != s->line_of[meter])
            continue;
        if (i < meter)
            place++;
        n++;
    }
    *count = n;
    return place;
}
