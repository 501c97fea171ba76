// SPDX-License-Identifier: Apache-2.0
// symbiont watch: what the meters say, as it changes.
#include <errno.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "cli/watch.h"

struct watching {
    struct command *c;
    struct watch_source *source;
    struct interrupt interrupt;
    int64_t every_ns, count; // count 0: until stopped
    long scroll;
};

static struct mono next_slot(struct mono due, int64_t every_ns)
{
    // A round that took longer than its slot loses the slots it ran over; the rhythm stays.
    struct mono now = mono_now(), next = mono_add(due, every_ns);
    while (mono_before(next, now))
        next = mono_add(next, every_ns);
    return next;
}

// ---- On a terminal ----

// Returns false when the terminal is gone.
static bool draw(struct watching *w, const struct terminal *t)
{
    struct buf text = {0};
    int columns, rows;
    terminal_size(t, &columns, &rows);
    // The last column stays free: what is erased to the right of it would be its character.
    struct watch_view view = {.width = (size_t)(columns > 1 ? columns - 1 : 1),
                              .height = (size_t)rows,
                              .scroll = w->scroll,
                              .styled = true};
    size_t all = watch_render(&w->source->round, &view, &text);
    long most = (long)all - (rows > 2 ? rows - 2 : 1);
    if (w->scroll > most)
        w->scroll = most > 0 ? most : 0;
    bool good = terminal_draw(t, text.data ? text.data : "", text.len) == 0;
    buf_free(&text);
    return good;
}

static void scroll(struct watching *w, const struct terminal *t, enum terminal_event e)
{
    int columns, rows;
    terminal_size(t, &columns, &rows);
    long page = rows > 3 ? rows - 2 : 1, at = w->scroll;
    switch (e) {
    case TERMINAL_UP:
        at -= 1;
        break;
    case TERMINAL_DOWN:
        at += 1;
        break;
    case TERMINAL_PAGE_UP:
        at -= page;
        break;
    case TERMINAL_PAGE_DOWN:
        at += at < 0 ? 1 : page; // out of the overview: to the top
        break;
    case TERMINAL_HOME:
        at = -1;
        break;
    case TERMINAL_END:
        at = 1L << 30;
        break;
    default:
        return;
    }
    w->scroll = at < -1 ? -1 : at;
}

static int watch_terminal(struct watching *w, int first)
{
    struct terminal t;
    int status = first;
    if (terminal_enter(&t, w->c->out) < 0)
        return command_fail(w->c, EX_OSERR, "the terminal: %s", strerror(errno));
    struct mono due = mono_now();
    for (int64_t round = 1;;) {
        if (!draw(w, &t))
            break;
        enum terminal_event e = terminal_wait(&t, &w->interrupt, mono_add(due, w->every_ns));
        if (e == TERMINAL_STOP)
            break;
        if (e == TERMINAL_TIME) {
            if (w->count && round++ >= w->count)
                break;
            due = next_slot(due, w->every_ns);
            status = w->source->poll(w->source);
        } else {
            scroll(w, &t, e);
        }
    }
    terminal_leave(&t);
    return status == EX_UNAVAILABLE || status == EX_NOPERM ? EX_OK : status;
}

// ---- Into a file or a pipe ----

static bool print(struct watching *w)
{
    struct buf text = {0};
    const struct watch_round *r = &w->source->round;
    if (command_flag(w->c, "json")) {
        watch_json(r, &text);
    } else {
        struct watch_view view = {.width = 80};
        watch_render(r, &view, &text);
        buf_putc(&text, '\n'); // between rounds
    }
    bool good =
        !text.failed && fwrite(text.data, 1, text.len, w->c->out) == text.len && fflush(w->c->out) == 0;
    buf_free(&text);
    return good;
}

static bool wait_until(const struct watching *w, struct mono due)
{
    struct terminal nothing = {.in = -1, .signals = -1};
    return terminal_wait(&nothing, &w->interrupt, due) == TERMINAL_TIME;
}

static int watch_plainly(struct watching *w, int status)
{
    struct mono due = mono_now();
    for (int64_t round = 1;; round++) {
        if (!print(w))
            return status;
        due = next_slot(due, w->every_ns);
        if ((w->count && round >= w->count) || !wait_until(w, due))
            return status;
        status = w->source->poll(w->source);
        if (interrupt_seen(&w->interrupt))
            return EX_OK;
    }
}

static int run(struct command *c)
{
    struct watching w = {.c = c, .every_ns = NS_PER_S, .scroll = -1, .interrupt.fd = -1};
    bool line = session_named(c);
    int status = EX_OK;
    if (!command_duration(c, "every", 0.05, 86400, &w.every_ns) ||
        !command_integer(c, "count", 1, INT32_MAX, &w.count))
        return EX_USAGE;
    if (line && c->n)
        return command_usage(
            c, "\"%s\": meters of a gateway and a line on the command line exclude each other", c->words[0]);
    if (!line && (command_value(c, "profile") || command_value(c, "unit") || command_value(c, "holding")))
        return command_usage(
            c, "name the line, too: --tcp HOST[:PORT], --serial DEVICE or --rtu-over-tcp HOST:PORT");
    if (interrupt_open(&w.interrupt) < 0)
        return command_fail(c, EX_OSERR, "%s", strerror(errno));
    w.source =
        line ? watch_line_open(c, &w.interrupt, &status) : watch_gateway_open(c, &w.interrupt, &status);
    if (w.source) {
        // A gateway that is not there now is a mistake; one that goes away later may come back. A meter
        // may well be switched on while somebody watches.
        status = w.source->poll(w.source);
        const char *trouble = w.source->round.trouble;
        if (interrupt_seen(&w.interrupt))
            status = EX_OK;
        else if (status != EX_OK && !line)
            status = *trouble ? command_fail(c, status, "%s", trouble) : status;
        else if (!command_flag(c, "json") && terminal_usable(c->out))
            status = watch_terminal(&w, status);
        else
            status = watch_plainly(&w, status);
        w.source->close(w.source);
    }
    interrupt_close(&w.interrupt);
    return status;
}

static const struct verb_option options[] = {
    {"every", 'e', "TIME", "between two rounds (default \"1 s\")", false, NULL},
    {"count", 'n', "N", "stop after N rounds", false, NULL},
    VERB_CONFIG,
    VERB_SOCKET,
    SESSION_OPTIONS,
    TARGET_OPTIONS,
    VERB_JSON,
    {0},
};

const struct verb verb_watch = {
    .name = "watch",
    .help = "show readings as they change, of a running daemon or of a meter",
    .words = "[METER...]",
    .most = SIZE_MAX,
    .text =
        "Of a running gateway, all meters or some, and of a model on a line:\n"
        "\n"
        "  symbiont watch\n"
        "  symbiont watch boiler_2 press_4\n"
        "  symbiont watch --tcp 192.168.1.20 --unit 3 --profile eastron-sdm630\n"
        "\n"
        "Shows each meter's state, the age of its last success, its points, and why a point is bad; below,\n"
        "whether the publishers are connected and what waits for them. When there is more than the terminal\n"
        "has lines every meter gets its share; space shows all, arrows and PgUp/PgDn move, Home goes back,\n"
        "q or Ctrl-C ends. Into a file or a pipe it prints one block per round; with --json one document\n"
        "per line and round.",
    .options = options,
    .run = run};
