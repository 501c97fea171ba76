// SPDX-License-Identifier: Apache-2.0
// Evaluations per second of 1,000 rules with windows over 10,000 points: the engine, the same rules as plain
// C compiled with the same optimisation, and as Lua 5.4, one after the other on the same values in one
// process, CPU time of one core. Then memory per window, and the speed of replay with ten rules.
//
//     bench_rules [SECONDS of measured time per row, default 3]
//
// 100 meters of 100 points are read once a second; rule i watches point i % 100 of meter i / 10, and every
// fourth one another point besides. What C and Lua count must agree with the engine, or the comparison means
// nothing.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "symbiont/replay.h"

enum {
    METERS = 100,
    POINTS = 100,
    RULES = 1000,
    PER_METER = RULES / METERS,
    STEPS = 61,
    WINDOW = 900,
    KINDS = 4
};

#define START INT64_C(1767571200000)

static double values[STEPS][METERS][POINTS]; // the step of second s is s % STEPS

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_values(void)
{
    uint64_t state = 1;
    for (int s = 0; s < STEPS; s++)
        for (int m = 0; m < METERS; m++)
            for (int p = 0; p < POINTS; p++) {
                state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                // Whole numbers: sums are then the same in any order.
                values[s][m][p] = (double)(state >> 40) / (1 << 24) * 40 + 30 + 20 * ((s / 7 + p) % 3);
                values[s][m][p] = floor(values[s][m][p]);
            }
}

static int point_of(int rule)
{
    return (rule * 7) % POINTS;
}

static int meter_of(int rule)
{
    return rule / PER_METER;
}

// ---- The engine ----

static void write_site(const char *path)
{
    static const char *const when[KINDS] = {
        "avg(m%d.p%d, 15 min) > 69.5 kW",
        "max(m%d.p%d, 15 min) > 108 kW and m%d.p%d < 60 kW",
        "integral(m%d.p%d, 15 min) > 17.35 kWh or m%d.p%d > 105 kW",
        "stddev(m%d.p%d, 15 min) > 20 kW and m%d.p%d > 50 kW",
    };
    FILE *f = fopen(path, "w");
    if (!f)
        exit(1);
    fprintf(
        f,
        "site: { id = \"bench\"; timezone = \"UTC\"; };\nlines: ( { name = \"w\"; tcp = \"127.0.0.1\"; } );\n"
        "meters: (\n");
    for (int m = 0; m < METERS; m++)
        fprintf(f,
                "{ name = \"m%d\"; line = \"w\"; unit_id = %d; every = \"1 s\"; profile = \"bench\"; }%s\n",
                m, m + 1, m + 1 < METERS ? "," : "");
    fprintf(f, ");\nrules: (\n");
    for (int r = 0; r < RULES; r++) {
        int m = meter_of(r), p = point_of(r), q = (p + 1) % POINTS;
        char text[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, when[r % KINDS], m, p, m, q);
#pragma GCC diagnostic pop
        fprintf(f, "{ name = \"r%d\"; when = \"%s\"; for = \"3 s\"; }%s\n", r, text,
                r + 1 < RULES ? "," : "");
    }
    fprintf(f, ");\n");
    fclose(f);
}

// The 100 points, once for all meters.
static void write_profile(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        exit(1);
    fprintf(f, "vendor = \"bench\"; model = \"bench\"; medium = \"electricity\"; confidence = "
               "\"high\";\npoints: (\n");
    for (int p = 0; p < POINTS; p++)
        fprintf(f,
                "{ name = \"p%d\"; quantity = \"active_power\"; table = \"holding\"; address = %d; type = "
                "\"float32\"; unit = "
                "\"kW\"; }%s\n",
                p, 2 * p, p + 1 < POINTS ? "," : "");
    fprintf(f, ");\n");
    fclose(f);
}

static struct site *load(const char *directory, const char *path)
{
    const struct profile_path profiles = {{directory, NULL}};
    struct diagnostics *d = diagnostics_new();
    struct site *s = site_load(path, &profiles, d);
    if (!s || diag_errors(d) > 0) {
        diag_print(d, stderr);
        exit(1);
    }
    diagnostics_free(d);
    return s;
}

