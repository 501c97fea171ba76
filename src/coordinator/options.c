// SPDX-License-Identifier: Apache-2.0
// The tables that read coordinator.conf.
#include "coordinator/options.h"

#include <string.h>

static const struct choice languages[] = {{"en", LANGUAGE_EN}, {"fr", LANGUAGE_FR}, {0}};

// ---- Members ----

#define AT(member) offsetof(struct member_config, member)
// clang-format off
static const struct option member_options[] = {
    {"pseudonym", OPTION_TEXT, AT(pseudonym), .required = true,
     .help = "What others call the site until it says who it is: small letters, digits, '-', '_' and '.', at most 32. It "
             "stands in its topics. `symbiont keygen` proposes a random one."},
    {"keys", OPTION_TEXTS, AT(keys), .required = true,
     .help = "The site's public keys, as `symbiont keygen` prints them. Two while a key is exchanged: add the new "
             "one, reload, let the site change, remove the old one, reload. A member without its key is revoked: take "
             "the group out, and everything it published is forgotten."},
    {"name", OPTION_TEXT, AT(name), .help = "Its name, released to a counterpart once both said yes, unless its reply gives another."},
    {"contact", OPTION_TEXT, AT(contact), .help = "Whom to call or write to, released together with the name."},
    {"zone", OPTION_TEXT, AT(zone),
     .help = "Where it is: the INSEE number of its commune (\"57221\"), or \"latitude,longitude\". Offers that claim to come from "
             "farther away than limits.distance_most are refused. Left out: not checked."},
    {"language", OPTION_CHOICE, AT(language), .def = "fr", .choices = languages, .help = "Of the texts in its matches."},
    {"may_accept", OPTION_BOOL, AT(may_accept), .def = "true",
     .help = "Whether its gateway may answer matches. false: only the coordinator's people, with `symbiont accept`."},
    {"entries_most", OPTION_INT, AT(entries_most), .def = "0", .min = 0, .max = 100000,
     .help = "Offers and needs it may have at once; 0: limits.entries_most."},
    {0},
};
#undef AT

static const struct section member_section = {
    "members", sizeof(struct member_config), member_options,
    "Who takes part, and the keys that are believed. Enrol: the site runs `symbiont keygen`, sends its public key by a way "
    "that you trust, you add a group and reload. The broker gives each member an account that may only write below its own "
    "pseudonym (see docs/coordinator.md for the access rules)."};

#define AT(member) offsetof(struct declared_config, member)
static const struct option declared_options[] = {
    {"pseudonym", OPTION_TEXT, AT(pseudonym), .required = true, .help = "As of a member; no two may have the same."},
    {"name", OPTION_TEXT, AT(name), .help = "Its name."},
    {"contact", OPTION_TEXT, AT(contact), .help = "Whom to call or write to."},
    {"language", OPTION_CHOICE, AT(language), .def = "fr", .choices = languages, .help = "Of the texts in its matches."},
    {"files", OPTION_TEXTS, AT(files), .required = true,
     .help = "What it offers and needs, in the files that `symbiont match` reads (messages in JSON, or CSV). Read at the "
             "start and at every reload."},
    {0},
};
#undef AT

static const struct section declared_section = {
    "declared", sizeof(struct declared_config), declared_options,
    "Firms without a gateway. Their numbers count as declared. The coordinator's people answer for them: "
    "`symbiont accept --coordinator MATCH --for PSEUDONYM`."};

// ---- Limits ----

