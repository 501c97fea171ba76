// SPDX-License-Identifier: Apache-2.0
// The life of a match as a state machine.
#include "coordinator/life.h"

static uint32_t everybody(const struct life *l)
{
    return l->parties >= 32 ? UINT32_MAX : (1u << l->parties) - 1;
}

const char *life_end_word(enum life_end e)
{
    static const char *const words[] = {"", "declined", "gone", "finished"};
    return words[e];
}

void life_begin(struct life *l, unsigned parties)
{
    *l = (struct life){.parties = (uint8_t)parties};
}

static enum life_effect end(struct life *l, enum life_end how)
{
    l->phase = LIFE_ENDED;
    l->end = (uint8_t)how;
    return LIFE_ALL;
}

static enum life_effect answer_open(struct life *l, uint32_t bit, enum reply_answer answer)
{
    uint32_t before = l->yes;
    switch (answer) {
    case REPLY_INTERESTED:
        l->yes |= bit;
        if (l->yes == everybody(l)) {
            l->phase = LIFE_DISCLOSED;
            return LIFE_ALL;
        }
        return l->yes != before ? LIFE_OWN : LIFE_NOTHING;
    case REPLY_WITHDRAWN:
        l->yes &= ~bit;
        return l->yes != before ? LIFE_OWN : LIFE_NOTHING;
    case REPLY_DECLINED:
    case REPLY_ENDED:
        return end(l, LIFE_DECLINED);
    case REPLY_AGREED: // to somebody that is not known yet
        break;
    }
    return LIFE_NOTHING;
}

static enum life_effect answer_disclosed(struct life *l, uint32_t bit, enum reply_answer answer)
{
    if (answer == REPLY_INTERESTED)
        return LIFE_NOTHING;
    if (answer != REPLY_AGREED)
        return end(l, LIFE_DECLINED);
    uint32_t before = l->agree;
    l->agree |= bit;
    if (l->agree != everybody(l))
        return l->agree != before ? LIFE_OWN : LIFE_NOTHING;
    l->phase = LIFE_AGREED;
    return LIFE_ALL;
}

enum life_effect life_answer(struct life *l, unsigned party, enum reply_answer answer)
{
    if (party >= l->parties)
        return LIFE_NOTHING;
    switch ((enum life_phase)l->phase) {
    case LIFE_OPEN:
        return answer_open(l, 1u << party, answer);
    case LIFE_DISCLOSED:
        return answer_disclosed(l, 1u << party, answer);
    case LIFE_AGREED:
    case LIFE_RUNNING:
        return answer == REPLY_INTERESTED || answer == REPLY_AGREED ? LIFE_NOTHING : end(l, LIFE_FINISHED);
    case LIFE_ENDED:
        break;
    }
    return LIFE_NOTHING;
}

enum life_effect life_gone(struct life *l)
{
    return l->phase == LIFE_ENDED ? LIFE_NOTHING : end(l, LIFE_GONE);
}

void life_changed(struct life *l)
{
    if (l->phase == LIFE_OPEN)
        l->yes = 0;
    if (l->phase == LIFE_DISCLOSED) // who agreed, agreed to something else
        l->agree = 0;
}

enum life_effect life_metered(struct life *l)
{
    if (l->phase != LIFE_AGREED)
        return LIFE_NOTHING;
    l->phase = LIFE_RUNNING;
    return LIFE_ALL;
}

enum match_status life_status(const struct life *l)
{
    static const enum match_status of[] = {[LIFE_DISCLOSED] = MATCH_DISCLOSED,
                                           [LIFE_AGREED] = MATCH_AGREED,
                                           [LIFE_RUNNING] = MATCH_RUNNING,
                                           [LIFE_ENDED] = MATCH_ENDED};
    if (l->phase == LIFE_OPEN)
        return l->yes ? MATCH_INTERESTED : MATCH_PROPOSED;
    return of[l->phase];
}

enum match_status life_seen(const struct life *l, unsigned party)
{
    if (l->phase == LIFE_OPEN)
        return l->yes >> party & 1 ? MATCH_INTERESTED : MATCH_PROPOSED;
    return life_status(l);
}
