// SPDX-License-Identifier: Apache-2.0
// What a gateway reads from its territory: views of matches and receipts that its coordinator signed and that
// may say anything, and what anybody else sends there; then what its people order.
//
// Input: lines. "m" and "r" are a view and a receipt with a body that is signed here, then "+" for a retained
// one; "t TOPIC PAYLOAD" is taken as it is, "? REQUEST" asks the control socket, "n" is the next second, "h"
// a metered hour.
#include "gateway_room.h"
#include "lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(struct territory *t, const char *topic, const void *payload, size_t n, bool retained)
{
    const struct mqtt_incoming in = {.topic = topic, .payload = payload, .n = n, .retained = retained};
    t->tokens = 20; // a flood would hide the rest of the input
    territory_take(t, &in);
}

static void send_signed(struct territory *t, const char *line, size_t n)
{
    static struct buf body, envelope;
    static uint64_t seq;
    struct utc now = utc_now();
    if (n < 3)
        return;
    buf_reset(&body);
    buf_reset(&envelope);
    buf_put(&body, line + 2, n - 2);
    const char *id = strstr(buf_text(&body), "\"id\":\"");
    struct exchange_topic topic = {.territory = "t",
                                   .pseudonym = "a",
                                   .branch = line[0] == 'm' ? BRANCH_MATCHES : BRANCH_RECEIPTS,
                                   .id = ROOM_OWN};
    if (id)
        snprintf(topic.id, sizeof topic.id, "%.*s", (int)strcspn(id + 6, "\""), id + 6);
    const struct message m = {.kind = line[0] == 'm' ? MESSAGE_MATCH : MESSAGE_RECEIPT,
                              .territory = "t",
                              .from = EXCHANGE_COORDINATOR,
                              .to = "a",
                              .epoch = 1,
                              .seq = ++seq,
                              .issued = now,
                              .expires = {now.ms + 86400000},
                              .body = buf_text(&body),
                              .body_size = body.len};
    char text[EXCHANGE_TOPIC];
    if (envelope_write(&m, &room_coordinator, &envelope))
        take(t, exchange_topic_text(&topic, text), envelope.data, envelope.len, line[1] == '+');
}

static void send_raw(struct territory *t, const char *line, size_t n)
{
    const char *space = n > 2 ? memchr(line + 2, ' ', n - 2) : NULL;
    char topic[300];
    if (!space || (size_t)(space - line) >= sizeof topic)
        return;
    snprintf(topic, sizeof topic, "%.*s", (int)(space - line - 2), line + 2);
    take(t, topic, space + 1, (size_t)(line + n - space - 1), false);
}

static void line(struct gateway *g, const char *at, size_t n)
{
    struct territory *t = g->exchange->territory;
    char request[CONTROL_REQUEST_MAX];
    if (at[0] == 'm' || at[0] == 'r')
        send_signed(t, at, n);
    else if (at[0] == 't')
        send_raw(t, at, n);
    else if (at[0] == 'n')
        territory_step(t, utc_now());
    else if (at[0] == 'h')
        territory_obey(
            t,
            &(struct order){
                .kind = ORDER_HOUR, .stream = "air", .hour = 490000 + at[n - 1], .amount = (double)n},
            utc_now());
    else if (at[0] == '?' && n > 2 && n < sizeof request) {
        snprintf(request, sizeof request, "%.*s", (int)(n - 2), at + 2);
        room_ask(g, request);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gateway g;
    char state[1000], why[400];
    if (size > 30000)
        return 0;
    if (!room_open(&g, state, room_state(state, sizeof state, utc_now()), why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    unsigned lines = 0;
    for (const char *at = (const char *)data, *end = at + size; at < end && lines < 40; lines++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop > at)
            line(&g, at, (size_t)(stop - at));
        at = stop + 1;
    }
    room_ask(&g, "offers");
    room_ask(&g, "matches");
    if (!territory_save(g.exchange->territory))
        abort();
    room_close(&g);
    return 0;
}
