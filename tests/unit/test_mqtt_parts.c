// SPDX-License-Identifier: Apache-2.0
// The pure parts of the MQTT publisher: order of acknowledgement, refusals, documents, addresses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "publish/mqtt_documents.h"
#include "publish/mqtt_options.h"
#include "publish/mqtt_order.h"
#include "publish/mqtt_refusal.h"

static void only_the_part_without_a_hole_is_acknowledged(void **unused)
{
    (void)unused;
    static struct mqtt_order o;
    for (uint64_t id = 11; id <= 15; id++)
        mqtt_order_add(&o, id);
    assert_int_equal(mqtt_order_first(&o), 11);
    mqtt_order_done(&o, 12);
    mqtt_order_done(&o, 13);
    assert_int_equal(mqtt_order_ack(&o), 0);
    mqtt_order_done(&o, 11);
    assert_int_equal(mqtt_order_ack(&o), 13);
    assert_int_equal(mqtt_order_ack(&o), 0);
    assert_int_equal(mqtt_order_first(&o), 14);
    mqtt_order_done(&o, 99); // not ours
    mqtt_order_done(&o, 15);
    mqtt_order_done(&o, 14);
    assert_int_equal(mqtt_order_ack(&o), 15);
    assert_int_equal(mqtt_order_first(&o), 0);
}

static void order_holds_in_every_sequence_of_answers(void **unused)
{
    (void)unused;
    static struct mqtt_order o;
    static bool done[20001];
    unsigned seed = 3;
    uint64_t next = 1, acked = 0;
    mqtt_order_clear(&o);
    while (acked < 20000) {
        if (next <= 20000 && !mqtt_order_full(&o) && rand_r(&seed) % 2)
            mqtt_order_add(&o, next++);
        uint64_t id = acked + 1 + (uint64_t)rand_r(&seed) % 16;
        if (id < next) {
            done[id] = true;
            mqtt_order_done(&o, id);
        }
        uint64_t ack = mqtt_order_ack(&o);
        for (uint64_t i = acked + 1; i <= ack; i++)
            assert_true(done[i]);
        if (ack) {
            assert_true(ack > acked);
            acked = ack;
        }
        assert_true(acked + 1 >= next || !done[acked + 1]);
    }
}

static struct mono at(int64_t ms)
{
    return (struct mono){(1000 + ms) * NS_PER_MS};
}

static void a_refused_topic_is_given_up_when_others_pass(void **unused)
{
    (void)unused;
    static struct mqtt_refusals r;
    struct mqtt_verdict v = mqtt_refused(&r, 7, 0x87, true, at(0));
    assert_false(v.set_aside);
    assert_int_equal(v.due.ns, at(1000).ns);
    v = mqtt_refused(&r, 7, 0x87, true, at(10)); // another message of the same burst: the same try
    assert_false(v.set_aside);
    assert_int_equal(v.due.ns, at(1000).ns);
    v = mqtt_refused(&r, 7, 0x87, true, at(1000));
    assert_int_equal(v.due.ns, at(3000).ns);
    v = mqtt_refused(&r, 7, 0x87, true, at(3000));
    assert_false(v.set_aside);
    v = mqtt_refused(&r, 7, 0x87, true, at(7000));
    assert_true(v.set_aside);
    assert_non_null(strstr(v.words, "not authorized"));
    v = mqtt_refused(&r, 7, 0x87, true, at(7001)); // known by now
    assert_true(v.set_aside);
    assert_false(mqtt_refused(&r, 8, 0x87, true, at(7001)).set_aside); // another topic
    assert_true(mqtt_not_refused(&r, 7));
    assert_false(mqtt_not_refused(&r, 7));
    assert_false(mqtt_refused(&r, 7, 0x87, true, at(9000)).set_aside);
}

static void while_nothing_passes_nothing_is_given_up(void **unused)
{
    (void)unused;
    static struct mqtt_refusals r;
    struct mono now = at(0);
    for (int i = 0; i < 50; i++) {
        struct mqtt_verdict v = mqtt_refused(&r, 7, 0x87, false, now);
        assert_false(v.set_aside);
        assert_true(v.due.ns - now.ns <= 60 * NS_PER_S);
        now = v.due;
    }
    // What can never be accepted does not wait.
    assert_true(mqtt_refused(&r, 9, 0x95, false, now).set_aside);
    assert_false(mqtt_refused(&r, 10, 0x99, false, now).set_aside);
    assert_true(mqtt_refused(&r, 10, 0x99, false, mono_add(now, NS_PER_S)).set_aside);
    // A reason no one knows is treated as one without a reason.
    assert_false(mqtt_refused(&r, 11, 0xEE, true, now).set_aside);
}

static void more_refused_topics_than_places(void **unused)
{
    (void)unused;
    static struct mqtt_refusals r;
    for (uint64_t topic = 1; topic <= 1000; topic++)
        mqtt_refused(&r, topic, 0x87, true, at((int64_t)topic * 10));
    assert_int_equal(r.count, MQTT_REFUSED_TOPICS);
    assert_true(mqtt_not_refused(&r, 1000)); // the latest are remembered
    assert_int_equal(r.count, MQTT_REFUSED_TOPICS - 1);
}

static bool take(struct mqtt_documents *d, struct mqtt_document *doc, struct buf *topic, struct buf *payload)
{
    return mqtt_documents_take(d, false, doc, topic, payload);
}

