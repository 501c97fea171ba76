/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer for writing. The first failed allocation sets `failed` and later writes do
 * nothing, so a caller checks once at the end. Reset keeps the memory: the hot path allocates only
 * until the buffer has seen its largest content.
 */
#ifndef SYMBIONT_BUF_H
#define SYMBIONT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* not NUL-terminated; see buf_text */
    size_t len, cap;
    bool failed;
};

void buf_free(struct buf *b);

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* Room for n more bytes; NULL (and failed) when there is no memory. The caller adds to len. */
char *buf_room(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_int(struct buf *b, int64_t value);

/* The content as a NUL-terminated string (the NUL is not counted in len); "" when failed. */
const char *buf_text(struct buf *b);

/*
 * A finite number in the fewest digits that read back to the same value, locale-free, never "+",
 * never "nan": valid in JSON and in line protocol. `single`: the value carries only the precision
 * of an IEEE single (a float32 register), so 230.2f is "230.2", not "230.19999694824219".
 * The caller has excluded NaN and infinities.
 */
void buf_number(struct buf *b, double value, bool single);

#endif
