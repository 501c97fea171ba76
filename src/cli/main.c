// SPDX-License-Identifier: Apache-2.0
// symbiont: the command-line tool.
#include "cli/verb.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv, stdout, stderr);
}
