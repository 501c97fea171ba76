// SPDX-License-Identifier: Apache-2.0
// A connection attempt: Paho's options, its callbacks about the link.
#include "mqtt_paho_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/loop.h"

// Who subscribes to nothing: whatever a broker sends unasked must stay small.
#define INCOMING_PACKET_MAX 4096
#define RECEIVE_MAXIMUM     4

void mqtt_paho_wake(struct mqtt_paho *p)
{
    if (!atomic_exchange(&p->awake, true))
        wakeup_send(p->wakeup);
}

void mqtt_paho_awake(struct mqtt_paho *p)
{
    atomic_store(&p->awake, false);
}

// ---- Callbacks: Paho's threads, Paho's lock held ----

static void set_link(struct mqtt_paho *p, enum mqtt_link link)
{
    atomic_store(&p->link, (int)link);
    mqtt_paho_wake(p);
}

static void connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    set_link(context, MQTT_LINK_UP);
}

static uint32_t property(MQTTProperties *props, enum MQTTPropertyCodes code)
{
    return MQTTProperties_hasProperty(props, code) ? (uint32_t)MQTTProperties_getNumericValue(props, code)
                                                   : 0;
}

static void connected5(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_paho *p = context;
    MQTTProperties *props = &data->properties;
    p->greeting.receive_maximum = property(props, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    p->greeting.maximum_packet = property(props, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
    p->greeting.keep_alive_s = property(props, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE);
    p->greeting.no_retain = MQTTProperties_hasProperty(props, MQTTPROPERTY_CODE_RETAIN_AVAILABLE) &&
                            property(props, MQTTPROPERTY_CODE_RETAIN_AVAILABLE) == 0;
    p->greeting.qos0_only = MQTTProperties_hasProperty(props, MQTTPROPERTY_CODE_MAXIMUM_QOS) &&
                            property(props, MQTTPROPERTY_CODE_MAXIMUM_QOS) == 0;
    set_link(p, MQTT_LINK_UP);
}

// MQTT 3.1.1, 3.2.2.3.
static const char *connack_words(int code)
{
    static const char *const words[] = {NULL,
                                        "the broker does not speak this MQTT version",
                                        "the broker refuses the client_id",
                                        "the broker is unavailable",
                                        "the broker refuses user or password",
                                        "the broker does not allow this client to connect"};
    return code > 0 && code < (int)(sizeof words / sizeof words[0]) ? words[code] : NULL;
}

static void connect_failed_with(struct mqtt_paho *p, int code, const char *message)
{
    struct mqtt_greeting *g = &p->greeting;
    const char *reason = p->v5 && code > 0 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : NULL;
    g->code = code;
    // Paho's words for "the connection ended while we waited for CONNACK" (1.3.12, MQTTAsync_cycle).
    g->closed = code < 0 && message && strcmp(message, "TCP connect completion failure") == 0;
    if (p->tls_words[0])
        snprintf(g->words, sizeof g->words, "TLS: %s", p->tls_words);
    else if (code > 0 && connack_words(code))
        snprintf(g->words, sizeof g->words, "%s", connack_words(code));
    else if (code > 0)
        snprintf(g->words, sizeof g->words, "the broker refuses: %s (0x%02x)", reason ? reason : "reason",
                 (unsigned)code);
    else if (g->closed)
        snprintf(g->words, sizeof g->words, "the broker closed the connection without an answer");
    else
        snprintf(g->words, sizeof g->words, "%s",
                 message ? message : "no connection (refused or unreachable)");
    set_link(p, MQTT_LINK_FAILED);
}

static void connect_failed(void *context, MQTTAsync_failureData *data)
{
    connect_failed_with(context, data->code, data->message);
}

static void connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
    connect_failed_with(context, data->reasonCode >= 0x80 ? (int)data->reasonCode : data->code,
                        data->message);
}

static void connection_lost(void *context, char *cause)
{
    (void)cause;
    set_link(context, MQTT_LINK_LOST);
}

static void disconnected(void *context, MQTTProperties *props, enum MQTTReasonCodes reason)
{
    struct mqtt_paho *p = context;
    (void)props;
    atomic_store(&p->disconnect_reason, (int)reason);
    set_link(p, MQTT_LINK_LOST); // 1.3.12 does not call connection_lost for it
}

static int tls_error(const char *text, size_t n, void *context)
{
    struct mqtt_paho *p = context;
    while (n && (text[n - 1] == '\n' || text[n - 1] == ':'))
        n--;
    // The first is the cause, later ones follow from it. "...:SSL routines::certificate verify failed:..."
    if (n && !p->tls_words[0])
        mqtt_paho_copy_words(p->tls_words, sizeof p->tls_words, text, (int)n);
    return 0;
}

// ---- Owner ----

static int create(struct mqtt_paho *p, const struct mqtt_connect *c)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    options.MQTTVersion = c->version;
    options.sendWhileDisconnected = 0;
    // The default keeps everything while a broker is frozen: 70 MB in twelve seconds.
    options.maxBufferedMessages = (int)c->window + 1;
    int rc = MQTTAsync_createWithOptions(&p->handle, c->uri, c->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                         &options);
    if (rc == MQTTASYNC_SUCCESS)
        rc = MQTTAsync_setCallbacks(p->handle, p, connection_lost, mqtt_paho_arrived, NULL);
    if (rc == MQTTASYNC_SUCCESS && p->v5)
        rc = MQTTAsync_setDisconnected(p->handle, p, disconnected);
    return rc;
}

