// SPDX-License-Identifier: Apache-2.0
// Water, steam and glycol mixtures: density, enthalpy, saturation, and the heat a flow carries.
#include "symbiont/fluids.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define R_WATER 0.461526 // kJ/(kg K), IF97 equation 1
#define ZERO_C  273.15
#define EN1434  1.6 // MPa

struct if97_term {
    int i, j;
    double n;
};

// IF97 table 2.
static const struct if97_term region1[] = {
    {0, -2, 0.14632971213167},        {0, -1, -0.84548187169114},       {0, 0, -0.37563603672040e1},
    {0, 1, 0.33855169168385e1},       {0, 2, -0.95791963387872},        {0, 3, 0.15772038513228},
    {0, 4, -0.16616417199501e-1},     {0, 5, 0.81214629983568e-3},      {1, -9, 0.28319080123804e-3},
    {1, -7, -0.60706301565874e-3},    {1, -1, -0.18990068218419e-1},    {1, 0, -0.32529748770505e-1},
    {1, 1, -0.21841717175414e-1},     {1, 3, -0.52838357969930e-4},     {2, -3, -0.47184321073267e-3},
    {2, 0, -0.30001780793026e-3},     {2, 1, 0.47661393906987e-4},      {2, 3, -0.44141845330846e-5},
    {2, 17, -0.72694996297594e-15},   {3, -4, -0.31679644845054e-4},    {3, 0, -0.28270797985312e-5},
    {3, 6, -0.85205128120103e-9},     {4, -5, -0.22425281908000e-5},    {4, -2, -0.65171222895601e-6},
    {4, 10, -0.14341729937924e-12},   {5, -8, -0.40516996860117e-6},    {8, -11, -0.12734301741641e-8},
    {8, -6, -0.17424871230634e-9},    {21, -29, -0.68762131295531e-18}, {23, -31, 0.14478307828521e-19},
    {29, -38, 0.26335781662795e-22},  {30, -39, -0.11947622640071e-22}, {31, -40, 0.18228094581404e-23},
    {32, -41, -0.93537087292458e-25},
};

// IF97 table 10, the ideal-gas part of region 2 (i unused).
static const struct if97_term region2_ideal[] = {
    {0, 0, -0.96927686500217e1},  {0, 1, 0.10086655968018e2}, {0, -5, -0.56087911283020e-2},
    {0, -4, 0.71452738081455e-1}, {0, -3, -0.40710498223928}, {0, -2, 0.14240819171444e1},
    {0, -1, -0.43839511319450e1}, {0, 2, -0.28408632460772},  {0, 3, 0.21268463753307e-1},
};

// IF97 table 11.
static const struct if97_term region2[] = {
    {1, 0, -0.17731742473213e-2},    {1, 1, -0.17834862292358e-1},    {1, 2, -0.45996013696365e-1},
    {1, 3, -0.57581259083432e-1},    {1, 6, -0.50325278727930e-1},    {2, 1, -0.33032641670203e-4},
    {2, 2, -0.18948987516315e-3},    {2, 4, -0.39392777243355e-2},    {2, 7, -0.43797295650573e-1},
    {2, 36, -0.26674547914087e-4},   {3, 0, 0.20481737692309e-7},     {3, 1, 0.43870667284435e-6},
    {3, 3, -0.32277677238570e-4},    {3, 6, -0.15033924542148e-2},    {3, 35, -0.40668253562649e-1},
    {4, 1, -0.78847309559367e-9},    {4, 2, 0.12790717852285e-7},     {4, 3, 0.48225372718507e-6},
    {5, 7, 0.22922076337661e-5},     {6, 3, -0.16714766451061e-10},   {6, 16, -0.21171472321355e-2},
    {6, 35, -0.23895741934104e2},    {7, 0, -0.59059564324270e-17},   {7, 11, -0.12621808899101e-5},
    {7, 25, -0.38946842435739e-1},   {8, 8, 0.11256211360459e-10},    {8, 36, -0.82311340897998e1},
    {9, 13, 0.19809712802088e-7},    {10, 4, 0.10406965210174e-18},   {10, 10, -0.10234747095929e-12},
    {10, 14, -0.10018179379511e-8},  {16, 29, -0.80882908646985e-10}, {16, 50, 0.10693031879409},
    {18, 57, -0.33662250574171},     {20, 20, 0.89185845355421e-24},  {20, 35, 0.30629316876232e-12},
    {20, 48, -0.42002467698208e-5},  {21, 21, -0.59056029685639e-25}, {22, 53, 0.37826947613457e-5},
    {23, 39, -0.12768608934681e-14}, {24, 26, 0.73087610595061e-28},  {24, 40, 0.55414715350778e-16},
    {24, 58, -0.94369707241210e-6},
};