static void documents_are_sent_once_and_after_each_loss(void **unused)
{
    (void)unused;
    struct mqtt_documents *d = mqtt_documents_new();
    struct mqtt_document doc;
    struct buf topic = {0}, payload = {0};
    mqtt_documents_set(d, "a", "1", 1);
    mqtt_documents_set(d, "b", "2", 1);
    assert_int_equal(mqtt_documents_waiting(d), 2);
    assert_true(take(d, &doc, &topic, &payload));
    assert_string_equal(buf_text(&topic), "a");
    mqtt_documents_set(d, "a", "3", 1); // changes while it is under way
    mqtt_documents_accepted(d, doc);
    assert_true(take(d, &doc, &topic, &payload));
    assert_string_equal(buf_text(&topic), "a");
    assert_string_equal(buf_text(&payload), "3");
    mqtt_documents_accepted(d, doc);
    mqtt_documents_set(d, "a", "3", 1); // the same again
    assert_true(take(d, &doc, &topic, &payload));
    assert_string_equal(buf_text(&topic), "b");
    assert_false(take(d, &doc, &topic, &payload));
    assert_true(mqtt_documents_lost(d, false));
    assert_int_equal(mqtt_documents_waiting(d), 2);
    mqtt_documents_free(d);
    buf_free(&topic);
    buf_free(&payload);
}

static void cleared_documents_are_forgotten_when_the_broker_has(void **unused)
{
    (void)unused;
    struct mqtt_documents *d = mqtt_documents_new();
    struct mqtt_document doc;
    struct buf topic = {0}, payload = {0}, all = {0};
    mqtt_documents_set(d, "b", "1", 1);
    mqtt_documents_set(d, "a", "1", 1);
    mqtt_documents_set(d, "b", NULL, 0);
    mqtt_documents_topics(d, &all);
    assert_string_equal(buf_text(&all), "a\nb\n"); // to be remembered until it is cleared
    assert_true(take(d, &doc, &topic, &payload));
    assert_string_equal(buf_text(&topic), "b");
    assert_int_equal(payload.len, 0);
    mqtt_documents_accepted(d, doc);
    assert_false(mqtt_documents_has(d, "b"));
    assert_int_equal(mqtt_documents_count(d), 1);
    mqtt_documents_set(d, "c", "9", 1); // takes the free place; an old answer does not touch it
    mqtt_documents_accepted(d, doc);
    assert_int_equal(mqtt_documents_waiting(d), 2);
    mqtt_documents_free(d);
    buf_free(&topic);
    buf_free(&payload);
    buf_free(&all);
}

static void a_document_that_breaks_connections_is_given_up(void **unused)
{
    (void)unused;
    struct mqtt_documents *d = mqtt_documents_new();
    struct mqtt_document doc;
    struct buf topic = {0}, payload = {0};
    mqtt_documents_set(d, "poison", "x", 1);
    for (int i = 0; i < 3; i++) {
        assert_true(mqtt_documents_take(d, false, &doc, &topic, &payload));
        assert_true(mqtt_documents_lost(d, true));
    }
    assert_false(mqtt_documents_take(d, false, &doc, &topic, &payload)); // not with the others
    assert_true(mqtt_documents_take(d, true, &doc, &topic, &payload));   // alone
    assert_false(mqtt_documents_lost(d, true));
    assert_false(mqtt_documents_take(d, true, &doc, &topic, &payload));
    mqtt_documents_set(d, "poison", "y", 1);
    assert_true(mqtt_documents_take(d, false, &doc, &topic, &payload));
    mqtt_documents_free(d);
    buf_free(&topic);
    buf_free(&payload);
}

static void addresses(void **unused)
{
    (void)unused;
    struct mqtt_server s;
    char why[400];
    assert_true(mqtt_server_parse("mqtt://192.168.1.5", &s, why, sizeof why));
    assert_false(s.tls);
    assert_int_equal(s.port, 1883);
    assert_string_equal(s.host, "192.168.1.5");
    assert_true(mqtt_server_parse("mqtts://broker.example/", &s, why, sizeof why));
    assert_true(s.tls);
    assert_int_equal(s.port, 8883);
    assert_true(mqtt_server_parse("mqtts://[fd00::1]:4000", &s, why, sizeof why));
    assert_string_equal(s.host, "fd00::1");
    assert_int_equal(s.port, 4000);
    static const char *const bad[] = {"",           "mqtt://",       "mqtt://:1883", "mqtt://[fd00::1",
                                      "mqtt://h:0", "mqtt://h:",     "mqtt://h:1x",  "MQTT://h",
                                      "mqtt://h h", "mqtt://[::1]x", "ws://h",       "http://h",
                                      "ssl://h",    "mqtt://a@h",    "mqtt://h/t"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mqtt_server_parse(bad[i], &s, why, sizeof why));
    assert_false(mqtt_server_parse("mqtt://user:secret@h", &s, why, sizeof why));
    assert_null(strstr(why, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_part_without_a_hole_is_acknowledged),
        cmocka_unit_test(order_holds_in_every_sequence_of_answers),
        cmocka_unit_test(a_refused_topic_is_given_up_when_others_pass),
        cmocka_unit_test(while_nothing_passes_nothing_is_given_up),
        cmocka_unit_test(more_refused_topics_than_places),
        cmocka_unit_test(documents_are_sent_once_and_after_each_loss),
        cmocka_unit_test(cleared_documents_are_forgotten_when_the_broker_has),
        cmocka_unit_test(a_document_that_breaks_connections_is_given_up),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
