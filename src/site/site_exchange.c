// SPDX-License-Identifier: Apache-2.0
// What the owner's consent, the exchange and the rest of the configuration say against each other.
#include <string.h>
#include "exchange/offer_terms.h"
#include "site/site_options.h"
#include "symbiont/units.h"

struct consents {
    const struct site *site;
    struct diagnostics *d;
    const struct exchange_config *exchange;
    size_t told; /* offers and needs of which something may leave */
    bool coordinates;
};

static void check_level(struct consents *c, struct place at, const char *subject, const struct offer_terms *t,
                        bool waste_without_code)
{
    if (t->level == DISCLOSE_NOTHING)
        return;
    c->told++;
    if (!exchange_configured(c->exchange)) {
        diag_warning(c->d, at,
                     "%s: disclosure is %d, but there is no group `exchange`: nothing leaves the site",
                     subject, t->level);
        return;
    }
    if (t->level >= DISCLOSE_EXACT && !c->exchange->coordinator_key)
        diag_warning(
            c->d, at,
            "%s: disclosure is %d, but the exchange has no coordinator_key: exact numbers would go to "
            "whoever runs the broker, and no match could be believed",
            subject, t->level);
    if (t->level >= DISCLOSE_IDENTITY && !c->exchange->contact)
        diag_warning(c->d, at, "%s: disclosure is %d, but the exchange has no contact to release", subject,
                     t->level);
    if (t->level >= DISCLOSE_BANDS && !c->exchange->zone && !c->coordinates)
        diag_error(c->d, at,
                   "%s: an offer needs a place: set site.latitude and site.longitude, or exchange.zone",
                   subject);
    if (waste_without_code)
        diag_error(c->d, at, "%s: a waste is offered by its code: low = \"15 01 01\"", subject);
}

// Heat is told in kW, matter in t a week: fuel that is metered as power says nothing of tonnes.
static void check_unit(struct consents *c, const struct stream_config *s, const char *subject)
{
    const struct unit *unit = stream_config_unit(s), *told = offer_unit_of((enum resource)s->resource);
    double factor, offset;
    if (unit == unit_find("kg"))
        unit = unit_find("kg/h"); // of a container
    if (strcmp(unit_text(told), "t/week") == 0)
        told = unit_find("kg/h");
    if (unit && !unit_conversion(unit, told, &factor, &offset))
        diag_error(c->d, s->offer.common.place, "%s: %s is told in %s, this stream counts it in %s", subject,
                   resource_word((enum resource)s->resource), offer_unit((enum resource)s->resource),
                   unit_text(unit));
}

static void check_stream(struct consents *c, size_t i)
{
    const struct stream_config *s = site_stream(c->site, i);
    const struct offer_config *o = &s->offer;
    struct offer_terms terms;
    char subject[128];
    if (!o->common.place.file || !s->name)
        return;
    snprintf(subject, sizeof subject, "stream %s: offer", s->name);
    if (s->direction != DIRECTION_OUT)
        diag_error(c->d, o->common.place, "%s: only what goes out can be offered, its direction is %s",
                   subject, direction_word((enum direction)s->direction));
    if (offer_terms_read(o, (enum resource)s->resource, false, c->site->zone, subject, &terms, c->d))
        check_level(c, o->common.place, subject, &terms, s->resource == RESOURCE_WASTE && !s->waste_code);
    check_unit(c, s, subject);
}

static void check_need(struct consents *c, size_t i)
{
    const struct need_config *n = site_need(c->site, i);
    struct offer_terms terms;
    char subject[128];
    if (!n->ask.common.place.file || !n->name)
        return;
    snprintf(subject, sizeof subject, "need %s: ask", n->name);
    if (offer_terms_read(&n->ask, (enum resource)n->resource, true, c->site->zone, subject, &terms, c->d))
        check_level(c, n->ask.common.place, subject, &terms, false);
}

void site_exchange_check(const struct site *s, struct diagnostics *d)
{
    const struct site_group *g = &s->root->site;
    struct consents c = {.site = s, .d = d, .exchange = site_exchange(s)};
    c.coordinates = option_given(&site_group_section, g, offsetof(struct site_group, latitude)) &&
                    option_given(&site_group_section, g, offsetof(struct site_group, longitude));
    for (size_t i = 0; i < s->root->streams.n; i++)
        check_stream(&c, i);
    for (size_t i = 0; i < s->root->needs.n; i++)
        check_need(&c, i);
    if (!exchange_configured(c.exchange))
        return;
    exchange_check(c.exchange, d);
    if (!g->territory)
        diag_error(d, c.exchange->common.place,
                   "the exchange needs site.territory: the name its topics begin with");
    if (c.exchange->pseudonym && g->id && strcmp(c.exchange->pseudonym, g->id) == 0)
        diag_warning(d, c.exchange->common.place,
                     "pseudonym \"%s\" is the site's id: it tells everybody on the territory who it is",
                     g->id);
    if (c.told == 0)
        diag_warning(d, c.exchange->common.place,
                     "no stream has `offer` and no need has `ask` with a disclosure above 0: nothing leaves");
}
