// SPDX-License-Identifier: Apache-2.0
// Rows of messages: packing, inserting, reading, deleting.
#include <stdlib.h>
#include <string.h>
#include "store/outbox_file_inside.h"

// About a thousand messages a row: ten of a hundred cost six times the device bytes of one of a thousand
// (measured), and ten thousand gain little but must be read and held at once.
#define ROW_COUNT_MAX 1000u
#define ROW_RAW_MAX   (256u << 10)
// zlib 4: on JSON readings within 10 % of level 6, at twice its speed.
#define ROW_LEVEL 4
// A damaged row must not make us reserve more than any sound one could.
#define ROW_SANE_RAW (MESSAGE_MAX + TOPIC_MAX + RECORD_HEAD + 1 + ROW_RAW_MAX)
#define LANE_SHIFT   56
#define LANE_LAST_ID (((int64_t)1 << LANE_SHIFT) - 1)

static int64_t row_key(uint8_t lane, uint64_t id)
{
    int64_t low = id > (uint64_t)LANE_LAST_ID ? LANE_LAST_ID : (int64_t)id;
    return ((int64_t)lane << LANE_SHIFT) + low;
}

// --- packing --------------------------------------------------------------------------------------------

void file_pack_reset(struct file_pack *p)
{
    p->n = 0;
    buf_reset(&p->data);
}

void file_pack_free(struct file_pack *p)
{
    free(p->rows);
    buf_free(&p->data);
    *p = (struct file_pack){0};
}

static struct file_row *add_row(struct file_pack *p)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct file_row *rows = realloc(p->rows, cap * sizeof *rows);
        if (!rows)
            return NULL;
        p->rows = rows;
        p->cap = cap;
    }
    p->rows[p->n] = (struct file_row){0};
    return &p->rows[p->n++];
}

// Takes pieces from *i on (and from *at within the first) into one row of consecutive ids; moves *i and *at
// behind it.
static size_t choose(const struct piece *pieces, size_t n, size_t *i, uint32_t *at, struct file_row *r,
                     struct piece *out, size_t max)
{
    size_t chosen = 0;
    while (*i < n && chosen < max) {
        const struct piece *p = &pieces[*i];
        uint64_t id = p->block->first_id + *at;
        uint32_t take = p->to - *at;
        if (r->count && (id != r->first_id + r->count || r->count == ROW_COUNT_MAX))
            break;
        if (take > ROW_COUNT_MAX - r->count)
            take = ROW_COUNT_MAX - r->count;
        size_t bytes;
        block_range(p->block, *at, *at + take, &bytes);
        if (r->count && r->raw + bytes > ROW_RAW_MAX)
            break;
        if (r->count == 0) {
            r->first_id = id;
            r->first = block_time(p->block, *at);
        }
        r->count += take;
        r->raw += (uint32_t)bytes;
        r->last = block_time(p->block, *at + take - 1);
        out[chosen++] = (struct piece){p->block, *at, *at + take};
        *at += take;
        if (*at == p->to && ++*i < n)
            *at = pieces[*i].from;
    }
    return chosen;
}

static int compress_row(struct outbox_file *f, struct file_pack *p, struct file_row *r,
                        const struct piece *parts, size_t n)
{
    if (!f->deflate_ready) {
        if (deflateInit(&f->deflate, ROW_LEVEL) != Z_OK)
            return -1;
        f->deflate_ready = true;
    }
    deflateReset(&f->deflate);
    size_t bound = deflateBound(&f->deflate, r->raw);
    char *to = buf_room(&p->data, bound);
    if (!to)
        return -1;
    f->deflate.next_out = (unsigned char *)to;
    f->deflate.avail_out = (unsigned)bound;
    int rc = Z_OK;
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        const unsigned char *from = block_range(parts[i].block, parts[i].from, parts[i].to, &bytes);
        f->deflate.next_in = from;
        f->deflate.avail_in = (unsigned)bytes;
        rc = deflate(&f->deflate, i + 1 == n ? Z_FINISH : Z_NO_FLUSH);
    }
    if (rc != Z_STREAM_END)
        return -1;
    r->offset = p->data.len;
    r->n = bound - f->deflate.avail_out;
    p->data.len += r->n;
    return 0;
}

int outbox_file_pack(struct outbox_file *f, struct file_pack *p, uint8_t lane, const struct piece *pieces,
                     size_t n)
{
    size_t i = 0;
    uint32_t at = n ? pieces[0].from : 0;
    while (i < n) {
        struct piece parts[64];
        struct file_row *r = add_row(p);
        if (!r)
            return -1;
        r->lane = lane;
        size_t chosen = choose(pieces, n, &i, &at, r, parts, sizeof parts / sizeof parts[0]);
        if (compress_row(f, p, r, parts, chosen) < 0)
            return -1;
    }
    return 0;
}

// --- writing and deleting -------------------------------------------------------------------------------

enum file_result outbox_file_insert(struct outbox_file *f, const struct file_pack *p,
                                    const struct file_row *r)
{
    sqlite3_stmt *st = f->st[S_INSERT];
    sqlite3_bind_int64(st, 1, row_key(r->lane, r->first_id));
    sqlite3_bind_int64(st, 2, r->count);
    sqlite3_bind_int64(st, 3, r->raw);
    sqlite3_bind_int64(st, 4, r->first.ms);
    sqlite3_bind_int64(st, 5, r->last.ms);
    sqlite3_bind_blob64(st, 6, p->data.data + r->offset, r->n, SQLITE_STATIC);
    f->inserting = r->n;
    enum file_result result = file_run(f, S_INSERT);
    f->inserting = 0;
    sqlite3_clear_bindings(st);
    return result;
}

