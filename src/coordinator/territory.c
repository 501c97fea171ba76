// SPDX-License-Identifier: Apache-2.0
// Reads coordinator.conf whole and checks what no table can: pseudonyms, keys, addresses, the digest's hour.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/options.h"
#include "coordinator/place.h"
#include "symbiont/files.h"
#include "symbiont/text.h"

#define FACTORS_FILE_MAX (1 << 20)

static void check_pseudonym(const char *p, struct place at, struct diagnostics *d)
{
    if (!exchange_is_pseudonym(p))
        diag_error(
            d, at,
            "pseudonym \"%s\": 1 to 32 of small letters, digits, '-', '_' and '.', beginning with a letter "
            "or a digit",
            p);
    else if (strcmp(p, EXCHANGE_COORDINATOR) == 0)
        diag_error(d, at, "pseudonym \"%s\" is the coordinator's own", p);
}

static void check_keys(const struct member_config *m, struct diagnostics *d)
{
    unsigned char key[KEY_PUBLIC];
    if (m->keys.n < 1 || m->keys.n > 2)
        diag_error(d, m->common.place, "member \"%s\": %zu keys, wanted one, or two while they are exchanged",
                   m->pseudonym, m->keys.n);
    for (size_t i = 0; i < m->keys.n; i++)
        if (!public_key_parse(m->keys.items[i], key))
            diag_error(
                d, m->common.place,
                "member \"%s\": \"%s\" is no public key (44 characters of base64, as `symbiont keygen` "
                "prints them)",
                m->pseudonym, m->keys.items[i]);
    if (m->keys.n == 2 && strcmp(m->keys.items[0], m->keys.items[1]) == 0)
        diag_error(d, m->common.place, "member \"%s\": the same key twice", m->pseudonym);
}

static void check_members(const struct territory *t, struct diagnostics *d)
{
    for (size_t i = 0; i < t->root->members.n; i++) {
        const struct member_config *m = territory_member(t, i);
        struct point_on_earth p;
        check_pseudonym(m->pseudonym, m->common.place, d);
        check_keys(m, d);
        if (m->zone && strchr(m->zone, ',') && !place_parse(m->zone, &p))
            diag_error(d, m->common.place, "member \"%s\": zone \"%s\": wanted \"latitude,longitude\"",
                       m->pseudonym, m->zone);
        for (size_t k = 0; k < i; k++) {
            const struct member_config *o = territory_member(t, k);
            if (strcmp(o->pseudonym, m->pseudonym) == 0)
                diag_error(d, m->common.place, "pseudonym \"%s\" stands twice", m->pseudonym);
            for (size_t a = 0; a < m->keys.n; a++)
                for (size_t b = 0; b < o->keys.n; b++)
                    if (strcmp(m->keys.items[a], o->keys.items[b]) == 0)
                        diag_error(d, m->common.place, "members \"%s\" and \"%s\" have the same key",
                                   o->pseudonym, m->pseudonym);
        }
    }
    for (size_t i = 0; i < t->root->declared.n; i++) {
        const struct declared_config *c = territory_declared(t, i);
        check_pseudonym(c->pseudonym, c->common.place, d);
        for (size_t k = 0; k < t->root->members.n; k++)
            if (strcmp(territory_member(t, k)->pseudonym, c->pseudonym) == 0)
                diag_error(d, c->common.place, "pseudonym \"%s\" is a member's", c->pseudonym);
        for (size_t k = 0; k < i; k++)
            if (strcmp(territory_declared(t, k)->pseudonym, c->pseudonym) == 0)
                diag_error(d, c->common.place, "pseudonym \"%s\" stands twice", c->pseudonym);
    }
}

