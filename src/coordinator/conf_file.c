// SPDX-License-Identifier: Apache-2.0
// What the command-line tool asks of a coordinator.conf.
#include <stdio.h>
#include <string.h>
#include "coordinator/options.h"
#include "symbiont/files.h"

// The first setting of a coordinator.conf that a site's file cannot have.
bool coordinator_conf_is(const char *path)
{
    struct buf text = {0};
    bool is = false;
    if (file_read(path, 1 << 22, &text) == 0) {
        const char *s = buf_text(&text);
        while (s && *s && !is) {
            s += strspn(s, " \t\r");
            size_t n = strncmp(s, "territory", 9) == 0 ? 9 : 0;
            const char *after = s + n + strspn(s + n, " \t");
            is = n && (*after == '=' || *after == ':');
            s = strchr(s, '\n');
            s = s ? s + 1 : NULL;
        }
    }
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
