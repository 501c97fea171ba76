// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer's function once over each file of its seeds, as a TAP test: the regression corpus without a
// fuzzing engine.
//
// usage: <fuzzer> DIRECTORY
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/buf.h"
#include "symbiont/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *path)
{
    struct buf content = {0};
    if (file_read(path, 1 << 24, &content) < 0)
        return -1;
    // Exactly sized, so that the sanitizer sees a read past the end.
    uint8_t *copy = malloc(content.len ? content.len : 1);
    if (copy && content.len)
        memcpy(copy, content.data, content.len);
    int ret = copy ? LLVMFuzzerTestOneInput(copy, content.len) : -1;
    free(copy);
    buf_free(&content);
    return ret;
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int n = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1, number = 0;
    if (n < 0) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 64;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            int failed = run(path);
            printf("%sok %d - %s\n", failed < 0 ? "not " : "", ++number, names[i]->d_name);
            fflush(stdout);
        }
        free(names[i]);
    }
    free(names);
    return 0;
}
