// SPDX-License-Identifier: Apache-2.0
// What numbers say for or against a profile.
#include "cli/evidence.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// The most that one point says: three phases of one meter are not three witnesses.
#define WORTH_MAX 5.0

// Against: a value beyond anything physical, one that is only unusual, a relation that does not hold.
#define IMPOSSIBLE 3.0
#define UNUSUAL    2.0
#define UNRELATED  2.0
#define RELATED    4.0
// Zero, where a live meter never has it, and elsewhere: there at most so much in all.
#define ABSENT   1.5
#define ZERO     0.1
#define ZERO_MAX 1.5

// In the vocabulary's units. A row holds for every quantity that begins so; the first that fits counts.
static const struct {
    const char *begins;
    double low, high;
} typical[] = {
    {"voltage_ll_thd", 0.02, 40},
    {"voltage_ll", 90, 800},
    {"voltage_thd", 0.02, 40},
    {"voltage_unbalance", 0.001, 30},
    {"voltage", 80, 320},
    {"current_thd", 0.05, 300},
    {"current_unbalance", 0.001, 200},
    {"current", -6300, 6300},
    {"frequency", 45, 65},
    {"phase_angle", -360, 360},
    {"power_factor", -1.005, 1.005},
    {"cos_phi", -1.005, 1.005},
    {"active_power", -20000, 20000},
    {"reactive_power", -20000, 20000},
    {"apparent_power", -20000, 20000},
    {"active_energy", 0.001, 1e9},
    {"reactive_energy", 0.001, 1e9},
    {"apparent_energy", 0.001, 1e9},
    {"thermal_power", -50000, 50000},
    {"thermal_energy", 0.01, 1e9},
    {"flow_temperature", -20, 180},
    {"return_temperature", -20, 150},
    {"temperature_difference", -120, 120},
    {"temperature", -40, 200},
    {"dew_point", -80, 60},
    {"humidity", 1, 100},
    {"irradiance", 0.5, 1400},
    {"volume_flow_relative", -120, 120},
    {"volume_flow", -5000, 5000},
    {"volume", 0.001, 1e8},
    {"flow_velocity", -60, 60},
    {"mass_flow", -1e6, 1e6},
    {"mass_total", 0.1, 1e10},
    {"mass", -100000, 100000},
    {"density", 0.3, 2500},
    {"pressure", -1, 400},
    {"sound_speed", 200, 3000},
    {"signal_quality", 1, 100},
    {"transit_time_ratio", 50, 150},
    {"ph", 1, 13.5},
    {"conductivity", 0.01, 300000},
    {"turbidity", 0.001, 4000},
    {"redox", -1500, 1500},
    {"level", -100, 100},
    {"fill_level", 0.1, 110},
    {"operating_time", 0.01, 500000},
};

// Below this a number is none, whatever it stands for: a float read the wrong way round.
#define LEAST 1e-5

bool evidence_typical(const struct quantity *q, double *low, double *high)
{
    for (size_t i = 0; i < sizeof typical / sizeof *typical; i++)
        if (strncmp(q->name, typical[i].begins, strlen(typical[i].begins)) == 0) {
            *low = typical[i].low;
            *high = typical[i].high;
            return true;
        }
    *low = q->min;
    *high = q->max;
    return false;
}

static double bits_of(const struct point *p)
{
    if (p->type == POINT_LOW_BYTE || p->type == POINT_HIGH_BYTE)
        return 8;
    return p->mask ? __builtin_popcountll(p->mask) : 16.0 * p->words;
}

static bool is_bcd(const struct point *p)
{
    return p->type == POINT_BCD16 || p->type == POINT_BCD32 || p->type == POINT_BCD64;
}

static bool is_float(const struct point *p)
{
    return p->type == POINT_FLOAT32 || p->type == POINT_FLOAT64;
}

static bool says_something(const struct point *p)
{
    return p->type != POINT_DERIVED && p->type != POINT_STRING && p->type != POINT_BOOL &&
           p->type != POINT_BITS16 && p->type != POINT_BITS32 && p->table >= TABLE_HOLDING &&
           p->quantity->kind < QUANTITY_STATE;
}

// The share of all floats between two magnitudes: their exponents are 8 bits, or 11, and the sign is one.
static double share_of_floats(const struct point *p, double low, double high)
{
    double octaves = p->type == POINT_FLOAT32 ? 512 : 4096;
    double most = fmax(fabs(low), fabs(high)), least = low > LEAST ? low : LEAST;
    return (most > least ? log2(most / least) : 1) * (low < 0 ? 2 : 1) / octaves;
}

// Registers of something else are not random bits: half of them are zero or small. The share of them, zero
// apart, that lie within [low, high].
static double share_of_words(double low, double high)
{
    const double small = 300, all = 65536, few = 0.5;
    double in_small = fmin(high, small) - fmax(low, 0), in_all = fmin(high, all) - fmax(low, 0);
    return few * (in_small > 0 ? in_small / small : 0) + (1 - few) * (in_all > 0 ? in_all / all : 0);
}

