// SPDX-License-Identifier: Apache-2.0
// The disclosure log: hash-chained lines, synced before what they tell of leaves.
//
// A line is a JSON object: {"n":17,"prev":"<SHA-256 of line 16>","time":"2026-...Z","what":"offer",...}. `n`
// counts from 1, `prev` of the first is 64 zeros; the hash is over the line's bytes without its line end.
// What behind the last line end is torn was never promised to anybody: it is cut off.
#include "symbiont/disclosure.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/envelope.h"
#include "symbiont/json.h"
#include "symbiont/json_parse.h"
#include "symbiont/text.h"

#define HASH       crypto_hash_sha256_BYTES
#define HASH_TEXT  (2 * HASH + 1)
#define LINE_MAX_  (64 * 1024) /* an entry is at most a message twice, and a few words */
#define TAIL_BYTES (2 * LINE_MAX_)
#define BASE64     sodium_base64_VARIANT_ORIGINAL

struct disclosure_log {
    int fd;
    off_t size; // up to the end of the last good line
    uint64_t n;
    char prev[HASH_TEXT];
    struct buf line;
};

static char *hash_text(const void *data, size_t n, char out[static HASH_TEXT])
{
    unsigned char hash[HASH];
    crypto_hash_sha256(hash, data, n);
    return sodium_bin2hex(out, HASH_TEXT, hash, HASH);
}

static void no_hash(char out[static HASH_TEXT])
{
    memset(out, '0', HASH_TEXT - 1);
    out[HASH_TEXT - 1] = '\0';
}

// UNREAD: not for any fault of its own; errno says why.
enum state { SOUND, UNREAD, CHANGED };

// Number and `prev` of a line; CHANGED: it is not a line of a log.
static enum state line_facts(const char *line, size_t n, uint64_t *number, char prev[static HASH_TEXT])
{
    json_error_t error;
    json_t *object = json_parse(line, n, JSON_REJECT_DUPLICATES, &error);
    const char *p = json_string_value(json_object_get(object, "prev"));
    const json_t *i = json_object_get(object, "n");
    bool good = p && strlen(p) == HASH_TEXT - 1 && json_is_integer(i) && json_integer_value(i) > 0;
    if (good) {
        *number = (uint64_t)json_integer_value(i);
        strcpy(prev, p);
    }
    json_decref(object);
    if (!object && error.line < 0) {
        errno = ENOMEM;
        return UNREAD;
    }
    return good ? SOUND : CHANGED;
}

// ---- Opening ----

