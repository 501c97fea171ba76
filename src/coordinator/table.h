/* SPDX-License-Identifier: Apache-2.0 */
/* What is found by its name: strings to pointers. The names stay the owner's and live as long as the entry.
 * Private to this folder. */
#ifndef COORDINATOR_TABLE_H
#define COORDINATOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    struct table_slot {
        const char *name; /* NULL: free; "" with a NULL value: was taken once */
        void *value;
    } * slots;
    size_t cap, used, count;
    uint64_t seed; /* strangers choose the names: they must not be able to choose their places */
};

void table_free(struct table *t); /* not what is in it */
/* False: memory is out. A name that is there gets the new value (and name). */
bool table_put(struct table *t, const char *name, void *value);
void *table_get(const struct table *t, const char *name);
void table_remove(struct table *t, const char *name);
/* The next value after *at (begin with 0); NULL at the end. Entries may be removed meanwhile, not added. */
void *table_next(const struct table *t, size_t *at);

#endif
