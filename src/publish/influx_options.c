// SPDX-License-Identifier: Apache-2.0
// Settings of the InfluxDB publisher: the table, the address to write to, contradictions.
#include "influx_options.h"

#include <string.h>
#include <unistd.h>
#include "symbiont/clock.h"

#define AT(member) offsetof(struct influx_config, member)

// clang-format off
static const struct option influx_options[] = {
    {"url", OPTION_TEXT, AT(url), .help = "Server: \"http://127.0.0.1:8086\" or \"https://...\"."},
    {"database", OPTION_TEXT, AT(database), .help = "InfluxDB 1.x, VictoriaMetrics: database to write to."},
    {"retention_policy", OPTION_TEXT, AT(retention_policy), .help = "InfluxDB 1.x: retention policy; default: the database's."},
    {"user", OPTION_TEXT, AT(user), .help = "InfluxDB 1.x: user name."},
    {"password_file", OPTION_TEXT, AT(password_file),
     .help = "InfluxDB 1.x: file that holds the user's password on one line, mode 0600. Read again for every request."},
    {"org", OPTION_TEXT, AT(org), .help = "InfluxDB 2.x: organisation (name or id)."},
    {"bucket", OPTION_TEXT, AT(bucket), .help = "InfluxDB 2.x and later: bucket to write to."},
    {"token_file", OPTION_TEXT, AT(token_file),
     .help = "InfluxDB 2.x and later: file that holds the token on one line, mode 0600. Read again for every request."},
    {"ca_file", OPTION_TEXT, AT(ca_file),
     .help = "PEM file of the authorities that may have signed the server's certificate; default: the system's."},
    {"certificate_file", OPTION_TEXT, AT(certificate_file), .help = "The gateway's own certificate (PEM)."},
    {"key_file", OPTION_TEXT, AT(key_file), .help = "The private key of certificate_file (PEM)."},
    {"batch_lines", OPTION_INT, AT(batch_lines), .def = "5000", .min = 1, .max = 100000,
     .help = "At most so many lines in one request."},
    {"batch_size", OPTION_SIZE, AT(batch_bytes), .def = "256 KiB", .min = 4096, .max = 8388608,
     .help = "At most so many bytes in one request, before compression."},
    {"batch_age", OPTION_DURATION, AT(batch_age_ns), .def = "500 ms", .min = 0.01, .max = 3600,
     .help = "A line waits at most so long for others to be sent with. Must be less than the outbox's spill time."},
    {"connect_timeout", OPTION_DURATION, AT(connect_timeout_ns), .def = "5 s", .min = 1, .max = 120,
     .help = "How long the server may take to accept a connection."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .def = "30 s", .min = 1, .max = 600,
     .help = "How long one request may take."},
    {"gzip", OPTION_BOOL, AT(gzip), .def = "true", .help = "Compress requests: about a seventh of the bytes."},
    THIN_OPTIONS(struct influx_config, thin),
    {0},
};
// clang-format on

const struct section influx_section = {
    "influxdb", sizeof(struct influx_config), influx_options,
    "Publishes readings to InfluxDB 1.x, 2.x or 3.x, or to VictoriaMetrics."};

bool influx_configured(const void *settings)
{
    const struct influx_config *c = settings;
    return c->common.place.file || c->url;
}

static void parameter(struct buf *out, char separator, const char *key, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    buf_putc(out, separator);
    buf_puts(out, key);
    buf_putc(out, '=');
    for (const unsigned char *s = (const unsigned char *)value; *s; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                     memchr("-._~", *s, 4);
        if (plain)
            buf_putc(out, (char)*s);
        else
            buf_put(out, (char[]){'%', hex[*s >> 4], hex[*s & 15]}, 3);
    }
}

