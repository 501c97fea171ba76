/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From files to tokens. libconfig 1.5 is not shown the files themselves: it reads 3000000000 as
 * -1294967296 and 1e400 as infinity, takes the rest of a file for a comment that is never closed, and
 * an @include of a directory ends the process. So the words of the files, includes resolved, are
 * collected here with their places, and what libconfig would get wrong is an error.
 */
#ifndef SYMBIONT_CONFIG_SOURCE_H
#define SYMBIONT_CONFIG_SOURCE_H

#include "config/owner.h"

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_TEXT, /* with its quotes and escapes, never with a line break */
    TOKEN_INT,
    TOKEN_INT64, /* written with L */
    TOKEN_NUMBER,
    TOKEN_BOOL,
    TOKEN_MARK, /* one of = : , ; { } ( ) [ ] */
};

struct token {
    enum token_type type;
    bool bad; /* its value cannot be represented; an error was reported */
    struct place place;
    const char *text;
    size_t n;
};

#define INCLUDE_DEPTH_MAX 10
#define TOKENS_MAX                                                                                           \
    1000000 /* of a file and what it includes: 5,000 meters are 300,000; each takes 48 bytes                 \
             */

struct source {
    struct config *owner;   /* file names live there; counts and hashes what is read */
    struct config *scratch; /* texts live there */
    struct diagnostics *diag;
    struct token *tokens; /* the last one is TOKEN_END */
    size_t n, cap;
    bool unread;      /* the file itself, not what it includes, could not be read */
    bool from_memory; /* @include is refused */
    int depth;
    const char *open[INCLUDE_DEPTH_MAX + 1]; /* real paths of the files being read */
};

/* Both return false when reading had to stop, which is an error in diag (or memory is out). */
bool source_file(struct source *s, const char *path);
bool source_text(struct source *s, const char *text, const char *name);
void source_free(struct source *s);

/* ---- between source.c and scan.c ---- */

/* The words of one file's text, NUL-terminated, into s->tokens; calls source_include. */
bool scan_text(struct source *s, char *text, size_t n, const char *file);
bool source_token(struct source *s, const struct token *t);
bool source_include(struct source *s, struct place at, const char *path);

/* The length of the UTF-8 character at `s`, 0 when it is none. */
size_t utf8_length(const char *s);

#endif