// IF97 table 34: n1 is [0].
static const double region4[] = {
    0.11670521452767e4, -0.72421316703206e6, -0.17073846940092e2, 0.12020824702470e5, -0.32325550322333e7,
    0.14915108613530e2, -0.48232657361591e4, 0.40511340542057e6,  -0.23855557567849,  0.65017534844798e3};

#define COUNT(a) (sizeof(a) / sizeof *(a))

// x^0 .. x^n at p[0 .. n]. pow() would be ten times as slow.
static void powers(double x, int n, double *p)
{
    p[0] = 1;
    for (int i = 1; i <= n; i++)
        p[i] = p[i - 1] * x;
}

enum { R1_I = 32, R1_UP = 17, R1_DOWN = 42, R2_I = 24, R2_J = 58 };

double if97_region1_h(double p, double t)
{
    double tau = 1386 / t, b = tau - 1.222;
    double a[R1_I + 1], up[R1_UP + 1], down[R1_DOWN + 1];
    powers(7.1 - p / 16.53, R1_I, a);
    powers(b, R1_UP, up);
    powers(1 / b, R1_DOWN, down);
    double gamma_tau = 0;
    for (size_t k = 0; k < COUNT(region1); k++) {
        int j = region1[k].j - 1;
        gamma_tau += region1[k].n * a[region1[k].i] * region1[k].j * (j < 0 ? down[-j] : up[j]);
    }
    return R_WATER * t * tau * gamma_tau;
}

double if97_region1_v(double p, double t)
{
    double pi = p / 16.53, b = 1386 / t - 1.222;
    double a[R1_I + 1], up[R1_UP + 1], down[R1_DOWN + 1];
    powers(7.1 - pi, R1_I, a);
    powers(b, R1_UP, up);
    powers(1 / b, R1_DOWN, down);
    double gamma_pi = 0;
    for (size_t k = 0; k < COUNT(region1); k++) {
        int i = region1[k].i, j = region1[k].j;
        if (i > 0)
            gamma_pi -= region1[k].n * i * a[i - 1] * (j < 0 ? down[-j] : up[j]);
    }
    return R_WATER * t / (p * 1000) * pi * gamma_pi;
}

double if97_region2_h(double p, double t)
{
    double tau = 540 / t;
    double a[R2_I + 1], b[R2_J + 1], gamma_tau = 0;
    powers(p, R2_I, a);
    powers(tau - 0.5, R2_J, b);
    for (size_t k = 0; k < COUNT(region2_ideal); k++)
        gamma_tau += region2_ideal[k].n * region2_ideal[k].j * pow(tau, region2_ideal[k].j - 1);
    for (size_t k = 0; k < COUNT(region2); k++)
        if (region2[k].j > 0)
            gamma_tau += region2[k].n * a[region2[k].i] * region2[k].j * b[region2[k].j - 1];
    return R_WATER * t * tau * gamma_tau;
}

// IF97 equation 31; p in MPa.
static double saturation_kelvin(double p)
{
    const double *n = region4;
    double beta = sqrt(sqrt(p));
    double e = beta * beta + n[2] * beta + n[5];
    double f = n[0] * beta * beta + n[3] * beta + n[6];
    double g = n[1] * beta * beta + n[4] * beta + n[7];
    double d = 2 * g / (-f - sqrt(f * f - 4 * e * g));
    double s = n[9] + d;
    return (s - sqrt(s * s - 4 * (n[8] + n[9] * d))) / 2;
}

// IF97 equation 30.
static double saturation_mpa(double t)
{
    const double *n = region4;
    double theta = t + n[8] / (t - n[9]);
    double a = theta * theta + n[0] * theta + n[1];
    double b = n[2] * theta * theta + n[3] * theta + n[4];
    double c = n[5] * theta * theta + n[6] * theta + n[7];
    double x = 2 * c / (-b + sqrt(b * b - 4 * a * c));
    return x * x * x * x;
}

double saturation_temperature(double pressure)
{
    if (!(pressure >= 0.00612 && pressure <= 220.64))
        return NAN;
    return saturation_kelvin(pressure / 10) - ZERO_C;
}

double saturation_pressure(double temperature)
{
    if (!(temperature >= 0 && temperature <= 373.9))
        return NAN;
    return saturation_mpa(temperature + ZERO_C) * 10;
}

// Region 2 ends at 350 degC on the saturation line: 165.29 bar.
double steam_enthalpy(double pressure)
{
    if (!(pressure >= 0.00612 && pressure <= 165))
        return NAN;
    return if97_region2_h(pressure / 10, saturation_kelvin(pressure / 10));
}

double water_enthalpy(double temperature)
{
    if (!(temperature >= 0 && temperature <= 350))
        return NAN;
    double t = temperature + ZERO_C;
    return if97_region1_h(saturation_mpa(t), t);
}

// ---- Glycols ----

