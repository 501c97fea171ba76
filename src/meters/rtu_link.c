// SPDX-License-Identifier: Apache-2.0
// The discipline of a Modbus RTU master.
//
// RTU frames carry no transaction number, so an answer that comes late fits the next question when
// that is alike, and would be believed. Therefore:
//   - a question that was not answered leaves a drain behind: before the next one the bus must have been
//     quiet for a whole response timeout, or the late answer must have been seen and thrown away;
//   - the first answer of a unit that still owed one is only believed after listening whether a second
//     comes: then the first was the late one;
//   - everything received before a question is thrown away.
// libmodbus reads the frame, with its byte timeout and recovery modes off; when its reading goes wrong
// (noise in front of the frame, an echo) what it has read is looked at together with what follows.
#include "meters/rtu_link.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "meters/rtu_find.h"

// A damaged answer is followed by silence, not by the rest of it: adapters deliver in pieces up to
// 16 ms apart (the latency timer of common USB chips).
#define ADAPTER_LATENCY_NS (20 * NS_PER_MS)

// A bus that never falls silent is asked anyway after this many characters of waiting.
#define BABBLE_CHARS (2 * RTU_FRAME_MAX)

static struct mono later(struct mono a, struct mono b)
{
    return mono_before(a, b) ? b : a;
}

static struct mono earlier(struct mono a, struct mono b)
{
    return mono_before(a, b) ? a : b;
}

