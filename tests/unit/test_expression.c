// SPDX-License-Identifier: Apache-2.0
// The expression language: grammar, units, errors with their columns, the logic of the unknown, heat,
// calendar.
#include "expression_kit.h"

#include "symbiont/files.h"
#include "symbiont/fluids.h"

static double value_of(const char *text, const char *unit)
{
    struct expression *e = kit_compile(text, unit);
    struct expression_state *s = expression_state_new(e);
    double v = expression_value(s, (struct utc){0});
    expression_state_free(s);
    expression_free(e);
    return v;
}

static void constants(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        double value;
    } rows[] = {
        {"1 + 2 * 3", "", 7},
        {"(1 + 2) * 3", "", 9},
        {"10 - 4 - 3", "", 3},
        {"16 / 4 / 2", "", 2},
        {"-2 * -3", "", 6},
        {"--2", "", 2},
        {"2 - -2", "", 4},
        {"1e3 + .5", "", 1000.5},
        {"if 1 < 2 then 3 else 4", "", 3},
        {"if 1 > 2 then 3 else if 2 > 1 then 4 else 5", "", 4},
        {"1 + (if true then 1 else 2)", "", 2},
        {"not true or true", "bool", 1},
        {"not (true or true)", "bool", 0},
        {"true or false and false", "bool", 1},
        {"1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3 and 1 == 1 and 1 != 2", "bool", 1},
        {"true == false", "bool", 0},
        {"min(3, 1, 2)", "", 1},
        {"max(3, 1, 2)", "", 3},
        {"abs(-3 kW)", "kW", 3},
        {"clamp(5 kW, 0 W, 2000 W)", "kW", 2},
        {"clamp(-5 kW, 0 W, 2000 W)", "kW", 0},
        {"sqrt(16)", "", 4},
        {"or_else(5 kW, 0 kW)", "kW", 5},
        {"known(5)", "bool", 1},
        // Units.
        {"200 kW + 5 W", "kW", 200.005},
        {"0.25 * 75 kW", "kW", 18.75},
        {"0.25*75kW", "kW", 18.75},
        {"80 % * 75 kW", "kW", 60},
        {"75 kW * 80 %", "kW", 60},
        {"1 kWh + 3.6 MJ", "kWh", 2},
        {"1 kWh", "MJ", 3.6},
        {"100 kW * 30 min", "kWh", 50},
        {"50 kWh / 30 min", "kW", 100},
        {"100 kW / 50 kW", "", 2},
        {"1 kW / 1 W", "", 1000},
        {"60 L/min", "m3/h", 3.6},
        {"2 t/h", "kg/h", 2000},
        {"3 kW/2", "kW", 1.5},
        {"100 kWh * 50 EUR/MWh", "EUR", 5},
        {"1000 pulses * 0.01 kWh/pulses", "kWh", 10},
        {"number(2 kW, W)", "", 2000},
        {"number(3 kW, kW) / number(5 kVA, kVA)", "", 0.6},
        {"1500 rpm == 25 Hz", "bool", 1},
        {"min(1 kW, 500 W)", "W", 500},
        {"min(3 min, 100 s)", "s", 100}, // of two times: the smaller, no window
        {"if true then 1 kW else 5 W", "W", 1000},
        {"24 m3/h * 990 kg/m3 * 4.18 kJ/kg/K * 20 K", "kW", 24. / 3600 * 990 * 4.18 * 20},
        {"5 µS/cm + 1 mS/cm", "uS/cm", 1005},
        // Temperatures.
        {"-5 degC", "degC", -5},
        {"65 degC - 45 degC", "K", 20},
        {"65 degC - 5 K", "degC", 60},
        {"65 degC + 5 K", "degC", 70},
        {"5 K + 65 degC", "degC", 70},
        {"212 degF", "degC", 100},
        {"50 degC - 32 degF", "K", 50},
        {"32 degF + 9 degR", "degC", 5},
        {"10 degC + 9 degR", "degC", 15},
        {"9 degR + 32 degF", "degF", 41},
        {"(65 degC - 45 degC) * 2", "K", 40},
        {"40 degC < 105 degF", "bool", 1},
        {"max(40 degC, 100 degF)", "degC", 40},
        {"if true then 10 degC else 68 degF", "degC", 10},
        {"-(5 K)", "K", -5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = value_of(rows[i].text, rows[i].unit);
        if (isnan(v) || fabs(v - rows[i].value) > 1e-12 * fmax(1, fabs(rows[i].value)))
            fail_msg("%s is %.17g, not %.17g", rows[i].text, v, rows[i].value);
    }
}

