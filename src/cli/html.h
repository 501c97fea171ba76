/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others within a page. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "symbiont/buf.h"

/* Appends `s` so that it stands as text between tags or in a quoted attribute, whatever it holds. */
void html_text(struct buf *out, const char *s);

#endif
