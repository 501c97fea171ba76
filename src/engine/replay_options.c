// SPDX-License-Identifier: Apache-2.0
// The description of a recording as tables.
#include <string.h>
#include "symbiont/replay.h"

static const struct choice midnights[] = {
    {"day_it_begins", MIDNIGHT_BEGINS}, {"day_it_ends", MIDNIGHT_ENDS}, {0}};
static const struct choice stamps[] = {{"end", STAMP_END}, {"begin", STAMP_BEGIN}, {0}};
static const struct choice duplicates[] = {{"keep", DUPLICATES_KEEP}, {"drop", DUPLICATES_DROP}, {0}};
static const struct choice same_times[] = {{"keep", SAME_TIME_KEEP}, {"spread", SAME_TIME_SPREAD}, {0}};
static const struct choice kinds[] = {{"value", KIND_VALUE}, {"amount", KIND_AMOUNT}, {0}};

#define AT(field) offsetof(struct recording_time_config, field)

static const struct option time_options[] = {
    {"column", OPTION_TEXT, AT(column), .def = "time",
     .help = "Heading of the column of times, or its number from 1."},
    {"format", OPTION_TEXT, AT(format), .def = "iso",
     .help = "iso: 2018-01-31 12:15, with or without T, seconds, Z or +01:00; epoch: seconds since 1970; "
             "epoch ms; or a "
             "pattern of yyyy mm dd HH MM SS and the characters between them: dd/mm/yyyy HH:MM. mm is the "
             "month, MM the "
             "minute, tt AM or PM."},
    {"zone", OPTION_TEXT, AT(zone),
     .help = "Time zone of times that do not say theirs: Asia/Seoul, UTC; default: the site's. Of an hour "
             "that is there "
             "twice when summer ends, the rows after the first are taken for the second."},
    {"midnight", OPTION_CHOICE, AT(midnight), .def = "day_it_begins", .choices = midnights,
     .help =
         "day_it_ends: 00:00 carries the date of the day that it ends, so it is a day later than it says."},
    {"stamp", OPTION_CHOICE, AT(stamp), .def = "end", .choices = stamps,
     .help = "begin: a row is stamped with the beginning of the time that it stands for, and counts `step` "
             "later."},
    {0},
};
static const struct section time_section = {"time", sizeof(struct recording_time_config), time_options,
                                            "Where the times are and how they are written."};
#undef AT

#define AT(field) offsetof(struct recording_column_config, field)

static const struct option column_options[] = {
    {"column", OPTION_TEXT, AT(column), .required = true, .help = "Its heading, or its number from 1."},
    {"point", OPTION_TEXT, AT(point), .required = true, .help = "The point that it is: meter.point."},
    {"unit", OPTION_TEXT, AT(unit), .help = "The unit of its numbers; default: the point's."},
    {"scale", OPTION_NUMBER, AT(scale), .def = "1", .help = "They are multiplied by this..."},
    {"offset", OPTION_NUMBER, AT(offset), .def = "0",
     .help = "...and this is added, before the unit is converted."},
    {"kind", OPTION_CHOICE, AT(kind), .def = "value", .choices = kinds,
     .help = "amount: what came in the time of one row, such as kWh in a quarter of an hour; it becomes the "
             "mean (kW)."},
    {"where", OPTION_TEXT, AT(where),
     .help = "\"load_type=PAPER\": only rows whose column load_type says PAPER."},
    {0},
};
static const struct section column_section = {"columns", sizeof(struct recording_column_config),
                                              column_options, "Which column is which point."};
#undef AT

#define AT(field) offsetof(struct recording_config, field)

static const struct option options[] = {
    {"time", OPTION_GROUP, AT(time), .section = &time_section,
     .help = "Where the times are and how they are written."},
    {"step", OPTION_DURATION, AT(step_ns), .def = "0 s", .max = 31622400,
     .help =
         "From one row to the next. It stands for the meters' `every`: a value is known for three steps."},
    {"separator", OPTION_TEXT, AT(separator),
     .help = "Between two cells; default: the first of ; tab and , that is in the headings."},
    {"headings", OPTION_BOOL, AT(headings), .def = "true",
     .help = "The first line has the columns' headings."},
    {"decimal_comma", OPTION_BOOL, AT(decimal_comma), .def = "false", .help = "Numbers are written 1,5."},
    {"missing", OPTION_TEXTS, AT(missing),
     .help = "What stands for a value that is not known: \"?\", \"NA\". An empty cell says nothing, unless "
             "\"\" is among "
             "them."},
    {"duplicates", OPTION_CHOICE, AT(duplicates), .def = "keep", .choices = duplicates,
     .help = "drop: a line that was there before, letter for letter, is left out."},
    {"sort", OPTION_BOOL, AT(sort), .def = "false",
     .help = "The rows are not in the order of time: read them all and sort them."},
    {"same_time", OPTION_CHOICE, AT(same_time), .def = "keep", .choices = same_times,
     .help = "spread: rows of one and the same time are events of their own, a millisecond apart; else the "
             "last one "
             "stands."},
    {"columns", OPTION_GROUPS, AT(columns), .section = &column_section,
     .help = "Which column is which point; default: each column whose heading is meter.point."},
    {0},
};

const struct section recording_section = {"replay", sizeof(struct recording_config), options,
                                          "How a file of recorded data is to be read."};

size_t recording_paces(const struct recording_config *c, struct site_pace *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; c->step_ns && i < c->columns.n && n < max; i++) {
        const char *point = ((const struct recording_column_config *)c->columns.items)[i].point;
        size_t length = point ? strcspn(point, ".") : 0, k = 0;
        if (length == 0 || length >= sizeof out->meter)
            continue;
        while (k < n && (strncmp(out[k].meter, point, length) != 0 || out[k].meter[length]))
            k++;
        if (k < n)
            continue;
        out[n] = (struct site_pace){.every_ns = c->step_ns};
        memcpy(out[n++].meter, point, length);
    }
    return n;
}
