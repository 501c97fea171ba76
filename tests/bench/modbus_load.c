// SPDX-License-Identifier: Apache-2.0
// A load of Modbus TCP requests, for measuring a server: so many connections, so many requests outstanding on
// each. make build/release/tests/bench/modbus_load && build/release/tests/bench/modbus_load 127.0.0.1 PORT
// CONNECTIONS IN_FLIGHT SECONDS [REGISTERS [REQUESTS_PER_SECOND [FUNCTION]]]
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "symbiont/loop.h"
#include "symbiont/modbus.h"

struct link {
    struct watch watch;
    struct load *load;
    uint16_t id;
    size_t n;
    uint8_t in[16 * MBAP_FRAME_MAX];
};

struct load {
    struct loop *loop;
    struct timer end, pace;
    struct modbus_ask ask;
    struct link *links;
    size_t link_count, turn;
    double rate; // requests per second; 0: as fast as they are answered
    double owed;
    struct mono paced;
    uint64_t asked, answered, wrong;
};

static void ask(struct link *l)
{
    uint8_t out[MBAP_REQUEST];
    mbap_request(out, l->id++, &l->load->ask);
    if (send(l->watch.fd, out, sizeof out, MSG_NOSIGNAL) == (ssize_t)sizeof out)
        l->load->asked++;
}

static void answer_comes(struct watch *w, uint32_t events)
{
    struct link *l = (struct link *)(void *)w;
    (void)events;
    ssize_t got = recv(w->fd, l->in + l->n, sizeof l->in - l->n, MSG_DONTWAIT);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN)
            return;
        fprintf(stderr, "connection lost\n");
        exit(1);
    }
    l->n += (size_t)got;
    size_t at = 0;
    int whole;
    while ((whole = mbap_frame(l->in + at, l->n - at)) > 0) {
        struct modbus_answer a = mbap_answer(l->in + at, (size_t)whole, &l->load->ask);
        l->load->answered++;
        l->load->wrong += a.verdict != VERDICT_ANSWER;
        at += (size_t)whole;
        if (l->load->rate == 0)
            ask(l);
    }
    memmove(l->in, l->in + at, l->n - at);
    l->n -= at;
}

static void keep_pace(struct timer *t, struct mono now)
{
    struct load *load = (struct load *)(void *)((char *)t - offsetof(struct load, pace));
    load->owed += load->rate * (double)mono_since(now, load->paced) / (double)NS_PER_S;
    load->paced = now;
    for (; load->owed >= 1; load->owed--)
        ask(&load->links[load->turn++ % load->link_count]);
    loop_timer(load->loop, t, mono_add(now, NS_PER_MS));
}

static void time_is_up(struct timer *t, struct mono now)
{
    (void)now;
    loop_stop(((struct load *)(void *)((char *)t - offsetof(struct load, end)))->loop);
}

static int connect_all(struct load *load, const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &a.sin_addr);
    for (size_t i = 0; i < load->link_count; i++) {
        struct link *l = &load->links[i];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) < 0)
            return -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        l->watch = (struct watch){.fd = fd, .ready = answer_comes};
        l->load = load;
        if (loop_watch(load->loop, &l->watch, EPOLLIN) < 0)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit r = {65536, 65536};
    if (argc < 6) {
        fprintf(stderr, "usage: modbus_load HOST PORT CONNECTIONS IN_FLIGHT SECONDS [REGISTERS [PER_SECOND "
                        "[FUNCTION]]]\n");
        return 64;
    }
    setrlimit(RLIMIT_NOFILE, &r);
    int in_flight = atoi(argv[4]);
    double seconds = atof(argv[5]);
    struct load load = {.loop = loop_new(), .link_count = (size_t)atoi(argv[3])};
    load.ask = (struct modbus_ask){1, (uint8_t)(argc > 8 ? atoi(argv[8]) : 3), 0,
                                   (uint16_t)(argc > 6 ? atoi(argv[6]) : 2)};
    load.rate = argc > 7 ? atof(argv[7]) : 0;
    load.links = calloc(load.link_count, sizeof *load.links);
    if (!load.loop || !load.links || connect_all(&load, argv[1], atoi(argv[2])) < 0) {
        perror("modbus_load");
        return 69;
    }
    struct mono begun = load.paced = mono_now();
    load.end.fire = time_is_up;
    load.pace.fire = keep_pace;
    loop_timer(load.loop, &load.end, mono_add(begun, (int64_t)(seconds * (double)NS_PER_S)));
    if (load.rate > 0)
        loop_timer(load.loop, &load.pace, mono_add(begun, NS_PER_MS));
    for (size_t i = 0; load.rate == 0 && i < load.link_count; i++)
        for (int k = 0; k < in_flight; k++)
            ask(&load.links[i]);
    loop_run(load.loop);
    double took = (double)mono_since(mono_now(), begun) / (double)NS_PER_S;
    printf("%.0f answers/s, %llu wrong, %llu asked\n", (double)load.answered / took,
           (unsigned long long)load.wrong, (unsigned long long)load.asked);
    return load.wrong || !load.answered;
}
