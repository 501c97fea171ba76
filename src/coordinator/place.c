// SPDX-License-Identifier: Apache-2.0
// Places on a sphere.
#include "coordinator/place.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"

#define RADIANS(degrees) ((degrees)*3.14159265358979323846 / 180)
#define EARTH_KM         6371.0

bool place_parse(const char *text, struct point_on_earth *out)
{
    char first[32], second[32];
    bool cell = text[0] == 'c' && text[1] == ':';
    const char *s = cell ? text + 2 : text, *middle = strchr(s, cell ? ':' : ',');
    if (!middle || (size_t)(middle - s) >= sizeof first || strlen(middle + 1) >= sizeof second)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(middle - s), s);
    snprintf(second, sizeof second, "%s", middle + 1 + strspn(middle + 1, " "));
    return text_number(first, &out->latitude) && text_number(second, &out->longitude) &&
           fabs(out->latitude) <= 90 && fabs(out->longitude) <= 180;
}

double place_distance_km(struct point_on_earth a, struct point_on_earth b)
{
    double dlat = RADIANS(b.latitude - a.latitude), dlon = RADIANS(b.longitude - a.longitude);
    double h =
        pow(sin(dlat / 2), 2) + cos(RADIANS(a.latitude)) * cos(RADIANS(b.latitude)) * pow(sin(dlon / 2), 2);
    return 2 * EARTH_KM * asin(fmin(1, sqrt(h)));
}
