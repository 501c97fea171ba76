// SPDX-License-Identifier: Apache-2.0
// The control socket of a simulated plant: lines in, lines out.
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define CLIENTS_MAX    16

struct control_client {
    struct watch watch;
    struct sim_control *control;
    struct control_client *next;
    size_t n;
    char line[LINE_MAX_BYTES];
};

struct sim_control {
    struct watch watch;
    struct simulator *sim;
    struct control_client *clients;
    int count;
    struct sockaddr_un address;
};

static void client_close(struct control_client *c)
{
    struct sim_control *s = c->control;
    struct control_client **at = &s->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    s->count--;
    loop_unwatch(s->sim->loop, &c->watch);
    close(c->watch.fd);
    free(c);
}

// Answers are read by a test that waits for them: a blocking send with a limit is simple and enough.
static bool reply(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t done = send(fd, data, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        n -= (size_t)done;
    }
    return true;
}

static bool run_lines(struct control_client *c)
{
    char *end;
    while ((end = memchr(c->line, '\n', c->n))) {
        struct buf answer = {0};
        size_t used = (size_t)(end - c->line) + 1;
        *end = '\0';
        simulator_command(c->control->sim, c->line, &answer);
        buf_putc(&answer, '\n');
        bool sent = !answer.failed && reply(c->watch.fd, answer.data, answer.len);
        buf_free(&answer);
        memmove(c->line, c->line + used, c->n - used);
        c->n -= used;
        if (!sent)
            return false;
    }
    return c->n < sizeof c->line;
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct control_client *c = (struct control_client *)(void *)w;
    (void)events;
    ssize_t got = recv(w->fd, c->line + c->n, sizeof c->line - c->n, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        c->n += (size_t)got;
        if (run_lines(c))
            return;
    }
    client_close(c);
}

static void client_arrives(struct watch *w, uint32_t events)
{
    struct sim_control *s = (struct sim_control *)(void *)w;
    (void)events;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct control_client *c = s->count < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 2}, sizeof(struct timeval));
    if (!c) {
        close(fd);
        return;
    }
    *c =
        (struct control_client){.watch = {.fd = fd, .ready = client_ready}, .control = s, .next = s->clients};
    s->clients = c;
    s->count++;
    if (loop_watch(s->sim->loop, &c->watch, EPOLLIN) < 0)
        client_close(c);
}

void sim_control_free(struct sim_control *c)
{
    if (!c)
        return;
    while (c->clients)
        client_close(c->clients);
    loop_unwatch(c->sim->loop, &c->watch);
    close(c->watch.fd);
    unlink(c->address.sun_path);
    free(c);
}

int simulator_control(struct simulator *s, const char *path, char *why, size_t why_size)
{
    struct stat st;
    sim_control_free(s->control);
    s->control = NULL;
    struct sim_control *c = calloc(1, sizeof *c);
    if (!c || strlen(path) >= sizeof c->address.sun_path) {
        snprintf(why, why_size, "control socket %s: %s", path, c ? "the path is too long" : "out of memory");
        free(c);
        return -1;
    }
    c->sim = s;
    c->address.sun_family = AF_UNIX;
    memcpy(c->address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    c->watch = (struct watch){.fd = fd, .ready = client_arrives};
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&c->address, sizeof c->address) == 0 &&
        chmod(path, 0600) == 0 && listen(fd, 8) == 0 && loop_watch(s->loop, &c->watch, EPOLLIN) == 0) {
        s->control = c;
        return 0;
    }
    snprintf(why, why_size, "control socket %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(c);
    return -1;
}
