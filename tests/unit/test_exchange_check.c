// SPDX-License-Identifier: Apache-2.0
// A stranger's offer: read strictly by its table, then checked for what no type can say.
#include <stdlib.h>
#include "exchange_kit.h"

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
        {"{" HEAD ",\"heat\":{\"supply\":5000}}", "\"heat.supply\" must be from -270 to 3000"},
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
        {"{\"level\":6}", "from 1 to 5"},
        {"{\"level\":\"2\"}", "from 1 to 5"},
        {"{\"id\":7}", "must be a string"},
        {"{\"role\":7}", "must be a string"},
        {"{\"title\":\"a\x7f\"}", "characters"},
        {"{\"Colour!\":1}", "\"?\" is not a known key"}, // a stranger's characters are not repeated
        {"{\"created\":4102444800001}", "milliseconds"},
        {"{\"created\":\"1\"}", "milliseconds"},
        {"{\"confidence\":\"1\"}", "must be a number"},
        {"{\"confidence\":-0.1}", "from 0 to 1"},
        {"{\"firm\":[]}", "a number or a band"},
        {"{\"firm\":\"1-1e13\"}", "from 0 to"},
        {"{\"firm\":\"-5-1\"}", "from 0 to"},
        {"{\"months\":{}}", "must be a list"},
        {"{\"months\":[1,1,1,1,1,1,1,1,1,1,1,\"1\"]}", "shares from 0 to 1"},
        {"{\"months\":[1,1,1,1,1,1,1,1,1,1,1,-0.1]}", "shares from 0 to 1"},
        {"{\"interruptible\":null}", "true or false"},
        {"{\"parameters\":[1]}", "a list of objects"},
        {"{\"waste\":{\"codes\":[150101]}}", "codes of the List of Waste"},
        {"{\"waste\":{\"codes\":[\"15 01 01\"]}}", "codes of the List of Waste"},
        {"{\"waste\":{\"operations\":[7]}}", "R1"},
        {"{\"waste\":{\"operations\":[\"X1\"]}}", "R1"},
        {"{\"waste\":{\"operations\":[\"D16\"]}}", "R1"},
        {"{\"waste\":{\"operations\":[\"R\"]}}", "R1"},
        {"{\"waste\":{\"operations\":[\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\","
         "\"R1\","
         "\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\",\"R1\","
         "\"R1\","
         "\"R1\",\"R1\",\"R1\"]}}",
         "1 to 28"},
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

static void good(struct offer o)
{
    char why[200] = "";
    if (!offer_check(&o, why, sizeof why))
        fail_msg("refused: %s", why);
}

#define GOOD(base, change)                                                                                   \
    do {                                                                                                     \
        struct offer o = base;                                                                               \
        change;                                                                                              \
        good(o);                                                                                             \
    } while (0)

// Amounts, each of them and each end.
static void test_amounts_checked(void **state)
{
    (void)state;
    const struct offer heat = kit_heat(3), waste = kit_waste();
    REFUSED(heat, o.firm = ((struct span){NAN, 5}), "firm has one end only");
    REFUSED(heat, o.firm = ((struct span){5, NAN}), "firm has one end only");
    REFUSED(heat, o.peak = span_of(INFINITY), "peak is not in order");
    REFUSED(heat, o.peak = span_of(-INFINITY), "peak is not in order");
    REFUSED(heat, o.firm = ((struct span){5, INFINITY}), "firm has an open end");
    REFUSED(heat, o.annual = ((struct span){5, INFINITY}), "annual has an open end");
    REFUSED(heat, o.peak = span_of(500), "typical and peak");
    REFUSED(heat, (o.typical = SPAN_UNSAID, o.peak = span_of(5)), "firm and peak");
    GOOD(heat, o.firm = SPAN_UNSAID);
    GOOD(heat, o.peak = SPAN_UNSAID);
    GOOD(heat, (o.firm = span_of(0), o.typical = span_of(0)));
    // Bands that overlap are in order as far as anybody can tell.
    GOOD(heat, (o.firm = ((struct span){500, 1000}), o.typical = ((struct span){500, 1000})));
    REFUSED(waste, o.waste.fill = span_of(-0.1), "waste.fill is below 0");
    REFUSED(heat, o.radius_m = -1, "site.radius_m is below 0");
    REFUSED(heat, o.latitude = -91, "not on the earth");
    REFUSED(heat, o.longitude = 181, "not on the earth");
    REFUSED(heat, o.longitude = -181, "not on the earth");
    GOOD(heat, (o.latitude = NAN, o.longitude = NAN));
    REFUSED(heat, o.confidence = 1.1, "confidence");
    REFUSED(heat, o.confidence = -0.1, "confidence");
    GOOD(heat, o.confidence = NAN);
    REFUSED(heat, o.price = -INFINITY, "price, avoided or notice_h");
    REFUSED(heat, o.avoided = INFINITY, "price, avoided or notice_h");
    REFUSED(heat, o.notice_h = -1, "price, avoided or notice_h");
    GOOD(heat, o.price = -80);
    REFUSED(waste, o.months[3] = 1.5f, "months");
    REFUSED(waste, o.months[3] = -0.5f, "months");
    GOOD(waste, (o.months[3] = 9, o.has_months = false));
    GOOD(heat, (o.valid_from.ms = o.valid_until.ms, o.valid_until.ms = 0));
    GOOD(heat, o.valid_from.ms = o.valid_until.ms - 1);
}