int rtu_link_open(struct rtu_link *l, int fd, bool is_tty, int stop_fd, int64_t char_ns, int64_t gap_ns,
                  enum rtu_echo echo)
{
    memset(l, 0, offsetof(struct rtu_link, owed));
    l->fd = fd;
    l->stop_fd = stop_fd;
    l->is_tty = is_tty;
    l->char_ns = char_ns;
    l->gap_ns = gap_ns;
    l->echo = echo;
    if (fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    // The port is open and set already: device and mode only satisfy the constructor.
    l->modbus = modbus_new_rtu("port", 9600, 'N', 8, 1);
    if (!l->modbus)
        return -1;
    modbus_set_error_recovery(l->modbus, MODBUS_ERROR_RECOVERY_NONE);
    if (modbus_set_socket(l->modbus, fd) == 0 && modbus_set_byte_timeout(l->modbus, 0, 0) == 0)
        return 0;
    rtu_link_close(l);
    return -1;
}

void rtu_link_close(struct rtu_link *l)
{
    if (l->modbus)
        modbus_free(l->modbus);
    l->modbus = NULL;
}

// ---- Waiting and reading ----

enum event { INPUT, DUE, STOP, GONE };

static enum event wait_until(const struct rtu_link *l, struct mono due)
{
    struct pollfd fds[2] = {{.fd = l->fd, .events = POLLIN}, {.fd = l->stop_fd, .events = POLLIN}};
    for (;;) {
        int64_t left = mono_since(due, mono_now());
        if (left <= 0) // before input: a bus that babbles without end does not hold us
            return DUE;
        struct timespec wait = {left / NS_PER_S, left % NS_PER_S};
        int n = ppoll(fds, 2, &wait, NULL);
        if (n < 0 && errno != EINTR)
            return GONE;
        if (n < 0)
            continue;
        if (fds[1].revents)
            return STOP;
        if (fds[0].revents) // hang-up and errors show in the read
            return INPUT;
    }
}

// Reads what is there. 0: nothing; -1: the port is gone. A full buffer lets go of its older half.
static ssize_t take(struct rtu_link *l)
{
    if (l->got == sizeof l->in) {
        l->got /= 2;
        memmove(l->in, l->in + sizeof l->in - l->got, l->got);
    }
    ssize_t n = read(l->fd, l->in + l->got, sizeof l->in - l->got);
    if (n > 0) {
        l->got += (size_t)n;
        return n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0)
        errno = ECONNRESET;
    return -1;
}

static enum rtu_outcome outcome_of(enum event e)
{
    return e == STOP ? RTU_STOPPED : e == GONE ? RTU_BROKEN : RTU_OK;
}

// ---- What was received ----

static void drop_until(struct rtu_link *l, size_t end)
{
    l->got -= end;
    memmove(l->in, l->in + end, l->got);
}

// ---- Before the question ----

static bool is_late_answer(struct rtu_link *l, bool watched)
{
    struct modbus_answer answer;
    size_t start, end;
    if (rtu_find(l->in, l->got, &l->drain.ask, &answer, &start, &end) == RTU_NOTHING)
        return false;
    l->owed[l->drain.ask.unit] = false;
    if (watched) { // else nobody knows when it came
        l->late.unit = l->drain.ask.unit;
        l->late.took_ns = mono_since(mono_now(), l->drain.asked);
    }
    return true;
}

// Until the late answer was seen or the bus was quiet for a response timeout; bounded on a bus that
// is never quiet.
static enum rtu_outcome drain(struct rtu_link *l)
{
    bool watched = false;
    struct mono end = mono_add(mono_now(), 2 * l->drain.silence_ns + RTU_FRAME_MAX * l->char_ns);
    for (;;) {
        ssize_t n = take(l);
        if (n < 0)
            return RTU_BROKEN;
        if (n > 0) {
            l->drain.quiet_since = mono_now();
            if (is_late_answer(l, watched))
                break;
        }
        struct mono due = earlier(mono_add(l->drain.quiet_since, l->drain.silence_ns), end);
        enum event e = wait_until(l, due);
        if (e == DUE)
            break;
        if (e != INPUT)
            return outcome_of(e);
        watched = true;
    }
    l->strays += l->got > 0;
    if (l->got > 0)
        l->free_at = later(l->free_at, mono_add(mono_now(), l->gap_ns));
    l->got = 0;
    l->drain.due = false;
    return RTU_OK;
}

// The pause, and silence between frames: what comes meanwhile is nobody's answer.
static enum rtu_outcome wait_turn(struct rtu_link *l)
{
    struct mono end = mono_add(later(l->free_at, mono_now()), BABBLE_CHARS * l->char_ns);
    l->strays += l->got > 0; // behind the last answer
    l->got = 0;
    for (;;) {
        ssize_t n = take(l);
        if (n < 0)
            return RTU_BROKEN;
        struct mono now = mono_now();
        if (n > 0) {
            l->strays++;
            l->got = 0;
            l->free_at = later(l->free_at, mono_add(now, l->gap_ns));
        }
        struct mono due = earlier(l->free_at, end);
        if (!mono_before(now, due))
            break;
        enum event e = wait_until(l, due);
        if (e == STOP || e == GONE)
            return outcome_of(e);
    }
    if (l->is_tty) // a socket has nothing to flush: it was read empty
        modbus_flush(l->modbus);
    return RTU_OK;
}

// ---- The question ----

static enum rtu_outcome send_request(struct rtu_link *l, struct rtu_exchange *x)
{
    rtu_request(l->request, &x->ask);
    ssize_t n = l->is_tty ? write(l->fd, l->request, RTU_REQUEST)
                          : send(l->fd, l->request, RTU_REQUEST, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n != RTU_REQUEST) {
        if (n >= 0 || errno == EAGAIN)
            errno = ENOBUFS; // eight bytes that do not leave: the port is stuck
        return RTU_BROKEN;
    }
    x->asked = mono_now();
    l->echo_due = l->echo != RTU_ECHO_NONE;
    return RTU_OK;
}

static void judge(struct rtu_exchange *x, enum verdict verdict, enum check check)
{
    x->answer = (struct modbus_answer){.verdict = verdict, .check = check};
    x->answered = mono_now();
}

// No answer, or none to be believed: what may still come is drained before the next question.
static void give_up(struct rtu_link *l, struct rtu_exchange *x, enum verdict verdict, enum check check)
{
    judge(x, verdict, check);
    // With a short drain a late answer to the question before comes into this one's time.
    if (x->drain_ns && l->got > 0 && l->drain.asked.ns)
        is_late_answer(l, true);
    l->owed[x->ask.unit] = true;
    l->drain.due = true;
    l->drain.ask = x->ask;
    l->drain.asked = x->asked;
    l->drain.quiet_since = x->answered;
    l->drain.silence_ns = x->drain_ns ? x->drain_ns : x->timeout_ns;
    l->free_at = mono_add(x->answered, l->gap_ns);
    l->got = 0;
}

static void believe(struct rtu_link *l, struct rtu_exchange *x, struct modbus_answer answer)
{
    x->answer = answer;
    x->answered = mono_now();
    if (answer.verdict == VERDICT_ANSWER) {
        memcpy(x->data, answer.data, answer.n);
        x->answer.data = x->data;
    }
    int64_t pause = x->pause_ns > l->gap_ns ? x->pause_ns : l->gap_ns;
    l->free_at = mono_add(x->answered, pause);
}

// Up to as many bytes as the request has, not one more: what follows is libmodbus's.
static enum rtu_outcome read_echo(struct rtu_link *l, struct mono due)
{
    while (l->got < RTU_REQUEST) {
        enum event e = wait_until(l, due);
        if (e != INPUT)
            return outcome_of(e);
        ssize_t n = read(l->fd, l->in + l->got, RTU_REQUEST - l->got);
        if (n == 0)
            errno = ECONNRESET;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return RTU_BROKEN;
        l->got += n > 0 ? (size_t)n : 0;
    }
    return RTU_OK;
}

static bool is_echo(const struct rtu_link *l)
{
    return l->got >= RTU_REQUEST && memcmp(l->in, l->request, RTU_REQUEST) == 0;
}

// Our own request at the head of what was received. It can look like an answer (bits, address
// 0x03xx), so it is taken away first, until an answer without it has shown that there is no echo.
static void strip_echo(struct rtu_link *l)
{
    if (!l->echo_due || !is_echo(l))
        return;
    l->echo = RTU_ECHO_PRESENT;
    l->echo_due = false;
    drop_until(l, RTU_REQUEST);
}

// ---- The answer ----

// One frame through libmodbus. `check`: what is wrong with it; CHECK_OK: nothing complete came in time.
static enum rtu_outcome receive(struct rtu_link *l, const struct modbus_ask *ask, struct mono due,
                                enum check *check)
{
    int64_t left = mono_since(due, mono_now());
    uint32_t us = left > 1000 ? (uint32_t)(left / 1000) : 1;
    memset(l->in, 0, RTU_FRAME_MAX);
    modbus_set_slave(l->modbus, ask->unit);
    modbus_set_response_timeout(l->modbus, us / 1000000, us % 1000000);
    int n = modbus_receive_confirmation(l->modbus, l->in);
    *check = CHECK_OK;
    if (n < 0 && errno == ETIMEDOUT) {
        l->got = RTU_FRAME_MAX; // as far as it came, and zeros
        return RTU_OK;
    }
    if (n < 0 && errno != EMBBADCRC && errno != EMBBADDATA && errno != EAGAIN && errno != EINTR)
        return RTU_BROKEN;
    if (n > 0)
        l->got = (size_t)n;
    else if (n == 0 || errno == EMBBADCRC) // 0: not the unit it was told
        l->got = rtu_claimed_bytes(l->in);
    else
        l->got = errno == EMBBADDATA ? 3 : 0;
    if (l->got > 0)
        *check = rtu_answer(l->in, l->got, ask).check;
    return RTU_OK;
}

// Reads on until the answer is found or `due`. Sets a verdict in any case.
static enum rtu_outcome look_for_answer(struct rtu_link *l, struct rtu_exchange *x, struct mono due,
                                        enum check check)
{
    struct modbus_answer answer;
    size_t start, end;
    for (;;) {
        strip_echo(l);
        enum rtu_found found = rtu_find(l->in, l->got, &x->ask, &answer, &start, &end);
        if (found == RTU_RIGHT) {
            if (start == 0 && l->echo_due)
                l->echo = RTU_ECHO_NONE;
            l->noisy += start > 0;
            believe(l, x, answer);
            drop_until(l, end);
            return RTU_OK;
        }
        struct mono until = due;
        if (found == RTU_DAMAGED) // it has come: only its tail may still be under way
            until = earlier(due, mono_add(mono_now(), ADAPTER_LATENCY_NS + l->gap_ns));
        enum event e = wait_until(l, until);
        if (e == DUE) {
            give_up(l, x, check == CHECK_OK ? VERDICT_TIMEOUT : VERDICT_BAD_ANSWER, check);
            l->drain.due = l->owed[x->ask.unit] = found != RTU_DAMAGED;
            return RTU_OK;
        }
        if (e != INPUT)
            return outcome_of(e);
        if (take(l) < 0)
            return RTU_BROKEN;
    }
}

// The unit owed an answer to an earlier question: is what came that one? Then its answer to this
// question follows, and replaces it.
static enum rtu_outcome listen_for_second(struct rtu_link *l, struct rtu_exchange *x)
{
    struct mono due = mono_add(x->answered, x->timeout_ns);
    struct modbus_answer answer;
    size_t start, end;
    for (;;) {
        if (rtu_find(l->in, l->got, &x->ask, &answer, &start, &end) == RTU_RIGHT) {
            believe(l, x, answer);
            drop_until(l, end);
            l->strays++;
            continue;
        }
        enum event e = wait_until(l, due);
        if (e == DUE)
            break;
        if (e != INPUT)
            return outcome_of(e);
        if (take(l) < 0)
            return RTU_BROKEN;
    }
    l->owed[x->ask.unit] = false;
    return RTU_OK;
}

static enum rtu_outcome hear(struct rtu_link *l, struct rtu_exchange *x)
{
    // The timeout is for the answer to begin; its length is known, and so is when it must be over. Nothing
    // extends that: a device that sends a byte now and then does not hold the line.
    struct mono begin = mono_add(x->asked, RTU_REQUEST * l->char_ns + x->timeout_ns);
    struct mono over = mono_add(begin, (int64_t)rtu_answer_bytes(&x->ask) * l->char_ns);
    if (l->echo == RTU_ECHO_PRESENT) {
        enum rtu_outcome o = read_echo(l, begin);
        if (o != RTU_OK)
            return o;
        // Damaged, or there is no echo after all and this is the answer.
        if (!is_echo(l))
            return look_for_answer(l, x, over, l->got == RTU_REQUEST ? CHECK_CRC : CHECK_OK);
        strip_echo(l);
    }
    enum event e = wait_until(l, begin);
    if (e == DUE) {
        give_up(l, x, VERDICT_TIMEOUT, CHECK_OK);
        return RTU_OK;
    }
    if (e != INPUT)
        return outcome_of(e);
    enum check check;
    enum rtu_outcome o = receive(l, &x->ask, over, &check);
    return o == RTU_OK ? look_for_answer(l, x, over, check) : o;
}

enum rtu_outcome rtu_ask(struct rtu_link *l, struct rtu_exchange *x)
{
    x->asked = (struct mono){0};
    enum rtu_outcome o = RTU_OK;
    if (l->drain.due)
        o = drain(l);
    if (o == RTU_OK)
        o = wait_turn(l);
    bool owed = l->owed[x->ask.unit];
    if (o == RTU_OK)
        o = send_request(l, x);
    if (o == RTU_OK)
        o = hear(l, x);
    if (o == RTU_OK && owed &&
        (x->answer.verdict == VERDICT_ANSWER || x->answer.verdict == VERDICT_EXCEPTION))
        o = listen_for_second(l, x);
    return o;
}
