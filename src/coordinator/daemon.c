// SPDX-License-Identifier: Apache-2.0
// From a file name to a running coordinator and its exit status.
#include "coordinator/daemon.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include "coordinator/coordinator.h"
#include "symbiont/supervisor.h"
#include "symbiont/units.h"

static struct territory *read_territory(const char *path)
{
    struct diagnostics *d = diagnostics_new();
    struct territory *t = d ? coordinator_settings_load(path, d) : NULL;
    if (d)
        diag_print(d, stderr);
    if (t && diag_errors(d) > 0) {
        fprintf(stderr, "%s: %zu error%s, not started\n", path, diag_errors(d),
                diag_errors(d) == 1 ? "" : "s");
        coordinator_settings_free(t);
        t = NULL;
    }
    diagnostics_free(d);
    return t;
}

int coordinator_main(const char *config, bool check)
{
    char why[512];
    if (units_open(why, sizeof why) < 0 || sodium_init() < 0) {
        fprintf(stderr, "symbiont-coordinator: %s\n", why);
        return EX_SOFTWARE;
    }
    struct coordinator c = {.path = config};
    c.territory = read_territory(config);
    if (!c.territory)
        return EX_CONFIG;
    int status = EX_OK;
    if (check) {
        printf("%s: configuration OK, territory %s, %zu members, %zu declared firms\n", config,
               c.territory->root->territory, c.territory->root->members.n, c.territory->root->declared.n);
        coordinator_settings_free(c.territory);
        return EX_OK;
    }
    prctl(PR_SET_DUMPABLE, 0); // its secret key does not go into a core
    if (coordinator_start(&c, why, sizeof why) < 0) {
        log_error("start", "%s", why);
        supervisor_tell("STATUS=%s", why);
        status = EX_UNAVAILABLE;
    } else if (loop_run(c.loop) < 0) {
        log_error("loop", "epoll: %s", strerror(errno));
        status = EX_OSERR;
    } else if (!c.link) {
        status = EX_UNAVAILABLE;
    }
    coordinator_stop(&c);
    log_info("stop", "stopped");
    coordinator_settings_free(c.territory);
    return status;
}
