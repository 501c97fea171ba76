// SPDX-License-Identifier: Apache-2.0
// Paho's options and callbacks.
#include "mqtt_paho.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mqtt_inbox.h"
#include "symbiont/loop.h"

#define TLS_WORDS 160
// Who subscribes to nothing: whatever a broker sends unasked must stay small.
#define INCOMING_PACKET_MAX 4096
#define RECEIVE_MAXIMUM     4

struct mqtt_paho {
    MQTTAsync handle;
    bool v5;
    struct wakeup *wakeup;
    atomic_bool awake; // the owner has been woken and has not looked yet
    atomic_int link;   // enum mqtt_link
    atomic_int disconnect_reason;
    struct mqtt_greeting greeting; // written before `link` leaves CONNECTING, then read only
    char tls_words[TLS_WORDS];     // written by Paho's thread while connecting
    MQTTProperties json, plain;    // of every message; Paho copies them
    bool content_type;
    struct mqtt_inbox *inbox; // NULL: nothing is taken in
    size_t incoming_max;
};

// One wake-up however many messages were acknowledged since the owner last looked.
static void wake(struct mqtt_paho *p)
{
    if (!atomic_exchange(&p->awake, true))
        wakeup_send(p->wakeup);
}

void mqtt_paho_awake(struct mqtt_paho *p)
{
    atomic_store(&p->awake, false);
}

// ---- Callbacks: Paho's threads, Paho's lock held ----

static void set_outcome(struct mqtt_message *m, unsigned outcome)
{
    struct mqtt_paho *p = m->paho;
    atomic_store(&m->outcome, outcome); // the owner may reuse m from here on
    wake(p);
}

static void accepted(void *context, MQTTAsync_successData *data)
{
    (void)data;
    set_outcome(context, MQTT_ACCEPTED);
}

static void accepted5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    set_outcome(context, MQTT_ACCEPTED);
}

static void failed(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    set_outcome(context, MQTT_LOST);
}

static void copy_words(char *out, size_t size, const char *data, int n)
{
    size_t len = n > 0 ? (size_t)n : 0;
    if (len >= size)
        len = size - 1;
    memcpy(out, data, len);
    out[len] = '\0';
}

static void failed5(void *context, MQTTAsync_failureData5 *data)
{
    struct mqtt_message *m = context;
    if (data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR) {
        set_outcome(m, MQTT_LOST);
        return;
    }
    MQTTProperty *words = MQTTProperties_getProperty(&data->properties, MQTTPROPERTY_CODE_REASON_STRING);
    if (words)
        copy_words(m->words, sizeof m->words, words->value.data.data, words->value.data.len);
    set_outcome(m, MQTT_REFUSED | ((unsigned)data->reasonCode & 0xff));
}

