/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit says that stays the same (serial number, totals, settings), so that it can be told whether
 * another unit id is the same device: many Modbus TCP devices do not look at the unit id at all. Private to
 * the command-line tool.
 */
#ifndef SYMBIONT_CLI_PORTRAIT_H
#define SYMBIONT_CLI_PORTRAIT_H

#include "cli/session.h"

#define PORTRAIT_PARTS 3

struct portrait {
    uint8_t unit;
    size_t n;
    struct portrait_part {
        struct modbus_ask ask;
        uint8_t data[2 * MODBUS_REGISTERS_MAX];
        bool moved[MODBUS_REGISTERS_MAX]; /* was seen to change: says nothing */
        size_t telling;                   /* registers that are neither 0 nor all ones */
    } parts[PORTRAIT_PARTS];
};

void portrait_begin(struct portrait *p, uint8_t unit);
/* An answer of the unit. Those with the most to tell are kept. */
void portrait_add(struct portrait *p, const struct modbus_ask *ask, const struct modbus_answer *answer);
/* Asks the unit for registers that many devices have, when nothing is known of it. */
void portrait_sketch(struct portrait *p, struct session *s);

/* Does another unit id say the same? Both are asked in turn, so that what changes meanwhile is not taken for
 * a difference. False when there is too little that stays the same. */
bool portrait_is_of(struct portrait *p, struct session *s, uint8_t unit);

#endif
