/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistical secrecy: which totals of a table tell nothing of a single site. Pure.
 *
 * Primary: a total is shown when at least `sites_least` sites contribute, none has more than `share_most` of
 * it (dominance), and all but the two largest have at least `rest_least` of the largest: else the second
 * could work out the first (the p% rule). Secondary: what is hidden in a row of totals that is itself
 * published can be found by subtracting, as the sum of what is hidden; so that sum must pass the same rule,
 * and more cells are hidden (the smallest first), in the end the row's total, until it does.
 */
#ifndef COORDINATOR_SECRECY_H
#define COORDINATOR_SECRECY_H

#include <stdbool.h>
#include <stddef.h>

struct secrecy_rule {
    unsigned sites_least;
    double share_most, rest_least;
};

enum secrecy_verdict {
    SECRECY_EMPTY, /* nothing is there: shown as such */
    SECRECY_SHOWN,
    SECRECY_FEW,       /* too few sites */
    SECRECY_DOMINATED, /* one of them is most of it */
    SECRECY_SECONDARY, /* hidden for the sake of another */
};
const char *secrecy_word(enum secrecy_verdict v); /* "empty", "shown", "few", "dominated", "secondary" */

/* Of `n` sites' contributions (none negative; those of 0 are no contributions). */
enum secrecy_verdict secrecy_total(const struct secrecy_rule *r, const double *sites, size_t n);

/*
 * Two reports can be compared: what a total gained or lost is what the sites that came or went give, so it
 * moves only when none did, or at least `sites_least`. `then`, `now`: names, each before a line feed, in
 * order.
 */
bool secrecy_may_move(const struct secrecy_rule *r, const char *then, const char *now);

/*
 * A row of `cells` totals over the same `n` sites: amounts[cell * n + site]. Fills verdicts[cells], and
 * verdicts[cells]: that of the total of the whole row. False: memory is out, and everything is hidden.
 */
bool secrecy_row(const struct secrecy_rule *r, const double *amounts, size_t cells, size_t n,
                 enum secrecy_verdict *verdicts);

#endif
