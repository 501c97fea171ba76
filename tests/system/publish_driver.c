// SPDX-License-Identifier: Apache-2.0
// A publisher without a daemon around it: settings from a file, commands on stdin, one line of JSON per
// answer.
//
// usage: publish_driver KIND SETTINGS OUTBOX [SPILL_MS]     (OUTBOX "-": memory only)
//
//   readings METERS COUNT [PERIOD_US]   COUNT rounds of a 25-point reading of METERS meters
//   reading METER VALUE                 one reading of meter METER, its first point VALUE
//   document TOPIC TEXT | clear TOPIC | event TOPIC JSON [LINE]
//   status | stats | rejected | cpu     what the publisher, the lane, the ring of rejected messages,
//   getrusage say sent MILLISECONDS                   waits until the lane is empty; "true" or "false" up
//   MILLISECONDS | down MILLISECONDS waits for the connection to be so close MILLISECONDS | open ends the
//   publisher, begins another on the same outbox
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "symbiont/log.h"
#include "symbiont/publisher.h"

#define POINTS     25
#define METERS_MAX 1000
#define LANE       0

static const struct publisher_kind *kind;
static struct config *config;
static struct outbox *outbox;
static struct publisher *publisher;
static struct publisher_site site = {.site = "test-site"};
static struct point points[POINTS];
static char point_names[POINTS][32], meter_names[METERS_MAX][16];
static struct meter_info meters[METERS_MAX];
static uint64_t seqs[METERS_MAX];

static void die(const char *what, const char *why)
{
    fprintf(stderr, "publish_driver: %s: %s\n", what, why);
    exit(1);
}

static void make_meters(void)
{
    static const char *const names[] = {"voltage", "current", "active_power", "active_energy", "frequency"};
    for (size_t i = 0; i < POINTS; i++) {
        snprintf(point_names[i], sizeof point_names[i], "%s_l%zu", names[i % 5], i / 5 + 1);
        points[i] = (struct point){
            .name = point_names[i], .min = -INFINITY, .max = INFINITY, .single = true, .type = POINT_FLOAT32};
    }
    for (size_t i = 0; i < METERS_MAX; i++) {
        snprintf(meter_names[i], sizeof meter_names[i], "meter_%zu", i);
        meters[i] = (struct meter_info){
            .name = meter_names[i], .points = points, .n = POINTS, .index = i, .every_ns = NS_PER_S};
    }
}

static void give(size_t meter, double value)
{
    struct value values[POINTS];
    for (size_t i = 0; i < POINTS; i++)
        values[i] = (struct value){.number = (double)(float)(value + 11.1 * (double)i)};
    struct reading r = {.meter = &meters[meter],
                        .time = utc_now(),
                        .epoch = outbox_epoch(outbox),
                        .seq = ++seqs[meter],
                        .values = values};
    kind->reading(publisher, &r);
}

static void readings(size_t n, long count, useconds_t period_us)
{
    for (long i = 0; i < count; i++) {
        for (size_t m = 0; m < n; m++)
            give(m, (double)seqs[m] + 230.1);
        if (period_us)
            usleep(period_us);
    }
}

static const struct section *the_section;
static struct section root_section;
static struct option root_options[2];

static const void *settings(void)
{
    return (const char *)config_root(config) + sizeof(struct settings);
}

static void read_config(const char *path)
{
    struct diagnostics *d = diagnostics_new();
    the_section = kind->section;
    root_options[0] = (struct option){
        .name = kind->name, .type = OPTION_GROUP, .offset = sizeof(struct settings), .section = the_section};
    root_section = (struct section){"root", sizeof(struct settings) + the_section->size, root_options, ""};
    config = config_read_path(path, false, &root_section, d);
    if (config && diag_errors(d) == 0)
        kind->check(settings(), OUTBOX_SPILL_AFTER_NS, d);
    if (!config || diag_errors(d)) {
        diag_print(d, stderr);
        exit(1);
    }
    diagnostics_free(d);
}

static void open_publisher(void)
{
    char why[300];
    publisher = kind->open(settings(), &site, why, sizeof why);
    if (!publisher)
        die("open", why);
    if (kind->start(publisher) < 0)
        die("start", "no thread");
}

static bool lane_is_empty(void)
{
    struct outbox_stats s;
    outbox_lane_stats(outbox, LANE, &s);
    return s.waiting == 0;
}

static bool is_up(void)
{
    return kind->connected(publisher);
}

static bool is_down(void)
{
    return !kind->connected(publisher);
}

static void wait_for(bool (*condition)(void), long ms)
{
    struct mono until = mono_add(mono_now(), ms * NS_PER_MS);
    while (!condition() && mono_before(mono_now(), until))
        usleep(2000);
    puts(condition() ? "true" : "false");
}

static void show(void (*members)(struct publisher *, struct json *))
{
    struct buf b = {0};
    struct json j = json_begin(&b);
    json_open(&j, NULL, '{');
    members(publisher, &j);
    json_close(&j, '}');
    puts(buf_text(&b));
    buf_free(&b);
}

