// SPDX-License-Identifier: Apache-2.0
// What a coordinator kept over a restart, whatever became of it: it is forgotten, or gone on with; people are
// answered in JSON, and what is kept of a match then is read again the same.
//
// Input: lines. "deal ID JSON", "a ID JSON" (an offer or need of member a, the same for b), "topic TOPIC".
#include "coordinator_room.h"
#include "lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void put(struct coordinator *c, char *line)
{
    char *word = strsep(&line, " "), *id = strsep(&line, " ");
    struct utc now = utc_now();
    if (!id)
        return;
    if (strcmp(word, "topic") == 0)
        store_put_topic(
            c->store, id,
            &(struct envelope_topic){.epoch = 1, .withdrawn = line != NULL, .until = {now.ms + 86400000}});
    else if (line && strcmp(word, "deal") == 0)
        store_put_deal(c->store, id, line, strlen(line));
    else if (line)
        store_put_entry(c->store, &(struct store_entry){.id = id,
                                                        .pseudonym = word,
                                                        .json = line,
                                                        .n = strlen(line),
                                                        .expires = {now.ms + 86400000}});
}

static void forget_deal(void *arg, const char *id, const void *json, size_t n)
{
    (void)json, (void)n;
    buf_printf(arg, "%s\n", id);
}

static void forget_entry(void *arg, const struct store_entry *e)
{
    buf_printf(arg, "%s\n", e->id);
}

// What the coordinator did not take over stays in its store: it is not to meet the next input.
static void forget(struct coordinator *c)
{
    struct buf deals = {0}, entries = {0};
    char *rest;
    store_each_deal(c->store, forget_deal, &deals);
    store_each_entry(c->store, forget_entry, &entries);
    rest = deals.len ? deals.data : NULL;
    for (char *id; (id = strsep(&rest, "\n"));)
        store_drop_deal(c->store, id);
    rest = entries.len ? entries.data : NULL;
    for (char *id; (id = strsep(&rest, "\n"));)
        store_drop_entry(c->store, id);
    buf_free(&deals);
    buf_free(&entries);
}

static void read_again(const struct deal *d)
{
    struct buf first = {0}, second = {0};
    struct deal again;
    deal_write(d, &first);
    if (!deal_read(first.data, first.len, &again))
        abort();
    deal_write(&again, &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0) {
        fprintf(stderr, "%s\n%s\n", buf_text(&first), buf_text(&second));
        abort();
    }
    free(again.parties);
    free(again.declined);
    free(again.members);
    buf_free(&first);
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[300], *text = strndup((const char *)data, size), *rest = text;
    const struct deal *d;
    if (size > 30000 || !text) {
        free(text);
        return 0;
    }
    struct coordinator *c = room_open();
    for (char *line; (line = strsep(&rest, "\n"));)
        put(c, line);
    entries_restore(c, why, sizeof why);
    topics_restore(c);
    deals_restore(c);
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        read_again(d);
    room_ask(c, "status"); // before anything was settled, as a hasty person asks
    room_ask(c, "matches");
    deals_settle(c, utc_now());
    room_ask(c, "status");
    room_ask(c, "matches");
    room_ask(c, "report");
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        read_again(d);
    forget(c);
    room_close(c);
    free(text);
    return 0;
}
