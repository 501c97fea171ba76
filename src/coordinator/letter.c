// SPDX-License-Identifier: Apache-2.0
// Chat rooms' JSON, and mail.
#include "coordinator/letter.h"

#include <sodium.h>
#include <string.h>
#include <time.h>
#include "symbiont/json.h"

// Slack reads these three as markup.
static void slack_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        const char *e = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : NULL;
        if (e)
            buf_puts(out, e);
        else
            buf_putc(out, *s);
    }
}

static void write_slack(struct json *j, const char *title, const char *text)
{
    struct buf t = {0};
    buf_putc(&t, '*');
    slack_text(&t, title);
    buf_puts(&t, "*\n");
    slack_text(&t, text);
    json_text(j, "text", buf_text(&t));
    buf_free(&t);
}

static void write_mattermost(struct json *j, const char *title, const char *text)
{
    struct buf t = {0};
    buf_printf(&t, "**%s**\n\n%s", title, text);
    json_text(j, "username", "Symbiont");
    json_text(j, "text", buf_text(&t));
    buf_free(&t);
}

static void text_block(struct json *j, const char *text, bool bold)
{
    json_open(j, NULL, '{');
    json_text(j, "type", "TextBlock");
    json_text(j, "text", text);
    json_bool(j, "wrap", true);
    if (bold) {
        json_text(j, "weight", "Bolder");
        json_text(j, "size", "Medium");
    }
    json_close(j, '}');
}

// An adaptive card, which both the older connectors and today's workflows take.
static void write_teams(struct json *j, const char *title, const char *text)
{
    json_text(j, "type", "message");
    json_open(j, "attachments", '[');
    json_open(j, NULL, '{');
    json_text(j, "contentType", "application/vnd.microsoft.card.adaptive");
    json_open(j, "content", '{');
    json_text(j, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    json_text(j, "type", "AdaptiveCard");
    json_text(j, "version", "1.4");
    json_open(j, "body", '[');
    text_block(j, title, true);
    text_block(j, text, false);
    json_close(j, ']');
    json_close(j, '}');
    json_close(j, '}');
    json_close(j, ']');
}

static void write_matrix(struct json *j, const char *title, const char *text)
{
    struct buf t = {0};
    buf_printf(&t, "%s\n%s", title, text);
    json_text(j, "msgtype", "m.text");
    json_text(j, "body", buf_text(&t));
    buf_free(&t);
}

void letter_webhook(enum webhook_preset preset, const char *title, const char *text, const char *full,
                    size_t full_n, struct buf *out)
{
    static void (*const writers[])(struct json *, const char *, const char *) = {
        [PRESET_SLACK] = write_slack,
        [PRESET_MATTERMOST] = write_mattermost,
        [PRESET_TEAMS] = write_teams,
        [PRESET_MATRIX] = write_matrix,
    };
    if (preset == PRESET_JSON) {
        buf_put(out, full, full_n);
        return;
    }
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    writers[preset](&j, title, text);
    json_close(&j, '}');
}

// ---- Mail ----

static void base64_lines(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t at = 0; at < n; at += 57) { // 76 characters a line
        char line[80];
        size_t part = n - at < 57 ? n - at : 57;
        sodium_bin2base64(line, sizeof line, (const unsigned char *)text + at, part,
                          sodium_base64_VARIANT_ORIGINAL);
        buf_printf(out, "%s\r\n", line);
    }
}

// RFC 2047: words of at most 75 characters, never cutting a character in two.
static void encoded_words(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        size_t part = n - at < 42 ? n - at : 42;
        while (part > 1 && at + part < n && ((unsigned char)text[at + part] & 0xC0) == 0x80)
            part--;
        char word[64];
        sodium_bin2base64(word, sizeof word, (const unsigned char *)text + at, part,
                          sodium_base64_VARIANT_ORIGINAL);
        buf_printf(out, "%s=?UTF-8?B?%s?=", at ? "\r\n " : "", word);
        at += part;
    }
}

void letter_mail(const struct mail_config *m, int64_t id, struct utc date, const char *subject,
                 const char *text, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(date.ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    const char *at = strchr(m->from, '@');
    buf_printf(out, "From: Symbiont <%s>\r\nTo: ", m->from);
    for (size_t i = 0; i < m->to.n; i++)
        buf_printf(out, "%s%s", i ? ",\r\n " : "", m->to.items[i]);
    buf_puts(out, "\r\nSubject: ");
    encoded_words(out, subject);
    buf_printf(out, "\r\nDate: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday,
               months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    buf_printf(out, "Message-ID: <symbiont-%s-%lld%s>\r\n", m->name, (long long)id, at ? at : "@localhost");
    buf_puts(
        out,
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n");
    base64_lines(out, text);
}
