/* SPDX-License-Identifier: Apache-2.0 */
/* What coordinator.conf says. Private to this folder and to the verbs that read the file. */
#ifndef COORDINATOR_OPTIONS_H
#define COORDINATOR_OPTIONS_H

#include "publish/mqtt_options.h"
#include "symbiont/coordinator.h"
#include "symbiont/log.h"
#include "symbiont/match.h"
#include "symbiont/messages.h"
#include "symbiont/zone.h"

struct member_config {
    struct settings common;
    char *pseudonym, *name, *contact, *zone;
    struct texts keys; /* base64, one or two */
    int language;      /* enum match_language */
    bool may_accept;
    int64_t entries_most; /* 0: the limits' */
};

/* A firm without a gateway: what it told the coordinator's people, in files. */
struct declared_config {
    struct settings common;
    char *pseudonym, *name, *contact;
    int language;
    struct texts files;
};

struct limits_config {
    struct settings common;
    int64_t messages_minute, burst, message_bytes;
    int64_t entries_most, entries_all, ids_day;
    double power_most_kw, flow_most_m3_h, mass_most_t_wk, distance_most_km;
    int64_t mute_ns, mute_most_ns;
};

enum webhook_preset { PRESET_JSON, PRESET_SLACK, PRESET_MATTERMOST, PRESET_TEAMS, PRESET_MATRIX };

struct webhook_config {
    struct settings common;
    char *name, *url, *url_file, *token_file, *ca_file;
    int preset, language;
    struct texts kinds;
    bool names;
    int64_t timeout_ns;
};

enum mail_security { MAIL_TLS, MAIL_PLAIN };

struct mail_config {
    struct settings common;
    char *name, *server, *user, *password_file, *ca_file, *from;
    struct texts to, kinds;
    int language, security;
    bool names;
    int64_t timeout_ns;
};

struct alerts_config {
    struct settings common;
    bool mqtt;
    double eur_least, tco2e_least, payback_most_y, change, full;
    int64_t interval_ns;
    char *digest;
    struct groups webhooks, mails;
};

struct secrecy_config {
    struct settings common;
    int64_t sites_least;
    double share_most, rest_least;
};

struct coordinator_storage {
    struct settings common;
    char *directory;
};

struct coordinator_control {
    struct settings common;
    char *socket;
};

/* The root of coordinator.conf. */
struct coordinator_root {
    struct settings common;
    char *territory, *name, *timezone, *key_file;
    int language;
    struct mqtt_config broker;
    struct groups members, declared;
    struct limits_config limits;
    struct match_settings matching;
    struct alerts_config alerts;
    struct secrecy_config secrecy;
    struct coordinator_storage storage;
    struct coordinator_control control;
    int log_level;
};

/* Read, checked and derived. Held by whoever uses it. */
struct territory {
    struct config *config;
    struct coordinator_root *root;
    struct zone *zone;
    int digest_weekday, digest_hour; /* 0: no digest */
};

/* NULL when it cannot be read at all; usable when diag_errors(d) == 0. */
struct territory *coordinator_settings_load(const char *path, struct diagnostics *d);
void coordinator_settings_free(struct territory *t);

static inline const struct member_config *territory_member(const struct territory *t, size_t i)
{
    return (const struct member_config *)t->root->members.items + i;
}

static inline const struct declared_config *territory_declared(const struct territory *t, size_t i)
{
    return (const struct declared_config *)t->root->declared.items + i;
}

/* What alerts are about, and the words in `kinds`. */
enum alert_kind {
    ALERT_MATCH,
    ALERT_CHANGE,
    ALERT_END,
    ALERT_FULL,
    ALERT_MEMBER, /* one signs more than is looked at */
    ALERT_DIGEST,
    ALERT_KINDS
};
const char *alert_kind_word(enum alert_kind k); /* "match", "change", "end", "full", "member", "digest" */
/* An empty list: all. */
bool alert_wanted(const struct texts *kinds, enum alert_kind k);

#endif
