// SPDX-License-Identifier: Apache-2.0
// Offers: bands, what a level lets out, what counts as a change, the body written and read.
#include "exchange/offer_table.h"
#include "exchange/span.h"
#include "exchange_kit.h"

// ---- Bands ----

static void band_of(double v, double low, double high)
{
    struct span s = span_band(span_of(v));
    if (s.low != low || s.high != high)
        fail_msg("%.17g -> %.17g..%.17g, wanted %g..%g", v, s.low, s.high, low, high);
}

static void test_bands(void **state)
{
    (void)state;
    band_of(415, 200, 500); // scenario 10
    band_of(1000, 1000, 2000);
    band_of(999.999, 500, 1000);
    band_of(0, 0, 0);
    band_of(1, 1, 2);
    band_of(0.3, 0.2, 0.5);
    band_of(0.002, 0.002, 0.005);
    band_of(2e-5, 2e-5, 5e-5);
    band_of(5, 5, 10);
    band_of(-415, -500, -200);
    band_of(1e12, 1e12, 2e12);
    assert_false(span_said(span_band(SPAN_UNSAID)));
    // Every band is its own, and holds what it was made of.
    for (double v = 1e-6; v < 1e9; v *= 1.37) {
        struct span b = span_band(span_of(v)), again = span_band(b);
        assert_true(b.low <= v && v < b.high);
        assert_true(again.low == b.low && again.high == b.high);
    }
    struct span wide = span_band((struct span){150, 320});
    assert_true(wide.low == 100 && wide.high == 500);
    struct span open = span_band((struct span){-INFINITY, 320});
    assert_true(open.low == -INFINITY && open.high == 500);
}

static void celsius(double v, double low, double high)
{
    struct span s = span_band_celsius(span_of(v));
    if (s.low != low || s.high != high)
        fail_msg("%g degC -> %g..%g", v, s.low, s.high);
}

static void test_temperature_bands(void **state)
{
    (void)state;
    celsius(65, 60, 70);
    celsius(60, 60, 70);
    celsius(-5, -10, 0);
    celsius(0, 0, 10);
    celsius(-10, -10, 0);
    struct span b = span_band_celsius((struct span){60, 70});
    assert_true(b.low == 60 && b.high == 70);
}

static void round_trip(struct span s, const char *text)
{
    char out[SPAN_TEXT];
    struct span back;
    assert_string_equal(span_text(s, out), text);
    if (!span_said(s) || (span_exact(s) && isfinite(s.low)))
        return;
    assert_true(span_parse(text, &back));
    assert_true(back.low == s.low && back.high == s.high);
}

static void test_text_of_spans(void **state)
{
    (void)state;
    round_trip((struct span){200, 500}, "200-500");
    round_trip((struct span){-10, 0}, "-10-0");
    round_trip((struct span){-20, -10}, "-20--10");
    round_trip((struct span){0.2, 0.5}, "0.2-0.5");
    round_trip((struct span){1e-5, 2e-5}, "1e-05-2e-05");
    round_trip((struct span){-INFINITY, 500}, "<500");
    round_trip((struct span){200, INFINITY}, ">200");
    round_trip((struct span){-INFINITY, INFINITY}, "any");
    round_trip(span_of(415), "415");
    round_trip(SPAN_UNSAID, "");
    static const char *const bad[] = {"",     "-",     "5",      "500-200", "5-5",  "1-2-3", " 1-2",
                                      "1-2 ", "0x1-2", "nan-1",  "1-inf",   ">",    "<",     ">1-2",
                                      "1e-2", "1--",   "a-b",    "1-2e",    "+1-2", "1,5-2", "1.-2",
                                      ".5-1", "anyx",  "-1e999", "1-1e999"};
    struct span s;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (span_parse(bad[i], &s))
            fail_msg("\"%s\" was taken for %g..%g", bad[i], s.low, s.high);
}

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

