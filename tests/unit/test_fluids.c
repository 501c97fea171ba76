// SPDX-License-Identifier: Apache-2.0
// Fluids against the verification tables of IAPWS-IF97, published glycol data, and a heat meter's arithmetic.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbiont/fluids.h"

static void assert_relative(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

// IF97 tables 5, 15, 35 and 36, nine digits.
static void if97_verification_values(void **state)
{
    (void)state;
    const double digits = 1e-8;
    assert_relative(if97_region1_v(3, 300), 0.100215168e-2, digits);
    assert_relative(if97_region1_v(80, 300), 0.971180894e-3, digits);
    assert_relative(if97_region1_v(3, 500), 0.120241800e-2, digits);
    assert_relative(if97_region1_h(3, 300), 0.115331273e3, digits);
    assert_relative(if97_region1_h(80, 300), 0.184142828e3, digits);
    assert_relative(if97_region1_h(3, 500), 0.975542239e3, digits);
    assert_relative(if97_region2_h(0.0035, 300), 0.254991145e4, digits);
    assert_relative(if97_region2_h(0.0035, 700), 0.333568375e4, digits);
    assert_relative(if97_region2_h(30, 700), 0.263149474e4, digits);
    assert_relative(saturation_pressure(300 - 273.15), 0.353658941e-2 * 10, digits);
    assert_relative(saturation_pressure(500 - 273.15), 0.263889776e1 * 10, digits);
    assert_relative(saturation_pressure(600 - 273.15), 0.123443146e2 * 10, digits);
    assert_relative(saturation_temperature(1) + 273.15, 0.372755919e3, digits);
    assert_relative(saturation_temperature(10) + 273.15, 0.453035632e3, digits);
    assert_relative(saturation_temperature(100) + 273.15, 0.584149488e3, digits);
}

// Steam tables: 10 bar saturated 2777.1 kJ/kg, water at 100 degC 419.1 kJ/kg.
static void steam_tables(void **state)
{
    (void)state;
    assert_relative(steam_enthalpy(10), 2777.12, 1e-5);
    assert_relative(steam_enthalpy(1.01325), 2675.53, 1e-5);
    assert_relative(water_enthalpy(100), 419.10, 1e-4);
    assert_relative(steam_enthalpy(10) - water_enthalpy(100), 2358, 1e-3);
    assert_relative(saturation_temperature(1.01325), 99.974, 1e-4);
    assert_true(isnan(steam_enthalpy(200)) && isnan(steam_enthalpy(0)) && isnan(steam_enthalpy(-1)));
    assert_true(isnan(steam_enthalpy(NAN)) && isnan(water_enthalpy(NAN)) && isnan(saturation_pressure(NAN)));
    assert_true(isnan(water_enthalpy(351)) && isnan(saturation_temperature(221)));
}

static void water_as_in_the_tables(void **state)
{
    (void)state;
    const struct fluid water = {FLUID_WATER, 0};
    assert_relative(fluid_density(&water, 20), 998.21, 1e-3); // at 1 atm; ours is at 16 bar
    assert_relative(fluid_density(&water, 60), 983.2, 1e-3);
    assert_relative(fluid_density(&water, 90), 965.3, 1e-3);
    assert_relative(fluid_heat(&water, 50, 40), 41.8, 2e-3);
    assert_true(isnan(fluid_density(&water, -1)) && isnan(fluid_density(&water, 201)));
    assert_true(isnan(fluid_density(&water, NAN)) && isnan(fluid_heat(&water, 50, NAN)));
}

// 24 m3/h between 65 and 45 degC. The naive 1.163 kWh/(m3 K) gives 558.2 kW.
static void a_heat_meter(void **state)
{
    (void)state;
    const struct fluid water = {FLUID_WATER, 0};
    double at_return = fluid_volume_power(&water, 24, 45, 65, 45);
    double at_supply = fluid_volume_power(&water, 24, 65, 65, 45);
    assert_relative(at_return, 551.9, 1e-3);
    assert_relative(at_supply, 546.8, 1e-3);
    assert_relative(fluid_volume_power(&water, 24, 45, 45, 65), -at_return, 1e-12);
    assert_relative(fluid_mass_power(&water, 3600, 50, 40), 41.8, 2e-3);
}

// Ethylene glycol as tabulated in SecCool after Melinder, propylene glycol as in the handbooks of suppliers.
static void glycols_as_in_the_tables(void **state)
{
    (void)state;
    static const struct {
        enum fluid_kind kind;
        double percent, temperature, density, heat;
    } rows[] = {
        {FLUID_ETHYLENE_GLYCOL, 31, 20, 1040.08, 3715.8},  {FLUID_ETHYLENE_GLYCOL, 31, -10, 1049.54, 3620.5},
        {FLUID_ETHYLENE_GLYCOL, 56, -40, 1096.25, 2811.4}, {FLUID_ETHYLENE_GLYCOL, 11, 5, 1015.74, 4046.9},
        {FLUID_PROPYLENE_GLYCOL, 30, 20, 1024, 3850},      {FLUID_PROPYLENE_GLYCOL, 40, 20, 1032, 3720},
        {FLUID_PROPYLENE_GLYCOL, 50, 20, 1040, 3520},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fluid f = {rows[i].kind, rows[i].percent};
        double t = rows[i].temperature;
        assert_relative(fluid_density(&f, t), rows[i].density, 2e-3);
        assert_relative(fluid_heat(&f, t + 0.5, t - 0.5) * 1000, rows[i].heat, 1.5e-2);
    }
    // Little glycol is nearly water.
    struct fluid thin = {FLUID_PROPYLENE_GLYCOL, 0}, water = {FLUID_WATER, 0};
    assert_relative(fluid_volume_power(&thin, 10, 20, 30, 20), fluid_volume_power(&water, 10, 20, 30, 20),
                    0.02);
}

static void glycols_end_where_they_freeze(void **state)
{
    (void)state;
    struct fluid f = {FLUID_ETHYLENE_GLYCOL, 30};
    assert_true(isnan(fluid_density(&f, -20))); // freezes at -14.6
    assert_true(fluid_density(&f, -14) > 1000);
    assert_true(isnan(fluid_density(&f, 101)));
    f.percent = 61;
    assert_true(isnan(fluid_density(&f, 20)));
    f.percent = NAN;
    assert_true(isnan(fluid_density(&f, 20)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(if97_verification_values), cmocka_unit_test(steam_tables),
        cmocka_unit_test(water_as_in_the_tables),   cmocka_unit_test(a_heat_meter),
        cmocka_unit_test(glycols_as_in_the_tables), cmocka_unit_test(glycols_end_where_they_freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
