// SPDX-License-Identifier: Apache-2.0
// One question to a running daemon, one answer.
#include "cli/control_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "symbiont/coordinator.h"
#include "symbiont/site.h"

#define ANSWER_MAX_BYTES (64 << 20)
#define ANSWER_WAIT_MS   5000

bool asks_coordinator(const struct command *c)
{
    return command_flag(c, "coordinator") ||
           (command_value(c, "config") && coordinator_conf_is(command_config(c)));
}

const char *control_socket(const struct command *c, char *out, size_t size)
{
    const char *given = command_value(c, "socket");
    if (given)
        return given;
    if (asks_coordinator(c))
        return coordinator_conf_socket(command_value(c, "config") ? command_config(c) : COORDINATOR_CONF, out,
                                       size);
    // A configuration with errors still says where its daemon listens; one that is missing leaves the
    // default.
    struct diagnostics *d = diagnostics_new();
    struct config *config = d ? config_read_path(command_config(c), true, site_section(), d) : NULL;
    const struct site_root *root = config ? config_root(config) : NULL;
    snprintf(out, size, "%s",
             root && root->control.socket ? root->control.socket : "/run/symbiont/control.sock");
    config_free(config);
    diagnostics_free(d);
    return out;
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

// Waits for more of the answer, the end of the daemon's patience, or of the user's.
static int wait_readable(int fd, int stop)
{
    struct pollfd p[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    int ready = poll(p, 2, ANSWER_WAIT_MS);
    if (ready > 0 && p[1].revents) {
        errno = EINTR;
        return -1;
    }
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0 ? 0 : -1;
}

static int read_answer(int fd, int stop, struct buf *answer)
{
    for (;;) {
        if (wait_readable(fd, stop) < 0)
            return -1;
        char *to = buf_room(answer, 65536);
        errno = ENOMEM;
        if (!to || answer->len > ANSWER_MAX_BYTES)
            return -1;
        ssize_t n = read(fd, to, 65536);
        if (n <= 0)
            return (int)n;
        answer->len += (size_t)n;
    }
}

int control_ask_quietly(const char *socket_path, const char *request, int stop, struct buf *answer, char *why,
                        size_t why_size)
{
    char line[256];
    int fd = connect_to(socket_path);
    if (fd < 0) {
        snprintf(why, why_size, "%s: %s%s", socket_path, strerror(errno),
                 errno == ENOENT || errno == ECONNREFUSED ? " (is the daemon running?)"
                 : errno == EACCES                        ? " (be root or a member of group symbiont)"
                                                          : "");
        return errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    }
    int n = snprintf(line, sizeof line, "%s\n", request), status = EX_OK;
    if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n || read_answer(fd, stop, answer) < 0) {
        snprintf(why, why_size, "%s: no answer: %s", socket_path, strerror(errno));
        status = EX_UNAVAILABLE;
    } else if (answer->len == 0) {
        // It hangs up at once on more clients than it serves.
        snprintf(why, why_size, "%s: hung up without an answer", socket_path);
        status = EX_UNAVAILABLE;
    }
    close(fd);
    return status;
}

int control_ask(const struct command *c, const char *socket_path, const char *request, struct buf *answer)
{
    char why[300];
    int status = control_ask_quietly(socket_path, request, -1, answer, why, sizeof why);
    return status == EX_OK ? status : command_fail(c, status, "%s", why);
}

json_t *control_ask_json(const struct command *c, const char *socket_path, const char *request, int *status)
{
    struct buf answer = {0};
    json_t *root = NULL;
    *status = control_ask(c, socket_path, request, &answer);
    if (*status == EX_OK) {
        root = json_loadb(answer.data, answer.len, JSON_REJECT_DUPLICATES, NULL);
        if (!root)
            *status = command_fail(c, EX_UNAVAILABLE, "%s: the answer is not JSON", socket_path);
    }
    buf_free(&answer);
    return root;
}