static void test_heat_checked(void **state)
{
    (void)state;
    const struct offer heat = kit_heat(3);
    REFUSED(heat, o.heat.supply = span_of(-300), "heat.supply is below -270");
    REFUSED(heat, o.heat.back = span_of(-300), "heat.back is below -270");
    REFUSED(heat, o.heat.supply = ((struct span){60, INFINITY}), "heat.supply has an open end");
    REFUSED(heat, o.heat.back = ((struct span){-INFINITY, 40}), "heat.back");
    REFUSED(heat, o.heat.back = ((struct span){40, INFINITY}), "heat.back has an open end");
    REFUSED(heat, o.heat.approach_k = -1, "approach_k is below 0");
    GOOD(heat, o.heat.approach_k = NAN);
    GOOD(heat, o.resource = RESOURCE_STEAM);
    GOOD(heat, (o.resource = RESOURCE_COLD, o.heat.supply = span_of(6), o.heat.back = span_of(12)));
    // Of water nothing of this may be said, whichever it is.
    struct offer water = heat;
    water.resource = RESOURCE_WATER;
    water.heat.supply = water.heat.back = water.heat.pressure = SPAN_UNSAID;
    water.heat.approach_k = NAN;
    GOOD(water, (void)0);
    REFUSED(water, o.heat.back = span_of(5), "heat does not belong to water");
    REFUSED(water, o.heat.pressure = span_of(5), "heat does not belong to water");
    REFUSED(water, o.heat.approach_k = 5, "heat does not belong to water");
}

static void test_matter_checked(void **state)
{
    (void)state;
    const struct offer waste = kit_waste();
    REFUSED(waste, o.waste.code_count = OFFER_CODES + 1, "too many waste codes");
    REFUSED(waste, (o.waste.codes[1] = 150102, o.waste.hazardous = true), "hazardous is true");
    for (unsigned bit = 0; bit <= 16; bit = bit == 0 ? 14 : bit + 1)
        REFUSED(waste, o.waste.operations = 1u << bit, "no such operation");
    // At level 1 an offer of waste is counted without its code; what is no waste needs none.
    GOOD(waste, (o.role = ROLE_OFFER, o.waste.code_count = 0, o.level = DISCLOSE_AGGREGATE));
    GOOD(waste, (o.role = ROLE_OFFER, o.waste.code_count = 0, o.resource = RESOURCE_BY_PRODUCT));
    GOOD(waste, (o.role = ROLE_OFFER, o.waste.code_count = 1, o.waste.hazardous = false));
    static const enum resource matter[] = {RESOURCE_BY_PRODUCT, RESOURCE_MATERIAL, RESOURCE_FUEL};
    for (size_t i = 0; i < TEST_COUNT(matter); i++)
        GOOD(waste, o.resource = matter[i]);
    REFUSED(waste, o.parameter_count = OFFER_LIMITS + 1, "too many parameters");
    REFUSED(waste, o.parameters[0].name[0] = 0, "without a name");
    REFUSED(waste, o.parameters[0].value = SPAN_UNSAID, "moisture has no good value");
    REFUSED(waste, o.equipment.capability_count = 9, "too many parameters");
    REFUSED(waste, o.equipment.capability_count = 1, "without a name");
}

static void test_words_checked(void **state)
{
    (void)state;
    const struct offer heat = kit_heat(3);
    REFUSED(heat, o.id[0] = 0, "id is missing");
    REFUSED(heat, o.resource = (enum resource)RESOURCES, "out of its list");
    REFUSED(heat, o.resource = (enum resource) - 1, "out of its list");
    REFUSED(heat, o.provenance = (enum provenance)99, "out of its list");
    REFUSED(heat, o.role = (enum offer_role)2, "out of its list");
    REFUSED(heat, o.synergy = (enum synergy)4, "out of its list");
    REFUSED(heat, o.level = 6, "level must be 1 to 5");
    REFUSED(heat, o.audience_count = 9, "too many names");
    REFUSED(heat, o.blocked_count = 9, "too many names");
}

// What is written keeps to the tables whatever the struct holds.
static void test_written_by_the_table(void **state)
{
    (void)state;
    struct offer o = kit_waste();
    struct buf b = {0};
    o.waste.operations = UINT32_MAX; // with bits that mean nothing
    o.role = (enum offer_role)7;
    offer_write(&o, &b);
    assert_non_null(strstr(buf_text(&b), "\"R13\",\"D1\""));
    assert_null(strstr(buf_text(&b), "R14"));
    assert_null(strstr(buf_text(&b), "D0"));
    assert_non_null(strstr(buf_text(&b), "\"role\":\"\"")); // and which no reader takes
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_are_read_strictly),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_amounts_checked),
        cmocka_unit_test(test_heat_checked),
        cmocka_unit_test(test_matter_checked),
        cmocka_unit_test(test_words_checked),
        cmocka_unit_test(test_written_by_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
