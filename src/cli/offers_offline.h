/* SPDX-License-Identifier: Apache-2.0 */
/* What a site would tell its territory, worked out without a daemon: from the configuration and what the
 * ledger remembers of its streams. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_OFFERS_OFFLINE_H
#define SYMBIONT_CLI_OFFERS_OFFLINE_H

#include "cli/verb.h"
#include "symbiont/buf.h"

/* Appends the document that the daemon answers to "offers dry". Returns EX_OK, or a status after a message.
 */
int offers_offline(const struct command *c, struct buf *out);

#endif
