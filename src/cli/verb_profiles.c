// SPDX-License-Identifier: Apache-2.0
// symbiont profiles: the device models that are known, what is known of one, and the proof by recordings.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/files.h"
#include "symbiont/profile.h"
#include "symbiont/recording.h"

#define RECORDING_MAX (1 << 20)
#define NOTE_WIDTH    88

// ---- The list ----

struct listing {
    struct command *c;
    struct output out;
    struct diagnostics *diags;
    size_t shown;
};

static bool holds_word(const char *text, const char *wanted)
{
    return !wanted || (text && strcasestr(text, wanted));
}

static bool is_word(const char *text, const char *wanted)
{
    return !wanted || strcmp(text, wanted) == 0;
}

static void list_profile(void *arg, const char *name, const char *file, bool unverified)
{
    struct listing *l = arg;
    struct profile_about a;
    struct config *config = profile_about(file, &a, l->diags);
    if (!config)
        return;
    if (is_word(a.medium, command_value(l->c, "medium")) &&
        holds_word(a.vendor, command_value(l->c, "vendor")) &&
        is_word(confidence_text(a.confidence), command_value(l->c, "confidence"))) {
        output_row(&l->out);
        output_text(&l->out, "name", name);
        output_text(&l->out, "vendor", a.vendor);
        output_text(&l->out, "model", a.model);
        output_text(&l->out, "medium", a.medium);
        output_text(&l->out, "confidence", confidence_text(a.confidence));
        if (l->out.json) {
            output_text(&l->out, "file", file);
            output_bool(&l->out, "unverified", unverified);
        }
        output_row_end(&l->out);
        l->shown++;
    }
    config_free(config);
}

static int list(struct command *c, const struct profile_path *path, struct diagnostics *d)
{
    static const struct column columns[] = {{"name", NULL},   {"vendor", NULL},     {"model", NULL},
                                            {"medium", NULL}, {"confidence", NULL}, {0}};
    struct listing l = {.c = c, .out = output_begin(command_flag(c, "json")), .diags = d};
    output_table(&l.out, NULL, columns);
    bool whole = profile_each(path, list_profile, &l);
    output_table_end(&l.out);
    if (!output_end(&l.out, c->out) || !whole)
        return command_fail(c, EX_OSERR, "out of memory");
    if (l.shown == 0 && !l.out.json)
        return command_fail(c, EX_WRONG, "no profile is like that");
    return EX_OK;
}

// ---- One of them ----

static void show_texts(struct output *o, const char *key, const struct texts *texts)
{
    static const struct column none[] = {{0}};
    if (o->json) {
        output_table(o, key, none);
        for (size_t i = 0; i < texts->n; i++) {
            output_row(o);
            output_text(o, "text", texts->items[i]);
            output_row_end(o);
        }
        output_table_end(o);
        return;
    }
    if (texts->n)
        output_note(o, "\n%s", key);
    for (size_t i = 0; i < texts->n; i++) {
        const char *at = texts->items[i], *mark = "-";
        while (*at) { // a line ends at the last space that fits, or at a word that is longer than the line
            size_t n = strlen(at), cut = n;
            if (n > NOTE_WIDTH) {
                for (cut = NOTE_WIDTH; cut > 0 && at[cut] != ' '; cut--)
                    ;
                cut = cut ? cut : strcspn(at, " ");
            }
            output_note(o, "  %s %.*s", mark, (int)cut, at);
            at += cut + strspn(at + cut, " ");
            mark = " ";
        }
    }
}

static void show_about(struct output *o, const char *name, const char *file, const struct profile_about *a)
{
    char transport[32] = "";
    for (size_t i = 0; i < a->transport.n; i++)
        snprintf(transport + strlen(transport), sizeof transport - strlen(transport), "%s%s", i ? " " : "",
                 a->transport.items[i]);
    output_text(o, "name", name);
    output_text(o, "vendor", a->vendor);
    output_text(o, "model", a->model);
    output_text(o, "medium", a->medium);
    output_text(o, "confidence", confidence_text(a->confidence));
    output_text(o, "transport", transport);
    if (a->serial_mode)
        output_text(o, "serial", a->serial_mode);
    if (a->unit_id >= 0)
        output_int(o, "unit_id", a->unit_id);
    output_text(o, "order", a->order);
    output_text(o, "addressing", a->addressing);
    output_text(o, "file", file);
}

