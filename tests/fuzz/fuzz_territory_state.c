// SPDX-License-Identifier: Apache-2.0
// What a gateway kept of its territory (state.json), damaged in any way: refused with a reason, or it goes on
// from it, answers its people, and what it then keeps is read again the same.
#include "gateway_room.h"
#include "one_text.h"
#include "symbiont/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

// The state but its epoch, which grows with each start.
static char *kept(void)
{
    struct buf file = {0};
    if (file_read(scratch_path("state.json"), 1 << 24, &file) < 0)
        abort();
    char *lives = strstr(buf_text(&file), "\"territory\"");
    char *copy = strdup(lives ? lives : "");
    buf_free(&file);
    return copy;
}

static void once_more(struct gateway *g)
{
    char why[400];
    char *first = kept();
    struct buf bytes = {0};
    if (file_read(scratch_path("state.json"), 1 << 24, &bytes) < 0 ||
        !room_open(g, bytes.data, bytes.len, why, sizeof why))
        abort();
    char *second = kept();
    if (strcmp(first, second) != 0) {
        fprintf(stderr, "%s----\n%s", first, second);
        abort();
    }
    room_close(g);
    buf_free(&bytes);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct gateway g;
    char why[400];
    struct buf ids = {0};
    if (!room_open(&g, data, n, why, sizeof why)) {
        if (!*why)
            abort();
        return 0;
    }
    once_more(&(struct gateway){.site = g.site, .engine = g.engine});
    territory_still_told(scratch_directory, &ids);
    room_ask(&g, "offers");
    room_ask(&g, "offers dry");
    room_ask(&g, "matches");
    room_ask(&g, "accept 0123");
    territory_step(g.exchange->territory, utc_now());
    territory_save(g.exchange->territory);
    room_close(&g);
    buf_free(&ids);
    return 0;
}
