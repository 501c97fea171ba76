// SPDX-License-Identifier: Apache-2.0
// A disk that fails on order: preloaded, it makes writes, syncs and reads under one directory fail, wait, or
// be lost by a power cut. Linux, glibc; for plain builds (a sanitizer wants to be loaded first).
//
//   cc -shared -fPIC -o disk_shim.so tests/fault/disk_shim.c -ldl -lpthread
//   LD_PRELOAD=./disk_shim.so DISK_SHIM_CONTROL=/tmp/control PROGRAM
//
// The control file holds words "key=value", is read again whenever it is replaced (write it beside, rename
// it), and its absence means a sound disk:
//
//   under=/tmp/x        only files whose path begins so
//   write=eio|enospc|short|erofs   what a write that makes a file longer or changes it does ("short": half of
//   it;
//                       "erofs": a file system that was made read-only, so opening for writing fails, too)
//   sync=eio  read=eio
//   after=N             the three above begin at the N-th such call
//   slow_write=MS  slow_sync=MS
//   free=BYTES          what statvfs says is free
//   cut=N  seed=S       power cut at the N-th write or sync: of all bytes written since the last sync of
//   their
//                       file a random choice is lost, one may be torn, and the process is gone (exit 137)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum fault { NONE, EIO_FAULT, ENOSPC_FAULT, SHORT_FAULT, EROFS_FAULT };

static struct {
    pthread_mutex_t lock;
    struct timespec changed;
    ino_t inode;
    char under[256];
    enum fault write, sync, read;
    long after, slow_write, slow_sync, calls, cut, cut_calls;
    long long free_bytes; // < 0: as it is
    uint64_t seed;
} shim = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, .free_bytes = -1};

#define REAL(name) ((__typeof__(&name))real_function(#name))

