// SPDX-License-Identifier: Apache-2.0
// Joins the trees of symbiont.conf and conf.d/ into one.
#include "config/tree.h"

#include <string.h>

struct node *node_child(const struct node *group, const char *name)
{
    for (struct node *n = group->first; n; n = n->next)
        if (n->name && strcmp(n->name, name) == 0)
            return n;
    return NULL;
}

void node_append(struct node *parent, struct node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static void join(struct node *into, struct node *from)
{
    if (!from->first)
        return;
    if (into->last)
        into->last->next = from->first;
    else
        into->first = from->first;
    into->last = from->last;
}

void tree_merge(struct node *into, struct node *from, struct diagnostics *d)
{
    for (struct node *child = from->first, *next; child; child = next) {
        next = child->next;
        struct node *known = node_child(into, child->name);
        if (!known)
            node_append(into, child);
        else if (known->type == NODE_GROUP && child->type == NODE_GROUP)
            tree_merge(known, child, d);
        else if (known->type == NODE_LIST && child->type == NODE_LIST)
            join(known, child);
        else
            diag_error(d, child->place,
                       "\"%s\" is given twice, first at %s:%d; only lists and groups are joined", child->name,
                       known->place.file, known->place.line);
    }
}