static void errors_name_the_place_and_the_units(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        int column;
        const char *says;
    } rows[] = {
        // Dimensions.
        {"p + flow", NULL, 3, "cannot add kW (power) and m3/h (volume flow)"},
        {"p - flow", NULL, 3, "cannot subtract m3/h (volume flow) from kW (power)"},
        {"mass < t", NULL, 6, "cannot compare kg (mass) and degC (temperature)"},
        {"p > 200", NULL, 3,
         "cannot compare kW (power) and a plain number; write the unit behind the number"},
        {"200 < p", NULL, 5, "a plain number and kW (power); write the unit"},
        {"p + q", NULL, 3, "cannot add kW (power) and kvar (reactive power)"},
        {"t > 5 K", NULL, 3, "K is a difference of temperatures, degC a temperature"},
        {"dt > 5 degC", NULL, 4, "K is a difference of temperatures"},
        {"t + t2", NULL, 3, "two temperatures cannot be added"},
        {"dt - t", NULL, 4, "a temperature cannot be taken from a difference"},
        {"2 * t", NULL, 5,
         "a temperature in degC cannot be multiplied; subtract another temperature first, which gives K"},
        {"t / 2", NULL, 1, "a temperature in degC cannot be divided"},
        {"-t", NULL, 2, "has no opposite"},
        {"dt + tf", NULL, 4, "write the temperature first"},
        {"p", "m3/h", 1, "the result is kW (power), but m3/h (volume flow) is wanted"},
        {"p > 1 kW", "kW", 1, "the result is true or false, but kW (power) is wanted"},
        {"p", "bool", 1, "the result needs true or false, not kW (power)"},
        {"p and on", NULL, 1, "\"and\" needs true or false, not kW (power)"},
        {"on and p", NULL, 8, "\"and\" needs true or false"},
        {"not p", NULL, 5, "\"not\" needs true or false"},
        {"on + 1", NULL, 1, "\"+\" needs a number, not true or false"},
        {"1 * on", NULL, 5, "\"*\" needs a number"},
        {"on < true", NULL, 4, "true and false are not ordered"},
        {"on == 1", NULL, 4, "cannot compare true or false and a plain number"},
        {"if p then 1 else 2", NULL, 4, "\"if\" needs true or false"},
        {"if on then p else flow", NULL, 19, "cannot choose between kW (power) and m3/h (volume flow)"},
        {"if on then p else 0", NULL, 19, "cannot choose between kW (power) and a plain number"},
        {"min(p, flow)", NULL, 8, "cannot compare kW (power) and m3/h (volume flow)"},
        {"clamp(p, 0, 5)", NULL, 10, "write the unit behind the number"},
        {"sqrt(p)", NULL, 6, "sqrt needs a plain number, not kW (power)"},
        {"abs(t)", NULL, 5, "whose zero means nothing"},
        {"number(p, bar)", NULL, 8, "number needs pressure, such as bar, not kW (power)"},
        {"heat_power(p, t, t2)", NULL, 12,
         "heat_power needs a volume flow in m3/h or a mass flow in kg/h, not kW (power)"},
        {"heat_power(flow, dt, t2)", NULL, 18,
         "heat_power needs temperature, such as degC, not K (temperature difference)"},
        {"sum(t, 1 h)", NULL, 5, "a temperature in degC cannot be added up"},
        {"sum(on, 1 h)", NULL, 5, "sum needs a number"},
        // Windows.
        {"avg(p)", NULL, 6, "avg needs more: avg(x, 15 min)"},
        {"avg(p, 15)", NULL, 8, "avg needs the length of a window, such as 15 min"},
        {"avg(p, 15 kW)", NULL, 8, "avg needs the length of a window"},
        {"avg(p, \"15 min\")", NULL, 8, "durations are written without quotes: 15 min"},
        {"avg(p, 15 min, 5 kW)", NULL, 16, "how much must be known is a share such as 90 %"},
        {"avg(p, 15 min, 120 %)", NULL, 16, "from 0 % to 100 %"},
        {"avg(p, 0.5 s)", NULL, 8, "from 1 s to 400 d"},
        {"avg(p, 500 d)", NULL, 8, "from 1 s to 400 d"},
        {"avg(5 kW, 15 min)", NULL, 5, "something that is measured, not a constant"},
        {"percentile(p, 1 h)", NULL, 18, "percentile needs more: percentile(x, 7 d, 20 %)"},
        {"age(p, 1 h, 50 %)", NULL, 11, "age takes no more"},
        // Words.
        {"flwo", NULL, 1, "there is no \"flwo\"; did you mean \"flow\"?"},
        {"1 + foo.bar", NULL, 5, "there is no \"foo.bar\""},
        {"abz(p)", NULL, 1, "there is no function \"abz\"; did you mean \"abs\"?"},
        {"hour > 5", NULL, 1, "\"hour\" is a function: write hour(...)"},
        {"p > 5 kw", NULL, 7, "the unit \"kw\" is not known; did you mean \"kW\"?"},
        {"5 kWh2", NULL, 3, "the unit \"kWh2\" is not known; did you mean \"kWh\"?"},
        {"P > 5 kW", NULL, 1, "names are made of a to z"},
        {"pÜ > 5 kW", NULL, 2, "names are made of a to z"},
        {"5 µm + p", NULL, 6, "cannot add um (length) and kW (power)"},
        {"meter. p", NULL, 6, "a point's name is expected after \".\""},
        // Grammar.
        {"", NULL, 1, "a number, a name or \"(\" is expected here, but the expression ends"},
        {"p >", NULL, 4, "is expected here, but the expression ends"},
        {"(p", NULL, 3, "\")\" is expected here"},
        {"p)", NULL, 2, "an operator or the end is expected here, not \")\""},
        {"p p2", NULL, 3, "an operator or the end is expected here, not \"p2\""},
        {"if on then 1", NULL, 13, "\"else\" is expected here"},
        {"if on 1", NULL, 7, "\"then\" is expected here, not \"1\""},
        {"1 + if on then 1 else 2", NULL, 5, "put parentheses around"},
        {"1 kW < p < 5 kW", NULL, 10, "comparisons cannot be chained; write a < b and b < c"},
        {"p = 5 kW", NULL, 3, "write == to compare"},
        {"on && on", NULL, 4, "write and"},
        {"on || on", NULL, 4, "write or"},
        {"!on", NULL, 1, "write not"},
        {"n ^ 2", NULL, 3, "write x * x"},
        {"number(p)", NULL, 9, "number needs more: number(x, kW)"},
        {"number(p, 5 kW)", NULL, 11, "a unit is expected here"},
        {"clamp(p, 1 kW, 2 kW, 3 kW)", NULL, 20, "clamp takes no more"},
        {"steam_power(mass_flow, t, t2)", NULL, 24, "steam_power needs pressure, such as bar, not degC"},
        {"known()", NULL, 7, "a number, a name or"},
        {"p + \x01", NULL, 5, "this character has no meaning here"},
        {"00000000000000000000000000000000000000000000000000000000000000000001", NULL, 1, "too long"},
        {"p # 1", NULL, 3, "\"#\" has no meaning here"},
        {"1 / 0", NULL, 6, "has no value: a division by zero"},
        {"sqrt(-1)", NULL, 9, "has no value"},
        {"1e999", NULL, 1, "is not a number that can be used"},
        {"clamp(p, 1 kW)", NULL, 14, "clamp needs more: clamp(x, low, high)"},
        {"abs(p, p)", NULL, 6, "abs takes no more than abs(x)"},
        {"heat_power(flow, t, t2, at_sea)", NULL, 25,
         "the fluid is water, ethylene_glycol 30 % or propylene_glycol 30 %"},
        {"heat_power(flow, t, t2, ethylene_glycol 70 %)", NULL, 25, "up to 60 % by mass"},
        {"heat_power(flow, t, t2, ethylene_glycol)", NULL, 40, "a share such as 90 %"},
        {"heat_power(flow, t, t2, 5)", NULL, 25, "takes the place of the flow sensor and the fluid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expression_error error;
        struct expression_wanted wanted = {0};
        if (rows[i].unit && strcmp(rows[i].unit, "bool") != 0)
            wanted.unit = unit_find(rows[i].unit);
        struct expression *e =
            expression_compile(rows[i].text, &kit, NULL, rows[i].unit ? &wanted : NULL, &error);
        if (e || error.column != rows[i].column || !strstr(error.text, rows[i].says))
            fail_msg("%s: %s: column %d: %s; expected column %d: %s", rows[i].text,
                     e ? "compiled" : "refused", error.column, error.text, rows[i].column, rows[i].says);
    }
}

