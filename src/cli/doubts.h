/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beside a value that cannot be right, what would stand there with another word order, one address up or
 * down, or in the other table: the mistakes everyone makes. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_DOUBTS_H
#define SYMBIONT_CLI_DOUBTS_H

#include "cli/device_read.h"
#include "cli/output.h"

/* Is this number, or its absence, more likely a mistake in the settings than what the meter says? */
bool doubtful(const struct point *p, struct value raw, struct value v);

/*
 * Shows the table "instead", and under "likely" the one change that mends most of the doubtful points. The
 * neighbours of at most a handful of points are asked for. Shows nothing when nothing is doubtful.
 */
void doubts_show(struct output *o, struct session *s, uint8_t unit, const struct device_read *r);

#endif
