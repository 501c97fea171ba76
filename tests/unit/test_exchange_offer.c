// SPDX-License-Identifier: Apache-2.0
// Offers: bands, what a level lets out, what counts as a change, the body written and read.
#include "exchange/offer_table.h"
#include "exchange_kit.h"

// ---- Levels ----

static const char *written(const struct offer *o)
{
    static struct buf b;
    buf_reset(&b);
    offer_write(o, &b);
    return buf_text(&b);
}

static void test_scenario_10(void **state)
{
    (void)state;
    struct offer full = kit_heat(DISCLOSE_BANDS), out;
    assert_true(offer_disclose(&full, &out));
    assert_string_equal(
        written(&out),
        "{\"id\":\"" KIT_ID
        "\",\"revision\":3,\"role\":\"offer\",\"synergy\":\"exchange\",\"resource\":\"heat\","
        "\"provenance\":\"measured\",\"level\":2,\"site\":{\"pseudonym\":\"f-7q2\",\"zone\":\"57221\","
        "\"latitude\":49.325,\"longitude\":6.125,\"radius_m\":1700,\"nace\":\"24\"},\"confidence\":0.9,"
        "\"created\":1759276800000,\"valid_until\":1775001600000,\"firm\":\"200-500\",\"typical\":\"500-"
        "1000\","
        "\"peak\":\"500-1000\",\"annual\":\"2000-5000\",\"blocks\":[0.2,0.2,0.9,0.2,0.2,0.2,0.2,0.2,0.9,0.2,"
        "0.2,0.2,"
        "0.2,0.2,0.9,0.2,0.2,0.2,0.2,0.2,0.9,0.2,0.2,0.2,0.2,0.2,0.9,0.2,0.2,0.2,0.2,0.2,0.9,0.2,0.2,0.2,"
        "0.2,0.2,0.9,0.2,0.2,0.2],\"heat\":{\"supply\":\"60-70\",\"back\":\"40-50\",\"approach_k\":5}}");
    full.level = DISCLOSE_AGGREGATE;
    assert_true(offer_disclose(&full, &out));
    assert_string_equal(
        written(&out),
        "{\"id\":\"" KIT_ID
        "\",\"revision\":3,\"role\":\"offer\",\"synergy\":\"exchange\",\"resource\":\"heat\","
        "\"provenance\":\"measured\",\"level\":1,\"site\":{\"pseudonym\":\"f-7q2\",\"zone\":\"57221\"},"
        "\"typical\":\"500-1000\",\"annual\":\"2000-5000\"}");
    full.level = DISCLOSE_NOTHING;
    assert_false(offer_disclose(&full, &out));
    assert_true(out.level == 0 && !span_said(out.typical) && out.pseudonym[0] == '\0');
    full.level = DISCLOSE_EXACT;
    assert_true(offer_disclose(&full, &out));
    assert_true(out.firm.low == 415 && out.latitude == 49.3237 && out.price == 12.34 && out.title[0] == 'F');
    full.level = 6;
    assert_false(offer_disclose(&full, &out));
}

// Puts a value of its own into every member that a row describes; `next` numbers them.
static void fill(const struct field *rows, char *base, unsigned *next)
{
    for (const struct field *f = rows; f->key; f++) {
        char *p = base + f->at, word[8];
        double number = 3003.0 + 10.0 * (*next)++ + 0.4321;
        snprintf(word, sizeof word, "zq%04u", *next);
        switch (f->type) {
        case FIELD_TEXT:
        case FIELD_WORD:
            memset(p, 0, f->size);
            snprintf(p, f->size, strcmp(f->key, "unit") == 0 ? "mg/L" : "%s", word);
            break;
        case FIELD_NUMBER:
            *(double *)(void *)p = number;
            break;
        case FIELD_SPAN:
            *(struct span *)(void *)p = span_of(number);
            break;
        case FIELD_UTC:
            ((struct utc *)(void *)p)->ms = 1764000000000 + (int64_t)*next * 7777777;
            break;
        case FIELD_OBJECT:
            fill(f->rows, p, next);
            break;
        case FIELD_OBJECTS:
            *(uint8_t *)(base + f->count) = (uint8_t)f->most;
            for (size_t i = 0; i < f->most; i++)
                fill(f->rows, p + i * f->size, next);
            break;
        case FIELD_WORDS:
            *(uint8_t *)(base + f->count) = (uint8_t)f->most;
            for (size_t i = 0; i < f->most; i++)
                snprintf(p + i * f->size, f->size, "zq%04u", (*next)++);
            break;
        case FIELD_SHARES:
            *(bool *)(base + f->count) = true;
            for (size_t i = 0; i < f->most; i++)
                ((float *)(void *)p)[i] = 0.4321f;
            break;
        default:
            break;
        }
    }
}

struct survivors {
    const struct offer *full;
    const char *text;
    unsigned level;
};