#define AT(member) offsetof(struct limits_config, member)
static const struct option limits_options[] = {
    {"messages_minute", OPTION_INT, AT(messages_minute), .def = "10", .min = 1, .max = 100000,
     .help = "Signed messages a minute that are taken from one member; what is retained when we connect does not count."},
    {"burst", OPTION_INT, AT(burst), .def = "20", .min = 1, .max = 100000,
     .help = "So many may come at once after a quiet time."},
    {"message_size", OPTION_SIZE, AT(message_bytes), .def = "8 KiB", .min = 1024, .max = 65536,
     .help = "Larger messages are not looked at."},
    {"entries_most", OPTION_INT, AT(entries_most), .def = "64", .min = 1, .max = 100000,
     .help = "Offers and needs of one member at once."},
    {"new_ids_day", OPTION_INT, AT(ids_day), .def = "256", .min = 1, .max = 10000000,
     .help = "New offers and needs of one member in a day; half of them after a quiet half day, and so on. Never less than "
             "twice what it may have at once. More are not looked at until there is room again, and the member is named: in "
             "the log, in `status` and in an alert."},
    {"entries_all", OPTION_INT, AT(entries_all), .def = "100000", .min = 1, .max = 1000000,
     .help = "Offers and needs of all members together."},
    {"power_most", OPTION_AMOUNT, AT(power_most_kw), .def = "1000 MW", .unit = "kW", .min = 1, .max = 1e8,
     .help = "More heat, cold or power than this is not believed, however well it is signed."},
    {"flow_most", OPTION_AMOUNT, AT(flow_most_m3_h), .def = "20000 m3/h", .unit = "m3/h", .min = 1, .max = 1e7,
     .help = "The same for water and compressed air."},
    {"mass_most", OPTION_NUMBER, AT(mass_most_t_wk), .def = "20000", .min = 1, .max = 1e7,
     .help = "The same for waste and materials, in tonnes a week."},
    {"distance_most", OPTION_NUMBER, AT(distance_most_km), .def = "50", .min = 1, .max = 20000,
     .help = "How far, in km, an offer may lie from its member's `zone`."},
    {"mute", OPTION_DURATION, AT(mute_ns), .def = "1 min", .min = 1, .max = 86400,
     .help = "How long a member is not listened to that signs what cannot be true; doubled each time."},
    {"mute_most", OPTION_DURATION, AT(mute_most_ns), .def = "1 h", .min = 1, .max = 864000,
     .help = "The longest of these pauses."},
    {0},
};
#undef AT

static const struct section limits_section = {"limits", sizeof(struct limits_config), limits_options,
                                              "What is taken from members, at most."};

// ---- Alerts ----

static const struct choice presets[] = {{"json", PRESET_JSON}, {"slack", PRESET_SLACK}, {"mattermost", PRESET_MATTERMOST},
                                        {"teams", PRESET_TEAMS}, {"matrix", PRESET_MATRIX}, {0}};
static const struct choice securities[] = {{"tls", MAIL_TLS}, {"plain", MAIL_PLAIN}, {0}};

#define KINDS_HELP "Of match, change, end, full, member and digest those that are sent here; left out: all."
#define NAMES_HELP "Call firms by their names, once all of a match said yes and those at level 4 alone: an alert tells no name that its owner has not released. false: by pseudonyms always."

#define AT(member) offsetof(struct webhook_config, member)
static const struct option webhook_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "For the log and for `status`."},
    {"url", OPTION_TEXT, AT(url), .help = "Where to POST, https:// or http://."},
    {"url_file", OPTION_TEXT, AT(url_file),
     .help = "File that holds the address on one line, mode 0600: that of a chat room is a secret."},
    {"preset", OPTION_CHOICE, AT(preset), .def = "json", .choices = presets,
     .help = "The JSON that is posted. json: everything, as on MQTT. slack, mattermost, teams: an incoming webhook's "
             "message. matrix: an m.room.message for .../_matrix/client/v3/rooms/<room>/send/m.room.message (sent by PUT "
             "with a transaction number behind it)."},
    {"token_file", OPTION_TEXT, AT(token_file), .help = "File that holds a token, sent as Authorization: Bearer."},
    {"ca_file", OPTION_TEXT, AT(ca_file), .help = "PEM file of authorities; default: the system's."},
    {"language", OPTION_CHOICE, AT(language), .def = "fr", .choices = languages, .help = "Of the text."},
    {"kinds", OPTION_TEXTS, AT(kinds), .help = KINDS_HELP},
    {"names", OPTION_BOOL, AT(names), .def = "false", .help = NAMES_HELP},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .def = "20 s", .min = 1, .max = 300, .help = "For one attempt."},
    {0},
};
#undef AT
static const struct section webhook_section = {
    "webhooks", sizeof(struct webhook_config), webhook_options,
    "Where alerts are posted. One that is not taken is tried again, later and later, for three days, over restarts too."};