static struct offer kit_waste(void)
{
    struct offer o;
    offer_clear(&o);
    strcpy(o.id, KIT_ID);
    strcpy(o.pseudonym, "f-9");
    o.revision = 1;
    o.role = ROLE_NEED;
    o.synergy = SYNERGY_POOL;
    o.resource = RESOURCE_WASTE;
    o.provenance = PROVENANCE_DECLARED;
    o.level = 3;
    o.typical = span_of(1.2);
    o.waste.codes[0] = 150101;
    o.waste.codes[1] = 10304;
    o.waste.code_count = 2;
    o.waste.hazardous = true;
    o.waste.legal = LEGAL_BY_PRODUCT;
    o.waste.operations = 1u << 3 | 1u << 13 | 1u << 17 | 1u << 31;
    o.waste.fill = (struct span){0.5, 1};
    strcpy(o.parameters[0].name, "moisture");
    strcpy(o.parameters[0].unit, "%");
    o.parameters[0].value = (struct span){-INFINITY, 12.5};
    strcpy(o.parameters[1].name, "ph");
    o.parameters[1].value = (struct span){6.5, 8.5};
    o.parameter_count = 2;
    strcpy(o.audience[0], "f-7q2");
    o.audience_count = 1;
    o.has_months = true;
    for (int i = 0; i < 12; i++)
        o.months[i] = (float)i / 11;
    return o;
}

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

#define HEAD                                                                                                 \
    "\"id\":\"a\",\"revision\":1,\"role\":\"offer\",\"synergy\":\"exchange\",\"resource\":\"heat\","         \
    "\"provenance\":\"measured\",\"level\":2,\"site\":{\"pseudonym\":\"f-1\"}"

static void test_strangers_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
    } bad[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "missing"},
        {"{" HEAD "} x", "not JSON"},
        {"{" HEAD ",\"level\":2}", "not JSON"},
        {"{" HEAD ",\"colour\":\"red\"}", "\"colour\" is not a known key"},
        {"{" HEAD ",\"heat\":{\"colour\":1}}", "\"heat.colour\" is not a known key"},
        {"{" HEAD ",\"heat\":[]}", "\"heat\" must be an object"},
        {"{" HEAD ",\"firm\":\"500-200\"}", "\"firm\" must be a number or a band"},
        {"{" HEAD ",\"firm\":null}", "\"firm\" must be"},
        {"{" HEAD ",\"firm\":-1}", "from 0"},
        {"{" HEAD ",\"firm\":1e400}", "not JSON"},
        {"{" HEAD ",\"heat\":{\"supply\":5000}}", "\"heat.supply\" must be from -273.15 to 3000"},
        {"{" HEAD ",\"blocks\":[0.5]}", "\"blocks\" must have 42 entries"},
        {"{" HEAD ",\"months\":[1,1,1,1,1,1,1,1,1,1,1,2]}", "shares from 0 to 1"},
        {"{" HEAD ",\"confidence\":1.5}", "from 0 to 1"},
        {"{" HEAD ",\"audience\":[]}", "1 to 8"},
        {"{" HEAD ",\"audience\":[\"F-1\"]}", "characters"},
        {"{" HEAD ",\"title\":\"a\\u0000b\"}", "not JSON"},
        {"{" HEAD ",\"title\":\"a\\nb\"}", "characters"},
        {"{" HEAD ",\"title\":\"\"}", "is empty"},
        {"{" HEAD ",\"created\":1.5}", "milliseconds"},
        {"{" HEAD ",\"created\":-5}", "milliseconds"},
        {"{" HEAD ",\"interruptible\":1}", "true or false"},
        {"{" HEAD ",\"waste\":{\"codes\":[\"999999\"]}}", "codes of the List of Waste"},
        {"{" HEAD ",\"waste\":{\"operations\":[\"R14\"]}}", "R1"},
        {"{" HEAD ",\"waste\":{\"operations\":[\"R01\"]}}", "R1"},
        {"{" HEAD ",\"waste\":{\"legal\":\"gift\"}}", "a word that is not known"},
        {"{" HEAD ",\"equipment\":{\"capability\":[{\"name\":\"a\",\"value\":[[1]]}]}}",
         "nested more than 4"},
        {"{" HEAD ",\"parameters\":[{\"name\":\"a\"}]}", "\"parameters.value\" is missing"},
        {"{\"id\":\"a\",\"revision\":1e3,\"role\":\"offer\"}", "whole number"},
        {"{\"id\":\"a\",\"revision\":9007199254740993}", "whole number"},
        {"{\"id\":\"a/b\"}", "characters"},
        {"{\"provenance\":\"automatic\"}", "not known"},
        {"{\"level\":0}", "from 1 to 5"},
        {"{\"id\":\"0123456789012345678901234567890123456789\"}", "more than 32"},
    };
    char why[200];
    struct offer o;
    assert_true(offer_read("{" HEAD "}", strlen("{" HEAD "}"), &o, why, sizeof why));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (offer_read(bad[i].json, strlen(bad[i].json), &o, why, sizeof why))
            fail_msg("taken: %s", bad[i].json);
        if (!strstr(why, bad[i].why))
            fail_msg("%s: \"%s\", wanted \"%s\"", bad[i].json, why, bad[i].why);
    }
    char *deep = calloc(1, OFFER_BYTES + 2);
    memset(deep, '[', OFFER_BYTES + 1);
    assert_false(offer_read(deep, OFFER_BYTES, &o, why, sizeof why));
    assert_non_null(strstr(why, "nested"));
    assert_false(offer_read(deep, OFFER_BYTES + 1, &o, why, sizeof why));
    assert_non_null(strstr(why, "more than 4096 bytes"));
    free(deep);
}

