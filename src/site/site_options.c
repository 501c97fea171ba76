// SPDX-License-Identifier: Apache-2.0
// The root of symbiont.conf as a table.
#include <pthread.h>
#include <string.h>
#include "site/site_options.h"
#include "symbiont/log.h"

#define SITE(field)    offsetof(struct site_group, field)
#define STORAGE(field) offsetof(struct storage_group, field)
#define ROOT(field)    offsetof(struct site_root, field)

static const struct option site_options[] = {
    {"id", OPTION_ID, SITE(id), .required = true, .help = "The site's name in topics and tags."},
    {"name", OPTION_TEXT, SITE(name), .help = "Its name for people."},
    {"territory", OPTION_ID, SITE(territory), .help = "The territory it exchanges with."},
    {"nace", OPTION_TEXT, SITE(nace), .help = "Its NACE sector: \"24.10\"."},
    {"latitude", OPTION_NUMBER, SITE(latitude), .min = -90, .max = 90, .help = "Degrees north."},
    {"longitude", OPTION_NUMBER, SITE(longitude), .min = -180, .max = 180, .help = "Degrees east."},
    {"timezone", OPTION_TEXT, SITE(timezone), .def = "Europe/Paris",
     .help = "The time zone of schedules and reports, as in /usr/share/zoneinfo."},
    {"holidays", OPTION_TEXTS, SITE(holidays), .help = "Days off, \"2026-12-25\"."},
    {0},
};

const struct section site_group_section = {"site", sizeof(struct site_group), site_options,
                                           "Who this gateway is."};

static const struct choice durabilities[] = {{"spill", DURABILITY_SPILL}, {"always", DURABILITY_ALWAYS}, {0}};

static const struct option storage_options[] = {
    {"directory", OPTION_TEXT, STORAGE(directory), .def = "/var/lib/symbiont",
     .help = "Where the outbox and the ledger are kept."},
    {"durability", OPTION_CHOICE, STORAGE(durability), .def = "spill", .choices = durabilities,
     .help = "spill: readings go to disk only when a publisher has not acknowledged them after spill_after; "
             "a power "
             "cut loses at most that time. always: every reading is on disk before it is sent."},
    {"spill_after", OPTION_DURATION, STORAGE(spill_after_ns), .def = "1 s", .min = 0.1, .max = 3600,
     .help = "See durability."},
    {"disk_max", OPTION_SIZE, STORAGE(disk_max), .def = "1 GiB", .min = 1048576, .max = 1e13,
     .help = "The outbox file never grows beyond this: the oldest readings go, counted, with a gap record."},
    {"memory_max", OPTION_SIZE, STORAGE(memory_max), .def = "32 MiB", .min = 1048576, .max = 1e11,
     .help = "Bound of the readings that wait in memory."},
    {"endurance", OPTION_SIZE, STORAGE(endurance), .min = 1000000, .max = 1e17,
     .help = "What the flash may be given to write in its life, from its data sheet: 8 GB that stand 3,000 "
             "writes are \"24 TB\". With it status tells how many years that is, and fewer than three are "
             "warned of. Default: not known."},
    {0},
};

static const struct section storage_section = {"storage", sizeof(struct storage_group), storage_options,
                                               "What is kept when a server is away, and how much."};

static const struct option control_options[] = {
    {"socket", OPTION_TEXT, offsetof(struct control_group, socket), .def = "/run/symbiont/control.sock",
     .help = "The Unix socket that `symbiont status` and `symbiont watch` ask."},
    {0},
};

static const struct section control_section = {"control", sizeof(struct control_group), control_options,
                                               "How the command-line tool reaches the daemon."};

static const struct choice log_levels[] = {{"error", LOG_LEVEL_ERROR},
                                           {"warning", LOG_LEVEL_WARNING},
                                           {"info", LOG_LEVEL_INFO},
                                           {"debug", LOG_LEVEL_DEBUG},
                                           {0}};

static const struct option root_options[] = {
    {"site", OPTION_GROUP, ROOT(site), .section = &site_group_section, .required = true,
     .help = "Who this is."},
    {"lines", OPTION_GROUPS, ROOT(lines), .section = &line_section, .help = "The wires: one group per line."},
    {"meters", OPTION_GROUPS, ROOT(meters), .section = &meter_section, .help = "One group per meter."},
    {"polling", OPTION_GROUP, ROOT(polling), .section = &polling_section, .help = "Health of units."},
    {"storage", OPTION_GROUP, ROOT(storage), .section = &storage_section, .help = "Outbox and ledger."},
    {"control", OPTION_GROUP, ROOT(control), .section = &control_section, .help = "The control socket."},
    {"streams", OPTION_GROUPS, ROOT(streams), .section = &stream_section,
     .help = "Flows of energy, water and matter, and what is to spare of them."},
    {"needs", OPTION_GROUPS, ROOT(needs), .section = &needs_section, .help = "What the site could use."},
    {"rules", OPTION_GROUPS, ROOT(rules), .section = &rule_section,
     .help = "Conditions to watch and the alerts they raise."},
    {"log", OPTION_CHOICE, ROOT(log_level), .def = "info", .choices = log_levels,
     .help = "Least level logged."},
};

#define FIXED_ROWS (sizeof root_options / sizeof root_options[0])

// The groups of the exchange and of the publishers follow the root struct, each with the table its file
// brings.
static struct option all_options[FIXED_ROWS + 1 + SITE_PUBLISHERS_MAX + 1];
static struct section root_section = {"symbiont.conf", 0, all_options,
                                      "The configuration of a site's gateway."};
static pthread_once_t built = PTHREAD_ONCE_INIT;

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static void add_group(const struct section *s, size_t *row, size_t *at)
{
    all_options[(*row)++] = (struct option){s->name, OPTION_GROUP, *at, .section = s, .help = s->help};
    *at += aligned(s->size);
}

static void build(void)
{
    memcpy(all_options, root_options, sizeof root_options);
    size_t at = aligned(sizeof(struct site_root)), row = FIXED_ROWS;
    add_group(&exchange_section, &row, &at);
    for (size_t i = 0; i < SITE_PUBLISHERS_MAX && publishers[i]; i++)
        add_group(publishers[i]->section, &row, &at);
    root_section.size = at;
}

const struct section *site_section(void)
{
    pthread_once(&built, build);
    return &root_section;
}

const void *site_publisher(const struct site *s, size_t i)
{
    return (const char *)s->root + site_section()->options[FIXED_ROWS + 1 + i].offset;
}

const struct exchange_config *site_exchange(const struct site *s)
{
    return (const void *)((const char *)s->root + site_section()->options[FIXED_ROWS].offset);
}
