// SPDX-License-Identifier: Apache-2.0
// jansson ignores that its text buffer could not grow (lex_save in its load.c): an allocator that remembers.
#include "symbiont/json_parse.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// Between the begin and the end of one json_parse, which stay in one thread.
static _Thread_local bool was_refused;

static void *allocate(size_t n)
{
    void *p = malloc(n);
    was_refused = was_refused || !p;
    return p;
}

static void use_it(void)
{
    json_set_alloc_funcs(allocate, free);
}

json_t *json_parse(const char *text, size_t n, size_t flags, json_error_t *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, use_it);
    was_refused = false;
    json_t *value = json_loadb(text, n, flags, error);
    if (!was_refused)
        return value;
    json_decref(value);
    error->line = -1;
    snprintf(error->text, sizeof error->text, "no memory");
    return NULL;
}