static MQTTAsync_SSLOptions tls_options(struct mqtt_paho *p, const struct mqtt_connect *c)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = c->ca_file;
    tls.disableDefaultTrustStore = c->ca_file != NULL;
    tls.keyStore = c->certificate_file;
    tls.privateKey = c->key_file;
    tls.enableServerCertAuth = 1;
    tls.verify = 1; // host name; the default 0 takes any certificate of the authority
    tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    tls.ssl_error_cb = tls_error;
    tls.ssl_error_context = p;
    return tls;
}

static int begin(struct mqtt_paho *p, const struct mqtt_connect *c)
{
    MQTTAsync_connectOptions five = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = tls_options(p, c);
    MQTTProperties props = MQTTProperties_initializer;
    if (p->v5)
        options = five;
    options.MQTTVersion = c->version;
    options.keepAliveInterval = c->keep_alive_s;
    options.connectTimeout = c->timeout_s;
    options.maxInflight = (int)c->window;
    options.username = c->user;
    options.password = c->password;
    options.context = p;
    if (c->will_topic) {
        will.topicName = c->will_topic;
        will.message = c->will_payload;
        will.retained = 1;
        will.qos = 1;
        options.will = &will;
    }
    if (strncmp(c->uri, "ssl://", 6) == 0)
        options.ssl = &tls;
    if (p->v5) {
        options.cleanstart = 1;
        options.onSuccess5 = connected5;
        options.onFailure5 = connect_failed5;
        mqtt_paho_add_property(&props, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, 0);
        mqtt_paho_add_property(&props, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                               c->receive_maximum ? c->receive_maximum : RECEIVE_MAXIMUM);
        mqtt_paho_add_property(&props, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, (uint32_t)p->incoming_max);
        options.connectProperties = &props;
    } else {
        options.cleansession = 1;
        options.onSuccess = connected;
        options.onFailure = connect_failed;
    }
    int rc = MQTTAsync_connect(p->handle, &options);
    MQTTProperties_free(&props);
    return rc;
}

struct mqtt_paho *mqtt_paho_open(const struct mqtt_connect *c, struct wakeup *wakeup, char *why,
                                 size_t why_size)
{
    struct mqtt_paho *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    // Paho keeps a trace of every function call in memory unless told not to: a third of its CPU time.
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    p->v5 = c->version == MQTTVERSION_5;
    p->wakeup = wakeup;
    p->inbox = c->inbox;
    p->incoming_max = c->incoming_max ? c->incoming_max : INCOMING_PACKET_MAX;
    int rc = create(p, c);
    if (rc == MQTTASYNC_SUCCESS) {
        mqtt_paho_message_properties(p, c);
        rc = begin(p, c);
    }
    if (rc == MQTTASYNC_SUCCESS)
        return p;
    const char *words = MQTTAsync_strerror(rc);
    snprintf(why, why_size, "the MQTT library refuses: %s (%d)", words ? words : "unknown reason", rc);
    mqtt_paho_close(p);
    return NULL;
}

enum mqtt_link mqtt_paho_link(struct mqtt_paho *p)
{
    return (enum mqtt_link)atomic_load(&p->link);
}

const struct mqtt_greeting *mqtt_paho_greeting(const struct mqtt_paho *p)
{
    return &p->greeting;
}

int mqtt_paho_disconnect_reason(struct mqtt_paho *p)
{
    return atomic_load(&p->disconnect_reason);
}

void mqtt_paho_close(struct mqtt_paho *p)
{
    if (!p)
        return;
    // Before the client: with its last client Paho forgets what it has allocated.
    MQTTProperties_free(&p->json);
    MQTTProperties_free(&p->plain);
    if (p->handle)
        MQTTAsync_destroy(&p->handle);
    free(p);
}
