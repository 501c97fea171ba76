// SPDX-License-Identifier: Apache-2.0
// Opening a serial port so that nobody else talks on it and it runs as it was told to.
//
// libmodbus could open it, but sets the port before one can lock it, silently takes 9600 baud for a
// speed it does not know, and fails on pseudo terminals with parity.
#include "meters/serial_port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>
#include "meters/serial_holder.h"
#include "symbiont/clock.h"

#define GAP_ABOVE_19200_NS 1750000LL

int64_t serial_char_ns(const struct serial_mode *m)
{
    int bits = 1 + 8 + (m->parity != 'N') + m->stop_bits;
    return bits * NS_PER_S / m->baud;
}

int64_t serial_gap_ns(const struct serial_mode *m)
{
    return m->baud > 19200 ? GAP_ABOVE_19200_NS : serial_char_ns(m) * 7 / 2;
}

static speed_t speed_of(int baud)
{
    static const struct {
        int baud;
        speed_t speed;
    } speeds[] = {{1200, B1200},   {2400, B2400},   {4800, B4800},   {9600, B9600},
                  {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}};
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++)
        if (speeds[i].baud == baud)
            return speeds[i].speed;
    return B0;
}

static bool is_pseudo_terminal(int fd)
{
    struct stat st;
    // Unix98 pty slaves: majors 136 to 143 (Linux allocated devices).
    return fstat(fd, &st) == 0 && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

static bool set_mode(int fd, const struct serial_mode *m, char *why, size_t why_size)
{
    struct termios want = {0}, got;
    speed_t speed = speed_of(m->baud);
    want.c_cflag = CS8 | CREAD | CLOCAL;
    want.c_cflag |= m->parity == 'N' ? 0 : m->parity == 'E' ? PARENB : PARENB | PARODD;
    want.c_cflag |= m->stop_bits == 2 ? CSTOPB : 0;
    // A character with a parity error is read as 0 and fails the CRC. A break is not a character.
    want.c_iflag = IGNBRK | (m->parity == 'N' ? 0 : INPCK);
    // With VMIN 1 a read of 0 bytes means hung up and nothing else (the port is non-blocking).
    want.c_cc[VMIN] = 1;
    if (speed == B0 || cfsetispeed(&want, speed) < 0 || cfsetospeed(&want, speed) < 0) {
        snprintf(why, why_size, "%d baud is not possible", m->baud);
        return false;
    }
    // tcsetattr reports success when any of the settings took, so what counts is what is read back.
    int rc = tcsetattr(fd, TCSANOW, &want), saved = errno;
    if (tcgetattr(fd, &got) < 0) {
        snprintf(why, why_size, "%s", strerror(rc < 0 ? saved : errno));
        return false;
    }
    // A pseudo terminal has no parity; glibc then reports EINVAL though all else was set.
    tcflag_t compared = CSIZE | CSTOPB | (is_pseudo_terminal(fd) ? 0 : PARENB | PARODD);
    if (cfgetospeed(&got) != speed || (got.c_cflag & compared) != (want.c_cflag & compared) ||
        (got.c_lflag & (ICANON | ECHO)) || (got.c_oflag & OPOST)) {
        snprintf(why, why_size, "the port does not accept %d 8%c%d", m->baud, m->parity, m->stop_bits);
        return false;
    }
    return true;
}

static bool set_rs485(int fd, char *why, size_t why_size)
{
    struct serial_rs485 conf = {0};
    if (ioctl(fd, TIOCGRS485, &conf) == 0) {
        conf.flags |= SER_RS485_ENABLED;
        if (!(conf.flags & (SER_RS485_RTS_ON_SEND | SER_RS485_RTS_AFTER_SEND)))
            conf.flags |= SER_RS485_RTS_ON_SEND;
        if (ioctl(fd, TIOCSRS485, &conf) == 0)
            return true;
    }
    snprintf(
        why, why_size,
        "the port's driver has no RS-485 mode (%s); adapters that turn the line around by themselves need no "
        "`rs485`",
        strerror(errno));
    return false;
}

static bool lock(int fd, char *why, size_t why_size)
{
    struct stat st;
    char who[80];
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        ioctl(fd, TIOCEXCL); // programs that do not know flock get EBUSY when they open it
        return true;
    }
    if (errno != EWOULDBLOCK || fstat(fd, &st) < 0) {
        snprintf(why, why_size, "cannot lock it: %s", strerror(errno));
        return false;
    }
    pid_t pid = serial_lock_holder(&st);
    snprintf(why, why_size, "locked by %s: a serial line has one master",
             serial_holder_text(pid ? pid : serial_device_user(&st), who, sizeof who));
    return false;
}

static void explain_open(const char *path, int error, char *why, size_t why_size)
{
    struct stat st;
    char who[80];
    if (error == EBUSY && stat(path, &st) == 0)
        snprintf(why, why_size, "in exclusive use by %s: a serial line has one master",
                 serial_holder_text(serial_device_user(&st), who, sizeof who));
    else if (error == EACCES)
        snprintf(why, why_size, "no permission: serial ports usually belong to the group dialout");
    else if (error == ENOENT || error == ENXIO || error == ENODEV)
        snprintf(why, why_size, "no such port: is the adapter plugged in?");
    else
        snprintf(why, why_size, "%s", strerror(error));
}

int serial_port_open(const char *path, const struct serial_mode *m, bool rs485, char *why, size_t why_size)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        explain_open(path, errno, why, why_size);
        return -1;
    }
    if (fd >= FD_SETSIZE) {
        snprintf(why, why_size, "no descriptor below %d is free for it", FD_SETSIZE);
        close(fd);
        return -1;
    }
    if (!isatty(fd)) {
        snprintf(why, why_size, "not a serial port");
        close(fd);
        return -1;
    }
    if (!lock(fd, why, why_size)) {
        close(fd);
        return -1;
    }
    if (!set_mode(fd, m, why, why_size) || (rs485 && !set_rs485(fd, why, why_size))) {
        serial_port_close(fd);
        return -1;
    }
    tcflush(fd, TCIOFLUSH);
    return fd;
}

void serial_port_close(int fd)
{
    tcflush(fd, TCOFLUSH); // close waits for unsent bytes otherwise, up to 30 s when they cannot leave
    ioctl(fd, TIOCNXCL);
    close(fd);
}

bool serial_port_shared(int fd, char *who, size_t who_size)
{
    struct stat st;
    pid_t pid = fstat(fd, &st) == 0 ? serial_device_user(&st) : 0;
    if (pid == 0)
        return false;
    serial_holder_text(pid, who, who_size);
    return true;
}
