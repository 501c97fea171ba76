// SPDX-License-Identifier: Apache-2.0
// symbiontd: the program.
#include "gateway/daemon.h"
#include "symbiont/program.h"

int main(int argc, char **argv)
{
    static const struct program p = {"symbiontd", SYMBIONT_SYSCONFDIR "/symbiont.conf", daemon_main};
    return program_main(&p, argc, argv);
}
