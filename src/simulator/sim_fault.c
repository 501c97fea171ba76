// SPDX-License-Identifier: Apache-2.0
// Faults of a simulated device: when they strike, and what they do to an answer's bytes.
#include "sim_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbiont/clock.h"
#include "symbiont/text.h"

#define LATE_NS (2 * NS_PER_S)    // later than any timeout a poller uses by default
#define DRIP_NS (400 * NS_PER_MS) // slow enough that a timeout per byte never ends

const struct choice sim_fault_choices[] = {
    {"silence", SIM_FAULT_SILENCE},
    {"exception", SIM_FAULT_EXCEPTION},
    {"late", SIM_FAULT_LATE},
    {"wrong_transaction", SIM_FAULT_WRONG_TRANSACTION},
    {"wrong_protocol", SIM_FAULT_WRONG_PROTOCOL},
    {"wrong_length", SIM_FAULT_WRONG_LENGTH},
    {"wrong_unit", SIM_FAULT_WRONG_UNIT},
    {"wrong_function", SIM_FAULT_WRONG_FUNCTION},
    {"wrong_count", SIM_FAULT_WRONG_COUNT},
    {"bad_exception", SIM_FAULT_BAD_EXCEPTION},
    {"crc", SIM_FAULT_CRC},
    {"torn", SIM_FAULT_TORN},
    {"garbage", SIM_FAULT_GARBAGE},
    {"noise", SIM_FAULT_NOISE},
    {"close", SIM_FAULT_CLOSE},
    {"drip", SIM_FAULT_DRIP},
    {"stray", SIM_FAULT_STRAY},
    {"duplicate", SIM_FAULT_DUPLICATE},
    {0},
};

const char *sim_fault_word(enum sim_fault_kind kind)
{
    for (const struct choice *c = sim_fault_choices; c->word; c++)
        if (c->value == (int)kind)
            return c->word;
    return "none";
}

bool sim_fault_strikes(struct sim_fault *f, int64_t since_ns, uint64_t random)
{
    if (since_ns < f->from_ns || (f->until_ns && since_ns >= f->until_ns) ||
        (f->times && f->done >= f->times))
        return false;
    f->seen++;
    if (f->every && f->seen % f->every != 0)
        return false;
    if (f->probability > 0 && (double)(random >> 11) * 0x1p-53 >= f->probability)
        return false;
    f->done++;
    return true;
}

static bool parse_setting(char *word, struct sim_fault *out)
{
    char *equals = strchr(word, '=');
    double value;
    if (!equals || !text_number(equals + 1, &value) || value < 0)
        return false;
    *equals = '\0';
    if (strcmp(word, "every") == 0 && value >= 1 && value <= UINT32_MAX)
        out->every = (uint32_t)value;
    else if (strcmp(word, "probability") == 0 && value <= 1)
        out->probability = value;
    else if (strcmp(word, "code") == 0 && value <= 255)
        out->code = (uint8_t)value;
    else if (strcmp(word, "delay_ms") == 0 && value <= 1e9)
        out->delay_ns = (int64_t)(value * NS_PER_MS);
    else if (strcmp(word, "from_s") == 0 && value <= 1e9)
        out->from_ns = (int64_t)(value * NS_PER_S);
    else if (strcmp(word, "until_s") == 0 && value <= 1e9)
        out->until_ns = (int64_t)(value * NS_PER_S);
    else if (strcmp(word, "times") == 0 && value >= 1 && value <= 1e15)
        out->times = (uint64_t)value;
    else
        return false;
    return true;
}

bool sim_fault_parse(const char *text, struct sim_fault *out, char *why, size_t why_size)
{
    char copy[256], *rest = NULL;
    *out = (struct sim_fault){0};
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) {
        snprintf(why, why_size, "a fault takes at most %zu characters", sizeof copy - 1);
        return false;
    }
    char *word = strtok_r(copy, " ", &rest);
    for (const struct choice *c = sim_fault_choices; word && c->word; c++)
        if (strcmp(c->word, word) == 0)
            out->kind = (uint8_t)c->value;
    if (out->kind == SIM_FAULT_NONE) {
        const char *near =
            word ? text_nearest(word, sim_fault_choices, SIM_FAULT_KINDS - 1, sizeof(struct choice)) : NULL;
        snprintf(why, why_size, "\"%s\" is no kind of fault%s%s%s", word ? word : "",
                 near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return false;
    }
    while ((word = strtok_r(NULL, " ", &rest))) {
        if (parse_setting(word, out))
            continue;
        snprintf(why, why_size,
                 "\"%s\" is no setting of a fault: every=, probability=, code=, delay_ms=, from_s=, "
                 "until_s=, times=",
                 word);
        return false;
    }
    return true;
}

