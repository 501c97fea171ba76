/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system refuses on order: no memory, a disk that fails, a call cut short by a signal. The linker hands
 * the calls of the program (not those of libraries) to these functions, in test programs whose names begin
 * with test_refused_ (Makefile: REFUSABLE). Works together with sanitizers: whatever is not refused goes on
 * to the real call.
 *
 *     refuse(REFUSE_SYNC, EIO, 0, 1);      the next sync fails, once
 *     ...
 *     refuse_nothing();
 */
#ifndef TESTS_UNIT_REFUSE_H
#define TESTS_UNIT_REFUSE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum refusable {
    REFUSE_MEMORY = 1,
    REFUSE_OPEN = 2,
    REFUSE_READ = 4,
    REFUSE_WRITE = 8,
    REFUSE_SHORT = 16, /* not refused: a write that takes one byte only */
    REFUSE_SYNC = 32,
    REFUSE_CLOSE = 64, /* the descriptor is closed all the same, as on Linux */
    REFUSE_STAT = 128,
    REFUSE_RENAME = 256,
    REFUSE_UNLINK = 512,
    REFUSE_RESIZE = 1024, /* ftruncate, fallocate */
    REFUSE_MODE = 2048,   /* fchmod */
    REFUSE_SODIUM = 4096, /* sodium_init */
    REFUSE_EVENTFD = 8192,
    REFUSE_THREAD = 16384,
    REFUSE_ROOM = 32768, /* statvfs */
};

static struct {
    _Atomic unsigned what;
    _Atomic int error;
    _Atomic int64_t seen, first, many, refused;
} refusal;

/* Calls of the kinds `what` from number `first` (from 0) on, `many` of them, fail with `error`. */
static inline void refuse(unsigned what, int error, int64_t first, int64_t many)
{
    refusal.what = 0;
    refusal.error = error;
    refusal.seen = refusal.refused = 0;
    refusal.first = first;
    refusal.many = many;
    refusal.what = what;
}

/* Returns how many were refused. */
static inline int64_t refuse_nothing(void)
{
    refusal.what = 0;
    return refusal.refused;
}

static inline bool refused(enum refusable kind)
{
    if (!(refusal.what & kind))
        return false;
    int64_t n = atomic_fetch_add(&refusal.seen, 1) - refusal.first;
    if (n < 0 || n >= refusal.many)
        return false;
    atomic_fetch_add(&refusal.refused, 1);
    errno = refusal.error;
    return true;
}

#define REFUSABLE(kind, failure, type, name, parameters, ...)                                                \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        return refused(kind) ? (failure) : __real_##name(__VA_ARGS__);                                       \
    }

REFUSABLE(REFUSE_MEMORY, NULL, void *, malloc, (size_t n), n)
REFUSABLE(REFUSE_MEMORY, NULL, void *, calloc, (size_t n, size_t size), n, size)
REFUSABLE(REFUSE_MEMORY, NULL, void *, realloc, (void *p, size_t n), p, n)
REFUSABLE(REFUSE_MEMORY, NULL, void *, reallocarray, (void *p, size_t n, size_t size), p, n, size)
REFUSABLE(REFUSE_MEMORY, NULL, char *, strdup, (const char *s), s)
REFUSABLE(REFUSE_MEMORY, NULL, char *, strndup, (const char *s, size_t n), s, n)
REFUSABLE(REFUSE_READ, -1, ssize_t, read, (int fd, void *to, size_t n), fd, to, n)
REFUSABLE(REFUSE_READ, -1, ssize_t, pread, (int fd, void *to, size_t n, off_t at), fd, to, n, at)
REFUSABLE(REFUSE_SYNC, -1, int, fsync, (int fd), fd)
REFUSABLE(REFUSE_SYNC, -1, int, fdatasync, (int fd), fd)
REFUSABLE(REFUSE_STAT, -1, int, stat, (const char *path, struct stat *to), path, to)
REFUSABLE(REFUSE_STAT, -1, int, fstat, (int fd, struct stat *to), fd, to)
REFUSABLE(REFUSE_ROOM, -1, int, statvfs, (const char *path, struct statvfs *to), path, to)
REFUSABLE(REFUSE_RENAME, -1, int, rename, (const char *from, const char *to), from, to)
REFUSABLE(REFUSE_UNLINK, -1, int, unlink, (const char *path), path)
REFUSABLE(REFUSE_RESIZE, -1, int, ftruncate, (int fd, off_t size), fd, size)
REFUSABLE(REFUSE_RESIZE, -1, int, fallocate, (int fd, int mode, off_t at, off_t n), fd, mode, at, n)
REFUSABLE(REFUSE_MODE, -1, int, fchmod, (int fd, mode_t mode), fd, mode)
REFUSABLE(REFUSE_SODIUM, -1, int, sodium_init, (void))
REFUSABLE(REFUSE_EVENTFD, -1, int, eventfd, (unsigned n, int flags), n, flags)
REFUSABLE(REFUSE_THREAD, EAGAIN, int, pthread_create,
          (pthread_t * thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg), thread, attr,
          start, arg)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return refused(REFUSE_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool no = refused(REFUSE_CLOSE);
    int rc = __real_close(fd);
    if (no)
        errno = refusal.error;
    return no ? -1 : rc;
}

ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n)
{
    int before = errno;
    if (n && refused(REFUSE_SHORT)) {
        errno = before;
        return __real_write(fd, from, 1);
    }
    return refused(REFUSE_WRITE) ? -1 : __real_write(fd, from, n);
}

/*
 * `once` with the first such call refused, then with the second, ... until a run meets no refusal. `once`
 * returns whether it worked; when it is refused something it must say that it did not (`tells`), or do
 * without; after each refusal it must work again. Returns how many refusals there were.
 */
static inline unsigned refuse_each(unsigned what, int error, bool tells, bool (*once)(void *arg), void *arg)
{
    for (unsigned n = 0;; n++) {
        refuse(what, error, n, 1);
        bool good = once(arg);
        bool met = refuse_nothing() > 0;
        if (!met && !good)
            fail_msg("it does not work with nothing refused, after %u refusals", n);
        if (!met)
            return n;
        if (tells && good)
            fail_msg("refusal %u (of kinds %#x) is not told", n, what);
        if (!once(arg))
            fail_msg("after refusal %u (of kinds %#x) it works no more", n, what);
    }
}

#endif