static bool any_name(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    (void)arg, (void)name, (void)why, (void)why_size;
    *out = (struct expression_source){.unit = unit_find(""), .hold_ms = -5};
    return true;
}

static void size_is_bounded(void **state)
{
    (void)state;
    char text[9000] = "";
    struct expression_error error;
    // Parentheses, signs and ifs nested a thousand deep.
    static const char *const openings[] = {"(", "-", "not ", "if true then 1 else ", "abs("};
    for (size_t k = 0; k < sizeof openings / sizeof *openings; k++) {
        size_t n = 0;
        while (n + strlen(openings[k]) < 1900)
            n += (size_t)sprintf(text + n, "%s", openings[k]);
        strcpy(text + n, "x");
        assert_null(expression_compile(text, &kit, NULL, NULL, &error));
        assert_true(strstr(error.text, "nested too deeply") || strstr(error.text, "too many parts waiting"));
    }
    memset(text, ' ', 3000);
    strcpy(text + 3000, "1");
    assert_null(expression_compile(text, &kit, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "too long"));
    // Many arguments need a deep stack.
    strcpy(text, "max(n");
    for (int i = 0; i < 60; i++)
        strcat(text, ", n");
    strcat(text, ")");
    assert_null(expression_compile(text, &kit, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "too many parts waiting"));
    // Many and long names.
    memset(text, 'n', 200);
    text[200] = '\0';
    assert_null(expression_compile(text, &kit, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "this name is too long"));
    size_t at = 0;
    for (int i = 0; i <= EXPRESSION_MAX_INPUTS; i++)
        at += (size_t)sprintf(text + at, "%sn%d", i ? "+" : "", i);
    const struct expression_names endless = {.resolve = any_name};
    assert_null(expression_compile(text, &endless, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "too many names: more than 64"));
    // Many steps.
    strcpy(text, "n");
    for (int i = 0; i < 300; i++)
        strcat(text, "+n");
    assert_null(expression_compile(text, &kit, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "more than 512 steps"));
    // Many windows.
    strcpy(text, "avg(n,1h)");
    for (int i = 0; i < 16; i++)
        strcat(text, "+avg(n,1h)");
    assert_null(expression_compile(text, &kit, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "too many windows"));
}

