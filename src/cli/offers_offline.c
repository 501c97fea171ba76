// SPDX-License-Identifier: Apache-2.0
// Offers without a daemon: streams brought back from the ledger, and what would be told of them.
#include "cli/offers_offline.h"

#include <stdlib.h>
#include <string.h>
#include "engine/consents.h"
#include "symbiont/json.h"
#include "symbiont/ledger.h"

struct finding {
    const char *name;
    int number;
};

static void compare(void *arg, const struct ledger_stream *s)
{
    struct finding *f = arg;
    if (strcmp(s->name, f->name) == 0)
        f->number = s->number;
}

static int number_of(struct ledger *l, const char *name)
{
    struct finding f = {name, -1};
    ledger_streams(l, compare, &f);
    return f.number;
}

static void recall_hour(void *arg, const struct stream_hour *h)
{
    stream_recall(arg, h);
}

static bool load(void *arg, const char *name, struct buf *out)
{
    struct ledger *l = arg;
    if (strncmp(name, "stream/", 7) != 0)
        return false;
    int number = number_of(l, name + 7);
    return number >= 0 && ledger_state(l, number, out);
}

// The last that the ledger knows of the streams: hours and, at the daemon's end, their states.
static void remember(const struct command *c, const struct site *site, struct engine *e)
{
    char path[4096], why[300];
    struct stream *s;
    snprintf(path, sizeof path, "%s/ledger.db", site->root->storage.directory);
    struct ledger *l = ledger_open(path, true, why, sizeof why);
    if (!l) {
        fprintf(c->err, "symbiont offers: without a ledger nothing is known of the streams: %s\n", why);
        return;
    }
    int64_t now = utc_now().ms / 3600000;
    for (size_t i = 0; (s = engine_stream(e, i)); i++) {
        int number = number_of(l, stream_name(s));
        if (number >= 0)
            ledger_read(l, number, now - STREAM_RECALL_HOURS, now + 1, recall_hour, s);
    }
    engine_load(e, load, l);
    ledger_close(l);
}

static bool write_all(const struct site *site, struct engine *e, struct consents *consents, struct buf *out)
{
    struct offer_wish *w = calloc(1, sizeof *w);
    struct json j = json_begin(out);
    const char *territory = site->root->site.territory ? site->root->site.territory : "";
    const char *pseudonym = site_exchange(site)->pseudonym ? site_exchange(site)->pseudonym : "";
    json_open(&j, NULL, '{');
    json_text(&j, "territory", territory);
    json_text(&j, "pseudonym", pseudonym);
    json_bool(&j, "daemon", false);
    json_open(&j, "offers", '[');
    for (size_t i = 0; w && i < consents_count(consents); i++) {
        consents_wish(consents, e, i, utc_now(), w);
        consents_dry(&j, w, NULL, territory, pseudonym, utc_now());
    }
    json_close(&j, ']');
    json_close(&j, '}');
    bool done = w && !out->failed;
    free(w);
    return done;
}

int offers_offline(const struct command *c, struct buf *out)
{
    struct profile_path profiles = profile_path_default();
    struct diagnostics *d = diagnostics_new();
    struct site *site = d ? site_load(command_config(c), &profiles, d) : NULL;
    const struct engine_hooks hooks = {0};
    int status = EX_CONFIG;
    if (d && diag_errors(d) > 0)
        diag_print(d, c->err);
    if (site && diag_errors(d) == 0) {
        struct engine *e = engine_new(site, &hooks);
        struct consents *consents = e ? consents_new(site) : NULL;
        if (consents)
            remember(c, site, e);
        status = consents && write_all(site, e, consents, out)
                     ? EX_OK
                     : command_fail(c, EX_UNAVAILABLE, "out of memory");
        consents_free(consents);
        engine_free(e);
    }
    site_free(site);
    diagnostics_free(d);
    return status;
}
