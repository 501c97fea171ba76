/* SPDX-License-Identifier: Apache-2.0 */
/* Reading small files with a bound, reading secrets with care, and replacing a file so that a power
 * cut leaves the old one or the new one. */
#ifndef SYMBIONT_FILES_H
#define SYMBIONT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "symbiont/buf.h"

/* Appends the content of a regular file of at most `max` bytes. Returns 0, or -1 with errno (EFBIG
 * when larger, EINVAL when not a regular file). */
int file_read(const char *path, size_t max, struct buf *out);

/* Writes path.new, syncs it, renames it over path, syncs the directory; every step checked.
 * Returns 0, or -1 with errno and path untouched. */
int file_replace(const char *path, const void *data, size_t n, mode_t mode);

/*
 * One line of secret text (password, token) from a regular file owned by root or by us and closed to
 * group and others. Writes a NUL-terminated secret without its line end into `out`. On failure
 * returns -1 and puts a sentence that names the file, and what to do about it, into `why`.
 * The caller wipes `out` with explicit_bzero.
 */
int secret_read(const char *path, char *out, size_t size, char *why, size_t why_size);

/*
 * A private key for TLS, which a library will read itself: is it a PEM file as closed as a secret, and not
 * behind a passphrase (OpenSSL would ask for it on the terminal)? 0, or -1 and a sentence in `why`.
 */
int key_file_check(const char *path, char *why, size_t why_size);

/* Syncs the directory that holds `path`: a name that was made or renamed there then outlives a power cut.
 * Returns 0 or -1 with errno. */
int directory_sync_of(const char *path);

/* mkdir -p with `mode` for the directories made. Returns 0 or -1 with errno. */
int directory_make(const char *path, mode_t mode);

#endif
