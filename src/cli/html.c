// SPDX-License-Identifier: Apache-2.0
// Text of others within a page: what is a tag to a browser is spelt out.
#include "cli/html.h"

void html_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        const char *e = *s == '<'   ? "&lt;"
                        : *s == '>' ? "&gt;"
                        : *s == '&' ? "&amp;"
                        : *s == '"' ? "&quot;"
                                    : NULL;
        if (e)
            buf_puts(out, e);
        else
            buf_putc(out, *s);
    }
}
