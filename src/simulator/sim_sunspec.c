// SPDX-License-Identifier: Apache-2.0
// The registers around a SunSpec meter model.
#include "sim_sunspec.h"

#include <string.h>

// Registers of the meter models after id and length: 201 to 204 hold integers, 211 to 214 floats.
#define INTEGER_LENGTH 105
#define FLOAT_LENGTH   124

static int put_text(struct sim_image *image, uint16_t address, size_t words, const char *text)
{
    uint16_t out[32] = {0};
    for (size_t i = 0; text && text[i] && i < 2 * words; i++)
        out[i / 2] |= (uint16_t)((uint8_t)text[i] << (i % 2 ? 0 : 8));
    return sim_image_put(image, TABLE_HOLDING, address, out, words);
}

// Manufacturer, model, options, version, serial number, device address: chapter 4.2.
static int put_common(const struct device *device, struct sim_image *image)
{
    uint16_t at = SUNSPEC_COMMON_AT, head[] = {1, SUNSPEC_COMMON};
    if (sim_image_add(image, TABLE_HOLDING, at, 2 + SUNSPEC_COMMON) < 0 ||
        sim_image_put(image, TABLE_HOLDING, at, head, 2) < 0 ||
        put_text(image, (uint16_t)(at + 2), 16, device->vendor ? device->vendor : "Symbiont") < 0 ||
        put_text(image, (uint16_t)(at + 18), 16, device->model ? device->model : "Simulated meter") < 0 ||
        put_text(image, (uint16_t)(at + 34), 8, "") < 0 ||
        put_text(image, (uint16_t)(at + 42), 8, "1.0") < 0 ||
        put_text(image, (uint16_t)(at + 50), 16, "SIM0001") < 0)
        return -1;
    return sim_image_put(image, TABLE_HOLDING, (uint16_t)(at + 66), (uint16_t[]){1, 0x8000}, 2);
}

// A three-phase meter in star, when the points fit that; else the first model that they do fit.
static int default_model(const struct device *device, int usual)
{
    for (size_t i = 0; i < device->sunspec_model_count; i++)
        if (device->sunspec_models[i] == usual)
            return usual;
    return device->sunspec_model_count ? device->sunspec_models[0] : usual;
}

int sim_sunspec_headers(const struct device *device, int model, struct sim_image *image)
{
    uint32_t end = 0;
    bool floats = false;
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        floats |= p->type == POINT_FLOAT32;
        if (p->type != POINT_DERIVED && p->address + (uint32_t)p->words > end)
            end = p->address + (uint32_t)p->words;
    }
    if (model == 0)
        model = default_model(device, floats ? 213 : 203);
    uint32_t length = floats ? FLOAT_LENGTH : INTEGER_LENGTH;
    if (end > length + 2)
        length = end - 2;
    uint16_t marker[] = {0x5375, 0x6e53}, head[] = {(uint16_t)model, (uint16_t)length}, last[] = {0xffff, 0};
    // The model is one block: what no point describes reads as 0.
    if (sim_image_add(image, TABLE_HOLDING, SUNSPEC_MODEL_AT, length + 2) < 0 ||
        put_common(device, image) < 0)
        return -1;
    if (sim_image_put(image, TABLE_HOLDING, SUNSPEC_AT, marker, 2) < 0 ||
        sim_image_put(image, TABLE_HOLDING, SUNSPEC_MODEL_AT, head, 2) < 0)
        return -1;
    return sim_image_put(image, TABLE_HOLDING, (uint16_t)(SUNSPEC_MODEL_AT + 2 + length), last, 2);
}
