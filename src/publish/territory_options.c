// SPDX-License-Identifier: Apache-2.0
// Settings of the connection to the territory: the table, contradictions.
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "mqtt_options.h"
#include "symbiont/envelope.h"
#include "symbiont/exchange.h"
#include "symbiont/messages.h"

struct territory_settings {
    struct exchange_config exchange; // first
    struct mqtt_config link;
};

#define AT(member)   offsetof(struct territory_settings, exchange.member)
#define LINK(member) offsetof(struct territory_settings, link.member)

// clang-format off
static const struct option options[] = {
    {"server", OPTION_TEXT, LINK(server), .help = "The territory's broker: \"mqtts://territory.example:8883\"."},
    {"servers", OPTION_TEXTS, LINK(servers),
     .help = "In place of `server`: several, tried in turn when one does not answer."},
    {"pseudonym", OPTION_TEXT, AT(pseudonym), .required = true,
     .help = "The site's name in its territory, agreed with the coordinator, \"f-7q2\". It must not tell who the site is: "
             "1 to 32 of a-z 0-9 _ . -"},
    {"key_file", OPTION_TEXT, AT(key_file), .required = true,
     .help = "The site's own signing key, made by `symbiont keygen`. The coordinator gets its public half."},
    {"coordinator_key", OPTION_TEXT, AT(coordinator_key),
     .help = "The coordinator's public key, base64, handed over by a person. Only what it signed is believed; without it "
             "no match is taken, and nothing above level 2 should be told."},
    {"coordinator_next_key", OPTION_TEXT, AT(coordinator_next_key),
     .help = "A second one, while the coordinator changes its key."},
    {"zone", OPTION_TEXT, AT(zone),
     .help = "Where the site is, as coarse as others may know: the INSEE code of the commune, \"57221\". Default: the cell "
             "of 2.5 km that holds the site's latitude and longitude."},
    {"radius", OPTION_AMOUNT, AT(radius_m), .def = "3 km", .unit = "m", .min = 0, .max = 100000,
     .help = "How far the site may lie from the middle of that commune."},
    {"name", OPTION_TEXT, AT(name),
     .help = "The site's name as a neighbour gets it once both said yes, and only from level 4 on. Default: site.name."},
    {"contact", OPTION_TEXT, AT(contact), .help = "Whom that neighbour may call, \"J. Weber, +33 3 82 00 00 00\"."},
    {"directory", OPTION_TEXT, AT(directory),
     .help = "Where the disclosure log and the state of offers are kept. Default: `exchange` in storage.directory."},
    {"client_id", OPTION_TEXT, LINK(client_id),
     .help = "How the gateway names itself to the broker; default symbiont-<pseudonym>."},
    {"user", OPTION_TEXT, LINK(user), .help = "User name for the broker; by its access list often the pseudonym."},
    {"password_file", OPTION_TEXT, LINK(password_file),
     .help = "File that holds the user's password on one line, owned by root or the daemon's user, mode 0600."},
    {"ca_file", OPTION_TEXT, LINK(ca_file),
     .help = "PEM file of the authorities that may have signed the broker's certificate; default: the system's."},
    {"certificate_file", OPTION_TEXT, LINK(certificate_file), .help = "The gateway's own certificate for TLS (PEM)."},
    {"certificate_key_file", OPTION_TEXT, LINK(key_file), .help = "The private key of certificate_file (PEM)."},
    {"version", OPTION_CHOICE, LINK(version), .def = "auto", .choices = mqtt_versions, .help = "MQTT version, as of mqtt."},
    {"keep_alive", OPTION_DURATION, LINK(keep_alive_ns), .def = "30 s", .min = 5, .max = 3600,
     .help = "How often a silent connection is tested."},
    {"connect_timeout", OPTION_DURATION, LINK(connect_timeout_ns), .def = "10 s", .min = 1, .max = 120,
     .help = "How long a broker may take to accept a connection."},
    {"retry_max", OPTION_DURATION, LINK(retry_max_ns), .def = "60 s", .min = 1, .max = 3600,
     .help = "Longest pause between two attempts to connect; pauses grow from 1 s."},
    {0},
};
// clang-format on

const struct section exchange_section = {
    "exchange", sizeof(struct territory_settings), options,
    "The territory: offers and needs out, matches in. Without this group nothing leaves the site."};

const struct mqtt_config *exchange_link(const struct exchange_config *c)
{
    return &((const struct territory_settings *)(const void *)c)->link;
}

char *exchange_directory(const struct exchange_config *c, const char *storage, char *out, size_t size)
{
    if (c->directory)
        snprintf(out, size, "%s", c->directory);
    else
        snprintf(out, size, "%s/exchange", storage);
    return out;
}

static void check_keys(const struct exchange_config *c, struct diagnostics *d)
{
    const char *const keys[][2] = {{"coordinator_key", c->coordinator_key},
                                   {"coordinator_next_key", c->coordinator_next_key}};
    unsigned char bytes[KEY_PUBLIC];
    for (size_t i = 0; i < 2; i++)
        if (keys[i][1] && !public_key_parse(keys[i][1], bytes))
            diag_error(d, c->common.place,
                       "%s \"%.60s\" is no public key: wanted 32 bytes in base64, as `symbiont-coordinator` "
                       "and `symbiont keygen` print them",
                       keys[i][0], keys[i][1]);
    if (c->key_file && access(c->key_file, R_OK) < 0)
        diag_warning(d, c->common.place,
                     "key_file \"%s\" cannot be read from here; `symbiont keygen %s` makes one", c->key_file,
                     c->key_file);
}

void exchange_check(const struct exchange_config *c, struct diagnostics *d)
{
    struct mqtt_config link = *exchange_link(c);
    link.common.place = c->common.place;
    if (c->pseudonym && !exchange_is_pseudonym(c->pseudonym))
        diag_error(d, c->common.place,
                   "pseudonym \"%s\": wanted 1 to 32 of a-z 0-9 _ . -, a letter or digit first",
                   c->pseudonym);
    if (c->zone && !exchange_is_pseudonym(c->zone))
        diag_error(d, c->common.place, "zone \"%s\": wanted the code of a commune, \"57221\"", c->zone);
    if (c->name && strlen(c->name) >= MESSAGE_NAME)
        diag_error(d, c->common.place, "name has more than %d bytes", MESSAGE_NAME - 1);
    if (c->contact && strlen(c->contact) >= MESSAGE_CONTACT)
        diag_error(d, c->common.place, "contact has more than %d bytes", MESSAGE_CONTACT - 1);
    check_keys(c, d);
    if (!link.certificate_file != !link.key_file)
        diag_error(d, c->common.place,
                   "certificate_file and certificate_key_file belong together: %s is missing",
                   link.key_file ? "certificate_file" : "certificate_key_file");
    else
        mqtt_check_connection(&link, d);
}
