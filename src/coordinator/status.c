// SPDX-License-Identifier: Apache-2.0
// What the coordinator tells on its control socket: how it is, its members, its matches.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "coordinator/coordinator.h"

static void time_member(struct json *j, const char *key, struct utc t)
{
    char text[UTC_TEXT];
    if (t.ms)
        json_text(j, key, utc_text(t, text));
    else
        json_none(j, key);
}

static const char *member_state(const struct coordinator *c, const struct member *m)
{
    if (m->declared)
        return "declared";
    if (mono_before(loop_now(c->loop), m->muted_until))
        return "muted";
    return m->missed ? "throttled" : m->last_message.ms ? "heard" : "silent";
}

static void member_status(struct json *j, const struct coordinator *c, const struct member *m)
{
    json_open(j, NULL, '{');
    json_text(j, "pseudonym", m->pseudonym);
    json_text(j, "state", member_state(c, m));
    json_int(j, "keys", m->peer.key_count);
    json_int(j, "entries", (int64_t)m->entries);
    time_member(j, "last_message", m->last_message);
    json_int(j, "accepted", (int64_t)m->accepted);
    json_int(j, "refreshed", (int64_t)m->refreshed);
    json_int(j, "refused", (int64_t)m->refused);
    json_int(j, "throttled", (int64_t)m->throttled);
    json_int(j, "new_ids_refused", (int64_t)m->ids_refused);
    json_int(j, "muted", (int64_t)m->muted);
    json_int(j, "bare_clears", (int64_t)m->cleared);
    json_open(j, "verdicts", '{');
    for (int v = ENVELOPE_REFRESH + 1; v < ENVELOPE_VERDICTS; v++)
        if (m->verdicts[v])
            json_int(j, envelope_verdict_word((enum envelope_verdict)v), (int64_t)m->verdicts[v]);
    json_close(j, '}');
    if (*m->last_trouble) {
        json_text(j, "trouble", m->last_trouble);
        time_member(j, "trouble_at", m->last_trouble_at);
    }
    if (m->has_card && m->card.has_next_key) {
        char text[KEY_TEXT];
        json_text(j, "next_key", public_key_text(m->card.next_key, text));
    }
    json_close(j, '}');
}

static void link_part(struct json *j, const struct coordinator *c)
{
    struct link_status s;
    link_status(c->link, &s);
    json_open(j, "broker", '{');
    json_bool(j, "connected", s.info.up);
    json_text(j, "server", s.info.server);
    time_member(j, "since", s.info.since);
    json_int(j, "connects", (int64_t)s.info.connects);
    json_int(j, "received", (int64_t)s.received);
    json_int(j, "dropped", (int64_t)(s.dropped + s.info.dropped));
    json_int(j, "too_long", (int64_t)s.info.too_long);
    json_int(j, "put", (int64_t)s.put);
    json_int(j, "delivered", (int64_t)s.delivered);
    json_int(j, "refused", (int64_t)s.refused);
    json_int(j, "waiting", (int64_t)s.waiting);
    if (*s.info.last_error) {
        json_text(j, "error", s.info.last_error);
        time_member(j, "error_at", s.info.last_error_at);
    }
    json_close(j, '}');
}

static void store_part(struct json *j, const struct coordinator *c)
{
    uint64_t commits;
    int64_t bytes;
    store_stats(c->store, &commits, &bytes);
    json_open(j, "store", '{');
    json_text(j, "directory", c->territory->root->storage.directory);
    json_int(j, "commits", (int64_t)commits);
    json_int(j, "file_bytes", bytes);
    json_bool(j, "failing", store_behind(c->store));
    if (*store_error(c->store))
        json_text(j, "error", store_error(c->store));
    json_close(j, '}');
}