static const char *table_word(const struct point *p)
{
    static const char *const words[] = {"", "coil", "discrete", "holding", "input"};
    return p->type == POINT_DERIVED ? "" : words[p->table];
}

static void remark(struct buf *b, const char *what, const struct device *d, uint16_t from)
{
    if (from != POINT_NONE && from < d->n)
        buf_printf(b, "%s%s %s", b->len ? ", " : "", what, d->points[from].name);
}

// What the reading depends on, in words.
static void remarks(struct buf *b, const struct device *d, const struct point *p)
{
    if (p->expression)
        buf_printf(b, "= %s", p->expression);
    if (p->rank) {
        remark(b, p->exponent_sign < 0 ? "decimals by" : "power of ten by", d, p->exponent_point);
        remark(b, "unit by", d, p->factor_point);
        remark(b, "sign by", d, p->sign_point);
        remark(b, "plus", d, p->add_point);
        remark(b, "order by", d, p->order_point);
    }
    if (p->mask)
        buf_printf(b, "%smask 0x%llX", b->len ? ", " : "", (unsigned long long)p->mask);
    if (p->bit >= 0)
        buf_printf(b, "%sbit %d", b->len ? ", " : "", p->bit);
    if (p->hidden)
        buf_printf(b, "%shidden", b->len ? ", " : "");
}

static void show_point(struct output *o, const struct device *d, const struct point *p, bool order_known)
{
    struct buf note = {0};
    bool number = p->type != POINT_DERIVED && p->type != POINT_STRING;
    remarks(&note, d, p);
    output_row(o);
    output_text(o, "name", p->name);
    output_text(o, "table", table_word(p));
    output_number(o, "address", p->type == POINT_DERIVED ? NAN : p->address);
    output_text(o, "type", point_type_word(p));
    output_text(o, "order", order_known || p->words < 2 ? point_order_word(p) : "?");
    output_number(o, "scale", number ? p->factor / (p->divisor == 0 ? 1 : p->divisor) : NAN);
    output_number(o, "offset", number && p->offset != 0 ? p->offset : NAN);
    output_text(o, "unit", p->unit ? unit_text(p->unit) : "");
    output_text(o, "quantity", p->quantity->name);
    output_number(o, "every_s", p->every_ns ? (double)p->every_ns / 1e9 : NAN);
    output_text(o, "remarks", buf_text(&note));
    output_row_end(o);
    buf_free(&note);
}

static void show_points(struct output *o, const struct device *d, bool order_known)
{
    static const struct column columns[] = {{"name", NULL},
                                            {"table", NULL},
                                            {"address", NULL},
                                            {"type", NULL},
                                            {"order", NULL},
                                            {"scale", NULL},
                                            {"offset", NULL},
                                            {"unit", NULL},
                                            {"every_s", "every"},
                                            {"remarks", NULL},
                                            {0}};
    if (!o->json)
        output_note(o, "\npoints");
    output_table(o, o->json ? "points" : NULL, columns);
    for (size_t i = 0; i < d->n; i++)
        show_point(o, d, &d->points[i], order_known);
    output_table_end(o);
}

static const struct option no_options[] = {{0}};
static const struct section no_section = {"profiles", sizeof(struct settings), no_options, ""};

