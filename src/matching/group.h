/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of parties; see match_group. */
#ifndef SYMBIONT_MATCHING_GROUP_H
#define SYMBIONT_MATCHING_GROUP_H

#include "matching/inside.h"

struct group_asked {
    const struct party *const *members; /* at least one */
    size_t n;                           /* at most MATCH_MEMBERS */
    const double *distances;            /* n x n, m; NULL, or NaN in it: from the places */
    struct utc now;
};

bool group_match(const struct match_settings *s, const struct group_asked *asked, struct match *out);
/* Chooses the gates that are shown. */
void match_strongest(struct match *m);

#endif
