// SPDX-License-Identifier: Apache-2.0
// The settings of a rule as a table, and the words of its states and alerts.
#include "rules/rule_inside.h"

#define AT(field) offsetof(struct rule_config, field)

static const struct choice severities[] = {
    {"info", SEVERITY_INFO}, {"warning", SEVERITY_WARNING}, {"critical", SEVERITY_CRITICAL}, {0}};

static const struct choice policies[] = {
    {"hold", UNKNOWN_HOLD}, {"release", UNKNOWN_RELEASE}, {"alert", UNKNOWN_ALERT}, {0}};

static const struct option options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "The rule's name in alerts and in `status`."},
    {"when", OPTION_TEXT, AT(when), .required = true,
     .help =
         "The condition, over meter.point and streams: \"avg(compressor.active_power, 15 min) < 20 kW\"."},
    {"for", OPTION_DURATION, AT(for_ns), .def = "0 s", .max = 31622400,
     .help = "It must hold for this long, as far as readings show, before the alert begins."},
    {"release", OPTION_TEXT, AT(release),
     .help = "The condition that ends the alert; default: that `when` does not hold. Another limit here "
             "keeps a value "
             "that hovers about the first from raising one alert after another."},
    {"release_for", OPTION_DURATION, AT(release_for_ns), .def = "0 s", .max = 31622400,
     .help = "The release must hold for this long."},
    {"schedule", OPTION_TEXTS, AT(schedule),
     .help =
         "Times of the week in which it watches, in the site's time zone: \"mon-fri 06:00-22:00\", \"sat "
         "8-12\", "
         "\"workdays\", \"holidays\", \"22:00-06:00\"; default: always. At their end a standing alert ends."},
    {"severity", OPTION_CHOICE, AT(severity), .def = "warning", .choices = severities,
     .help = "How bad it is."},
    {"alert", OPTION_TEXT, AT(alert),
     .help = "The text for people. Values stand in braces: \"{compressor.active_power} at {boiler.pressure: "
             "bar .1}\"; "
             "default: the condition."},
    {"unknown", OPTION_CHOICE, AT(unknown), .def = "hold", .choices = policies,
     .help = "What to do while the condition is not known because a meter does not answer. hold: nothing "
             "begins and "
             "nothing ends; release: as if it did not hold; alert: as if it held, once it has been unknown "
             "for three "
             "periods."},
    {"repeat", OPTION_DURATION, AT(repeat_ns), .def = "0 s", .max = 31622400,
     .help = "Remind of a standing alert this often; 0 s: never."},
    {"at_most_every", OPTION_DURATION, AT(at_most_every_ns), .def = "0 s", .max = 31622400,
     .help = "At least this long from the beginning of one alert to that of the next: those between are "
             "counted, and "
             "told when they still stand after it."},
    {0},
};

const struct section rule_section = {"rules", sizeof(struct rule_config), options,
                                     "One group per rule: a condition to watch and the alert it raises."};

static const char *word_of(const struct choice *c, int value)
{
    while (c->word && c->value != value)
        c++;
    return c->word ? c->word : "";
}

const char *severity_word(enum severity s)
{
    return word_of(severities, (int)s);
}

const char *alert_word(enum alert_kind k)
{
    static const char *const words[] = {"began", "stands", "ended"};
    return words[k];
}

const char *alert_cause_word(enum alert_cause c)
{
    static const char *const words[] = {"condition", "unknown", "schedule", "changed"};
    return words[c];
}

static const struct {
    const char *word, *meaning;
} states[RULE_STATES] = {
    [RULE_ASLEEP] = {"asleep", "outside its schedule"},
    [RULE_IDLE] = {"idle", "the condition does not hold"},
    [RULE_PENDING] = {"pending", "the condition holds, but not yet for long enough"},
    [RULE_ACTIVE] = {"active", "the alert stands"},
    [RULE_RELEASING] = {"releasing", "the alert stands; its release holds, but not yet for long enough"},
};

const char *rule_state_word(enum rule_state s)
{
    return states[s].word;
}

const char *rule_state_meaning(enum rule_state s)
{
    return states[s].meaning;
}
