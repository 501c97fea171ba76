// SPDX-License-Identifier: Apache-2.0
// Fuzzes the replay of recordings, which people send each other: any text ends with readings counted or with
// errors at its lines. Run from the top of the source, where conf/profiles is.
#include <stdlib.h>
#include <string.h>
#include "symbiont/recording.h"
#include "symbiont/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct profile_path shipped = {{"conf/profiles", NULL}};
    char why[200];
    if (units_open(why, sizeof why) < 0)
        abort();
    char *text = malloc(n + 1);
    struct diagnostics *d = diagnostics_new();
    struct recording_counts counts;
    if (!text || !d)
        abort();
    memcpy(text, data, n);
    text[n] = '\0';
    if (recording_replay(text, "fuzz", &shipped, d, &counts) != (diag_errors(d) == 0))
        abort();
    free(text);
    diagnostics_free(d);
    return 0;
}
