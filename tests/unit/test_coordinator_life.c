// SPDX-License-Identifier: Apache-2.0
// The life of a match: who said what, what follows, and that nobody sees another's answer.
#include "coordinator/life.h"
#include "test.h"

static void one_yes_shows_to_its_owner_alone(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 2);
    assert_int_equal(life_seen(&l, 0), MATCH_PROPOSED);
    assert_int_equal(life_answer(&l, 0, REPLY_INTERESTED), LIFE_OWN);
    assert_int_equal(life_seen(&l, 0), MATCH_INTERESTED);
    assert_int_equal(life_seen(&l, 1), MATCH_PROPOSED);
    assert_int_equal(life_status(&l), MATCH_INTERESTED);
    assert_false(life_released(&l));
    assert_int_equal(life_answer(&l, 0, REPLY_INTERESTED), LIFE_NOTHING);
    assert_int_equal(life_answer(&l, 0, REPLY_WITHDRAWN), LIFE_OWN);
    assert_int_equal(life_seen(&l, 0), MATCH_PROPOSED);
    assert_int_equal(life_answer(&l, 0, REPLY_WITHDRAWN), LIFE_NOTHING);
}

static void both_yes_disclose_both_agreed_bind(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 2);
    assert_int_equal(life_answer(&l, 1, REPLY_AGREED), LIFE_NOTHING); // to whom?
    assert_int_equal(life_answer(&l, 1, REPLY_INTERESTED), LIFE_OWN);
    assert_int_equal(life_answer(&l, 0, REPLY_INTERESTED), LIFE_ALL);
    assert_true(life_released(&l));
    assert_false(life_bound(&l));
    assert_int_equal(life_metered(&l), LIFE_NOTHING);
    assert_int_equal(life_answer(&l, 0, REPLY_AGREED), LIFE_OWN);
    assert_int_equal(life_seen(&l, 1), MATCH_DISCLOSED);
    assert_int_equal(life_answer(&l, 1, REPLY_AGREED), LIFE_ALL);
    assert_true(life_bound(&l));
    assert_int_equal(life_seen(&l, 0), MATCH_AGREED);
    assert_int_equal(life_metered(&l), LIFE_ALL);
    assert_int_equal(life_metered(&l), LIFE_NOTHING);
    assert_int_equal(life_seen(&l, 1), MATCH_RUNNING);
    life_changed(&l); // what is bound stays as it was agreed
    assert_int_equal(life_status(&l), MATCH_RUNNING);
    assert_int_equal(life_answer(&l, 1, REPLY_ENDED), LIFE_ALL);
    assert_int_equal(l.end, LIFE_FINISHED);
    assert_int_equal(life_gone(&l), LIFE_NOTHING);
}

static void a_change_asks_again_who_had_agreed(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 2);
    life_answer(&l, 0, REPLY_INTERESTED);
    life_answer(&l, 1, REPLY_INTERESTED);
    life_answer(&l, 0, REPLY_AGREED);
    life_changed(&l);
    assert_int_equal(life_status(&l), MATCH_DISCLOSED);
    assert_int_equal(life_answer(&l, 1, REPLY_AGREED), LIFE_OWN); // not yet both
    assert_int_equal(life_answer(&l, 0, REPLY_AGREED), LIFE_ALL);
}

static void a_no_ends_it_and_stays(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 2);
    life_answer(&l, 0, REPLY_INTERESTED);
    assert_int_equal(life_answer(&l, 1, REPLY_DECLINED), LIFE_ALL);
    assert_int_equal(l.end, LIFE_DECLINED);
    assert_int_equal(life_seen(&l, 0), MATCH_ENDED);
    for (int a = REPLY_INTERESTED; a <= REPLY_ENDED; a++)
        assert_int_equal(life_answer(&l, 0, (enum reply_answer)a), LIFE_NOTHING);
    life_begin(&l, 2);
    life_answer(&l, 0, REPLY_INTERESTED);
    life_answer(&l, 1, REPLY_INTERESTED);
    assert_int_equal(life_answer(&l, 0, REPLY_WITHDRAWN), LIFE_ALL);
    assert_int_equal(l.end, LIFE_DECLINED);
}

static void a_change_asks_again(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 2);
    life_answer(&l, 0, REPLY_INTERESTED);
    life_changed(&l);
    assert_int_equal(life_seen(&l, 0), MATCH_PROPOSED);
    assert_int_equal(life_answer(&l, 1, REPLY_INTERESTED),
                     LIFE_OWN); // not disclosed by a yes to something else
    assert_int_equal(life_answer(&l, 0, REPLY_INTERESTED), LIFE_ALL);
}

static void a_round_needs_everybody(void **state)
{
    (void)state;
    struct life l;
    life_begin(&l, 32);
    for (unsigned i = 0; i < 31; i++)
        assert_int_equal(life_answer(&l, i, REPLY_INTERESTED), LIFE_OWN);
    assert_int_equal(life_answer(&l, 32, REPLY_INTERESTED), LIFE_NOTHING); // no such party
    assert_false(life_released(&l));
    assert_int_equal(life_answer(&l, 31, REPLY_INTERESTED), LIFE_ALL);
    assert_int_equal(life_gone(&l), LIFE_ALL);
    assert_int_equal(l.end, LIFE_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_yes_shows_to_its_owner_alone),
        cmocka_unit_test(both_yes_disclose_both_agreed_bind),
        cmocka_unit_test(a_change_asks_again_who_had_agreed),
        cmocka_unit_test(a_no_ends_it_and_stays),
        cmocka_unit_test(a_change_asks_again),
        cmocka_unit_test(a_round_needs_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
