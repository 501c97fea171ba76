// SPDX-License-Identifier: Apache-2.0
// Addresses and serial modes as people write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/line.h"

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint16_t default_port;
        const char *host; // NULL: refused
        uint16_t port;
    } rows[] = {
        {"192.168.10.20:502", 502, "192.168.10.20", 502},
        {"192.168.10.20", 502, "192.168.10.20", 502},
        {"meter-7.plant_a.example:1502", 502, "meter-7.plant_a.example", 1502},
        {"[::1]:65535", 502, "::1", 65535},
        {"[fe80::1%eth0]", 502, "fe80::1%eth0", 502},
        {"host:1", 0, "host", 1},
        {"host", 0, NULL, 0},
        {"", 502, NULL, 0},
        {":502", 502, NULL, 0},
        {"[]:502", 502, NULL, 0},
        {"[::1", 502, NULL, 0},
        {"[::1]502", 502, NULL, 0},
        {"::1", 502, NULL, 0},
        {"host:", 502, NULL, 0},
        {"host:0", 502, NULL, 0},
        {"host:65536", 502, NULL, 0},
        {"host:-1", 502, NULL, 0},
        {"host: 502", 502, NULL, 0},
        {"host:502x", 502, NULL, 0},
        {"ho st:502", 502, NULL, 0},
        {"tcp://host:502", 502, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[64] = "", why[256] = "";
        uint16_t port = 0;
        bool ok =
            address_parse(rows[i].text, rows[i].default_port, host, sizeof host, &port, why, sizeof why);
        if (ok != (rows[i].host != NULL))
            fail_msg("\"%s\": %s", rows[i].text, ok ? "accepted" : why);
        if (ok) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        } else if (!strstr(why, rows[i].text)) {
            fail_msg("the message does not quote \"%s\": %s", rows[i].text, why);
        }
    }
}

static void host_longer_than_the_room(void **state)
{
    (void)state;
    char host[8], why[256];
    uint16_t port;
    assert_true(address_parse("1234567:1", 0, host, sizeof host, &port, why, sizeof why));
    assert_false(address_parse("12345678:1", 0, host, sizeof host, &port, why, sizeof why));
}

static void modes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int baud; // 0: refused
        char parity;
        int stop_bits;
    } rows[] = {
        {"1200 8N1", 1200, 'N', 1},
        {"2400 8E1", 2400, 'E', 1},
        {"4800 8O1", 4800, 'O', 1},
        {"9600 8N1", 9600, 'N', 1},
        {"19200 8E1", 19200, 'E', 1},
        {"38400 8N2", 38400, 'N', 2},
        {"57600 8n1", 57600, 'N', 1},
        {"115200  8E1", 115200, 'E', 1},
        // libmodbus would silently use 9600 for the first.
        {"31250 8N1", 0, 0, 0},
        {"230400 8N1", 0, 0, 0},
        {"9600", 0, 0, 0},
        {"96008N1", 0, 0, 0},
        {"9600 7E1", 0, 0, 0},
        {"9600 8E2", 0, 0, 0},
        {"9600 8N1 ", 0, 0, 0},
        {" 9600 8N1", 0, 0, 0},
        {"", 0, 0, 0},
        {"8N1 9600", 0, 0, 0},
        {"-9600 8N1", 0, 0, 0},
        {"99999999999999999999 8N1", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int baud = 0, stop_bits = 0;
        char parity = 0;
        bool ok = serial_mode_parse(rows[i].text, &baud, &parity, &stop_bits);
        if (ok != (rows[i].baud != 0))
            fail_msg("\"%s\" %s", rows[i].text, ok ? "accepted" : "refused");
        assert_int_equal(baud, rows[i].baud);
        assert_int_equal(parity, rows[i].parity);
        assert_int_equal(stop_bits, rows[i].stop_bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(host_longer_than_the_room),
        cmocka_unit_test(modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
