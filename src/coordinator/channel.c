// SPDX-License-Identifier: Apache-2.0
// A channel's thread: takes one alert, tries once, tells how it went.
#include "coordinator/channel.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/letter.h"
#include "symbiont/files.h"
#include "symbiont/mailbox.h"
#include "symbiont/text.h"

#define ANSWER_MAX 500 // bytes of an answer, for the log

struct job {
    int64_t id;
    char *subject, *body;
};

struct channel {
    const struct webhook_config *webhook;
    const struct mail_config *mail;
    struct mailbox jobs, results;
    pthread_t thread;
    bool started;
    unsigned waiting; // given and not yet fetched, the loop's
    atomic_bool stopping;
    // the thread's
    CURL *curl;
    char error[CURL_ERROR_SIZE], answer[ANSWER_MAX];
    size_t answer_n;
    const char *sent; // of a mail
    size_t sent_n;
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

// ---- What a channel is ----

const char *channel_name(const struct channel *ch)
{
    return ch->webhook ? ch->webhook->name : ch->mail->name;
}

const char *channel_kind(const struct channel *ch)
{
    return ch->webhook ? "webhook" : "mail";
}

const struct texts *channel_kinds(const struct channel *ch)
{
    return ch->webhook ? &ch->webhook->kinds : &ch->mail->kinds;
}

enum match_language channel_language(const struct channel *ch)
{
    return (enum match_language)(ch->webhook ? ch->webhook->language : ch->mail->language);
}

bool channel_names(const struct channel *ch)
{
    return ch->webhook ? ch->webhook->names : ch->mail->names;
}

void channel_compose(const struct channel *ch, const char *title, const char *text, const char *full,
                     size_t full_n, struct buf *out)
{
    if (ch->webhook)
        letter_webhook((enum webhook_preset)ch->webhook->preset, title, text, full, full_n, out);
    else
        buf_puts(out, text);
}

// ---- libcurl ----

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
    struct channel *ch = arg;
    size_t n = size * count, room = sizeof ch->answer - 1 - ch->answer_n;
    size_t take = n < room ? n : room;
    memcpy(ch->answer + ch->answer_n, data, take);
    ch->answer_n += take;
    ch->answer[ch->answer_n] = '\0';
    return n;
}

static size_t read_mail(char *to, size_t size, size_t count, void *arg)
{
    struct channel *ch = arg;
    size_t n = size * count < ch->sent_n ? size * count : ch->sent_n;
    memcpy(to, ch->sent, n);
    ch->sent += n;
    ch->sent_n -= n;
    return n;
}

static int progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
    const struct channel *ch = arg;
    (void)a, (void)b, (void)d, (void)e;
    return atomic_load(&ch->stopping);
}