static void lane_members(struct publisher *p, struct json *j)
{
    struct outbox_stats s;
    struct outbox_disk d;
    (void)p;
    outbox_lane_stats(outbox, LANE, &s);
    outbox_disk_stats(outbox, &d);
    json_int(j, "put", (int64_t)s.put);
    json_int(j, "acked", (int64_t)s.acked);
    json_int(j, "dropped", (int64_t)s.dropped);
    json_int(j, "rejected", (int64_t)s.rejected);
    json_int(j, "waiting", (int64_t)s.waiting);
    json_int(j, "on_disk", (int64_t)s.on_disk);
    json_int(j, "bytes_written", (int64_t)d.bytes_written);
    json_int(j, "epoch", (int64_t)outbox_epoch(outbox));
}

static void cpu_members(struct publisher *p, struct json *j)
{
    struct rusage r;
    (void)p;
    getrusage(RUSAGE_SELF, &r);
    json_number(j, "cpu_s",
                (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
                    1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec));
    json_int(j, "switches", r.ru_nvcsw);
    json_int(j, "rss_kib", r.ru_maxrss);
}

static void one_rejected(const struct outbox_rejected *what, void *arg)
{
    struct json *j = arg;
    json_open(j, NULL, '{');
    json_text(j, "topic", what->topic);
    json_text(j, "why", what->why);
    json_text_n(j, "payload", what->payload, what->n);
    json_close(j, '}');
}

static void rejected_members(struct publisher *p, struct json *j)
{
    (void)p;
    json_open(j, "rejected", '[');
    outbox_rejected_each(outbox, one_rejected, j);
    json_close(j, ']');
}

static void close_publisher(long ms)
{
    struct mono begun = mono_now();
    kind->close(publisher, mono_add(begun, ms * NS_PER_MS));
    publisher = NULL;
    printf("%lld\n", (long long)(mono_since(mono_now(), begun) / NS_PER_MS));
}

static void command(char *line)
{
    char *word[4] = {NULL};
    for (size_t i = 0; i < 3 && line; i++)
        word[i] = strsep(&line, " ");
    word[3] = line;
    long a = word[1] ? atol(word[1]) : 0, b = word[2] ? atol(word[2]) : 0;
    if (strcmp(word[0], "readings") == 0) {
        readings((size_t)a, b, word[3] ? (useconds_t)atol(word[3]) : 0);
        puts("done");
    } else if (strcmp(word[0], "reading") == 0) {
        give((size_t)a, atof(word[2]));
        puts("done");
    } else if (strcmp(word[0], "document") == 0) {
        kind->document(publisher, word[1], word[2], strlen(word[2]));
        puts("done");
    } else if (strcmp(word[0], "clear") == 0) {
        kind->document(publisher, word[1], NULL, 0);
        puts("done");
    } else if (strcmp(word[0], "event") == 0) {
        kind->event(publisher, word[1], word[2], strlen(word[2]), word[3], utc_now());
        puts("done");
    } else if (strcmp(word[0], "status") == 0) {
        show(kind->status);
    } else if (strcmp(word[0], "stats") == 0) {
        show(lane_members);
    } else if (strcmp(word[0], "rejected") == 0) {
        show(rejected_members);
    } else if (strcmp(word[0], "cpu") == 0) {
        show(cpu_members);
    } else if (strcmp(word[0], "sent") == 0) {
        wait_for(lane_is_empty, a);
    } else if (strcmp(word[0], "up") == 0) {
        wait_for(is_up, a);
    } else if (strcmp(word[0], "down") == 0) {
        wait_for(is_down, a);
    } else if (strcmp(word[0], "close") == 0) {
        close_publisher(a);
    } else if (strcmp(word[0], "open") == 0) {
        open_publisher();
        puts("done");
    } else {
        die("unknown command", word[0]);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char why[300], *line = NULL;
    size_t size = 0;
    if (argc < 4)
        die("usage", "publish_driver KIND SETTINGS OUTBOX [SPILL_MS]");
    for (size_t i = 0; publishers[i]; i++)
        if (strcmp(publishers[i]->name, argv[1]) == 0)
            kind = publishers[i];
    if (!kind)
        die("no such publisher", argv[1]);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_INFO);
    units_open(why, sizeof why);
    make_meters();
    read_config(argv[2]);
    const struct outbox_settings o = {.path = strcmp(argv[3], "-") == 0 ? NULL : argv[3],
                                      .spill_after_ns = argc > 4 ? atol(argv[4]) * NS_PER_MS : NS_PER_S,
                                      .disk_max_bytes = 64 << 20,
                                      .memory_max_bytes = 16 << 20,
                                      .lanes = {kind->name}};
    outbox = outbox_open(&o, why, sizeof why);
    if (!outbox)
        die("outbox", why);
    site.outbox = outbox;
    site.lane = LANE;
    open_publisher();
    puts("ready");
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        command(line);
    }
    if (publisher)
        kind->close(publisher, mono_add(mono_now(), 3 * NS_PER_S));
    outbox_close(outbox);
    config_free(config);
    free(line);
    return 0;
}
