// SPDX-License-Identifier: Apache-2.0
// symbiont-coordinator: the program.
#include "coordinator/daemon.h"
#include "symbiont/program.h"

int main(int argc, char **argv)
{
    static const struct program p = {"symbiont-coordinator", SYMBIONT_SYSCONFDIR "/coordinator.conf",
                                     coordinator_main};
    return program_main(&p, argc, argv);
}