static double share_of_integers(const struct point *p, double low, double high)
{
    double step = fabs(p->factor / (p->divisor == 0 ? 1 : p->divisor)), zero = p->offset;
    double from = (low - zero) / step, to = (high - zero) / step, upper = exp2(bits_of(p) - 16);
    double share;
    if (p->factor < 0) {
        double swap = -from;
        from = -to;
        to = swap;
    }
    if (is_bcd(p))
        return fmin(1, (to - from) / pow(10, bits_of(p) / 4)) *
               0.5; // half of all words are no decimal digits
    if (bits_of(p) <= 16)
        share = share_of_words(from < 0 ? 0 : from, to);
    else // the upper words decide; that they are zero is what one would expect
        share = to < 65536 ? share_of_words(from, to) : 0.5 + 0.5 * fmin(1, to / 65536 / upper);
    return share < 1 ? share : 1;
}

double evidence_worth(const struct point *p)
{
    double low, high;
    if (!says_something(p))
        return 0;
    evidence_typical(p->quantity, &low, &high);
    low = fmax(low, p->min);
    high = fmin(high, p->max);
    double share = is_float(p) ? share_of_floats(p, low, high) : share_of_integers(p, low, high);
    // How far a scale in a register moves the number is not known here: it takes half of what is said.
    double worth = -log(fmax(share, 1e-9)) * (p->rank ? 0.5 : 1);
    return worth < 0 ? 0 : worth < WORTH_MAX ? worth : WORTH_MAX;
}

// ---- One point ----

static bool is_marker(const struct point *p, struct value raw)
{
    // Zero as the marker says as little as zero as the value.
    bool telling = false;
    for (size_t i = 0; i < p->marker_count; i++)
        telling |= p->markers[i] != 0;
    return raw.reason == REASON_NOT_AVAILABLE && telling;
}

// A 32-bit whole number with nothing in its low half is one with its words exchanged, nearly always.
static bool looks_swapped(const struct point *p, struct value raw)
{
    return p->words == 2 && (p->type == POINT_INT32 || p->type == POINT_UINT32) &&
           raw.reason == REASON_GOOD && raw.number != 0 && fmod(raw.number, 65536) == 0;
}

// What a live meter always has: mains, a temperature.
static bool is_never_zero(const struct point *p)
{
    static const char *const begins[] = {"voltage_l1", "voltage", "frequency", "flow_temperature", "ph"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strcmp(p->name, begins[i]) == 0)
            return true;
    return false;
}

static void weigh_point(const struct point *p, struct value raw, struct value v, struct evidence *e)
{
    double low, high, worth = evidence_worth(p);
    if (!says_something(p) || v.reason == REASON_NOT_DUE || v.reason == REASON_DEPENDENCY ||
        v.reason == REASON_EXCEPTION)
        return;
    if (is_marker(p, raw)) {
        e->pro += 2;
        return;
    }
    // Zero says little: a phase that is off is zero, and so are registers that do not exist. NaN is how some
    // meters say "none".
    if (v.reason == REASON_GOOD && v.number == 0) {
        if (is_never_zero(p))
            e->contra += ABSENT;
        else
            e->zeros++;
        return;
    }
    if (v.reason == REASON_NOT_AVAILABLE) {
        e->contra += is_bcd(p) ? IMPOSSIBLE : is_float(p) ? UNUSUAL : 0;
        return;
    }
    e->asked++;
    evidence_typical(p->quantity, &low, &high);
    bool sane = v.reason == REASON_GOOD && fabs(v.number) >= LEAST && v.number >= low && v.number <= high;
    bool possible = v.reason == REASON_GOOD && fabs(v.number) >= LEAST * LEAST;
    if (looks_swapped(p, raw))
        sane = possible = false;
    e->good += sane;
    *(sane ? &e->pro : &e->contra) += sane ? worth : possible ? UNUSUAL : IMPOSSIBLE;
}

// ---- Scales, codes, texts ----

static void weigh_roles(const struct device *d, const struct value *raw, struct evidence *e)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];
        bool last = true;
        if (!p->rank || p->exponent_point >= d->n)
            continue;
        for (size_t k = i + 1; k < d->n; k++)
            last &= !d->points[k].rank || d->points[k].exponent_point != p->exponent_point;
        struct value exponent = raw[p->exponent_point];
        if (!last || exponent.reason != REASON_GOOD || exponent.number == 0)
            continue; // once for all that share it
        *(fabs(exponent.number) <= 10 ? &e->pro : &e->contra) += IMPOSSIBLE;
    }
}

static void weigh_code(const struct device *d, size_t i, const struct value *raw, const struct value *values,
                       struct evidence *e)
{
    const struct point *p = &d->points[i];
    uint16_t on = p->rank && p->factor_count ? p->factor_point : POINT_NONE;
    if (on >= d->n || raw[on].reason != REASON_GOOD || raw[i].reason != REASON_GOOD)
        return;
    if (values[i].reason == REASON_DEPENDENCY)
        e->contra += IMPOSSIBLE; // a code that the model does not have
    else if (raw[on].number != 0)
        e->pro += 1;
}

