// SPDX-License-Identifier: Apache-2.0
// Naming the process that keeps a serial port from us, as far as /proc lets us see.
#include "meters/serial_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

pid_t serial_lock_holder(const struct stat *file)
{
    FILE *f = fopen("/proc/locks", "re");
    if (!f)
        return 0;
    char line[256];
    pid_t found = 0;
    while (!found && fgets(line, sizeof line, f)) {
        // "1: FLOCK  ADVISORY  WRITE 4711 00:18:5 0 EOF", device numbers in hexadecimal
        int pid;
        unsigned major_no, minor_no;
        unsigned long inode;
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_no, &minor_no, &inode) == 4 &&
            pid > 0 && major_no == major(file->st_dev) && minor_no == minor(file->st_dev) &&
            inode == file->st_ino)
            found = pid;
    }
    fclose(f);
    return found;
}

// The links of /proc/PID/fd are read before they are followed: following one into a dead network
// mount would hang.
static bool has_open(const char *pid, dev_t device)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool found = false;
    struct dirent *e;
    while (!found && (e = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target);
        struct stat st;
        found = n > 5 && memcmp(target, "/dev/", 5) == 0 && fstatat(dirfd(dir), e->d_name, &st, 0) == 0 &&
                S_ISCHR(st.st_mode) && st.st_rdev == device;
    }
    closedir(dir);
    return found;
}

pid_t serial_device_user(const struct stat *device)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    pid_t found = 0;
    struct dirent *e;
    while (!found && (e = readdir(proc))) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid != getpid() && has_open(e->d_name, device->st_rdev))
            found = pid;
    }
    closedir(proc);
    return found;
}

const char *serial_holder_text(pid_t pid, char *out, size_t size)
{
    char path[64], name[32] = "";
    if (pid == 0) {
        snprintf(out, size, "another process");
        return out;
    }
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, name, sizeof name - 1);
        close(fd);
        name[n > 0 ? n : 0] = '\0';
        name[strcspn(name, "\n")] = '\0';
    }
    if (name[0])
        snprintf(out, size, "%s (process %d)", name, (int)pid);
    else
        snprintf(out, size, "process %d", (int)pid);
    return out;
}
