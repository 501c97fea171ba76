/* SPDX-License-Identifier: Apache-2.0 */
/* The table that conf/list_of_waste.py makes. Private to the waste list. */
#ifndef SYMBIONT_WASTE_TABLE_H
#define SYMBIONT_WASTE_TABLE_H

#include "symbiont/waste.h"

struct waste_heading {
    uint16_t number; /* 15: a chapter, 1501: a sub-chapter */
    const char *text;
};

extern const struct waste_heading waste_chapters[], waste_parts[]; /* ascending; a NULL text ends */
extern const struct waste_code waste_codes[];                      /* ascending */
extern const size_t waste_count;

#endif
