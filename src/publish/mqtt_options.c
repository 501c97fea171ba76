// SPDX-License-Identifier: Apache-2.0
// Settings of the MQTT publisher: the table, addresses, contradictions.
#include "mqtt_options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "symbiont/text.h"

const struct choice mqtt_versions[] = {
    {"auto", MQTT_VERSION_AUTO}, {"5", MQTT_VERSION_5}, {"3.1.1", MQTT_VERSION_3_1_1}, {NULL, 0}};

#define AT(member) offsetof(struct mqtt_config, member)

// clang-format off
static const struct option mqtt_options[] = {
    MQTT_CONNECTION_OPTIONS,
    {"root", OPTION_TEXT, AT(root), .def = "symbiont", .help = "First level of every topic: <root>/<site>/..."},
    {"flush", OPTION_DURATION, AT(flush_ns), .def = "100 ms", .min = 0, .max = 60,
     .help = "New messages are gathered this long and sent together, which costs less CPU time; 0 s: at once."},
    {"message_expiry", OPTION_DURATION, AT(message_expiry_ns), .def = "0 s", .min = 0, .max = 31536000,
     .help = "A broker may drop a reading it could not deliver within this time (MQTT 5). 0 s: never."},
    {"content_type", OPTION_BOOL, AT(content_type), .def = "true",
     .help = "Say application/json with every message (MQTT 5). Without it sending takes about a tenth less CPU time."},
    THIN_OPTIONS(struct mqtt_config, thin),
    {0},
};
// clang-format on

const struct section mqtt_section = {"mqtt", sizeof(struct mqtt_config), mqtt_options,
                                     "Publishes readings, states and alerts to an MQTT broker."};

bool mqtt_configured(const void *settings)
{
    const struct mqtt_config *c = settings;
    return c->common.place.file || c->server || c->servers.n;
}

const char *mqtt_server_text(const struct mqtt_config *c, size_t i)
{
    if (c->servers.n)
        return i < c->servers.n && i < MQTT_SERVERS_MAX ? c->servers.items[i] : NULL;
    return i == 0 ? c->server : NULL;
}

// ---- Addresses ----

// The scheme decides whether there is TLS, so there is one word for each and no guessing: a "tcp" in
// front of TLS settings would send the password in the clear.
static const struct scheme {
    const char *word;
    bool known, tls;
    const char *hint;
} schemes[] = {
    {"mqtt", true, false, NULL},
    {"mqtts", true, true, NULL},
    {"tcp", false, false, "write mqtt:// for a connection without TLS"},
    {"ssl", false, false, "write mqtts:// for a connection with TLS"},
    {"tls", false, false, "write mqtts:// for a connection with TLS"},
    {"ws", false, false, "MQTT over WebSocket is not supported: use the broker's mqtt:// listener"},
    {"wss", false, false, "MQTT over WebSocket is not supported: use the broker's mqtts:// listener"},
    {"http", false, false, "a broker's address begins with mqtt:// or mqtts://"},
    {"https", false, false, "a broker's address begins with mqtt:// or mqtts://"},
};

static const struct scheme *scheme_of(const char *text, const char **rest, const char **why)
{
    const char *colon = strstr(text, "://");
    *why = "it must begin with mqtt:// or, with TLS, mqtts://";
    if (!colon)
        return NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strlen(schemes[i].word) != (size_t)(colon - text) ||
            strncmp(text, schemes[i].word, (size_t)(colon - text)) != 0)
            continue;
        *rest = colon + 3;
        *why = schemes[i].hint;
        return schemes[i].known ? &schemes[i] : NULL;
    }
    return NULL;
}

