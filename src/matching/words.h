/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and templates in English and French. */
#ifndef SYMBIONT_MATCHING_WORDS_H
#define SYMBIONT_MATCHING_WORDS_H

#include "symbiont/match.h"

/* "2,400", "0.65", "1,230,000" (three digits that count); in French "2 400", "0,65". */
void number_text(double v, enum match_language l, struct buf *out);
/* "400", "400 to 500". */
void range_text(struct span s, enum match_language l, struct buf *out);
/* Two digits that count, as figures of carbon are never surer: "600", "1.2 to 1.5". */
void carbon_text(struct span s, enum match_language l, struct buf *out);

/* Copies `text`; each {name} is written by `fill`. */
void template_text(const char *text, void (*fill)(void *arg, const char *name, size_t n, struct buf *out),
                   void *arg, struct buf *out);
/* Is the placeholder `name`? */
bool placeholder(const char *at, size_t n, const char *name);

const char *resource_text(enum resource r, enum match_language l); /* "heat", "chaleur" */
const char *parameter_text(const char *name, enum match_language l);

#endif
