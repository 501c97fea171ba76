// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reading of configurations: it ends with a configuration or with errors, and what is printed
// of a good one reads back to the same.
#include <stdlib.h>
#include <string.h>
#include "../unit/config/sections.h"
#include "complaints.h"
#include "one_text.h"
#include "symbiont/units.h"

static char *printed(const struct config *c)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        abort();
    config_print(&test_root_section, config_root(c), out);
    fclose(out);
    return text;
}

static void read_back(const struct config *c)
{
    char *once = printed(c);
    struct diagnostics *d = diagnostics_new();
    struct config *again = config_read_text(once, "printed", &test_root_section, d);
    if (!again || diag_errors(d)) {
        diag_print(d, stderr);
        fprintf(stderr, "%s", once);
        abort();
    }
    char *twice = printed(again);
    if (strcmp(once, twice) != 0) {
        fprintf(stderr, "%s----\n%s", once, twice);
        abort();
    }
    free(once);
    free(twice);
    config_free(again);
    diagnostics_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char why[200];
    if (units_open(why, sizeof why) < 0)
        abort();
    char *text = strndup((const char *)data, n);
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_text(text, "fuzz", &test_root_section, d);
    size_t seen = complaints_count(d);
    if (!c || (diag_errors(d) && !seen))
        abort();
    if (diag_errors(d) == 0)
        read_back(c);
    config_free(c);
    diagnostics_free(d);
    free(text);
    return 0;
}
