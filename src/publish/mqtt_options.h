/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the MQTT publisher, and what the words in them mean. */
#ifndef PUBLISH_MQTT_OPTIONS_H
#define PUBLISH_MQTT_OPTIONS_H

#include <stdint.h>
#include "symbiont/config.h"
#include "thin.h"

enum mqtt_version { MQTT_VERSION_AUTO, MQTT_VERSION_5, MQTT_VERSION_3_1_1 };

struct mqtt_config {
    struct settings common;
    char *server;         /* this one, */
    struct texts servers; /* or these, in turn */
    char *client_id;      /* NULL: symbiont-<site> */
    char *user, *password_file;
    char *ca_file, *certificate_file, *key_file;
    int version; /* enum mqtt_version */
    char *root;  /* first level of every topic */
    int64_t window;
    bool content_type;
    int64_t keep_alive_ns, connect_timeout_ns, flush_ns, retry_max_ns, message_expiry_ns;
    struct thin_config thin;
};

extern const struct section mqtt_section;

/* The rows that say how a broker is reached, for every table over a struct mqtt_config. */
// clang-format off
extern const struct choice mqtt_versions[];
#define MQTT_CONNECTION_OPTIONS \
    {"server", OPTION_TEXT, MQTT_AT(server),                                                                               \
     .help = "The broker: \"mqtts://broker.example:8883\" with TLS, \"mqtt://192.168.1.5\" without. Ports 8883 and 1883 "\
             "when left out."},                                                                                       \
    {"servers", OPTION_TEXTS, MQTT_AT(servers),                                                                            \
     .help = "In place of `server`: several brokers, tried in turn when one does not answer."},                       \
    {"client_id", OPTION_TEXT, MQTT_AT(client_id),                                                                         \
     .help = "How it names itself to the broker; default: from the site's or territory's name. No two clients of a broker may use "\
             "the same."},                                                                                            \
    {"user", OPTION_TEXT, MQTT_AT(user), .help = "User name for the broker."},                                             \
    {"password_file", OPTION_TEXT, MQTT_AT(password_file),                                                                 \
     .help = "File that holds the user's password on one line, owned by root or the daemon's user, mode 0600. Read "  \
             "again at every connect, so that it can be changed without a restart."},                                 \
    {"ca_file", OPTION_TEXT, MQTT_AT(ca_file),                                                                             \
     .help = "PEM file of the authorities that may have signed the broker's certificate; default: the system's. "     \
             "Certificate and host name are always verified."},                                                       \
    {"certificate_file", OPTION_TEXT, MQTT_AT(certificate_file), .help = "Its own certificate (PEM)."},                    \
    {"key_file", OPTION_TEXT, MQTT_AT(key_file), .help = "The private key of certificate_file (PEM)."},                    \
    {"version", OPTION_CHOICE, MQTT_AT(version), .def = "auto", .choices = mqtt_versions,                                       \
     .help = "MQTT version. auto: 5, and 3.1.1 with a broker that refuses 5. With 3.1.1 a broker cannot tell that it "\
             "threw a message away."},                                                                                \
    {"window", OPTION_INT, MQTT_AT(window), .def = "16", .min = 1, .max = 64,                                              \
     .help = "Messages under way at once; never more than the broker's Receive Maximum."},                            \
    {"keep_alive", OPTION_DURATION, MQTT_AT(keep_alive_ns), .def = "30 s", .min = 5, .max = 3600,                          \
     .help = "How often a silent connection is tested."},                                                             \
    {"connect_timeout", OPTION_DURATION, MQTT_AT(connect_timeout_ns), .def = "10 s", .min = 1, .max = 120,                 \
     .help = "How long a broker may take to accept a connection."},                                                   \
    {"retry_max", OPTION_DURATION, MQTT_AT(retry_max_ns), .def = "60 s", .min = 1, .max = 3600,                            \
     .help = "Longest pause between two attempts to connect; pauses grow from 1 s."}
#define MQTT_AT(member) offsetof(struct mqtt_config, member)
// clang-format on

bool mqtt_configured(const void *settings);
/* What concerns the connection alone: servers, TLS, secrets. */
void mqtt_check_connection(const struct mqtt_config *c, struct diagnostics *d);
void mqtt_check(const void *settings, int64_t spill_after_ns, struct diagnostics *d);

#define MQTT_SERVERS_MAX 8
#define MQTT_HOST_MAX    254

struct mqtt_server {
    bool tls;
    char host[MQTT_HOST_MAX];
    uint16_t port;
};

/* "mqtts://broker.example:8883". False with a sentence in `why`. */
bool mqtt_server_parse(const char *text, struct mqtt_server *out, char *why, size_t why_size);

/* The i-th server's text; NULL past the end. */
const char *mqtt_server_text(const struct mqtt_config *c, size_t i);

#endif