static void values_come_in_their_own_units(void **state)
{
    (void)state;
    struct expression *e = kit_compile("p + p2 + p", "kW");
    assert_int_equal(expression_slots(e), 2); // p once
    assert_string_equal(expression_name(e, 0), "p");
    assert_string_equal(expression_name(e, 1), "p2");
    assert_ptr_equal(expression_source(e, 1)->unit, unit_find("W"));
    assert_null(expression_name(e, 2));
    assert_ptr_equal(expression_unit(e), unit_find("kW"));
    assert_int_equal(expression_window_ms(e), 0);
    struct expression_state *s = expression_state_new(e);
    kit_near(expression_value(s, (struct utc){0}), NAN, 0);
    kit_feed(e, s, "p", 1000, 10);
    kit_near(expression_value(s, (struct utc){1000}), NAN, 0);
    kit_feed(e, s, "p2", 1000, 500);
    kit_near(expression_value(s, (struct utc){1000}), 20.5, 1e-12);
    kit_near(expression_fed(s, 1, (struct utc){1000}), 500, 0);
    kit_feed(e, s, "p2", 2000, INFINITY);
    kit_near(expression_value(s, (struct utc){2000}), NAN, 0);
    expression_feed(s, 99, (struct utc){2000}, 1); // no such slot: counted, no harm
    assert_int_equal(expression_counts(s).late, 1);
    expression_state_free(s);
    expression_free(e);
}