static void put(struct sim_reply *out, const void *bytes, size_t n)
{
    if (n > sizeof out->bytes - out->n)
        n = sizeof out->bytes - out->n;
    memcpy(out->bytes + out->n, bytes, n);
    out->n += n;
}

static void put_random(struct sim_reply *out, size_t n, uint64_t random)
{
    while (n--) {
        uint8_t byte = (uint8_t)(random >> 32);
        put(out, &byte, 1);
        random = random * 6364136223846793005u + 1442695040888963407u; // Knuth's MMIX generator
    }
}

// Faults in the PDU or in the fields around it, before lengths and CRC are computed.
static size_t spoil_pdu(const struct sim_fault *f, uint8_t *pdu, size_t n, bool rtu,
                        struct sim_request *request)
{
    switch (f->kind) {
    case SIM_FAULT_EXCEPTION:
        return sim_exception_pdu(pdu, request->function, f->code ? f->code : SIM_DEVICE_FAILURE);
    case SIM_FAULT_BAD_EXCEPTION: // no such code in the specification (1 to 11)
        return sim_exception_pdu(pdu, request->function, f->code ? f->code : 99);
    case SIM_FAULT_WRONG_UNIT:
        request->unit++;
        return n;
    case SIM_FAULT_WRONG_FUNCTION:
        pdu[0] = (uint8_t)((pdu[0] & 0x80) | (request->function % 4 + 1));
        return n;
    case SIM_FAULT_WRONG_COUNT: // one register less than asked, in itself consistent
        if (pdu[0] & 0x80 || n < 4)
            return n;
        pdu[1] = (uint8_t)(n - 4);
        return n - 2;
    case SIM_FAULT_WRONG_LENGTH: // RTU: one register more than announced; MBAP: see spoil_frame
        if (rtu && !(pdu[0] & 0x80) && n >= 4)
            pdu[1] = (uint8_t)(pdu[1] - 2);
        return n;
    case SIM_FAULT_WRONG_TRANSACTION:
        request->transaction = (uint16_t)(request->transaction + 0x4000);
        return n;
    default:
        return n;
    }
}

// Faults in the finished frame.
static void spoil_frame(const struct sim_fault *f, uint8_t *frame, size_t n, bool rtu)
{
    switch (f->kind) {
    case SIM_FAULT_WRONG_PROTOCOL:
        if (!rtu)
            frame[3] = 1;
        break;
    case SIM_FAULT_WRONG_LENGTH: // the header says one register less than is sent
        if (!rtu)
            frame[5] = (uint8_t)(frame[5] > 4 ? frame[5] - 2 : 1);
        break;
    case SIM_FAULT_CRC: // MBAP has none
        if (rtu)
            frame[n - 1] ^= 0x5a;
        break;
    default:
        break;
    }
}

static void arrange(const struct sim_fault *f, const uint8_t *frame, size_t n, bool rtu, uint64_t random,
                    struct sim_reply *out)
{
    switch (f->kind) {
    case SIM_FAULT_SILENCE:
        return;
    case SIM_FAULT_CLOSE:
        out->close = true;
        return;
    case SIM_FAULT_TORN:
        put(out, frame, n / 2);
        out->close = true;
        return;
    case SIM_FAULT_GARBAGE:
        put_random(out, 5 + random % 40, random);
        return;
    case SIM_FAULT_NOISE:
        put_random(out, 1, random);
        break;
    case SIM_FAULT_STRAY:
        // An answer nobody asked for, complete and right but for its transaction (RTU: its unit).
        put(out, frame, n);
        out->bytes[rtu ? 0 : 1] ^= 0x55;
        if (rtu)
            sim_rtu_seal(out->bytes, n);
        break;
    case SIM_FAULT_DUPLICATE:
        put(out, frame, n);
        break;
    case SIM_FAULT_LATE:
        out->delay_ns += f->delay_ns ? f->delay_ns : LATE_NS;
        out->overtakes = true;
        break;
    case SIM_FAULT_DRIP:
        out->chunk = 1;
        out->step_ns = f->delay_ns ? f->delay_ns : DRIP_NS;
        break;
    default:
        break;
    }
    put(out, frame, n);
}

void sim_fault_frame(const struct sim_fault *f, uint8_t frame[static SIM_FRAME_MAX], size_t pdu,
                     const struct sim_request *request, bool rtu, uint64_t random, struct sim_reply *out)
{
    struct sim_request asked = *request;
    size_t start, n;
    if (f)
        pdu = spoil_pdu(f, frame + SIM_HEAD, pdu, rtu, &asked);
    n = rtu ? sim_rtu_frame(frame, pdu, &asked, &start) : sim_mbap_frame(frame, pdu, &asked, &start);
    out->n = 0;
    if (!f) {
        put(out, frame + start, n);
        return;
    }
    spoil_frame(f, frame + start, n, rtu);
    arrange(f, frame + start, n, rtu, random, out);
}