static void check_kinds(const struct texts *kinds, struct place at, struct diagnostics *d)
{
    for (size_t i = 0; i < kinds->n; i++) {
        int k = 0;
        while (k < ALERT_KINDS && strcmp(kinds->items[i], alert_kind_word((enum alert_kind)k)) != 0)
            k++;
        if (k == ALERT_KINDS)
            diag_error(d, at, "kinds: \"%s\" is none of match, change, end, full, member and digest",
                       kinds->items[i]);
    }
}

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static void check_mail(const struct mail_config *m, struct diagnostics *d)
{
    check_kinds(&m->kinds, m->common.place, d);
    if (!begins(m->server, "smtp://") && !begins(m->server, "smtps://"))
        diag_error(d, m->common.place, "mail \"%s\": server \"%s\" must begin with smtp:// or smtps://",
                   m->name, m->server);
    if (strchr(m->server, '@'))
        diag_error(d, m->common.place,
                   "mail \"%s\": user and password do not go into the address: `user` and `password_file`",
                   m->name);
    if (!m->user != !m->password_file)
        diag_error(d, m->common.place, "mail \"%s\": user and password_file belong together", m->name);
    if (!m->to.n)
        diag_error(d, m->common.place, "mail \"%s\": to is empty", m->name);
    for (size_t i = 0; i < m->to.n; i++)
        if (!strchr(m->to.items[i], '@') || strpbrk(m->to.items[i], "<>\r\n "))
            diag_error(d, m->common.place, "mail \"%s\": \"%s\" is no address", m->name, m->to.items[i]);
    if (!strchr(m->from, '@') || strpbrk(m->from, "<>\r\n "))
        diag_error(d, m->common.place, "mail \"%s\": \"%s\" is no address", m->name, m->from);
}

static void check_channels(const struct alerts_config *a, struct diagnostics *d)
{
    for (size_t i = 0; i < a->webhooks.n; i++) {
        const struct webhook_config *w = (const struct webhook_config *)a->webhooks.items + i;
        check_kinds(&w->kinds, w->common.place, d);
        if (!w->url == !w->url_file)
            diag_error(d, w->common.place, "webhook \"%s\": one of url and url_file", w->name);
        if (w->url && !begins(w->url, "http://") && !begins(w->url, "https://"))
            diag_error(d, w->common.place, "webhook \"%s\": url must begin with https:// or http://",
                       w->name);
    }
    for (size_t i = 0; i < a->mails.n; i++)
        check_mail((const struct mail_config *)a->mails.items + i, d);
}

static void take_digest(struct territory *t, struct diagnostics *d)
{
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};
    const char *text = t->root->alerts.digest;
    size_t n = strcspn(text, " ");
    int64_t hour = 0;
    if (strcmp(text, "never") == 0)
        return;
    for (int i = 0; i < 7; i++)
        if (strlen(days[i]) == n && strncmp(days[i], text, n) == 0)
            t->digest_weekday = i + 1;
    if (!t->digest_weekday || (text[n] && !text_integer(text + n + 1, 0, 23, &hour)))
        diag_error(d, t->root->alerts.common.place,
                   "digest \"%s\": wanted a weekday and an hour, \"monday 8\", or \"never\"", text);
    t->digest_hour = (int)hour;
}

static void take_factors(struct territory *t, struct diagnostics *d)
{
    struct match_settings *m = &t->root->matching;
    struct buf csv = {0};
    char why[400];
    if (m->factors_file && file_read(m->factors_file, FACTORS_FILE_MAX, &csv) < 0)
        diag_error(d, m->common.place, "factors_file %s: %m", m->factors_file);
    else if (!match_settings_ready(m, m->factors_file ? buf_text(&csv) : NULL, csv.len, why, sizeof why))
        diag_error(d, m->common.place, "%s%s%s", m->factors_file ? m->factors_file : "matching", ": ", why);
    buf_free(&csv);
}

struct territory *coordinator_settings_load(const char *path, struct diagnostics *d)
{
    struct territory *t = calloc(1, sizeof *t);
    char why[300];
    if (!t || !(t->config = config_read_path(path, false, &coordinator_section, d))) {
        free(t);
        return NULL;
    }
    t->root = config_root(t->config);
    if (diag_errors(d))
        return t;
    mqtt_check_connection(&t->root->broker, d);
    check_members(t, d);
    check_channels(&t->root->alerts, d);
    take_digest(t, d);
    take_factors(t, d);
    t->zone = zone_open(t->root->timezone, why, sizeof why);
    if (!t->zone)
        diag_error(d, t->root->common.place, "timezone: %s", why);
    return t;
}

void coordinator_settings_free(struct territory *t)
{
    if (!t)
        return;
    zone_free(t->zone);
    config_free(t->config);
    free(t);
}
