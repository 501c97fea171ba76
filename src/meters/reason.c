// SPDX-License-Identifier: Apache-2.0
// Why there is no number, in words.
#include "symbiont/modbus.h"
#include "symbiont/point.h"

#include <stdio.h>

static const char *const words[] = {
    [REASON_GOOD] = "good",
    [REASON_NOT_DUE] = "not due",
    [REASON_NOT_YET] = "not read yet",
    [REASON_TIMEOUT] = "timeout",
    [REASON_DOWN] = "meter down",
    [REASON_NO_CONNECTION] = "no connection",
    [REASON_BAD_ANSWER] = "bad answer",
    [REASON_EXCEPTION] = "exception",
    [REASON_NOT_AVAILABLE] = "not available",
    [REASON_OUT_OF_RANGE] = "out of range",
    [REASON_DEPENDENCY] = "a point it depends on is bad",
    [REASON_COUNTER] = "total not trusted",
};

const char *reason_text(struct value v)
{
    static _Thread_local char text[64];
    if (v.reason >= sizeof words / sizeof words[0])
        return "unknown reason";
    if (v.reason != REASON_EXCEPTION)
        return words[v.reason];
    snprintf(text, sizeof text, "exception %u (%s)", v.exception, modbus_exception_text(v.exception));
    return text;
}
