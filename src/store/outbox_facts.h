/* SPDX-License-Identifier: Apache-2.0 */
/* The small facts of outbox_keep in memory: reading never waits for the disk, and only what changed is
 * written. */
#ifndef SYMBIONT_OUTBOX_FACTS_H
#define SYMBIONT_OUTBOX_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct facts;

#define FACT_KEY_MAX   255u
#define FACT_VALUE_MAX (1u << 20)
#define FACTS_MAX      (16u << 20) /* bytes of keys and values */

struct facts *facts_new(void);
void facts_free(struct facts *f);

enum facts_put { FACTS_SAME, FACTS_CHANGED, FACTS_REFUSED };
/* value NULL: forget the key. Refused: too long, too many, no memory. */
enum facts_put facts_put(struct facts *f, const char *key, const void *value, size_t n);
/* As facts_put, of what the file holds. */
enum facts_put facts_restore(struct facts *f, const char *key, const void *value, size_t n);
/* As outbox_kept. */
long facts_get(struct facts *f, const char *key, void *value, size_t size);

struct fact_change {
    char *key;
    void *value; /* NULL: forget */
    size_t n;
    uint64_t version;
};

bool facts_changed(struct facts *f);
/* Copies of what differs from the file, for the caller to free with facts_changes_free. Returns how many; 0
 * also when there is no memory (they stay to be saved). */
size_t facts_changes(struct facts *f, struct fact_change **out);
void facts_changes_free(struct fact_change *c, size_t n);
/* They are in the file now. */
void facts_saved(struct facts *f, const struct fact_change *c, size_t n);
/* The file is a new one: everything differs. */
void facts_all_changed(struct facts *f);

#endif
