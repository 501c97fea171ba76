/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The European List of Waste (Decision 2000/532/EC as amended): 842 codes of six digits, chapter,
 * sub-chapter, entry. A code says where a waste comes from, not what it is made of. conf/list_of_waste.csv is
 * the data, with its source and licence.
 */
#ifndef SYMBIONT_WASTE_H
#define SYMBIONT_WASTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Absolute entries hold whatever the composition; of a mirror pair the composition decides. */
enum waste_entry {
    WASTE_ABSOLUTE_NON_HAZARDOUS,
    WASTE_ABSOLUTE_HAZARDOUS,
    WASTE_MIRROR_NON_HAZARDOUS,
    WASTE_MIRROR_HAZARDOUS,
};

struct waste_code {
    uint32_t code; /* 150101; with leading zeros when printed */
    uint8_t entry; /* enum waste_entry */
    const char *description;
};

/*
 * "15 01 01", "150101", "01 03 04*", "010304*" -> the entry. A hazardous code may stand without its star.
 * NULL with a sentence in `why` that names the nearest code: no such code, a star on what is not hazardous, a
 * star that stands apart, other characters.
 */
const struct waste_code *waste_parse(const char *text, char *why, size_t why_size);
/* NULL: there is none. */
const struct waste_code *waste_find(uint32_t code);
/* The i-th in ascending order, NULL past the end. */
const struct waste_code *waste_row(size_t i);

static inline bool waste_hazardous(const struct waste_code *w)
{
    return w->entry == WASTE_ABSOLUTE_HAZARDOUS || w->entry == WASTE_MIRROR_HAZARDOUS;
}
/* "R3" -> bit 3, "D10" -> bit 26; 0: not one of R1 to R13, D1 to D15. */
uint32_t waste_operation(const char *text);
const char *waste_entry_word(enum waste_entry e); /* "absolute hazardous", ... */
const char *waste_chapter(const struct waste_code *w);
const char *waste_sub_chapter(const struct waste_code *w);

#define WASTE_TEXT 10
/* "01 03 04*", as Trackdéchets wants it; returns out. */
char *waste_text(const struct waste_code *w, char out[static WASTE_TEXT]);
/* "010304", as others write it. */
char *waste_digits(const struct waste_code *w, char out[static WASTE_TEXT]);

#endif
