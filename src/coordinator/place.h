/* SPDX-License-Identifier: Apache-2.0 */
/* Where a zone lies, and how far two places are apart. Private to this folder. */
#ifndef COORDINATOR_PLACE_H
#define COORDINATOR_PLACE_H

#include <stdbool.h>

struct point_on_earth {
    double latitude, longitude;
};

/* "49.3237,6.1183" or "c:49.325:6.125"; false for anything else (a commune's number has no place here). */
bool place_parse(const char *text, struct point_on_earth *out);
/* Great circle, on a sphere of 6371 km. */
double place_distance_km(struct point_on_earth a, struct point_on_earth b);

#endif
