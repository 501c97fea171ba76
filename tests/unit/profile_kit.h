/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of profiles and points: a meter compiled from a profile and points of its own. */
#ifndef TESTS_UNIT_PROFILE_KIT_H
#define TESTS_UNIT_PROFILE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "symbiont/profile.h"

#define SHIPPED "conf/profiles"

struct root {
    struct settings common;
    struct groups points;
};
static const struct option root_options[] = {
    {"points", OPTION_GROUPS, offsetof(struct root, points), .section = &point_section},
    {0},
};
static const struct section root_section = {"meter", sizeof(struct root), root_options, NULL};

struct meter {
    struct config *config;
    struct diagnostics *diag;
    const struct device *device;
};

static inline struct meter compile_in(struct profile_path path, const char *profile, const char *own,
                                      struct device_request request)
{
    struct meter m = {.diag = diagnostics_new()};
    m.config = config_read_text(own ? own : "", "meter.conf", &root_section, m.diag);
    assert_non_null(m.config);
    struct root *root = config_root(m.config);
    request.profile = profile;
    request.own_points = &root->points;
    request.place = (struct place){"meter.conf", 1};
    request.subject = "meter \"m\"";
    m.device = device_compile(m.config, &path, &request, m.diag);
    return m;
}

static inline struct meter compile(const char *profile, const char *own)
{
    return compile_in((struct profile_path){{SHIPPED}}, profile, own, (struct device_request){0});
}

static inline void meter_free(struct meter *m)
{
    config_free(m->config);
    diagnostics_free(m->diag);
}

static inline char *said(struct diagnostics *d)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    diag_print(d, out);
    fclose(out);
    return text;
}

static inline void must_compile(const struct meter *m)
{
    if (!m->device || diag_errors(m->diag)) {
        char *text = said(m->diag);
        fail_msg("%s", text);
        free(text);
    }
}

static inline size_t index_of(const struct device *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0)
            return i;
    fail_msg("no point %s", name);
    return 0;
}

static inline const struct point *point_of(const struct meter *m, const char *name)
{
    return &m->device->points[index_of(m->device, name)];
}

static inline bool has_point(const struct meter *m, const char *name)
{
    for (size_t i = 0; i < m->device->n; i++)
        if (strcmp(m->device->points[i].name, name) == 0)
            return true;
    return false;
}

#endif
