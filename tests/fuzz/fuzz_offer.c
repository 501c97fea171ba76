// SPDX-License-Identifier: Apache-2.0
// Bodies as any stranger may send them: refused with a reason, or written and read again the same. What can
// be read can be disclosed at every level, and what leaves below level 3 is in bands.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "one_text.h"
#include "symbiont/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same_again(const struct offer *o)
{
    char why[200] = "";
    static struct buf first, second;
    struct offer back;
    buf_reset(&first);
    buf_reset(&second);
    offer_write(o, &first);
    if (first.len > OFFER_BYTES) // a stranger may write numbers shorter than we do
        return;
    bool good = offer_read(first.data, first.len, &back, why, sizeof why);
    if (good)
        offer_write(&back, &second);
    if (!good || first.len != second.len || memcmp(first.data, second.data, first.len) != 0) {
        fprintf(stderr, "%s\n%.*s\n%.*s\n", why, (int)first.len, first.data, (int)second.len, second.data);
        abort();
    }
}

static void disclosed(struct offer *o)
{
    char why[200] = "";
    struct offer out;
    bool good = offer_check(o, why, sizeof why);
    if (!good && !*why)
        abort();
    for (uint8_t level = DISCLOSE_NOTHING; level <= DISCLOSE_DETAIL; level++) {
        o->level = level;
        if (offer_disclose(o, &out) != (level > DISCLOSE_NOTHING))
            abort();
        // A level says no more than the one above, and never an exact amount below 3.
        if (level && level < DISCLOSE_EXACT && span_said(out.typical) && span_exact(out.typical) &&
            out.typical.low != 0)
            abort();
        if (level && good) {
            same_again(&out);
            if (offer_differs(&out, o) && level < DISCLOSE_EXACT && !span_said(o->typical))
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char why[200] = "";
    struct offer o;
    if (!offer_read((const char *)data, n, &o, why, sizeof why)) {
        if (!*why)
            abort();
        return 0;
    }
    same_again(&o);
    disclosed(&o);
    return 0;
}
