// SPDX-License-Identifier: Apache-2.0
// The neighbours of the outbox file: ballast, and damaged files set aside.
#include "store/outbox_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define SET_ASIDE_KEPT 2u

// path + suffix; false when too long.
static bool beside(const char *path, const char *suffix, char out[static PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s%s", path, suffix) < PATH_MAX;
}

int64_t disk_ballast_size(int64_t disk_max)
{
    int64_t size = disk_max / 32;
    return size < 256 << 10 ? 256 << 10 : size > 4 << 20 ? 4 << 20 : size;
}

bool disk_ballast_make(const char *path, int64_t size)
{
    char name[PATH_MAX];
    struct stat st;
    if (!beside(path, ".ballast", name))
        return false;
    if (stat(name, &st) == 0 && st.st_size == size)
        return true;
    if (disk_free(path) < 2 * size)
        return false;
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    // fallocate, not posix_fallocate: where the file system cannot reserve, writing zeros would wear the
    // flash for nothing.
    bool made = ftruncate(fd, size) == 0 && fallocate(fd, 0, 0, size) == 0;
    close(fd);
    if (!made)
        unlink(name);
    return made;
}

bool disk_ballast_drop(const char *path)
{
    char name[PATH_MAX];
    return beside(path, ".ballast", name) && unlink(name) == 0;
}

int64_t disk_free(const char *path)
{
    char copy[PATH_MAX];
    struct statvfs st;
    if (!beside(path, "", copy) || statvfs(dirname(copy), &st) < 0)
        return INT64_MAX;
    return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

struct utc disk_modified(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return (struct utc){0};
    return (struct utc){st.st_mtim.tv_sec * 1000LL};
}

// --- setting aside --------------------------------------------------------------------------------------

struct names {
    char *at[64];
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_log(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, "-wal") == 0;
}

// Names sort by time: 20261124T080000.123Z. The logs go with their file.
static void prune(const char *path)
{
    char copy[PATH_MAX], directory[PATH_MAX], prefix[NAME_MAX + 16];
    if (!beside(path, "", copy))
        return;
    snprintf(prefix, sizeof prefix, "%s.corrupt-", basename(copy));
    if (!beside(path, "", copy))
        return;
    snprintf(directory, sizeof directory, "%s", dirname(copy));
    DIR *d = opendir(directory);
    if (!d)
        return;
    struct names names = {.n = 0};
    for (struct dirent *e; (e = readdir(d)) && names.n < 64;)
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && !is_log(e->d_name) &&
            (names.at[names.n] = strdup(e->d_name)))
            names.n++;
    qsort(names.at, names.n, sizeof names.at[0], by_name);
    for (size_t i = 0; i < names.n; i++) {
        char log[NAME_MAX + 16];
        if (i + SET_ASIDE_KEPT < names.n) {
            unlinkat(dirfd(d), names.at[i], 0);
            snprintf(log, sizeof log, "%s-wal", names.at[i]);
            unlinkat(dirfd(d), log, 0);
        }
        free(names.at[i]);
    }
    closedir(d);
}

int disk_set_aside(const char *path, struct utc now, char *name, size_t size)
{
    char from[PATH_MAX], to[PATH_MAX];
    do {
        time_t seconds = (time_t)(now.ms / 1000);
        struct tm tm = {0};
        char stamp[32];
        gmtime_r(&seconds, &tm);
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
        int n = snprintf(name, size, "%s.corrupt-%s.%03dZ", path, stamp, (int)(now.ms % 1000));
        if (n < 0 || (size_t)n >= size || n >= PATH_MAX - 8) {
            errno = ENAMETOOLONG;
            return -1;
        }
        now.ms++;
    } while (access(name, F_OK) == 0);
    if (rename(path, name) < 0)
        return -1;
    // The log may hold what the file does not; left in place it would be taken for the new file's.
    if (beside(path, "-wal", from) && beside(name, "-wal", to) && rename(from, to) < 0 && errno != ENOENT)
        unlink(from);
    if (beside(path, "-journal", from))
        unlink(from);
    prune(path);
    return 0;
}
