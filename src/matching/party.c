// SPDX-License-Identifier: Apache-2.0
// An offer as matching sees it: the short things in place, the long ones pointed at, or kept in one block.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "matching/inside.h"

bool resource_is_goods(unsigned r)
{
    return r == RESOURCE_WASTE || r == RESOURCE_BY_PRODUCT || r == RESOURCE_MATERIAL || r == RESOURCE_FUEL ||
           r == RESOURCE_CO2;
}

static bool has_waste(const struct offer *o)
{
    const struct offer_waste *w = &o->waste;
    return w->code_count || w->operations || w->hazardous || span_said(w->capacity_t) ||
           span_said(w->lot_t) || span_said(w->stock_t) || resource_is_goods(o->resource);
}

static bool has_equipment(const struct offer *o)
{
    return o->equipment.type[0] || o->equipment.capability_count;
}

void party_view(const struct offer *o, struct party *p)
{
    *p = (struct party){.role = (uint8_t)o->role,
                        .synergy = (uint8_t)o->synergy,
                        .resource = (uint8_t)o->resource,
                        .provenance = (uint8_t)o->provenance,
                        .level = o->level,
                        .interruptible = o->interruptible,
                        .parameter_count = o->parameter_count,
                        .audience_count = o->audience_count,
                        .blocked_count = o->blocked_count,
                        .latitude = o->latitude,
                        .longitude = o->longitude,
                        .radius_m = o->radius_m,
                        .confidence = o->confidence,
                        .notice_h = o->notice_h,
                        .price = o->price,
                        .avoided = o->avoided,
                        .created = o->created,
                        .valid_from = o->valid_from,
                        .valid_until = o->valid_until,
                        .embargo_until = o->embargo_until,
                        .revision = o->revision,
                        .firm = o->firm,
                        .typical = o->typical,
                        .peak = o->peak,
                        .annual = o->annual,
                        .lot = o->lot,
                        .heat = o->heat,
                        .title = o->title,
                        .blocks = o->has_blocks ? o->blocks : NULL,
                        .months = o->has_months ? o->months : NULL,
                        .parameters = o->parameters,
                        .waste = has_waste(o) ? &o->waste : NULL,
                        .equipment = has_equipment(o) ? &o->equipment : NULL,
                        .audience = o->audience,
                        .blocked = o->blocked};
    memcpy(p->id, o->id, sizeof p->id);
    memcpy(p->pseudonym, o->pseudonym, sizeof p->pseudonym);
    memcpy(p->zone, o->zone, sizeof p->zone);
    memcpy(p->nace, o->nace, sizeof p->nace);
}

// Pieces of the block, each at an address fit for doubles.
static size_t rounded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static const void *piece(char **at, const void *from, size_t n)
{
    if (!n)
        return NULL;
    char *to = *at;
    memcpy(to, from, n);
    *at += rounded(n);
    return to;
}

bool party_keep(const struct offer *o, struct party_store *out)
{
    struct party p;
    party_view(o, &p);
    size_t sizes[] = {p.blocks ? sizeof o->blocks : 0,          p.months ? sizeof o->months : 0,
                      p.parameter_count * sizeof *p.parameters, p.waste ? sizeof *p.waste : 0,
                      p.equipment ? sizeof *p.equipment : 0,    p.audience_count * sizeof *p.audience,
                      p.blocked_count * sizeof *p.blocked,      o->title[0] ? strlen(o->title) + 1 : 0};
    size_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        total += rounded(sizes[i]);
    char *block = total ? malloc(total) : NULL;
    if (total && !block)
        return false;
    char *at = block;
    p.blocks = piece(&at, p.blocks, sizes[0]);
    p.months = piece(&at, p.months, sizes[1]);
    p.parameters = piece(&at, p.parameters, sizes[2]);
    p.waste = piece(&at, p.waste, sizes[3]);
    p.equipment = piece(&at, p.equipment, sizes[4]);
    p.audience = piece(&at, p.audience, sizes[5]);
    p.blocked = piece(&at, p.blocked, sizes[6]);
    p.title = piece(&at, p.title, sizes[7]);
    *out = (struct party_store){p, block, total};
    return true;
}

void party_drop(struct party_store *p)
{
    free(p->block);
    p->block = NULL;
}

void party_offer(const struct party *p, struct offer *o)
{
    offer_clear(o);
    memcpy(o->id, p->id, sizeof o->id);
    memcpy(o->pseudonym, p->pseudonym, sizeof o->pseudonym);
    memcpy(o->zone, p->zone, sizeof o->zone);
    memcpy(o->nace, p->nace, sizeof o->nace);
    o->revision = p->revision;
    o->role = (enum offer_role)p->role;
    o->synergy = (enum synergy)p->synergy;
    o->resource = (enum resource)p->resource;
    o->provenance = (enum provenance)p->provenance;
    o->level = p->level;
    o->interruptible = p->interruptible;
    o->latitude = p->latitude;
    o->longitude = p->longitude;
    o->radius_m = p->radius_m;
    o->confidence = p->confidence;
    o->notice_h = p->notice_h;
    o->price = p->price;
    o->avoided = p->avoided;
    o->created = p->created;
    o->valid_from = p->valid_from;
    o->valid_until = p->valid_until;
    o->embargo_until = p->embargo_until;
    o->firm = p->firm;
    o->typical = p->typical;
    o->peak = p->peak;
    o->annual = p->annual;
    o->lot = p->lot;
    o->heat = p->heat;
    if (p->title)
        memcpy(o->title, p->title, strlen(p->title) + 1);
    if ((o->has_blocks = p->blocks != NULL))
        memcpy(o->blocks, p->blocks, sizeof o->blocks);
    if ((o->has_months = p->months != NULL))
        memcpy(o->months, p->months, sizeof o->months);
    if ((o->parameter_count = p->parameter_count))
        memcpy(o->parameters, p->parameters, p->parameter_count * sizeof *p->parameters);
    if (p->waste)
        o->waste = *p->waste;
    if (p->equipment)
        o->equipment = *p->equipment;
    if ((o->audience_count = p->audience_count))
        memcpy(o->audience, p->audience, p->audience_count * sizeof *p->audience);
    if ((o->blocked_count = p->blocked_count))
        memcpy(o->blocked, p->blocked, p->blocked_count * sizeof *p->blocked);
}

double provenance_confidence(const struct party *p)
{
    if (p->confidence > 0)
        return p->confidence;
    double firmness = span_said(p->firm) && span_said(p->typical) && span_middle(p->typical) > 0
                          ? fmin(1, span_middle(p->firm) / span_middle(p->typical))
                          : 1;
    return provenance_weight((enum provenance)p->provenance) * firmness;
}
