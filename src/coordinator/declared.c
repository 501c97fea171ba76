// SPDX-License-Identifier: Apache-2.0
// What a firm without a gateway declared, out of a file in the forms that `symbiont match` reads.
#include <stdio.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "matching/offers_file.h"
#include "symbiont/files.h"

#define FILE_MAX (16 << 20)

struct taking {
    void (*each)(void *arg, struct offer *o);
    void *arg;
};

static bool take(void *arg, const struct offer *o, int line)
{
    const struct taking *r = arg;
    struct offer copy = *o;
    (void)line;
    r->each(r->arg, &copy);
    return true;
}

// "bakery" of "/etc/symbiont/declared/bakery.csv": begins the ids of entries that have none.
static void stem_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    out[strcspn(out, ".")] = '\0';
}

bool declared_read(const char *path, void (*each)(void *arg, struct offer *o), void *arg, char *why,
                   size_t size)
{
    struct buf text = {0};
    struct taking r = {each, arg};
    char stem[OFFER_ID + 1], reason[300];
    if (file_read(path, FILE_MAX, &text) < 0) {
        snprintf(why, size, "%s: %m", path);
        buf_free(&text);
        return false;
    }
    stem_of(path, stem, sizeof stem);
    bool ok = offers_read(buf_text(&text), text.len, stem, take, &r, reason, sizeof reason);
    if (!ok)
        snprintf(why, size, "%s: %s", path, reason);
    buf_free(&text);
    return ok;
}
