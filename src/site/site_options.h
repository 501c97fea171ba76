/* SPDX-License-Identifier: Apache-2.0 */
/* Private to this folder: bounds and values of the root table. */
#ifndef SYMBIONT_SITE_OPTIONS_H
#define SYMBIONT_SITE_OPTIONS_H

#include "symbiont/site.h"

#define SITE_PUBLISHERS_MAX OUTBOX_LANES_MAX

#endif