// f(x, y) = sum of c[i][j] (x - xm)^i (y - ym)^j, x in percent by mass, y in degC; i from 0 to 5 with 4, 4,
// 4, 3, 2, 1 powers of y.
enum { MELINDER_TERMS = 18 };

struct melinder {
    double xm, ym;
    double freezing[MELINDER_TERMS], density[MELINDER_TERMS], heat[MELINDER_TERMS]; // degC, kg/m3, J/(kg K)
};

static const struct melinder ethylene_glycol = {
    .xm = 30.8462,
    .ym = 31.728,
    .freezing = {-15.25, -0.000001566, -0.0000002278, 0.000000002169, -0.808, -0.000001339, 0.00000002047,
                 -0.00000000002717, -0.01334, 0.00000006322, 0.0000000002373, -0.000000000002183, -0.00007293,
                 0.000000001764, -0.00000000002442, 0.000001006, -0.00000000007662, 0.00000000114},
    .density = {1034, -0.4781, -0.002692, 0.000004725, 1.311, -0.006876, 0.00004805, 0.0000000169, 0.0000749,
                0.00007855, -0.0000003995, 0.000000004982, -0.0001062, 0.000001229, -0.00000001153,
                -0.0000009623, -0.00000007211, 0.00000004891},
    .heat = {3737, 2.93, -0.004675, -0.00001389, -17.99, 0.1046, -0.0004147, 0.0000001847, -0.09933,
             0.0003516, 0.000005109, -0.00000007138, 0.00261, -0.000001189, -0.0000001643, 0.00001537,
             -0.0000004272, -0.000001618},
};

static const struct melinder propylene_glycol = {
    .xm = 30.7031,
    .ym = 32.7083,
    .freezing = {-13.25, -0.0000382, 0.0000007865, -0.000000001733, -0.6631, 0.000006774, -0.00000006242,
                 -0.0000000007819, -0.01094, 0.00000005332, -0.000000004169, 0.00000000003288, -0.0002283,
                 -0.00000001131, 0.0000000001918, -0.000003409, 0.00000000008035, 0.00000001465},
    .density = {1018, -0.5406, -0.002666, 0.00001347, 0.7604, -0.00945, 0.00005541, -0.0000001343, -0.002498,
                0.000027, -0.0000004018, 0.000000003376, -0.000155, 0.000002829, -0.000000007175,
                -0.000001131, -0.00000002221, 0.00000002342},
    .heat = {3882, 2.699, -0.001659, -0.00001032, -13.04, 0.0507, -0.00004752, 0.000001522, -0.1598,
             0.00009534, 0.00001167, -0.0000000487, 0.0003539, 0.00003102, -0.000000295, 0.00005,
             -0.0000007135, -0.0000004959},
};

static double melinder(const struct melinder *m, const double *c, double percent, double temperature)
{
    static const int row[] = {4, 4, 4, 3, 2, 1};
    double x = percent - m->xm, y = temperature - m->ym, xi = 1, sum = 0;
    for (size_t i = 0; i < COUNT(row); i++, xi *= x) {
        double inner = 0;
        for (int j = row[i] - 1; j >= 0; j--)
            inner = inner * y + c[j];
        sum += xi * inner;
        c += row[i];
    }
    return sum;
}

static const struct melinder *glycol(const struct fluid *f)
{
    return f->kind == FLUID_ETHYLENE_GLYCOL ? &ethylene_glycol : &propylene_glycol;
}

static bool in_range(const struct fluid *f, double t)
{
    if (f->kind == FLUID_WATER)
        return t >= 0 && t <= 200;
    const struct melinder *m = glycol(f);
    return f->percent >= 0 && f->percent <= 60 && t <= 100 &&
           t >= melinder(m, m->freezing, f->percent, m->ym);
}

// ---- What a flow carries ----

double fluid_density(const struct fluid *f, double temperature)
{
    if (!in_range(f, temperature))
        return NAN;
    if (f->kind == FLUID_WATER)
        return 1 / if97_region1_v(EN1434, temperature + ZERO_C);
    return melinder(glycol(f), glycol(f)->density, f->percent, temperature);
}

double fluid_heat(const struct fluid *f, double hot, double cold)
{
    if (!in_range(f, hot) || !in_range(f, cold))
        return NAN;
    if (f->kind == FLUID_WATER)
        return if97_region1_h(EN1434, hot + ZERO_C) - if97_region1_h(EN1434, cold + ZERO_C);
    return melinder(glycol(f), glycol(f)->heat, f->percent, (hot + cold) / 2) / 1000 * (hot - cold);
}

double fluid_volume_power(const struct fluid *f, double flow, double sensor, double hot, double cold)
{
    return fluid_mass_power(f, flow * fluid_density(f, sensor), hot, cold);
}

double fluid_mass_power(const struct fluid *f, double flow, double hot, double cold)
{
    return flow / 3600 * fluid_heat(f, hot, cold);
}