static void count_alert(void *arg, const struct alert *a)
{
    *(uint64_t *)arg += a->kind == ALERT_BEGAN;
}

static struct engine *engine;
static struct meter_info info[METERS];
// As meters hand them over, made beforehand like those of C and Lua.
static struct value readings[STEPS][METERS][POINTS];

static void make_readings(void)
{
    for (int s = 0; s < STEPS; s++)
        for (int m = 0; m < METERS; m++)
            for (int p = 0; p < POINTS; p++)
                readings[s][m][p] = (struct value){values[s][m][p], REASON_GOOD, 0};
}

// One second: every meter is read.
static void engine_second(int64_t second)
{
    for (int m = 0; m < METERS; m++) {
        struct value *v = readings[second % STEPS][m];
        const struct reading r = {.meter = &info[m], .time = {START + second * 1000}, .values = v};
        engine_derive(engine, (size_t)m, r.time, v);
        engine_reading(engine, &r);
    }
}

// ---- The same in plain C, as one would write it for these rules and nothing else ----

struct plain {
    double ring[WINDOW];
    double sum, squares;
    int head, n; // of the ring
    double peak_value[WINDOW];
    int64_t peak_at[WINDOW];
    int peak_head, peak_n;
    int64_t run;
    bool active;
};

static struct plain *plain;
static uint64_t plain_alerts;

static void plain_push(struct plain *x, int kind, int64_t second, double v)
{
    if (kind == 1) {
        while (x->peak_n && x->peak_value[(x->peak_head + x->peak_n - 1) % WINDOW] <= v)
            x->peak_n--;
        if (x->peak_n && x->peak_at[x->peak_head] <= second - WINDOW) {
            x->peak_head = (x->peak_head + 1) % WINDOW;
            x->peak_n--;
        }
        int at = (x->peak_head + x->peak_n++) % WINDOW;
        x->peak_value[at] = v;
        x->peak_at[at] = second;
        x->n += x->n < WINDOW;
        return;
    }
    if (x->n == WINDOW) {
        x->sum -= x->ring[x->head];
        x->squares -= x->ring[x->head] * x->ring[x->head];
    } else {
        x->n++;
    }
    x->ring[x->head] = v;
    x->head = (x->head + 1) % WINDOW;
    x->sum += v;
    x->squares += v * v;
}

static bool plain_condition(const struct plain *x, int kind, double other)
{
    double mean = x->sum / x->n;
    switch (kind) {
    case 0:
        return mean > 69.5;
    case 1:
        return x->peak_value[x->peak_head] > 108 && other < 60;
    case 2:
        return mean * 0.25 > 17.35 || other > 105;
    default:
        return sqrt(fmax(0, x->squares / x->n - mean * mean)) > 20 && other > 50;
    }
}

static void plain_rule(int r, int64_t second)
{
    struct plain *x = &plain[r];
    int kind = r % KINDS, p = point_of(r);
    double v = values[second % STEPS][meter_of(r)][p],
           other = values[second % STEPS][meter_of(r)][(p + 1) % POINTS];
    if (isnan(v) || isnan(other))
        return;
    plain_push(x, kind, second, v);
    if (x->n < WINDOW * 8 / 10)
        return;
    bool holds = plain_condition(x, kind, other);
    x->run = holds ? x->run + 1 : 0;
    if (!x->active && x->run >= 3) {
        x->active = true;
        plain_alerts++;
    } else if (!holds) {
        x->active = false;
    }
}

static void plain_second(int64_t second)
{
    for (int r = 0; r < RULES; r++)
        plain_rule(r, second);
}

// ---- And in Lua ----