// "host", "host:port", "[v6]:port" into its parts; the reason why not, or NULL.
static const char *host_and_port(const char *s, struct mqtt_server *out)
{
    size_t n;
    const char *after;
    if (*s == '[') {
        const char *end = strchr(s, ']');
        if (!end)
            return "the ']' after the IPv6 address is missing";
        n = (size_t)(end - s - 1);
        s++;
        after = end + 1;
    } else {
        n = strcspn(s, ":");
        after = s + n;
        if (strchr(after + (*after == ':'), ':'))
            return "an IPv6 address stands in brackets: mqtt://[fd00::1]:1883";
    }
    if (n == 0 || n >= sizeof out->host)
        return "the host name is missing or too long";
    memcpy(out->host, s, n);
    out->host[n] = '\0';
    if (strspn(out->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%") != n)
        return "the host name has characters no host name has";
    int64_t port = out->port;
    if (*after == ':' && !text_integer(after + 1, 1, 65535, &port))
        return "the port must be a number from 1 to 65535";
    if (*after && *after != ':')
        return "nothing but a port may follow the host";
    out->port = (uint16_t)port;
    return NULL;
}

bool mqtt_server_parse(const char *text, struct mqtt_server *out, char *why, size_t why_size)
{
    const char *rest = NULL, *reason = NULL;
    const struct scheme *scheme = scheme_of(text, &rest, &reason);
    if (scheme) {
        size_t n = strlen(rest);
        char host[MQTT_HOST_MAX + 16];
        *out = (struct mqtt_server){.tls = scheme->tls, .port = scheme->tls ? 8883 : 1883};
        if (n && rest[n - 1] == '/')
            n--;
        if (strchr(rest, '@'))
            reason = "user and password do not go into the address: use `user` and `password_file`";
        else if (memchr(rest, '/', n))
            reason = "a broker's address has no path";
        else if (n >= sizeof host)
            reason = "the host name is too long";
        else
            reason = (memcpy(host, rest, n), host[n] = '\0', host_and_port(host, out));
    }
    // The text may hold a password when it is of the form the first check refuses.
    if (reason)
        snprintf(why, why_size, "server \"%s\": %s", strchr(text, '@') ? "..." : text, reason);
    return reason == NULL;
}

// ---- Contradictions ----

static void check_files(const struct mqtt_config *c, struct diagnostics *d)
{
    const char *const files[][2] = {
        {"ca_file", c->ca_file}, {"certificate_file", c->certificate_file}, {"key_file", c->key_file}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i][1] && access(files[i][1], R_OK) < 0)
            diag_warning(d, c->common.place, "%s \"%s\" cannot be read from here", files[i][0], files[i][1]);
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static void check_server(const struct mqtt_config *c, const char *text, struct diagnostics *d)
{
    struct mqtt_server server;
    char why[512];
    if (!mqtt_server_parse(text, &server, why, sizeof why)) {
        diag_error(d, c->common.place, "%s", why);
        return;
    }
    if (!server.tls && (c->ca_file || c->certificate_file || c->key_file))
        diag_error(d, c->common.place,
                   "server \"%s\" is without TLS, but a TLS file is set: write mqtts://, or remove %s", text,
                   c->ca_file            ? "ca_file"
                   : c->certificate_file ? "certificate_file"
                                         : "key_file");
    if (!server.tls && c->password_file && !is_loopback(server.host))
        diag_warning(d, c->common.place, "the password goes to \"%s\" unencrypted: use mqtts://", text);
}

static void check_topics(const struct mqtt_config *c, struct diagnostics *d)
{
    const char *root = c->root ? c->root : "";
    if (!*root || strpbrk(root, "+#\\ ") || root[0] == '/' || root[0] == '$' || root[strlen(root) - 1] == '/')
        diag_error(
            d, c->common.place,
            "root \"%s\" cannot begin a topic: no wildcards or spaces, no '$' or '/' at its begin, no '/' at "
            "its end",
            root);
}

void mqtt_check_connection(const struct mqtt_config *c, struct diagnostics *d)
{
    if (c->server && c->servers.n)
        diag_error(d, c->common.place, "give either server or servers, not both");
    if (!mqtt_server_text(c, 0))
        diag_error(d, c->common.place, "server is missing: server = \"mqtts://broker.example:8883\"");
    if (c->servers.n > MQTT_SERVERS_MAX)
        diag_error(d, c->common.place, "at most %d servers", MQTT_SERVERS_MAX);
    const char *text;
    for (size_t i = 0; (text = mqtt_server_text(c, i)); i++)
        check_server(c, text, d);
    if (c->password_file && !c->user)
        diag_error(d, c->common.place, "password_file is set, but no user it belongs to");
    if (!c->certificate_file != !c->key_file)
        diag_error(d, c->common.place, "certificate_file and key_file belong together: %s is missing",
                   c->key_file ? "certificate_file" : "key_file");
    if (c->client_id && (!*c->client_id || strlen(c->client_id) > 128))
        diag_error(d, c->common.place, "client_id must have 1 to 128 characters");
    check_files(c, d);
}

void mqtt_check(const void *settings, int64_t spill_after_ns, struct diagnostics *d)
{
    const struct mqtt_config *c = settings;
    mqtt_check_connection(c, d);
    check_topics(c, d);
    if (c->flush_ns >= spill_after_ns)
        diag_warning(
            d, c->common.place,
            "messages wait %g s for flush, and are written to disk after %g s: every one of them would be. "
            "Set flush below the outbox's time",
            (double)c->flush_ns / NS_PER_S, (double)spill_after_ns / NS_PER_S);
    thin_check(&c->thin, c->common.place, d);
}
