// SPDX-License-Identifier: Apache-2.0
// What reports ask of a ledger, as JSON: the same whether a daemon answers or a file is read.
#include <stdio.h>
#include <string.h>
#include "symbiont/json.h"
#include "symbiont/ledger.h"

struct answering {
    struct json *json;
    const char *name;
    int number;
};

static void put_stream(void *arg, const struct ledger_stream *s)
{
    struct json *j = arg;
    json_open(j, NULL, '{');
    json_text(j, "name", s->name);
    json_text(j, "title", s->title);
    json_text(j, "resource", s->resource);
    json_text(j, "direction", s->direction);
    json_text(j, "provenance", s->provenance);
    json_text(j, "unit", s->unit);
    json_text(j, "amount_unit", s->amount_unit);
    json_text(j, "code", s->code);
    json_close(j, '}');
}

static void put_hour(void *arg, const struct stream_hour *h)
{
    struct json *j = arg;
    json_open(j, NULL, '[');
    json_int(j, NULL, h->hour);
    const double numbers[] = {h->amount, h->internal, h->surplus, h->taken, h->low, h->high};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_number(j, NULL, numbers[i]);
    json_int(j, NULL, h->known_s);
    json_int(j, NULL, h->surplus_s);
    json_close(j, ']');
}

static void find(void *arg, const struct ledger_stream *s)
{
    struct answering *a = arg;
    if (strcmp(s->name, a->name) == 0)
        a->number = s->number;
}

static void answer_hours(struct ledger *l, const char *name, int64_t from, int64_t to, struct buf *out)
{
    struct answering a = {.name = name, .number = -1};
    ledger_streams(l, find, &a);
    size_t begin = out->len;
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    if (a.number < 0) {
        json_text(&j, "error", "there is no such stream in the ledger");
    } else if (to - from > LEDGER_ANSWER_HOURS || to < from) {
        json_text(&j, "error", "too many hours at once");
    } else {
        json_open(&j, "hours", '[');
        enum ledger_answer r = ledger_read(l, a.number, from, to, put_hour, &j);
        json_close(&j, ']');
        if (r != LEDGER_OK) {
            out->len = begin;
            j = json_begin(out);
            json_open(&j, NULL, '{');
            if (r == LEDGER_BUSY)
                json_bool(&j, "busy", true);
            else
                json_text(&j, "error", "the ledger cannot be read");
        }
    }
    json_close(&j, '}');
}

void ledger_answer(struct ledger *l, const char *request, struct buf *out)
{
    char name[64];
    long long from, to;
    int n = 0;
    if (sscanf(request, "ledger %63s %lld %lld%n", name, &from, &to, &n) == 3 && request[n] == '\0' &&
        from > -10000000 && to < 100000000) {
        answer_hours(l, name, from, to, out);
        return;
    }
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    if (strcmp(request, "ledger") == 0) {
        json_open(&j, "streams", '[');
        ledger_streams(l, put_stream, &j);
        json_close(&j, ']');
    } else {
        json_text(&j, "error", "wanted: ledger [STREAM FROM TO]");
    }
    json_close(&j, '}');
}
