// SPDX-License-Identifier: Apache-2.0
// Any text as an expression, any events into it, any bytes as its saved state: a result is a finite number of
// its kind or unknown, a restored state goes on as the saved one, and damaged bytes do no harm. Input: the
// text, a line end, then events of 12 bytes, and what is left as a saved state.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seal.h"
#include "symbiont/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    static const struct {
        const char *name, *unit;
        int64_t hold, every;
        double modulus;
    } names[] = {
        {"p", "kW", 0, 0, 0},      {"m.p", "W", 3000, 1000, 0},
        {"t", "degC", 5000, 0, 0}, {"m.t", "degF", 0, 0, 0},
        {"d", "K", 0, 60000, 0},   {"f", "m3/h", 60000, 1000, 0},
        {"m.f", "t/h", 0, 0, 0},   {"e", "kWh", 900000, 100000, 0},
        {"c", "kWh", 0, 0, 1000},  {"n", "", 0, 0, 0},
        {"b", NULL, 0, 0, 0},      {"m.b", NULL, 1000, 1000, 0},
        {"bar", "bar", 0, 0, 0},
    };
    (void)arg, (void)why, (void)why_size;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0) {
            *out = (struct expression_source){.unit = names[i].unit ? unit_find(names[i].unit) : NULL,
                                              .hold_ms = names[i].hold,
                                              .every_ms = names[i].every,
                                              .counter = strchr("ec", name[0]) != NULL,
                                              .modulus = names[i].modulus};
            return true;
        }
    return false;
}

static double ask(const struct expression *e, struct expression_state *s, struct utc t)
{
    double v = expression_value(s, t);
    require(!isinf(v));
    require(expression_unit(e) || isnan(v) || v == 0 || v == 1);
    return v;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

// One event: slot, kind, step of time (2 bytes), value (8 bytes).
static int64_t event(struct expression_state *s, size_t slots, const uint8_t *p, int64_t t)
{
    int64_t step = p[2] << 8 | p[3];
    double v;
    memcpy(&v, p + 4, sizeof v);
    if (p[1] & 1)
        v = (int8_t)p[4];
    t += p[1] & 2 ? step * 1000 : step;
    if (p[1] & 4)
        t -= 2 * step * 100;
    bool wild = (p[1] & 0xF0) == 0xF0; // any time at all, once
    struct utc at = {wild ? (int64_t)((uint64_t)step << 48 | (uint64_t)p[4] << 40) : t};
    expression_feed(s, p[0] % (slots + 1), at, p[1] & 8 ? NAN : v);
    return t;
}

static void restore_any(struct expression_state *s, const uint8_t *data, size_t n, const struct buf *good)
{
    // Bytes of the input over a good state, with the sum put right so that the rest is looked at.
    if (n == 0 || good->len < 20)
        return;
    uint8_t *bytes = malloc(good->len);
    require(bytes != NULL);
    memcpy(bytes, good->data, good->len);
    for (size_t i = 0; i + 2 < n; i += 3)
        bytes[12 + (size_t)(data[i] << 8 | data[i + 1]) % (good->len - 20)] = data[i + 2];
    seal(bytes, good->len);
    expression_state_restore(s, bytes, good->len);
    free(bytes);
}

static void run(const struct expression *e, const uint8_t *data, size_t size)
{
    struct expression_state *a = expression_state_new(e), *b = expression_state_new(e);
    require(a && b);
    int64_t t = INT64_C(1795478400000);
    size_t i = 0, half = size / 24 * 12;
    for (; i + 12 <= half; i += 12) {
        t = event(a, expression_slots(e), data + i, t);
        if (data[i + 1] & 16)
            ask(e, a, (struct utc){t});
    }
    struct buf saved = {0};
    expression_state_save(a, &saved);
    require(!saved.failed && expression_state_restore(b, saved.data, saved.len));
    for (; i + 12 <= size; i += 12) {
        int64_t before = t;
        t = event(a, expression_slots(e), data + i, before);
        event(b, expression_slots(e), data + i, before);
        require(same(ask(e, a, (struct utc){t}), ask(e, b, (struct utc){t})));
    }
    restore_any(b, data, size, &saved);
    for (i = 0; i + 12 <= size && i < 240; i += 12) {
        t = event(b, expression_slots(e), data + i, t);
        expression_value(b, (struct utc){t});
    }
    buf_free(&saved);
    expression_state_free(a);
    expression_state_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200];
    require(units_open(why, sizeof why) == 0);
    const uint8_t *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : size;
    char *text = malloc(n + 1);
    require(text != NULL);
    memcpy(text, data, n);
    text[n] = '\0';

    const struct expression_names names = {.resolve = resolve};
    struct expression_error error;
    struct expression *e = expression_compile(text, &names, NULL, NULL, &error);
    require(e || (error.text[0] && error.column >= 1 && (size_t)error.column <= n + 1));
    if (e && end)
        run(e, end + 1, size - n - 1);
    expression_free(e);
    free(text);
    return 0;
}