static void channels_part(struct json *j, const struct coordinator *c)
{
    json_open(j, "alerts", '{');
    json_int(j, "raised", (int64_t)c->alerts_raised);
    json_int(j, "held_back", (int64_t)c->alerts_held);
    json_int(j, "delivered", (int64_t)c->alerts_delivered);
    json_int(j, "given_up", (int64_t)c->alerts_lost);
    json_open(j, "channels", '[');
    for (size_t i = 0; i < c->channel_count; i++) {
        const struct channel *ch = c->channels[i];
        char queue[96];
        snprintf(queue, sizeof queue, "%s/%s", channel_kind(ch), channel_name(ch));
        json_open(j, NULL, '{');
        json_text(j, "name", channel_name(ch));
        json_text(j, "kind", channel_kind(ch));
        json_int(j, "waiting", store_alerts(c->store, queue));
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

struct deal_counts {
    unsigned phases[LIFE_ENDED + 1];
};

static struct deal_counts count_deals(const struct coordinator *c)
{
    struct deal_counts n = {{0}};
    const struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        n.phases[d->life.phase]++;
    return n;
}

static void matching_part(struct json *j, const struct coordinator *c)
{
    struct deal_counts n = count_deals(c);
    json_open(j, "matching", '{');
    json_int(j, "entries", (int64_t)c->entries.count);
    json_int(j, "proposed", n.phases[LIFE_OPEN]);
    json_int(j, "disclosed", n.phases[LIFE_DISCLOSED]);
    json_int(j, "agreed", n.phases[LIFE_AGREED]);
    json_int(j, "running", n.phases[LIFE_RUNNING]);
    json_int(j, "ended", n.phases[LIFE_ENDED]);
    json_int(j, "settles", (int64_t)c->settles);
    json_number(j, "settle_ms", c->settle_ms);
    json_number(j, "settle_most_ms", c->settle_most_ms);
    json_int(j, "bytes", (int64_t)matcher_memory(c->matcher));
    json_close(j, '}');
}

void coordinator_status(struct coordinator *c, struct buf *out)
{
    const struct coordinator_root *root = c->territory->root;
    const struct member *m;
    char key[KEY_TEXT];
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "version", SYMBIONT_VERSION);
    json_text(&j, "territory", root->territory);
    json_text(&j, "public_key", public_key_text(c->key.public_key, key));
    time_member(&j, "started", c->started);
    time_member(&j, "now", utc_now());
    json_bool(&j, "clock_set", utc_plausible(utc_now()));
    json_open(&j, "config", '{');
    json_text(&j, "file", c->path);
    json_text(&j, "hash", config_hash(c->territory->config));
    time_member(&j, "loaded", c->loaded);
    json_int(&j, "reloads", (int64_t)c->reloads);
    json_int(&j, "reload_failures", (int64_t)c->reload_failures);
    if (*c->reload_error)
        json_text(&j, "last_reload_error", c->reload_error);
    json_close(&j, '}');
    link_part(&j, c);
    json_open(&j, "members", '[');
    for (size_t at = 0; (m = table_next(&c->members, &at));)
        member_status(&j, c, m);
    json_close(&j, ']');
    json_int(&j, "strangers", (int64_t)c->strangers);
    json_int(&j, "foreign_topics", (int64_t)c->foreign);
    json_int(&j, "refused_full", (int64_t)c->overfull);
    matching_part(&j, c);
    channels_part(&j, c);
    store_part(&j, c);
    json_close(&j, '}');
}

// ---- Matches ----

static void span_member(struct json *j, const char *key, struct span s)
{
    if (!span_said(s)) {
        json_none(j, key);
        return;
    }
    json_open(j, key, '[');
    json_number(j, NULL, s.low);
    json_number(j, NULL, s.high);
    json_close(j, ']');
}

static void deal_words(struct coordinator *c, struct json *j, struct deal *d, enum match_language l)
{
    struct buf text = {0};
    struct match m;
    if (d->life.phase == LIFE_ENDED || !matcher_get(c->matcher, d->id, utc_now(), &m))
        return;
    alert_title(c, ALERT_FULL, d, &m, l, true, &text);
    json_text(j, "title", buf_text(&text));
    buf_reset(&text);
    alert_body(c, ALERT_MATCH, d, &m, l, true, &text);
    json_text(j, "text", buf_text(&text));
    buf_free(&text);
}

static double promised_so_far(const struct deal *d, struct utc now)
{
    if (!d->running.ms)
        return NAN;
    return d->expected_annual * (double)(now.ms - d->running.ms) / (8760.0 * 3600000);
}

static void deal_member(struct coordinator *c, struct json *j, struct deal *d, enum match_language l)
{
    json_open(j, NULL, '{');
    json_text(j, "id", d->id);
    json_text(j, "status", match_status_word(life_status(&d->life)));
    if (d->life.end)
        json_text(j, "ended_by", life_end_word((enum life_end)d->life.end));
    json_text(j, "synergy", synergy_word((enum synergy)d->kind));
    json_text(j, "resource", resource_word((enum resource)d->resource));
    json_open(j, "parties", '[');
    for (unsigned i = 0; i < d->n; i++) {
        const struct party *p = &d->parties[i];
        json_open(j, NULL, '{');
        json_text(j, "pseudonym", p->pseudonym);
        json_text(j, "name", party_called(c, d, i));
        json_text(j, "entry", p->entry);
        json_bool(j, "interested", d->life.yes >> i & 1);
        json_bool(j, "agreed", d->life.agree >> i & 1);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_text(j, "unit", offer_unit((enum resource)d->resource));
    json_text(j, "annual_unit", offer_annual_unit((enum resource)d->resource));
    span_member(j, "quantity", d->quantity);
    span_member(j, "annual", d->annual);
    span_member(j, "eur_yr", d->eur_yr);
    span_member(j, "payback_y", d->payback_y);
    span_member(j, "tco2e_yr", d->tco2e);
    json_number(j, "confidence", d->confidence);
    json_number(j, "rank", d->rank);
    time_member(j, "since", d->since);
    time_member(j, "disclosed", d->disclosed);
    time_member(j, "agreed", d->agreed);
    time_member(j, "running", d->running);
    time_member(j, "ended", d->ended);
    if (d->running.ms) {
        json_number(j, "realised", d->realised);
        json_number(j, "realised_eur", d->realised_eur);
        json_number(j, "realised_tco2e", d->realised_tco2e);
        json_number(j, "promised", promised_so_far(d, utc_now()));
        json_int(j, "hours", d->sums.hours);
        json_int(j, "hours_of_one_side", d->sums.lonely);
        json_number(j, "least_metered", d->sums.least);
        json_number(j, "most_metered", d->sums.most);
        json_text(j, "metered_unit", metered_unit((enum resource)d->resource));
    }
    deal_words(c, j, d, l);
    json_close(j, '}');
}

void coordinator_matches(struct coordinator *c, const char *rest, struct buf *out)
{
    enum match_language l = strstr(rest, "fr")   ? LANGUAGE_FR
                            : strstr(rest, "en") ? LANGUAGE_EN
                                                 : (enum match_language)c->territory->root->language;
    struct deal *d;
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "territory", c->territory->root->territory);
    json_open(&j, "matches", '[');
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        deal_member(c, &j, d, l);
    json_close(&j, ']');
    json_close(&j, '}');
}

// ---- Answers in the place of a firm without a gateway ----

static void say_result(struct buf *out, const char *error, const struct reply *r, const char *status)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    if (error) {
        json_text(&j, "error", error);
    } else {
        json_text(&j, "match", r->match);
        json_text(&j, "answer", reply_word(r->answer));
        json_text(&j, "status", status);
    }
    json_close(&j, '}');
}