#define AT(member) offsetof(struct mail_config, member)
static const struct option mail_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "For the log and for `status`."},
    {"server", OPTION_TEXT, AT(server), .required = true,
     .help = "\"smtps://mail.example:465\" (TLS at once) or \"smtp://mail.example:587\" (STARTTLS)."},
    {"security", OPTION_CHOICE, AT(security), .def = "tls", .choices = securities,
     .help = "tls: nothing is sent unencrypted, and the server's certificate is verified. plain: only for a server on this "
             "machine."},
    {"user", OPTION_TEXT, AT(user), .help = "Account on the server."},
    {"password_file", OPTION_TEXT, AT(password_file), .help = "File that holds its password on one line, mode 0600."},
    {"ca_file", OPTION_TEXT, AT(ca_file), .help = "PEM file of authorities; default: the system's."},
    {"from", OPTION_TEXT, AT(from), .required = true, .help = "The sender's address."},
    {"to", OPTION_TEXTS, AT(to), .required = true, .help = "Who gets it."},
    {"language", OPTION_CHOICE, AT(language), .def = "fr", .choices = languages, .help = "Of the text."},
    {"kinds", OPTION_TEXTS, AT(kinds), .help = KINDS_HELP},
    {"names", OPTION_BOOL, AT(names), .def = "false", .help = NAMES_HELP},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .def = "60 s", .min = 1, .max = 600, .help = "For one attempt."},
    {0},
};
#undef AT
static const struct section mail_section = {"mails", sizeof(struct mail_config), mail_options,
                                            "Who gets alerts by e-mail. Tried again like webhooks."};

#define AT(member) offsetof(struct alerts_config, member)
static const struct option alerts_options[] = {
    {"mqtt", OPTION_BOOL, AT(mqtt), .def = "true", .help = "Publish to symbiosis/v1/<territory>/alerts."},
    {"eur_least", OPTION_NUMBER, AT(eur_least), .def = "10000", .min = 0, .max = 1e9,
     .help = "A new match is told when it may bring so many EUR a year..."},
    {"tco2e_least", OPTION_NUMBER, AT(tco2e_least), .def = "20", .min = 0, .max = 1e9,
     .help = "...or avoid so many tonnes of CO2e a year..."},
    {"payback_most", OPTION_NUMBER, AT(payback_most_y), .def = "7", .min = 0, .max = 100,
     .help = "...and may pay back within so many years."},
    {"change", OPTION_NUMBER, AT(change), .def = "0.25", .min = 0.01, .max = 10,
     .help = "A match is told again when its yearly quantity changed by this share."},
    {"full", OPTION_NUMBER, AT(full), .def = "0.8", .min = 0.1, .max = 1,
     .help = "A container filled to this share is told when it could be emptied in a common round."},
    {"interval", OPTION_DURATION, AT(interval_ns), .def = "168 h", .min = 0, .max = 31536000,
     .help = "At most one alert about the same synergy in this time; what was held back stands in the digest."},
    {"digest", OPTION_TEXT, AT(digest), .def = "monday 8",
     .help = "Weekday and hour of the weekly summary; \"never\"."},
    {"webhooks", OPTION_GROUPS, AT(webhooks), .section = &webhook_section, .help = "Where to post."},
    {"mails", OPTION_GROUPS, AT(mails), .section = &mail_section, .help = "Whom to write to."},
    {0},
};
#undef AT
static const struct section alerts_section = {"alerts", sizeof(struct alerts_config), alerts_options,
                                              "What the coordinator's people are told, and how."};

// ---- The rest ----

#define AT(member) offsetof(struct secrecy_config, member)
static const struct option secrecy_options[] = {
    {"sites_least", OPTION_INT, AT(sites_least), .def = "3", .min = 1, .max = 1000,
     .help = "A total of fewer sites is not published."},
    {"share_most", OPTION_NUMBER, AT(share_most), .def = "0.85", .min = 0.1, .max = 1,
     .help = "Nor one of which a single site has more than this share."},
    {"rest_least", OPTION_NUMBER, offsetof(struct secrecy_config, rest_least), .def = "0.1", .min = 0, .max = 1,
     .help = "All but the two largest must have at least this share of the largest: else the second could work the first out "
             "(the p% rule of official statistics)."},
    {0},
};
#undef AT
static const struct section secrecy_section = {"secrecy", sizeof(struct secrecy_config), secrecy_options,
                                               "When a report's totals would tell of one site. Defaults: the rule of INSEE."};

