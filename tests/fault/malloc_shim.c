// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD: lets chosen allocations fail, says which call stacks allocate, and prints the stack of a crash,
// and with MALLOC_SHIM_TRACE that of a refusal.
//
// MALLOC_SHIM names a file of sizeof(struct control) bytes that the test maps too. While `armed`, allocations
// are counted; those from number `first` on, `many` of them, return NULL. `own_only`: only those that the
// program itself asks for (by malloc, calloc, realloc, strdup, strndup), not its libraries. The hash of the
// call stack of allocation i goes to hashes[i], so that a test can let each distinct stack fail once instead
// of each number.
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HASHES (1 << 20)
#define FRAMES 14

struct control {
    _Atomic uint64_t armed, first, many, own_only, seen, failed;
    uint64_t hashes[HASHES];
};

static struct control *control;
static uintptr_t own_start, own_end;
// Not through __tls_get_addr, which AddressSanitizer intercepts and which is asked before that has begun.
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

// dlsym allocates before there is anything to allocate with.
static char early[1 << 16];
static size_t early_used;

static bool is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *early_alloc(size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (n > sizeof early - early_used)
        abort();
    early_used += n;
    return early + early_used - n;
}

static void resolve(void)
{
    static bool resolving;
    if (real_free || resolving)
        return;
    resolving = true;
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real_free = dlsym(RTLD_NEXT, "free");
    resolving = false;
}

static int note_program(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
            own_start = info->dlpi_addr + p->p_vaddr;
            own_end = own_start + p->p_memsz;
        }
    }
    return 1; // the first is the program
}

static void tell_stack(const char *text)
{
    void *frames[64];
    int n = backtrace(frames, 64);
    if (write(STDERR_FILENO, text, strlen(text)) > 0)
        backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void on_crash(int number)
{
    tell_stack("\nmalloc shim: crash\n");
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    void *frames[2];
    resolve();
    inside = true;
    backtrace(frames, 2); // loads what it needs now
    dl_iterate_phdr(note_program, NULL);
    const char *path = getenv("MALLOC_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        control = at == MAP_FAILED ? NULL : at;
        close(fd);
    }
    if (!getenv("MALLOC_SHIM_SANITIZER"))
        for (size_t i = 0; i < 3; i++)
            signal((const int[]){SIGSEGV, SIGABRT, SIGBUS}[i], on_crash);
    inside = false;
}

static uint64_t hash_of_stack(void)
{
    void *frames[FRAMES];
    uint64_t hash = 1469598103934665603u;
    int n = backtrace(frames, FRAMES);
    for (int i = 2; i < n; i++) {
        uintptr_t at = (uintptr_t)frames[i];
        // Libraries lie elsewhere in each run; only the program's frames tell one place from another for
        // certain.
        uint64_t mark = at >= own_start && at < own_end ? at - own_start : 1;
        hash = (hash ^ mark) * 1099511628211u;
    }
    return hash;
}

static bool refuses(const void *caller)
{
    if (inside || !control || !atomic_load(&control->armed))
        return false;
    uintptr_t at = (uintptr_t)caller;
    if (atomic_load(&control->own_only) && (at < own_start || at >= own_end))
        return false;
    inside = true;
    uint64_t number = atomic_fetch_add(&control->seen, 1), first = atomic_load(&control->first);
    if (number < HASHES && first == UINT64_MAX)
        control->hashes[number] = hash_of_stack();
    bool no = number >= first && number - first < atomic_load(&control->many);
    if (no && getenv("MALLOC_SHIM_TRACE"))
        tell_stack("\nmalloc shim: refused\n");
    inside = false;
    if (no) {
        atomic_fetch_add(&control->failed, 1);
        errno = ENOMEM;
    }
    return no;
}

void *malloc(size_t n)
{
    resolve();
    if (!real_malloc)
        return early_alloc(n);
    return refuses(__builtin_return_address(0)) ? NULL : real_malloc(n);
}

void *calloc(size_t count, size_t size)
{
    resolve();
    if (!real_calloc)
        return early_alloc(count * size); // static: zero
    return refuses(__builtin_return_address(0)) ? NULL : real_calloc(count, size);
}

void *realloc(void *p, size_t n)
{
    resolve();
    if (is_early(p)) {
        void *fresh = real_malloc(n);
        size_t most = (size_t)(early + sizeof early - (char *)p);
        if (fresh)
            memcpy(fresh, p, n < most ? n : most);
        return fresh;
    }
    return refuses(__builtin_return_address(0)) ? NULL : real_realloc(p, n);
}

void free(void *p)
{
    resolve();
    if (p && !is_early(p))
        real_free(p);
}

static char *copy(const char *text, size_t n)
{
    char *to = real_malloc(n + 1);
    if (to) {
        memcpy(to, text, n);
        to[n] = '\0';
    }
    return to;
}

char *strdup(const char *text)
{
    resolve();
    return refuses(__builtin_return_address(0)) ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t n)
{
    resolve();
    return refuses(__builtin_return_address(0)) ? NULL : copy(text, strnlen(text, n));
}
