/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with its headers in the order it wants them, and the table every test program ends in. */
#ifndef SYMBIONT_TEST_H
#define SYMBIONT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define TEST_COUNT(table) (sizeof(table) / sizeof(table)[0])

#endif
