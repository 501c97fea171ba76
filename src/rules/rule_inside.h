/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a rule. Private to this folder. */
#ifndef SYMBIONT_RULES_INSIDE_H
#define SYMBIONT_RULES_INSIDE_H

#include "symbiont/rule.h"

/* ---- Times of the week ---- */

/* "mon-fri 06:00-22:00" */
struct rule_span {
    uint8_t days;      /* bit 0: Monday */
    uint8_t holidays;  /* enum holiday_use */
    uint16_t from, to; /* minutes of the day; to <= from: over midnight */
};

enum holiday_use { HOLIDAYS_TOO, NOT_ON_HOLIDAYS, ONLY_HOLIDAYS };
enum { RULE_SPANS_MAX = 16 };

struct rule_schedule {
    size_t n; /* 0: always */
    struct rule_span spans[RULE_SPANS_MAX];
};

/* Adds one text, which may hold several spans: "mon-fri 6-22, sat 8:30-12". */
bool rule_schedule_parse(struct rule_schedule *s, const char *text, char *why, size_t why_size);
bool rule_schedule_has(const struct rule_schedule *s, const struct expression_calendar *c, struct utc t);
/* When to look again; INT64_MAX ms: never. */
struct utc rule_schedule_next(const struct rule_schedule *s, struct utc t);

/* ---- Texts with values in them ---- */

enum { RULE_TEXT_MAX = 500, RULE_VALUES_MAX = 12 };

/* "{compressor.active_power: kW .1}" and the words before it. */
struct rule_part {
    char *words;              /* NULL: none */
    struct expression *value; /* NULL: the last part's words only */
    struct expression_state *state;
    const struct unit *unit; /* shown in; NULL: true or false */
    int decimals;            /* -1: as many as make three digits */
};

struct rule_text {
    size_t n;
    struct rule_part parts[RULE_VALUES_MAX + 1];
};

bool rule_text_compile(struct rule_text *out, const char *text, const struct expression_names *names,
                       const struct expression_calendar *calendar, char *why, size_t why_size);
void rule_text_free(struct rule_text *t);
void rule_text_write(struct rule_text *t, struct utc now, char *out, size_t size);
/* "2 h 10 min" */
void rule_text_duration(int64_t ms, char *out, size_t size);

/* ---- The rule ---- */

/* What survives a restart. Times in ms UTC, 0: not. */
struct rule_memory {
    int64_t state;   /* enum rule_state */
    int64_t now;     /* the latest time seen */
    int64_t proof;   /* until when `run` is counted */
    int64_t changed; /* when it came into this state */
    int64_t run;     /* ms for which the condition (or the release) is known to have held */
    int64_t since;   /* where that began */
    int64_t unknown_since;
    int64_t began;      /* of the standing alert, or the last one */
    int64_t held_since; /* the condition of that alert held since */
    int64_t told;       /* when that alert was last told; 0: it is kept back */
    int64_t begin_told; /* when a beginning was last told, of any alert: for at_most_every */
    int64_t last_ended;
    int64_t alerts, suppressed, kept_back; /* kept_back: since the last one told */
    int64_t active_ms;
};

enum { RULE_WHEN, RULE_RELEASE, RULE_CONDITIONS };

/* One name in one of the expressions. */
struct rule_link {
    uint16_t input;
    uint16_t slot;
    struct expression_state *state;
};

struct rule {
    /* What every evaluation touches comes first. */
    struct expression_state *states[RULE_CONDITIONS]; /* of release NULL: when not `when` */
    struct rule_link *links;                          /* sorted by input */
    uint32_t *first_link;                             /* per input, and one more */
    int64_t for_ms, release_for_ms;
    int64_t
        gap_ms; /* a run goes on over no longer gap; also how long unknown may last before it is an alert */
    uint64_t timed;  /* bit i: conditions[i] goes on by itself (expression_timed) */
    bool fed;        /* since the last settle */
    bool started;    /* it was evaluated since it was made or restored */
    bool unsure;     /* restored from a process that did not end in order */
    bool old_stands; /* an alert of a definition that is no longer this one: it ends */
    enum unknown_policy unknown;
    enum truth condition;
    int64_t evaluated, next; /* ms */
    uint64_t evaluations;
    size_t spans; /* of the schedule; 0: always */
    struct rule_memory m;

    const struct rule_config *config;
    struct expression_calendar calendar;
    struct rule_hooks hooks;
    uint64_t definition; /* of everything that decides when it raises an alert */
    struct expression *programs[RULE_CONDITIONS];
    size_t inputs;
    const struct expression_source **sources; /* per input */
    const char **names;
    struct rule_schedule schedule;
    struct rule_text text;
};

/* rule_compile.c: everything of a rule but its life. */
bool rule_compile(struct rule *r, const struct expression_names *names, struct diagnostics *d);

/* rule_alert.c */
void rule_begin(struct rule *r, int64_t t, enum alert_cause cause);
void rule_end(struct rule *r, int64_t t, enum alert_cause cause);
/* Tells what is due: a beginning that was kept back, a reminder. */
void rule_remind(struct rule *r, int64_t t);
/* What an earlier process or definition left to be said, at the first evaluation. */
void rule_catch_up_words(struct rule *r, int64_t t);
/* When rule_remind has something to say; INT64_MAX: never. */
int64_t rule_reminder(const struct rule *r);

static inline bool rule_stands(int64_t s)
{
    return s == RULE_ACTIVE || s == RULE_RELEASING;
}

#endif
