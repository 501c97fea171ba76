// SPDX-License-Identifier: Apache-2.0
// Two members of a territory that send anything, well signed or not, and people who ask the control socket
// anything: what the coordinator answers is JSON, and what it says to its members they can read.
//
// Input: lines. "a" or "b", then a branch (c o n r m), then "+" for what the broker had retained, then a body
// that is signed here; "w" and "W" are withdrawals of offers and needs. "t TOPIC PAYLOAD" is sent as it is,
// "s" settles, "? REQUEST" asks. In bodies and requests $0 to $9 stand for the ids of matches, $r for the
// revision that the sender was shown of the first one, $h for the hour that it is.
#include "coordinator_room.h"
#include "lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void expand(struct coordinator *c, const char *who, const char *text, size_t n, struct buf *out)
{
    const char *ids[10];
    size_t count = 0;
    const struct deal *d;
    for (size_t at = 0; count < 10 && (d = table_next(&c->deals, &at));)
        ids[count++] = d->id;
    qsort(ids, count, sizeof *ids, by_id);
    d = count ? deal_of(c, ids[0]) : NULL;
    int party = d ? deal_party(d, who) : -1;
    buf_reset(out);
    for (size_t i = 0; i < n; i++) {
        char word = text[i] == '$' && i + 1 < n ? text[++i] : '\0';
        if (word >= '0' && (size_t)(word - '0') < count)
            buf_puts(out, ids[word - '0']);
        else if (word == 'r')
            buf_printf(out, "%llu", party < 0 ? 1ULL : (unsigned long long)d->parties[party].revision);
        else if (word == 'h')
            buf_printf(out, "%lld", (long long)(utc_now().ms / 3600000));
        else
            buf_putc(out, text[i]);
    }
}

// Of the body, so that most messages stand where they belong.
static void topic_id(const char *body, char out[static OFFER_ID + 1])
{
    const char *at = strstr(body, "\"id\":\"");
    at = at ? at + 6 : (at = strstr(body, "\"match\":\"")) ? at + 9 : "0123456789abcdef0123456789abcdef";
    snprintf(out, OFFER_ID + 1, "%.*s", (int)strcspn(at, "\""), at);
}

static void take(struct coordinator *c, const char *topic, const void *payload, size_t n, bool retained)
{
    const struct link_letter letter = {.topic = topic, .payload = payload, .n = n, .retained = retained};
    struct member *m;
    intake(c, &letter);
    for (size_t at = 0; (m = table_next(&c->members, &at));) {
        m->muted_until.ns = 0; // whoever offended is heard again, or nothing more would be seen of the input
        m->good.at.ns = m->raw.at.ns = 0;
    }
}

static void send_signed(struct coordinator *c, const char *line, size_t n)
{
    static const char letters[] = "confrwWm"; // f: an offer on a topic of replies
    static const struct {
        enum exchange_branch branch;
        enum message_kind kind;
    } kinds[] = {{BRANCH_CARD, MESSAGE_CARD},        {BRANCH_OFFERS, MESSAGE_OFFER},
                 {BRANCH_NEEDS, MESSAGE_NEED},       {BRANCH_REPLIES, MESSAGE_OFFER},
                 {BRANCH_REPLIES, MESSAGE_REPLY},    {BRANCH_OFFERS, MESSAGE_WITHDRAWAL},
                 {BRANCH_NEEDS, MESSAGE_WITHDRAWAL}, {BRANCH_METERS, MESSAGE_METER}};
    static struct buf body, envelope;
    static uint64_t seq;
    const char *letter = n >= 3 ? memchr(letters, line[1], sizeof letters - 1) : NULL;
    if (!letter)
        return;
    struct exchange_topic topic = {.territory = "t", .branch = kinds[letter - letters].branch};
    struct utc now = utc_now();
    snprintf(topic.pseudonym, sizeof topic.pseudonym, "%c", line[0]);
    expand(c, topic.pseudonym, line + 3, n - 3, &body);
    if (topic.branch != BRANCH_CARD)
        topic_id(buf_text(&body), topic.id);
    struct message m = {.kind = kinds[letter - letters].kind,
                        .territory = "t",
                        .epoch = 1,
                        .seq = ++seq,
                        .issued = now,
                        .expires = {now.ms + 86400000},
                        .body = buf_text(&body),
                        .body_size = body.len};
    char text[EXCHANGE_TOPIC];
    snprintf(m.from, sizeof m.from, "%c", line[0]);
    buf_reset(&envelope);
    if (envelope_write(&m, &room_keys[line[0] == 'b'], &envelope))
        take(c, exchange_topic_text(&topic, text), envelope.data, envelope.len, line[2] == '+');
}

