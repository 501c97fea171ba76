/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site would have its territory told now: every stream with an `offer`, every need with an `ask`, by
 * the owner's consent and by what the streams know. Nothing is sent here. Used by the daemon and by
 * `symbiont offers --dry-run`.
 */
#ifndef ENGINE_CONSENTS_H
#define ENGINE_CONSENTS_H

#include "exchange/offer_build.h"
#include "exchange/offer_life.h"
#include "symbiont/engine.h"

struct consents;

/* The site is held. NULL: memory. */
struct consents *consents_new(struct site *site);
void consents_free(struct consents *c);
/* After a reload: a stream that goes on keeps its mean of the last quarter of an hour. */
void consents_inherit(struct consents *c, const struct consents *from);

/* Once a second or so. */
void consents_step(struct consents *c, const struct engine *e, struct utc t);

size_t consents_count(const struct consents *c);
/* The i-th; `e` is of the same site. */
void consents_wish(struct consents *c, struct engine *e, size_t i, struct utc t, struct offer_wish *out);
/* Title for people of the i-th, or NULL. */
const char *consents_title(const struct consents *c, size_t i);

/*
 * What would leave if it were told now, as an object of an array: "leaves", "why" not, "topic", "expires" and
 * "message", the very bytes of the body. `life` NULL: it was never told.
 */
struct json;
void consents_dry(struct json *j, const struct offer_wish *w, const struct offer_life *life,
                  const char *territory, const char *pseudonym, struct utc now);

/* Where the site is, as far as offers show it. */
void consents_place(const struct site *s, struct offer_place *out);

#endif
