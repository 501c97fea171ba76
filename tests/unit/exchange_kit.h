/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the exchange: a full offer, keys from a fixed seed, envelopes. */
#ifndef TESTS_EXCHANGE_KIT_H
#define TESTS_EXCHANGE_KIT_H

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/envelope.h"
#include "symbiont/messages.h"
#include "symbiont/offer.h"
#include "test.h"

#define KIT_ID "0123456789abcdef0123456789abcdef"

/* A key out of one byte, always the same. */
static inline struct site_key kit_key(unsigned char n)
{
    struct site_key k;
    unsigned char seed[32];
    memset(seed, n, sizeof seed);
    crypto_sign_seed_keypair(k.public_key, k.secret_key, seed);
    public_key_id(k.public_key, k.id);
    return k;
}

/* Surplus heat of a rolling mill, 415 kW. */
static inline struct offer kit_heat(uint8_t level)
{
    struct offer o;
    offer_clear(&o);
    strcpy(o.id, KIT_ID);
    o.revision = 3;
    o.role = ROLE_OFFER;
    o.synergy = SYNERGY_EXCHANGE;
    o.resource = RESOURCE_HEAT;
    o.provenance = PROVENANCE_MEASURED;
    o.level = level;
    strcpy(o.title, "Furnace cooling of the mill in Florange");
    strcpy(o.pseudonym, "f-7q2");
    strcpy(o.zone, "57221");
    o.latitude = 49.3237;
    o.longitude = 6.1183;
    strcpy(o.nace, "24.10");
    o.confidence = 0.8612;
    o.created.ms = 1764000123456;
    o.valid_until.ms = 1771000123456;
    o.firm = span_of(415);
    o.typical = span_of(551.9);
    o.peak = span_of(633.3);
    o.annual = span_of(3317.7);
    o.heat.supply = span_of(65.3);
    o.heat.back = span_of(43.7);
    o.heat.approach_k = 5.3;
    o.price = 12.34;
    o.avoided = 7.89;
    o.notice_h = 36;
    o.has_blocks = true;
    for (int i = 0; i < OFFER_BLOCKS; i++)
        o.blocks[i] = i % 6 == 2 ? 0.9371f : 0.2143f;
    return o;
}

/* A need of waste, with what it takes. */
static inline struct offer kit_waste(void)
{
    struct offer o;
    offer_clear(&o);
    strcpy(o.id, KIT_ID);
    strcpy(o.pseudonym, "f-9");
    o.revision = 1;
    o.role = ROLE_NEED;
    o.synergy = SYNERGY_POOL;
    o.resource = RESOURCE_WASTE;
    o.provenance = PROVENANCE_DECLARED;
    o.level = 3;
    o.typical = span_of(1.2);
    o.waste.codes[0] = 150101;
    o.waste.codes[1] = 10304;
    o.waste.code_count = 2;
    o.waste.hazardous = true;
    o.waste.legal = LEGAL_BY_PRODUCT;
    o.waste.operations = 1u << 3 | 1u << 13 | 1u << 17 | 1u << 31;
    o.waste.fill = (struct span){0.5, 1};
    strcpy(o.parameters[0].name, "moisture");
    strcpy(o.parameters[0].unit, "%");
    o.parameters[0].value = (struct span){-INFINITY, 12.5};
    strcpy(o.parameters[1].name, "ph");
    o.parameters[1].value = (struct span){6.5, 8.5};
    o.parameter_count = 2;
    strcpy(o.audience[0], "f-7q2");
    o.audience_count = 1;
    o.has_months = true;
    for (int i = 0; i < 12; i++)
        o.months[i] = (float)i / 11;
    return o;
}

#endif