static void the_longest_window_is_told(void **state)
{
    (void)state;
    struct expression *e = kit_compile("avg(p, 15 min) > max(p2, 2 h) and age(p) < 1 d", "bool");
    assert_int_equal(expression_window_ms(e), 2 * 3600000);
    expression_free(e);
    expression_free(NULL);
}

static void what_people_see_stays_clean(void **state)
{
    (void)state;
    // Values are not dragged through SI and back: 0.1 kW and 0.2 kW are 0.30000000000000004 kW at worst,
    // never 0.3 by luck only.
    struct expression *e = kit_compile("p", "kW");
    struct expression_state *s = expression_state_new(e);
    for (int i = 0; i < 1000; i++) {
        kit_feed(e, s, "p", i, i / 10.0);
        assert_true(expression_value(s, (struct utc){i}) == i / 10.0);
    }
    expression_state_free(s);
    expression_free(e);
}

static void logic_of_the_unknown(void **state)
{
    (void)state;
    // u is unknown; T and F stand for known conditions.
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"on and false", 0},
        {"false and on", 0},
        {"on and true", NAN},
        {"on or true", 1},
        {"true or on", 1},
        {"on or false", NAN},
        {"not on", NAN},
        {"on == on", NAN},
        {"p > 5 kW", NAN},
        {"p != p", NAN},
        {"known(p)", 0},
        {"not known(p) and on", NAN},
        {"or_else(p > 5 kW, true)", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        kit_near(value_of(rows[i].text, "bool"), rows[i].value, 0);
    static const struct {
        const char *text;
        double value;
    } numbers[] = {
        {"p + 1 kW", NAN},
        {"0 * p", NAN}, // not zero: nobody knows that p is finite
        {"or_else(p, 7 kW)", 7},
        {"or_else(7 kW, p)", 7},
        {"min(p, 1 kW)", NAN},
        {"max(1 kW, p)", NAN},
        {"clamp(p, 0 kW, 1 kW)", NAN},
        {"if on then 1 kW else 1 kW", NAN},
        {"if true then 1 kW else p", 1},
        {"if false then p else 2 kW", 2},
        {"if true then p else 2 kW", NAN},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        kit_near(value_of(numbers[i].text, "kW"), numbers[i].value, 0);
    struct expression *e = kit_compile("p > 5 kW", "bool");
    struct expression_state *s = expression_state_new(e);
    assert_int_equal(expression_truth(s, (struct utc){0}), TRUTH_UNKNOWN);
    kit_feed(e, s, "p", 0, 6);
    assert_int_equal(expression_truth(s, (struct utc){0}), TRUTH_TRUE);
    kit_feed(e, s, "p", 0, 5);
    assert_int_equal(expression_truth(s, (struct utc){0}), TRUTH_FALSE);
    expression_state_free(s);
    expression_free(e);
}

static void division_by_zero_is_unknown(void **state)
{
    (void)state;
    struct expression *e = kit_compile("p / n", "kW");
    struct expression_state *s = expression_state_new(e);
    kit_feed(e, s, "p", 0, 1);
    kit_feed(e, s, "n", 0, 0);
    kit_near(expression_value(s, (struct utc){0}), NAN, 0);
    kit_feed(e, s, "n", 1, 1e-320); // and an overflow
    kit_near(expression_value(s, (struct utc){1}), NAN, 0);
    kit_feed(e, s, "n", 2, 2);
    kit_near(expression_value(s, (struct utc){2}), 0.5, 0);
    expression_state_free(s);
    expression_free(e);
}

static void a_stale_value_is_unknown(void **state)
{
    (void)state;
    struct expression *e = kit_compile("quick.p", "kW"); // polled each second, known for three
    struct expression_state *s = expression_state_new(e);
    kit_feed(e, s, "quick.p", 10000, 5);
    kit_near(expression_value(s, (struct utc){13000}), 5, 0);
    kit_near(expression_value(s, (struct utc){13001}), NAN, 0);
    kit_near(expression_fed(s, 0, (struct utc){13001}), NAN, 0);
    kit_feed(e, s, "quick.p", 14000, 6);
    kit_near(expression_value(s, (struct utc){14000}), 6, 0);
    expression_state_free(s);
    expression_free(e);
}

static double power_of(const char *text, double flow, double mass_flow, double hot, double cold)
{
    struct expression *e = kit_compile(text, "kW");
    struct expression_state *s = expression_state_new(e);
    static const char *const names[] = {"flow", "litres", "mass_flow", "t", "t2", "tf"};
    const double values[] = {flow, flow / 0.06, mass_flow, hot, cold, hot * 1.8 + 32};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < expression_slots(e); k++)
            if (strcmp(expression_name(e, k), names[i]) == 0)
                expression_feed(s, k, (struct utc){0}, values[i]);
    double v = expression_value(s, (struct utc){0});
    expression_state_free(s);
    expression_free(e);
    return v;
}

