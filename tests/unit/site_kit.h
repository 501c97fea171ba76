/* SPDX-License-Identifier: Apache-2.0 */
/* A site's configuration written down for a test, read, and its complaints kept. */
#ifndef SITE_KIT_H
#define SITE_KIT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "symbiont/site.h"
#include "unit/test.h"

struct site_kit {
    char path[64];
    struct site *site;
    char said[8000]; /* "line: error: text" lines */
    size_t errors;
};

static void site_kit_say(void *arg, bool is_error, struct place at, const char *text)
{
    struct site_kit *k = arg;
    size_t n = strlen(k->said);
    snprintf(k->said + n, sizeof k->said - n, "%d: %s: %s\n", at.line, is_error ? "error" : "warning", text);
}

/* What the file does not say itself: a site and a line "w". */
static inline void site_kit_load(struct site_kit *k, const char *text)
{
    static const struct profile_path profiles = {{"conf/profiles", NULL}};
    char why[200];
    assert_int_equal(units_open(why, sizeof why), 0);
    *k = (struct site_kit){.path = "/tmp/symbiont-site-XXXXXX"};
    int fd = mkstemp(k->path);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    fputs(text, out);
    if (!strstr(text, "site:"))
        fputs("\nsite: { id = \"mill\"; timezone = \"Europe/Paris\"; };\n", out);
    if (!strstr(text, "lines:"))
        fputs("lines: ( { name = \"w\"; tcp = \"127.0.0.1\"; } );\n", out);
    fclose(out);
    struct diagnostics *d = diagnostics_new();
    k->site = site_load(k->path, &profiles, d);
    k->errors = diag_errors(d);
    diag_each(d, site_kit_say, k);
    diagnostics_free(d);
}

static inline void site_kit_free(struct site_kit *k)
{
    site_free(k->site);
    unlink(k->path);
}

static inline void site_kit_good(struct site_kit *k, const char *text)
{
    site_kit_load(k, text);
    if (k->errors)
        fail_msg("%s", k->said);
}

/* Reads it and expects this complaint among others. */
static inline void site_kit_wrong(const char *text, const char *complaint)
{
    struct site_kit k;
    site_kit_load(&k, text);
    if (!strstr(k.said, complaint))
        fail_msg("\"%s\" is not said, but:\n%s", complaint, k.said);
    assert_true(k.errors > 0);
    site_kit_free(&k);
}

static inline size_t site_kit_point(const struct site *s, size_t meter, const char *name)
{
    for (size_t i = 0; i < s->devices[meter]->n; i++)
        if (strcmp(s->devices[meter]->points[i].name, name) == 0)
            return i;
    fail_msg("no point %s", name);
    return 0;
}

#endif
