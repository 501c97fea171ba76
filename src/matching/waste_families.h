/* SPDX-License-Identifier: Apache-2.0 */
/* Which waste codes are one material: EWC-Stat groups, for codes with a cited source only. */
#ifndef SYMBIONT_MATCHING_WASTE_FAMILIES_H
#define SYMBIONT_MATCHING_WASTE_FAMILIES_H

#include <stddef.h>
#include <stdint.h>

struct waste_family_row {
    uint32_t code;
    const char *family; /* "W072" */
};
extern const struct waste_family_row waste_family_rows[]; /* ascending */
extern const size_t waste_family_count;

/* "W072" of 150101; NULL: none is known. */
const char *waste_family(uint32_t code);
/* "paper and cardboard"; the word itself where there is none. */
const char *waste_family_text(const char *family, int french);

#endif
