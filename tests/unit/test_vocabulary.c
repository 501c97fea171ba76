// SPDX-License-Identifier: Apache-2.0
// The vocabulary is complete and consistent, and docs/names.md says what it says.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/files.h"
#include "symbiont/text.h"
#include "symbiont/units.h"

static int open_units(void **state)
{
    (void)state;
    char why[200];
    return units_open(why, sizeof why);
}

static void every_row_is_sound(void **state)
{
    (void)state;
    const struct quantity *q;
    for (size_t i = 0; (q = quantity_row(i)); i++) {
        assert_true(text_is_name(q->name));
        assert_ptr_equal(quantity_find(q->name), q); // no name twice
        assert_non_null(unit_find(q->unit));
        assert_true(isfinite(q->min) && isfinite(q->max));
        if (q->kind == QUANTITY_TEXT)
            assert_null(q->device_class);
        else
            assert_true(q->min < q->max);
        if (q->kind == QUANTITY_COUNTER)
            assert_true(q->min >= 0);
        assert_true(strlen(q->text) >= 2);
        assert_null(strpbrk(q->text, "|\n"));
    }
    assert_true(quantity_row(100) != NULL);
    assert_null(quantity_row(100000));
}

// What Home Assistant's sensor integration accepts for a class. A unit outside is rejected there.
static void device_classes_fit_their_units(void **state)
{
    (void)state;
    static const struct {
        const char *class, *units;
        bool total; // the class may only be used for what is totalled
    } known[] = {
        {"voltage", " V mV uV kV ", false},
        {"current", " A mA ", false},
        {"frequency", " Hz kHz ", false},
        {"power", " W kW MW ", false},
        {"reactive_power", " var kvar ", false},
        {"apparent_power", " VA kVA ", false},
        {"power_factor", "  % ", false},
        {"energy", " Wh kWh MWh GJ MJ ", true},
        {"reactive_energy", " varh kvarh ", true},
        {"temperature", " degC degF ", false},
        {"humidity", " % ", false},
        {"irradiance", " W/m2 ", false},
        {"volume_flow_rate", " m3/h L/h L/min L/s ", false},
        {"water", " m3 L ", true},
        {"gas", " m3 L ", true},
        {"speed", " m/s km/h ", false},
        {"pressure", " Pa kPa bar mbar psi ", false},
        {"weight", " kg g lb ", false},
        {"ph", " pH ", false},
        {"conductivity", " uS/cm mS/cm ", false},
        {"carbon_dioxide", " ppm ", false},
        {"distance", " m km cm mm ", false},
        {"duration", " s min h d ", false},
    };
    const struct quantity *q;
    for (size_t i = 0; (q = quantity_row(i)); i++) {
        if (!q->device_class)
            continue;
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (strcmp(known[k].class, q->device_class) != 0)
                continue;
            found = true;
            char word[64];
            snprintf(word, sizeof word, " %s ", q->unit);
            assert_non_null(strstr(known[k].units, word));
            if (known[k].total)
                assert_int_equal(q->kind, QUANTITY_COUNTER);
        }
        assert_true(found);
    }
}

static void the_usual_words_are_there(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"active_power", "kW"},
        {"active_energy_import", "kWh"},
        {"reactive_power", "kvar"},
        {"apparent_power", "kVA"},
        {"reactive_energy_import", "kvarh"},
        {"apparent_energy", "kVAh"},
        {"thermal_power", "kW"},
        {"thermal_energy", "kWh"},
        {"volume_flow", "m3/h"},
        {"volume", "m3"},
        {"mass_net", "kg"},
        {"mass_gross", "kg"},
        {"mass_tare", "kg"},
        {"flow_temperature", "degC"},
        {"return_temperature", "degC"},
        {"temperature", "degC"},
        {"temperature_difference", "K"},
        {"ph", "pH"},
        {"conductivity", "uS/cm"},
        {"pressure", "bar"},
        {"pulse_count", "pulses"},
        {"mass_flow", "kg/h"},
        {"power_factor", ""},
        {"frequency", "Hz"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct quantity *q = quantity_find(words[i][0]);
        assert_non_null(q);
        assert_string_equal(q->unit, words[i][1]);
    }
    assert_null(quantity_find("activ_power"));
    assert_string_equal(quantity_nearest("activ_power"), "active_power");
    assert_null(quantity_nearest("zzzzzzzz"));
}

static void names_md_is_up_to_date(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    vocabulary_print(out);
    assert_int_equal(fclose(out), 0);

    struct buf file = {0};
    if (file_read("docs/names.md", 1 << 20, &file) != 0)
        fail_msg("docs/names.md cannot be read; run the tests from the top directory");
    if (strcmp(buf_text(&file), text) != 0)
        fail_msg("docs/names.md is out of date: run `build/release/tests/unit/test_vocabulary print > "
                 "docs/names.md`");
    buf_free(&file);
    free(text);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "print") == 0) {
        char why[200];
        if (units_open(why, sizeof why) != 0) {
            fprintf(stderr, "%s\n", why);
            return 1;
        }
        vocabulary_print(stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_sound),
        cmocka_unit_test(device_classes_fit_their_units),
        cmocka_unit_test(the_usual_words_are_there),
        cmocka_unit_test(names_md_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
