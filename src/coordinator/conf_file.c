// SPDX-License-Identifier: Apache-2.0
// What the command-line tool asks of a coordinator.conf.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "coordinator/options.h"
#include "symbiont/files.h"

// Behind a string or a comment that begins at s; s itself: neither does.
static const char *behind(const char *s)
{
    const char *end = s;
    if (*s == '"') {
        for (end = s + 1; *end && *end != '"'; end++)
            end += *end == '\\' && end[1];
        end += *end == '"';
    } else if (*s == '#' || strncmp(s, "//", 2) == 0) {
        end = s + strcspn(s, "\n");
    } else if (strncmp(s, "/*", 2) == 0) {
        end = strstr(s + 2, "*/");
        end = end ? end + 2 : s + strlen(s);
    }
    return end;
}

static bool is_setting(const char *s, const char *name)
{
    size_t n = strlen(name);
    const char *after = s + n;
    if (strncmp(s, name, n) != 0)
        return false;
    after += strspn(after, " \t\r\n");
    return *after == '=' || *after == ':';
}

// A site's file names its territory within `site`, a coordinator's as a setting of its own.
static bool names_territory(const char *s)
{
    int depth = 0;
    bool word = false; // within one
    while (*s) {
        const char *end = behind(s);
        if (end != s) {
            s = end;
            word = false;
            continue;
        }
        if (depth == 0 && !word && is_setting(s, "territory"))
            return true;
        depth += *s == '{' || *s == '(' || *s == '[';
        depth -= *s == '}' || *s == ')' || *s == ']';
        word = isalnum((unsigned char)*s) || *s == '_' || *s == '-' || *s == '*';
        s++;
    }
    return false;
}

bool coordinator_conf_is(const char *path)
{
    struct buf text = {0};
    bool is = file_read(path, 1 << 22, &text) == 0 && names_territory(buf_text(&text));
    buf_free(&text);
    return is;
}

char *coordinator_conf_socket(const char *path, char *out, size_t size)
{
    struct diagnostics *d = diagnostics_new();
    struct config *config = d ? config_read_path(path, false, &coordinator_section, d) : NULL;
    const struct coordinator_root *root = config ? config_root(config) : NULL;
    snprintf(out, size, "%s", root && root->control.socket ? root->control.socket : COORDINATOR_SOCKET);
    config_free(config);
    diagnostics_free(d);
    return out;
}

void coordinator_conf_check(const char *path, struct diagnostics *d, struct coordinator_checked *out)
{
    struct territory *t = coordinator_settings_load(path, d);
    *out = (struct coordinator_checked){.read = t};
    if (!t)
        return;
    out->config = t->config;
    out->territory = t->root->territory;
    out->members = t->root->members.n;
    out->declared = t->root->declared.n;
}

void coordinator_conf_checked_free(struct coordinator_checked *k)
{
    coordinator_settings_free(k->read);
}
