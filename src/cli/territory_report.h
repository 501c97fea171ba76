/* SPDX-License-Identifier: Apache-2.0 */
/* The territory's summary, out of a running coordinator. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_TERRITORY_REPORT_H
#define SYMBIONT_CLI_TERRITORY_REPORT_H

#include "cli/control_client.h"

/* `symbiont report` asked of a coordinator: text, --json, --csv or --html. Returns the exit status. */
int territory_report(const struct command *c);

/* One page that needs nothing else. False: memory was out. */
bool territory_page(const json_t *report, FILE *out);

#endif
