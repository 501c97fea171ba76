// SPDX-License-Identifier: Apache-2.0
// Signals that ask for an orderly end, as a descriptor.
#include "cli/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

int interrupt_open(struct interrupt *i)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    i->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (i->fd >= 0 && pthread_sigmask(SIG_BLOCK, &set, &i->before) == 0)
        return 0;
    if (i->fd >= 0)
        close(i->fd);
    i->fd = -1;
    return -1;
}

bool interrupt_seen(const struct interrupt *i)
{
    struct pollfd p = {i->fd, POLLIN, 0};
    return i->fd >= 0 && poll(&p, 1, 0) > 0;
}

void interrupt_close(struct interrupt *i)
{
    struct signalfd_siginfo seen;
    if (i->fd < 0)
        return;
    while (read(i->fd, &seen, sizeof seen) == sizeof seen)
        ;
    pthread_sigmask(SIG_SETMASK, &i->before, NULL);
    close(i->fd);
    i->fd = -1;
}