static const char script[] =
    "local WINDOW, RULES, POINTS, PER = 900, 1000, 100, 10\n"
    "local sqrt, max = math.sqrt, math.max\n"
    "local rules = {}\n"
    "for r = 0, RULES - 1 do\n"
    "  local ring = {}\n"
    "  for i = 0, WINDOW - 1 do ring[i] = 0.0 end\n"
    "  rules[r] = {ring = ring, at = {}, sum = 0.0, squares = 0.0, head = 0, n = 0, first = 0, last = -1, "
    "run = 0, active = false}\n"
    "end\n"
    "alerts = 0\n"
    "local conditions = {\n"
    "  [0] = function(x) return x.sum / x.n > 69.5 end,\n"
    "  function(x, other) return x.ring[x.first] > 108 and other < 60 end,\n"
    "  function(x, other) return x.sum / x.n * 0.25 > 17.35 or other > 105 end,\n"
    "  function(x, other) local mean = x.sum / x.n return sqrt(max(0, x.squares / x.n - mean * mean)) > 20 "
    "and other > 50 end,\n"
    "}\n"
    "local function push(x, v)\n"
    "  local ring, head = x.ring, x.head\n"
    "  if x.n == WINDOW then local old = ring[head] x.sum = x.sum - old x.squares = x.squares - old * old\n"
    "  else x.n = x.n + 1 end\n"
    "  ring[head] = v\n"
    "  head = head + 1\n"
    "  if head == WINDOW then head = 0 end\n"
    "  x.head = head x.sum = x.sum + v x.squares = x.squares + v * v\n"
    "end\n"
    "local function push_peak(x, second, v)\n"
    "  local ring, at, last = x.ring, x.at, x.last\n"
    "  while last >= x.first and ring[last] <= v do ring[last] = nil at[last] = nil last = last - 1 end\n"
    "  if last >= x.first and at[x.first] <= second - WINDOW then ring[x.first] = nil at[x.first] = nil "
    "x.first = x.first + 1 end\n"
    "  last = last + 1\n"
    "  ring[last] = v at[last] = second x.last = last\n"
    "  if x.n < WINDOW then x.n = x.n + 1 end\n"
    "end\n"
    "function second(s, values)\n"
    "  for r = 0, RULES - 1 do\n"
    "    local x, kind = rules[r], r % 4\n"
    "    local base, p = r // PER * POINTS, r * 7 % POINTS\n"
    "    local v, other = values[base + p + 1], values[base + (p + 1) % POINTS + 1]\n"
    "    if v == v and other == other then\n"
    "      if kind == 1 then push_peak(x, s, v) else push(x, v) end\n"
    "      if x.n >= WINDOW * 8 // 10 then\n"
    "        local holds = conditions[kind](x, other)\n"
    "        x.run = holds and x.run + 1 or 0\n"
    "        if not x.active and x.run >= 3 then x.active = true alerts = alerts + 1\n"
    "        elseif not holds then x.active = false end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n";

static lua_State *lua;

// The values of each step as a table of Lua's own, made beforehand: handing over is not measured.
static void open_lua(void)
{
    lua = luaL_newstate();
    luaL_openlibs(lua);
    if (luaL_dostring(lua, script)) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        exit(1);
    }
    lua_createtable(lua, STEPS, 0);
    for (int s = 0; s < STEPS; s++) {
        lua_createtable(lua, METERS * POINTS, 0);
        for (int i = 0; i < METERS * POINTS; i++) {
            lua_pushnumber(lua, (&values[s][0][0])[i]);
            lua_rawseti(lua, -2, i + 1);
        }
        lua_rawseti(lua, -2, s + 1);
    }
    lua_setglobal(lua, "steps");
}

