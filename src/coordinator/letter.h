/* SPDX-License-Identifier: Apache-2.0 */
/* An alert in the form that a chat room or a mail server takes. Pure. Private to this folder. */
#ifndef COORDINATOR_LETTER_H
#define COORDINATOR_LETTER_H

#include "coordinator/options.h"
#include "symbiont/buf.h"

/* The JSON to post. `full`: that of the alert, which the preset `json` sends. */
void letter_webhook(enum webhook_preset preset, const char *title, const char *text, const char *full,
                    size_t full_n, struct buf *out);

/* A whole message (RFC 5322, UTF-8 in base64). The same `id` gives the same Message-ID, so that one that was
 * delivered twice is known as such. */
void letter_mail(const struct mail_config *m, int64_t id, struct utc date, const char *subject,
                 const char *text, struct buf *out);

#endif
