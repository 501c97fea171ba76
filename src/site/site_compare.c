// SPDX-License-Identifier: Apache-2.0
// What a reload may leave alone: settings are equal when they print the same, devices when they decode
// the same.
#include <stdlib.h>
#include <string.h>
#include "symbiont/site.h"

static char *printed(const struct section *section, const void *settings)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        return NULL;
    config_print(section, settings, out);
    fclose(out);
    return text;
}

static bool settings_equal(const struct section *section, const void *a, const void *b)
{
    char *one = printed(section, a), *two = printed(section, b);
    bool equal = one && two && strcmp(one, two) == 0;
    free(one);
    free(two);
    return equal;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool bytes_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || memcmp(a, b, n) == 0;
}

static bool point_equal(const struct point *a, const struct point *b)
{
    return text_equal(a->name, b->name) && a->quantity == b->quantity && a->unit == b->unit &&
           a->table == b->table && a->type == b->type && a->order == b->order && a->words == b->words &&
           a->address == b->address && a->bit == b->bit && a->mask == b->mask && a->factor == b->factor &&
           a->offset == b->offset && a->min == b->min && a->max == b->max &&
           a->marker_count == b->marker_count &&
           bytes_equal(a->markers, b->markers, a->marker_count * sizeof *a->markers) &&
           a->exponent_point == b->exponent_point && a->exponent_sign == b->exponent_sign &&
           a->factor_point == b->factor_point && a->factor_count == b->factor_count &&
           bytes_equal(a->factor_map, b->factor_map, a->factor_count * sizeof *a->factor_map) &&
           a->sign_point == b->sign_point && a->sign_mask == b->sign_mask && a->add_point == b->add_point &&
           a->order_point == b->order_point && a->order_code == b->order_code && a->every_ns == b->every_ns &&
           a->modulus == b->modulus && a->max_rate == b->max_rate && a->hidden == b->hidden &&
           a->integer == b->integer && a->single == b->single && text_equal(a->expression, b->expression);
}

static bool device_equal(const struct device *a, const struct device *b)
{
    if (a->n != b->n || memcmp(&a->limits, &b->limits, sizeof a->limits) != 0 || a->sunspec != b->sunspec ||
        a->timing.timeout_ns != b->timing.timeout_ns || a->timing.pause_ns != b->timing.pause_ns ||
        a->timing.connect_pause_ns != b->timing.connect_pause_ns ||
        a->timing.in_flight != b->timing.in_flight ||
        a->timing.close_after_cycle != b->timing.close_after_cycle || !text_equal(a->vendor, b->vendor) ||
        !text_equal(a->model, b->model))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!point_equal(&a->points[i], &b->points[i]))
            return false;
    return true;
}

bool site_line_equal(const struct site *a, size_t i, const struct site *b, size_t j)
{
    return settings_equal(&line_section, site_line(a, i), site_line(b, j));
}

bool site_meter_equal(const struct site *a, size_t i, const struct site *b, size_t j)
{
    return settings_equal(&meter_section, site_meter(a, i), site_meter(b, j)) &&
           device_equal(a->devices[i], b->devices[j]);
}

bool site_publisher_equal(const struct site *a, const struct site *b, size_t publisher)
{
    return settings_equal(publishers[publisher]->section, site_publisher(a, publisher),
                          site_publisher(b, publisher));
}

// Who the site is in its territory, and how it gets there.
bool site_exchange_equal(const struct site *a, const struct site *b)
{
    return settings_equal(&exchange_section, site_exchange(a), site_exchange(b)) &&
           text_equal(a->root->site.territory, b->root->site.territory) &&
           text_equal(a->root->site.name, b->root->site.name) &&
           text_equal(a->root->site.nace, b->root->site.nace) &&
           a->root->site.latitude == b->root->site.latitude &&
           a->root->site.longitude == b->root->site.longitude;
}
