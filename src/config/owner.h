/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one configuration: blocks that are only ever freed together. */
#ifndef SYMBIONT_CONFIG_OWNER_H
#define SYMBIONT_CONFIG_OWNER_H

#include <sodium.h>
#include "symbiont/config.h"

#define CONFIG_FILE_MAX   ((size_t)1 << 20)   /* bytes of one file */
#define CONFIG_TOTAL_MAX  ((size_t)16 << 20)  /* bytes of all files of one configuration */
#define CONFIG_MEMORY_MAX ((size_t)256 << 20) /* bytes of structs and texts made of them */

struct block;

struct config {
    struct block *blocks;
    size_t used; /* of the newest block */
    size_t left; /* bytes that may still be asked for; the unit tests make it small */
    bool failed; /* a request was refused */
    void *root;
    size_t text_left; /* bytes of files that may still be read */
    crypto_hash_sha256_state sum;
    char hash[2 * crypto_hash_sha256_BYTES + 1];
};

struct config *config_new(size_t memory_max);
/* A NUL-terminated copy; NULL when memory is out. */
char *config_copy(struct config *c, const char *text, size_t n);

#endif