// 24 m3/h between 65 and 45 degC; the naive 1.163 kWh/(m3 K) would give 558.2.
static void heat(void **state)
{
    (void)state;
    kit_near(power_of("heat_power(flow, t, t2)", 24, 0, 65, 45), 551.9, 0.3);
    kit_near(power_of("heat_power(flow, t, t2, at_cold, water)", 24, 0, 65, 45), 551.9, 0.3);
    kit_near(power_of("heat_power(flow, t, t2, at_hot)", 24, 0, 65, 45), 546.8, 0.3);
    kit_near(power_of("thermal_power(flow, t, t2, at_return)", 24, 0, 65, 45), 551.9, 0.3);
    kit_near(power_of("thermal_power(flow, t, t2, at_supply)", 24, 0, 65, 45), 546.8, 0.3);
    kit_near(power_of("thermal_power(litres, tf, t2)", 24, 0, 65, 45), 551.9, 0.3);
    // Swapped sensors: thermal_power says so by its sign, heat_power claims nothing.
    assert_true(power_of("thermal_power(flow, t, t2)", 24, 0, 45, 65) < -540);
    kit_near(power_of("heat_power(flow, t, t2)", 24, 0, 45, 65), 0, 0);
    kit_near(power_of("thermal_power(mass_flow, t, t2)", 0, 23.77, 65, 45),
             fluid_mass_power(&(struct fluid){FLUID_WATER, 0}, 23770, 65, 45), 1e-9);
    kit_near(power_of("thermal_power(flow, t, t2, ethylene_glycol 30 %)", 10, 0, 50, 40),
             fluid_volume_power(&(struct fluid){FLUID_ETHYLENE_GLYCOL, 30}, 10, 40, 50, 40), 1e-9);
    kit_near(power_of("thermal_power(flow, t, t2, propylene_glycol 45 %, at_supply)", 10, 0, 50, 40),
             fluid_volume_power(&(struct fluid){FLUID_PROPYLENE_GLYCOL, 45}, 10, 50, 50, 40), 1e-9);
    kit_near(power_of("heat_power(flow, t, t2)", 24, 0, 500, 45), NAN, 0); // no liquid water there
    kit_near(power_of("steam_power(mass_flow, 10 bar, t2)", 0, 1, 0, 100), 655, 0.3);
    kit_near(value_of("steam_enthalpy(10 bar)", "kJ/kg"), 2777.12, 0.02);
    kit_near(value_of("steam_enthalpy(1 MPa) - water_enthalpy(100 degC)", "kJ/kg"), 2358.02, 0.05);
    kit_near(value_of("saturation_temperature(101325 Pa)", "degC"), 99.97, 0.01);
    kit_near(value_of("saturation_pressure(100 degC)", "bar"), 1.0142, 0.0005);
    kit_near(value_of("water_density(45 degC)", "kg/m3"), 990.9, 0.2);
}

