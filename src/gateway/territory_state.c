// SPDX-License-Identifier: Apache-2.0
// What must survive a restart: which offers are told and how, what stands on the broker, what was seen of the
// coordinator's numbers, matches and answers. One file, replaced as a whole.
//
// The epoch is one more than the last one on disk, and never less than the seconds of the clock: so numbers
// grow even when the file was lost. It is on disk before anything is signed with it; the sequence begins anew
// in each epoch and needs none.
//
//     {"v":1,"epoch":1764000000,"territory":"...","pseudonym":"...",
//      "lives":[{"name","role","since","absent","told_at","last":{offer}}],
//      "standing":[{"topic","id","kind","expires","data":"envelope" or null}],
//      "seen":[{"key","epoch","seq"}],
//      "matches":[{"view":{...},"name","level","received","expires","topic":{...},"answer","answered_at","meter"}],
//      "receipts":[{"receipt":{...},"received","topic":{...}}]}
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/territory.h"
#include "symbiont/files.h"
#include "symbiont/json.h"
#include "symbiont/json_parse.h"

#define STATE_MAX (8 << 20)

// ---- Writing ----

static void write_lives(struct json *j, const struct territory *t, struct buf *part)
{
    json_open(j, "lives", '[');
    for (size_t i = 0; i < t->life_count; i++) {
        const struct offer_life *l = &t->lives[i];
        json_open(j, NULL, '{');
        json_text(j, "name", l->name);
        json_int(j, "role", l->role);
        json_int(j, "since", l->since.ms);
        json_int(j, "absent", l->absent.ms);
        if (l->told) {
            json_int(j, "first", l->first.ms);
            json_int(j, "told_at", l->told_at.ms);
            json_int(j, "expires", l->expires.ms);
            buf_reset(part);
            offer_write(&l->last, part);
            json_raw(j, "last", part->data, part->len);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_standings(struct json *j, const struct territory *t)
{
    json_open(j, "standing", '[');
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        const struct standing *s = &t->standings[i];
        if (!s->topic[0] || s->topic[0] == '/')
            continue;
        json_open(j, NULL, '{');
        json_text(j, "topic", s->topic);
        json_text(j, "id", s->id);
        json_int(j, "kind", s->kind);
        json_int(j, "epoch", (int64_t)s->epoch);
        json_int(j, "seq", (int64_t)s->seq);
        json_int(j, "expires", s->expires.ms);
        if (s->data)
            json_text_n(j, "data", s->data, s->size);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_topic(struct json *j, const struct envelope_topic *topic)
{
    char hex[65];
    for (size_t i = 0; i < sizeof topic->hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", topic->hash[i]);
    json_open(j, "topic", '{');
    json_text(j, "key", topic->key_id);
    json_int(j, "epoch", (int64_t)topic->epoch);
    json_int(j, "seq", (int64_t)topic->seq);
    json_text(j, "hash", hex);
    json_int(j, "issued", topic->issued.ms);
    json_int(j, "until", topic->until.ms);
    json_close(j, '}');
}

static void write_seen(struct json *j, const struct envelope_peer *p)
{
    json_open(j, "seen", '[');
    for (unsigned i = 0; i < p->key_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "key", p->key_ids[i]);
        json_int(j, "epoch", (int64_t)p->seen[i].epoch);
        json_int(j, "seq", (int64_t)p->seen[i].seq);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_matches(struct json *j, const struct territory *t, struct buf *part)
{
    json_open(j, "matches", '[');
    for (size_t i = 0; i < t->match_count; i++) {
        const struct held_match *m = &t->matches[i];
        json_open(j, NULL, '{');
        buf_reset(part);
        match_view_write(&m->view, part);
        json_raw(j, "view", part->data, part->len);
        json_text(j, "name", m->name);
        json_int(j, "level", m->level);
        json_int(j, "received", m->received.ms);
        json_int(j, "expires", m->expires.ms);
        write_topic(j, &m->topic);
        if (m->answered) {
            json_int(j, "answer", m->answer);
            json_int(j, "answered_at", m->answered_at.ms);
            json_text(j, "meter", m->meter);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_receipts(struct json *j, const struct territory *t, struct buf *part)
{
    json_open(j, "receipts", '[');
    for (size_t i = 0; i < t->receipt_count; i++) {
        json_open(j, NULL, '{');
        buf_reset(part);
        receipt_write(&t->receipts[i].receipt, part);
        json_raw(j, "receipt", part->data, part->len);
        json_int(j, "received", t->receipts[i].received.ms);
        write_topic(j, &t->receipts[i].topic);
        json_close(j, '}');
    }
    json_close(j, ']');
}

bool territory_save(struct territory *t)
{
    struct buf file = {0}, part = {0};
    struct json j = json_begin(&file);
    json_open(&j, NULL, '{');
    json_int(&j, "v", 1);
    json_int(&j, "epoch", (int64_t)t->epoch);
    json_text(&j, "territory", t->who.territory);
    json_text(&j, "pseudonym", t->who.pseudonym);
    write_lives(&j, t, &part);
    write_standings(&j, t);
    write_seen(&j, &t->who.coordinator);
    write_matches(&j, t, &part);
    write_receipts(&j, t, &part);
    json_close(&j, '}');
    buf_putc(&file, '\n');
    bool done = !file.failed && !part.failed && file_replace(t->state_path, file.data, file.len, 0600) == 0;
    if (done)
        complaint_over(&t->cannot_save, TERRITORY_SUBJECT, "%s can be written again", t->state_path);
    else
        complain(&t->cannot_save, mono_now(), LOG_LEVEL_ERROR, TERRITORY_SUBJECT,
                 "%s cannot be written: %s; nothing is sent", t->state_path, strerror(errno));
    t->unsaved = !done;
    pthread_mutex_lock(&t->lock);
    t->storage_failing = !done;
    pthread_mutex_unlock(&t->lock);
    buf_free(&file);
    buf_free(&part);
    return done;
}

// ---- Reading ----

static int64_t whole(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void text_into(const json_t *o, const char *key, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(out, size, "%s", s ? s : "");
}

static void read_life(struct territory *t, const json_t *o)
{
    struct offer_life l = {.role = (enum offer_role)whole(o, "role"),
                           .since.ms = whole(o, "since"),
                           .absent.ms = whole(o, "absent"),
                           .first.ms = whole(o, "first"),
                           .told_at.ms = whole(o, "told_at"),
                           .expires.ms = whole(o, "expires")};
    const json_t *last = json_object_get(o, "last");
    char why[200];
    text_into(o, "name", l.name, sizeof l.name);
    if (last && !(l.told = offer_take(last, &l.last, why, sizeof why)))
        log_error(TERRITORY_SUBJECT, "%s: %s is told anew: %s", t->state_path, l.name, why);
    if (t->life_count < LIVES_MAX && l.name[0] && l.role <= ROLE_NEED)
        t->lives[t->life_count++] = l;
}

// Of another territory or pseudonym: nobody can clear it any more, it expires.
static bool topic_is_ours(const struct territory *t, const char *topic)
{
    struct exchange_topic parsed;
    return exchange_topic_parse(topic, &parsed) && strcmp(parsed.territory, t->who.territory) == 0 &&
           strcmp(parsed.pseudonym, t->who.pseudonym) == 0;
}

static void read_standing(struct territory *t, const json_t *o)
{
    const json_t *data = json_object_get(o, "data");
    size_t i = 0;
    while (i < STANDINGS_MAX && t->standings[i].topic[0])
        i++;
    if (i == STANDINGS_MAX)
        return;
    struct standing *s = &t->standings[i];
    text_into(o, "topic", s->topic, sizeof s->topic);
    text_into(o, "id", s->id, sizeof s->id);
    s->kind = (enum message_kind)whole(o, "kind");
    s->epoch = (uint64_t)whole(o, "epoch");
    s->seq = (uint64_t)whole(o, "seq");
    s->expires.ms = whole(o, "expires");
    s->size = data ? json_string_length(data) : 0;
    s->data = data ? malloc(s->size + 1) : NULL;
    if (s->data)
        memcpy(s->data, json_string_value(data), s->size);
    if (!topic_is_ours(t, s->topic) || (data && !s->data)) {
        free(s->data);
        *s = (struct standing){0};
    }
}

static void read_topic(const json_t *of, struct envelope_topic *out)
{
    const json_t *o = json_object_get(of, "topic");
    char hex[65];
    text_into(o, "key", out->key_id, sizeof out->key_id);
    text_into(o, "hash", hex, sizeof hex);
    out->epoch = (uint64_t)whole(o, "epoch");
    out->seq = (uint64_t)whole(o, "seq");
    out->issued.ms = whole(o, "issued");
    out->until.ms = whole(o, "until");
    for (size_t i = 0; i < sizeof out->hash && strlen(hex) == 64; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        out->hash[i] = (unsigned char)byte;
    }
}

static void read_seen(struct envelope_peer *p, const json_t *o)
{
    char key[KEY_ID];
    text_into(o, "key", key, sizeof key);
    for (unsigned i = 0; i < p->key_count; i++)
        if (strcmp(p->key_ids[i], key) == 0) {
            p->seen[i].epoch = (uint64_t)whole(o, "epoch");
            p->seen[i].seq = (uint64_t)whole(o, "seq");
        }
}

// The coordinator's bodies are kept as they were read, and read as strictly again.
static bool dumped(const json_t *o, char **text)
{
    *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    return *text != NULL;
}

static void read_match(struct territory *t, const json_t *o)
{
    struct held_match m = {.level = (uint8_t)whole(o, "level"),
                           .received.ms = whole(o, "received"),
                           .expires.ms = whole(o, "expires"),
                           .answered = json_object_get(o, "answer") != NULL,
                           .answer = (enum reply_answer)whole(o, "answer"),
                           .answered_at.ms = whole(o, "answered_at")};
    char *text, why[200];
    text_into(o, "name", m.name, sizeof m.name);
    text_into(o, "meter", m.meter, sizeof m.meter);
    read_topic(o, &m.topic);
    if (t->match_count == MATCHES_MAX || !dumped(json_object_get(o, "view"), &text))
        return;
    if (match_view_read(text, strlen(text), &m.view, why, sizeof why))
        t->matches[t->match_count++] = m;
    else
        log_warning(TERRITORY_SUBJECT, "%s: a match is forgotten: %s", t->state_path, why);
    free(text);
}

static void read_receipt(struct territory *t, const json_t *o)
{
    struct held_receipt r = {.received.ms = whole(o, "received")};
    char *text, why[200];
    read_topic(o, &r.topic);
    if (t->receipt_count == RECEIPTS_MAX || !dumped(json_object_get(o, "receipt"), &text))
        return;
    if (receipt_read(text, strlen(text), &r.receipt, why, sizeof why))
        t->receipts[t->receipt_count++] = r;
    free(text);
}

static void read_all(struct territory *t, json_t *root)
{
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(root, "standing"), i, o) read_standing(t, o);
    json_array_foreach(json_object_get(root, "lives"), i, o) read_life(t, o);
    json_array_foreach(json_object_get(root, "seen"), i, o) read_seen(&t->who.coordinator, o);
    json_array_foreach(json_object_get(root, "matches"), i, o) read_match(t, o);
    json_array_foreach(json_object_get(root, "receipts"), i, o) read_receipt(t, o);
}

// What is told under another pseudonym is not told under this one.
static void forget_other_identity(struct territory *t, const json_t *root)
{
    char territory[64], pseudonym[OFFER_WORD];
    text_into(root, "territory", territory, sizeof territory);
    text_into(root, "pseudonym", pseudonym, sizeof pseudonym);
    if (strcmp(territory, t->who.territory) == 0 && strcmp(pseudonym, t->who.pseudonym) == 0)
        return;
    for (size_t i = 0; i < t->life_count; i++)
        t->lives[i].told = false;
    t->match_count = t->receipt_count = 0;
}

static bool read_file(struct territory *t, uint64_t *epoch, char *why, size_t why_size)
{
    struct buf file = {0};
    json_error_t error;
    if (file_read(t->state_path, STATE_MAX, &file) < 0) {
        bool none = errno == ENOENT;
        if (!none)
            snprintf(why, why_size, "%s: %s", t->state_path, strerror(errno));
        buf_free(&file);
        return none;
    }
    json_t *root = json_parse(file.data, file.len, JSON_REJECT_DUPLICATES, &error);
    buf_free(&file);
    if (!root || whole(root, "v") != 1) {
        // Replaced as a whole, so this is a failing disk or somebody's hand. What is told would be forgotten.
        snprintf(why, why_size,
                 "%s is damaged (%s): bring it back from a backup, or move it away: then what is told "
                 "is told anew and the old offers end when they expire",
                 t->state_path, root ? "unknown version" : error.text);
        json_decref(root);
        return false;
    }
    *epoch = (uint64_t)whole(root, "epoch");
    read_all(t, root);
    forget_other_identity(t, root);
    json_decref(root);
    return true;
}

bool territory_load(struct territory *t, char *why, size_t why_size)
{
    uint64_t before = 0, seconds = (uint64_t)(utc_now().ms / 1000);
    if (!read_file(t, &before, why, why_size))
        return false;
    t->epoch = before + 1 > seconds ? before + 1 : seconds;
    t->rekeyed = true; // to be looked at, once the clock is set
    if (territory_save(t))
        return true;
    snprintf(why, why_size, "%s cannot be written", t->state_path);
    return false;
}

void territory_still_told(const char *directory, struct buf *ids)
{
    char path[4200];
    struct buf file = {0};
    json_error_t error;
    snprintf(path, sizeof path, "%s/state.json", directory);
    json_t *root = file_read(path, STATE_MAX, &file) < 0
                       ? NULL
                       : json_parse(file.data, file.len, JSON_REJECT_DUPLICATES, &error);
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(root, "lives"), i, o)
    {
        const char *id = json_string_value(json_object_get(json_object_get(o, "last"), "id"));
        if (id && whole(o, "expires") > utc_now().ms)
            buf_printf(ids, " %s", id);
    }
    json_decref(root);
    buf_free(&file);
}
