/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a stream share. Private to src/streams. */
#ifndef SYMBIONT_STREAM_INSIDE_H
#define SYMBIONT_STREAM_INSIDE_H

#include "symbiont/stream.h"

/* Media beyond those of fluids.h, whose heat comes by other virtual meters. */
enum { MEDIUM_STEAM = 16, MEDIUM_AIR, MEDIUM_FLUE_GAS, MEDIUM_THERMAL_OIL };
enum { FUEL_GAS, FUEL_OIL };

#endif
