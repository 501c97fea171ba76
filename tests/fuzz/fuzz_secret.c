// SPDX-License-Identifier: Apache-2.0
// Files with secrets, keys and certificates that hold anything: a password's line, a PEM key, a PEM
// certificate, a site's key. The file lives in memory.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "publish/certificate.h"
#include "symbiont/envelope.h"
#include "symbiont/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], secret[40], why[300] = "";
    struct utc end = {0};
    struct site_key key;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(secret, 'x', sizeof secret);
    if (secret_read(path, secret, sizeof secret, why, sizeof why) == 0) {
        size_t n = strlen(secret);
        assert(n > 0 && n < sizeof secret && n <= size && memcmp(secret, data, n) == 0 &&
               !strchr(secret, '\n'));
    } else {
        assert(strstr(why, path));
    }
    if (key_file_check(path, why, sizeof why) < 0)
        assert(strstr(why, path));
    else
        assert(memmem(data, size, "PRIVATE KEY", 11));
    if (certificate_expiry(path, &end, why, sizeof why) == 0)
        assert(memmem(data, size, "BEGIN", 5));
    if (site_key_load(path, &key, why, sizeof why) == 0) {
        assert(strlen(key.id) == KEY_ID - 1);
        site_key_wipe(&key);
    }
    close(fd);
    return 0;
}