static bool stands_in(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

// What must not be found: the digits of every exact number, the words of rows of a higher level.
static void search(const struct field *rows, const char *base, unsigned least, const struct survivors *s)
{
    for (const struct field *f = rows; f->key; f++) {
        const char *p = base + f->at;
        unsigned level = f->level > least ? f->level : least;
        char digits[32] = "";
        if (f->type == FIELD_NUMBER || f->type == FIELD_SPAN)
            snprintf(digits, sizeof digits, "%.0f", *(const double *)(const void *)p);
        else if (f->type == FIELD_UTC)
            snprintf(digits, sizeof digits, "%lld", (long long)((const struct utc *)(const void *)p)->ms);
        else if (f->type == FIELD_SHARES)
            snprintf(digits, sizeof digits, "0.43");
        else if ((f->type == FIELD_TEXT || f->type == FIELD_WORD) && strcmp(f->key, "unit") != 0 &&
                 level > s->level)
            snprintf(digits, sizeof digits, "%.20s", p);
        if (f->coarse == COARSE_TENTH || f->coarse == COARSE_WHOLE) // of these the last digits do not leave
            snprintf(digits, sizeof digits, "%.2f", *(const double *)(const void *)p);
        if (strcmp(f->key, "latitude") == 0 || strcmp(f->key, "longitude") == 0)
            snprintf(digits, sizeof digits, ".4321");
        if (digits[0] && stands_in(s->text, digits))
            fail_msg("level %u: \"%s\" lets %s out: %s", s->level, f->key, digits, s->text);
        if (f->type == FIELD_OBJECT)
            search(f->rows, p, level, s);
        for (size_t i = 0; f->type == FIELD_OBJECTS && i < f->most; i++)
            search(f->rows, p + i * f->size, level, s);
        for (size_t i = 0; f->type == FIELD_WORDS && level > s->level && i < f->most; i++)
            if (stands_in(s->text, p + i * f->size))
                fail_msg("level %u lets \"%s\" out", s->level, p + i * f->size);
    }
}

// Whatever row is added to the table: below level 3 its exact number is not in the bytes that leave, nor in
// the memory that they are written from.
static void test_nothing_of_a_higher_level_survives(void **state)
{
    (void)state;
    for (unsigned level = DISCLOSE_AGGREGATE; level < DISCLOSE_EXACT; level++) {
        struct offer full, out;
        unsigned next = 1;
        offer_clear(&full);
        fill(offer_rows, (char *)&full, &next);
        full.revision = 1;
        full.latitude = 49.4321;
        full.longitude = 6.4321;
        full.level = (uint8_t)level;
        full.waste.code_count = 1;
        full.waste.codes[0] = 150101;
        full.waste.operations = 1u << 3 | 1u << 21;
        assert_true(offer_disclose(&full, &out));
        search(offer_rows, (const char *)&full, 0, &(struct survivors){&full, written(&out), level});
        // Two offers that are the same in bands are the same in every byte.
        struct offer other = full, same;
        for (size_t i = 0; i < OFFER_LIMITS; i++)
            other.parameters[i].value.low = other.parameters[i].value.high += 0.11;
        other.firm = span_of(full.firm.low + 0.17);
        other.typical = span_of(full.typical.low + 0.17);
        other.price += 1;
        other.avoided -= 1;
        other.latitude += 1e-3;
        other.embargo_until.ms++;
        other.created.ms++;
        other.valid_until.ms++;
        memset(other.title, 'x', 20);
        // Rubbish behind the end of words must not leave either.
        memset(other.nace + strlen(other.nace) + 1, 'y', sizeof other.nace - strlen(other.nace) - 1);
        assert_true(offer_disclose(&other, &same));
        assert_memory_equal(&out, &same, sizeof out);
    }
}

// The band of 210 bar ends at 500, beyond what a pressure may be: who is told it must not refuse it.
static void test_a_band_may_reach_beyond_the_range(void **state)
{
    (void)state;
    const struct {
        double pressure, supply, firm;
        bool good;
    } rows[] = {{210, 3000, 1e12, true}, {400, -270, 6e11, true}, {401, 60, 1, false},
                {1, 3001, 1, false},     {1, -271, 1, false},     {1, 60, 1.1e12, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[200] = "";
        struct offer full = kit_heat(DISCLOSE_EXACT), exact, bands, read;
        full.firm = full.typical = full.peak = span_of(rows[i].firm);
        full.heat.supply = span_of(rows[i].supply);
        full.heat.back = SPAN_UNSAID;
        full.heat.pressure = span_of(rows[i].pressure);
        assert_true(offer_disclose(&full, &exact));
        const char *text = written(&exact);
        assert_int_equal(offer_read(text, strlen(text), &read, why, sizeof why), rows[i].good);
        full.level = DISCLOSE_BANDS;
        assert_true(offer_disclose(&full, &bands));
        text = written(&bands);
        bool told =
            offer_read(text, strlen(text), &read, why, sizeof why) && offer_check(&read, why, sizeof why);
        if (rows[i].good && !told)
            fail_msg("%s", why);
    }
}

// ---- Changes ----

static void test_what_counts_as_a_change(void **state)
{
    (void)state;
    for (uint8_t level = DISCLOSE_BANDS; level <= DISCLOSE_EXACT; level++) {
        struct offer full = kit_heat(level), told, now = full;
        offer_disclose(&full, &told);
        assert_false(offer_differs(&told, &now));
        now.firm = span_of(499);
        now.typical = span_of(990);
        now.revision++;
        now.created.ms += 86400000LL * 3;
        assert_false(offer_differs(&told, &now));
        now.firm =
            span_of(520); // a tenth of the band beyond its end is still none: it does not swing to and fro
        assert_false(offer_differs(&told, &now));
        now.firm = span_of(531);
        assert_true(offer_differs(&told, &now));
        now.firm = span_of(171);
        assert_false(offer_differs(&told, &now));
        now.firm = span_of(169);
        assert_true(offer_differs(&told, &now));
        now = full;
        now.heat.supply = span_of(70.9);
        assert_false(offer_differs(&told, &now));
        now.heat.supply = span_of(71.1);
        assert_true(offer_differs(&told, &now));
        now = full;
        now.blocks[5] = 0.3f;
        assert_false(offer_differs(&told, &now));
        now.blocks[5] = 0.5f;
        assert_true(offer_differs(&told, &now));
        now = full;
        strcpy(now.blocked[0], "f-rival");
        now.blocked_count = 1;
        assert_true(offer_differs(&told, &now));
        now = full;
        now.level++;
        assert_true(offer_differs(&told, &now));
        now = full;
        now.level = DISCLOSE_NOTHING;
        assert_true(offer_differs(&told, &now));
        now = full;
        now.firm = SPAN_UNSAID;
        assert_true(offer_differs(&told, &now));
        now = full;
        now.price = 30; // said to nobody at level 2
        assert_int_equal(offer_differs(&told, &now), level >= DISCLOSE_EXACT);
        now = full;
        strcpy(now.title, "Another");
        assert_int_equal(offer_differs(&told, &now), level >= DISCLOSE_EXACT);
    }
}

// ---- The body ----

static void same_after_reading(const struct offer *o)
{
    char why[200] = "";
    struct offer back;
    struct buf first = {0}, second = {0};
    offer_write(o, &first);
    if (!offer_read(first.data, first.len, &back, why, sizeof why))
        fail_msg("%s: %s", why, buf_text(&first));
    offer_write(&back, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    if (!offer_check(&back, why, sizeof why))
        fail_msg("%s", why);
    buf_free(&first);
    buf_free(&second);
}

static void test_written_and_read(void **state)
{
    (void)state;
    struct offer heat = kit_heat(DISCLOSE_DETAIL), bands, waste = kit_waste(), back;
    char why[200];
    same_after_reading(&heat);
    same_after_reading(&waste);
    heat.level = DISCLOSE_BANDS;
    offer_disclose(&heat, &bands);
    same_after_reading(&bands);
    const char *text = written(&waste);
    assert_non_null(strstr(text,
                           "\"codes\":[\"150101\",\"010304\"],\"hazardous\":true,\"legal\":\"by_product\","
                           "\"operations\":[\"R3\",\"R13\",\"D1\",\"D15\"],\"fill\":\"0.5-1\""));
    assert_non_null(strstr(text, "{\"name\":\"moisture\",\"unit\":\"%\",\"value\":\"<12.5\"}"));
    assert_true(offer_read(text, strlen(text), &back, why, sizeof why));
    assert_int_equal(back.waste.operations, waste.waste.operations);
    assert_true(back.months[11] == 1.0f && back.parameters[0].value.low == -INFINITY);
}

static void test_words_and_units(void **state)
{
    (void)state;
    char zone[OFFER_WORD];
    assert_string_equal(offer_unit(RESOURCE_HEAT), "kW");
    assert_string_equal(offer_unit(RESOURCE_WASTE), "t/wk");
    assert_string_equal(offer_unit(RESOURCE_EQUIPMENT), "");
    assert_string_equal(offer_annual_unit(RESOURCE_STEAM), "MWh");
    assert_string_equal(metered_unit(RESOURCE_HEAT), "kWh");
    assert_string_equal(metered_unit(RESOURCE_WASTE), "kg");
    assert_string_equal(metered_unit(RESOURCE_WATER), "m3");
    assert_string_equal(synergy_word(SYNERGY_POOL), "pool");
    assert_string_equal(offer_cell_zone(49.3237, 6.1183, zone), "c:49.325:6.125");
    assert_string_equal(offer_cell_zone(-0.001, -6.1183, zone), "c:0.000:-6.125");
    double lat = 49.3374, lon = 6.1126, radius;
    offer_cell(&lat, &lon, &radius);
    assert_true(lat == 49.325 && lon == 6.125 && radius == 1700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_10),
        cmocka_unit_test(test_nothing_of_a_higher_level_survives),
        cmocka_unit_test(test_a_band_may_reach_beyond_the_range),
        cmocka_unit_test(test_what_counts_as_a_change),
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_words_and_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
