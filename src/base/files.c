// SPDX-License-Identifier: Apache-2.0
// Reading with a bound, secrets with care, replacing without a moment of nothing.
#include "symbiont/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t max, struct buf *out)
{
    size_t total = 0;
    for (;;) {
        char *to = buf_room(out, 4096);
        if (!to) {
            errno = ENOMEM;
            return -1;
        }
        ssize_t n = read(fd, to, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        total += (size_t)n;
        if (total > max) {
            errno = EFBIG;
            return -1;
        }
        out->len += (size_t)n;
    }
}

// O_NONBLOCK: opening a FIFO by mistake must not hang the start.
static int open_regular(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

int file_read(const char *path, size_t max, struct buf *out)
{
    struct stat st;
    int fd = open_regular(path, &st);
    if (fd < 0)
        return -1;
    int ret = read_all(fd, max, out);
    int saved = errno;
    close(fd);
    errno = saved;
    return ret;
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

int directory_sync_of(const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int ret = fsync(fd), saved = errno;
    close(fd);
    errno = saved;
    return ret;
}

int file_replace(const char *path, const void *data, size_t n, mode_t mode)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(fresh); // left over from a power cut
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -1;
    int ret = -1;
    if (write_all(fd, data, n) == 0 && fsync(fd) == 0)
        ret = 0;
    if (close(fd) < 0)
        ret = -1;
    if (ret == 0 && rename(fresh, path) < 0)
        ret = -1;
    if (ret < 0) {
        int saved = errno;
        unlink(fresh);
        errno = saved;
        return -1;
    }
    return directory_sync_of(path);
}

// An open descriptor, or -1 and a sentence. `what`: "secret file", "key file".
static int open_secret(const char *what, const char *path, char *why, size_t why_size)
{
    struct stat st;
    int fd = open_regular(path, &st);
    if (fd < 0) {
        snprintf(why, why_size, "cannot read %s %s: %s", what, path,
                 errno == EINVAL ? "not a regular file" : strerror(errno));
        return -1;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid())
        snprintf(why, why_size, "%s %s belongs to user %u: it must belong to root or to user %u (chown)",
                 what, path, (unsigned)st.st_uid, (unsigned)geteuid());
    else if (st.st_mode & 077)
        snprintf(why, why_size, "%s %s is open to group or others (mode %04o): chmod 0600 %s", what, path,
                 (unsigned)(st.st_mode & 07777), path);
    else
        return fd;
    close(fd);
    return -1;
}

// Into memory of a fixed place: a growing buffer would leave copies behind. Returns the length; `size` means
// that there is more; -1 with errno.
static ssize_t read_fixed(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t done = read(fd, out + n, size - n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        if (done == 0)
            break;
        n += (size_t)done;
    }
    return (ssize_t)n;
}

int secret_read(const char *path, char *out, size_t size, char *why, size_t why_size)
{
    char content[4096];
    int fd = open_secret("secret file", path, why, why_size);
    if (fd < 0)
        return -1;
    int ret = -1;
    ssize_t got = read_fixed(fd, content, sizeof content);
    if (got < 0) {
        snprintf(why, why_size, "cannot read secret file %s: %s", path, strerror(errno));
    } else {
        size_t n = (size_t)got;
        while (n && (content[n - 1] == '\n' || content[n - 1] == '\r'))
            n--;
        if (n == 0 || n >= size || n == sizeof content || memchr(content, '\0', n) ||
            memchr(content, '\n', n)) {
            snprintf(why, why_size, "secret file %s must hold one line of 1 to %zu characters", path,
                     size - 1);
        } else {
            memcpy(out, content, n);
            out[n] = '\0';
            ret = 0;
        }
    }
    close(fd);
    explicit_bzero(content, sizeof content);
    return ret;
}

#define KEY_FILE_MAX (1 << 16)

int key_file_check(const char *path, char *why, size_t why_size)
{
    // What marks a key behind a passphrase, in PKCS #8 and in the older form.
    static const char *const marks[] = {"ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"};
    int fd = open_secret("key file", path, why, why_size);
    if (fd < 0)
        return -1;
    int ret = -1;
    char *content = malloc(KEY_FILE_MAX);
    ssize_t n = content ? read_fixed(fd, content, KEY_FILE_MAX) : -1;
    if (n < 0)
        snprintf(why, why_size, "cannot read key file %s: %s", path, strerror(errno));
    else if (n == KEY_FILE_MAX)
        snprintf(why, why_size, "key file %s is larger than %d bytes", path, KEY_FILE_MAX - 1);
    else if (!memmem(content, (size_t)n, "PRIVATE KEY-----", 16))
        snprintf(why, why_size, "key file %s holds no private key in PEM form", path);
    else if (memmem(content, (size_t)n, marks[0], strlen(marks[0])) ||
             memmem(content, (size_t)n, marks[1], strlen(marks[1])))
        snprintf(why, why_size,
                 "key file %s is behind a passphrase, which nobody can type to a daemon: "
                 "openssl pkey -in %s -out KEY writes it without one; mode 0600",
                 path, path);
    else
        ret = 0;
    close(fd);
    if (content)
        explicit_bzero(content, KEY_FILE_MAX);
    free(content);
    return ret;
}

int directory_make(const char *path, mode_t mode)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = copy + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return -1;
        if (kept == '\0')
            return 0;
        *slash = kept;
    }
}
