// SPDX-License-Identifier: Apache-2.0
// A rule's state as bytes, to carry it over a restart.
//
//     "SRU1"
//     u64 definition of the rule, u64 flags (1: the process ended in order), u64 severity
//     struct rule_memory, its members in order, i64 each
//     u64 FNV-1a of all bytes before
//
// Big-endian.
#include <string.h>
#include "rules/rule_inside.h"
#include "symbiont/cursor.h"
#include "symbiont/pack.h"

static const char magic[4] = {'S', 'R', 'U', '1'};

enum { CLEAN = 1, FIELDS = sizeof(struct rule_memory) / sizeof(int64_t), SIZE = 4 + 8 * (3 + FIELDS + 1) };

_Static_assert(sizeof(struct rule_memory) == FIELDS * sizeof(int64_t), "every member is written as one i64");

void rule_save(const struct rule *r, bool clean, struct buf *out)
{
    size_t begin = out->len;
    int64_t fields[FIELDS];
    memcpy(fields, &r->m, sizeof fields);
    buf_put(out, magic, sizeof magic);
    pack_u64(out, r->definition);
    pack_u64(out, clean ? CLEAN : 0);
    pack_u64(out, (uint64_t)r->config->severity);
    for (size_t i = 0; i < FIELDS; i++)
        pack_u64(out, (uint64_t)fields[i]);
    if (!out->failed)
        pack_u64(out, fnv1a(FNV_BASIS, out->data + begin, out->len - begin));
}

struct saved {
    uint64_t definition, flags, severity;
    struct rule_memory m;
};

static bool take(const void *data, size_t n, struct saved *out)
{
    if (n != SIZE || memcmp(data, magic, sizeof magic) != 0)
        return false;
    struct cursor c = cursor_over((const uint8_t *)data + sizeof magic, n - sizeof magic);
    int64_t fields[FIELDS] = {0};
    out->definition = cursor_u64(&c);
    out->flags = cursor_u64(&c);
    out->severity = cursor_u64(&c);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (int64_t)cursor_u64(&c);
    memcpy(&out->m, fields, sizeof fields);
    // Times of a calendar and lengths of the same order: nothing that could overflow.
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i] < -INT64_C(1000000000000000) || fields[i] > INT64_C(1000000000000000))
            return false;
    return cursor_u64(&c) == fnv1a(FNV_BASIS, data, n - 8) && out->m.state >= 0 &&
           out->m.state < RULE_STATES && out->severity <= SEVERITY_CRITICAL;
}

bool rule_restore(struct rule *r, const void *data, size_t n)
{
    struct saved s;
    if (!take(data, n, &s))
        return false;
    bool same = s.definition == r->definition;
    r->m = s.m;
    r->started = false;
    r->unsure = same && !(s.flags & CLEAN);
    r->old_stands = !same && rule_stands(s.m.state);
    if (!same) {
        r->m.state = RULE_IDLE;
        r->m.run = 0;
        r->m.unknown_since = 0;
    }
    return true;
}

bool rule_saved_alert(const void *data, size_t n, struct utc *began, struct utc *last,
                      enum severity *severity)
{
    struct saved s;
    if (!take(data, n, &s) || !rule_stands(s.m.state) || !s.m.told)
        return false;
    *began = (struct utc){s.m.began};
    *last = (struct utc){s.m.now};
    *severity = (enum severity)s.severity;
    return true;
}

static struct expression_state *state_at(const struct rule *r, size_t i)
{
    if (i < RULE_CONDITIONS)
        return r->states[i];
    i -= RULE_CONDITIONS;
    return i < r->text.n ? r->text.parts[i].state : NULL;
}

size_t rule_windows(const struct rule *r)
{
    return RULE_CONDITIONS + r->text.n;
}

bool rule_save_windows(struct rule *r, size_t i, struct buf *out)
{
    if (i >= RULE_CONDITIONS + r->text.n)
        return false;
    if (state_at(r, i))
        expression_state_save(state_at(r, i), out);
    return true;
}

bool rule_restore_windows(struct rule *r, size_t i, const void *data, size_t n)
{
    return i < RULE_CONDITIONS + r->text.n && state_at(r, i) &&
           expression_state_restore(state_at(r, i), data, n);
}
