// SPDX-License-Identifier: Apache-2.0
// One line, one request at a time, waited for.
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct session {
    struct loop *loop;
    struct connect_gate gate;
    struct line_config own; // when named on the command line
    const struct line_config *config;
    struct line *line;
    struct transaction transaction; // `done` finds the session through it
    bool answered;
    struct modbus_answer answer;
    uint8_t data[2 * MODBUS_REGISTERS_MAX + 6];
    struct buf status;
    struct watch interrupt;
    bool interrupted;
    int64_t drain_ns;
};

static const char *const kinds[] = {"tcp", "serial", "rtu-over-tcp"};

bool session_named(const struct command *c)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (command_value(c, kinds[i]))
            return true;
    return false;
}

static struct session *begin(const struct command *c, const struct line_config *config, int *status)
{
    char why[256] = "out of memory";
    struct session *s = calloc(1, sizeof *s);
    if (s) {
        s->loop = loop_new();
        s->own = *config;
        s->config = &s->own;
        connect_gate_init(&s->gate, 1);
        s->line = s->loop ? line_open(s->config, s->loop, &s->gate, why, sizeof why) : NULL;
    }
    if (s && s->line)
        return s;
    *status = command_fail(c, EX_UNAVAILABLE, "%s", why);
    if (s)
        loop_free(s->loop);
    free(s);
    return NULL;
}

struct session *session_open_line(const struct command *c, const struct line_config *line, int *status)
{
    return begin(c, line, status);
}

// The settings point at the command line's words, which live as long as the program.
static char *word(const char *s)
{
    return (char *)(uintptr_t)s;
}

// A mistake in an address is the command line's, not the line's.
static bool address_is_good(const struct command *c, const char *text, uint16_t default_port, int *status)
{
    char host[256], why[300];
    uint16_t port;
    if (!text || address_parse(text, default_port, host, sizeof host, &port, why, sizeof why))
        return true;
    *status = command_usage(c, "%s", why);
    return false;
}

struct session *session_open(const struct command *c, const char *mode, int *status)
{
    static char name[] = "line", default_mode[] = "9600 8N1";
    struct line_config config = {.name = name,
                                 .tcp = word(command_value(c, "tcp")),
                                 .serial = word(command_value(c, "serial")),
                                 .rtu_over_tcp = word(command_value(c, "rtu-over-tcp")),
                                 .mode = word(mode ? mode : command_value(c, "mode")),
                                 .timeout_ns = NS_PER_S,
                                 .in_flight = 1};
    int named = !!config.tcp + !!config.serial + !!config.rtu_over_tcp, baud, stop;
    char parity;
    if (!config.mode)
        config.mode = default_mode;
    if (named != 1) {
        *status =
            command_usage(c, "name one line: --tcp HOST[:PORT], --serial DEVICE or --rtu-over-tcp HOST:PORT");
        return NULL;
    }
    if (!address_is_good(c, config.tcp, 502, status) || !address_is_good(c, config.rtu_over_tcp, 0, status))
        return NULL;
    if (!serial_mode_parse(config.mode, &baud, &parity, &stop)) {
        *status = command_usage(
            c, "--mode \"%s\": wanted e.g. \"9600 8N1\", 1200 to 115200 baud, 8N1 8E1 8O1 8N2", config.mode);
        return NULL;
    }
    if (!command_duration(c, "timeout", 0.01, 60, &config.timeout_ns)) {
        *status = EX_USAGE;
        return NULL;
    }
    return begin(c, &config, status);
}

static void interrupted(struct watch *w, uint32_t events)
{
    (void)events;
    struct session *s = (struct session *)(void *)((char *)w - offsetof(struct session, interrupt));
    s->interrupted = true;
    loop_unwatch(s->loop, w);
}

struct pause {
    struct timer timer;
    bool over;
};

static void pause_over(struct timer *t, struct mono now)
{
    (void)now;
    ((struct pause *)(void *)t)->over = true;
}

bool session_wait(struct session *s, int64_t ns)
{
    struct pause p = {.timer.fire = pause_over};
    if (loop_timer(s->loop, &p.timer, mono_add(mono_now(), ns)) < 0)
        return false;
    while (!p.over && !s->interrupted)
        if (loop_turn(s->loop, -1) < 0)
            break;
    loop_timer_stop(s->loop, &p.timer);
    return p.over;
}

const struct line_counters *session_counters(const struct session *s)
{
    return &s->line->counters;
}

bool session_reopen(struct session *s)
{
    char why[256];
    s->line->ops->close(s->line);
    s->line = line_open(s->config, s->loop, &s->gate, why, sizeof why);
    return s->line != NULL;
}

int session_heed(struct session *s, const struct interrupt *i)
{
    s->interrupt = (struct watch){.fd = i->fd, .ready = interrupted};
    return loop_watch(s->loop, &s->interrupt, EPOLLIN);
}

bool session_interrupted(const struct session *s)
{
    return s->interrupted;
}

void session_close(struct session *s)
{
    if (!s)
        return;
    if (s->interrupt.active)
        loop_unwatch(s->loop, &s->interrupt);
    if (s->line)
        s->line->ops->close(s->line);
    loop_free(s->loop);
    buf_free(&s->status);
    free(s);
}

const struct line_config *session_line(const struct session *s)
{
    return s->config;
}

const char *session_address(const struct session *s)
{
    return s->config->tcp ? s->config->tcp : s->config->serial ? s->config->serial : s->config->rtu_over_tcp;
}

static void done(struct transaction *t, const struct modbus_answer *answer)
{
    struct session *s = (struct session *)((char *)t - offsetof(struct session, transaction));
    s->answer = *answer;
    if (answer->verdict == VERDICT_ANSWER) {
        memcpy(s->data, answer->data, answer->n);
        s->answer.data = s->data;
    }
    s->answered = true;
}

void session_drain(struct session *s, int64_t drain_ns)
{
    s->drain_ns = drain_ns;
}

struct modbus_answer session_ask(struct session *s, const struct modbus_ask *ask, int64_t timeout_ns)
{
    // After an interrupt the last transaction may still be the line's, until that is closed.
    if (s->interrupted || !s->line)
        return (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    // The loop's clock stands still between turns: without this one, the time since the last request would
    // be taken off this one's timeout. It also sees a connection that was closed meanwhile.
    if (loop_turn(s->loop, 0) < 0 || s->interrupted)
        return (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    s->transaction =
        (struct transaction){.ask = *ask, .timeout_ns = timeout_ns, .drain_ns = s->drain_ns, .done = done};
    s->answered = false;
    line_submit(s->line, &s->transaction);
    while (!s->answered && !s->interrupted)
        if (loop_turn(s->loop, -1) < 0)
            return (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    return s->answered ? s->answer : (struct modbus_answer){.verdict = VERDICT_CANCELLED};
}

int64_t session_took_ns(const struct session *s)
{
    return mono_since(s->transaction.answered, s->transaction.asked);
}

// The line tells its trouble in its status; the one word needed here is taken from there.
const char *session_trouble(struct session *s)
{
    static const char key[] = "\"trouble\":\"";
    if (!s->line)
        return "the line cannot be opened anew";
    buf_reset(&s->status);
    struct json j = json_begin(&s->status);
    json_open(&j, NULL, '{');
    s->line->ops->status(s->line, &j);
    json_close(&j, '}');
    char *at = strstr(buf_text(&s->status), key);
    if (!at)
        return "";
    at += sizeof key - 1;
    char *end = strchr(at, '"');
    if (end)
        *end = '\0';
    return at;
}