static void lua_second(int64_t second)
{
    lua_getglobal(lua, "second");
    lua_pushinteger(lua, second);
    lua_getglobal(lua, "steps");
    lua_rawgeti(lua, -1, second % STEPS + 1);
    lua_remove(lua, -2);
    if (lua_pcall(lua, 2, 0, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        exit(1);
    }
}

static uint64_t lua_alerts(void)
{
    lua_getglobal(lua, "alerts");
    uint64_t n = (uint64_t)lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    return n;
}

// ---- Measuring ----

// Windows are full before the measurement begins. Returns evaluations per second of CPU time.
static double measure(void (*one_second)(int64_t), int64_t *second, double wanted)
{
    for (; *second < WINDOW + 100; ++*second)
        one_second(*second);
    double begun = cpu_now(), took;
    int64_t first = *second;
    do {
        for (int i = 0; i < 20; i++)
            one_second((*second)++);
        took = cpu_now() - begun;
    } while (took < wanted);
    return (double)(*second - first) * RULES / took;
}

static void compare_alerts(int64_t engine_seconds, uint64_t engine_alerts)
{
    // All three over the same seconds.
    memset(plain, 0, RULES * sizeof *plain);
    plain_alerts = 0;
    for (int64_t s = 0; s < engine_seconds; s++)
        plain_second(s);
    printf("alerts over the same %lld s: engine %llu, C %llu\n", (long long)engine_seconds,
           (unsigned long long)engine_alerts, (unsigned long long)plain_alerts);
    double apart = fabs((double)engine_alerts - (double)plain_alerts);
    if (apart > 0.02 * (double)plain_alerts + 2) {
        fprintf(stderr, "they do not do the same: the comparison means nothing\n");
        exit(1);
    }
}

static void bench_evaluations(struct site *site, double seconds)
{
    uint64_t alerts = 0;
    const struct engine_hooks hooks = {.arg = &alerts, .alert = count_alert};
    struct mallinfo2 before = mallinfo2();
    engine = engine_new(site, &hooks);
    struct mallinfo2 after = mallinfo2();
    for (int m = 0; m < METERS; m++)
        info[m] = (struct meter_info){.name = "m",
                                      .points = site->devices[m]->points,
                                      .n = POINTS,
                                      .index = (size_t)m,
                                      .every_ns = NS_PER_S};
    plain = calloc(RULES, sizeof *plain);
    open_lua();
    int64_t at[3] = {0, 0, 0};
    double rate = measure(engine_second, &at[0], seconds), c = measure(plain_second, &at[1], seconds),
           l = measure(lua_second, &at[2], seconds);
    printf("1,000 rules with windows of 900 samples over 10,000 points, evaluations/s on one core (CPU "
           "time):\n");
    printf("  engine  %12.0f   (whole way: feeding, windows, conditions, states, texts of alerts)\n", rate);
    printf("  plain C %12.0f   %.1f times the engine\n", c, c / rate);
    printf("  Lua 5.4 %12.0f   %.2f times the engine, which is %.1f times as fast\n", l, l / rate, rate / l);
    printf("memory: %.1f kB per rule of one window, all together\n",
           (double)(after.uordblks - before.uordblks) / RULES / 1000);
    compare_alerts(at[0], alerts);
    uint64_t from_lua = lua_alerts();
    memset(plain, 0, RULES * sizeof *plain);
    plain_alerts = 0;
    for (int64_t s = 0; s < at[2]; s++)
        plain_second(s);
    printf("alerts over the same %lld s: Lua %llu, C %llu\n", (long long)at[2], (unsigned long long)from_lua,
           (unsigned long long)plain_alerts);
    engine_free(engine);
    lua_close(lua);
    free(plain);
}

// ---- Memory of a window ----

static bool resolve(void *arg, const char *name, struct expression_source *source, char *why, size_t size)
{
    (void)arg, (void)name, (void)why, (void)size;
    *source = (struct expression_source){.unit = unit_find("kW"), .every_ms = 1000, .hold_ms = 3000};
    return true;
}

static void bench_memory(void)
{
    static const char *const texts[] = {"x",
                                        "avg(x, 15 min)",
                                        "stddev(x, 15 min)",
                                        "max(x, 15 min)",
                                        "median(x, 15 min)",
                                        "delta(x, 15 min)",
                                        "rate(x, 15 min)",
                                        "slope(x, 15 min)",
                                        "age(x)"};
    printf("memory of an expression's state, bytes (values each second):\n");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct expression_error error;
        struct expression *e =
            expression_compile(texts[i], &(struct expression_names){resolve, NULL}, NULL, NULL, &error);
        struct expression_state *s = expression_state_new(e);
        printf("  %-20s %6zu\n", texts[i], malloc_usable_size(s));
        expression_state_free(s);
        expression_free(e);
    }
}

// ---- Replay ----

