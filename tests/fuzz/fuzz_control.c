// SPDX-License-Identifier: Apache-2.0
// A client of the control socket that sends anything, in pieces, and what it is answered: one JSON document
// with a line end, or nothing. The first byte says how long the pieces are.
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "symbiont/control.h"
#include "symbiont/ledger.h"
#include "symbiont/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct ledger *ledger;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char directory[] = "/tmp/symbiont-fuzz-XXXXXX";

static void answer(void *arg, const char *request, struct buf *out)
{
    (void)arg;
    assert(strlen(request) < CONTROL_REQUEST_MAX && !strchr(request, '\n'));
    if (strncmp(request, "ledger", 6) == 0)
        ledger_answer(ledger, request, out);
    else
        control_unknown(out, request);
}

static void end(void)
{
    char command[64];
    ledger_close(ledger);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (system(command) != 0)
        perror(command);
}

static int begin(void)
{
    char path[64], why[200];
    log_set_level(LOG_LEVEL_ERROR);
    if (!mkdtemp(directory) || !(loop = loop_new()))
        return -1;
    snprintf(path, sizeof path, "%s/ledger.db", directory);
    ledger = ledger_open(path, false, why, sizeof why);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    struct control_settings s = {.loop = loop, .path = address.sun_path, .who = "fuzz", .answer = answer};
    if (!ledger || !control_open(&s, why, sizeof why))
        return -1;
    return atexit(end);
}

static void turn(int times)
{
    while (times-- > 0)
        loop_turn(loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char said[1 << 16];
    if ((!loop && begin() < 0) || size < 2)
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t piece = data[0] ? data[0] : 4096;
    assert(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    turn(1);
    for (size_t at = 1; at < size; at += piece) {
        if (send(fd, data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break; // it has closed: too long, or answered
        turn(1);
    }
    turn(2);
    ssize_t n = recv(fd, said, sizeof said, MSG_DONTWAIT);
    if (n > 0) {
        json_error_t error;
        json_t *root = json_loadb(said, (size_t)n, JSON_REJECT_DUPLICATES, &error);
        assert(said[n - 1] == '\n' && root);
        json_decref(root);
    }
    close(fd);
    turn(2);
    return 0;
}
