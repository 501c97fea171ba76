// SPDX-License-Identifier: Apache-2.0
// symbiont-coordinator: reads its arguments and runs the daemon in the foreground.
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>
#include "coordinator/daemon.h"

static const char usage[] =
    "usage: symbiont-coordinator [-c FILE] [--check]\n"
    "\n"
    "  -c, --config FILE  configuration (default " SYMBIONT_SYSCONFDIR "/coordinator.conf)\n"
    "      --check        read and check the configuration, then exit\n"
    "      --version      print the version\n"
    "      --help         print this\n"
    "\n"
    "Runs in the foreground. SIGHUP reads the configuration again, SIGTERM stops.\n";

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *config = SYMBIONT_SYSCONFDIR "/coordinator.conf";
    bool check = false;
    int c;
    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'v':
            puts("symbiont-coordinator " SYMBIONT_VERSION);
            return EX_OK;
        case 'h':
            fputs(usage, stdout);
            return EX_OK;
        default:
            fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "symbiont-coordinator: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return EX_USAGE;
    }
    return coordinator_main(config, check);
}
