// SPDX-License-Identifier: Apache-2.0
// The command line that both daemons have.
#include "symbiont/program.h"
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

static void usage(const struct program *p, FILE *to)
{
    fprintf(to,
            "usage: %s [-c FILE] [--check]\n"
            "\n"
            "  -c, --config FILE  configuration (default %s)\n"
            "      --check        read and check the configuration, then exit\n"
            "      --version      print the version\n"
            "      --help         print this\n"
            "\n"
            "Runs in the foreground. SIGHUP reads the configuration again, SIGTERM stops.\n",
            p->name, p->config);
}

int program_main(const struct program *p, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *config = p->config;
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
            printf("%s %s\n", p->name, SYMBIONT_VERSION);
            return EX_OK;
        case 'h':
            usage(p, stdout);
            return EX_OK;
        default:
            usage(p, stderr);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"\n", p->name, argv[optind]);
        usage(p, stderr);
        return EX_USAGE;
    }
    return p->run(config, check);
}
