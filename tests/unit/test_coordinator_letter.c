// SPDX-License-Identifier: Apache-2.0
// Alerts as chat rooms and mail servers take them.
#include "coordinator/letter.h"
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "test.h"

static json_t *posted(enum webhook_preset preset, const char *title, const char *text)
{
    struct buf out = {0};
    letter_webhook(preset, title, text, "{\"full\":1}", 10, &out);
    json_t *o = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    buf_free(&out);
    return o;
}

static void every_room_gets_its_json(void **state)
{
    (void)state;
    json_t *o = posted(PRESET_SLACK, "Chaleur : A & B", "<b> 400 kW\n");
    assert_string_equal(json_string_value(json_object_get(o, "text")),
                        "*Chaleur : A &amp; B*\n&lt;b&gt; 400 kW\n");
    json_decref(o);
    o = posted(PRESET_MATTERMOST, "T", "a \"quoted\" word");
    assert_string_equal(json_string_value(json_object_get(o, "text")), "**T**\n\na \"quoted\" word");
    json_decref(o);
    o = posted(PRESET_TEAMS, "T", "text");
    const json_t *card = json_object_get(json_array_get(json_object_get(o, "attachments"), 0), "content");
    assert_string_equal(json_string_value(json_object_get(card, "type")), "AdaptiveCard");
    assert_int_equal(json_array_size(json_object_get(card, "body")), 2);
    json_decref(o);
    o = posted(PRESET_MATRIX, "T", "text");
    assert_string_equal(json_string_value(json_object_get(o, "msgtype")), "m.text");
    assert_string_equal(json_string_value(json_object_get(o, "body")), "T\ntext");
    json_decref(o);
    o = posted(PRESET_JSON, "T", "text");
    assert_int_equal(json_integer_value(json_object_get(o, "full")), 1);
    json_decref(o);
}

static char *decoded_subject(const char *mail)
{
    char *out = calloc(1, 4096);
    const char *s = strstr(mail, "\r\nSubject: "), *end = strstr(s + 2, "\r\nDate:");
    size_t n = 0;
    while ((s = strstr(s, "=?UTF-8?B?")) && s < end) {
        const char *stop = strstr(s + 10, "?=");
        size_t got;
        assert_true(stop - s + 2 <= 75);
        assert_int_equal(sodium_base642bin((unsigned char *)out + n, 4096 - n, s + 10,
                                           (size_t)(stop - s - 10), NULL, &got, NULL,
                                           sodium_base64_VARIANT_ORIGINAL),
                         0);
        n += got;
        s = stop;
    }
    return out;
}

static void mail_is_mail(void **state)
{
    (void)state;
    char *to[] = {"a@example.org", "b@example.org"};
    const struct mail_config m = {.name = "team", .from = "symbiont@example.org", .to = {to, 2}};
    static const char subject[] = "Nouvelle piste. Chaleur : f-7q2 à g-2k1, 400 kW, 2 400 MWh par an, amorti "
                                  "en 4,1 années — équipement";
    static const char text[] =
        "Première ligne, assez longue pour que le codage doive la couper en plusieurs morceaux.\n"
        ".\nDernière ligne.\n";
    struct buf out = {0};
    letter_mail(&m, 42, (struct utc){1764000000000}, subject, text, &out);
    const char *mail = buf_text(&out);
    assert_non_null(strstr(mail, "To: a@example.org,\r\n b@example.org\r\n"));
    assert_non_null(strstr(mail, "Date: Mon, 24 Nov 2025 16:00:00 +0000\r\n"));
    assert_non_null(strstr(mail, "Message-ID: <symbiont-team-42@example.org>\r\n"));
    for (const char *s = mail; *s; s++) { // plain ASCII, no line too long, no bare end of line
        assert_true((unsigned char)*s < 128);
        if (*s == '\n')
            assert_int_equal(s[-1], '\r');
    }
    for (const char *s = mail, *e; (e = strstr(s, "\r\n")); s = e + 2)
        assert_true(e - s <= 78);
    char *found = decoded_subject(mail);
    assert_string_equal(found, subject);
    free(found);
    unsigned char body[1024];
    size_t n;
    const char *begin = strstr(mail, "\r\n\r\n") + 4;
    assert_int_equal(sodium_base642bin(body, sizeof body, begin, strlen(begin), "\r\n", &n, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(body, text, n);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_room_gets_its_json),
                                       cmocka_unit_test(mail_is_mail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
