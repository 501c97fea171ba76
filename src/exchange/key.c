// SPDX-License-Identifier: Apache-2.0
// A site's key pair: made, kept in a file, shown.
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/envelope.h"
#include "symbiont/files.h"

#define BASE64    sodium_base64_VARIANT_ORIGINAL
#define SEED      crypto_sign_SEEDBYTES
#define SEED_TEXT sodium_base64_ENCODED_LEN(SEED, BASE64)

static void from_seed(const unsigned char seed[static SEED], struct site_key *out)
{
    crypto_sign_seed_keypair(out->public_key, out->secret_key, seed);
    public_key_id(out->public_key, out->id);
}

static int write_new(const char *path, const char *line, size_t n)
{
    // O_EXCL: a key that exists is a site's identity, and a link there is somebody's trap.
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0)
        return -1;
    errno = ENOSPC; // what a write means that took less than it was given
    bool ok = fchmod(fd, 0400) == 0 && write(fd, line, n) == (ssize_t)n && fsync(fd) == 0;
    int saved = errno;
    if (close(fd) < 0 && ok) {
        ok = false;
        saved = errno;
    }
    if (ok && directory_sync_of(path) == 0)
        return 0;
    if (ok)
        saved = errno;
    unlink(path);
    errno = saved;
    return -1;
}

int site_key_create(const char *path, struct site_key *out, char *why, size_t why_size)
{
    unsigned char seed[SEED];
    char line[SEED_TEXT + 1];
    if (sodium_init() < 0) {
        snprintf(why, why_size, "the system gives no random numbers");
        return -1;
    }
    randombytes_buf(seed, sizeof seed);
    sodium_bin2base64(line, SEED_TEXT, seed, sizeof seed, BASE64);
    size_t n = strlen(line);
    line[n++] = '\n';
    from_seed(seed, out);
    sodium_memzero(seed, sizeof seed);
    int rc = write_new(path, line, n);
    sodium_memzero(line, sizeof line);
    if (rc == 0)
        return 0;
    site_key_wipe(out);
    snprintf(why, why_size, errno == EEXIST ? "%s exists: a key is never overwritten" : "cannot write %s: %s",
             path, strerror(errno));
    return -1;
}

int site_key_load(const char *path, struct site_key *out, char *why, size_t why_size)
{
    char line[SEED_TEXT + 8];
    unsigned char seed[SEED];
    size_t n = 0;
    if (sodium_init() < 0) {
        snprintf(why, why_size, "the system gives no random numbers");
        return -1;
    }
    if (secret_read(path, line, sizeof line, why, why_size) < 0)
        return -1;
    bool ok = sodium_base642bin(seed, sizeof seed, line, strlen(line), NULL, &n, NULL, BASE64) == 0 &&
              n == sizeof seed;
    sodium_memzero(line, sizeof line);
    if (ok)
        from_seed(seed, out);
    else
        snprintf(why, why_size,
                 "%s does not hold a key: one line of base64 of 32 bytes, as `symbiont keygen` writes", path);
    sodium_memzero(seed, sizeof seed);
    return ok ? 0 : -1;
}

void site_key_wipe(struct site_key *k)
{
    sodium_memzero(k, sizeof *k);
}

bool public_key_parse(const char *base64, unsigned char out[static KEY_PUBLIC])
{
    size_t n = 0;
    return strlen(base64) == KEY_TEXT - 1 &&
           sodium_base642bin(out, KEY_PUBLIC, base64, KEY_TEXT - 1, NULL, &n, NULL, BASE64) == 0 &&
           n == KEY_PUBLIC;
}

char *public_key_text(const unsigned char key[static KEY_PUBLIC], char out[static KEY_TEXT])
{
    return sodium_bin2base64(out, KEY_TEXT, key, KEY_PUBLIC, BASE64);
}

void public_key_id(const unsigned char key[static KEY_PUBLIC], char out[static KEY_ID])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, key, KEY_PUBLIC);
    sodium_bin2hex(out, KEY_ID, hash, (KEY_ID - 1) / 2);
}
