// SPDX-License-Identifier: Apache-2.0
// The profile library: where profiles are found.
#include "symbiont/profile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "symbiont/text.h"

#define UNVERIFIED "unverified"
#define SUFFIX     ".conf"

// The directories searched, one after the other: those of the path, then unverified/ below each.
struct search {
    const struct profile_path *path;
    size_t entry;
    const char *rest; // of path->directories[entry]
    bool unverified;
};

static struct search search_begin(const struct profile_path *path)
{
    return (struct search){.path = path};
}

// The next directory, false at the end. Those whose names do not fit are passed over.
static bool search_next(struct search *s, char *directory, size_t size)
{
    enum { ENTRIES = sizeof s->path->directories / sizeof s->path->directories[0] };
    for (;;) {
        while (!s->rest || !*s->rest) {
            if (s->rest)
                s->entry++;
            s->rest = s->entry < ENTRIES ? s->path->directories[s->entry] : NULL;
            if (s->rest)
                continue;
            if (s->unverified)
                return false;
            s->unverified = true;
            s->entry = 0;
            s->rest = s->path->directories[0];
            if (!s->rest)
                return false;
        }
        size_t n = strcspn(s->rest, ":");
        int length =
            snprintf(directory, size, "%.*s%s", (int)n, s->rest, s->unverified ? "/" UNVERIFIED : "");
        s->rest += n + (s->rest[n] == ':');
        if (n && (size_t)length < size)
            return true;
    }
}

struct profile_path profile_path_default(void)
{
    const char *set = getenv("SYMBIONT_PROFILES");
    if (set && *set)
        return (struct profile_path){{set}};
    return (struct profile_path){{SYMBIONT_SYSCONFDIR "/profiles", SYMBIONT_DATADIR "/profiles"}};
}

bool profile_find(const struct profile_path *path, const char *name, bool unverified, char *file, size_t size)
{
    char directory[3000];
    if (!text_is_id(name))
        return false; // no way out of the directories
    struct search s = search_begin(path);
    while (search_next(&s, directory, sizeof directory)) {
        if (s.unverified && !unverified)
            return false;
        int n = snprintf(file, size, "%s/%s" SUFFIX, directory, name);
        if (n >= 0 && (size_t)n < size && access(file, F_OK) == 0)
            return true;
    }
    return false;
}

// ---- Listing ----

struct found {
    char name[64];
    char *file;
    bool unverified;
    size_t order;
};

struct listing {
    struct found *items;
    size_t n, cap;
    bool failed; // memory was out
};

static int by_name(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    int names = strcmp(a->name, b->name);
    return names ? names : (a->order > b->order) - (a->order < b->order);
}

// The profile's name, false when the file is none.
static bool profile_name(const char *file, char name[static 64])
{
    size_t n = strlen(file), suffix = strlen(SUFFIX);
    if (n <= suffix || n - suffix > 63 || strcmp(file + n - suffix, SUFFIX) != 0)
        return false;
    memcpy(name, file, n - suffix);
    name[n - suffix] = '\0';
    return text_is_id(name);
}

static void list_file(struct listing *l, const char *directory, const char *file, bool unverified)
{
    struct found f = {.unverified = unverified, .order = l->n};
    if (!profile_name(file, f.name))
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct found *items = reallocarray(l->items, cap, sizeof *items);
        if (!items) {
            l->failed = true;
            return;
        }
        l->items = items;
        l->cap = cap;
    }
    if (asprintf(&f.file, "%s/%s", directory, file) >= 0)
        l->items[l->n++] = f;
    else
        l->failed = true;
}

bool profile_each(const struct profile_path *path,
                  void (*each)(void *arg, const char *name, const char *file, bool unverified), void *arg)
{
    char directory[3000];
    struct listing l = {0};
    struct search s = search_begin(path);
    while (search_next(&s, directory, sizeof directory)) {
        DIR *d = opendir(directory);
        l.failed |= !d && (errno == ENOMEM || errno == EMFILE || errno == ENFILE); // else: there is none
        for (const struct dirent *e; d && (e = readdir(d));)
            list_file(&l, directory, e->d_name, s.unverified);
        if (d)
            closedir(d);
    }
    if (l.n)
        qsort(l.items, l.n, sizeof *l.items, by_name);
    for (size_t i = 0; i < l.n; i++)
        if (i == 0 || strcmp(l.items[i - 1].name, l.items[i].name) != 0)
            each(arg, l.items[i].name, l.items[i].file, l.items[i].unverified);
    for (size_t i = 0; i < l.n; i++)
        free(l.items[i].file);
    free(l.items);
    return !l.failed;
}
