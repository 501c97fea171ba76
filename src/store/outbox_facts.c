// SPDX-License-Identifier: Apache-2.0
// A sorted table of small facts and which of them are not in the file yet.
#include "store/outbox_facts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fact {
    char *key;
    void *value; // NULL: to be forgotten, kept until the file has forgotten it too
    size_t n;
    uint64_t version; // of the last change; 0: as in the file
};

struct facts {
    pthread_mutex_t lock;
    struct fact *at; // by key
    size_t n, cap, bytes, changed;
    uint64_t version;
};

struct facts *facts_new(void)
{
    struct facts *f = calloc(1, sizeof *f);
    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++) {
        free(f->at[i].key);
        free(f->at[i].value);
    }
    free(f->at);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

// Where `key` is, or belongs.
static size_t find(const struct facts *f, const char *key, bool *found)
{
    size_t low = 0, high = f->n;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->at[middle].key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct fact *insert(struct facts *f, size_t i, const char *key)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct fact *at = realloc(f->at, cap * sizeof *at);
        if (!at)
            return NULL;
        f->at = at;
        f->cap = cap;
    }
    char *copy = strdup(key);
    if (!copy)
        return NULL;
    memmove(f->at + i + 1, f->at + i, (f->n - i) * sizeof *f->at);
    f->at[i] = (struct fact){.key = copy};
    f->n++;
    f->bytes += strlen(key);
    return &f->at[i];
}

static void take_out(struct facts *f, size_t i)
{
    f->bytes -= strlen(f->at[i].key) + f->at[i].n;
    free(f->at[i].key);
    free(f->at[i].value);
    memmove(f->at + i, f->at + i + 1, (f->n - i - 1) * sizeof *f->at);
    f->n--;
}

static enum facts_put put(struct facts *f, const char *key, const void *value, size_t n, bool from_file)
{
    size_t key_len = strlen(key);
    if (key_len == 0 || key_len > FACT_KEY_MAX || n > FACT_VALUE_MAX)
        return FACTS_REFUSED;
    bool found;
    size_t i = find(f, key, &found);
    struct fact *fact = found ? &f->at[i] : NULL;
    bool there = fact && fact->value;
    if (!value && !there)
        return FACTS_SAME;
    if (value && there && fact->n == n && memcmp(fact->value, value, n) == 0)
        return FACTS_SAME;
    size_t old = fact ? fact->n : 0;
    if (value && f->bytes - old + n + (fact ? 0 : key_len) > FACTS_MAX)
        return FACTS_REFUSED;
    void *copy = NULL;
    if (value) {
        copy = malloc(n ? n : 1);
        if (!copy)
            return FACTS_REFUSED;
        if (n)
            memcpy(copy, value, n);
    }
    if (!fact)
        fact = insert(f, i, key);
    if (!fact) {
        free(copy);
        return FACTS_REFUSED;
    }
    free(fact->value);
    fact->value = copy;
    f->bytes += (copy ? n : 0) - old;
    fact->n = copy ? n : 0;
    if (from_file)
        return FACTS_CHANGED;
    if (fact->version == 0)
        f->changed++;
    fact->version = ++f->version;
    return FACTS_CHANGED;
}

enum facts_put facts_put(struct facts *f, const char *key, const void *value, size_t n)
{
    pthread_mutex_lock(&f->lock);
    enum facts_put result = put(f, key, value, n, false);
    pthread_mutex_unlock(&f->lock);
    return result;
}

enum facts_put facts_restore(struct facts *f, const char *key, const void *value, size_t n)
{
    pthread_mutex_lock(&f->lock);
    enum facts_put result = put(f, key, value, n, true);
    pthread_mutex_unlock(&f->lock);
    return result;
}

long facts_get(struct facts *f, const char *key, void *value, size_t size)
{
    long length = -1;
    bool found;
    pthread_mutex_lock(&f->lock);
    size_t i = find(f, key, &found);
    if (found && f->at[i].value) {
        length = (long)f->at[i].n;
        size_t n = f->at[i].n < size ? f->at[i].n : size;
        if (n)
            memcpy(value, f->at[i].value, n);
    }
    pthread_mutex_unlock(&f->lock);
    return length;
}

bool facts_changed(struct facts *f)
{
    pthread_mutex_lock(&f->lock);
    bool any = f->changed > 0;
    pthread_mutex_unlock(&f->lock);
    return any;
}

static bool copy_change(struct fact_change *to, const struct fact *fact)
{
    *to = (struct fact_change){.key = strdup(fact->key), .n = fact->n, .version = fact->version};
    if (fact->value) {
        to->value = malloc(fact->n ? fact->n : 1);
        if (to->value && fact->n)
            memcpy(to->value, fact->value, fact->n);
    }
    return to->key && (to->value || !fact->value);
}

size_t facts_changes(struct facts *f, struct fact_change **out)
{
    size_t n = 0;
    pthread_mutex_lock(&f->lock);
    *out = f->changed ? calloc(f->changed, sizeof **out) : NULL;
    for (size_t i = 0; *out && i < f->n && n < f->changed; i++) {
        if (f->at[i].version == 0)
            continue;
        if (!copy_change(*out + n++, &f->at[i])) {
            facts_changes_free(*out, n);
            *out = NULL;
            n = 0;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return n;
}

void facts_changes_free(struct fact_change *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(c[i].key);
        free(c[i].value);
    }
    free(c);
}

void facts_saved(struct facts *f, const struct fact_change *c, size_t n)
{
    pthread_mutex_lock(&f->lock);
    for (size_t k = 0; k < n; k++) {
        bool found;
        size_t i = find(f, c[k].key, &found);
        if (!found || f->at[i].version != c[k].version)
            continue; // changed again meanwhile
        f->at[i].version = 0;
        f->changed--;
        if (!f->at[i].value)
            take_out(f, i);
    }
    pthread_mutex_unlock(&f->lock);
}

void facts_all_changed(struct facts *f)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->n; i++)
        f->at[i].version = ++f->version;
    f->changed = f->n;
    pthread_mutex_unlock(&f->lock);
}