static const struct option storage_options[] = {
    {"directory", OPTION_TEXT, offsetof(struct coordinator_storage, directory), .def = "/var/lib/symbiont-coordinator",
     .help = "Where territory.db is kept: all that must survive a restart."},
    {0},
};
static const struct section storage_section = {"storage", sizeof(struct coordinator_storage), storage_options,
                                               "What survives a restart."};

static const struct option control_options[] = {
    {"socket", OPTION_TEXT, offsetof(struct coordinator_control, socket), .def = COORDINATOR_SOCKET,
     .help = "The Unix socket that `symbiont status --coordinator` and the like ask."},
    {0},
};
static const struct section control_section = {"control", sizeof(struct coordinator_control), control_options,
                                               "How the command-line tool reaches the daemon."};

static const struct option broker_options[] = {MQTT_CONNECTION_OPTIONS, {0}};
static const struct section broker_section = {"broker", sizeof(struct mqtt_config), broker_options,
                                              "The territory's MQTT broker."};

static const struct choice log_levels[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
                                           {"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}, {0}};

#define AT(member) offsetof(struct coordinator_root, member)
static const struct option root_options[] = {
    {"territory", OPTION_ID, AT(territory), .required = true, .help = "Its name in topics: [a-z0-9-]+."},
    {"name", OPTION_TEXT, AT(name), .help = "Its name for people."},
    {"language", OPTION_CHOICE, AT(language), .def = "fr", .choices = languages,
     .help = "Of reports and of alerts on MQTT."},
    {"timezone", OPTION_TEXT, AT(timezone), .def = "Europe/Paris", .help = "As in /usr/share/zoneinfo."},
    {"key_file", OPTION_TEXT, AT(key_file), .required = true,
     .help = "The coordinator's own secret key, made with `symbiont keygen`, mode 0400. Its public key goes to every member."},
    {"broker", OPTION_GROUP, AT(broker), .section = &broker_section, .required = true, .help = "The territory's broker."},
    {"members", OPTION_GROUPS, AT(members), .section = &member_section, .help = "Who takes part."},
    {"declared", OPTION_GROUPS, AT(declared), .section = &declared_section, .help = "Firms without a gateway."},
    {"limits", OPTION_GROUP, AT(limits), .section = &limits_section, .help = "What is taken from members."},
    {"matching", OPTION_GROUP, AT(matching), .section = &matching_section, .help = "How matches are found and priced."},
    {"alerts", OPTION_GROUP, AT(alerts), .section = &alerts_section, .help = "What people are told."},
    {"secrecy", OPTION_GROUP, AT(secrecy), .section = &secrecy_section, .help = "Totals that may be published."},
    {"storage", OPTION_GROUP, AT(storage), .section = &storage_section, .help = "What survives a restart."},
    {"control", OPTION_GROUP, AT(control), .section = &control_section, .help = "The control socket."},
    {"log", OPTION_CHOICE, AT(log_level), .def = "info", .choices = log_levels, .help = "Least level logged."},
    {0},
};
#undef AT
// clang-format on

const struct section coordinator_section = {"coordinator.conf", sizeof(struct coordinator_root), root_options,
                                            "The configuration of a territory's coordinator."};

static const char *const kind_words[ALERT_KINDS] = {
    [ALERT_MATCH] = "match", [ALERT_CHANGE] = "change", [ALERT_END] = "end",
    [ALERT_FULL] = "full",   [ALERT_MEMBER] = "member", [ALERT_DIGEST] = "digest",
};

const char *alert_kind_word(enum alert_kind k)
{
    return kind_words[k];
}

bool alert_wanted(const struct texts *kinds, enum alert_kind k)
{
    for (size_t i = 0; i < kinds->n; i++)
        if (strcmp(kinds->items[i], kind_words[k]) == 0)
            return true;
    return kinds->n == 0;
}
