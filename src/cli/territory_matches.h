/* SPDX-License-Identifier: Apache-2.0 */
/* All matches of a territory, as its coordinator's people see them. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_TERRITORY_MATCHES_H
#define SYMBIONT_CLI_TERRITORY_MATCHES_H

#include <jansson.h>
#include "cli/output.h"

/* `id`: the beginning of one, whose text and bookings are shown; NULL: a table of all. */
void territory_matches(struct output *o, const json_t *matches, const char *id);

#endif
