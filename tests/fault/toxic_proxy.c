// SPDX-License-Identifier: Apache-2.0
// A TCP proxy that does to a connection what networks do: for tests of everything that talks TCP.
//
// usage: toxic_proxy LISTEN TARGET      (127.0.0.1:0 127.0.0.1:1883)
// Prints "listening 127.0.0.1:PORT", then takes a command a line from stdin and answers "ok" or "error: ...":
//
//     delay MS [JITTER_MS]   every byte later by this
//     drip BYTES MS          at most so many bytes per so many milliseconds, each way
//     blackhole              takes everything, forwards nothing, both ways
//     half_open              the target's side is closed, the client's side is never told and never read
//     again rst                    resets all connections now drop                   closes all connections
//     now refuse                 no new connections: the port is closed; `accept` opens it again accept clear
//     no more delay, drip and blackhole stats                  one line: connections now, total, bytes to the
//     target, bytes to the client
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "symbiont/backoff.h"
#include "symbiont/buf.h"
#include "symbiont/loop.h"

#define QUEUE_MAX (1 << 20) // a way that is fuller is not read from

struct chunk {
    struct chunk *next;
    struct mono due;
    size_t at, n;
    uint8_t bytes[];
};

// One way of a connection.
struct way {
    struct timer timer;
    struct link *link;
    bool to_target;
    struct chunk *first, **last;
    size_t queued;
    struct mono last_due;
    bool ended;  // the sender closed: the receiver is told once everything is delivered
    bool untold; // unless a black hole swallowed that too
};

struct end {
    struct watch watch;
    struct link *link;
    bool is_target;
};

struct link {
    struct proxy *proxy;
    struct link *before, *after;
    struct end client, target;
    struct way up, down;
    bool half_open, connected;
};

struct proxy {
    struct loop *loop;
    struct watch listener, input;
    struct sockaddr_in here, there;
    struct link *links;
    int64_t delay_ns, jitter_ns, drip_ns;
    size_t drip_bytes;
    bool blackhole;
    uint64_t total, bytes_up, bytes_down;
    size_t line_n;
    char line[256];
};

// ---- Links ----

static void watch_end(struct end *e);

static void close_end(struct link *l, struct end *e, bool reset)
{
    if (e->watch.fd < 0)
        return;
    loop_unwatch(l->proxy->loop, &e->watch);
    if (reset)
        setsockopt(e->watch.fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(e->watch.fd);
    e->watch.fd = -1;
}

static void empty_way(struct way *w)
{
    while (w->first) {
        struct chunk *c = w->first;
        w->first = c->next;
        free(c);
    }
    w->last = &w->first;
    w->queued = 0;
    loop_timer_stop(w->link->proxy->loop, &w->timer);
}

static void link_close(struct link *l, bool reset)
{
    close_end(l, &l->client, reset);
    close_end(l, &l->target, reset);
    empty_way(&l->up);
    empty_way(&l->down);
    if (l->before)
        l->before->after = l->after;
    else
        l->proxy->links = l->after;
    if (l->after)
        l->after->before = l->before;
    free(l);
}

static struct end *receiver(struct way *w)
{
    return w->to_target ? &w->link->target : &w->link->client;
}

// Sends what is due. False: the link is gone.
static bool deliver(struct way *w, struct mono now)
{
    struct proxy *p = w->link->proxy;
    struct end *to = receiver(w);
    while (w->first && !mono_before(now, w->first->due)) {
        struct chunk *c = w->first;
        ssize_t done = send(to->watch.fd, c->bytes + c->at, c->n - c->at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
            loop_timer(p->loop, &w->timer, mono_add(now, NS_PER_MS));
            return true;
        }
        if (done < 0) {
            link_close(w->link, false);
            return false;
        }
        *(w->to_target ? &p->bytes_up : &p->bytes_down) += (uint64_t)done;
        w->queued -= (size_t)done;
        c->at += (size_t)done;
        if (c->at < c->n)
            continue;
        w->first = c->next;
        if (!w->first)
            w->last = &w->first;
        free(c);
    }
    if (w->first)
        loop_timer(p->loop, &w->timer, w->first->due);
    else if (w->ended && !w->untold)
        shutdown(to->watch.fd, SHUT_WR);
    struct link *l = w->link;
    if (l->up.ended && l->down.ended && !l->up.first && !l->down.first) {
        link_close(l, false);
        return false;
    }
    watch_end(&l->client);
    watch_end(&l->target);
    return true;
}

static void way_due(struct timer *t, struct mono now)
{
    deliver((struct way *)(void *)t, now);
}

static bool queue(struct way *w, const uint8_t *bytes, size_t n, struct mono now)
{
    struct proxy *p = w->link->proxy;
    size_t piece = p->drip_bytes ? p->drip_bytes : n;
    struct mono due = mono_add(now, p->delay_ns);
    if (p->jitter_ns)
        due = mono_add(due, (int64_t)(random_bits() % (uint64_t)p->jitter_ns));
    for (size_t at = 0; at < n; at += piece) {
        size_t size = n - at < piece ? n - at : piece;
        struct chunk *c = malloc(sizeof *c + size);
        if (!c)
            return false;
        // In order, whatever the jitter says; and spaced when dripping.
        struct mono earliest = p->drip_bytes ? mono_add(w->last_due, p->drip_ns) : w->last_due;
        c->due = mono_before(due, earliest) ? earliest : due;
        c->next = NULL;
        c->at = 0;
        c->n = size;
        memcpy(c->bytes, bytes + at, size);
        w->last_due = c->due;
        *w->last = c;
        w->last = &c->next;
        w->queued += size;
    }
    return true;
}

static void end_ready(struct watch *watch, uint32_t events)
{
    struct end *e = (struct end *)(void *)watch;
    struct link *l = e->link;
    struct proxy *p = l->proxy;
    struct way *w = e->is_target ? &l->down : &l->up;
    struct mono now = loop_now(p->loop);
    if (e->is_target && !l->connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            link_close(l, true);
            return;
        }
        l->connected = true;
        deliver(&l->up, now);
        return;
    }
    uint8_t bytes[16384];
    ssize_t got = recv(watch->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR) && !(events & EPOLLERR))
        return;
    if (got < 0) {
        link_close(l, true);
        return;
    }
    if (got == 0) {
        w->ended = true;
        w->untold = p->blackhole;
    } else if (!p->blackhole && !queue(w, bytes, (size_t)got, now)) {
        link_close(l, true);
        return;
    }
    if (l->connected)
        deliver(w, now);
    else
        watch_end(e);
}

