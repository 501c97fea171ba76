// SPDX-License-Identifier: Apache-2.0
// Any bytes as a zone file: refused, or every instant has a local date that is one, and an offset of at most
// two days (what the file may say) or a week (what the rule of the footer may say).
#include <stdlib.h>
#include "symbiont/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int64_t instants[] = {INT64_C(-62135596800000), -1, 0, INT64_C(1764000000000),
                                       INT64_C(253402300799999)};
    struct zone *z = zone_parse(data, n);
    if (!z)
        return 0;
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++)
        for (int day = 0; day < 366; day += 61) {
            struct utc t = {instants[i] + day * INT64_C(86400000)};
            struct civil c = zone_civil(z, t);
            if (abs(zone_offset(z, t)) > 8 * 86400 || c.month < 1 || c.month > 12 || c.day < 1 ||
                c.day > 31 || c.hour < 0 || c.hour > 23 || c.minute < 0 || c.minute > 59 || c.second < 0 ||
                c.second > 59 || c.weekday < 1 || c.weekday > 7 ||
                civil_day_number(c.year, c.month, c.day) != c.day_number)
                abort();
        }
    zone_free(z);
    return 0;
}
