// SPDX-License-Identifier: Apache-2.0
// Lines from the outbox into InfluxDB, and back out of a refused request.
#include "influx_sender.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "symbiont/encode.h"

#define SUBJECT "influxdb"
// An operator repairs settings in minutes; more often asking only fills the server's log.
#define FAULT_PAUSE_NS (60 * NS_PER_S)
// InfluxDB 2 answers 500 to points it can never store (telegraf#8571): after so many, look for them.
#define BROKEN_MAX      5
#define SEARCH_PAUSE_NS (1 * NS_PER_S)
#define SMALLEST_BATCH  1024
#define GAP_LOOK_NS     (1 * NS_PER_S)
#define LISTED_MAX      128

void influx_sender_init(struct influx_sender *s)
{
    s->pause = (struct backoff){.first_ns = NS_PER_S, .cap_ns = 60 * NS_PER_S};
}

void influx_sender_free(struct influx_sender *s)
{
    if (s->batch.n)
        outbox_rewind(s->outbox, s->lane, s->batch.entries[0].id);
    influx_batch_free(&s->batch);
    buf_free(&s->response.body);
    influx_http_free(s->http);
    s->http = NULL;
}

static void remember_error(struct influx_sender *s, const char *words)
{
    snprintf(s->shown.last_error, sizeof s->shown.last_error, "%s", words);
    s->shown.last_error_at = utc_now();
}

// ---- Gathering ----

static size_t byte_limit(const struct influx_sender *s)
{
    int64_t limit = s->config->batch_bytes;
    return (size_t)(s->shown.learned_bytes && s->shown.learned_bytes < limit ? s->shown.learned_bytes
                                                                             : limit);
}

// What was set aside before a restart, while its batch was being taken apart, need not be found again.
static void forget_rejected(struct influx_sender *s, const struct outbox_item *item)
{
    struct influx_entry *e = &s->batch.entries[s->batch.n - 1];
    struct outbox_item as_sent = *item; // the list has it with its line end
    as_sent.payload = s->batch.text.data + e->at;
    as_sent.n = e->n;
    e->gone = outbox_was_rejected(s->outbox, s->lane, &as_sent);
}

// Takes what there is, up to the limits. True: the batch is full.
static bool gather(struct influx_sender *s, struct mono now)
{
    struct outbox_item item;
    while (s->batch.n < (size_t)s->config->batch_lines) {
        if (!outbox_next(s->outbox, s->lane, &item))
            return false;
        // A single message may be larger than the limit: it goes alone.
        bool fits = s->batch.n == 0 || s->batch.text.len + item.n <= byte_limit(s);
        if (!fits || !influx_batch_add(&s->batch, item.payload, item.n, item.id, item.time)) {
            outbox_rewind(s->outbox, s->lane, item.id);
            return true;
        }
        forget_rejected(s, &item);
        if (s->batch.n == 1)
            s->batch_due = mono_add(now, s->config->batch_age_ns);
    }
    return true;
}

// ---- Setting aside ----

struct sifting {
    struct influx_sender *s;
    const char *message, *why;
    const char *field;
    const size_t *listed; // line numbers from 1
    size_t listed_count;
};

static bool reject(const struct sifting *sift, const struct influx_entry *e, const char *line)
{
    struct influx_sender *s = sift->s;
    struct outbox_item item = {.id = e->id, .time = e->time, .topic = "", .payload = line, .n = e->n};
    outbox_reject(s->outbox, s->lane, &item, sift->why);
    s->shown.counters.set_aside++;
    return true;
}

static bool any_line(void *arg, const struct influx_entry *e, const char *line, size_t index)
{
    (void)index;
    return reject(arg, e, line);
}

static bool quoted_line(void *arg, const struct influx_entry *e, const char *line, size_t index)
{
    const struct sifting *sift = arg;
    bool bad = influx_quotes_line(sift->message, line, e->n - 1);
    for (size_t i = 0; i < sift->listed_count && !bad; i++)
        bad = sift->listed[i] == index + 1;
    return bad && reject(sift, e, line);
}