// "SENTRON PAC3200" in the profile, "PAC3200" in the meter.
static bool names_model(const char *text, const char *of_profile)
{
    char word[32];
    while (of_profile && *of_profile) {
        size_t n = strcspn(of_profile, " ,;()/");
        if (n >= 4 && n < sizeof word) {
            memcpy(word, of_profile, n);
            word[n] = '\0';
            if (strcasestr(text, word))
                return true;
        }
        of_profile += n + (of_profile[n] != '\0');
    }
    return false;
}

static void weigh_text(const struct device *d, const char *text, struct evidence *e)
{
    size_t letters = 0, strange = 0;
    for (const char *c = text; *c; c++) {
        letters += isalnum((unsigned char)*c) != 0;
        strange += *c == '?';
    }
    if (letters == 0 && strange == 0)
        return;
    e->asked++;
    if (strange > letters) {
        e->contra += IMPOSSIBLE;
        return;
    }
    e->good += strange == 0;
    e->pro += strange ? 0 : letters >= 4 ? 3 : 1;
    if (names_model(text, d->vendor) || names_model(text, d->model))
        e->pro += 8;
}

// ---- What hangs together ----

struct reading_of {
    const struct device *device;
    const struct value *values;
};

// The value of a point, NAN when there is none; `phase` is appended to the name.
static double named(const struct reading_of *r, const char *name, const char *phase)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s%s", name, *phase ? "_" : "", phase);
    for (size_t i = 0; i < r->device->n; i++)
        if (strcmp(r->device->points[i].name, full) == 0)
            return r->values[i].reason == REASON_GOOD ? r->values[i].number : NAN;
    return NAN;
}

static void relate(struct evidence *e, double a, double b, double tolerance)
{
    // What is missing, or all zero, says nothing.
    if (isnan(a) || isnan(b) || (a == 0 && b == 0))
        return;
    if (fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b)))
        e->pro += RELATED;
    else
        e->contra += UNRELATED;
}

static void relate_phase(const struct reading_of *r, const char *phase, struct evidence *e)
{
    double u = named(r, "voltage", phase), i = named(r, "current", phase),
           p = named(r, "active_power", phase);
    double q = named(r, "reactive_power", phase), s = named(r, "apparent_power", phase);
    double pf = named(r, "power_factor", phase);
    if (fabs(p) > fabs(s) * 1.05)
        e->contra += IMPOSSIBLE;
    else
        relate(e, fabs(s), hypot(p, q), 0.06);
    if (*phase) {
        relate(e, fabs(s), u * fabs(i) / 1000, 0.06);
        if (isnan(s))
            relate(e, fabs(p), u * fabs(i * pf) / 1000, 0.08);
    }
    if (p != 0 && s != 0)
        relate(e, fabs(pf), fabs(p / s), 0.04);
}

static double sum_of_phases(const struct reading_of *r, const char *name)
{
    return named(r, name, "l1") + named(r, name, "l2") + named(r, name, "l3");
}

static void weigh_relations(const struct device *d, const struct value *values, struct evidence *e)
{
    static const char *const phases[] = {"", "l1", "l2", "l3"};
    static const char *const sums[] = {"active_power", "reactive_power", "active_energy_import"};
    const struct reading_of r = {d, values};
    const char *energy = "thermal_power";
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        relate_phase(&r, phases[i], e);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        relate(e, named(&r, sums[i], ""), sum_of_phases(&r, sums[i]), 0.03);
    relate(e, named(&r, "voltage_ll", "l12"), sqrt(3) * named(&r, "voltage", "l1"), 0.08);
    relate(e, named(&r, "voltage_ll", ""), sqrt(3) * named(&r, "voltage", ""), 0.08);
    double hot = named(&r, "flow_temperature", ""), cold = named(&r, "return_temperature", "");
    relate(e, named(&r, "temperature_difference", ""), hot - cold, 0.05);
    // Water carries about 1.15 kWh per m3 and kelvin.
    relate(e, named(&r, energy, ""), 1.15 * named(&r, "volume_flow", "") * (hot - cold), 0.15);
    double net = named(&r, "mass_net", ""), tare = named(&r, "mass_tare", "");
    if (!isnan(tare))
        relate(e, named(&r, "mass_gross", ""), net + tare, 0.01);
    else if (named(&r, "mass_gross", "") >= net && net > 0)
        e->pro += 1;
}

void evidence_weigh(const struct device *device, const struct value *raw, const struct value *values,
                    char *const *texts, struct evidence *e)
{
    for (size_t i = 0; i < device->n; i++) {
        weigh_point(&device->points[i], raw[i], values[i], e);
        weigh_code(device, i, raw, values, e);
        if (texts && texts[i] && raw[i].reason == REASON_GOOD)
            weigh_text(device, texts[i], e);
    }
    e->contra += fmin(ZERO_MAX, ZERO * (double)e->zeros);
    weigh_roles(device, raw, e);
    weigh_relations(device, values, e);
}
