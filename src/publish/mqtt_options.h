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

bool mqtt_configured(const void *settings);
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
