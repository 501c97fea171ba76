// SPDX-License-Identifier: Apache-2.0
// getaddrinfo may take ten seconds: it runs in a thread of its own and answers through an eventfd.
#include "symbiont/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Held by the thread and by the asker; the last to let go frees.
struct lookup {
    struct wakeup wakeup; // first: the callback gets its address
    atomic_int holders;
    char host[256], port[8];
    struct lookup_result result;
    void (*done)(void *arg, const struct lookup_result *result);
    void *arg;
    pthread_mutex_t lock; // guards `abandoned` against the thread's wake-up
    bool abandoned;
};

static void release(struct lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) == 1) {
        pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

static const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

static void take_first(struct addrinfo *found, struct lookup_result *out)
{
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    out->other_size = 0;
    out->error = NULL;
    for (struct addrinfo *a = found->ai_next; a; a = a->ai_next) {
        if (a->ai_family == found->ai_family)
            continue;
        memcpy(&out->other, a->ai_addr, a->ai_addrlen);
        out->other_size = a->ai_addrlen;
        break;
    }
}

bool lookup_literal(const char *host, uint16_t port, struct lookup_result *out)
{
    struct addrinfo hints = wanted, *found;
    char service[8];
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return false;
    take_first(found, out);
    freeaddrinfo(found);
    return true;
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = wanted, *found = NULL;
    hints.ai_flags = AI_NUMERICSERV;
    int rc = getaddrinfo(l->host, l->port, &hints, &found);
    if (rc == 0) {
        take_first(found, &l->result);
        freeaddrinfo(found);
    } else {
        l->result.error = gai_strerror(rc);
    }
    pthread_mutex_lock(&l->lock);
    if (!l->abandoned)
        wakeup_send(&l->wakeup);
    pthread_mutex_unlock(&l->lock);
    release(l);
    return NULL;
}

static void answered(struct wakeup *w)
{
    struct lookup *l = (struct lookup *)w;
    struct lookup_result result = l->result;
    void (*done)(void *, const struct lookup_result *) = l->done;
    void *done_arg = l->arg;
    lookup_abandon(l);
    done(done_arg, &result);
}

struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
                            void (*done)(void *arg, const struct lookup_result *result), void *arg)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    if (wakeup_open(&l->wakeup, loop, answered) < 0) {
        free(l);
        return NULL;
    }
    l->done = done;
    l->arg = arg;
    atomic_init(&l->holders, 2);
    pthread_mutex_init(&l->lock, NULL);
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%u", port);

    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int rc = pthread_create(&thread, &attr, look_up, l);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        wakeup_close(&l->wakeup);
        pthread_mutex_destroy(&l->lock);
        free(l);
        errno = rc;
        return NULL;
    }
    return l;
}

void lookup_abandon(struct lookup *l)
{
    pthread_mutex_lock(&l->lock);
    l->abandoned = true;
    wakeup_close(&l->wakeup);
    pthread_mutex_unlock(&l->lock);
    release(l);
}
