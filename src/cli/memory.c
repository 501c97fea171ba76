// SPDX-License-Identifier: Apache-2.0
// Answers of one unit, kept.
#include "cli/memory.h"

#include <stdlib.h>
#include <string.h>

// After so many timeouts in a row each further question would only cost time.
#define SILENT_MAX 6

struct said {
    struct modbus_ask ask;
    struct modbus_answer answer;
    uint8_t data[2 * MODBUS_REGISTERS_MAX];
};

static bool contains(const struct modbus_ask *outer, const struct modbus_ask *inner)
{
    return outer->function == inner->function && outer->address <= inner->address &&
           (uint32_t)outer->address + outer->count >= (uint32_t)inner->address + inner->count;
}

static bool knows(struct memory *m, const struct modbus_ask *ask, bool alone, struct modbus_answer *answer)
{
    for (size_t i = 0; i < m->n; i++) {
        struct said *k = &m->said[i];
        bool same = contains(&k->ask, ask) && contains(ask, &k->ask);
        if (k->answer.verdict == VERDICT_ANSWER &&
            (same || (!alone && ask->function >= 3 && contains(&k->ask, ask)))) {
            *answer = k->answer;
            answer->n = same ? k->answer.n : 2 * (size_t)ask->count;
            memcpy(m->part, k->data + (same ? 0 : 2 * (size_t)(ask->address - k->ask.address)), answer->n);
            answer->data = m->part;
            return true;
        }
        // Registers that are not there are not there in a longer stretch either; nor is a function.
        bool absent = k->answer.verdict == VERDICT_EXCEPTION && k->answer.exception == 2;
        bool function = k->answer.verdict == VERDICT_EXCEPTION && k->answer.exception == 1 &&
                        k->ask.function == ask->function;
        if (same || function || (absent && contains(ask, &k->ask))) {
            *answer = k->answer;
            return true;
        }
    }
    return false;
}

static void keep(struct memory *m, const struct modbus_ask *ask, const struct modbus_answer *answer)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct said *said = realloc(m->said, cap * sizeof *said);
        if (!said)
            return;
        m->said = said;
        m->cap = cap;
    }
    struct said *k = &m->said[m->n];
    *k = (struct said){.ask = *ask, .answer = *answer};
    if (answer->verdict == VERDICT_ANSWER) {
        if (answer->n > sizeof k->data)
            return;
        memcpy(k->data, answer->data, answer->n);
    }
    m->n++;
}

struct modbus_answer memory_ask(struct memory *m, struct session *s, const struct modbus_ask *ask, bool alone,
                                int64_t timeout_ns)
{
    struct modbus_answer answer = {.verdict = VERDICT_TIMEOUT};
    if (session_interrupted(s))
        return (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    if (knows(m, ask, alone, &answer) || m->silent >= SILENT_MAX)
        return answer;
    answer = session_ask(s, ask, timeout_ns);
    m->asked++;
    m->silent = answer.verdict == VERDICT_TIMEOUT ? m->silent + 1 : 0;
    if (answer.verdict != VERDICT_CANCELLED)
        keep(m, ask, &answer);
    return answer;
}

void memory_tell(const struct memory *m, struct portrait *to)
{
    for (size_t i = 0; i < m->n; i++) {
        struct modbus_answer a = m->said[i].answer;
        a.data = m->said[i].data;
        portrait_add(to, &m->said[i].ask, &a);
    }
}

void memory_free(struct memory *m)
{
    free(m->said);
    *m = (struct memory){0};
}