static bool read_at(int fd, off_t at, char *data, size_t n)
{
    while (n) {
        ssize_t got = pread(fd, data, n, at);
        if (got <= 0) {
            errno = got ? errno : EIO; // it was cut meanwhile
            return false;
        }
        data += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static const char *line_before(const char *begin, const char *end)
{
    while (end > begin && end[-1] != '\n')
        end--;
    return end;
}

// The last line and the one before it must fit; the whole chain is disclosure_verify's.
static enum state look_at_end(struct disclosure_log *l, const char *tail, size_t n, bool whole)
{
    const char *end = tail + n - 1, *last = line_before(tail, end);
    char prev[HASH_TEXT], want[HASH_TEXT];
    enum state facts = line_facts(last, (size_t)(end - last), &l->n, prev);
    if (facts != SOUND)
        return facts;
    hash_text(last, (size_t)(end - last), l->prev);
    if (last == tail) {
        no_hash(want);
        return whole && l->n == 1 && strcmp(prev, want) == 0 ? SOUND : CHANGED;
    }
    const char *before = line_before(tail, last - 1);
    hash_text(before, (size_t)(last - 1 - before), want);
    return strcmp(prev, want) == 0 ? SOUND : CHANGED;
}

// Sets size, n, prev; `torn`: bytes behind the last line.
static enum state find_end(struct disclosure_log *l, off_t file_size, off_t *torn)
{
    size_t n = file_size < TAIL_BYTES ? (size_t)file_size : TAIL_BYTES;
    off_t at = file_size - (off_t)n;
    char *tail = malloc(n + 1);
    if (!tail || !read_at(l->fd, at, tail, n)) {
        free(tail);
        return UNREAD;
    }
    const char *end = line_before(tail, tail + n);
    l->size = at + (end - tail);
    *torn = file_size - l->size;
    no_hash(l->prev);
    enum state found = end > tail ? look_at_end(l, tail, (size_t)(end - tail), at == 0)
                       : at == 0  ? SOUND
                                  : CHANGED;
    free(tail);
    return found;
}

static bool cut_torn(struct disclosure_log *l, off_t torn)
{
    char note[80];
    if (torn == 0)
        return true;
    if (ftruncate(l->fd, l->size) < 0)
        return false;
    snprintf(note, sizeof note, "%lld bytes of an entry that was not finished were cut off", (long long)torn);
    return disclosure_append(
        l, &(struct disclosure_entry){.time = utc_now(), .what = "torn", .level = -1, .note = note});
}

struct disclosure_log *disclosure_open(const char *path, char *why, size_t why_size)
{
    struct stat st;
    off_t torn = 0;
    enum state end;
    struct disclosure_log *l = calloc(1, sizeof *l);
    if (!l || sodium_init() < 0) {
        snprintf(why, why_size, "the disclosure log: %s",
                 l ? "the system gives no random numbers" : "no memory");
        free(l);
        return NULL;
    }
    l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd < 0 || fstat(l->fd, &st) < 0)
        snprintf(why, why_size, "cannot open the disclosure log %s: %m", path);
    else if (!S_ISREG(st.st_mode))
        snprintf(why, why_size, "the disclosure log %s is not a regular file", path);
    else if (flock(l->fd, LOCK_EX | LOCK_NB) < 0)
        snprintf(why, why_size, "the disclosure log %s is in use by another program", path);
    else if ((end = find_end(l, st.st_size, &torn)) == UNREAD)
        snprintf(why, why_size, "cannot read the disclosure log %s: %m", path);
    else if (end == CHANGED)
        snprintf(
            why, why_size,
            "the disclosure log %s was changed: its last lines do not fit each other. Move it away, and keep "
            "it; a new one is then begun",
            path);
    else if (!cut_torn(l, torn))
        snprintf(why, why_size, "cannot write the disclosure log %s: %m", path);
    else
        return l;
    disclosure_close(l);
    return NULL;
}

void disclosure_close(struct disclosure_log *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    buf_free(&l->line);
    free(l);
}

// ---- Entries ----

// JSON may stand in the log as it is when it is one line and good.
static bool is_plain_json(const char *s, size_t n)
{
    json_error_t error;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ')
            return false;
    json_t *v = json_parse(s, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    json_decref(v);
    return v != NULL;
}

// A line that holds a NUL is not read again: line_facts would call the log changed.
static bool is_text(const char *s, size_t n)
{
    json_t *v = memchr(s, '\0', n) ? NULL : json_stringn(s, n); // jansson takes only good UTF-8
    json_decref(v);
    return v != NULL;
}

static void put_payload(struct json *j, const char *s, size_t n)
{
    if (is_plain_json(s, n))
        json_raw(j, "payload", s, n);
    else if (is_text(s, n))
        json_text_n(j, "payload", s, n);
}

// Of an envelope what is in it; of anything else that itself.
static void put_message(struct json *j, const char *message, size_t n)
{
    char hash[HASH_TEXT];
    json_error_t error;
    json_t *envelope = n ? json_parse(message, n, JSON_REJECT_DUPLICATES, &error) : NULL;
    const json_t *p = json_object_get(envelope, "p");
    size_t length = json_string_length(p), got = 0;
    char *payload = length ? malloc(length) : NULL;
    json_int(j, "bytes", (int64_t)n);
    json_text(j, "sha256", hash_text(message, n, hash));
    if (payload && sodium_base642bin((unsigned char *)payload, length, json_string_value(p), length, NULL,
                                     &got, NULL, BASE64) == 0)
        put_payload(j, payload, got);
    else if (n)
        put_payload(j, message, n);
    free(payload);
    json_decref(envelope);
}

static void put_entry(struct disclosure_log *l, const struct disclosure_entry *e)
{
    char time[UTC_TEXT];
    struct json j = json_begin(&l->line);
    buf_reset(&l->line);
    json_open(&j, NULL, '{');
    json_int(&j, "n", (int64_t)l->n + 1);
    json_text(&j, "prev", l->prev);
    json_text(&j, "time", utc_text(e->time, time));
    json_text(&j, "what", e->what);
    if (e->id)
        json_text(&j, "id", e->id);
    if (e->stream)
        json_text(&j, "stream", e->stream);
    if (e->level >= 0)
        json_int(&j, "level", e->level);
    if (e->topic)
        json_text(&j, "topic", e->topic);
    if (e->message)
        put_message(&j, e->message, e->message_size);
    if (e->note)
        json_text(&j, "note", e->note);
    json_close(&j, '}');
    buf_putc(&l->line, '\n');
}

static bool write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t wrote = write(fd, data, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        data += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

bool disclosure_append(struct disclosure_log *l, const struct disclosure_entry *e)
{
    struct stat st;
    put_entry(l, e);
    if (l->line.failed || l->line.len > LINE_MAX_)
        return false;
    // What an earlier failure left behind the last good line, when it could not be cut off then.
    if (fstat(l->fd, &st) < 0 || (st.st_size > l->size && ftruncate(l->fd, l->size) < 0))
        return false;
    if (st.st_size < l->size) // somebody has cut it: what would follow would not fit
        return false;
    if (!write_all(l->fd, l->line.data, l->line.len) || fdatasync(l->fd) < 0) {
        int saved = errno, cut = ftruncate(l->fd, l->size);
        (void)cut; // the next append tries again
        errno = saved;
        return false;
    }
    l->n++;
    l->size += (off_t)l->line.len;
    hash_text(l->line.data, l->line.len - 1, l->prev);
    return true;
}

// ---- Verifying ----

long disclosure_verify(const char *path, void (*each)(void *arg, const char *line, size_t n), void *arg)
{
    FILE *f = sodium_init() < 0 ? NULL : fopen(path, "re");
    char *line = NULL, prev[HASH_TEXT], want[HASH_TEXT];
    size_t size = 0;
    ssize_t n;
    uint64_t number = 0, expected = 0;
    long bad = 0;
    if (!f)
        return -1;
    no_hash(want);
    while (!bad && (n = getline(&line, &size, f)) > 0) {
        expected++;
        bool whole = line[n - 1] == '\n';
        n -= whole;
        enum state facts = line_facts(line, (size_t)n, &number, prev);
        if (facts == UNREAD)
            bad = -1;
        else if (!whole || facts == CHANGED || number != expected || strcmp(prev, want) != 0)
            bad = (long)expected;
        else if (each)
            each(arg, line, (size_t)n);
        hash_text(line, (size_t)n, want);
    }
    if (ferror(f))
        bad = -1;
    free(line);
    fclose(f);
    return bad;
}