static void *real_function(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int disk_shim_loaded; // for programs that must not run without it

// --- control --------------------------------------------------------------------------------------------

static enum fault fault_of(const char *word)
{
    return strcmp(word, "eio") == 0      ? EIO_FAULT
           : strcmp(word, "enospc") == 0 ? ENOSPC_FAULT
           : strcmp(word, "erofs") == 0  ? EROFS_FAULT
                                         : SHORT_FAULT;
}

static int error_of(enum fault fault)
{
    return fault == EIO_FAULT ? EIO : fault == EROFS_FAULT ? EROFS : ENOSPC;
}

static void take_word(const char *key, const char *value)
{
    if (strcmp(key, "under") == 0)
        snprintf(shim.under, sizeof shim.under, "%s", value);
    else if (strcmp(key, "write") == 0)
        shim.write = fault_of(value);
    else if (strcmp(key, "sync") == 0)
        shim.sync = fault_of(value);
    else if (strcmp(key, "read") == 0)
        shim.read = fault_of(value);
    else if (strcmp(key, "after") == 0)
        shim.after = atol(value);
    else if (strcmp(key, "slow_write") == 0)
        shim.slow_write = atol(value);
    else if (strcmp(key, "slow_sync") == 0)
        shim.slow_sync = atol(value);
    else if (strcmp(key, "free") == 0)
        shim.free_bytes = atoll(value);
    else if (strcmp(key, "cut") == 0)
        shim.cut = atol(value);
    else if (strcmp(key, "seed") == 0)
        shim.seed = strtoull(value, NULL, 0);
}

static void read_control(void)
{
    const char *path = getenv("DISK_SHIM_CONTROL");
    struct stat st;
    if (!path || stat(path, &st) < 0)
        memset(&st, 0, sizeof st);
    if (st.st_ino == shim.inode && st.st_mtim.tv_sec == shim.changed.tv_sec &&
        st.st_mtim.tv_nsec == shim.changed.tv_nsec)
        return;
    shim.inode = st.st_ino;
    shim.changed = st.st_mtim;
    shim.write = shim.sync = shim.read = NONE;
    shim.after = shim.slow_write = shim.slow_sync = shim.calls = shim.cut = shim.cut_calls = 0;
    shim.free_bytes = -1;
    shim.under[0] = '\0';
    FILE *f = st.st_ino ? fopen(path, "r") : NULL;
    char key[32], value[256];
    while (f && fscanf(f, " %31[a-z_]=%255s", key, value) == 2)
        take_word(key, value);
    if (f)
        fclose(f);
}

static bool concerns_path(const char *path)
{
    read_control();
    return shim.under[0] && strncmp(path, shim.under, strlen(shim.under)) == 0;
}

static bool concerns(int fd)
{
    char link[64], path[512];
    read_control();
    if (!shim.under[0])
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    return concerns_path(path);
}

static bool strikes(enum fault fault)
{
    return fault != NONE && ++shim.calls > shim.after;
}

static void wait_ms(long ms)
{
    if (ms)
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

// --- power cut ------------------------------------------------------------------------------------------

struct write {
    struct write *next; // the one before it in time
    int fd;
    ino_t inode;
    off_t at, old_size;
    size_t n, old_n;
    char *data, *old; // n and old_n bytes
};

static struct write *unsynced;

static uint64_t draw(void)
{
    uint64_t z = shim.seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void remember(int fd, const void *data, size_t n, off_t at)
{
    struct stat st;
    if (!shim.cut || fstat(fd, &st) < 0)
        return;
    struct write *w = calloc(1, sizeof *w);
    *w = (struct write){
        .next = unsynced, .fd = fd, .inode = st.st_ino, .at = at, .old_size = st.st_size, .n = n};
    w->data = malloc(n + 1);
    w->old = malloc(n + 1);
    if (n)
        memcpy(w->data, data, n);
    ssize_t old = n ? REAL(pread)(fd, w->old, n, at) : 0;
    w->old_n = old > 0 ? (size_t)old : 0;
    unsynced = w;
}

static void forget(ino_t inode)
{
    for (struct write **p = &unsynced; *p;) {
        struct write *w = *p;
        if (w->inode != inode) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        free(w->data);
        free(w->old);
        free(w);
    }
}

static void redo_some(struct write *w)
{
    if (!w)
        return;
    redo_some(w->next); // the earliest first
    uint64_t chance = draw() % 8;
    size_t n = chance < 3 ? 0 : chance == 3 ? draw() % (w->n + 1) / 512 * 512 : w->n;
    if (n)
        REAL(pwrite)(w->fd, w->data, n, w->at);
}

static void cut_power(void)
{
    for (struct write *w = unsynced; w; w = w->next) {
        if (w->old_n)
            REAL(pwrite)(w->fd, w->old, w->old_n, w->at);
        REAL(ftruncate)(w->fd, w->old_size);
    }
    redo_some(unsynced);
    _exit(137);
}

static void count_to_cut(void)
{
    if (shim.cut && ++shim.cut_calls >= shim.cut)
        cut_power();
}

// --- the calls ------------------------------------------------------------------------------------------

typedef ssize_t pwrite_function(int, const void *, size_t, off_t);

static ssize_t faulty_write(int fd, const void *data, size_t n, off_t at)
{
    if (strikes(shim.write)) {
        if (shim.write == SHORT_FAULT && n > 1)
            return REAL(pwrite)(fd, data, n / 2, at);
        errno = error_of(shim.write);
        return -1;
    }
    remember(fd, data, n, at);
    count_to_cut();
    return REAL(pwrite)(fd, data, n, at);
}

static ssize_t shim_pwrite(int fd, const void *data, size_t n, off_t at)
{
    pthread_mutex_lock(&shim.lock);
    bool ours = concerns(fd);
    long slow = ours ? shim.slow_write : 0;
    pthread_mutex_unlock(&shim.lock);
    wait_ms(slow);
    if (!ours)
        return REAL(pwrite)(fd, data, n, at);
    pthread_mutex_lock(&shim.lock);
    ssize_t done = faulty_write(fd, data, n, at);
    int saved = errno;
    pthread_mutex_unlock(&shim.lock);
    errno = saved;
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return shim_pwrite(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    return shim_pwrite(fd, data, n, at);
}

ssize_t write(int fd, const void *data, size_t n)
{
    pthread_mutex_lock(&shim.lock);
    bool fails = shim.inode && fd > 2 && concerns(fd) && strikes(shim.write);
    enum fault fault = shim.write;
    pthread_mutex_unlock(&shim.lock);
    if (!fails)
        return REAL(write)(fd, data, n);
    if (fault == SHORT_FAULT && n > 1)
        return REAL(write)(fd, data, n / 2);
    errno = error_of(fault);
    return -1;
}

static int shim_sync(int fd, int (*real)(int))
{
    pthread_mutex_lock(&shim.lock);
    bool ours = concerns(fd);
    long slow = ours ? shim.slow_sync : 0;
    bool fails = ours && strikes(shim.sync);
    pthread_mutex_unlock(&shim.lock);
    wait_ms(slow);
    if (fails) {
        errno = EIO;
        return -1;
    }
    if (ours) {
        struct stat st;
        pthread_mutex_lock(&shim.lock);
        count_to_cut();
        if (fstat(fd, &st) == 0)
            forget(st.st_ino);
        pthread_mutex_unlock(&shim.lock);
    }
    return real(fd);
}

int fsync(int fd)
{
    return shim_sync(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    return shim_sync(fd, REAL(fdatasync));
}

static int shim_truncate(int fd, off_t size)
{
    pthread_mutex_lock(&shim.lock);
    bool fails =
        concerns(fd) && (shim.write == EIO_FAULT || shim.write == EROFS_FAULT) && strikes(shim.write);
    int error = error_of(shim.write);
    if (!fails && shim.cut && concerns(fd)) {
        // Not undone: what was written to this file counts as settled.
        struct stat st;
        if (fstat(fd, &st) == 0)
            forget(st.st_ino);
    }
    pthread_mutex_unlock(&shim.lock);
    if (fails) {
        errno = error;
        return -1;
    }
    return REAL(ftruncate)(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return shim_truncate(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return shim_truncate(fd, size);
}

static ssize_t shim_pread(int fd, void *to, size_t n, off_t at)
{
    pthread_mutex_lock(&shim.lock);
    bool fails = concerns(fd) && shim.read != NONE && strikes(shim.read);
    pthread_mutex_unlock(&shim.lock);
    if (!fails)
        return REAL(pread)(fd, to, n, at);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    return shim_pread(fd, to, n, at);
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at)
{
    return shim_pread(fd, to, n, at);
}

int close(int fd)
{
    struct stat st;
    pthread_mutex_lock(&shim.lock);
    if (unsynced && fstat(fd, &st) == 0)
        for (struct write *w = unsynced; w; w = w->next)
            if (w->fd == fd) {
                forget(st.st_ino); // its descriptor is needed to undo it
                break;
            }
    pthread_mutex_unlock(&shim.lock);
    return REAL(close)(fd);
}

static void less_free(const char *path, fsblkcnt_t *available, unsigned long block)
{
    pthread_mutex_lock(&shim.lock);
    if (concerns_path(path) && shim.free_bytes >= 0)
        *available = (fsblkcnt_t)shim.free_bytes / block;
    pthread_mutex_unlock(&shim.lock);
}

int statvfs(const char *path, struct statvfs *st)
{
    int ret = REAL(statvfs)(path, st);
    if (ret == 0)
        less_free(path, &st->f_bavail, st->f_frsize);
    return ret;
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
    pthread_mutex_lock(&shim.lock);
    bool fails = concerns(fd) && shim.write == ENOSPC_FAULT;
    pthread_mutex_unlock(&shim.lock);
    if (!fails)
        return REAL(fallocate)(fd, mode, at, n);
    errno = ENOSPC;
    return -1;
}

// --- a file system that was made read-only --------------------------------------------------------------

static bool read_only(const char *path)
{
    pthread_mutex_lock(&shim.lock);
    bool is = concerns_path(path) && shim.write == EROFS_FAULT;
    pthread_mutex_unlock(&shim.lock);
    if (is)
        errno = EROFS;
    return is;
}

static int shim_open(const char *name, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = (__typeof__(real))real_function(name);
    if ((flags & (O_ACCMODE | O_CREAT)) != O_RDONLY && read_only(path))
        return -1;
    return real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return shim_open("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return shim_open("open64", path, flags, mode);
}

int unlink(const char *path)
{
    return read_only(path) ? -1 : REAL(unlink)(path);
}

int rename(const char *from, const char *to)
{
    return read_only(from) ? -1 : REAL(rename)(from, to);
}