static void refused(struct offer o, const char *words)
{
    char why[200] = "";
    if (offer_check(&o, why, sizeof why))
        fail_msg("taken, wanted: %s", words);
    if (!strstr(why, words))
        fail_msg("\"%s\", wanted \"%s\"", why, words);
}

#define REFUSED(base, change, words)                                                                         \
    do {                                                                                                     \
        struct offer o = base;                                                                               \
        change;                                                                                              \
        refused(o, words);                                                                                   \
    } while (0)

static void test_checked(void **state)
{
    (void)state;
    const struct offer heat = kit_heat(3), waste = kit_waste();
    char why[200];
    assert_true(offer_check(&heat, why, sizeof why) && offer_check(&waste, why, sizeof why));
    REFUSED(heat, o.firm = span_of(-1), "firm is below 0");
    REFUSED(heat, o.firm = span_of(1000), "firm and typical are not in order");
    REFUSED(heat, o.typical = ((struct span){5, INFINITY}), "typical has an open end");
    REFUSED(heat, o.peak = ((struct span){7, 5}), "peak is not in order");
    REFUSED(heat, o.heat.back = span_of(80), "heat.back and heat.supply");
    REFUSED(heat, (o.resource = RESOURCE_COLD), "heat.supply and heat.back");
    REFUSED(heat, o.resource = RESOURCE_WATER, "heat does not belong to water");
    REFUSED(heat, o.valid_from.ms = o.valid_until.ms, "valid_until");
    REFUSED(heat, o.latitude = NAN, "belong together");
    REFUSED(heat, o.latitude = 91, "not on the earth");
    REFUSED(heat, o.level = 0, "level must be 1 to 5");
    REFUSED(heat, o.blocks[7] = NAN, "blocks");
    REFUSED(heat, o.pseudonym[0] = 0, "pseudonym");
    REFUSED(heat, (o.waste.codes[0] = 150101, o.waste.code_count = 1), "do not belong to heat");
    REFUSED(waste, o.waste.hazardous = false, "hazardous is false");
    REFUSED(waste, o.waste.codes[1] = 150101, "stands twice");
    REFUSED(waste, o.waste.codes[1] = 5, "not in the List of Waste");
    REFUSED(waste, o.role = ROLE_OFFER, "one waste code");
    REFUSED(waste, (o.role = ROLE_OFFER, o.waste.code_count = 0), "needs its code");
    REFUSED(waste, strcpy(o.parameters[1].name, "moisture"), "stands twice");
    REFUSED(waste, o.parameters[1].value = ((struct span){9, 8}), "parameter ph");
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
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_temperature_bands),
        cmocka_unit_test(test_text_of_spans),
        cmocka_unit_test(test_scenario_10),
        cmocka_unit_test(test_nothing_of_a_higher_level_survives),
        cmocka_unit_test(test_what_counts_as_a_change),
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_strangers_are_read_strictly),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_words_and_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
