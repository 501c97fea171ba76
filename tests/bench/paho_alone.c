// SPDX-License-Identifier: Apache-2.0
// The part of publishing that is not ours: as many messages as a gateway sends, through Paho alone, at QoS 1.
//
// usage: paho_alone PORT MESSAGES_PER_SECOND BURST SECONDS
#include <MQTTAsync.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MESSAGE_BYTES = 600, READINGS_PER_MESSAGE = 25, WINDOW = 16 };

static sem_t connected, window;

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    sem_post(&connected);
}

static void on_sent(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    sem_post(&window);
}

static void on_failure(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    fprintf(stderr, "paho_alone: failed, %d\n", data ? data->code : 0);
    exit(1);
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 64;
    char url[64], payload[MESSAGE_BYTES];
    int rate = atoi(argv[2]), burst = atoi(argv[3]), seconds = atoi(argv[4]);
    memset(payload, 'x', sizeof payload);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%s", argv[1]);
    sem_init(&connected, 0, 0);
    sem_init(&window, 0, WINDOW);
    MQTTAsync client;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    create.maxBufferedMessages = WINDOW;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_failure;
    connect.cleanstart = 1;
    if (MQTTAsync_createWithOptions(&client, url, "paho-alone", MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) ||
        MQTTAsync_connect(client, &connect))
        return 1;
    sem_wait(&connected);

    double begun = cpu();
    struct timespec tick;
    clock_gettime(CLOCK_MONOTONIC, &tick);
    long sent = 0, ticks = (long)seconds * rate / burst;
    for (long t = 0; t < ticks; t++) {
        for (int i = 0; i < burst; i++, sent++) {
            char topic[64];
            MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
            o.onSuccess5 = on_sent;
            o.onFailure5 = on_failure;
            snprintf(topic, sizeof topic, "symbiont/paho/meters/m%ld/state", sent % rate);
            sem_wait(&window);
            if (MQTTAsync_send(client, topic, MESSAGE_BYTES, payload, 1, 0, &o) != MQTTASYNC_SUCCESS)
                return 1;
        }
        tick.tv_nsec += 1000000000L / rate * burst;
        tick.tv_sec += tick.tv_nsec / 1000000000L;
        tick.tv_nsec %= 1000000000L;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &tick, NULL);
    }
    double spent = cpu() - begun;
    printf("%.0f us CPU a message, %.2f ms per 1,000 readings\n", 1e6 * spent / (double)sent,
           1e6 * spent / ((double)sent * READINGS_PER_MESSAGE));
    return 0;
}
