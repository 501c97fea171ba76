/* SPDX-License-Identifier: Apache-2.0 */
/* The messages a server refused for good, with its words: the last 1,000 and at most 1 MiB, in memory and in
 * the file. */
#ifndef SYMBIONT_OUTBOX_REJECTS_H
#define SYMBIONT_OUTBOX_REJECTS_H

#include "symbiont/outbox.h"

#define REJECTS_MAX        1000u
#define REJECTS_BYTES_MAX  (1u << 20)
#define REJECT_PAYLOAD_MAX (16u << 10) /* a longer one is cut: enough to see what was wrong with it */
#define REJECT_WHY_MAX     1000u

struct rejects;

struct rejects *rejects_new(void);
void rejects_free(struct rejects *r);

/* `n` of r counts on from what was restored. */
void rejects_add(struct rejects *r, const struct outbox_rejected *what);
void rejects_restore(struct rejects *r, uint64_t number, const struct outbox_rejected *what);
size_t rejects_each(struct rejects *r, void (*each)(const struct outbox_rejected *what, void *arg),
                    void *arg);

/* Is it among them: lane, id, time and content. */
bool rejects_have(struct rejects *r, const char *lane, const struct outbox_item *item);

bool rejects_changed(struct rejects *r);
/* Calls `save` for each that is not in the file; returns the lowest number still kept (all below may go from
 * the file), and in *upto what to tell rejects_saved. Stops and returns 0 when `save` returns nonzero. */
uint64_t rejects_unsaved(struct rejects *r,
                         int (*save)(uint64_t number, const struct outbox_rejected *what, void *arg),
                         void *arg, uint64_t *upto);
void rejects_saved(struct rejects *r, uint64_t upto);
void rejects_all_changed(struct rejects *r);

#endif
