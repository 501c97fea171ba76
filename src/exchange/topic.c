// SPDX-License-Identifier: Apache-2.0
// Topics and names of the territory: parsed strictly, made at random.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "exchange/codec.h"
#include "symbiont/messages.h"
#include "symbiont/text.h"

#define ROOT "symbiosis/v1/"

#define KIND(k) (1u << MESSAGE_##k)

static const struct {
    const char *word;
    unsigned kinds; // bits of enum message_kind
} branches[EXCHANGE_BRANCHES] = {
    [BRANCH_CARD] = {"card", KIND(CARD)},
    [BRANCH_OFFERS] = {"offers", KIND(OFFER) | KIND(WITHDRAWAL)},
    [BRANCH_NEEDS] = {"needs", KIND(NEED) | KIND(WITHDRAWAL)},
    [BRANCH_REPLIES] = {"replies", KIND(REPLY)},
    [BRANCH_METERS] = {"meters", KIND(METER)},
    [BRANCH_MATCHES] = {"matches", KIND(MATCH)},
    [BRANCH_RECEIPTS] = {"receipts", KIND(RECEIPT)},
};

bool exchange_is_id(const char *s)
{
    return strlen(s) == OFFER_ID && strspn(s, "0123456789abcdef") == OFFER_ID;
}

bool exchange_is_pseudonym(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n < OFFER_WORD && strspn(s, CHARS_PSEUDONYM) == n && !strchr("_.-", *s);
}

// The next part of a topic, up to '/' or the end; false: longer than `out`.
static bool part(const char **p, char *out, size_t size)
{
    size_t n = strcspn(*p, "/");
    if (n >= size)
        return false;
    memcpy(out, *p, n);
    out[n] = '\0';
    *p += n;
    if (**p == '/')
        (*p)++;
    return true;
}

bool exchange_topic_parse(const char *topic, struct exchange_topic *out)
{
    char word[16];
    const char *p = topic + strlen(ROOT);
    *out = (struct exchange_topic){0};
    if (strncmp(topic, ROOT, strlen(ROOT)) != 0 || !part(&p, out->territory, sizeof out->territory) ||
        !part(&p, out->pseudonym, sizeof out->pseudonym) || !part(&p, word, sizeof word))
        return false;
    if (!text_is_id(out->territory) || !exchange_is_pseudonym(out->pseudonym))
        return false;
    int b = 0;
    while (b < EXCHANGE_BRANCHES && strcmp(branches[b].word, word) != 0)
        b++;
    if (b == EXCHANGE_BRANCHES)
        return false;
    out->branch = (enum exchange_branch)b;
    bool slash = p[-1] == '/';
    if (b == BRANCH_CARD)
        return !*p && !slash;
    return part(&p, out->id, sizeof out->id) && !*p && p[-1] != '/' && exchange_is_id(out->id);
}

char *exchange_topic_text(const struct exchange_topic *t, char out[static EXCHANGE_TOPIC])
{
    snprintf(out, EXCHANGE_TOPIC, ROOT "%s/%s/%s%s%s", t->territory, t->pseudonym, branches[t->branch].word,
             t->branch == BRANCH_CARD ? "" : "/", t->branch == BRANCH_CARD ? "" : t->id);
    return out;
}

bool exchange_topic_takes(const struct exchange_topic *t, enum message_kind k)
{
    return branches[t->branch].kinds >> k & 1;
}

char *exchange_id(char out[static OFFER_ID + 1])
{
    unsigned char bytes[OFFER_ID / 2];
    if (sodium_init() < 0)
        abort(); // without randomness an id would say who made it
    randombytes_buf(bytes, sizeof bytes);
    return sodium_bin2hex(out, OFFER_ID + 1, bytes, sizeof bytes);
}

char *exchange_pseudonym(char out[static OFFER_WORD])
{
    // Without vowels there are no words in it, without 0, 1, i, l, o nothing to misread.
    static const char letters[] = "bcdfghjkmnpqrstvwxz23456789";
    if (sodium_init() < 0)
        abort();
    strcpy(out, "f-");
    for (size_t i = 2; i < 10; i++)
        out[i] = letters[randombytes_uniform(sizeof letters - 1)];
    out[10] = '\0';
    return out;
}
