// SPDX-License-Identifier: Apache-2.0
// Finding a meter's profile in the library, reading it once, and saying what to do when there is none.
#include "meters/profile_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/buf.h"
#include "symbiont/text.h"

struct nearest {
    const char *wanted;
    char best[64];
    struct buf names; // all, each with its NUL
    size_t n;
};

static void remember_name(void *arg, const char *name, const char *file, bool unverified)
{
    struct nearest *near = arg;
    (void)file;
    (void)unverified;
    buf_put(&near->names, name, strlen(name) + 1);
    near->n++;
}

static void find_nearest(struct nearest *near, const struct profile_path *path)
{
    profile_each(path, remember_name, near);
    const char **names = calloc(near->n + 1, sizeof *names);
    if (names && !near->names.failed) {
        const char *at = near->names.data;
        for (size_t i = 0; i < near->n; i++, at += strlen(at) + 1)
            names[i] = at;
        const char *best = text_nearest(near->wanted, names, near->n, sizeof *names);
        snprintf(near->best, sizeof near->best, "%s", best ? best : "");
    }
    free(names);
    buf_free(&near->names);
}

static void not_verified(const struct device_request *r, struct diagnostics *d)
{
    diag_error(
        d, r->place,
        "%s: the profile \"%s\" is unverified, its facts are not proven: compare what it reads with the "
        "meter's display, then say unverified = true for this meter",
        r->subject, r->profile);
}

static void not_found(const struct profile_path *path, const struct device_request *r, struct diagnostics *d)
{
    struct nearest near = {.wanted = r->profile};
    struct buf where = {0};
    find_nearest(&near, path);
    for (size_t i = 0; i < sizeof path->directories / sizeof path->directories[0] && path->directories[i];
         i++)
        buf_printf(&where, "%s%s", i ? ":" : "", path->directories[i]);
    if (near.best[0])
        diag_error(d, r->place, "%s: there is no profile \"%s\"; did you mean \"%s\"? (looked in %s)",
                   r->subject, r->profile, near.best, buf_text(&where));
    else
        diag_error(d, r->place, "%s: there is no profile \"%s\" in %s", r->subject, r->profile,
                   buf_text(&where));
    buf_free(&where);
}

static void pass_on(void *arg, bool is_error, struct place at, const char *text)
{
    if (is_error)
        diag_error(arg, at, "%s", text);
    else
        diag_warning(arg, at, "%s", text);
}

static const struct loaded_profile *read_profile(struct loaded_profile **all, const struct profile_path *path,
                                                 const char *file, const char *name, struct diagnostics *d)
{
    struct loaded_profile *l = calloc(1, sizeof *l);
    struct diagnostics *own = diagnostics_new();
    if (l && own) {
        l->name = text_dup(name);
        l->config = config_read_path(file, false, &profile_section, own);
        l->bad = diag_errors(own) > 0;
        diag_each(own, pass_on, d);
    }
    if (!l || !own || !l->name)
        diag_error(d, (struct place){file, 0}, "out of memory");
    diagnostics_free(own);
    if (!l || !l->name || !l->config) {
        if (l) {
            config_free(l->config);
            free(l->name);
        }
        free(l);
        return NULL;
    }
    l->profile = config_root(l->config);
    char verified[4096];
    l->unverified = l->profile->confidence == CONFIDENCE_LOW ||
                    !profile_find(path, name, false, verified, sizeof verified);
    l->next = *all;
    *all = l;
    return l;
}

const struct loaded_profile *profile_load(struct loaded_profile **all, const struct profile_path *path,
                                          const struct device_request *r, struct diagnostics *d)
{
    char file[4096];
    const struct loaded_profile *l = *all;
    while (l && strcmp(l->name, r->profile) != 0)
        l = l->next;
    if (!l && profile_find(path, r->profile, r->unverified, file, sizeof file))
        l = read_profile(all, path, file, r->profile, d);
    else if (!l && profile_find(path, r->profile, true, file, sizeof file))
        not_verified(r, d);
    else if (!l)
        not_found(path, r, d);
    if (!l || r->unverified || l->bad || !l->unverified)
        return l;
    not_verified(r, d);
    return NULL;
}

void profiles_unload(struct loaded_profile *all)
{
    while (all) {
        struct loaded_profile *next = all->next;
        config_free(all->config);
        free(all->name);
        free(all);
        all = next;
    }
}
