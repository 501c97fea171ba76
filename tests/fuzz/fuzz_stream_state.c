// SPDX-License-Identifier: Apache-2.0
// The saved moment of a stream, damaged in any way but with a sum that fits: it is refused, or a stream goes
// on from it.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "seal.h"
#include "symbiont/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct root {
    struct settings common;
    struct groups streams;
};

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t size)
{
    (void)arg, (void)name, (void)why, (void)size;
    *out = (struct expression_source){.unit = unit_find("kg"), .every_ms = 60000, .hold_ms = 180000};
    return true;
}

static struct stream *make(void)
{
    static const struct option rows[] = {
        {"streams", OPTION_GROUPS, offsetof(struct root, streams), .section = &stream_section}, {0}};
    static const struct section section = {"root", sizeof(struct root), rows, ""};
    static struct config *config;
    static struct diagnostics *d;
    if (!config) {
        char why[200];
        if (units_open(why, sizeof why) < 0)
            abort();
        d = diagnostics_new();
        config = config_read_text(
            "streams: ( { name = \"s\"; resource = \"waste\"; low = \"15 01 01\"; weight = \"m.kg\"; "
            "container: { capacity = \"2 t\"; tare = \"300 kg\"; }; baseline: { production = \"m.kg\"; }; } "
            ");",
            "f", &section, d);
    }
    const struct root *root = config_root(config);
    return stream_new(root->streams.items, &(struct expression_names){resolve, NULL}, NULL, NULL, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct stream *s = make();
    struct buf bytes = {0};
    if (n > 16384 || !s) {
        stream_free(s);
        return 0;
    }
    stream_restore(s, data, n);
    stream_save(s, &bytes);
    // The fuzzer cannot guess names and sums: the bytes go between a true head and a true sum.
    size_t head = 20, room = bytes.len - head - 8;
    memcpy(bytes.data + head, data, n < room ? n : room);
    seal(bytes.data, bytes.len);
    if (stream_restore(s, bytes.data, bytes.len)) {
        struct stream_field fields[STREAM_FIELDS_MAX];
        for (int i = 0; i < 20; i++) {
            struct utc t = {1767571200000LL + i * 60000};
            stream_feed(s, 0, t, 300 + 100 * (i / 6));
            stream_settle(s, t);
            stream_tick(s, t);
            stream_fields(s, t, fields, STREAM_FIELDS_MAX);
        }
        struct buf again = {0};
        stream_save(s, &again);
        if (!stream_restore(s, again.data, again.len))
            abort();
        buf_free(&again);
    }
    buf_free(&bytes);
    stream_free(s);
    return 0;
}
