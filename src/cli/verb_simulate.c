// SPDX-License-Identifier: Apache-2.0
// symbiont simulate: a plant of Modbus meters out of a file.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "cli/verb.h"
#include "symbiont/files.h"
#include "symbiont/simulator.h"

struct run {
    struct command *c;
    struct loop *loop;
    struct simulator *sim;
    struct watch signals;
    struct timer end;
    FILE *witness;
    bool strict;
};

static struct run *run_of(void *member, size_t offset)
{
    return (struct run *)(void *)((char *)member - offset);
}

static void told_to_stop(struct watch *w, uint32_t events)
{
    struct signalfd_siginfo info;
    (void)events;
    if (read(w->fd, &info, sizeof info) == sizeof info)
        loop_stop(run_of(w, offsetof(struct run, signals))->loop);
}

static void time_is_up(struct timer *t, struct mono now)
{
    (void)now;
    loop_stop(run_of(t, offsetof(struct run, end))->loop);
}

// Ends by SIGINT, SIGTERM, or after --for.
static int watch_signals(struct run *r)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    r->signals = (struct watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = told_to_stop};
    return r->signals.fd < 0 ? -1 : loop_watch(r->loop, &r->signals, EPOLLIN);
}

static bool write_ports(struct run *r, const char *path)
{
    struct buf text = {0};
    struct json j = json_begin(&text);
    json_open(&j, NULL, '{');
    simulator_ports(r->sim, &j);
    json_close(&j, '}');
    buf_putc(&text, '\n');
    bool good = !text.failed;
    if (!command_flag(r->c, "json"))
        simulator_describe(r->sim, r->c->out);
    else if (good)
        fwrite(text.data, 1, text.len, r->c->out);
    fflush(r->c->out);
    if (good && path)
        good = file_replace(path, text.data, text.len, 0644) == 0;
    buf_free(&text);
    return good;
}

static int report(struct run *r)
{
    struct buf text = {0};
    uint64_t forbidden = simulator_forbidden(r->sim);
    if (command_flag(r->c, "json")) {
        struct json j = json_begin(&text);
        json_open(&j, NULL, '{');
        simulator_stats(r->sim, &j);
        json_close(&j, '}');
    } else {
        buf_printf(&text, "%llu answers; %llu requests other than reads",
                   (unsigned long long)simulator_answers(r->sim), (unsigned long long)forbidden);
    }
    fprintf(r->c->out, "%s\n", buf_text(&text));
    buf_free(&text);
    return r->strict && forbidden ? EX_WRONG : EX_OK;
}

static int serve(struct run *r, const struct plant_config *plant)
{
    char why[300];
    int64_t limit = 0;
    const char *control = command_value(r->c, "control"), *ports = command_value(r->c, "ports-file"),
               *witness = command_value(r->c, "witness");
    if (!command_duration(r->c, "for", 0.001, 1e8, &limit))
        return EX_USAGE;
    if (!control)
        control = plant->control;
    if (!ports)
        ports = plant->ports_file;
    if (ports)
        unlink(ports); // who waits for it must not find that of an earlier run
    if (simulator_start(r->sim, why, sizeof why) < 0 ||
        (control && simulator_control(r->sim, control, why, sizeof why) < 0))
        return command_fail(r->c, EX_UNAVAILABLE, "%s", why);
    if (!write_ports(r, ports))
        return command_fail(r->c, EX_UNAVAILABLE, "cannot write %s: %s", ports ? ports : "the ports",
                            strerror(errno));
    if (witness && !(r->witness = fopen(witness, "we")))
        return command_fail(r->c, EX_UNAVAILABLE, "cannot write %s: %s", witness, strerror(errno));
    if (r->witness)
        setvbuf(r->witness, NULL, _IOLBF, 0); // who reads it does so while the plant runs
    simulator_witness(r->sim, r->witness);
    r->end.fire = time_is_up;
    if (limit)
        loop_timer(r->loop, &r->end, mono_add(mono_now(), limit));
    if (watch_signals(r) < 0 || loop_run(r->loop) < 0)
        return command_fail(r->c, EX_UNAVAILABLE, "%s", strerror(errno));
    return report(r);
}

static int build_and_serve(struct run *r, struct config *plant, struct diagnostics *d)
{
    struct profile_path path = profile_path_default();
    const char *directory = command_value(r->c, "profiles");
    struct plant_config *settings = config_root(plant);
    if (!command_number(r->c, "time-scale", 1e-6, 1e6, &settings->time_scale))
        return EX_USAGE;
    if (directory)
        path = (struct profile_path){.directories = {directory}};
    r->strict = command_flag(r->c, "strict") || settings->strict;
    r->sim = simulator_of_plant(plant, &path, r->loop, d);
    diag_print(d, r->c->err);
    int status = r->sim ? serve(r, settings) : EX_CONFIG;
    simulator_free(r->sim);
    if (r->witness)
        fclose(r->witness);
    if (r->signals.active) {
        loop_unwatch(r->loop, &r->signals);
        close(r->signals.fd);
    }
    return status;
}

static int run(struct command *c)
{
    struct run r = {.c = c, .loop = loop_new(), .signals.fd = -1};
    struct diagnostics *d = diagnostics_new();
    int status = EX_UNAVAILABLE;
    if (!r.loop || !d) {
        command_fail(c, status, "%s", strerror(errno));
    } else {
        struct config *plant = config_read_path(c->words[0], false, &plant_section, d);
        if (plant && diag_errors(d) == 0) {
            status = build_and_serve(&r, plant, d);
        } else {
            diag_print(d, c->err);
            status = EX_CONFIG;
        }
        config_free(plant);
    }
    diagnostics_free(d);
    loop_free(r.loop);
    return status;
}

static const struct verb_option options[] = {
    {"strict", 0, NULL, "end with status 1 when a client sent anything but reads", false, NULL},
    {"control", 0, "FILE", "Unix socket for commands while it runs", false, NULL},
    {"ports-file", 0, "FILE", "write where lines are reached, as JSON, once they are", false, NULL},
    {"witness", 0, "FILE", "write a line for every read of an encoding meter's point", false, NULL},
    {"profiles", 0, "DIR", "where profiles are, instead of the installed ones", false, NULL},
    {"time-scale", 0, "N", "simulated seconds per second, instead of the file's", false, NULL},
    {"for", 0, "DURATION", "end after this time (default: when interrupted)", false, NULL},
    VERB_JSON,
    {0},
};

const struct verb verb_simulate = {
    "simulate",
    "run a plant of simulated Modbus meters",
    "FILE",
    1,
    1,
    "Serves the lines of a plant file (see conf/demo/plant.conf) on TCP ports and pseudo terminals until it\n"
    "is interrupted. Function codes 1 to 4 are answered; any other is answered with exception 1 and "
    "counted:\n"
    "with --strict the run proves that its clients only read.\n"
    "\n"
    "The control socket takes a command a line (`help` lists them): faults come and go, values are set,\n"
    "lines stop and start, `stats` tells what was asked of which meter.",
    options,
    run,
};
