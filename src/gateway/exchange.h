/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side of the territory, for the files that answer questions of it. Private to this folder. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "engine/consents.h"
#include "gateway/gateway.h"
#include "gateway/territory.h"

struct exchange {
    struct gateway *gateway;
    struct territory *territory; /* NULL: it could not be opened at a reload */
    struct site *link_settings;  /* held: the connection's strings are its */
    struct consents *consents;
    struct timer timer;
    struct mono built; /* when the wishes were last given */
    bool look;
};

/* The time up to which the streams are worked out. */
struct utc exchange_now(const struct gateway *g);

#endif
