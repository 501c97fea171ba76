// SPDX-License-Identifier: Apache-2.0
// A regression with a constant per hour of the week. About the means of their hours of the week all samples
// have the same slopes, so one small system of equations is enough (Frisch and Waugh 1933), and means and
// products are kept up to date sample by sample (West 1979).
#include "streams/model.h"

#include <math.h>
#include <string.h>
#include "symbiont/pack.h"

#define BEND_LOW  10.0 // degC
#define BEND_HIGH 20.0

#define LEARNT_HALF_H (26.0 * MODEL_BINS)
#define JUDGED_HALF_H (4.0 * MODEL_BINS)

#define CV_MOST      0.30
#define BIAS_MOST    0.10
#define LEARNT_LEAST (4.0 * MODEL_BINS) // hours
#define JUDGED_LEAST (2.0 * MODEL_BINS)
#define BIN_LEAST    1.5 // hours of that hour of the week, before it foretells anything

void model_reset(struct model *m, bool outdoor, bool production)
{
    memset(m, 0, sizeof *m);
    m->has[MODEL_OUTDOOR] = outdoor;
    m->has[MODEL_PRODUCTION] = production;
}

// ---- Features ----

static bool features_of(const struct model *m, const double drivers[static MODEL_DRIVERS],
                        double x[static MODEL_FEATURES])
{
    for (int d = 0; d < MODEL_DRIVERS; d++)
        if (m->has[d] && !isfinite(drivers[d]))
            return false;
    double t = m->has[MODEL_OUTDOOR] ? drivers[MODEL_OUTDOOR] : 0;
    x[0] = t;
    x[1] = fmax(0, t - BEND_LOW);
    x[2] = fmax(0, t - BEND_HIGH);
    x[3] = m->has[MODEL_PRODUCTION] ? drivers[MODEL_PRODUCTION] : 0;
    return true;
}

// ---- Slopes ----

// By Cholesky. A feature that does not vary, or only together with others, gets no slope.
static void solve(struct model *m)
{
    double l[MODEL_FEATURES][MODEL_FEATURES] = {{0}}, z[MODEL_FEATURES] = {0};
    bool used[MODEL_FEATURES] = {false};
    for (int i = 0; i < MODEL_FEATURES; i++) {
        for (int k = 0; k < i; k++) {
            double rest = m->xx[i][k];
            for (int q = 0; q < k; q++)
                rest -= l[i][q] * l[k][q];
            l[i][k] = used[k] ? rest / l[k][k] : 0;
        }
        double rest = m->xx[i][i], right = m->xy[i];
        for (int q = 0; q < i; q++) {
            rest -= l[i][q] * l[i][q];
            right -= l[i][q] * z[q];
        }
        used[i] = rest > 1e-6 * m->xx[i][i] && rest > 1e-12;
        l[i][i] = used[i] ? sqrt(rest) : 1;
        z[i] = used[i] ? right / l[i][i] : 0;
    }
    for (int i = MODEL_FEATURES - 1; i >= 0; i--) {
        double rest = z[i];
        for (int q = i + 1; q < MODEL_FEATURES; q++)
            rest -= l[q][i] * m->slope[q];
        m->slope[i] = used[i] ? rest / l[i][i] : 0;
    }
}

// ---- Learning ----

static void judge(struct model *m, double expected, double y)
{
    double keep = exp2(-1 / JUDGED_HALF_H);
    m->judged = m->judged * keep + 1;
    m->sum = m->sum * keep + y;
    m->error = m->error * keep + (y - expected);
    m->squares = m->squares * keep + (y - expected) * (y - expected);
}

static void take_in(struct model *m, struct model_bin *bin, const double x[static MODEL_FEATURES], double y)
{
    double weight = (double)bin->weight * exp2(-MODEL_BINS / LEARNT_HALF_H), share = weight / (weight + 1);
    double keep = exp2(-1 / LEARNT_HALF_H), off[MODEL_FEATURES], off_y = y - (double)bin->y;
    for (int i = 0; i < MODEL_FEATURES; i++)
        off[i] = x[i] - (double)bin->x[i];
    for (int i = 0; i < MODEL_FEATURES; i++) {
        for (int k = 0; k < MODEL_FEATURES; k++)
            m->xx[i][k] = m->xx[i][k] * keep + off[i] * off[k] * share;
        m->xy[i] = m->xy[i] * keep + off[i] * off_y * share;
        bin->x[i] = (float)((double)bin->x[i] + off[i] / (weight + 1));
    }
    bin->y = (float)((double)bin->y + off_y / (weight + 1));
    bin->weight = (float)(weight + 1);
    m->learnt = m->learnt * keep + 1;
}

static void widen(struct model *m, const double drivers[static MODEL_DRIVERS])
{
    for (int d = 0; d < MODEL_DRIVERS; d++) {
        if (!m->has[d])
            continue;
        if (m->learnt == 0 || drivers[d] < m->low[d])
            m->low[d] = drivers[d];
        if (m->learnt == 0 || drivers[d] > m->high[d])
            m->high[d] = drivers[d];
    }
}