static char *csv_of(int columns, int rows, size_t *n)
{
    struct buf b = {0};
    buf_puts(&b, "time");
    for (int c = 0; c < columns; c++)
        buf_printf(&b, ",m0.p%d", c);
    for (int i = 0; i < rows; i++) {
        int second = i % 86400;
        buf_printf(&b, "\n2026-01-%02d %02d:%02d:%02d", 5 + i / 86400, second / 3600, second / 60 % 60,
                   second % 60);
        for (int c = 0; c < columns; c++)
            buf_printf(&b, ",%.2f", values[i % STEPS][0][c] + 0.25);
    }
    buf_putc(&b, '\n');
    *n = b.len;
    return b.data;
}

static void bench_replay(struct site *site, int columns, double wanted)
{
    size_t n;
    char *text = csv_of(columns, 200000, &n), why[300];
    double took = 0, begun = cpu_now();
    uint64_t taken = 0, got = 0;
    do {
        struct diagnostics *d = diagnostics_new();
        struct config *c = config_read_text("", "bench", &recording_section, d);
        struct recording *r = recording_new(config_root(c), site, d);
        struct engine *e = engine_new(site, NULL);
        struct replay *p = replay_new(e, site);
        struct recording_row row;
        const char *at = text, *end = text + n, *stop = memchr(at, '\n', n);
        if (!recording_heading(r, at, (size_t)(stop - at), why, sizeof why)) {
            fprintf(stderr, "%s\n", why);
            exit(1);
        }
        for (at = stop + 1; at < end; at = stop + 1) {
            stop = memchr(at, '\n', (size_t)(end - at));
            if (recording_line(r, at, (size_t)(stop - at), &row) == RECORDING_ROW) {
                recording_order(r, &row);
                replay_row(p, r, &row);
            }
        }
        taken += replay_readings(p);
        got += replay_values(p);
        replay_free(p);
        engine_free(e);
        recording_free(r);
        config_free(c);
        diagnostics_free(d);
        took = cpu_now() - begun;
    } while (took < wanted);
    printf("  %2d column%s %10.0f readings/s, %10.0f values/s, %5.1f MB/s of text\n", columns,
           columns > 1 ? "s:" : ": ", (double)taken / took, (double)got / took,
           (double)taken / 200000 * (double)n / took / 1e6);
    free(text);
}

// The ten rules of one meter, in a site of their own.
static void write_small_site(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        exit(1);
    fprintf(
        f,
        "site: { id = \"bench\"; timezone = \"UTC\"; };\nlines: ( { name = \"w\"; tcp = \"127.0.0.1\"; } );\n"
        "meters: ( { name = \"m0\"; line = \"w\"; every = \"1 s\"; points: (");
    for (int p = 0; p < 10; p++)
        fprintf(f,
                "{ name = \"p%d\"; quantity = \"active_power\"; table = \"holding\"; address = %d; type = "
                "\"float32\"; unit = \"kW\"; }%s",
                p, 2 * p, p < 9 ? "," : "");
    fprintf(f, "); } );\nrules: (");
    for (int r = 0; r < 10; r++)
        fprintf(f, "{ name = \"r%d\"; when = \"avg(m0.p%d, 15 min) > 70 kW\"; for = \"1 min\"; }%s\n", r, r,
                r < 9 ? "," : "");
    fprintf(f, ");\n");
    fclose(f);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    char directory[] = "/tmp/bench-rules-XXXXXX", path[64], profile[64], why[200];
    if (!mkdtemp(directory) || units_open(why, sizeof why) < 0)
        return 1;
    snprintf(path, sizeof path, "%s/site.conf", directory);
    snprintf(profile, sizeof profile, "%s/bench.conf", directory);
    make_values();
    make_readings();
    write_profile(profile);
    write_site(path);
    struct site *site = load(directory, path);
    bench_evaluations(site, seconds);
    site_free(site);
    bench_memory();
    write_small_site(path);
    site = load(directory, path);
    printf("replay with ten rules (avg over 15 min), on one core, from text in memory:\n");
    bench_replay(site, 1, seconds);
    bench_replay(site, 10, seconds);
    site_free(site);
    unlink(path);
    unlink(profile);
    rmdir(directory);
    return 0;
}