static int show(struct command *c, const struct profile_path *path, const char *name, struct diagnostics *d)
{
    char file[4096] = "";
    struct config *owner = config_read_text("", "symbiont profiles", &no_section, d), *facts = NULL;
    // Whatever the sources say of the order, the table can be shown.
    struct device_request request = {
        .profile = name, .unverified = true, .order = order_choices[0].value, .subject = "symbiont profiles"};
    struct profile_about about = {0};
    if (profile_find(path, name, true, file, sizeof file))
        facts = profile_about(file, &about, d);
    if (facts && strcmp(about.order, "unknown") != 0)
        request.order = 0;
    const struct device *device = owner ? device_compile(owner, path, &request, d) : NULL;
    int status = device && facts ? EX_OK : EX_WRONG;
    if (status == EX_OK) {
        struct output o = output_begin(command_flag(c, "json"));
        output_object(&o, NULL);
        show_about(&o, name, file, &about);
        show_points(&o, device, request.order == 0);
        show_texts(&o, "notes", &about.notes);
        show_texts(&o, "sources", &about.sources);
        output_object_end(&o);
        if (!output_end(&o, c->out))
            status = command_fail(c, EX_OSERR, "out of memory");
    }
    config_free(facts);
    config_free(owner);
    return status;
}

// ---- Recordings ----

static int test_one(struct command *c, const struct profile_path *path, const char *file)
{
    struct buf text = {0};
    struct recording_counts counts;
    struct diagnostics *d = diagnostics_new();
    if (!d || file_read(file, RECORDING_MAX, &text) < 0) {
        diagnostics_free(d);
        return command_fail(c, EX_NOINPUT, "cannot read %s", file);
    }
    bool right = recording_replay(buf_text(&text), file, path, d, &counts);
    diag_print(d, c->err);
    fprintf(c->out, "%s: %u of %u readings right, in %u recordings\n", file, counts.right,
            counts.right + counts.wrong, counts.recordings);
    buf_free(&text);
    diagnostics_free(d);
    return right ? EX_OK : EX_WRONG;
}

static int test_all(struct command *c, const struct profile_path *path)
{
    int status = EX_OK;
    const char *file;
    for (size_t i = 0; (file = command_value_at(c, "test", i)); i++) {
        int one = test_one(c, path, file);
        status = one == EX_OK ? status : one;
    }
    return status;
}

// ---- The verb ----

static int run(struct command *c)
{
    struct profile_path path = profile_path_default();
    if (command_value(c, "test"))
        return c->n ? command_usage(c, "--test takes files and no name: they say which profile they are for")
                    : test_all(c, &path);
    struct diagnostics *d = diagnostics_new();
    if (!d)
        return command_fail(c, EX_OSERR, "out of memory");
    int status = c->n ? show(c, &path, c->words[0], d) : list(c, &path, d);
    diag_print(d, c->err);
    if (status == EX_OK && diag_errors(d))
        status = EX_WRONG;
    diagnostics_free(d);
    return status;
}

static const struct verb_option options[] = {
    {"medium", 'm', "MEDIUM", "only models that meter this", false,
     "electricity heat water gas compressed_air steam weighing pulse analog temperature water_quality flow"},
    {"vendor", 'v', "TEXT", "only vendors whose name holds this", false, NULL},
    {"confidence", 0, "WORD", "only profiles of this confidence", false, "high medium low"},
    {"test", 't', "FILE", "replay a recording and compare the readings with those expected", true, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_profiles = {
    .name = "profiles",
    .help = "list the device models known, show one, test one",
    .words = "[PROFILE]",
    .most = 1,
    .text =
        "Without a name: the profiles found, by name. With one: its points as they stand on the wire, its\n"
        "notes and its sources. A reading is register times scale plus offset, in the unit shown. Profiles "
        "are\n"
        "looked for in " SYMBIONT_SYSCONFDIR "/profiles, then in " SYMBIONT_DATADIR "/profiles;\n"
        "SYMBIONT_PROFILES names other directories, joined by colons.\n"
        "\n"
        "--test replays recorded registers through a profile and compares the readings with those expected:\n"
        "\n"
        "  profile eastron-sdm120\n"
        "  read input 0 4366 3334\n"
        "  expect voltage 230.2 V\n"
        "  unavailable frequency\n"
        "\n"
        "docs/adding-a-meter.md goes from a manual to a tested profile. Exit status 1: something is wrong.",
    .options = options,
    .run = run};
