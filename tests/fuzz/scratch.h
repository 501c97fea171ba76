/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzzers of code that reads files: a directory in memory, removed at the end, and files in it. */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_directory[64];

static void scratch_remove(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", scratch_directory);
    if (system(command) != 0)
        perror(command);
}

/* The path of `name` in the directory, which is made at the first call. */
static const char *scratch_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    if (!scratch_directory[0]) {
        bool memory = access("/dev/shm", W_OK) == 0;
        snprintf(scratch_directory, sizeof scratch_directory, "%s/symbiont-fuzz-XXXXXX",
                 memory ? "/dev/shm" : "/tmp");
        if (!mkdtemp(scratch_directory) || atexit(scratch_remove) != 0)
            abort();
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_directory, name);
    return path;
}

static inline void scratch_write(const char *name, const void *data, size_t n)
{
    int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    close(fd);
}

#endif
