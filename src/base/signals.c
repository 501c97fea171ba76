// SPDX-License-Identifier: Apache-2.0
// The signals of a daemon, taken from a descriptor on its loop.
#include "symbiont/signals.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "symbiont/log.h"

static void on_signal(struct watch *w, uint32_t events)
{
    struct signals *s = (struct signals *)(void *)w; // its first member
    struct signalfd_siginfo info;
    (void)events;
    if (read(w->fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        s->reload(s->arg);
        return;
    }
    log_info("stop", "%s received", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    loop_stop(s->loop);
}

int signals_open(struct signals *s, struct loop *loop, void (*reload)(void *arg), void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    *s = (struct signals){.watch.fd = -1, .loop = loop, .reload = reload, .arg = arg};
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    s->watch = (struct watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = on_signal};
    return s->watch.fd < 0 ? -1 : loop_watch(loop, &s->watch, EPOLLIN);
}

void signals_close(struct signals *s)
{
    if (!s->loop)
        return;
    loop_unwatch(s->loop, &s->watch);
    if (s->watch.fd >= 0)
        close(s->watch.fd);
    s->loop = NULL;
}