static bool line_with_field(void *arg, const struct influx_entry *e, const char *line, size_t index)
{
    const struct sifting *sift = arg;
    (void)index;
    return influx_line_has_field(line, e->n - 1, sift->field) && reject(sift, e, line);
}

static void tell_set_aside(struct influx_sender *s, struct mono now, size_t n, const char *why)
{
    complain(&s->bad_lines, now, LOG_LEVEL_ERROR, SUBJECT,
             "%zu message%s set aside, the server will never store %s: %s", n, n == 1 ? "" : "s",
             n == 1 ? "it" : "them", why);
}

static void set_all_aside(struct influx_sender *s, struct mono now, const char *why)
{
    struct sifting sift = {.s = s, .why = why};
    tell_set_aside(s, now, influx_batch_sift(&s->batch, any_line, &sift), why);
    influx_batch_pop(&s->batch);
}

// 422: the server has stored the rest. Its message may name the field whose type does not fit.
static void set_unprocessable_aside(struct influx_sender *s, struct mono now, const char *why)
{
    struct buf message = {0};
    char field[80];
    struct sifting sift = {.s = s, .why = why, .field = field};
    influx_message(s->response.body.data ? s->response.body.data : "", s->response.body.len, &message);
    size_t found = 0;
    if (influx_names_field(buf_text(&message), field, sizeof field))
        found = influx_batch_sift(&s->batch, line_with_field, &sift);
    if (found == 0)
        found = influx_batch_sift(&s->batch, any_line, &sift);
    tell_set_aside(s, now, found, why);
    s->batch.stored_any = true;
    influx_batch_pop(&s->batch);
    buf_free(&message);
}

// 400: the lines that the message quotes or lists go; without any, the range is halved until one stands
// alone.
static void look_for_bad_lines(struct influx_sender *s, struct mono now, size_t count, const char *why)
{
    size_t listed[LISTED_MAX];
    struct buf message = {0};
    const char *body = s->response.body.data ? s->response.body.data : "";
    influx_message(body, s->response.body.len, &message);
    struct sifting sift = {.s = s, .why = why, .message = buf_text(&message), .listed = listed};
    sift.listed_count = influx_listed_lines(body, s->response.body.len, listed, LISTED_MAX);
    size_t found = influx_batch_sift(&s->batch, quoted_line, &sift);
    if (found)
        tell_set_aside(s, now, found, why);
    else if (count == 1)
        set_all_aside(s, now, why);
    else
        influx_batch_split(&s->batch);
    buf_free(&message);
}

// ---- Waiting ----

static const char *secret_file(const struct influx_sender *s)
{
    return s->config->token_file ? s->config->token_file : s->config->password_file;
}

static struct timespec changed_at(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 ? st.st_ctim : (struct timespec){0, 0};
}

static bool secret_was_changed(const struct influx_sender *s)
{
    struct timespec t = changed_at(secret_file(s));
    return t.tv_sec != s->secret_changed.tv_sec || t.tv_nsec != s->secret_changed.tv_nsec;
}

static void wait_for(struct influx_sender *s, struct mono now, int64_t ns, enum log_level level,
                     const char *words)
{
    s->shown.connected = false;
    s->shown.counters.retries++;
    s->shown.retry_at = mono_add(now, ns);
    remember_error(s, words);
    complain(&s->trouble, now, level, SUBJECT, "%s: %s; next attempt in %.1f s", s->config->url, words,
             (double)ns / NS_PER_S);
}

static int64_t growing_pause(struct influx_sender *s, int64_t at_least_ns)
{
    int64_t ns = backoff_next(&s->pause, random_bits());
    return ns > at_least_ns ? ns : at_least_ns;
}

static void wait_for_operator(struct influx_sender *s, struct mono now, const char *words)
{
    s->shown.fault = true;
    s->secret_changed = changed_at(secret_file(s));
    wait_for(s, now, FAULT_PAUSE_NS, LOG_LEVEL_ERROR, words);
}

// ---- Answers ----

