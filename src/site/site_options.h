/* SPDX-License-Identifier: Apache-2.0 */
/* Private to this folder: the root table, and the steps of checking a site. */
#ifndef SYMBIONT_SITE_OPTIONS_H
#define SYMBIONT_SITE_OPTIONS_H

#include "symbiont/site.h"

#define SITE_PUBLISHERS_MAX OUTBOX_LANES_MAX

extern const struct section site_group_section;

/* site_names.c */
bool site_resolve(void *scope, const char *name, struct expression_source *out, char *why, size_t why_size);

/* site_calendar.c */
void site_calendar_read(struct site *s, struct diagnostics *d);
void site_calendar_free(struct site *s);

/* site_derived.c */
void site_derived_compile(struct site *s, struct diagnostics *d);
void site_derived_free(struct site *s);

/* site_exchange.c */
void site_exchange_check(const struct site *s, struct diagnostics *d);

/* site_watch.c */
void site_watch_check(struct site *s, struct diagnostics *d);

#endif
