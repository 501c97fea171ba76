/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from texts to numbers that stands ids chosen by strangers (SipHash with a key of its own). */
#ifndef SYMBIONT_MATCHING_IDS_H
#define SYMBIONT_MATCHING_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ids_slot {
    uint64_t hash;
    uint32_t value; /* IDS_NONE: empty; IDS_GONE: was taken out */
};
#define IDS_NONE UINT32_MAX
#define IDS_GONE (UINT32_MAX - 1)

struct ids {
    struct ids_slot *slots;
    size_t cap, used; /* used: with those that are gone */
    unsigned char key[16];
};

void ids_begin(struct ids *t);
void ids_end(struct ids *t);
/* The text of a value, for comparison. */
typedef const char *ids_text(const void *arg, uint32_t value);
/* IDS_NONE: not there. */
uint32_t ids_find(const struct ids *t, const char *text, ids_text *text_of, const void *arg);
/* The text is not there yet. False: memory is out. */
bool ids_put(struct ids *t, const char *text, uint32_t value);
/* What is there stands for another number from now on. */
void ids_change(struct ids *t, const char *text, uint32_t value, ids_text *text_of, const void *arg);
void ids_remove(struct ids *t, const char *text, ids_text *text_of, const void *arg);

#endif
