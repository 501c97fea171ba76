// SPDX-License-Identifier: Apache-2.0
// What Paho alone costs: the messages the gateway sends (25 readings, 600 bytes, QoS 1, content type),
// without a gateway. The reference for the CPU time of the MQTT publisher.
//
// usage: paho_alone tcp://HOST:PORT BURST BURSTS PERIOD_MS [plain]
//        `plain`: Paho as it comes, with its trace in memory and its threads scheduled like any other
#include <MQTTAsync.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WINDOW   16
#define BYTES    600
#define READINGS 25

static atomic_int under_way, connected;
static int completions;

static void accepted(void *context, MQTTAsync_successData5 *data)
{
    (void)context, (void)data;
    atomic_fetch_sub(&under_way, 1);
    eventfd_write(completions, 1);
}

static void failed(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    fprintf(stderr, "paho_alone: failed: %d, reason 0x%02x\n", data->code, (unsigned)data->reasonCode);
    exit(1);
}

static void is_up(void *context, MQTTAsync_successData5 *data)
{
    (void)context, (void)data;
    atomic_store(&connected, 1);
}

static MQTTAsync begin(const char *uri)
{
    MQTTAsync handle;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    create.sendWhileDisconnected = 0;
    create.maxBufferedMessages = WINDOW + 1;
    options.cleanstart = 1;
    options.maxInflight = WINDOW;
    options.onSuccess5 = is_up;
    options.onFailure5 = failed;
    if (MQTTAsync_createWithOptions(&handle, uri, "paho-alone", MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) ||
        MQTTAsync_connect(handle, &options))
        exit(1);
    while (!atomic_load(&connected))
        usleep(1000);
    return handle;
}

static void send_one(MQTTAsync handle, const MQTTProperties *properties)
{
    static char payload[BYTES];
    MQTTAsync_message message = MQTTAsync_message_initializer;
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    message.payload = payload;
    message.payloadlen = BYTES;
    message.qos = 1;
    message.properties = *properties;
    response.onSuccess5 = accepted;
    response.onFailure5 = failed;
    atomic_fetch_add(&under_way, 1);
    if (MQTTAsync_sendMessage(handle, "symbiont/test-site/meters/meter_123/state", &message, &response) != 0)
        exit(1);
}

// As many as the window lets through; the rest when messages are acknowledged.
static void send_burst(MQTTAsync handle, const MQTTProperties *properties, int burst)
{
    eventfd_t count;
    while (burst > 0 || atomic_load(&under_way) > 0) {
        while (burst > 0 && atomic_load(&under_way) < WINDOW) {
            send_one(handle, properties);
            burst--;
        }
        struct pollfd wait = {.fd = completions, .events = POLLIN};
        if (poll(&wait, 1, 1000) > 0)
            eventfd_read(completions, &count);
    }
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: paho_alone tcp://HOST:PORT BURST BURSTS PERIOD_MS [plain]\n");
        return 64;
    }
    int burst = atoi(argv[2]), bursts = atoi(argv[3]), period_ms = atoi(argv[4]);
    if (argc == 5) { // as the publisher does
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
        sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    }
    completions = eventfd(0, EFD_NONBLOCK);
    MQTTAsync handle = begin(argv[1]);
    char type[] = "application/json";
    MQTTProperty json = {.identifier = MQTTPROPERTY_CODE_CONTENT_TYPE,
                         .value.data = {.data = type, .len = (int)sizeof type - 1}};
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperties_add(&properties, &json);

    double before = cpu_seconds();
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (int i = 0; i < bursts; i++) {
        send_burst(handle, &properties, burst);
        next.tv_nsec += period_ms % 1000 * 1000000L;
        next.tv_sec += period_ms / 1000 + next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    double used = cpu_seconds() - before, messages = (double)burst * bursts;
    printf("%.0f messages: %.1f us CPU each, %.3f ms per 1,000 readings\n", messages, used * 1e6 / messages,
           used * 1e3 / messages * 1000 / READINGS);
    MQTTProperties_free(&properties);
    MQTTAsync_destroy(&handle);
    return 0;
}
