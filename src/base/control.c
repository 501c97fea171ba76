// SPDX-License-Identifier: Apache-2.0
// The control socket: one line in, one JSON document out, close.
#include "symbiont/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "symbiont/files.h"
#include "symbiont/json.h"
#include "symbiont/log.h"

#define CLIENTS_MAX    16
#define CLIENT_TIME_NS (5 * NS_PER_S)

struct client {
    struct watch watch; // first
    struct timer timer;
    struct control *control;
    size_t got, sent;
    char request[CONTROL_REQUEST_MAX];
    struct buf answer;
};

struct control {
    struct control_settings settings;
    struct watch listener;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct client clients[CLIENTS_MAX];
    struct complaint crowded;
};

static void client_close(struct client *c)
{
    struct loop *loop = c->control->settings.loop;
    loop_unwatch(loop, &c->watch);
    loop_timer_stop(loop, &c->timer);
    close(c->watch.fd);
    c->watch.fd = -1;
    buf_free(&c->answer);
}

void control_unknown(struct buf *out, const char *request)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "error", "unknown request");
    json_text(&j, "request", request);
    json_close(&j, '}');
}

static void client_write(struct client *c)
{
    ssize_t n =
        send(c->watch.fd, c->answer.data + c->sent, c->answer.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        c->sent += (size_t)n;
    if ((n < 0 && errno != EAGAIN) || c->sent == c->answer.len || c->answer.failed)
        client_close(c);
}

static void client_read(struct client *c)
{
    ssize_t n = recv(c->watch.fd, c->request + c->got, sizeof c->request - 1 - c->got, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        client_close(c);
        return;
    }
    c->got += (size_t)n;
    c->request[c->got] = '\0';
    char *end = strchr(c->request, '\n');
    if (!end) {
        if (c->got == sizeof c->request - 1)
            client_close(c);
        return;
    }
    *end = '\0';
    const struct control_settings *settings = &c->control->settings;
    settings->answer(settings->arg, c->request, &c->answer);
    buf_putc(&c->answer, '\n');
    if (loop_watch(settings->loop, &c->watch, EPOLLOUT) < 0)
        client_close(c);
    else
        client_write(c);
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct client *c = (struct client *)w;
    if (events & EPOLLIN)
        client_read(c);
    else if (c->answer.len && (events & EPOLLOUT))
        client_write(c);
    else
        client_close(c);
}

static void client_late(struct timer *t, struct mono now)
{
    (void)now;
    client_close((struct client *)((char *)t - offsetof(struct client, timer)));
}

static void accept_client(struct watch *w, uint32_t events)
{
    (void)events;
    struct control *control = (struct control *)((char *)w - offsetof(struct control, listener));
    struct loop *loop = control->settings.loop;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &control->clients[i];
        if (c->watch.fd >= 0)
            continue;
        *c = (struct client){
            .watch = {.fd = fd, .ready = client_ready}, .timer.fire = client_late, .control = control};
        if (loop_watch(loop, &c->watch, EPOLLIN) < 0 ||
            loop_timer(loop, &c->timer, mono_add(loop_now(loop), CLIENT_TIME_NS)) < 0)
            client_close(c);
        return;
    }
    complain(&control->crowded, loop_now(loop), LOG_LEVEL_WARNING, "control",
             "more than %d clients at once, refused", CLIENTS_MAX);
    close(fd);
}

// A socket left over by a crash is removed; one that is answered belongs to a running daemon.
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return answered;
}

static int make_parent(const char *path)
{
    char copy[sizeof((struct sockaddr_un *)0)->sun_path];
    snprintf(copy, sizeof copy, "%s", path);
    char *slash = strrchr(copy, '/');
    if (!slash || slash == copy)
        return 0;
    *slash = '\0';
    if (access(copy, F_OK) == 0)
        return 0;
    // Whoever may ask is a matter of the socket's group; the umask would keep all others out.
    return directory_make(copy, 0755) == 0 ? chmod(copy, 0755) : -1;
}

struct control *control_open(const struct control_settings *s, char *why, size_t why_size)
{
    const char *path = s->path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct control *c = calloc(1, sizeof *c);
    if (!c || strlen(path) >= sizeof address.sun_path) {
        snprintf(why, why_size, "control socket %s: %s", path, c ? "the path is too long" : "out of memory");
        free(c);
        return NULL;
    }
    strcpy(address.sun_path, path);
    strcpy(c->path, path);
    c->settings = *s;
    c->settings.path = c->path;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        c->clients[i].watch.fd = -1;
    c->listener = (struct watch){.fd = -1, .ready = accept_client};
    if (is_answered(&address)) {
        snprintf(why, why_size, "control socket %s: another %s is running", path, s->who);
        free(c);
        return NULL;
    }
    unlink(path);
    if (make_parent(path) == 0)
        c->listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    // Before bind for the moment between, after it because of the umask.
    if (c->listener.fd < 0 || fchmod(c->listener.fd, 0660) < 0 ||
        bind(c->listener.fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(path, 0660) < 0 ||
        listen(c->listener.fd, CLIENTS_MAX) < 0 || loop_watch(s->loop, &c->listener, EPOLLIN) < 0) {
        snprintf(why, why_size, "control socket %s: %s", path, strerror(errno));
        if (c->listener.fd >= 0)
            close(c->listener.fd);
        free(c);
        return NULL;
    }
    return c;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (c->clients[i].watch.fd >= 0)
            client_close(&c->clients[i]);
    loop_unwatch(c->settings.loop, &c->listener);
    close(c->listener.fd);
    unlink(c->path);
    free(c);
}
