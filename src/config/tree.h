/* SPDX-License-Identifier: Apache-2.0 */
/* What the files say, before it is known what it means. */
#ifndef SYMBIONT_CONFIG_TREE_H
#define SYMBIONT_CONFIG_TREE_H

#include "config/source.h"

enum node_type { NODE_GROUP, NODE_LIST, NODE_TEXT, NODE_INT, NODE_NUMBER, NODE_BOOL };

struct node {
    enum node_type type;
    bool bad; /* its value could not be represented: reported, not to be looked at */
    struct place place;
    const char *name; /* NULL in a list */
    union {
        int64_t integer;
        double number;
        bool truth;
        const char *text;
    };
    struct node *first, *last, *next; /* children of a group or list */
};

#define NESTING_MAX  32
#define SETTINGS_MAX 1000 /* in one group; libconfig compares each new name with all before it */

/* Do the tokens form a configuration? If not, one error that says what is wrong and where. */
bool shape_check(const struct source *s);

/* The tree of the tokens, in the source's scratch memory; NULL with one error. */
struct node *tree_parse(struct source *s);

/* Adds what `from` says to `into`: groups key by key, lists joined; what both say is an error. */
void tree_merge(struct node *into, struct node *from, struct diagnostics *d);

/* The child of a group; NULL when it has none of that name. */
struct node *node_child(const struct node *group, const char *name);
void node_append(struct node *parent, struct node *child);

/* The struct of `root` from the tree, into the memory of `owner`; NULL when memory is out. `partial`: a
 * file could not be read, so what is missing at the top may stand there. */
void *fill_root(struct config *owner, const struct section *root, const struct node *tree, bool partial,
                struct diagnostics *d);

/* config_read_text with less memory; for the unit tests. */
struct config *config_read_limited(const char *text, const char *name, const struct section *root,
                                   struct diagnostics *d, size_t memory_max);

#endif