void model_learn(struct model *m, unsigned hour, double y, const double drivers[static MODEL_DRIVERS])
{
    double x[MODEL_FEATURES];
    if (!isfinite(y) || !features_of(m, drivers, x))
        return;
    struct model_bin *bin = &m->bins[hour % MODEL_BINS];
    double expected = model_expect(m, hour, drivers);
    if (!isnan(expected))
        judge(m, expected, y);
    widen(m, drivers);
    take_in(m, bin, x, y);
    solve(m);
}

double model_expect(const struct model *m, unsigned hour, const double drivers[static MODEL_DRIVERS])
{
    double x[MODEL_FEATURES], within[MODEL_DRIVERS];
    const struct model_bin *bin = &m->bins[hour % MODEL_BINS];
    for (int d = 0; d < MODEL_DRIVERS; d++)
        within[d] =
            m->has[d] && isfinite(drivers[d]) ? fmin(fmax(drivers[d], m->low[d]), m->high[d]) : drivers[d];
    if ((double)bin->weight < BIN_LEAST || !features_of(m, within, x))
        return NAN;
    double y = (double)bin->y;
    for (int i = 0; i < MODEL_FEATURES; i++)
        y += m->slope[i] * (x[i] - (double)bin->x[i]);
    return isfinite(y) ? y : NAN;
}

struct model_quality model_judge(const struct model *m)
{
    double mean = fabs(m->sum) / m->judged;
    if (m->judged <= 0 || !(mean > 0))
        return (struct model_quality){NAN, NAN, false};
    struct model_quality q = {sqrt(m->squares / m->judged) / mean, m->error / fabs(m->sum), false};
    q.accepted = m->learnt >= LEARNT_LEAST && m->judged >= JUDGED_LEAST && q.cv <= CV_MOST &&
                 fabs(q.bias) <= BIAS_MOST;
    return q;
}

// ---- As bytes ----
//
//     u8 drivers (1 outdoor, 2 production); f32 per bin: weight, y, x; f64: xx, xy, low, high, learnt,
//     judged, sum, error, squares. Big-endian.

void model_save(const struct model *m, struct buf *out)
{
    buf_putc(out, (char)((m->has[MODEL_OUTDOOR] ? 1 : 0) | (m->has[MODEL_PRODUCTION] ? 2 : 0)));
    for (int b = 0; b < MODEL_BINS; b++) {
        pack_f32(out, m->bins[b].weight);
        pack_f32(out, m->bins[b].y);
        for (int i = 0; i < MODEL_FEATURES; i++)
            pack_f32(out, m->bins[b].x[i]);
    }
    for (int i = 0; i < MODEL_FEATURES; i++)
        for (int k = 0; k < MODEL_FEATURES; k++)
            pack_f64(out, m->xx[i][k]);
    for (int i = 0; i < MODEL_FEATURES; i++)
        pack_f64(out, m->xy[i]);
    for (int d = 0; d < MODEL_DRIVERS; d++) {
        pack_f64(out, m->low[d]);
        pack_f64(out, m->high[d]);
    }
    const double rest[] = {m->learnt, m->judged, m->sum, m->error, m->squares};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        pack_f64(out, rest[i]);
}

#define LARGEST 1e30 // no value, and no sum of squares of values, is larger

static float take_f32(struct cursor *c)
{
    float v = cursor_f32(c);
    if (!(fabs((double)v) <= 1e12))
        c->failed = true;
    return c->failed ? 0 : v;
}

static double take_f64(struct cursor *c)
{
    double v = cursor_f64(c);
    if (!(fabs(v) <= LARGEST))
        c->failed = true;
    return c->failed ? 0 : v;
}

static bool makes_sense(const struct model *m)
{
    bool good = m->learnt >= 0 && m->judged >= 0 && m->squares >= 0;
    for (int i = 0; i < MODEL_FEATURES; i++)
        good &= m->xx[i][i] >= 0;
    for (int b = 0; b < MODEL_BINS; b++)
        good &= m->bins[b].weight >= 0;
    for (int d = 0; d < MODEL_DRIVERS; d++)
        good &= m->low[d] <= m->high[d];
    return good;
}

bool model_restore(struct model *m, struct cursor *c)
{
    bool outdoor = m->has[MODEL_OUTDOOR], production = m->has[MODEL_PRODUCTION];
    if (cursor_u8(c) != (outdoor ? 1 : 0) + (production ? 2 : 0))
        c->failed = true;
    for (int b = 0; b < MODEL_BINS && !c->failed; b++) {
        m->bins[b].weight = take_f32(c);
        m->bins[b].y = take_f32(c);
        for (int i = 0; i < MODEL_FEATURES; i++)
            m->bins[b].x[i] = take_f32(c);
    }
    for (int i = 0; i < MODEL_FEATURES; i++)
        for (int k = 0; k < MODEL_FEATURES; k++)
            m->xx[i][k] = take_f64(c);
    for (int i = 0; i < MODEL_FEATURES; i++)
        m->xy[i] = take_f64(c);
    for (int d = 0; d < MODEL_DRIVERS; d++) {
        m->low[d] = take_f64(c);
        m->high[d] = take_f64(c);
    }
    double *const rest[] = {&m->learnt, &m->judged, &m->sum, &m->error, &m->squares};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        *rest[i] = take_f64(c);
    if (c->failed || !makes_sense(m)) {
        model_reset(m, outdoor, production);
        return false;
    }
    solve(m);
    return true;
}