static void send_raw(struct coordinator *c, const char *line, size_t n)
{
    const char *space = n > 2 ? memchr(line + 2, ' ', n - 2) : NULL;
    char topic[300];
    if (!space || (size_t)(space - line) >= sizeof topic)
        return;
    snprintf(topic, sizeof topic, "%.*s", (int)(space - line - 2), line + 2);
    take(c, topic, space + 1, (size_t)(line + n - space - 1), false);
}

// What was published for the members must be what their gateways read.
static void read_published(void *arg, const char *text, const void *data, size_t n, struct utc until)
{
    struct coordinator *c = arg;
    static struct buf scratch;
    static struct match_view view;
    struct exchange_topic topic;
    struct receipt receipt;
    struct message m;
    unsigned char hash[32];
    char why[300] = "";
    struct envelope_peer peer = {.pseudonym = EXCHANGE_COORDINATOR};
    (void)until;
    envelope_peer_pin(&peer, 0, c->key.public_key);
    if (!exchange_topic_parse(text, &topic))
        abort();
    const struct envelope_context context = {.territory = "t",
                                             .pseudonym = topic.pseudonym,
                                             .now = utc_now(),
                                             .clock_set = true,
                                             .retained = true,
                                             .peer = &peer};
    if (envelope_read(data, n, &context, &m, hash, &scratch, why, sizeof why) != ENVELOPE_OK ||
        !(m.kind == MESSAGE_MATCH ? match_view_read(m.body, m.body_size, &view, why, sizeof why)
                                  : receipt_read(m.body, m.body_size, &receipt, why, sizeof why))) {
        fprintf(stderr, "%s: %s\n", text, why);
        abort();
    }
    buf_printf(&c->plain, "%s\n", text);
}

static void settle(struct coordinator *c)
{
    deals_settle(c, utc_now());
    entries_say_receipts(c);
    buf_reset(&c->plain);
    store_each_published(c->store, read_published, c);
    char *rest = NULL, *topics = strdup(buf_text(&c->plain));
    for (char *t = strtok_r(topics, "\n", &rest); t; t = strtok_r(NULL, "\n", &rest))
        store_drop_published(c->store, t);
    free(topics);
}

static void line(struct coordinator *c, const char *at, size_t n)
{
    static struct buf request;
    if (at[0] == 'a' || at[0] == 'b')
        send_signed(c, at, n);
    else if (at[0] == 't')
        send_raw(c, at, n);
    else if (at[0] == 's')
        settle(c);
    else if (at[0] == '?' && n > 2 && n < CONTROL_REQUEST_MAX && !memchr(at, 0, n)) {
        expand(c, "", at + 2, n - 2, &request);
        room_ask(c, buf_text(&request));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 30000)
        return 0;
    struct coordinator *c = room_open();
    unsigned lines = 0;
    for (const char *at = (const char *)data, *end = at + size; at < end && lines < 40; lines++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop > at)
            line(c, at, (size_t)(stop - at));
        at = stop + 1;
    }
    settle(c);
    room_ask(c, "status");
    room_ask(c, "matches");
    room_ask(c, "report");
    room_close(c);
    return 0;
}
