// SPDX-License-Identifier: Apache-2.0
// Reading the end of validity out of PEM files, through the OpenSSL that Paho brings along.
#include "certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool end_of(const X509 *certificate, struct utc *end)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return false;
    *end = (struct utc){(int64_t)timegm(&tm) * 1000};
    return true;
}

int certificate_expiry(const char *path, struct utc *end, char *why, size_t why_size)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(why, why_size, "cannot read certificate file %s: %s", path, strerror(errno));
        return -1;
    }
    int found = 0;
    X509 *certificate;
    while ((certificate = PEM_read_X509(f, NULL, NULL, NULL))) {
        struct utc one;
        if (end_of(certificate, &one) && (found++ == 0 || one.ms < end->ms))
            *end = one;
        X509_free(certificate);
    }
    ERR_clear_error(); // the end of the file counts as one
    fclose(f);
    if (found)
        return 0;
    snprintf(why, why_size, "%s holds no certificate in PEM form", path);
    return -1;
}