void influx_write_url(const struct influx_config *c, struct buf *out)
{
    size_t n = strlen(c->url);
    while (n && c->url[n - 1] == '/')
        n--;
    buf_put(out, c->url, n);
    if (c->bucket) {
        buf_puts(out, "/api/v2/write");
        parameter(out, '?', "bucket", c->bucket);
        if (c->org)
            parameter(out, '&', "org", c->org);
    } else {
        buf_puts(out, "/write");
        parameter(out, '?', "db", c->database);
        if (c->retention_policy)
            parameter(out, '&', "rp", c->retention_policy);
    }
    // Without it a server takes the times for nanoseconds, or guesses.
    parameter(out, '&', "precision", "ms");
    buf_text(out);
}

static void check_url(const struct influx_config *c, struct diagnostics *d)
{
    bool tls = strncmp(c->url, "https://", 8) == 0;
    if (!tls && strncmp(c->url, "http://", 7) != 0)
        diag_error(d, c->common.place, "url \"%s\" must begin with http:// or https://",
                   strchr(c->url, '@') ? "..." : c->url);
    else if (strchr(c->url, '@'))
        diag_error(
            d, c->common.place,
            "user and password do not go into the url: use `user` and `password_file`, or `token_file`");
    else if (strpbrk(c->url, "?# "))
        diag_error(d, c->common.place,
                   "url \"%s\" must end before any '?': database or bucket have settings of their own",
                   c->url);
    else if (!tls && (c->ca_file || c->certificate_file || c->key_file))
        diag_error(d, c->common.place,
                   "url \"%s\" is without TLS, but a TLS file is set: write https://, or remove it", c->url);
}

// The words of one interface do nothing in the other: mixing them is a mistake.
static void check_interface(const struct influx_config *c, struct diagnostics *d)
{
    const char *const v1[][2] = {{"database", c->database},
                                 {"retention_policy", c->retention_policy},
                                 {"user", c->user},
                                 {"password_file", c->password_file}};
    if (!c->database && !c->bucket) {
        diag_error(d, c->common.place,
                   "where to write is missing: database = \"...\" (InfluxDB 1.x, VictoriaMetrics), or org "
                   "and bucket");
        return;
    }
    for (size_t i = 0; c->bucket && i < sizeof v1 / sizeof v1[0]; i++)
        if (v1[i][1])
            diag_error(d, c->common.place, "%s belongs to InfluxDB 1.x, bucket to 2.x: give one kind only",
                       v1[i][0]);
    if (!c->bucket && (c->org || c->token_file))
        diag_error(d, c->common.place, "%s belongs to InfluxDB 2.x, database to 1.x: give one kind only",
                   c->org ? "org" : "token_file");
    if (!c->user != !c->password_file)
        diag_error(d, c->common.place, "user and password_file belong together: %s is missing",
                   c->user ? "password_file" : "user");
}

static void check_files(const struct influx_config *c, struct diagnostics *d)
{
    const char *const files[][2] = {
        {"ca_file", c->ca_file}, {"certificate_file", c->certificate_file}, {"key_file", c->key_file}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i][1] && access(files[i][1], R_OK) < 0)
            diag_warning(d, c->common.place, "%s \"%s\" cannot be read from here", files[i][0], files[i][1]);
    if (!c->certificate_file != !c->key_file)
        diag_error(d, c->common.place, "certificate_file and key_file belong together: %s is missing",
                   c->key_file ? "certificate_file" : "key_file");
}

void influx_check(const void *settings, int64_t spill_after_ns, struct diagnostics *d)
{
    const struct influx_config *c = settings;
    if (!c->url)
        diag_error(d, c->common.place, "url is missing: url = \"http://127.0.0.1:8086\"");
    else
        check_url(c, d);
    check_interface(c, d);
    check_files(c, d);
    if (c->batch_age_ns >= spill_after_ns)
        diag_error(
            d, c->common.place,
            "batch_age is %g s, but messages are written to disk after %g s (the outbox's spill time): every "
            "one of them would be. Set batch_age below it",
            (double)c->batch_age_ns / NS_PER_S, (double)spill_after_ns / NS_PER_S);
    thin_check(&c->thin, c->common.place, d);
}
