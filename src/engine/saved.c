// SPDX-License-Identifier: Apache-2.0
// What the engine remembers over restarts and reloads, piece by piece under its name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/parts.h"

enum { NAME_MAX_BYTES = 200 };

static void derived_name(const struct engine *e, size_t i, char *out)
{
    const struct site_derived *d = &e->site->derived[i];
    snprintf(out, NAME_MAX_BYTES, "derived/%s/%s", site_meter(e->site, d->meter)->name,
             e->site->devices[d->meter]->points[d->point].name);
}

static void rule_name(const char *rule, char *out)
{
    snprintf(out, NAME_MAX_BYTES, "rule/%s", rule);
}

static void window_name(const char *rule, size_t i, char *out)
{
    snprintf(out, NAME_MAX_BYTES, "rule/%s/%zu", rule, i);
}

// ---- Saving ----

struct saver {
    void (*save)(void *arg, const char *name, const void *data, size_t n);
    void *arg;
    struct buf bytes;
    char name[NAME_MAX_BYTES];
};

static void put(struct saver *s)
{
    if (!s->bytes.failed && s->bytes.len)
        s->save(s->arg, s->name, s->bytes.data, s->bytes.len);
    buf_reset(&s->bytes);
}

// Those whose alert stands, a name a line: should one of them be gone one day, its alert has to end.
static void list_standing(const struct engine *e, struct buf *out)
{
    struct rule_health h;
    for (size_t i = 0; i < e->rule_count; i++) {
        rule_health(e->rules[i], &h);
        if (h.began.ms)
            buf_printf(out, "%s\n", rule_config(e->rules[i])->name);
    }
    if (out->len == 0)
        buf_putc(out, '\n');
}

static void save_rule(struct engine *e, size_t i, bool clean, struct saver *s)
{
    const char *name = rule_config(e->rules[i])->name;
    struct rule_health h;
    rule_health(e->rules[i], &h);
    // What began and ended was kept when it did.
    if (!clean && h.state != RULE_PENDING && h.state != RULE_RELEASING)
        return;
    rule_name(name, s->name);
    rule_save(e->rules[i], clean, &s->bytes);
    put(s);
    if (!clean)
        return;
    for (size_t k = 0; rule_save_windows(e->rules[i], k, &s->bytes); k++) {
        window_name(name, k, s->name);
        put(s);
    }
}

void engine_save(struct engine *e, bool clean,
                 void (*save)(void *arg, const char *name, const void *data, size_t n), void *arg)
{
    struct saver s = {.save = save, .arg = arg};
    for (size_t i = 0; clean && i < e->site->derived_count; i++) {
        derived_name(e, i, s.name);
        expression_state_save(e->derivations[i].state, &s.bytes);
        put(&s);
    }
    for (size_t i = 0; i < e->stream_count; i++) {
        snprintf(s.name, sizeof s.name, "stream/%s", stream_name(e->streams[i]));
        stream_save(e->streams[i], &s.bytes);
        put(&s);
    }
    for (size_t i = 0; i < e->rule_count; i++)
        save_rule(e, i, clean, &s);
    if (clean) {
        snprintf(s.name, sizeof s.name, "rules");
        list_standing(e, &s.bytes);
        put(&s);
    }
    buf_free(&s.bytes);
}

void engine_keep_rule(struct engine *e, const struct rule *r)
{
    if (!e->hooks.keep)
        return;
    struct saver s = {.save = e->hooks.keep, .arg = e->hooks.arg};
    rule_name(rule_config(r)->name, s.name);
    rule_save(r, false, &s.bytes);
    put(&s);
    snprintf(s.name, sizeof s.name, "rules");
    list_standing(e, &s.bytes);
    put(&s);
    buf_free(&s.bytes);
}

// ---- Loading ----

struct loader {
    bool (*load)(void *arg, const char *name, struct buf *out);
    void *arg;
    struct buf bytes;
    char name[NAME_MAX_BYTES];
};

static bool get(struct loader *l)
{
    buf_reset(&l->bytes);
    return l->load(l->arg, l->name, &l->bytes) && !l->bytes.failed;
}

static void load_rule(struct engine *e, size_t i, struct loader *l)
{
    const char *name = rule_config(e->rules[i])->name;
    for (size_t k = 0; k < rule_windows(e->rules[i]); k++) {
        window_name(name, k, l->name);
        if (get(l))
            rule_restore_windows(e->rules[i], k, l->bytes.data, l->bytes.len);
    }
    rule_name(name, l->name);
    if (get(l))
        rule_restore(e->rules[i], l->bytes.data, l->bytes.len);
}

static bool has_rule(const struct engine *e, const char *name)
{
    for (size_t i = 0; i < e->rule_count; i++)
        if (strcmp(rule_config(e->rules[i])->name, name) == 0)
            return true;
    return false;
}

static void end_orphan(struct engine *e, const char *name, struct loader *l)
{
    struct alert a = {
        .name = name, .kind = ALERT_ENDED, .cause = CAUSE_CHANGED, .text = "over: the rule is gone"};
    rule_name(name, l->name);
    if (!get(l) || !rule_saved_alert(l->bytes.data, l->bytes.len, &a.began, &a.time, &a.severity))
        return;
    a.since = a.began;
    a.lasted_ms = a.time.ms - a.began.ms;
    if (e->hooks.alert)
        e->hooks.alert(e->hooks.arg, &a);
    if (e->hooks.keep)
        e->hooks.keep(e->hooks.arg, l->name, NULL, 0);
}

static void end_orphans(struct engine *e, struct loader *l)
{
    snprintf(l->name, sizeof l->name, "rules");
    if (!get(l))
        return;
    char *list = strdup(buf_text(&l->bytes)), *rest = list;
    for (char *name; list && (name = strsep(&rest, "\n"));)
        if (*name && strlen(name) < 64 && !has_rule(e, name))
            end_orphan(e, name, l);
    free(list);
}

void engine_load(struct engine *e, bool (*load)(void *arg, const char *name, struct buf *out), void *arg)
{
    struct loader l = {.load = load, .arg = arg};
    for (size_t i = 0; i < e->site->derived_count; i++) {
        derived_name(e, i, l.name);
        if (get(&l))
            expression_state_restore(e->derivations[i].state, l.bytes.data, l.bytes.len);
    }
    for (size_t i = 0; i < e->stream_count; i++) {
        snprintf(l.name, sizeof l.name, "stream/%s", stream_name(e->streams[i]));
        if (get(&l))
            stream_restore(e->streams[i], l.bytes.data, l.bytes.len);
    }
    for (size_t i = 0; i < e->rule_count; i++)
        load_rule(e, i, &l);
    end_orphans(e, &l);
    buf_free(&l.bytes);
}
