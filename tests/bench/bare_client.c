// SPDX-License-Identifier: Apache-2.0
// The reference of the benchmark: a bare epoll client that asks for registers as fast as it is answered.
// Own framing, no checks beyond the transaction id, no decoding, no publishing.
//
// usage: bare_client PORT CONNECTIONS WINDOW REGISTERS SECONDS
// prints: requests/s and CPU seconds
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int fd;
    uint16_t next;
    size_t got;
    uint8_t in[4096];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(struct connection *c, int registers)
{
    uint8_t frame[12] = {0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, (uint8_t)registers};
    uint16_t id = c->next++;
    frame[0] = (uint8_t)(id >> 8);
    frame[1] = (uint8_t)id;
    if (send(c->fd, frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame) {
        perror("send");
        exit(1);
    }
}

static int connect_to(int port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

// Returns the answers taken; each is followed by the next request.
static long take(struct connection *c, int registers)
{
    ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return 0;
        fprintf(stderr, "connection lost\n");
        exit(1);
    }
    c->got += (size_t)n;
    long taken = 0;
    size_t at = 0;
    while (c->got - at >= 6) {
        size_t frame = 6 + (size_t)(c->in[at + 4] << 8 | c->in[at + 5]);
        if (c->got - at < frame)
            break;
        at += frame;
        taken++;
        ask(c, registers);
    }
    memmove(c->in, c->in + at, c->got - at);
    c->got -= at;
    return taken;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bare_client PORT CONNECTIONS WINDOW REGISTERS SECONDS\n");
        return 64;
    }
    int port = atoi(argv[1]), n = atoi(argv[2]), window = atoi(argv[3]), registers = atoi(argv[4]);
    double seconds = atof(argv[5]);
    struct connection *c = calloc((size_t)n, sizeof *c);
    int ep = epoll_create1(0);
    if (!c || ep < 0)
        return 1;
    for (int i = 0; i < n; i++) {
        c[i].fd = connect_to(port);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &c[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, c[i].fd, &e);
        for (int w = 0; w < window; w++)
            ask(&c[i], registers);
    }
    double begun = now(), end = begun + seconds;
    long answers = 0;
    struct epoll_event events[256];
    while (now() < end) {
        int k = epoll_wait(ep, events, 256, 100);
        for (int i = 0; i < k; i++)
            answers += take(events[i].data.ptr, registers);
    }
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    printf("%.0f %.3f\n", (double)answers / (now() - begun), cpu);
    return 0;
}