static void calendar(void **state)
{
    (void)state;
    char why[200];
    struct zone *zone = zone_open("Europe/Paris", why, sizeof why);
    assert_non_null(zone);
    const int64_t holidays[] = {civil_day_number(2026, 11, 11), civil_day_number(2026, 12, 25)};
    const struct expression_calendar calendar = {zone, holidays, 2};
    static const struct {
        const char *text;
        int month, day, hour; // UTC
        double value;
    } rows[] = {
        {"hour()", 11, 24, 7, 8},
        {"hour()", 7, 24, 22, 0}, // summer time: the next day
        {"weekday()", 7, 24, 21, 5},
        {"weekday()", 7, 24, 22, 6},
        {"month()", 12, 31, 23, 1},
        {"workday()", 11, 24, 7, 1},
        {"workday()", 11, 11, 7, 0},
        {"holiday()", 11, 11, 7, 1},
        {"holiday()", 11, 11, 23, 0},
        {"holiday()", 11, 10, 23, 1},
        {"workday()", 11, 28, 7, 0},
        {"workday() and hour() >= 6 and hour() < 22", 11, 24, 20, 1},
        {"workday() and hour() >= 6 and hour() < 22", 11, 24, 21, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expression_error error;
        struct expression *e = expression_compile(rows[i].text, &kit, &calendar, NULL, &error);
        assert_non_null(e);
        struct expression_state *s = expression_state_new(e);
        int64_t t = (civil_day_number(2026, rows[i].month, rows[i].day) * 24 + rows[i].hour) * 3600000;
        double v = expression_value(s, (struct utc){t});
        if (v != rows[i].value)
            fail_msg("%s is %g", rows[i].text, v);
        expression_state_free(s);
        expression_free(e);
    }
    zone_free(zone);
}

static void the_manual_has_every_function(void **state)
{
    (void)state;
    struct buf manual = {0};
    if (file_read("docs/expressions.md", 1 << 20, &manual) != 0)
        fail_msg("docs/expressions.md cannot be read; run the tests from the top directory");
    const char *name, *signature, *text;
    size_t i = 0;
    for (; expression_function(i, &name, &signature, &text); i++) {
        char call[64];
        snprintf(call, sizeof call, "`%s(", name);
        if (!strstr(buf_text(&manual), call))
            fail_msg("docs/expressions.md does not mention %s", name);
        assert_true(strncmp(signature, name, strlen(name)) == 0 && strlen(text) > 5);
    }
    assert_true(i > 25);
    buf_free(&manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants),
        cmocka_unit_test(errors_name_the_place_and_the_units),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(values_come_in_their_own_units),
        cmocka_unit_test(the_longest_window_is_told),
        cmocka_unit_test(what_people_see_stays_clean),
        cmocka_unit_test(logic_of_the_unknown),
        cmocka_unit_test(division_by_zero_is_unknown),
        cmocka_unit_test(a_stale_value_is_unknown),
        cmocka_unit_test(heat),
        cmocka_unit_test(calendar),
        cmocka_unit_test(the_manual_has_every_function),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
