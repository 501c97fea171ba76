// SPDX-License-Identifier: Apache-2.0
// The benchmark's receiver: subscribes to a site's meter states, counts messages and values, and how long
// each took from its stamp. Prints one JSON line for the time between two lines on its standard input.
//
// usage: subscriber PORT SITE     (a line on stdin: print and begin anew; end of file: stop)
#include <MQTTAsync.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LATENCY_MAX_MS = 5000 };

struct tally {
    pthread_mutex_t lock;
    long messages, values, bad, late[LATENCY_MAX_MS + 1];
    long long bytes;
    sem_t subscribed;
    MQTTAsync client;
    char topic[256];
};

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

// {"ts":N,"epoch":N,"seq":N,"a":1,...}: the members after the third are values.
static int arrived(void *context, char *topic, int topic_size, MQTTAsync_message *m)
{
    struct tally *t = context;
    const char *text = m->payload;
    (void)topic_size;
    long members = 0;
    for (int i = 0; i < m->payloadlen; i++)
        members += text[i] == ':';
    long long ts = 0;
    if (m->payloadlen > 6 && memcmp(text, "{\"ts\":", 6) == 0)
        ts = strtoll(text + 6, NULL, 10);
    long long age = now_ms() - ts;
    if (age < 0)
        age = 0;
    if (age > LATENCY_MAX_MS)
        age = LATENCY_MAX_MS;
    pthread_mutex_lock(&t->lock);
    t->messages++;
    t->values += members - 3;
    t->bytes += m->payloadlen;
    t->bad += m->payloadlen > 5 && memmem(text, (size_t)m->payloadlen, "\"bad\"", 5) != NULL;
    t->late[age]++;
    pthread_mutex_unlock(&t->lock);
    MQTTAsync_freeMessage(&m);
    MQTTAsync_free(topic);
    return 1;
}

static void subscribed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    sem_post(&((struct tally *)context)->subscribed);
}

static void failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    fprintf(stderr, "subscriber: %s\n", data && data->message ? data->message : "failed");
    exit(1);
}

static void connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    struct tally *t = context;
    MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
    o.onSuccess = subscribed;
    o.onFailure = failed;
    o.context = t;
    if (MQTTAsync_subscribe(t->client, t->topic, 0, &o) != MQTTASYNC_SUCCESS)
        exit(1);
}

static long percentile(const struct tally *t, double share)
{
    long seen = 0;
    for (int i = 0; i <= LATENCY_MAX_MS; i++) {
        seen += t->late[i];
        if ((double)seen >= share * (double)t->messages)
            return i;
    }
    return LATENCY_MAX_MS;
}

int main(int argc, char **argv)
{
    static struct tally t = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char url[64], line[64];
    if (argc != 3)
        return 64;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%s", argv[1]);
    snprintf(t.topic, sizeof t.topic, "symbiont/%s/meters/+/state", argv[2]);
    sem_init(&t.subscribed, 0, 0);
    MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer;
    o.onSuccess = connected;
    o.onFailure = failed;
    o.context = &t;
    o.cleansession = 1;
    if (MQTTAsync_create(&t.client, url, "bench-subscriber", MQTTCLIENT_PERSISTENCE_NONE, NULL) !=
        MQTTASYNC_SUCCESS)
        return 1;
    MQTTAsync_setCallbacks(t.client, &t, NULL, arrived, NULL);
    if (MQTTAsync_connect(t.client, &o) != MQTTASYNC_SUCCESS)
        return 1;
    sem_wait(&t.subscribed);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        pthread_mutex_lock(&t.lock);
        printf("{\"messages\":%ld,\"values\":%ld,\"bad\":%ld,\"bytes\":%lld,\"median_ms\":%ld,\"p99_ms\":%ld,"
               "\"max_ms\":%ld}\n",
               t.messages, t.values, t.bad, t.bytes, percentile(&t, 0.5), percentile(&t, 0.99),
               percentile(&t, 1.0));
        fflush(stdout);
        t.messages = t.values = t.bad = 0;
        t.bytes = 0;
        memset(t.late, 0, sizeof t.late);
        pthread_mutex_unlock(&t.lock);
    }
    return 0;
}
