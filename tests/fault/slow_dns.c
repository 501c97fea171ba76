// SPDX-License-Identifier: Apache-2.0
// A resolver that hangs: preloaded, looking up a name that contains SLOW_DNS_NAME takes SLOW_DNS_MS and then
// fails or, with SLOW_DNS_ANSWER=1, gives 127.0.0.1. Addresses and other names are looked up as ever.
//
//   LD_PRELOAD=./slow_dns.so SLOW_DNS_NAME=broker.test SLOW_DNS_MS=10000 PROGRAM
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    __typeof__(&getaddrinfo) real = (__typeof__(&getaddrinfo))dlsym(RTLD_NEXT, "getaddrinfo");
    const char *name = getenv("SLOW_DNS_NAME"), *ms = getenv("SLOW_DNS_MS");
    if (!node || !name || !ms || !strstr(node, name))
        return real(node, service, hints, out);
    long wait = atol(ms);
    nanosleep(&(struct timespec){.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000}, NULL);
    return getenv("SLOW_DNS_ANSWER") ? real("127.0.0.1", service, hints, out) : EAI_AGAIN;
}
