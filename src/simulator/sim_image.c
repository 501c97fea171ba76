// SPDX-License-Identifier: Apache-2.0
// The register image of a simulated device.
#include "sim_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim_codec.h"

static size_t width(int table)
{
    return table <= 2 ? 1 : 2;
}

// The first run that ends at or after `address`, so that a run touching it is found too.
static size_t find(const struct sim_image *image, int table, uint32_t address)
{
    size_t low = 0, high = image->n[table];
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct sim_run *r = &image->runs[table][middle];
        if (r->first + r->count < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int sim_image_add(struct sim_image *image, int table, uint32_t first, uint32_t count)
{
    uint32_t end = first + count;
    if (table < 1 || table > 4 || count == 0 || end > 65536 || end < first) {
        errno = EINVAL;
        return -1;
    }
    size_t from = find(image, table, first), to = from, w = width(table);
    struct sim_run *runs = image->runs[table];
    struct sim_run joined = {first, 0, NULL};
    while (to < image->n[table] && runs[to].first <= end) {
        if (runs[to].first < joined.first)
            joined.first = runs[to].first;
        if (runs[to].first + runs[to].count > end)
            end = runs[to].first + runs[to].count;
        to++;
    }
    joined.count = end - joined.first;
    joined.bytes = calloc(joined.count, w);
    struct sim_run *grown = from == to ? realloc(runs, (image->n[table] + 1) * sizeof *runs) : runs;
    if (grown)
        image->runs[table] = grown;
    if (!joined.bytes || !grown) {
        free(joined.bytes);
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = from; i < to; i++) {
        memcpy(joined.bytes + (grown[i].first - joined.first) * w, grown[i].bytes, grown[i].count * w);
        free(grown[i].bytes);
    }
    memmove(grown + from + 1, grown + to, (image->n[table] - to) * sizeof *grown);
    grown[from] = joined;
    image->n[table] = image->n[table] - (to - from) + 1;
    return 0;
}

uint8_t *sim_image_at(const struct sim_image *image, int table, uint32_t address, uint32_t count)
{
    size_t i = find(image, table, address + 1);
    if (i == image->n[table])
        return NULL;
    const struct sim_run *r = &image->runs[table][i];
    if (address < r->first || address + count > r->first + r->count)
        return NULL;
    return r->bytes + (address - r->first) * width(table);
}

int sim_image_fill_gaps(struct sim_image *image, uint32_t gap)
{
    for (int table = 1; table <= 4; table++) {
        for (size_t i = 0; i + 1 < image->n[table];) {
            const struct sim_run *r = &image->runs[table][i];
            uint32_t end = r->first + r->count, next = r[1].first;
            if (next - end > gap)
                i++;
            else if (sim_image_add(image, table, end, next - end) < 0)
                return -1;
        }
    }
    return 0;
}

int sim_image_copy(struct sim_image *to, const struct sim_image *from)
{
    *to = (struct sim_image){0};
    for (int table = 1; table <= 4; table++) {
        for (size_t i = 0; i < from->n[table]; i++) {
            const struct sim_run *r = &from->runs[table][i];
            if (sim_image_add(to, table, r->first, r->count) < 0)
                return -1;
            memcpy(to->runs[table][i].bytes, r->bytes, r->count * width(table));
        }
    }
    return 0;
}

void sim_image_free(struct sim_image *image)
{
    for (int table = 1; table <= 4; table++) {
        for (size_t i = 0; i < image->n[table]; i++)
            free(image->runs[table][i].bytes);
        free(image->runs[table]);
    }
    *image = (struct sim_image){0};
}

static size_t read_bits(const uint8_t *bits, uint16_t count, uint8_t *pdu)
{
    size_t bytes = (count + 7u) / 8;
    pdu[1] = (uint8_t)bytes;
    memset(pdu + 2, 0, bytes);
    for (unsigned i = 0; i < count; i++)
        pdu[2 + i / 8] |= (uint8_t)((bits[i] & 1u) << (i % 8));
    return 2 + bytes;
}

size_t sim_image_read(const struct sim_image *image, uint8_t function, uint16_t address, uint16_t count,
                      uint16_t max_registers, uint16_t max_bits, uint8_t *pdu)
{
    bool bits = function <= 2;
    if (count == 0 || count > (bits ? max_bits : max_registers))
        return sim_exception_pdu(pdu, function, SIM_ILLEGAL_VALUE);
    const uint8_t *from = sim_image_at(image, function, address, count);
    if (!from)
        return sim_exception_pdu(pdu, function, SIM_ILLEGAL_ADDRESS);
    pdu[0] = function;
    if (bits)
        return read_bits(from, count, pdu);
    pdu[1] = (uint8_t)(2 * count);
    memcpy(pdu + 2, from, 2u * count);
    return 2 + 2u * count;
}

int sim_image_put(struct sim_image *image, int table, uint16_t address, const uint16_t *words, size_t n)
{
    if (sim_image_add(image, table, address, (uint32_t)n) < 0)
        return -1;
    uint8_t *at = sim_image_at(image, table, address, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        if (table <= 2) {
            at[i] = words[i] != 0;
        } else {
            at[2 * i] = (uint8_t)(words[i] >> 8);
            at[2 * i + 1] = (uint8_t)words[i];
        }
    }
    return 0;
}
