// SPDX-License-Identifier: Apache-2.0
// SIGHUP: members are enrolled, re-keyed and revoked, settings change, without losing the territory; a file
// with an error changes nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "symbiont/supervisor.h"

static void first_error(void *arg, bool is_error, struct place at, const char *text)
{
    char *out = arg;
    if (is_error && !*out)
        snprintf(out, sizeof((struct coordinator *)0)->reload_error, "%s:%d: %s", at.file ? at.file : "",
                 at.line, text);
}

static struct territory *read_again(struct coordinator *c)
{
    struct diagnostics *d = diagnostics_new();
    struct territory *fresh = d ? coordinator_settings_load(c->path, d) : NULL;
    c->reload_error[0] = '\0';
    if (d)
        diag_each(d, first_error, c->reload_error);
    if (!fresh && !*c->reload_error)
        snprintf(c->reload_error, sizeof c->reload_error, "%s cannot be read", c->path);
    if (fresh && *c->reload_error) {
        coordinator_settings_free(fresh);
        fresh = NULL;
    }
    diagnostics_free(d);
    return fresh;
}

static bool prints_equal(const struct section *s, const void *a, const void *b)
{
    char *texts[2] = {NULL, NULL};
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        FILE *f = open_memstream(&texts[i], &sizes[i]);
        if (f) {
            config_print(s, i ? b : a, f);
            fclose(f);
        }
    }
    bool equal = texts[0] && texts[1] && strcmp(texts[0], texts[1]) == 0;
    free(texts[0]);
    free(texts[1]);
    return equal;
}

static bool same_group(const struct coordinator_root *a, const struct coordinator_root *b, const char *name)
{
    for (const struct option *o = coordinator_section.options; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return prints_equal(o->section, (const char *)a + o->offset, (const char *)b + o->offset);
    return false;
}

static void takes_restart(const char *what)
{
    log_warning("reload", "%s: a change takes a restart, the old one stays in force", what);
}

// Another way of matching: everything is put into a matcher of its own. The offers are taken from the old
// one.
static bool rebuild_matcher(struct coordinator *c, const struct match_settings *settings)
{
    struct matcher *fresh = matcher_new(settings), *old = c->matcher;
    struct entry *e;
    struct offer o;
    bool ok = fresh != NULL;
    for (size_t at = 0; ok && (e = table_next(&c->entries, &at));)
        ok = !matcher_offer(old, e->id, &o) || matcher_put(fresh, &o);
    if (!ok) {
        matcher_free(fresh);
        return false;
    }
    c->matcher = fresh;
    deals_bind(c);
    matcher_free(old);
    c->dirty = c->anew = true;
    return true;
}

// The old settings stay until nothing points into them any more.
static bool apply(struct coordinator *c, struct territory *fresh, char *why, size_t size)
{
    struct territory *old = c->territory;
    if (strcmp(old->root->territory, fresh->root->territory) != 0) {
        snprintf(why, size, "territory: it has become another one; that is a new coordinator");
        return false;
    }
    if (strcmp(old->root->key_file, fresh->root->key_file) != 0)
        takes_restart("key_file");
    if (!same_group(old->root, fresh->root, "storage"))
        takes_restart("storage.directory");
    if (!same_group(old->root, fresh->root, "control"))
        takes_restart("control.socket");
    if (!rebuild_matcher(c, &fresh->root->matching)) {
        snprintf(why, size, "out of memory");
        return false;
    }
    c->territory = fresh;
    alerts_close(c);
    if (!alerts_open(c, fresh, why, size))
        log_error("reload", "alerts: %s", why);
    if (!members_take(c, fresh))
        log_error("reload", "out of memory: not all members were taken");
    topics_restore(c);
    entries_declare(c);
    // The connection points into the settings it was opened with, changed or not; anew, it brings what new
    // members had published before they were enrolled.
    link_close(c->link, mono_add(mono_now(), NS_PER_S));
    c->link = NULL;
    if (!coordinator_link(c, why, size))
        return false;
    log_set_level((enum log_level)fresh->root->log_level);
    coordinator_settings_free(old);
    c->loaded = utc_now();
    coordinator_stir(c);
    return true;
}

void coordinator_reload(struct coordinator *c)
{
    supervisor_tell("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(mono_now().ns / 1000));
    c->reloads++;
    coordinator_settle(c);
    struct territory *fresh = read_again(c);
    char why[sizeof c->reload_error] = "";
    if (fresh && !apply(c, fresh, why, sizeof why)) {
        snprintf(c->reload_error, sizeof c->reload_error, "%s", why);
        if (c->territory != fresh)
            coordinator_settings_free(fresh);
        else
            loop_stop(c->loop); // without a broker there is nothing to do: the service manager starts us anew
    }
    if (*c->reload_error) {
        c->reload_failures++;
        log_error("reload", "failed, the configuration in force stays: %s", c->reload_error);
    } else {
        log_info("reload", "%zu members, %zu declared firms", c->territory->root->members.n,
                 c->territory->root->declared.n);
    }
    supervisor_tell("READY=1");
}
