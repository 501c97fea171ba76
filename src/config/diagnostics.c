// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with a configuration, and shows it in the order of the files.
#include "symbiont/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// A file full of rubbish must not fill the memory or the journal: what comes after is only counted.
#define DIAGNOSTICS_MAX 1000

struct diagnostic {
    bool is_error;
    struct place at;
    size_t order; // as found, to keep the order within a line
    char *text;
};

struct file_name {
    struct file_name *next;
    char text[];
};

struct diagnostics {
    struct diagnostic *items;
    size_t n, cap;
    size_t errors, warnings, lost;
    struct file_name *files; // copies: the configuration that names them may be freed first
};

struct diagnostics *diagnostics_new(void)
{
    return calloc(1, sizeof(struct diagnostics));
}

void diagnostics_free(struct diagnostics *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        free(d->items[i].text);
    free(d->items);
    while (d->files) {
        struct file_name *next = d->files->next;
        free(d->files);
        d->files = next;
    }
    free(d);
}

static const char *file_kept(struct diagnostics *d, const char *file)
{
    if (!file)
        return NULL;
    for (struct file_name *f = d->files; f; f = f->next)
        if (strcmp(f->text, file) == 0)
            return f->text;
    size_t n = strlen(file) + 1;
    struct file_name *fresh = malloc(sizeof *fresh + n);
    if (!fresh)
        return NULL;
    memcpy(fresh->text, file, n);
    fresh->next = d->files;
    d->files = fresh;
    return fresh->text;
}

static bool same_place(struct place a, struct place b)
{
    return a.line == b.line && (a.file == b.file || (a.file && b.file && strcmp(a.file, b.file) == 0));
}

// A profile that ten meters use is wrong once.
static bool known_already(const struct diagnostics *d, bool is_error, struct place at, const char *text)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].is_error == is_error && same_place(d->items[i].at, at) &&
            strcmp(d->items[i].text, text) == 0)
            return true;
    return false;
}

static bool keep(struct diagnostics *d, bool is_error, struct place at, char *text)
{
    if (d->n >= DIAGNOSTICS_MAX)
        return false;
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        struct diagnostic *items = reallocarray(d->items, cap, sizeof *items);
        if (!items)
            return false;
        d->items = items;
        d->cap = cap;
    }
    at.file = file_kept(d, at.file);
    d->items[d->n] = (struct diagnostic){is_error, at, d->n, text};
    d->n++;
    return true;
}

__attribute__((format(printf, 4, 0))) static void add(struct diagnostics *d, bool is_error, struct place at,
                                                      const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    // What a file says goes to terminals and journals.
    for (char *c = text; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    if (text && known_already(d, is_error, at, text)) {
        free(text);
        return;
    }
    // Counted even when there is no memory to keep it: an error must never pass for success.
    if (is_error)
        d->errors++;
    else
        d->warnings++;
    if (!text || !keep(d, is_error, at, text)) {
        d->lost++;
        free(text);
    }
}

void diag_error(struct diagnostics *d, struct place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, true, at, format, args);
    va_end(args);
}

void diag_warning(struct diagnostics *d, struct place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, false, at, format, args);
    va_end(args);
}

size_t diag_errors(const struct diagnostics *d)
{
    return d->errors;
}

size_t diag_warnings(const struct diagnostics *d)
{
    return d->warnings;
}

static int by_place(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int files = strcmp(a->at.file ? a->at.file : "", b->at.file ? b->at.file : "");
    if (files)
        return files;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void diag_each(struct diagnostics *d,
               void (*each)(void *arg, bool is_error, struct place at, const char *text), void *arg)
{
    if (d->n)
        qsort(d->items, d->n, sizeof *d->items, by_place);
    for (size_t i = 0; i < d->n; i++)
        each(arg, d->items[i].is_error, d->items[i].at, d->items[i].text);
    if (d->lost) {
        char text[80];
        snprintf(text, sizeof text, "%zu more that are not shown", d->lost);
        each(arg, d->errors > 0, (struct place){0}, text);
    }
}

static void print_one(void *arg, bool is_error, struct place at, const char *text)
{
    FILE *out = arg;
    if (at.file)
        fprintf(out, "%s:", at.file);
    if (at.file && at.line)
        fprintf(out, "%d:", at.line);
    fprintf(out, "%s%s: %s\n", at.file ? " " : "", is_error ? "error" : "warning", text);
}

void diag_print(struct diagnostics *d, FILE *out)
{
    diag_each(d, print_one, out);
}
