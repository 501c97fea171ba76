// SPDX-License-Identifier: Apache-2.0
// libcurl's options.
#include "influx_http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "influx_answer.h"
#include "symbiont/files.h"

// More than this of an answer is no answer to a write.
#define RECEIVED_MAX (1 << 20)

struct influx_http {
    const struct influx_config *config;
    const atomic_llong *stop_by;
    atomic_llong *heartbeat;
    CURL *curl;
    struct buf url, packed;
    z_stream zip;
    bool zip_ready;
    char error[CURL_ERROR_SIZE];
    struct influx_response *response; // of the exchange under way
    size_t received;
};

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
    struct influx_http *h = arg;
    size_t n = size * count, room = INFLUX_BODY_MAX - h->response->body.len;
    h->received += n;
    if (h->received > RECEIVED_MAX)
        return 0;
    buf_put(&h->response->body, data, n < room ? n : room);
    return n;
}

static int progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
    const struct influx_http *h = arg;
    (void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
    int64_t now = mono_now().ns;
    atomic_store(h->heartbeat, now); // a slow server is no stuck thread
    return now > atomic_load(h->stop_by);
}

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool set_options(struct influx_http *h)
{
    const struct influx_config *c = h->config;
    CURL *u = h->curl;
    CURLcode rc = CURLE_OK;
    rc |= curl_easy_setopt(u, CURLOPT_URL, buf_text(&h->url));
    rc |= curl_easy_setopt(u, CURLOPT_NOSIGNAL, 1L);
    // Without it a name look-up that hangs is waited for however short the timeouts are.
    rc |= curl_easy_setopt(u, CURLOPT_QUICK_EXIT, 1L);
    // A proxy out of the environment, or a redirect, would get the token.
    rc |= curl_easy_setopt(u, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(u, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(u, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(u, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); // or later
    rc |= curl_easy_setopt(u, CURLOPT_CONNECTTIMEOUT_MS, (long)(c->connect_timeout_ns / NS_PER_MS));
    rc |= curl_easy_setopt(u, CURLOPT_TIMEOUT_MS, (long)(c->timeout_ns / NS_PER_MS));
    rc |= curl_easy_setopt(u, CURLOPT_LOW_SPEED_LIMIT, 1L);
    rc |= curl_easy_setopt(u, CURLOPT_LOW_SPEED_TIME, 15L);
    rc |= curl_easy_setopt(u, CURLOPT_TCP_KEEPALIVE, 1L);
    rc |= curl_easy_setopt(u, CURLOPT_USERAGENT, "symbiont/" SYMBIONT_VERSION);
    rc |= curl_easy_setopt(u, CURLOPT_WRITEFUNCTION, receive);
    rc |= curl_easy_setopt(u, CURLOPT_WRITEDATA, h);
    rc |= curl_easy_setopt(u, CURLOPT_NOPROGRESS, 0L);
    rc |= curl_easy_setopt(u, CURLOPT_XFERINFOFUNCTION, progress);
    rc |= curl_easy_setopt(u, CURLOPT_XFERINFODATA, h);
    rc |= curl_easy_setopt(u, CURLOPT_ERRORBUFFER, h->error);
    rc |= curl_easy_setopt(u, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file)
        rc |= curl_easy_setopt(u, CURLOPT_CAINFO, c->ca_file);
    if (c->certificate_file)
        rc |= curl_easy_setopt(u, CURLOPT_SSLCERT, c->certificate_file);
    if (c->key_file)
        rc |= curl_easy_setopt(u, CURLOPT_SSLKEY, c->key_file);
    return rc == CURLE_OK;
}

struct influx_http *influx_http_new(const struct influx_config *c, const atomic_llong *stop_by,
                                    atomic_llong *heartbeat, char *why, size_t why_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct influx_http *h = calloc(1, sizeof *h);
    if (!h) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    h->config = c;
    h->stop_by = stop_by;
    h->heartbeat = heartbeat;
    influx_write_url(c, &h->url);
    h->curl = curl_easy_init();
    // Level 1: a seventh of the bytes for 0.7 ms a thousand lines; more costs more than it saves. 16: gzip.
    h->zip_ready = !c->gzip || deflateInit2(&h->zip, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (h->curl && h->zip_ready && !h->url.failed && set_options(h))
        return h;
    snprintf(why, why_size, "libcurl or zlib refuses to start");
    influx_http_free(h);
    return NULL;
}

void influx_http_free(struct influx_http *h)
{
    if (!h)
        return;
    if (h->curl)
        curl_easy_cleanup(h->curl);
    if (h->config->gzip && h->zip_ready)
        deflateEnd(&h->zip);
    buf_free(&h->url);
    buf_free(&h->packed);
    free(h);
}

static bool pack(struct influx_http *h, const char *data, size_t n)
{
    buf_reset(&h->packed);
    size_t most = deflateBound(&h->zip, n);
    char *to = buf_room(&h->packed, most);
    if (!to || n > UINT32_MAX || most > UINT32_MAX || deflateReset(&h->zip) != Z_OK)
        return false;
    h->zip.next_in = (Bytef *)(uintptr_t)data; // only read
    h->zip.avail_in = (uInt)n;
    h->zip.next_out = (Bytef *)to;
    h->zip.avail_out = (uInt)most;
    if (deflate(&h->zip, Z_FINISH) != Z_STREAM_END)
        return false;
    h->packed.len = most - h->zip.avail_out;
    return true;
}

#define SECRET_MAX 1024

// Read for every request: a changed secret is used at once. False: `words` says why.
static bool authorize(struct influx_http *h, struct curl_slist **headers, struct influx_response *r,
                      char secret[static SECRET_MAX])
{
    const struct influx_config *c = h->config;
    const char *file = c->token_file ? c->token_file : c->password_file;
    char header[SECRET_MAX + 40];
    if (!file)
        return true;
    if (secret_read(file, secret, SECRET_MAX, r->words, sizeof r->words) < 0)
        return false;
    if (c->token_file) {
        snprintf(header, sizeof header, "Authorization: Token %s", secret);
        *headers = curl_slist_append(*headers, header);
    } else {
        curl_easy_setopt(h->curl, CURLOPT_USERNAME, c->user);
        curl_easy_setopt(h->curl, CURLOPT_PASSWORD, secret);
    }
    explicit_bzero(header, sizeof header);
    return true;
}

// Some servers repeat what they refuse, and their words go to the log. A short one would be found by chance.
static void conceal(char *text, size_t n, const char *secret)
{
    size_t length = strlen(secret);
    if (length < 4)
        return;
    for (char *at; text && (at = memmem(text, n, secret, length));
         n -= (size_t)(at - text) + length, text = at + length)
        memset(at, '*', length);
}

static void wipe(struct curl_slist *headers)
{
    for (struct curl_slist *s = headers; s; s = s->next)
        explicit_bzero(s->data, strlen(s->data));
    curl_slist_free_all(headers);
}

static enum influx_exchange exchange_of(CURLcode rc)
{
    switch (rc) {
    case CURLE_OK:
        return INFLUX_ANSWERED;
    case CURLE_ABORTED_BY_CALLBACK:
        return INFLUX_STOPPED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return INFLUX_NOT_SECURE;
    default:
        return INFLUX_NO_ANSWER;
    }
}

static void read_answer(struct influx_http *h, struct influx_response *r)
{
    curl_off_t retry_after = 0;
    char *redirect = NULL;
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &r->status);
    curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &redirect);
    r->retry_after_s = retry_after;
    snprintf(r->redirect, sizeof r->redirect, "%s", redirect ? redirect : "");
}

enum influx_exchange influx_http_post(struct influx_http *h, const char *data, size_t n,
                                      struct influx_response *r)
{
    char secret[SECRET_MAX] = "";
    bool packed = h->config->gzip && pack(h, data, n);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain; charset=utf-8");
    headers = curl_slist_append(headers, "Expect:"); // else curl waits a second for "100 Continue"
    if (packed)
        headers = curl_slist_append(headers, "Content-Encoding: gzip");
    buf_reset(&r->body);
    r->status = 0;
    r->retry_after_s = 0;
    r->redirect[0] = r->words[0] = '\0';
    r->wire_bytes = packed ? h->packed.len : n;
    if (!authorize(h, &headers, r, secret)) {
        wipe(headers);
        explicit_bzero(secret, sizeof secret);
        return INFLUX_NO_SECRET;
    }
    h->response = r;
    h->received = 0;
    h->error[0] = '\0';
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->wire_bytes);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, packed ? h->packed.data : data);
    CURLcode rc = curl_easy_perform(h->curl);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(h->curl, CURLOPT_PASSWORD, NULL);
    wipe(headers);
    if (rc == CURLE_OK)
        read_answer(h, r);
    else
        snprintf(r->words, sizeof r->words, "%s", h->error[0] ? h->error : curl_easy_strerror(rc));
    conceal(r->body.data, r->body.len, secret);
    conceal(r->redirect, strlen(r->redirect), secret);
    explicit_bzero(secret, sizeof secret);
    return exchange_of(rc);
}
