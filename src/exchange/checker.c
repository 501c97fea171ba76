// SPDX-License-Identifier: Apache-2.0
// Why a message that can be read is refused all the same.
#include "exchange/checker.h"
#include <stdarg.h>
#include <stdio.h>

bool checker_wrong(const struct checker *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->why, c->size, format, ap);
    va_end(ap);
    return false;
}
