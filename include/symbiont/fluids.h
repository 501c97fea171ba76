/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of water, steam and glycol mixtures, and the heat a flow carries. Pure; every function
 * answers NaN outside its range. Temperatures in degC, pressures absolute in bar.
 *
 * Water and steam: IAPWS R7-97(2012), "IAPWS-IF97", regions 1, 2 and 4. Liquid water is taken at
 * 16 bar, the reference pressure of EN 1434-1 annex A; between 1 and 25 bar its density differs by
 * less than 0.1 %, its enthalpy difference by less.
 * Glycols: A. Melinder, "Properties of Secondary Working Fluids for Indirect Systems", IIR 2010;
 * fitted up to 40 degC, specific heat within about 2 % to 100 degC.
 */
#ifndef SYMBIONT_FLUIDS_H
#define SYMBIONT_FLUIDS_H

enum fluid_kind { FLUID_WATER, FLUID_ETHYLENE_GLYCOL, FLUID_PROPYLENE_GLYCOL };

struct fluid {
    enum fluid_kind kind;
    double percent; /* glycol in the mixture, by mass, 0 to 60 */
};

/* kg/m3. Water 0 to 200 degC, glycols above their freezing point to 100 degC. */
double fluid_density(const struct fluid *f, double temperature);
/* kJ/kg from `cold` to `hot`, negative when hot is the colder. */
double fluid_heat(const struct fluid *f, double hot, double cold);

/*
 * kW carried by `flow` m3/h measured at `sensor` degC, in a circuit between `hot` and `cold`. The density
 * is that at the flow sensor (EN 1434-1 annex A): a sensor in the return counts colder, denser
 * water. Negative when hot < cold.
 */
double fluid_volume_power(const struct fluid *f, double flow, double sensor, double hot, double cold);
/* kW carried by `flow` kg/h. */
double fluid_mass_power(const struct fluid *f, double flow, double hot, double cold);

/* Saturated steam, kJ/kg; 0.00612 to 165 bar. */
double steam_enthalpy(double pressure);
/* Liquid water at its boiling pressure, kJ/kg; 0 to 350 degC: feed water, condensate. */
double water_enthalpy(double temperature);
/* degC at which water boils under `pressure`; 0.00612 to 220.64 bar. */
double saturation_temperature(double pressure);
/* bar under which water boils at `temperature`; 0 to 373.9 degC. */
double saturation_pressure(double temperature);

/* The equations themselves, for whoever needs another state: p in MPa, T in K, h in kJ/kg, v in m3/kg. */
double if97_region1_h(double p, double t);
double if97_region1_v(double p, double t);
double if97_region2_h(double p, double t);

#endif
