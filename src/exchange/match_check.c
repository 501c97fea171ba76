// SPDX-License-Identifier: Apache-2.0
// What no type can say of a view of a match: that it is about what we told, and no more than can be.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "exchange/checker.h"
#include "symbiont/messages.h"

// A heat pump adds to what is offered, bands are up to 2.5 times as wide as they are low, and what we tell
// may have changed while the coordinator matched. Nothing of that is ten times.
#define TIMES_OURS 10.0
// The largest plants of the world cost less; nothing a neighbour can give is worth more a year.
#define CAPEX_MOST  1e10
#define PROFIT_MOST 1e9
#define CARBON_MOST 1e7
#define HOURS_YEAR  8784.0
#define WEEKS_YEAR  53.0
#define BAND_TIMES  2.5

// As far as a band can tell: it is refused when even its low end is beyond.
static bool within(const struct checker *c, const char *name, struct span s, double least, double most,
                   const char *unit)
{
    if (!span_said(s))
        return true;
    if (s.low > s.high)
        return checker_wrong(c, "%s is not in order", name);
    if (s.high < least)
        return checker_wrong(c, "%s: %g %s is less than can be", name, s.high, unit);
    if (s.low > most)
        return checker_wrong(c, "%s: %g %s is more than can be", name, s.low, unit);
    return true;
}

static double largest(const struct offer *o)
{
    const struct span said[] = {o->firm, o->typical, o->peak};
    double most = NAN;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (span_said(said[i]))
            most = fmax(most, said[i].high);
    return most;
}

// A pool's or a collection's quantity is that of all who take part.
static bool is_ours_alone(const struct match_view *m)
{
    return m->synergy == SYNERGY_EXCHANGE && m->parties <= 1;
}

static bool fits_ours(const struct checker *c, const struct match_view *m, const struct offer *own)
{
    // An end tells of nothing; of an offer that it holds no more the coordinator may not know what it was.
    if (!own || m->status == MATCH_ENDED)
        return true;
    if (m->resource != own->resource || m->role != own->role)
        return checker_wrong(c, "it is about our %s of %s, which is our %s of %s",
                             m->role == ROLE_OFFER ? "offer" : "need", resource_word(m->resource),
                             own->role == ROLE_OFFER ? "offer" : "need", resource_word(own->resource));
    double ours = largest(own);
    if (!is_ours_alone(m) || !(ours > 0) || !span_said(m->quantity) || m->quantity.low <= TIMES_OURS * ours)
        return true;
    return checker_wrong(c, "quantity: %g %s, of which we told %g", m->quantity.low, offer_unit(m->resource),
                         ours);
}

static double annual_most(enum resource r)
{
    const char *unit = offer_unit(r);
    double hours = strcmp(unit, "kW") == 0     ? HOURS_YEAR / 1000
                   : strcmp(unit, "t/wk") == 0 ? WEEKS_YEAR
                                               : HOURS_YEAR;
    return BAND_TIMES * offer_amount_most(r) * hours;
}

bool match_view_check(const struct match_view *m, const struct offer *own, char *why, size_t why_size)
{
    const struct checker c = {why, why_size};
    const char *unit = offer_unit(m->resource), *annual = offer_annual_unit(m->resource);
    double most = offer_amount_most(m->resource), pool = m->parties > 1 ? m->parties : 1;
    return fits_ours(&c, m, own) && within(&c, "quantity", m->quantity, 0, pool * most, unit) &&
           within(&c, "annual", m->annual, 0, pool * annual_most(m->resource), annual) &&
           within(&c, "counterpart.amount", m->counterpart.amount, 0, pool * most, unit) &&
           within(&c, "capex_eur", m->capex_eur, 0, CAPEX_MOST, "EUR") &&
           within(&c, "eur_yr", m->eur_yr, -PROFIT_MOST, PROFIT_MOST, "EUR/a") &&
           within(&c, "payback_y", m->payback_y, 0, INFINITY, "a") &&
           within(&c, "tco2e_yr", m->tco2e_yr, -CARBON_MOST, CARBON_MOST, "t/a");
}
