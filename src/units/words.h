/* SPDX-License-Identifier: Apache-2.0 */
/* The whitelist of unit words: data only. units.c turns it into struct unit. */
#ifndef SYMBIONT_UNITS_WORDS_H
#define SYMBIONT_UNITS_WORDS_H

/*
 * Base units that UDUNITS-2 has not, or has in a sense nobody wants here. `id` is the name under which
 * definitions reach it; `text` is how it is shown.
 */
struct unit_base {
    const char *id, *text;
};
extern const struct unit_base unit_bases[]; /* NULL id ends */

/* A word that may stand in files, and what it means to UDUNITS-2. */
struct unit_word {
    const char *word;
    const char *definition; /* in the database's own words, never in the user's */
    const char *difference; /* only for absolute temperatures: the word of their difference */
};
extern const struct unit_word unit_words[]; /* NULL word ends */

/* Other ways of writing a word. */
struct unit_alias {
    const char *alias, *word;
};
extern const struct unit_alias unit_aliases[]; /* NULL alias ends */

/* What people call a dimension, by a word that has it. */
struct unit_dimension_name {
    const char *name, *word;
};
extern const struct unit_dimension_name unit_dimension_names[]; /* NULL name ends */

#endif
