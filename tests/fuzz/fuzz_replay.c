// SPDX-License-Identifier: Apache-2.0
// A description of a recording, a line "---", and the recording: whatever they are, rows come out that the
// engine can take, or a complaint.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "symbiont/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char plant[] =
    "site: { id = \"mill\"; timezone = \"UTC\"; };\n"
    "lines: ( { name = \"w\"; tcp = \"127.0.0.1\"; } );\n"
    "meters: ( { name = \"m\"; line = \"w\"; every = \"1 min\"; points: (\n"
    "  { name = \"active_power\"; table = \"holding\"; address = 0; type = \"float64\"; unit = \"kW\"; },\n"
    "  { name = \"active_energy_import\"; table = \"holding\"; address = 4; type = \"float64\"; unit = "
    "\"kWh\"; },\n"
    "  { name = \"twice\"; quantity = \"active_power\"; expression = \"avg(2 * active_power, 1 h)\"; } ); } "
    ");\n"
    "rules: ( { name = \"r\"; when = \"m.twice > 10 kW\"; for = \"5 min\"; repeat = \"1 h\"; alert = "
    "\"{m.active_power}\"; } );\n";

static struct site *site;

static void open_site(void)
{
    char path[] = "/tmp/fuzz-replay-XXXXXX", why[200];
    static const struct profile_path none = {{NULL}};
    struct diagnostics *d = diagnostics_new();
    int fd = mkstemp(path);
    if (units_open(why, sizeof why) < 0 || fd < 0 ||
        write(fd, plant, sizeof plant - 1) != (ssize_t)sizeof plant - 1)
        abort();
    site = site_load(path, &none, d);
    if (!site || diag_errors(d) > 0)
        abort();
    diagnostics_free(d);
    close(fd);
    unlink(path);
}

static void read_lines(struct recording *r, struct replay *p, const char *at, const char *end)
{
    char why[300];
    bool heading = true;
    struct recording_row row;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        if (heading && !recording_heading(r, at, n, why, sizeof why))
            return;
        if (!heading && recording_line(r, at, n, &row) == RECORDING_ROW) {
            recording_order(r, &row);
            for (size_t i = 0; i < row.n; i++)
                if (isinf(row.value[i]) || row.column[i] >= recording_columns(r))
                    abort();
            replay_row(p, r, &row);
        }
        heading = false;
        at += n + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char fence[] = "---\n";
    if (!site)
        open_site();
    const uint8_t *cut = n < 8192 ? memmem(data, n, fence, 4) : NULL;
    if (!cut)
        return 0;
    char *text = strndup((const char *)data, (size_t)(cut - data));
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_text(text, "fuzz", &recording_section, d);
    struct recording *r = c && diag_errors(d) == 0 ? recording_new(config_root(c), site, d) : NULL;
    struct engine *e = r ? engine_new(site, NULL) : NULL;
    struct replay *p = e ? replay_new(e, site) : NULL;
    if (p) {
        read_lines(r, p, (const char *)cut + 4, (const char *)data + n);
        replay_end(p);
    }
    replay_free(p);
    engine_free(e);
    recording_free(r);
    config_free(c);
    diagnostics_free(d);
    free(text);
    return 0;
}
