/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal that is drawn on as a whole: the alternate screen, keys without Enter, and everything put back
 * on the way out, also before Ctrl-Z. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_TERMINAL_H
#define SYMBIONT_CLI_TERMINAL_H

#include <stdio.h>
#include <termios.h>
#include "cli/interrupt.h"
#include "symbiont/buf.h"
#include "symbiont/clock.h"

struct terminal {
    int in, out; /* in: -1 when keys cannot be read */
    int signals; /* a signalfd for resizing and job control */
    sigset_t before;
    struct termios cooked;
};

/* Is this a terminal that knows how to be drawn on? */
bool terminal_usable(FILE *out);

/* Returns 0, or -1 with errno and nothing changed. */
int terminal_enter(struct terminal *t, FILE *out);
void terminal_leave(struct terminal *t);

void terminal_size(const struct terminal *t, int *columns, int *rows);

/* Draws lines (each ended by \n, none longer than the screen is wide, not more than it is high) over what
 * stands there, in one write. Returns 0, or -1 when the terminal is gone. */
int terminal_draw(const struct terminal *t, const char *lines, size_t n);

enum terminal_event {
    TERMINAL_TIME,      /* the time has come */
    TERMINAL_STOP,      /* the interrupt, `q`, or the terminal is gone */
    TERMINAL_REDRAW,    /* another size, or back from Ctrl-Z */
    TERMINAL_UP,        /* arrow, k */
    TERMINAL_DOWN,      /* arrow, j, Enter */
    TERMINAL_PAGE_UP,   /* PgUp, b */
    TERMINAL_PAGE_DOWN, /* PgDn, space */
    TERMINAL_HOME,      /* Home, g */
    TERMINAL_END,       /* End, G */
    TERMINAL_OTHER,     /* a key without a meaning */
};
enum terminal_event terminal_wait(struct terminal *t, const struct interrupt *i, struct mono until);

#endif
