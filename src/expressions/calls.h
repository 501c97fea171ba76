/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the arguments of calls: functions.c has the table, two files the families of it. */
#ifndef SYMBIONT_EXPRESSIONS_CALLS_H
#define SYMBIONT_EXPRESSIONS_CALLS_H

#include "compiler.h"

struct function {
    const char *name; /* first: text_nearest steps over them */
    const char *signature, *text;
    /* From behind "(" to behind ")". */
    bool (*parse)(struct compiler *c, const struct function *f, struct node *out);
    uint8_t op, n; /* instruction, and enum window_function, enum calendar_field or flags */
};

/* functions.c */
bool parse_comma(struct compiler *c, const struct function *f);
bool parse_end(struct compiler *c, const struct function *f);
bool parse_number_argument(struct compiler *c, const struct function *f, struct node *out);
/* An argument converted into a unit. */
bool parse_argument_in(struct compiler *c, const struct function *f, const char *unit, struct node *out);
/* A share as a constant, "90 %"; `what` for messages. */
bool parse_share(struct compiler *c, const char *what, double *out);

/* call_window.c */
bool parse_window(struct compiler *c, const struct function *f, struct node *out);
bool parse_extreme(struct compiler *c, const struct function *f, struct node *out);
bool parse_age(struct compiler *c, const struct function *f, struct node *out);

/* call_heat.c */
bool parse_power(struct compiler *c, const struct function *f, struct node *out);
bool parse_steam_power(struct compiler *c, const struct function *f, struct node *out);
bool parse_property(struct compiler *c, const struct function *f, struct node *out);

#endif
