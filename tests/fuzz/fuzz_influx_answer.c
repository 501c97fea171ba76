// SPDX-License-Identifier: Apache-2.0
// Answers of an HTTP server that may be anyone: the first bytes are the status and how many lines were
// posted, the rest the body.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "publish/influx_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const lines[] = {"meters,meter=a,site=b v=1 1000", "m v=1", "x", ""};

static void check_message(const char *body, size_t n)
{
    struct buf message = {0};
    char field[40];
    influx_message(body, n, &message);
    const char *text = buf_text(&message);
    assert(message.len <= 4 * INFLUX_BODY_MAX);
    for (size_t i = 0; i < message.len; i++)
        assert(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (influx_quotes_line(text, lines[i], strlen(lines[i])))
            assert(strstr(text, lines[i]));
    if (influx_names_field(text, field, sizeof field)) {
        assert(*field && strstr(text, field));
        influx_line_has_field(body, n, field);
    }
    buf_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct influx_answer a;
    size_t listed[16];
    if (size < 5)
        return 0;
    long status = data[0] << 8 | data[1];
    size_t posted = data[2];
    int64_t retry_after = (int64_t)data[3] << data[4] % 56;
    // A copy of exactly the body's length, so that a read beyond it is seen.
    size_t n = size - 5;
    char *body = malloc(n ? n : 1);
    if (!body)
        return 0;
    memcpy(body, data + 5, n);
    influx_answer(status, body, n, posted, retry_after, NULL, &a);
    assert(influx_action_word(a.action) && a.words[0] && strlen(a.words) < sizeof a.words);
    assert(!strchr(a.words, '\n') && a.wait_ns >= 0 && a.wait_ns <= 600 * INT64_C(1000000000));
    assert((a.action == INFLUX_STORED) == (status >= 200 && status <= 299));
    size_t count = influx_listed_lines(body, n, listed, 16);
    for (size_t i = 0; i < count; i++)
        assert(listed[i] > 0);
    check_message(body, n);
    free(body);
    return 0;
}
