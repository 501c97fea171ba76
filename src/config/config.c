// SPDX-License-Identifier: Apache-2.0
// Reads a configuration: files to tokens, tokens to trees, trees merged, structs filled.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config/tree.h"
#include "symbiont/buf.h"

#define CONF_D_MAX 1000 // files

struct reading {
    struct config *owner, *scratch;
    struct diagnostics *diag;
    struct node *tree; // of what was read so far
    bool partial;      // something could not be understood
    bool unread;       // the first file could not be read
};

static bool begin(struct reading *r, struct diagnostics *d, size_t memory_max)
{
    *r = (struct reading){config_new(memory_max), config_new(memory_max), d, NULL, false, false};
    if (r->owner && r->scratch)
        return true;
    diag_error(d, (struct place){0}, "out of memory");
    config_free(r->owner);
    config_free(r->scratch);
    return false;
}

// Adds what one file says. False when it could not be read.
static bool add(struct reading *r, const char *path, const char *text)
{
    struct source s = {.owner = r->owner, .scratch = r->scratch, .diag = r->diag};
    bool good = text ? source_text(&s, text, path) : source_file(&s, path);
    struct node *tree = good ? tree_parse(&s) : NULL;
    source_free(&s);
    r->unread |= s.unread;
    if (!tree)
        r->partial = true;
    else if (r->tree)
        tree_merge(r->tree, tree, r->diag);
    else
        r->tree = tree;
    return tree != NULL;
}

static void finish_hash(struct config *c)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&c->sum, sum);
    sodium_bin2hex(c->hash, sizeof c->hash, sum, sizeof sum);
}

static struct config *finish(struct reading *r, const struct section *root)
{
    static const struct node nothing = {.type = NODE_GROUP};
    struct config *c = r->owner;
    c->root = fill_root(c, root, r->tree ? r->tree : &nothing, r->partial, r->diag);
    finish_hash(c);
    config_free(r->scratch);
    if (!c->root) {
        config_free(c);
        return NULL;
    }
    return c;
}

// ---- conf.d ----

static int is_conf(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); // not alphasort: the same order in every locale
}

static char *conf_d_path(struct reading *r, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash - path) + 1 : 0;
    struct buf out = {0};
    buf_printf(&out, "%.*sconf.d%s%s", directory, path, *name ? "/" : "", name);
    r->owner->failed |= out.failed;
    char *copy = out.failed ? NULL : config_copy(r->owner, out.data, out.len);
    buf_free(&out);
    return copy;
}

static void add_conf_d(struct reading *r, const char *path)
{
    const char *directory = conf_d_path(r, path, "");
    if (!directory)
        return; // the owner has failed, which finish reports
    struct dirent **entries = NULL;
    int n = scandir(directory, &entries, is_conf, by_bytes);
    if (n < 0 && errno == ENOENT)
        return;
    if (n < 0 && errno == ENOMEM)
        r->owner->failed = true;
    if (n < 0 || n > CONF_D_MAX) {
        struct place at = {directory, 0};
        if (n < 0)
            diag_error(r->diag, at, "cannot read this directory: %s", strerror(errno));
        else
            diag_error(r->diag, at, "more than %d files", CONF_D_MAX);
        r->partial = true;
    }
    for (int i = 0; i < n; i++) {
        const char *file = n <= CONF_D_MAX ? conf_d_path(r, path, entries[i]->d_name) : NULL;
        if (file)
            add(r, file, NULL);
        free(entries[i]);
    }
    free(entries);
}

struct config *config_read_path(const char *path, bool with_conf_d, const struct section *root,
                                struct diagnostics *d)
{
    struct reading r;
    if (!begin(&r, d, CONFIG_MEMORY_MAX))
        return NULL;
    add(&r, path, NULL);
    bool unread = r.unread;
    if (with_conf_d)
        add_conf_d(&r, path);
    struct config *c = finish(&r, root);
    if (!unread)
        return c;
    config_free(c);
    return NULL;
}

struct config *config_read_limited(const char *text, const char *name, const struct section *root,
                                   struct diagnostics *d, size_t memory_max)
{
    struct reading r;
    if (!begin(&r, d, memory_max))
        return NULL;
    add(&r, name, text);
    return finish(&r, root);
}

struct config *config_read_text(const char *text, const char *name, const struct section *root,
                                struct diagnostics *d)
{
    return config_read_limited(text, name, root, d, CONFIG_MEMORY_MAX);
}
