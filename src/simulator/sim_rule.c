// SPDX-License-Identifier: Apache-2.0
// Values over time: days, recordings, formulas, noise, and what is plausible where nothing is said.
#include "sim_rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbiont/text.h"

#define DAY_S 86400.0

const struct sim_rule sim_rule_steady = {
    .kind = SIM_STEADY,
    .factor = 1,
    .weekend = 1,
    .min = -INFINITY,
    .max = INFINITY,
    .of = SIM_NO_POINT,
    .minus = SIM_NO_POINT,
    .times = SIM_NO_POINT,
};

// ---- Series ----

static double between(double t, double t0, double v0, double t1, double v1)
{
    return t1 > t0 ? v0 + (v1 - v0) * (t - t0) / (t1 - t0) : v0;
}

double sim_series_at(const struct sim_series *s, double t)
{
    if (s->length > 0)
        t -= s->length * floor(t / s->length);
    // The first moment after t.
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->t[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    size_t last = s->n - 1;
    bool wraps = s->length > 0;
    if (low == 0)
        return s->hold || !wraps ? s->v[wraps ? last : 0]
                                 : between(t, s->t[last] - s->length, s->v[last], s->t[0], s->v[0]);
    if (s->hold || (low == s->n && !wraps))
        return s->v[low - 1];
    if (low == s->n)
        return between(t, s->t[last], s->v[last], s->t[0] + s->length, s->v[0]);
    return between(t, s->t[low - 1], s->v[low - 1], s->t[low], s->v[low]);
}

void sim_series_free(struct sim_series *s)
{
    free(s->t);
    free(s->v);
    *s = (struct sim_series){0};
}

static bool series_room(struct sim_series *s, size_t n)
{
    s->t = calloc(n, sizeof *s->t);
    s->v = calloc(n, sizeof *s->v);
    return s->t && s->v;
}

bool sim_time_of_day(const char *text, double *second)
{
    int h, m, s = 0, used = 0;
    if (sscanf(text, "%2d:%2d%n", &h, &m, &used) != 2)
        return false;
    if (text[used] == ':') {
        text += used;
        if (sscanf(text, ":%2d%n", &s, &used) != 1)
            return false;
    }
    if (text[used] != '\0' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
        return false;
    *second = h * 3600 + m * 60 + s;
    return true;
}

bool sim_series_of_day(struct sim_series *out, char *const *items, size_t n, char *why, size_t why_size)
{
    *out = (struct sim_series){.length = DAY_S, .n = n};
    if (n == 0 || !series_room(out, n)) {
        snprintf(why, why_size, "a curve needs at least one \"HH:MM value\"");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char time[16];
        int at = 0;
        if (sscanf(items[i], "%15s %n", time, &at) != 1 || at == 0 || !sim_time_of_day(time, &out->t[i]) ||
            !text_number(items[i] + at, &out->v[i])) {
            snprintf(why, why_size, "\"%s\" is not like \"06:00 10.5\": a time of day and a number",
                     items[i]);
            return false;
        }
        if (i > 0 && out->t[i] <= out->t[i - 1]) {
            snprintf(why, why_size, "\"%s\" is not later than \"%s\": a curve goes forward from 00:00",
                     items[i], items[i - 1]);
            return false;
        }
    }
    return true;
}

// ---- Rules ----

// SplitMix64's finisher over the moment: even bits that are the same whenever asked.
static double noise_at(uint64_t seed, double elapsed)
{
    uint64_t z = seed ^ (uint64_t)(int64_t)(elapsed * 1000);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-52 - 1;
}

double sim_rule_value(const struct sim_rule *r, const struct sim_moment *at, const double inputs[3])
{
    double v = r->value;
    if (r->kind == SIM_DAY)
        v = sim_series_at(&r->series, at->second_of_day) * r->factor + r->value;
    else if (r->kind == SIM_RUN)
        v = sim_series_at(&r->series, at->elapsed) * r->factor + r->value;
    else if (r->kind == SIM_FORMULA)
        v = r->factor * (inputs[0] - inputs[1]) * inputs[2] + r->value;
    if (at->weekend)
        v *= r->weekend;
    if (r->noise > 0)
        v += r->noise * noise_at(at->seed, at->elapsed);
    return fmin(fmax(v, r->min), r->max);
}

double sim_rule_peak(const struct sim_rule *r)
{
    double peak = fabs(r->value);
    for (size_t i = 0; i < r->series.n; i++)
        peak = fmax(peak, fabs(r->series.v[i] * r->factor + r->value));
    // A total has to have room to grow for some years.
    return r->kind == SIM_COUNTER ? 10 * peak + 1e5 : 2 * (peak + r->noise);
}

// ---- Where nothing is said ----

double sim_plausible(const char *quantity, bool counter)
{
    // A three-phase load of 40 kW, a heating circuit, a loaded scale. What begins with a word has its value;
    // the first that fits.
    static const struct {
        const char *begins;
        double value;
    } rows[] = {
        {"voltage_ll_thd", 1.8},
        {"voltage_ll", 400},
        {"voltage_thd", 1.8},
        {"voltage_unbalance", 0.4},
        {"voltage", 230},
        {"current_thd", 9.5},
        {"current_unbalance", 2.5},
        {"current_sum", 180},
        {"current", 60},
        {"frequency", 50},
        {"phase_angle_voltage", 120},
        {"phase_angle", 18},
        {"active_power_export", 0},
        {"active_power", 40},
        {"reactive_power_capacitive", 0},
        {"reactive_power", 13},
        {"apparent_power", 42},
        {"power_factor", 0.95},
        {"cos_phi", 0.95},
        {"active_energy_export", 310},
        {"thermal_power", 850},
        {"thermal_energy_cooling", 0},
        {"flow_temperature", 68},
        {"return_temperature", 47},
        {"temperature_difference", 21},
        {"temperature_outdoor", 9},
        {"temperature", 35},
        {"dew_point", 3},
        {"humidity", 45},
        {"irradiance", 320},
        {"volume_flow_relative", 40},
        {"volume_flow", 35},
        {"flow_velocity", 1.6},
        {"mass_flow", 1800},
        {"mass_tare", 300},
        {"mass_gross", 1580},
        {"mass_net", 1280},
        {"mass_used", 220},
        {"mass", 1280},
        {"density", 998},
        {"pressure_difference", 0.35},
        {"pressure_absolute", 7.9},
        {"pressure", 6.9},
        {"compressibility", 1},
        {"conversion_factor", 1},
        {"sound_speed", 1482},
        {"signal_quality", 87},
        {"signal_strength", 72},
        {"signal", 7.2},
        {"transit_time_ratio", 100},
        {"transit_time_delta", 82},
        {"transit_time", 98},
        {"reynolds_number", 118000},
        {"ph", 7.4},
        {"conductivity", 820},
        {"turbidity", 4},
        {"redox", 210},
        {"dissolved_oxygen", 6.5},
        {"suspended_solids", 25},
        {"co2_concentration", 620},
        {"oxygen_concentration", 20.9},
        {"concentration", 12},
        {"level", 1.7},
        {"fill_level", 63},
        {"rotational_speed", 1480},
        {"output_current", 12},
        {"input_current", 12},
        {"output_frequency", 100},
        {"input_voltage", 5},
        {"resistance", 110},
        {"analog", 50},
        {"setpoint", 50},
        {"pulse_frequency", 2},
        {"number", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(quantity, rows[i].begins, strlen(rows[i].begins)) == 0)
            return rows[i].value;
    return counter ? 12345 : 0;
}
