// SPDX-License-Identifier: Apache-2.0
// From a file name to a running gateway and its exit status.
#include "gateway/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "gateway/gateway.h"
#include "symbiont/supervisor.h"

static struct site *read_site(const char *path, const struct profile_path *profiles)
{
    struct diagnostics *d = diagnostics_new();
    if (!d) {
        fprintf(stderr, "%s: out of memory\n", path);
        return NULL;
    }
    struct site *site = site_load(path, profiles, d);
    diag_print(d, stderr);
    if (diag_errors(d) > 0) {
        fprintf(stderr, "%s: %zu error%s, not started\n", path, diag_errors(d),
                diag_errors(d) == 1 ? "" : "s");
        site_free(site);
        site = NULL;
    }
    diagnostics_free(d);
    return site;
}

// Passwords and keys pass through memory: no core file, no look from outside. And what it writes is its own.
static void keep_to_itself(void)
{
    const struct rlimit none = {0, 0};
    umask(0077);
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        log_warning("start", "cannot forbid core files: %s", strerror(errno));
}

int daemon_main(const char *config, bool check)
{
    char why[512];
    keep_to_itself();
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "symbiontd: %s\n", why);
        return EX_SOFTWARE;
    }
    struct gateway g = {.path = config, .profiles = profile_path_default()};
    g.site = read_site(config, &g.profiles);
    if (!g.site)
        return EX_CONFIG;
    int status = EX_OK;
    if (check) {
        printf("%s: configuration OK, %zu meters on %zu lines\n", config, g.site->root->meters.n,
               g.site->root->lines.n);
    } else if (gateway_start(&g, why, sizeof why) < 0) {
        log_error("start", "%s", why);
        supervisor_tell("STATUS=%s", why);
        status = EX_UNAVAILABLE;
        gateway_stop(&g);
    } else {
        if (loop_run(g.loop) < 0) {
            log_error("loop", "epoll: %s", strerror(errno));
            status = EX_OSERR;
        }
        gateway_stop(&g);
        log_info("stop", "stopped");
    }
    site_free(g.site);
    return status;
}
