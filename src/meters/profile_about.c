// SPDX-License-Identifier: Apache-2.0
// What a profile says of its model beside the points: for lists and for people.
#include "meters/point_options.h"

const char *confidence_text(enum confidence c)
{
    static const char *const words[] = {"low", "medium", "high"};
    return words[c];
}

static const char *order_word(int order)
{
    for (const struct choice *o = order_choices; o->word; o++)
        if (o->value == order + 1)
            return o->word;
    return "unknown";
}

struct config *profile_about(const char *file, struct profile_about *out, struct diagnostics *d)
{
    size_t before = diag_errors(d);
    struct config *config = config_read_path(file, false, &profile_section, d);
    if (!config || diag_errors(d) > before) {
        config_free(config);
        return NULL;
    }
    const struct profile_config *p = config_root(config);
    *out = (struct profile_about){
        .vendor = p->vendor,
        .model = p->model,
        .medium = medium_text(p->medium),
        .addressing = p->addressing,
        .serial_mode = p->serial,
        .confidence = (enum confidence)p->confidence,
        .order = order_word(p->order),
        .transport = p->transport,
        .sources = p->sources,
        .notes = p->notes,
        .unit_id = PROFILE_GIVEN(p, unit_id) ? (int)p->unit_id : -1,
    };
    return config;
}