static void watch_end(struct end *e)
{
    struct link *l = e->link;
    struct way *w = e->is_target ? &l->down : &l->up;
    bool reads = !w->ended && !l->half_open && w->queued < QUEUE_MAX;
    if (e->watch.fd < 0)
        return;
    if (e->is_target && !l->connected)
        loop_watch(l->proxy->loop, &e->watch, EPOLLOUT);
    else if (reads)
        loop_watch(l->proxy->loop, &e->watch, EPOLLIN);
    else
        loop_unwatch(l->proxy->loop, &e->watch);
}

static void client_arrives(struct watch *watch, uint32_t events)
{
    struct proxy *p = (struct proxy *)(void *)watch;
    (void)events;
    p = (struct proxy *)(void *)((char *)watch - offsetof(struct proxy, listener));
    int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int out = fd < 0 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct link *l = out < 0 ? NULL : calloc(1, sizeof *l);
    if (!l ||
        (connect(out, (const struct sockaddr *)&p->there, sizeof p->there) < 0 && errno != EINPROGRESS)) {
        if (fd >= 0)
            close(fd);
        if (out >= 0)
            close(out);
        free(l);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    *l = (struct link){.proxy = p,
                       .client = {{.fd = fd, .ready = end_ready}, l, false},
                       .target = {{.fd = out, .ready = end_ready}, l, true},
                       .up = {.timer.fire = way_due, .link = l, .to_target = true, .last = &l->up.first},
                       .down = {.timer.fire = way_due, .link = l, .last = &l->down.first},
                       .after = p->links};
    if (l->after)
        l->after->before = l;
    p->links = l;
    p->total++;
    watch_end(&l->client);
    watch_end(&l->target);
}

static int open_port(struct proxy *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof p->here;
    p->listener = (struct watch){.fd = fd, .ready = client_arrives};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (const struct sockaddr *)&p->here, sizeof p->here) < 0 || listen(fd, 512) < 0 ||
        getsockname(fd, (struct sockaddr *)&p->here, &size) < 0)
        return -1;
    return loop_watch(p->loop, &p->listener, EPOLLIN);
}

// ---- Commands ----

static void close_all(struct proxy *p, bool reset)
{
    while (p->links)
        link_close(p->links, reset);
}

static const char *do_delay(struct proxy *p, double a, double b)
{
    p->delay_ns = (int64_t)(a * NS_PER_MS);
    p->jitter_ns = (int64_t)(b * NS_PER_MS);
    return NULL;
}