static void worked(struct influx_sender *s)
{
    s->shown.connected = true;
    s->shown.fault = false;
    s->batch.broken = 0;
    backoff_reset(&s->pause);
    complaint_over(&s->trouble, SUBJECT, "%s answers again", s->config->url);
}

static void stored(struct influx_sender *s, size_t count, size_t bytes)
{
    worked(s);
    s->batch.stored_any = true;
    s->shown.counters.stored_messages += count;
    s->shown.counters.stored_bytes += bytes;
    s->shown.counters.wire_bytes += s->response.wire_bytes;
    s->shown.last_stored_at = utc_now();
    influx_batch_pop(&s->batch);
}

static void too_large(struct influx_sender *s, struct mono now, size_t count, size_t bytes, const char *words)
{
    int64_t limit = (int64_t)bytes / 2;
    s->shown.learned_bytes = limit > SMALLEST_BATCH ? limit : SMALLEST_BATCH;
    worked(s);
    remember_error(s, words);
    if (count == 1) {
        set_all_aside(s, now, words);
        return;
    }
    log_warning(SUBJECT, "the server does not take %zu bytes at once: %lld from now on", bytes,
                (long long)s->shown.learned_bytes);
    influx_batch_split(&s->batch);
}

// The whole batch of one line cannot show whether it is the line: it is gathered again, with what has come
// since.
static void begin_search(struct influx_sender *s, struct mono now)
{
    if (s->batch.n == 1) {
        outbox_rewind(s->outbox, s->lane, s->batch.entries[0].id);
        influx_batch_reset(&s->batch);
        gather(s, now);
        influx_batch_begin(&s->batch);
    }
    s->batch.searching = true;
    log_warning(SUBJECT, "%d server errors in a row: looking for a message that causes them", BROKEN_MAX);
}

// While every answer is an error it may be the server: nothing is given up before it has stored something
// else.
static void broken(struct influx_sender *s, struct mono now, size_t count, const struct influx_answer *a)
{
    s->batch.broken++;
    if (!s->batch.searching) {
        if (s->batch.broken >= BROKEN_MAX)
            begin_search(s, now);
        wait_for(s, now, growing_pause(s, a->wait_ns), LOG_LEVEL_WARNING, a->words);
        return;
    }
    if (count > 1)
        influx_batch_split(&s->batch);
    else if (s->batch.stored_any)
        set_all_aside(s, now, a->words);
    else
        influx_batch_rotate(&s->batch);
    int64_t pause = s->batch.stored_any ? 0 : count > 1 ? SEARCH_PAUSE_NS : growing_pause(s, SEARCH_PAUSE_NS);
    wait_for(s, now, pause > a->wait_ns ? pause : a->wait_ns, LOG_LEVEL_WARNING, a->words);
}

static void act_on(struct influx_sender *s, struct mono now, const struct influx_answer *a, size_t count,
                   size_t bytes)
{
    if (a->action != INFLUX_STORED)
        remember_error(s, a->words);
    switch (a->action) {
    case INFLUX_STORED:
        stored(s, count, bytes);
        break;
    case INFLUX_BAD_LINES:
        worked(s);
        look_for_bad_lines(s, now, count, a->words);
        break;
    case INFLUX_ALL_BAD:
        worked(s);
        set_all_aside(s, now, a->words);
        break;
    case INFLUX_SET_ASIDE:
        worked(s);
        set_unprocessable_aside(s, now, a->words);
        break;
    case INFLUX_TOO_LARGE:
        too_large(s, now, count, bytes, a->words);
        break;
    case INFLUX_FAULT:
        wait_for_operator(s, now, a->words);
        break;
    case INFLUX_BUSY:
        wait_for(s, now, growing_pause(s, a->wait_ns), LOG_LEVEL_WARNING, a->words);
        break;
    case INFLUX_BROKEN:
        broken(s, now, count, a);
        break;
    }
}

