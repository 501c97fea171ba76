// SPDX-License-Identifier: Apache-2.0
// Any answers to a SunSpec walk: it ends, within the address space, and says why when it finds nothing.
// Input: the answers one after the other, each a verdict byte and, for an answer, as many bytes as were asked
// for.
#include <stdlib.h>
#include <string.h>

#include "symbiont/sunspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

static void printable(const char *text, size_t size)
{
    require(strnlen(text, size) < size);
    for (; *text; text++)
        require(*text >= ' ' && *text <= '~');
}

static struct modbus_answer next_answer(const uint8_t **data, size_t *size, const struct modbus_ask *ask,
                                        uint8_t *buffer)
{
    size_t n = (size_t)2 * ask->count;
    if (*size == 0)
        return (struct modbus_answer){.verdict = VERDICT_TIMEOUT};
    uint8_t verdict = *(*data)++;
    --*size;
    if (verdict % 16) // most bytes: an answer
        n = n < *size ? n : *size;
    else
        return (struct modbus_answer){.verdict = (enum verdict)(1 + verdict / 16 % 5),
                                      .exception = verdict / 16};
    memset(buffer, 0, 250);
    memcpy(buffer, *data, n);
    *data += n;
    *size -= n;
    return (struct modbus_answer){.verdict = VERDICT_ANSWER, .data = buffer, .n = (size_t)2 * ask->count};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t models[] = {201, 202, 203, 204};
    if (size < 1)
        return 0;
    struct sunspec_want want = {.models = models, .n = 4, .words = 107, .instance = data[0] & 3};
    struct sunspec s;
    struct modbus_ask ask = {.unit = 1};
    uint8_t buffer[250];
    unsigned requests = 0;
    data++;
    size--;
    sunspec_start(&s, &want);
    while (sunspec_next(&s, &ask) == SUNSPEC_ASK) {
        require(++requests <= 3 + 2 * SUNSPEC_MODELS_MAX + 1);
        require(ask.function == 3 && ask.count >= 1 && ask.count <= 125 && ask.address + ask.count <= 65536);
        struct modbus_answer answer = next_answer(&data, &size, &ask, buffer);
        sunspec_answer(&s, &answer);
    }
    if (s.state == SUNSPEC_FOUND)
        require(s.model >= 201 && s.model <= 204 && s.words >= want.words);
    else
        require(s.why[0] != '\0');
    printable(s.manufacturer, sizeof s.manufacturer);
    printable(s.product, sizeof s.product);
    printable(s.options, sizeof s.options);
    printable(s.version, sizeof s.version);
    printable(s.serial, sizeof s.serial);
    printable(s.why, sizeof s.why);
    return 0;
}
