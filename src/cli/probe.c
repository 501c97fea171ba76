// SPDX-License-Identifier: Apache-2.0
// One question to one unit id.
#include "cli/probe.h"

// On a serial line each probe is for another unit, so that a late answer cannot be taken for the next one's:
// no need to wait for it as long as between questions to one unit.
#define PROBE_DRAIN_NS (5 * NS_PER_MS)

// Until an absent unit has shown how long it takes, a TCP device is given this many times the timeout: a
// gateway first waits for its serial side, usually 1 s, sometimes three times.
#define FIRST_TIMES  16
#define FIRST_MAX_NS (5 * NS_PER_S)
// A gateway's exceptions do not come to the millisecond; and one that has several serial ports is slower on
// some.
#define MARGIN 2

// A device that has closed a connection may want a rest before the next.
#define REST_FIRST_NS (250 * NS_PER_MS)
#define RESTS         4

void probe_begin(struct probe *p, struct session *s, bool tcp, int64_t least_ns)
{
    *p =
        (struct probe){.session = s, .tcp = tcp, .least_ns = least_ns, .limit_ns = least_ns, .learned = !tcp};
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t patience(const struct probe *p)
{
    int64_t first = FIRST_TIMES * p->least_ns;
    return p->learned ? p->limit_ns : larger(p->least_ns, first < FIRST_MAX_NS ? first : FIRST_MAX_NS);
}

static struct modbus_answer ask(struct probe *p, uint8_t unit)
{
    struct modbus_ask question = {unit, TABLE_HOLDING, 0, 1};
    uint64_t strays = session_counters(p->session)->checks[CHECK_STRAY];
    session_drain(p->session, p->tcp ? 0 : PROBE_DRAIN_NS);
    struct modbus_answer a = session_ask(p->session, &question, patience(p));
    session_drain(p->session, 0);
    p->asked++;
    p->strays += session_counters(p->session)->checks[CHECK_STRAY] - strays;
    return a;
}

// The connection was closed on the question, or there is none to be had. The line would now wait longer and
// longer before it connects again, as is right for a daemon.
static struct modbus_answer ask_anew(struct probe *p, uint8_t unit)
{
    struct modbus_answer a = {.verdict = VERDICT_NO_CONNECTION};
    for (int rests = 0; a.verdict == VERDICT_NO_CONNECTION && rests < RESTS; rests++) {
        if ((rests > 0 && !session_wait(p->session, REST_FIRST_NS << (rests - 1))) ||
            !session_reopen(p->session))
            return (struct modbus_answer){.verdict = VERDICT_CANCELLED};
        a = ask(p, unit);
        if (session_counters(p->session)->connects > 0)
            break;
    }
    if (a.verdict == VERDICT_NO_CONNECTION && session_counters(p->session)->connects > 0) {
        p->closed++;
        if (session_reopen(p->session)) // for the next
            return (struct modbus_answer){.verdict = VERDICT_NO_CONNECTION};
        a.verdict = VERDICT_CANCELLED;
    }
    return a;
}

static void note_trouble(struct probe *p)
{
    snprintf(p->trouble, sizeof p->trouble, "%s", session_trouble(p->session));
}

static enum presence judge(struct probe *p, const struct modbus_answer *a)
{
    int64_t took = session_took_ns(p->session);
    switch (a->verdict) {
    case VERDICT_ANSWER:
        return UNIT_PRESENT;
    case VERDICT_EXCEPTION:
        if (a->exception != 10 && a->exception != 11)
            return UNIT_PRESENT;
        p->learned = true;
        p->slowest_absent_ns = larger(p->slowest_absent_ns, took);
        p->limit_ns = larger(p->limit_ns, MARGIN * took);
        return UNIT_ABSENT;
    case VERDICT_NO_CONNECTION:
        note_trouble(p);
        return *p->trouble ? UNIT_LOST : UNIT_ABSENT;
    case VERDICT_CANCELLED:
        note_trouble(p);
        return session_interrupted(p->session) ? UNIT_INTERRUPTED : UNIT_LOST;
    default:
        p->learned |= a->verdict == VERDICT_TIMEOUT;
        p->damaged += a->verdict == VERDICT_BAD_ANSWER;
        return UNIT_SILENT;
    }
}

enum presence probe_unit(struct probe *p, uint8_t unit)
{
    struct modbus_answer a = ask(p, unit);
    if (a.verdict == VERDICT_BAD_ANSWER) // a late one of the unit before may have run into it
        a = ask(p, unit);
    p->ever_connected |= session_counters(p->session)->connects > 0;
    if (a.verdict == VERDICT_NO_CONNECTION && p->ever_connected)
        a = ask_anew(p, unit);
    return judge(p, &a);
}

bool probe_patience(struct probe *p)
{
    if (!p->tcp || p->strays == 0 || p->limit_ns >= FIRST_MAX_NS)
        return false;
    p->strays = 0;
    p->limit_ns = larger(p->limit_ns * 4, NS_PER_S);
    return true;
}
