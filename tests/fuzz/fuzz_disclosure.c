// SPDX-License-Identifier: Apache-2.0
// A disclosure log that anything may have happened to: it is refused, or goes on with entries that fit its
// chain; what was sent may be anything too. Input: the file, a line "---", the message of the next entry.
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "scratch.h"
#include "symbiont/disclosure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void count(void *arg, const char *line, size_t n)
{
    if (n == 0 || memchr(line, '\n', n))
        abort();
    ++*(long *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char fence[] = "---\n";
    const uint8_t *cut = memmem(data, n, fence, 4);
    size_t file = cut ? (size_t)(cut - data) : n;
    const uint8_t *message = cut ? cut + 4 : NULL;
    size_t message_size = cut ? n - file - 4 : 0;
    char why[300] = "";
    long before = 0, after = 0;
    scratch_write("log", data, file);
    const char *path = scratch_path("log");
    bool whole = file == 0 || data[file - 1] == '\n';
    bool good = disclosure_verify(path, count, &before) == 0;
    struct disclosure_log *l = disclosure_open(path, why, sizeof why);
    if (!l) {
        if (!*why || (good && whole))
            abort();
        return 0;
    }
    const struct disclosure_entry e = {.time = {1764000000000},
                                       .what = "offer",
                                       .id = "x",
                                       .level = 2,
                                       .topic = "t",
                                       .message = message,
                                       .message_size = message_size,
                                       .note = "n"};
    bool done = disclosure_append(l, &e);
    disclosure_close(l);
    // One entry, and one more that says what was torn.
    if (good && (disclosure_verify(path, count, &after) != 0 || after != before + done))
        abort();
    l = disclosure_open(path, why, sizeof why);
    if (!l)
        abort();
    disclosure_close(l);
    return 0;
}
