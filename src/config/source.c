// SPDX-License-Identifier: Apache-2.0
// Reads files and what they include, within bounds.
#include "config/source.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/files.h"

void source_free(struct source *s)
{
    free(s->tokens);
    s->tokens = NULL;
    s->n = s->cap = 0;
}

bool source_token(struct source *s, const struct token *t)
{
    if (s->n >= TOKENS_MAX && t->type != TOKEN_END) {
        diag_error(s->diag, t->place, "more than %d words in a file and what it includes", TOKENS_MAX);
        return false;
    }
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        struct token *tokens = reallocarray(s->tokens, cap, sizeof *tokens);
        if (!tokens) {
            diag_error(s->diag, t->place, "out of memory");
            return false;
        }
        s->tokens = tokens;
        s->cap = cap;
    }
    s->tokens[s->n++] = *t;
    return true;
}

static bool out_of_memory(struct source *s)
{
    diag_error(s->diag, (struct place){0}, "out of memory");
    return false;
}

// Counts, hashes and scans one text. The caller has put it into the scratch memory.
static bool take(struct source *s, char *text, size_t n, const char *file)
{
    crypto_hash_sha256_update(&s->owner->sum, (const unsigned char *)text, n);
    s->owner->text_left -= n;
    return scan_text(s, text, n, file);
}

static const char *read_failure(int error, size_t max)
{
    switch (error) {
    case EINVAL:
    case EISDIR:
    case ENXIO:
        return "it is not a regular file";
    case EFBIG:
        return max < CONFIG_FILE_MAX ? "all files together are larger than 16 MiB"
                                     : "it is larger than 1 MiB";
    default:
        return strerror(error);
    }
}

// `at` is the @include, or the file itself. `file` is its name in messages.
static bool read_file(struct source *s, struct place at, const char *file)
{
    size_t max = s->owner->text_left < CONFIG_FILE_MAX ? s->owner->text_left : CONFIG_FILE_MAX;
    struct buf content = {0};
    if (file_read(file, max, &content) < 0) {
        int error = errno;
        buf_free(&content);
        s->unread = s->depth == 0;
        diag_error(s->diag, at, "cannot read \"%s\": %s", file, read_failure(error, max));
        return false;
    }
    char *text = config_copy(s->scratch, content.data, content.len);
    size_t n = content.len;
    buf_free(&content);
    return text ? take(s, text, n, file) : out_of_memory(s);
}

static bool is_open(const struct source *s, const char *real)
{
    for (int i = 0; i <= s->depth; i++)
        if (s->open[i] && strcmp(s->open[i], real) == 0)
            return true;
    return false;
}

// The real path when the file can be found, to see a file that includes itself.
static const char *real_path(struct source *s, const char *path)
{
    char resolved[PATH_MAX];
    return realpath(path, resolved) ? config_copy(s->scratch, resolved, strlen(resolved)) : NULL;
}

// Relative to the file that includes, wherever the program was started.
static char *path_beside(struct config *owner, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    size_t n = *path != '/' && slash ? (size_t)(slash - file) + 1 : 0, m = strlen(path);
    char *out = config_alloc(owner, n + m + 1);
    if (out) {
        memcpy(out, file, n);
        memcpy(out + n, path, m);
    }
    return out;
}

bool source_include(struct source *s, struct place at, const char *path)
{
    if (s->from_memory) {
        diag_error(s->diag, at, "@include is possible only in a file");
        return false;
    }
    if (s->depth >= INCLUDE_DEPTH_MAX) {
        diag_error(s->diag, at, "@include is nested deeper than %d files", INCLUDE_DEPTH_MAX);
        return false;
    }
    const char *file = path_beside(s->owner, at.file, path);
    if (!file)
        return out_of_memory(s);
    const char *real = real_path(s, file);
    if (real && is_open(s, real)) {
        diag_error(s->diag, at, "\"%s\" includes itself", file);
        return false;
    }
    s->open[++s->depth] = real;
    bool good = read_file(s, at, file);
    s->depth--;
    return good;
}

static bool finish(struct source *s, const char *file)
{
    int line = s->n ? s->tokens[s->n - 1].place.line : 1;
    struct token end = {TOKEN_END, false, {file, line}, "", 0};
    return source_token(s, &end);
}

bool source_file(struct source *s, const char *path)
{
    const char *file = config_copy(s->owner, path, strlen(path));
    if (!file)
        return out_of_memory(s);
    s->open[0] = real_path(s, file);
    return read_file(s, (struct place){file, 0}, file) && finish(s, file);
}

bool source_text(struct source *s, const char *text, const char *name)
{
    const char *file = config_copy(s->owner, name, strlen(name));
    size_t n = strlen(text);
    s->from_memory = true;
    if (!file)
        return out_of_memory(s);
    if (n > CONFIG_FILE_MAX) {
        diag_error(s->diag, (struct place){file, 0}, "it is larger than 1 MiB");
        return false;
    }
    char *copy = config_copy(s->scratch, text, n);
    return copy ? take(s, copy, n, file) && finish(s, file) : out_of_memory(s);
}