static void common_options(struct channel *ch, const char *url, const char *protocols, const char *ca_file,
                           int64_t timeout_ns)
{
    CURL *u = ch->curl;
    curl_easy_reset(u);
    curl_easy_setopt(u, CURLOPT_URL, url);
    curl_easy_setopt(u, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(u, CURLOPT_QUICK_EXIT, 1L); // a name look-up that hangs is not waited for
    curl_easy_setopt(u, CURLOPT_PROXY, "");      // one out of the environment would get the secrets
    curl_easy_setopt(u, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(u, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(u, CURLOPT_CONNECTTIMEOUT_MS, (long)(timeout_ns / 2 / NS_PER_MS));
    curl_easy_setopt(u, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / NS_PER_MS));
    curl_easy_setopt(u, CURLOPT_USERAGENT, "symbiont-coordinator/" SYMBIONT_VERSION);
    curl_easy_setopt(u, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(u, CURLOPT_WRITEDATA, ch);
    curl_easy_setopt(u, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(u, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(u, CURLOPT_XFERINFODATA, ch);
    curl_easy_setopt(u, CURLOPT_ERRORBUFFER, ch->error);
    curl_easy_setopt(u, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ca_file)
        curl_easy_setopt(u, CURLOPT_CAINFO, ca_file);
    ch->error[0] = ch->answer[0] = '\0';
    ch->answer_n = 0;
}

static void perform(struct channel *ch, struct channel_result *r)
{
    CURLcode rc = curl_easy_perform(ch->curl);
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(ch->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(ch->curl, CURLINFO_RETRY_AFTER, &retry_after);
    r->retry_after_s = retry_after;
    if (rc != CURLE_OK) {
        snprintf(r->words, sizeof r->words, "%s", *ch->error ? ch->error : curl_easy_strerror(rc));
        // 5xx of a mail server is for good, but for the password, which somebody can repair.
        r->hopeless = ch->mail && status >= 500 && status != 530 && status != 535 && status != 534;
        return;
    }
    r->delivered = status >= 200 && status < 300;
    r->hopeless = status == 400 || status == 413 || status == 422;
    if (!r->delivered)
        snprintf(r->words, sizeof r->words, "it answered %ld%s%.180s", status, *ch->answer ? ": " : "",
                 ch->answer);
}

// The secret is read for every attempt: a changed one is used at once.
static bool secret(const char *path, char *out, size_t size, struct channel_result *r)
{
    return secret_read(path, out, size, r->words, sizeof r->words) == 0;
}

static void post(struct channel *ch, const struct job *job, struct channel_result *r)
{
    const struct webhook_config *w = ch->webhook;
    char url[1200], token[1024] = "", header[1100];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    if (w->url_file ? !secret(w->url_file, url, sizeof url - 100, r)
                    : (snprintf(url, sizeof url - 100, "%s", w->url), false))
        goto cleanup;
    if (w->token_file && !secret(w->token_file, token, sizeof token, r))
        goto cleanup;
    if (w->preset == PRESET_MATRIX) {
        size_t n = strlen(url);
        snprintf(url + n, sizeof url - n, "%ssymbiont-%lld", n && url[n - 1] == '/' ? "" : "/",
                 (long long)job->id);
    }
    common_options(ch, url, "http,https", w->ca_file, w->timeout_ns);
    if (*token) {
        snprintf(header, sizeof header, "Authorization: Bearer %s", token);
        headers = curl_slist_append(headers, header);
    }
    curl_easy_setopt(ch->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(ch->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(job->body));
    curl_easy_setopt(ch->curl, CURLOPT_POSTFIELDS, job->body);
    if (w->preset == PRESET_MATRIX)
        curl_easy_setopt(ch->curl, CURLOPT_CUSTOMREQUEST, "PUT");
    perform(ch, r);
    curl_easy_reset(ch->curl);
cleanup:
    explicit_bzero(url, sizeof url);
    explicit_bzero(token, sizeof token);
    explicit_bzero(header, sizeof header);
    for (struct curl_slist *s = headers; s; s = s->next)
        explicit_bzero(s->data, strlen(s->data));
    curl_slist_free_all(headers);
}

static void mail(struct channel *ch, const struct job *job, struct channel_result *r)
{
    const struct mail_config *m = ch->mail;
    char password[512] = "";
    struct curl_slist *to = NULL;
    struct buf text = {0};
    letter_mail(m, job->id, utc_now(), job->subject, job->body, &text);
    if (text.failed) {
        snprintf(r->words, sizeof r->words, "out of memory");
    } else if (!m->password_file || secret(m->password_file, password, sizeof password, r)) {
        common_options(ch, m->server, "smtp,smtps", m->ca_file, m->timeout_ns);
        for (size_t i = 0; i < m->to.n; i++)
            to = curl_slist_append(to, m->to.items[i]);
        if (m->security == MAIL_TLS)
            curl_easy_setopt(ch->curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        if (m->user) {
            curl_easy_setopt(ch->curl, CURLOPT_USERNAME, m->user);
            curl_easy_setopt(ch->curl, CURLOPT_PASSWORD, password);
        }
        curl_easy_setopt(ch->curl, CURLOPT_MAIL_FROM, m->from);
        curl_easy_setopt(ch->curl, CURLOPT_MAIL_RCPT, to);
        ch->sent = text.data;
        ch->sent_n = text.len;
        curl_easy_setopt(ch->curl, CURLOPT_READFUNCTION, read_mail);
        curl_easy_setopt(ch->curl, CURLOPT_READDATA, ch);
        curl_easy_setopt(ch->curl, CURLOPT_UPLOAD, 1L);
        perform(ch, r);
        curl_easy_reset(ch->curl);
    }
    explicit_bzero(password, sizeof password);
    curl_slist_free_all(to);
    buf_free(&text);
}

static void *run(void *arg)
{
    struct channel *ch = arg;
    struct job job;
    for (;;) {
        int got = mailbox_wait(&ch->jobs, &job, mono_add(mono_now(), 3600 * NS_PER_S));
        if (got < 0)
            return NULL;
        if (got == 0)
            continue;
        struct channel_result r = {.id = job.id};
        if (ch->webhook)
            post(ch, &job, &r);
        else
            mail(ch, &job, &r);
        free(job.subject);
        free(job.body);
        mailbox_put(&ch->results, &r);
    }
}

// ---- The loop's side ----

struct channel *channel_open(const struct webhook_config *webhook, const struct mail_config *mail_config,
                             struct wakeup *done, char *why, size_t why_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct channel *ch = calloc(1, sizeof *ch);
    snprintf(why, why_size, "out of memory");
    if (!ch)
        return NULL;
    ch->webhook = webhook;
    ch->mail = mail_config;
    ch->curl = curl_easy_init();
    if (ch->curl && mailbox_open(&ch->jobs, sizeof(struct job), 2, NULL) == 0 &&
        mailbox_open(&ch->results, sizeof(struct channel_result), 2, done) == 0)
        ch->started = pthread_create(&ch->thread, NULL, run, ch) == 0;
    if (ch->started)
        return ch;
    channel_close(ch);
    return NULL;
}

void channel_close(struct channel *ch)
{
    struct job job;
    if (!ch)
        return;
    atomic_store(&ch->stopping, true);
    if (ch->started) {
        mailbox_close(&ch->jobs);
        pthread_join(ch->thread, NULL);
    }
    while (ch->jobs.items && mailbox_take(&ch->jobs, &job)) {
        free(job.subject);
        free(job.body);
    }
    mailbox_free(&ch->jobs);
    mailbox_free(&ch->results);
    if (ch->curl)
        curl_easy_cleanup(ch->curl);
    free(ch);
}

bool channel_busy(const struct channel *ch)
{
    return ch->waiting > 0;
}

bool channel_give(struct channel *ch, int64_t id, const char *subject, const char *body)
{
    struct job job = {id, text_dup(subject), text_dup(body)};
    if (job.subject && job.body && mailbox_put(&ch->jobs, &job)) {
        ch->waiting++;
        return true;
    }
    free(job.subject);
    free(job.body);
    return false;
}

bool channel_result(struct channel *ch, struct channel_result *out)
{
    if (!mailbox_take(&ch->results, out))
        return false;
    ch->waiting--;
    return true;
}
