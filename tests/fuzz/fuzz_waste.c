// SPDX-License-Identifier: Apache-2.0
// Waste codes and times of the week as anybody may write them: a refusal with a reason, or what prints back
// to itself.
#include <stdlib.h>
#include <string.h>
#include "symbiont/stream.h"
#include "symbiont/waste.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char text[300], why[400] = "", form[WASTE_TEXT];
    if (n >= sizeof text)
        return 0;
    memcpy(text, data, n);
    text[n] = '\0';
    const struct waste_code *w = waste_parse(text, why, sizeof why);
    if (!w && !*why)
        abort();
    if (w && (waste_parse(waste_text(w, form), why, sizeof why) != w ||
              waste_parse(waste_digits(w, form), why, sizeof why) != w))
        abort();
    uint8_t hours[21];
    why[0] = '\0';
    if (!schedule_parse(text, hours, why, sizeof why) && !*why)
        abort();
    return 0;
}