enum file_result outbox_file_room(struct outbox_file *f, int64_t *bytes)
{
    int64_t unused = 0;
    enum file_result result = file_integer(f, f->st[S_FREE_COUNT], &unused);
    // A few pages in reserve for the trees themselves; of the rest a fiftieth is lost to page ends and maps.
    int64_t pages = f->max_pages - file_pages(f) + unused - 8;
    *bytes = pages > 0 ? pages * (FILE_PAGE - FILE_PAGE / 50) : 0;
    return result;
}

static void bind_range(sqlite3_stmt *st, uint8_t lane, uint64_t first, uint64_t last)
{
    sqlite3_bind_int64(st, 1, row_key(lane, first));
    sqlite3_bind_int64(st, 2, row_key(lane, last));
}

enum file_result outbox_file_delete_acked(struct outbox_file *f, uint8_t lane, uint64_t acked, int64_t *freed)
{
    bind_range(f->st[S_ACKED_SIZE], lane, 0, acked);
    enum file_result result = file_integer(f, f->st[S_ACKED_SIZE], freed);
    if (result != FILE_OK || *freed == 0)
        return result;
    bind_range(f->st[S_ACKED_DELETE], lane, 0, acked);
    return file_run(f, S_ACKED_DELETE);
}

enum file_result outbox_file_delete_row(struct outbox_file *f, uint8_t lane, uint64_t first_id)
{
    bind_range(f->st[S_DELETE_RANGE], lane, first_id, first_id);
    return file_run(f, S_DELETE_RANGE);
}

enum file_result outbox_file_delete_from(struct outbox_file *f, uint8_t lane, uint64_t id)
{
    bind_range(f->st[S_DELETE_RANGE], lane, id, UINT64_MAX);
    return file_run(f, S_DELETE_RANGE);
}

// --- reading --------------------------------------------------------------------------------------------

static void row_from(sqlite3_stmt *st, struct file_row *r)
{
    int64_t key = sqlite3_column_int64(st, 0), count = sqlite3_column_int64(st, 1),
            raw = sqlite3_column_int64(st, 2);
    *r = (struct file_row){
        .lane = (uint8_t)(key >> LANE_SHIFT),
        .first_id = (uint64_t)(key & LANE_LAST_ID),
        // A damaged count still names at least its first message, and never more than fit into a row.
        .count = count < 1               ? 1
                 : count > ROW_COUNT_MAX ? ROW_COUNT_MAX
                                         : (uint32_t)count,
        .raw = raw < 0 || raw > (int64_t)ROW_SANE_RAW ? 0 : (uint32_t)raw,
        .first = {sqlite3_column_int64(st, 3)},
        .last = {sqlite3_column_int64(st, 4)},
        .n = (size_t)sqlite3_column_int64(st, 5),
    };
    if (count != r->count)
        r->raw = 0;
}

enum file_result outbox_file_scan(struct outbox_file *f, uint8_t lane,
                                  int (*each)(const struct file_row *r, void *arg), void *arg)
{
    sqlite3_stmt *st = f->st[S_SCAN];
    bind_range(st, lane, 0, UINT64_MAX);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct file_row r;
        row_from(st, &r);
        if (each(&r, arg) != 0)
            break;
    }
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

enum file_result outbox_file_oldest(struct outbox_file *f, uint8_t lane, struct file_row *r)
{
    sqlite3_stmt *st = f->st[S_SCAN];
    bind_range(st, lane, 0, UINT64_MAX);
    *r = (struct file_row){0};
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        row_from(st, r);
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

static struct block *inflate_row(const struct file_row *r, const unsigned char *data, size_t n,
                                 bool *no_memory)
{
    if (r->raw == 0)
        return NULL;
    struct block *b = block_new(block_cap_for(r->raw, r->count));
    if (!b) {
        *no_memory = true;
        return NULL;
    }
    block_start(b, r->first_id, (struct mono){0});
    uLongf raw = r->raw;
    uLong used = n;
    int rc = uncompress2(b->bytes, &raw, data, &used);
    if (rc == Z_OK && raw == r->raw && used == n && block_index(b, r->raw, r->count))
        return b;
    *no_memory = rc == Z_MEM_ERROR;
    free(b);
    return NULL;
}

enum file_result outbox_file_read(struct outbox_file *f, uint8_t lane, uint64_t id, struct file_row *r,
                                  struct block **block, bool *no_memory)
{
    *block = NULL;
    *no_memory = false;
    *r = (struct file_row){0};
    enum file_result result = FILE_OK;
    for (int pass = 0; pass < 2 && result == FILE_OK && !*block; pass++) {
        sqlite3_stmt *st = f->st[pass == 0 ? S_READ_AT : S_READ_AFTER];
        bind_range(st, lane, pass == 0 ? 0 : id + 1, pass == 0 ? id : UINT64_MAX);
        int rc = sqlite3_step(st);
        result = file_say(f, rc);
        if (rc == SQLITE_ROW)
            row_from(st, r);
        bool found = rc == SQLITE_ROW && row_last_id(r) >= id;
        if (found) {
            const void *data = sqlite3_column_blob(st, 6);
            size_t n = (size_t)sqlite3_column_bytes(st, 6);
            *block = data ? inflate_row(r, data, n, no_memory) : NULL;
            if (!data && sqlite3_errcode(f->db) != SQLITE_ROW)
                result = file_say(f, sqlite3_errcode(f->db)); // the rest of a long row could not be read
        } else {
            *r = (struct file_row){0};
        }
        sqlite3_reset(st);
        if (found)
            break;
    }
    return result;
}
