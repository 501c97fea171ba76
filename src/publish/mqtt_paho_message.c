// SPDX-License-Identifier: Apache-2.0
// What passes over a connection: messages and their outcomes, subscriptions, what comes in.
#include "mqtt_paho_inside.h"

#include <string.h>

// ---- Callbacks: Paho's threads, Paho's lock held ----

static void set_outcome(struct mqtt_message *m, unsigned outcome)
{
    struct mqtt_paho *p = m->paho;
    atomic_store(&m->outcome, outcome); // the owner may reuse m from here on
    mqtt_paho_wake(p);
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

void mqtt_paho_copy_words(char *out, size_t size, const char *data, int n)
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
        mqtt_paho_copy_words(m->words, sizeof m->words, words->value.data.data, words->value.data.len);
    set_outcome(m, MQTT_REFUSED | ((unsigned)data->reasonCode & 0xff));
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

int mqtt_paho_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mqtt_paho *p = context;
    size_t topic_n = topic_len ? (size_t)topic_len : strlen(topic), n = (size_t)message->payloadlen;
    // With 3.1.1 a broker cannot be told what is too long: Paho has read it all, we keep none of it.
    if (p->inbox && n <= p->incoming_max) {
        mqtt_inbox_put(p->inbox, topic, topic_n, message->payload, n, message->retained != 0);
        mqtt_paho_wake(p);
    } else if (p->inbox) {
        mqtt_inbox_refuse(p->inbox);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1; // 0 would have Paho call again at once, for ever
}

// ---- Owner ----

int mqtt_paho_add_property(MQTTProperties *props, enum MQTTPropertyCodes code, uint32_t value)
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

void mqtt_paho_message_properties(struct mqtt_paho *p, const struct mqtt_connect *c)
{
    p->content_type = c->content_type;
    if (c->content_type)
        add_content_type(&p->json);
    if (c->message_expiry_s)
        mqtt_paho_add_property(&p->json, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, c->message_expiry_s);
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
        mqtt_paho_add_property(&own, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, expiry_s);
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
