/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit has said, so that nothing is asked twice: an answer serves every question that it contains.
 * Private to the command-line tool. */
#ifndef SYMBIONT_CLI_MEMORY_H
#define SYMBIONT_CLI_MEMORY_H

#include "cli/portrait.h"
#include "cli/session.h"

struct memory {
    struct said *said;
    size_t n, cap;
    size_t asked, silent; /* requests on the line; the last so many of them without an answer */
    uint8_t part[2 * MODBUS_REGISTERS_MAX];
};

/* As session_ask, for one unit. The answer's data are valid until the next call. A unit that has fallen
 * silent (some do, when asked for what they do not have) is soon no longer asked: VERDICT_TIMEOUT. `alone`:
 * only the answer to this very question will do; some meters give their identification when its register is
 * asked for by itself, and a measured value in a longer answer (Carlo Gavazzi's register 000Bh). */
struct modbus_answer memory_ask(struct memory *m, struct session *s, const struct modbus_ask *ask, bool alone,
                                int64_t timeout_ns);
/* All that is remembered. */
void memory_tell(const struct memory *m, struct portrait *to);
void memory_free(struct memory *m);

#endif