// True: the server answered with a status, which is in `answer`.
static bool exchange(struct influx_sender *s, const char *data, size_t bytes, size_t count,
                     struct influx_answer *answer)
{
    struct influx_response *r = &s->response;
    enum influx_exchange outcome = influx_http_post(s->http, data, bytes, r);
    struct mono now = mono_now();
    s->shown.counters.requests++;
    s->shown.last_status = r->status;
    switch (outcome) {
    case INFLUX_ANSWERED:
        influx_answer(r->status, r->body.data ? r->body.data : "", r->body.len, count, r->retry_after_s,
                      r->redirect, answer);
        return true;
    case INFLUX_NO_ANSWER:
        wait_for(s, now, growing_pause(s, 0), LOG_LEVEL_WARNING, r->words);
        break;
    case INFLUX_NOT_SECURE:
        wait_for(s, now, growing_pause(s, 0), LOG_LEVEL_ERROR, r->words);
        break;
    case INFLUX_NO_SECRET:
        wait_for_operator(s, now, r->words);
        break;
    case INFLUX_STOPPED:
        s->shown.retry_at = mono_add(now, NS_PER_S);
        break;
    }
    return false;
}

static void finish(struct influx_sender *s)
{
    outbox_ack(s->outbox, s->lane, s->batch.entries[s->batch.n - 1].id);
    influx_batch_reset(&s->batch);
}

static void post_range(struct influx_sender *s)
{
    const char *data;
    size_t bytes, count;
    struct influx_answer answer;
    int rc = influx_batch_next(&s->batch, &data, &bytes, &count);
    if (rc < 0)
        wait_for(s, mono_now(), NS_PER_S, LOG_LEVEL_ERROR, "no memory");
    else if (rc > 0 && exchange(s, data, bytes, count, &answer))
        act_on(s, mono_now(), &answer, count, bytes);
    if (s->batch.range_count == 0) // all of it is stored or set aside
        finish(s);
}

// ---- Gaps ----

// What had to go is itself a fact worth storing; a gap record that the server refuses is not insisted on.
static void post_gap(struct influx_sender *s, struct mono now)
{
    struct outbox_gap gap;
    struct buf text = {0};
    struct influx_answer answer;
    if (mono_since(now, s->gaps_looked_at) < GAP_LOOK_NS)
        return;
    s->gaps_looked_at = now;
    if (!outbox_gap(s->outbox, s->lane, &gap))
        return;
    struct influx_line l = influx_line_begin(&text, "gaps");
    influx_line_tag(&l, "publisher", s->lane_name);
    influx_line_tag(&l, "site", s->site);
    influx_line_integer(&l, "from", gap.from.ms);
    influx_line_integer(&l, "messages", (int64_t)gap.count);
    influx_line_integer(&l, "to", gap.to.ms);
    influx_line_end(&l, gap.to);
    if (!text.failed && exchange(s, text.data, text.len, 1, &answer)) {
        if (answer.action == INFLUX_FAULT)
            wait_for_operator(s, mono_now(), answer.words);
        else if (answer.action == INFLUX_BUSY || answer.action == INFLUX_BROKEN)
            wait_for(s, mono_now(), growing_pause(s, answer.wait_ns), LOG_LEVEL_WARNING, answer.words);
        else {
            worked(s);
            s->shown.counters.gaps++;
            outbox_gap_done(s->outbox, s->lane, &gap);
        }
    }
    buf_free(&text);
}

struct mono influx_sender_turn(struct influx_sender *s, struct mono now, bool flush, bool *wants_outbox,
                               bool *idle)
{
    *wants_outbox = *idle = false;
    if (mono_before(now, s->shown.retry_at)) {
        if (!s->shown.fault || !secret_was_changed(s))
            return mono_before(s->shown.retry_at, mono_add(now, NS_PER_S)) ? s->shown.retry_at
                                                                           : mono_add(now, NS_PER_S);
        s->shown.retry_at = now;
    }
    if (s->batch.range_count == 0) {
        bool full = gather(s, now);
        if (s->batch.n == 0 || (!full && !flush && mono_before(now, s->batch_due))) {
            post_gap(s, now);
            *wants_outbox = s->batch.n == 0;
            *idle = s->batch.n == 0;
            return s->batch.n ? s->batch_due : mono_add(now, NS_PER_S);
        }
        influx_batch_begin(&s->batch);
    }
    post_range(s);
    return now;
}