static const char *do_drip(struct proxy *p, double a, double b)
{
    if (a < 1 || b <= 0)
        return "drip BYTES MS";
    p->drip_bytes = (size_t)a;
    p->drip_ns = (int64_t)(b * NS_PER_MS);
    return NULL;
}

static const char *do_blackhole(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    p->blackhole = true;
    for (struct link *l = p->links; l; l = l->after) {
        empty_way(&l->up);
        empty_way(&l->down);
    }
    return NULL;
}

static const char *do_half_open(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    for (struct link *l = p->links; l; l = l->after) {
        l->half_open = true;
        close_end(l, &l->target, false);
        empty_way(&l->up);
        empty_way(&l->down);
        watch_end(&l->client);
    }
    return NULL;
}

static const char *do_rst(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    close_all(p, true);
    return NULL;
}

static const char *do_drop(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    close_all(p, false);
    return NULL;
}

static const char *do_refuse(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    loop_unwatch(p->loop, &p->listener);
    if (p->listener.fd >= 0)
        close(p->listener.fd);
    p->listener.fd = -1;
    return NULL;
}

static const char *do_accept(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    return p->listener.fd >= 0 || open_port(p) == 0 ? NULL : strerror(errno);
}

static const char *do_clear(struct proxy *p, double a, double b)
{
    (void)a;
    (void)b;
    p->delay_ns = p->jitter_ns = p->drip_ns = 0;
    p->drip_bytes = 0;
    p->blackhole = false;
    return NULL;
}

static const struct {
    const char *word;
    const char *(*run)(struct proxy *p, double a, double b); // NULL, or what is wrong
} commands[] = {
    {"delay", do_delay},         {"drip", do_drip},     {"blackhole", do_blackhole},
    {"half_open", do_half_open}, {"rst", do_rst},       {"drop", do_drop},
    {"refuse", do_refuse},       {"accept", do_accept}, {"clear", do_clear},
};

static void run_command(struct proxy *p, const char *line)
{
    char word[32] = "";
    double a = 0, b = 0;
    sscanf(line, "%31s %lf %lf", word, &a, &b);
    if (strcmp(word, "stats") == 0) {
        size_t now = 0;
        for (struct link *l = p->links; l; l = l->after)
            now++;
        printf("%zu %llu %llu %llu\n", now, (unsigned long long)p->total, (unsigned long long)p->bytes_up,
               (unsigned long long)p->bytes_down);
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].word, word) != 0)
            continue;
        const char *wrong = commands[i].run(p, a, b);
        printf(wrong ? "error: %s\n" : "ok\n", wrong);
        return;
    }
    printf("error: no such command \"%s\"\n", word);
}

static void input_ready(struct watch *watch, uint32_t events)
{
    struct proxy *p = (struct proxy *)(void *)((char *)watch - offsetof(struct proxy, input));
    (void)events;
    ssize_t got = read(watch->fd, p->line + p->line_n, sizeof p->line - 1 - p->line_n);
    if (got <= 0) {
        loop_stop(p->loop); // whoever gave the commands is gone
        return;
    }
    p->line_n += (size_t)got;
    char *end;
    while ((end = memchr(p->line, '\n', p->line_n))) {
        size_t used = (size_t)(end - p->line) + 1;
        *end = '\0';
        run_command(p, p->line);
        memmove(p->line, p->line + used, p->line_n - used);
        p->line_n -= used;
    }
    if (p->line_n == sizeof p->line - 1)
        p->line_n = 0;
    fflush(stdout);
}

static bool parse_address(const char *text, struct sockaddr_in *out)
{
    char host[32];
    unsigned port;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "%31[0-9.]:%u", host, &port) != 2 || port > 65535)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

int main(int argc, char **argv)
{
    struct proxy p = {.loop = loop_new(), .input = {.fd = STDIN_FILENO, .ready = input_ready}};
    if (argc != 3 || !parse_address(argv[1], &p.here) || !parse_address(argv[2], &p.there)) {
        fprintf(stderr, "usage: toxic_proxy 127.0.0.1:0 127.0.0.1:1883\n");
        return 64;
    }
    if (!p.loop || open_port(&p) < 0 || loop_watch(p.loop, &p.input, EPOLLIN) < 0) {
        perror("toxic_proxy");
        return 69;
    }
    printf("listening 127.0.0.1:%u\n", ntohs(p.here.sin_port));
    fflush(stdout);
    loop_run(p.loop);
    close_all(&p, false);
    do_refuse(&p, 0, 0);
    loop_free(p.loop);
    return 0;
}
