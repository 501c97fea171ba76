// SPDX-License-Identifier: Apache-2.0
// What a firm without a gateway declared, out of a file: the bodies of messages, one JSON object or a list of
// them.
#include <jansson.h>
#include <stdio.h>
#include "coordinator/coordinator.h"
#include "symbiont/files.h"

#define FILE_MAX (16 << 20)

static bool take(const json_t *object, size_t number, void (*each)(void *arg, struct offer *o), void *arg,
                 const char *path, char *why, size_t size)
{
    struct offer o;
    char reason[300];
    if (!offer_take(object, &o, reason, sizeof reason)) {
        snprintf(why, size, "%s: entry %zu: %s", path, number, reason);
        return false;
    }
    each(arg, &o);
    return true;
}

bool declared_read(const char *path, void (*each)(void *arg, struct offer *o), void *arg, char *why,
                   size_t size)
{
    struct buf text = {0};
    json_error_t error;
    if (file_read(path, FILE_MAX, &text) < 0) {
        snprintf(why, size, "%s: %m", path);
        buf_free(&text);
        return false;
    }
    json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    buf_free(&text);
    if (!root) {
        snprintf(why, size, "%s:%d: %s", path, error.line, error.text);
        return false;
    }
    bool ok = true;
    if (!json_is_array(root))
        ok = take(root, 1, each, arg, path, why, size);
    for (size_t i = 0; ok && i < json_array_size(root); i++)
        ok = take(json_array_get(root, i), i + 1, each, arg, path, why, size);
    json_decref(root);
    return ok;
}
