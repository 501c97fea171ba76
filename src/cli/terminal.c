// SPDX-License-Identifier: Apache-2.0
// Drawing on a terminal and putting it back. The few escape sequences used are the ones every terminal of the
// last thirty years understands (ECMA-48, and xterm's alternate screen), so no terminfo library is needed.
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[?7l" // alternate screen, no cursor, no wrapping at the right margin
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

bool terminal_usable(FILE *out)
{
    const char *kind = getenv("TERM");
    return fileno(out) >= 0 && isatty(fileno(out)) && kind && *kind && strcmp(kind, "dumb") != 0;
}

static int put(const struct terminal *t, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(t->out, data, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

static int go_raw(const struct terminal *t)
{
    struct termios raw = t->cooked;
    // Signals from keys (Ctrl-C, Ctrl-Z) stay.
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (t->in >= 0 && tcsetattr(t->in, TCSADRAIN, &raw) < 0)
        return -1;
    return put(t, ENTER, strlen(ENTER));
}

static void go_back(const struct terminal *t)
{
    put(t, LEAVE, strlen(LEAVE));
    if (t->in >= 0)
        tcsetattr(t->in, TCSADRAIN, &t->cooked);
}

int terminal_enter(struct terminal *t, FILE *out)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    *t = (struct terminal){.in = STDIN_FILENO, .out = fileno(out)};
    fflush(out);
    if (!isatty(t->in) || tcgetattr(t->in, &t->cooked) < 0)
        t->in = -1;
    t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (t->signals < 0)
        return -1;
    pthread_sigmask(SIG_BLOCK, &set, &t->before);
    if (go_raw(t) == 0)
        return 0;
    terminal_leave(t);
    return -1;
}

void terminal_leave(struct terminal *t)
{
    struct signalfd_siginfo seen;
    go_back(t);
    while (read(t->signals, &seen, sizeof seen) == sizeof seen)
        ;
    pthread_sigmask(SIG_SETMASK, &t->before, NULL);
    close(t->signals);
}

void terminal_size(const struct terminal *t, int *columns, int *rows)
{
    struct winsize size = {0};
    *columns = 80;
    *rows = 24;
    if (ioctl(t->out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

int terminal_draw(const struct terminal *t, const char *lines, size_t n)
{
    struct buf frame = {0};
    const char *end = lines + n;
    buf_puts(&frame, "\033[H");
    while (lines < end) {
        const char *eol = memchr(lines, '\n', (size_t)(end - lines));
        size_t length = (size_t)((eol ? eol : end) - lines);
        // What the old line had beyond the new one is erased after it is written over: nothing flickers.
        buf_put(&frame, lines, length);
        buf_puts(&frame, "\033[K");
        lines += length + 1;
        if (lines < end)
            buf_puts(&frame, "\r\n");
    }
    buf_puts(&frame, "\033[J");
    int result = frame.failed ? 0 : put(t, frame.data, frame.len);
    buf_free(&frame);
    return result;
}

// ---- What happens meanwhile ----

static enum terminal_event key(const char *text, size_t n)
{
    static const struct {
        const char *text;
        enum terminal_event event;
    } keys[] = {
        {"q", TERMINAL_STOP},
        {"Q", TERMINAL_STOP},
        {"\033[A", TERMINAL_UP},
        {"\033OA", TERMINAL_UP},
        {"k", TERMINAL_UP},
        {"\033[B", TERMINAL_DOWN},
        {"\033OB", TERMINAL_DOWN},
        {"j", TERMINAL_DOWN},
        {"\n", TERMINAL_DOWN},
        {"\r", TERMINAL_DOWN},
        {"\033[5~", TERMINAL_PAGE_UP},
        {"b", TERMINAL_PAGE_UP},
        {"\033[6~", TERMINAL_PAGE_DOWN},
        {" ", TERMINAL_PAGE_DOWN},
        {"\033[H", TERMINAL_HOME},
        {"\033OH", TERMINAL_HOME},
        {"\033[1~", TERMINAL_HOME},
        {"g", TERMINAL_HOME},
        {"\033[F", TERMINAL_END},
        {"\033OF", TERMINAL_END},
        {"\033[4~", TERMINAL_END},
        {"G", TERMINAL_END},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (n >= strlen(keys[i].text) && strncmp(text, keys[i].text, strlen(keys[i].text)) == 0)
            return keys[i].event;
    return TERMINAL_OTHER;
}

static enum terminal_event read_key(const struct terminal *t)
{
    char text[16];
    ssize_t n = read(t->in, text, sizeof text);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return TERMINAL_OTHER;
    return n > 0 ? key(text, (size_t)n) : TERMINAL_STOP;
}

static enum terminal_event read_signal(const struct terminal *t)
{
    struct signalfd_siginfo info;
    if (read(t->signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGTSTP) {
        go_back(t);
        raise(SIGSTOP); // until the shell says `fg`
        go_raw(t);
    }
    return TERMINAL_REDRAW;
}

enum terminal_event terminal_wait(struct terminal *t, const struct interrupt *i, struct mono until)
{
    for (;;) {
        int64_t left = mono_since(until, mono_now());
        struct timespec wait = {left > 0 ? left / NS_PER_S : 0, left > 0 ? left % NS_PER_S : 0};
        struct pollfd p[] = {{i->fd, POLLIN, 0}, {t->signals, POLLIN, 0}, {t->in, POLLIN, 0}};
        int ready = ppoll(p, 3, &wait, NULL);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0 || p[0].revents)
            return TERMINAL_STOP;
        if (p[1].revents)
            return read_signal(t);
        if (p[2].revents)
            return read_key(t);
        if (ready == 0)
            return TERMINAL_TIME;
    }
}
