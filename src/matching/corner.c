// SPDX-License-Identifier: Apache-2.0
// Plain numbers out of bands, rates out of profiles, and how two profiles meet in time.
#include <math.h>
#include "matching/inside.h"

double span_more(struct span s, enum corner c)
{
    if (c == CORNER_MIDDLE)
        return span_middle(s);
    double v = c == CORNER_WORST ? s.low : s.high;
    return isfinite(v) ? v : span_middle(s);
}

double span_less(struct span s, enum corner c)
{
    return span_more(s, c == CORNER_WORST ? CORNER_BEST : c == CORNER_BEST ? CORNER_WORST : c);
}

double factor_at(const struct match_settings *s, enum factor_id f)
{
    return s->factor[f].value;
}

double factor_corner(const struct match_settings *s, enum factor_id f, enum corner c, int sign)
{
    const struct factor *v = &s->factor[f];
    return c == CORNER_MIDDLE ? v->value : (c == CORNER_BEST) == (sign > 0) ? v->high : v->low;
}

double annual_of_rate(unsigned resource)
{
    switch (resource) {
    case RESOURCE_HEAT:
    case RESOURCE_COLD:
    case RESOURCE_STEAM:
    case RESOURCE_ELECTRICITY:
        return HOURS_YEAR / 1000.0;
    case RESOURCE_WATER:
    case RESOURCE_COMPRESSED_AIR:
    case RESOURCE_EQUIPMENT:
        return HOURS_YEAR;
    default:
        return WEEKS_YEAR;
    }
}

double party_rate(const struct party *p, enum corner c)
{
    const struct span *said = span_said(p->typical) ? &p->typical
                              : span_said(p->firm)  ? &p->firm
                              : span_said(p->peak)  ? &p->peak
                                                    : NULL;
    if (said)
        return span_more(*said, c);
    // Nothing but the year's total: spread evenly.
    return span_said(p->annual) ? span_more(p->annual, c) / annual_of_rate(p->resource) : NAN;
}

static double mean(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    return sum / (double)n;
}

// Where only the year's total is known beside the usual rate, the share is the same at all times.
static double even_share(const struct party *p, enum corner c)
{
    if (p->blocks || p->months || !span_said(p->annual) || !span_said(p->typical))
        return 1;
    double full = span_more(p->typical, c) * annual_of_rate(p->resource);
    return full > 0 ? fmin(1, span_more(p->annual, c) / full) : 0;
}

double party_share(const struct party *p, enum corner c)
{
    return even_share(p, c) * (p->blocks ? mean(p->blocks, OFFER_BLOCKS) : 1) *
           (p->months ? mean(p->months, 12) : 1);
}

double overlap(const struct party *supply, const struct party *demand, enum corner c, double give,
               double take, double most)
{
    give *= even_share(supply, c);
    take *= even_share(demand, c);
    bool blocks = supply->blocks || demand->blocks, months = supply->months || demand->months;
    double sum = 0;
    for (size_t m = 0; m < (months ? 12 : 1); m++) {
        double g = supply->months ? give * (double)supply->months[m] : give;
        double t = demand->months ? take * (double)demand->months[m] : take;
        if (!blocks) {
            sum += fmin(fmin(g, t), most);
            continue;
        }
        double week = 0;
        for (size_t b = 0; b < OFFER_BLOCKS; b++) {
            double gb = supply->blocks ? g * (double)supply->blocks[b] : g;
            double tb = demand->blocks ? t * (double)demand->blocks[b] : t;
            double both = gb < tb ? gb : tb;
            week += both < most ? both : most;
        }
        sum += week / OFFER_BLOCKS;
    }
    return sum / (months ? 12 : 1);
}
