// SPDX-License-Identifier: Apache-2.0
// Orders to a running plant, and what it reports: the words of the control socket.
#include "sim.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbiont/text.h"

#define WORDS_MAX 140 // a `registers` command carries up to 125 of them

struct order {
    struct simulator *sim;
    char *words[WORDS_MAX]; // the command itself first
    size_t n;
    const char *rest; // the command from its third word on
    struct buf *answer;
};

static bool failed(struct order *o, const char *what, const char *offender)
{
    buf_printf(o->answer, "error: %s \"%s\"", what, offender);
    return false;
}

static bool ok(struct order *o)
{
    buf_puts(o->answer, "ok");
    return true;
}

// A unit's own name, the name copies were made from, or "*".
static bool means(const struct sim_meter *m, const char *name)
{
    return strcmp(name, "*") == 0 || strcmp(name, m->name) == 0 ||
           strcmp(name, m->sim->templates[m->template_index]->name) == 0;
}

static bool add_fault(struct sim_meter *m, const struct sim_fault *f)
{
    struct sim_fault *faults = realloc(m->faults, (m->fault_count + 1) * sizeof *faults);
    if (!faults)
        return false;
    m->faults = faults;
    m->faults[m->fault_count++] = *f;
    return true;
}

static bool do_fault(struct order *o)
{
    struct sim_fault f;
    char why[200];
    size_t hit = 0;
    if (!sim_fault_parse(o->rest, &f, why, sizeof why)) {
        buf_printf(o->answer, "error: %s", why);
        return false;
    }
    for (struct sim_meter *m = o->sim->meters; m; m = m->next)
        if (means(m, o->words[1]) && add_fault(m, &f))
            hit++;
    return hit ? ok(o) : failed(o, "no meter", o->words[1]);
}

static bool do_clear(struct order *o)
{
    size_t hit = 0;
    for (struct sim_meter *m = o->sim->meters; m; m = m->next) {
        if (means(m, o->words[1])) {
            m->fault_count = 0;
            hit++;
        }
    }
    return hit ? ok(o) : failed(o, "no meter", o->words[1]);
}

static bool do_value(struct order *o)
{
    double value;
    size_t hit = 0, held = 0;
    if (!text_number(o->words[3], &value))
        return failed(o, "not a number:", o->words[3]);
    for (struct sim_meter *m = o->sim->meters; m; m = m->next) {
        if (means(m, o->words[1])) {
            hit++;
            held += sim_meter_hold(m, o->words[2], value);
        }
    }
    if (!hit)
        return failed(o, "no meter", o->words[1]);
    return held ? ok(o) : failed(o, "no such point, or a value its registers cannot hold:", o->words[2]);
}

static bool table_word(const char *word, int *table)
{
    static const char *const words[] = {"", "coil", "discrete", "holding", "input"};
    for (int i = TABLE_COIL; i <= TABLE_INPUT; i++) {
        if (strcmp(words[i], word) == 0) {
            *table = i;
            return true;
        }
    }
    return false;
}

static bool do_registers(struct order *o)
{
    uint16_t values[WORDS_MAX];
    int64_t address, value;
    int table;
    size_t n = o->n - 4, hit = 0;
    if (!table_word(o->words[2], &table))
        return failed(o, "a table is coil, discrete, holding or input, not", o->words[2]);
    if (!text_integer(o->words[3], 0, 65535, &address))
        return failed(o, "not an address:", o->words[3]);
    for (size_t i = 0; i < n; i++) {
        if (!text_integer(o->words[4 + i], 0, 65535, &value))
            return failed(o, "not a register value:", o->words[4 + i]);
        values[i] = (uint16_t)value;
    }
    for (struct sim_meter *m = o->sim->meters; m; m = m->next)
        if (means(m, o->words[1]) && sim_image_put(&m->image, table, (uint16_t)address, values, n) == 0)
            hit++;
    return hit ? ok(o) : failed(o, "no meter", o->words[1]);
}

static struct sim_line *find_line(struct order *o)
{
    for (size_t i = 0; i < o->sim->line_count; i++)
        if (strcmp(o->sim->lines[i]->name, o->words[1]) == 0)
            return o->sim->lines[i];
    failed(o, "no line", o->words[1]);
    return NULL;
}

static bool do_drop(struct order *o)
{
    struct sim_line *l = find_line(o);
    if (!l)
        return false;
    sim_line_drop(l, o->n > 2 && strcmp(o->words[2], "rst") == 0);
    return ok(o);
}

static bool do_stop(struct order *o)
{
    struct sim_line *l = find_line(o);
    if (!l)
        return false;
    sim_line_stop(l);
    return ok(o);
}

static bool do_start(struct order *o)
{
    char why[200];
    struct sim_line *l = find_line(o);
    if (!l)
        return false;
    if (sim_line_start(l, why, sizeof why) == 0)
        return ok(o);
    buf_printf(o->answer, "error: %s", why);
    return false;
}

static bool do_json(struct order *o, void (*members)(struct simulator *s, struct json *j))
{
    struct json j = json_begin(o->answer);
    json_open(&j, NULL, '{');
    members(o->sim, &j);
    json_close(&j, '}');
    return true;
}

static bool do_stats(struct order *o)
{
    return do_json(o, simulator_stats);
}

static bool do_ports(struct order *o)
{
    return do_json(o, simulator_ports);
}

static bool do_help(struct order *o);

static const struct {
    const char *word;
    bool (*run)(struct order *o);
    size_t words; // at least, with the command
    const char *usage;
} commands[] = {
    {"fault", do_fault, 3,
     "fault METER KIND [every=N] [probability=P] [code=N] [delay_ms=N] [from_s=N] [until_s=N] [times=N]"},
    {"clear", do_clear, 2, "clear METER"},
    {"value", do_value, 4, "value METER POINT NUMBER"},
    {"registers", do_registers, 5, "registers METER TABLE ADDRESS WORD..."},
    {"drop", do_drop, 2, "drop LINE [rst]"},
    {"stop", do_stop, 2, "stop LINE"},
    {"start", do_start, 2, "start LINE"},
    {"stats", do_stats, 1, "stats"},
    {"ports", do_ports, 1, "ports"},
    {"help", do_help, 1, "help"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static bool do_help(struct order *o)
{
    for (size_t i = 0; i < COMMANDS; i++)
        buf_printf(o->answer, "%s%s", i ? "; " : "", commands[i].usage);
    return true;
}

bool simulator_command(struct simulator *s, const char *command, struct buf *answer)
{
    struct order o = {.sim = s, .rest = "", .answer = answer};
    char *copy = strdup(command), *at = NULL;
    bool good = false;
    if (!copy)
        return failed(&o, "out of memory at", command);
    for (char *word = strtok_r(copy, " \t\r\n", &at); word && o.n < WORDS_MAX;
         word = strtok_r(NULL, " \t\r\n", &at)) {
        if (o.n == 2)
            o.rest = command + (word - copy);
        o.words[o.n++] = word;
    }
    size_t i = 0;
    while (i < COMMANDS && !(o.n && strcmp(commands[i].word, o.words[0]) == 0))
        i++;
    if (i == COMMANDS)
        failed(&o, "no such command (help lists them):", o.n ? o.words[0] : "");
    else if (o.n < commands[i].words)
        failed(&o, "too few words, it is", commands[i].usage);
    else
        good = commands[i].run(&o);
    free(copy);
    return good;
}
