// SPDX-License-Identifier: Apache-2.0
// What the daemon answers on its control socket.
#include <string.h>
#include "gateway/gateway.h"

static bool is_for_ledger(const char *request)
{
    return strncmp(request, "ledger", 6) == 0 && (request[6] == ' ' || request[6] == '\0');
}

void gateway_answer(void *gateway, const char *request, struct buf *out)
{
    struct gateway *g = gateway;
    static const struct {
        const char *request;
        void (*make)(const struct gateway *g, struct buf *out);
    } answers[] = {{"status", gateway_status}, {"values", gateway_values}};
    size_t i = 0, n = sizeof answers / sizeof answers[0];
    while (i < n && strcmp(request, answers[i].request) != 0)
        i++;
    if (i < n)
        answers[i].make(g, out);
    else if (is_for_ledger(request) && g->ledger)
        ledger_answer(g->ledger, request, out);
    else if (exchange_answer(g, request, out))
        return;
    else
        control_unknown(out, request);
}
