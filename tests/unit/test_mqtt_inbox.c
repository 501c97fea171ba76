// SPDX-License-Identifier: Apache-2.0
// The inbox of an MQTT client: order, bound, counts, two threads.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "publish/mqtt_inbox.h"
#include "test.h"

static bool put(struct mqtt_inbox *b, const char *topic, const char *text)
{
    return mqtt_inbox_put(b, topic, strlen(topic), text, strlen(text), true);
}

static void test_order_and_content(void **state)
{
    (void)state;
    struct mqtt_inbox *b = mqtt_inbox_new(10000);
    struct mqtt_letter *l;
    assert_null(mqtt_inbox_take(b));
    assert_true(put(b, "a/b", "one"));
    assert_true(mqtt_inbox_put(b, "c/d and more", 3, "two\0three", 9, false)); // lengths count, not NULs
    assert_true(mqtt_inbox_put(b, "e", 1, NULL, 0, true));
    assert_false(mqtt_inbox_put(b, "f\0g", 3, "x", 1, true)); // a topic that would be cut
    l = mqtt_inbox_take(b);
    assert_string_equal(l->topic, "a/b");
    assert_string_equal(l->payload, "one");
    assert_true(l->retained && l->n == 3);
    free(l);
    l = mqtt_inbox_take(b);
    assert_string_equal(l->topic, "c/d");
    assert_true(!l->retained && l->n == 9);
    assert_memory_equal(l->payload, "two\0three", 10);
    free(l);
    l = mqtt_inbox_take(b);
    assert_true(l->n == 0 && *(const char *)l->payload == '\0');
    free(l);
    assert_null(mqtt_inbox_take(b));
    assert_true(put(b, "left", "behind")); // freed with it
    mqtt_inbox_free(b);
    mqtt_inbox_free(NULL);
}

static void test_full(void **state)
{
    (void)state;
    struct mqtt_inbox *b = mqtt_inbox_new(1000);
    uint64_t taken, dropped, too_long;
    unsigned fit = 0;
    while (put(b, "t", "0123456789"))
        fit++;
    assert_in_range(fit, 10, 25);
    assert_false(put(b, "t", "0123456789"));
    free(mqtt_inbox_take(b));
    assert_true(put(b, "t", "0123456789")); // as much room as was taken out
    assert_false(put(b, "t", "0123456789"));
    mqtt_inbox_refuse(b);
    mqtt_inbox_counts(b, &taken, &dropped, &too_long);
    assert_int_equal(taken, fit + 1);
    assert_int_equal(dropped, 3);
    assert_int_equal(too_long, 1);
    struct mqtt_letter *l;
    while ((l = mqtt_inbox_take(b)))
        free(l);
    unsigned again = 0;
    while (put(b, "t", "0123456789"))
        again++;
    assert_int_equal(again, fit);
    mqtt_inbox_free(b);
}

#define MANY 20000

static void *sender(void *arg)
{
    char text[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%d", i);
        put(arg, "t", text);
    }
    return NULL;
}

static void test_two_threads(void **state)
{
    (void)state;
    struct mqtt_inbox *b = mqtt_inbox_new(4000);
    uint64_t taken = 0, dropped = 0, too_long = 0;
    pthread_t thread;
    long last = -1, got = 0;
    assert_int_equal(pthread_create(&thread, NULL, sender, b), 0);
    for (bool ended = false; !ended;) {
        struct mqtt_letter *l = mqtt_inbox_take(b);
        if (l) {
            long i = atol(l->payload);
            assert_true(i > last); // in order, whatever was dropped between
            last = i;
            got++;
            free(l);
            continue;
        }
        mqtt_inbox_counts(b, &taken, &dropped, &too_long);
        ended = taken + dropped == MANY && (uint64_t)got == taken;
    }
    pthread_join(thread, NULL);
    assert_true(got > 0);
    mqtt_inbox_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_content),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