static void set_link(struct mqtt_paho *p, enum mqtt_link link)
{
    atomic_store(&p->link, (int)link);
    wake(p);
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

static void subscribed(void *context, MQTTAsync_successData *data)
{
    set_outcome(context, data->alt.qos == 0x80 ? MQTT_REFUSED | 0x80 : MQTT_ACCEPTED);
}

static void subscribed5(void *context, MQTTAsync_successData5 *data)
{
    unsigned code = (unsigned)data->reasonCode & 0xff;
    set_outcome(context, code >= 0x80 ? MQTT_REFUSED | code : MQTT_ACCEPTED);
}

static void not_subscribed(void *context, MQTTAsync_failureData *data)
{
    set_outcome(context, data->code == 0x80 ? MQTT_REFUSED | 0x80 : MQTT_LOST);
}

static int message_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mqtt_paho *p = context;
    size_t topic_n = topic_len ? (size_t)topic_len : strlen(topic), n = (size_t)message->payloadlen;
    // With 3.1.1 a broker cannot be told what is too long: Paho has read it all, we keep none of it.
    if (p->inbox && n <= p->incoming_max) {
        mqtt_inbox_put(p->inbox, topic, topic_n, message->payload, n, message->retained != 0);
        wake(p);
    } else if (p->inbox) {
        mqtt_inbox_refuse(p->inbox);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1; // 0 would have Paho call again at once, for ever
}

static int tls_error(const char *text, size_t n, void *context)
{
    struct mqtt_paho *p = context;
    while (n && (text[n - 1] == '\n' || text[n - 1] == ':'))
        n--;
    // The first is the cause, later ones follow from it. "...:SSL routines::certificate verify failed:..."
    if (n && !p->tls_words[0])
        copy_words(p->tls_words, sizeof p->tls_words, text, (int)n);
    return 0;
}

// ---- Owner ----

static int add_property(MQTTProperties *props, enum MQTTPropertyCodes code, uint32_t value)
{
    MQTTProperty p = {.identifier = code};
    switch (MQTTProperty_getType(code)) {
    case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
        p.value.integer2 = (unsigned short)value;
        break;
    case MQTTPROPERTY_TYPE_FOUR_BYTE_INTEGER:
        p.value.integer4 = value;
        break;
    default:
        p.value.byte = (unsigned char)value;
        break;
    }
    return MQTTProperties_add(props, &p);
}

static void add_content_type(MQTTProperties *props)
{
    char json[] = "application/json";
    MQTTProperty type = {.identifier = MQTTPROPERTY_CODE_CONTENT_TYPE,
                         .value.data = {.data = json, .len = (int)sizeof json - 1}};
    MQTTProperties_add(props, &type);
}

static void message_properties(struct mqtt_paho *p, const struct mqtt_connect *c)
{
    p->content_type = c->content_type;
    if (c->content_type)
        add_content_type(&p->json);
    if (c->message_expiry_s)
        add_property(&p->json, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, c->message_expiry_s);
}

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
        rc = MQTTAsync_setCallbacks(p->handle, p, connection_lost, message_arrived, NULL);
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
        add_property(&props, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, 0);
        add_property(&props, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                     c->receive_maximum ? c->receive_maximum : RECEIVE_MAXIMUM);
        add_property(&props, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, (uint32_t)p->incoming_max);
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
        message_properties(p, c);
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

static void begin_message(struct mqtt_paho *p, struct mqtt_message *m)
{
    m->paho = p;
    m->words[0] = '\0';
    atomic_store(&m->outcome, MQTT_UNDER_WAY);
}

int mqtt_paho_send(struct mqtt_paho *p, struct mqtt_message *m, const char *topic, const void *payload,
                   size_t n, bool retained, bool json, uint32_t expiry_s)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_message message = MQTTAsync_message_initializer;
    MQTTProperties own = MQTTProperties_initializer;
    response.context = m;
    if (p->v5) {
        response.onSuccess5 = accepted5;
        response.onFailure5 = failed5;
        message.properties = json ? p->json : p->plain;
    } else {
        response.onSuccess = accepted;
        response.onFailure = failed;
    }
    if (p->v5 && expiry_s) {
        if (json && p->content_type)
            add_content_type(&own);
        add_property(&own, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, expiry_s);
        message.properties = own;
    }
    begin_message(p, m);
    message.payload = (void *)(uintptr_t)payload; // only read
    message.payloadlen = (int)n;
    message.qos = 1;
    message.retained = retained;
    int rc = MQTTAsync_sendMessage(p->handle, topic, &message, &response);
    MQTTProperties_free(&own);
    return rc == MQTTASYNC_SUCCESS ? 0 : -1;
}

int mqtt_paho_subscribe(struct mqtt_paho *p, struct mqtt_message *m, const char *filter)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = m;
    if (p->v5) {
        response.onSuccess5 = subscribed5;
        response.onFailure5 = failed5;
    } else {
        response.onSuccess = subscribed;
        response.onFailure = not_subscribed;
    }
    begin_message(p, m);
    return MQTTAsync_subscribe(p->handle, filter, 1, &response) == MQTTASYNC_SUCCESS ? 0 : -1;
}

size_t mqtt_paho_packet_size(const char *topic, size_t payload)
{
    // Fixed header, topic length, packet id, property length, content type, message expiry.
    return 5 + 2 + strlen(topic) + 2 + 2 + 19 + 5 + payload;
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
