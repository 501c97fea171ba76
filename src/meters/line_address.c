// SPDX-License-Identifier: Apache-2.0
// Reading where a line goes: "host:port" and "9600 8N1".
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/line.h"
#include "symbiont/text.h"

// "host", "host:port", "[v6]", "[v6]:port" cut into host and what follows its colon (NULL: nothing).
static bool split(const char *text, const char **host, size_t *host_len, const char **port, char *why,
                  size_t why_size)
{
    const char *after;
    *host = text;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        *host = text + 1;
        if (!close) {
            snprintf(why, why_size, "\"%s\" lacks the closing ]", text);
            return false;
        }
        *host_len = (size_t)(close - *host);
        after = close + 1;
    } else {
        *host_len = strcspn(text, ":");
        after = text + *host_len;
        if (*after && strchr(after + 1, ':')) {
            snprintf(why, why_size, "\"%s\": an IPv6 address stands in brackets, as in \"[fe80::1]:502\"",
                     text);
            return false;
        }
    }
    if (*after && *after != ':') {
        snprintf(why, why_size, "\"%s\": after ] only :port may follow", text);
        return false;
    }
    *port = *after ? after + 1 : NULL;
    return true;
}

static bool host_is_plausible(const char *host, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr("-._:%", host[i]))
            return false;
    return n > 0;
}

bool address_parse(const char *text, uint16_t default_port, char *host, size_t host_size, uint16_t *port,
                   char *why, size_t why_size)
{
    const char *start, *port_text;
    size_t n;
    int64_t number = default_port;
    if (!split(text, &start, &n, &port_text, why, why_size))
        return false;
    if (!host_is_plausible(start, n) || n >= host_size) {
        snprintf(why, why_size, "\"%s\" has no host name or address in front of the port", text);
        return false;
    }
    if (!port_text && default_port == 0) {
        snprintf(why, why_size, "\"%s\" lacks the port, as in \"%.*s:4001\"", text, (int)n, start);
        return false;
    }
    if (port_text &&
        (!isdigit((unsigned char)port_text[0]) || !text_integer(port_text, 1, UINT16_MAX, &number))) {
        snprintf(why, why_size, "\"%s\": the port \"%s\" is not a number from 1 to 65535", text, port_text);
        return false;
    }
    memcpy(host, start, n);
    host[n] = '\0';
    *port = (uint16_t)number;
    return true;
}

bool serial_mode_parse(const char *text, int *baud, char *parity, int *stop_bits)
{
    static const int bauds[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
    static const struct {
        const char *word;
        char parity;
        int stop_bits;
    } frames[] = {{"8N1", 'N', 1}, {"8E1", 'E', 1}, {"8O1", 'O', 1}, {"8N2", 'N', 2}};
    size_t digits = strspn(text, "0123456789");
    size_t blanks = strspn(text + digits, " ");
    const char *frame = text + digits + blanks;
    if (digits == 0 || digits > 6 || blanks == 0)
        return false;
    int number = 0;
    for (size_t i = 0; i < digits; i++)
        number = 10 * number + (text[i] - '0');
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        if (bauds[i] != number)
            continue;
        for (size_t k = 0; k < sizeof frames / sizeof frames[0]; k++) {
            if (strcasecmp(frame, frames[k].word) != 0)
                continue;
            *baud = number;
            *parity = frames[k].parity;
            *stop_bits = frames[k].stop_bits;
            return true;
        }
    }
    return false;
}