static void answer_for(struct coordinator *c, const char *request, struct buf *out)
{
    struct reply r = {0};
    char word[16], pseudonym[OFFER_WORD], why[300];
    if (sscanf(request, "%15s %32s %32s", word, r.match, pseudonym) != 3) {
        say_result(out, "wanted: accept|agree|decline|withdraw|end MATCH PSEUDONYM", &r, NULL);
        return;
    }
    const struct member *m = member_of(c, pseudonym);
    const struct deal *d = deal_of(c, r.match);
    static const struct {
        const char *word;
        enum reply_answer answer;
    } words[] = {{"accept", REPLY_INTERESTED},
                 {"agree", REPLY_AGREED},
                 {"decline", REPLY_DECLINED},
                 {"withdraw", REPLY_WITHDRAWN},
                 {"end", REPLY_ENDED}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0)
            r.answer = words[i].answer;
    // Once names are known, yes means that there is a contract.
    if (d && d->life.phase == LIFE_DISCLOSED && r.answer == REPLY_INTERESTED)
        r.answer = REPLY_AGREED;
    if (!utc_plausible(utc_now()))
        say_result(out, "the clock is not set", &r, NULL);
    else if (!m || !d)
        say_result(out, m ? "there is no such match" : "there is no such member", &r, NULL);
    else if (m->config && m->config->may_accept)
        say_result(out, "that member answers by its own gateway (may_accept)", &r, NULL);
    else if (!deal_answer(c, m, &r, false, why, sizeof why))
        say_result(out, why, &r, NULL);
    else
        say_result(out, NULL, &r, match_status_word(life_status(&d->life)));
}

void coordinator_answer(void *coordinator, const char *request, struct buf *out)
{
    struct coordinator *c = coordinator;
    size_t n = strcspn(request, " ");
    static const char *const answers[] = {"accept", "agree", "decline", "withdraw", "end"};
    if (strcmp(request, "status") == 0)
        coordinator_status(c, out);
    else if (n == 7 && strncmp(request, "matches", 7) == 0)
        coordinator_matches(c, request + 7, out);
    else if (strcmp(request, "report") == 0)
        coordinator_report(c, out);
    else {
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
            if (strlen(answers[i]) == n && strncmp(request, answers[i], n) == 0) {
                answer_for(c, request, out);
                return;
            }
        control_unknown(out, request);
    }
}

void coordinator_summary(struct coordinator *c, char *out, size_t size)
{
    struct link_status s;
    struct deal_counts n = count_deals(c);
    link_status(c->link, &s);
    snprintf(out, size, "broker %s, %zu offers and needs of %zu members, %u proposed, %u agreed, %u running",
             s.info.up ? "up" : "down", c->entries.count, c->members.count, n.phases[LIFE_OPEN],
             n.phases[LIFE_AGREED], n.phases[LIFE_RUNNING]);
}
