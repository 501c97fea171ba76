// SPDX-License-Identifier: Apache-2.0
// The settings of consent, as tables: `offer` of a stream, `ask` of a need.
#include "symbiont/offer.h"

static const struct choice whens[] = {{"automatic", OFFER_WHEN_AUTOMATIC},
                                      {"surplus", OFFER_WHEN_SURPLUS},
                                      {"recurring", OFFER_WHEN_RECURRING},
                                      {"always", OFFER_WHEN_ALWAYS},
                                      {0}};

static const struct choice synergies[] = {{"automatic", -1},          {"exchange", SYNERGY_EXCHANGE},
                                          {"pool", SYNERGY_POOL},     {"share", SYNERGY_SHARE},
                                          {"outlet", SYNERGY_OUTLET}, {0}};

static const struct choice legals[] = {{"automatic", -1},
                                       {"waste", LEGAL_WASTE},
                                       {"by_product", LEGAL_BY_PRODUCT},
                                       {"end_of_waste", LEGAL_END_OF_WASTE},
                                       {"product", LEGAL_PRODUCT},
                                       {0}};

#define AT(field) offsetof(struct offer_config, field)
#define DAY       86400.0

// clang-format off
#define CONSENT                                                                                                        \
    {"disclosure", OPTION_INT, AT(level), .def = "0", .min = 0, .max = 5,                                              \
     .help = "What may leave the site. 0: nothing. 1: a part of the territory's totals. 2: bands, a zone, blocks of "  \
             "four hours, without a name. 3: exact numbers, title and price to the coordinator; a neighbour sees "     \
             "bands. 4: also name and contact, to a neighbour once both said yes. 5: and detailed data by a contract " \
             "of their own."},                                                                                         \
    {"agreed_by", OPTION_TEXT, AT(agreed_by),                                                                          \
     .help = "Who agreed to that, for the disclosure log. Never leaves the site."},                                    \
    {"until", OPTION_TEXT, AT(agreed_until),                                                                           \
     .help = "The last day of the consent, \"2027-06-30\"; default: until it is taken back."},                         \
    {"title", OPTION_TEXT, AT(title), .help = "A line for others, 80 bytes at most; leaves at level 3 and above."},    \
    {"synergy", OPTION_CHOICE, AT(synergy), .def = "automatic", .choices = synergies,                                  \
     .help = "exchange; pool: collect or buy together; share: equipment; outlet: nobody takes it yet. automatic: "     \
             "share for equipment, exchange for all else."},                                                           \
    {"embargo", OPTION_DURATION, AT(embargo_ns), .def = "0 s", .min = 0, .max = 366 * DAY,                             \
     .help = "Nothing of it leaves before it has been there for this long, \"72 h\"..."},                              \
    {"embargo_until", OPTION_TEXT, AT(embargo_until), .help = "...or before this day, \"2026-12-01\"."},               \
    {"expiry", OPTION_DURATION, AT(expiry_ns), .def = "90 days", .min = 10, .max = 99 * DAY,                           \
     .help = "It ends by itself when it is not renewed for this long. Renewed when half of it is over."},              \
    {"pause", OPTION_DURATION, AT(pause_ns), .def = "15 min", .min = 0, .max = 30 * DAY,                               \
     .help = "Changes are told at most this often. Begin and withdrawal are told at once."},                           \
    {"audience", OPTION_TEXTS, AT(audience),                                                                           \
     .help = "Pseudonyms of the sites it may be matched with, at most 8; default: all."},                              \
    {"blocked", OPTION_TEXTS, AT(blocked),                                                                             \
     .help = "Pseudonyms of the sites it must never be matched with (competitors), at most 8."},                       \
    {"price", OPTION_NUMBER, AT(price), .min = -1e9, .max = 1e9,                                                       \
     .help = "EUR per MWh, m3, t or hour that is asked for (of a need: offered); negative: the owner pays. Leaves at " \
             "level 3 and above."},                                                                                    \
    {"avoided_cost", OPTION_NUMBER, AT(avoided), .min = -1e9, .max = 1e9,                                              \
     .help = "EUR per MWh, m3, t or hour that the owner saves by the exchange: disposal, energy bought. Leaves at "    \
             "level 3 and above."},                                                                                    \
    {"season", OPTION_TEXT, AT(season),                                                                                \
     .help = "The months in which it is there, \"oct-apr\"; default: as metered, of a need all."},                     \
    {"notice", OPTION_DURATION, AT(notice_ns), .max = 366 * DAY,                                                       \
     .help = "How long before a change one is told."},                                                                 \
    {"interruptible", OPTION_BOOL, AT(interruptible), .def = "false", .help = "It may be interrupted at any time."},   \
    {"lot_min", OPTION_TEXT, AT(lot_min), .help = "The smallest quantity that makes sense, \"50 kW\", \"5 t/week\"."}, \
    {"lot_max", OPTION_TEXT, AT(lot_max), .help = "The largest quantity that one neighbour may have."},                \
    {"approach", OPTION_TEXT, AT(approach),                                                                            \
     .help = "Heat: the temperature difference its heat exchanger needs, \"5 K\"; default: the coordinator's."},       \
    {"type", OPTION_TEXT, AT(type), .help = "Equipment: what it is, \"forklift\": small letters, digits, _ . -"}

static const struct option offer_options[] = {
    CONSENT,
    {"when", OPTION_CHOICE, AT(when), .def = "automatic", .choices = whens,
     .help = "When there is an offer. surplus: from the begin of a surplus, and for as long as it comes back in most "
             "weeks. recurring: only what comes back in most weeks. always: without regard to surplus. automatic: "
             "always for waste, by-products and materials, surplus for all else."},
    {"keep", OPTION_DURATION, AT(keep_ns), .def = "24 h", .min = 0, .max = 90 * DAY,
     .help = "A surplus that does not come back in most weeks has ended for good when it stays away for this long: then "
             "the offer is withdrawn."},
    {"supply", OPTION_TEXT, AT(supply), .help = "Heat: its temperature, \"65 degC\"; default: what is metered."},
    {"return_min", OPTION_TEXT, AT(back),
     .help = "Heat: a taker may cool it to this, \"40 degC\"; default: the stream's return_min, else the metered return."},
    {"legal", OPTION_CHOICE, AT(legal), .def = "automatic", .choices = legals,
     .help = "Legal status of a waste or by-product, to be verified by its owner; automatic: by the resource."},
    {0},
};

static const struct option ask_options[] = {
    CONSENT,
    {"operations", OPTION_TEXTS, AT(operations),
     .help = "Waste: what the site's permit lets it do with it, ( \"R3\", \"D10\" )."},
    {0},
};
// clang-format on

const struct section offer_section = {"offer", sizeof(struct offer_config), offer_options,
                                      "What other sites may learn of a stream."};
const struct section ask_section = {"ask", sizeof(struct offer_config), ask_options,
                                    "What other sites may learn of a need."};
