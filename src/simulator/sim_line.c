// SPDX-License-Identifier: Apache-2.0
// Where a simulated line is reached: listening sockets, or a pseudo terminal with a link to it.
#include "sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "symbiont/files.h"
#include "symbiont/text.h"

static void make_room(struct sim_port *port)
{
    struct sim_peer *oldest = port->peers;
    while (oldest && oldest->after)
        oldest = oldest->after;
    if (oldest)
        sim_peer_close(oldest, true);
}

static void client_arrives(struct watch *w, uint32_t events)
{
    struct sim_port *port = (struct sim_port *)(void *)w;
    struct sim_line *l = port->line;
    (void)events;
    // A few at a time: the connected ones want answers meanwhile.
    for (int i = 0; i < 64; i++) {
        int fd = accept4(port->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        l->accepted++;
        l->sim->connections++;
        if (l->settings.max_clients && port->clients >= l->settings.max_clients) {
            l->turned_away++;
            if (!l->settings.kick) {
                close(fd);
                continue;
            }
            make_room(port);
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (!sim_peer_open(port, fd, l->settings.rtu_over_tcp, false))
            close(fd);
    }
}

static int listen_at(struct sim_line *l, size_t i, uint16_t number, char *why, size_t why_size)
{
    struct sim_port *port = &l->ports[i];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(number)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
    bool is_v6 = strchr(l->host, ':') != NULL;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, l->host,
                  is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
        snprintf(why, why_size, "line \"%s\": \"%s\" is not a numeric address", l->name, l->host);
        return -1;
    }
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
    port->watch = (struct watch){.fd = fd, .ready = client_arrives};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, address, size) < 0 || listen(fd, 4096) < 0 ||
        loop_watch(l->sim->loop, &port->watch, EPOLLIN) < 0) {
        snprintf(why, why_size, "line \"%s\": cannot listen at %s port %u: %s", l->name, l->host, number,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        port->watch.fd = -1;
        return -1;
    }
    struct sockaddr_storage bound;
    socklen_t bound_size = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &bound_size) == 0)
        port->number = ntohs(is_v6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                   : ((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}

// "127.0.0.1:20000", "[::1]:0". Numeric only: a simulator that asks a name server is of no use in a test.
static bool split_address(struct sim_line *l, uint16_t *port)
{
    const char *text = l->listen, *colon = strrchr(text, ':');
    int64_t number;
    if (!colon || !text_integer(colon + 1, 0, 65535, &number))
        return false;
    size_t n = (size_t)(colon - text);
    if (text[0] == '[' && n > 2 && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof l->host)
        return false;
    memcpy(l->host, text, n);
    l->host[n] = '\0';
    *port = (uint16_t)number;
    return number + (int64_t)l->port_count - 1 <= 65535;
}

static int start_tcp(struct sim_line *l, char *why, size_t why_size)
{
    uint16_t first;
    if (!split_address(l, &first)) {
        snprintf(why, why_size,
                 "line \"%s\": listen = \"%s\" must be a numeric address and a port, as in \"127.0.0.1:0\"",
                 l->name, l->listen);
        return -1;
    }
    for (size_t i = 0; i < l->port_count; i++) {
        // A line that was stopped comes back where it was.
        uint16_t number = l->ports[i].number ? l->ports[i].number : first ? (uint16_t)(first + i) : 0;
        if (listen_at(l, i, number, why, why_size) < 0) {
            sim_line_stop(l);
            return -1;
        }
    }
    return 0;
}

// Raw: a terminal's own ideas (echo, signals, line ends) would eat bytes of a frame.
// The slave side is not kept open: a client that looks who else has its port would find a second master.
static int open_pty(char *slave, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), fd = -1;
    struct termios t;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, slave, size) == 0)
        fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool raw = false;
    if (fd >= 0 && tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        raw = tcsetattr(fd, TCSANOW, &t) == 0;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (raw)
        return master;
    if (master >= 0)
        close(master);
    errno = saved;
    return -1;
}

static int link_pty(const char *slave, const char *path)
{
    struct stat st;
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (directory_make(dirname(copy), 0755) < 0)
        return -1;
    // Only a link of an earlier run is replaced, never a file or a device.
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        unlink(path);
    return symlink(slave, path);
}

static int start_pty(struct sim_line *l, char *why, size_t why_size)
{
    int master = open_pty(l->slave, sizeof l->slave);
    if (master < 0) {
        snprintf(why, why_size, "line \"%s\": no pseudo terminal: %s", l->name, strerror(errno));
        return -1;
    }
    if (l->pty[0] && link_pty(l->slave, l->pty) < 0) {
        snprintf(why, why_size, "line \"%s\": cannot make the link %s: %s", l->name, l->pty, strerror(errno));
    } else if (!sim_peer_open(&l->ports[0], master, true, true)) {
        snprintf(why, why_size, "line \"%s\": %s", l->name, strerror(errno));
    } else {
        return 0;
    }
    close(master);
    return -1;
}

int sim_line_start(struct sim_line *l, char *why, size_t why_size)
{
    if (l->running)
        return 0;
    if ((l->listen ? start_tcp(l, why, why_size) : start_pty(l, why, why_size)) < 0)
        return -1;
    l->running = true;
    return 0;
}

void sim_line_drop(struct sim_line *l, bool reset)
{
    for (size_t i = 0; i < l->port_count; i++)
        while (l->ports[i].peers)
            sim_peer_close(l->ports[i].peers, reset);
}

void sim_line_stop(struct sim_line *l)
{
    sim_line_drop(l, false);
    for (size_t i = 0; i < l->port_count; i++) {
        struct watch *w = &l->ports[i].watch;
        loop_unwatch(l->sim->loop, w);
        if (w->fd >= 0)
            close(w->fd);
        w->fd = -1;
    }
    if (l->running && !l->listen && l->pty[0])
        unlink(l->pty);
    l->running = false;
}
