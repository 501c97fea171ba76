// SPDX-License-Identifier: Apache-2.0
// Alerts in words that a person can act on, in English and French.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"

static const char *resource_in(enum resource r, enum match_language l)
{
    static const char *const words[RESOURCES][2] = {
        [RESOURCE_HEAT] = {"Heat", "Chaleur"},
        [RESOURCE_COLD] = {"Cold", "Froid"},
        [RESOURCE_STEAM] = {"Steam", "Vapeur"},
        [RESOURCE_WATER] = {"Water", "Eau"},
        [RESOURCE_WASTE] = {"Waste", "Déchets"},
        [RESOURCE_ELECTRICITY] = {"Electricity", "Électricité"},
        [RESOURCE_COMPRESSED_AIR] = {"Compressed air", "Air comprimé"},
        [RESOURCE_BY_PRODUCT] = {"By-product", "Coproduit"},
        [RESOURCE_CO2] = {"CO2", "CO2"},
        [RESOURCE_EQUIPMENT] = {"Equipment", "Équipement"},
        [RESOURCE_FUEL] = {"Fuel", "Combustible"},
        [RESOURCE_MATERIAL] = {"Material", "Matière"},
    };
    return words[r][l == LANGUAGE_FR];
}

// Whoever reads an alert learns no name before its owner has released it.
static const char *called(const struct coordinator *c, const struct deal *d, const char *pseudonym,
                          bool names)
{
    int party = d && names ? deal_party(d, pseudonym) : -1;
    return party < 0 ? pseudonym : party_called(c, d, (unsigned)party);
}

static void names_of(const struct coordinator *c, const struct deal *d, const struct match *m, bool names,
                     const char *out[static MATCH_MEMBERS])
{
    for (unsigned i = 0; i < m->member_count; i++) {
        const struct entry *e = entry_of(c, m->members[i]);
        out[i] = e ? called(c, d, e->member->pseudonym, names) : "?";
    }
}

static void parties_text(const struct coordinator *c, const struct deal *d, bool names, enum match_language l,
                         struct buf *out)
{
    for (unsigned i = 0; i < d->n; i++)
        buf_printf(out, "%s%s",
                   i == 0          ? ""
                   : i + 1 == d->n ? say_in(l, " and ", " et ")
                                   : ", ",
                   called(c, d, d->parties[i].pseudonym, names));
}

void alert_title(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                 enum match_language l, bool names, struct buf *out)
{
    const char *who[MATCH_MEMBERS];
    static const char *const heads[ALERT_KINDS][2] = {
        [ALERT_MATCH] = {"New match. ", "Nouvelle piste. "},
        [ALERT_CHANGE] = {"Changed. ", "Changement. "},
        [ALERT_END] = {"Ended. ", "Fin. "},
        [ALERT_FULL] = {"", ""},
        [ALERT_MEMBER] = {"", ""},
        [ALERT_DIGEST] = {"", ""},
    };
    buf_puts(out, heads[kind][l == LANGUAGE_FR]);
    if (m) {
        names_of(c, d, m, names, who);
        match_title(m, who, l, out);
        return;
    }
    buf_printf(out, "%s%s", resource_in((enum resource)d->resource, l), say_in(l, ": ", " : "));
    parties_text(c, d, names, l, out);
}

static void contacts(const struct coordinator *c, const struct deal *d, enum match_language l,
                     struct buf *out)
{
    bool any = false;
    for (unsigned i = 0; i < d->n; i++) {
        const char *name = party_called(c, d, i), *contact = party_contact(c, d, i);
        if (name == d->parties[i].pseudonym && !*contact)
            continue;
        buf_printf(out, "%s%s (%s)%s%s", any ? "; " : say_in(l, "Contacts: ", "Contacts : "), name,
                   d->parties[i].pseudonym, *contact ? ", " : "", contact);
        any = true;
    }
    if (any)
        buf_putc(out, '\n');
}

void alert_body(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                enum match_language l, bool names, struct buf *out)
{
    const char *who[MATCH_MEMBERS];
    if (m) {
        names_of(c, d, m, names, who);
        match_text(m, who, l, out);
        buf_putc(out, '\n');
    } else if (kind == ALERT_END) {
        buf_puts(
            out,
            d->life.end == LIFE_FINISHED ? say_in(l, "The exchange was ended by one side.\n",
                                                  "L'échange a été arrêté par une partie.\n")
            : d->life.end == LIFE_DECLINED
                ? say_in(l,
                         "A side said no. It is proposed again when something changes by more than a band.\n",
                         "Une partie a refusé. La piste reviendra si quelque chose change de plus d'une "
                         "tranche.\n")
                : say_in(l, "The surplus or the need is gone, or is better used elsewhere.\n",
                         "L'excédent ou le besoin a disparu, ou trouve un meilleur usage ailleurs.\n"));
    }
    if (kind == ALERT_CHANGE)
        buf_puts(out, say_in(l, "Who had said yes is asked again.\n",
                             "Ceux qui avaient dit oui sont interrogés à nouveau.\n"));
    if (names)
        contacts(c, d, l, out);
    buf_printf(out, "%s %s\n", say_in(l, "Match", "Piste"), d->id);
}

// ---- The digest ----

struct digest {
    struct buf *out;
    unsigned shown, more;
};

static void add_note(void *arg, struct utc when, const char *kind, const char *match, const char *text)
{
    struct digest *g = arg;
    (void)when, (void)kind, (void)match;
    if (g->shown == 30) {
        g->more++;
        return;
    }
    g->shown++;
    buf_printf(g->out, "- %s\n", text);
}

struct counts {
    unsigned open, disclosed, agreed, running;
    double eur, tco2e;
};

static struct counts count(const struct coordinator *c)
{
    struct counts n = {0};
    const struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        n.open += d->life.phase == LIFE_OPEN;
        n.disclosed += d->life.phase == LIFE_DISCLOSED;
        n.agreed += d->life.phase == LIFE_AGREED;
        n.running += d->life.phase == LIFE_RUNNING;
        n.eur += isfinite(d->realised_eur) ? d->realised_eur : 0;
        n.tco2e += isfinite(d->realised_tco2e) ? d->realised_tco2e : 0;
    }
    return n;
}

static void orphan_lines(struct coordinator *c, enum match_language l, struct buf *out)
{
    size_t n;
    struct orphan *list = matcher_orphans(c->matcher, utc_now(), &n);
    if (n)
        buf_puts(out, say_in(l, "\nNobody takes:\n", "\nSans preneur :\n"));
    for (size_t i = 0; i < n && i < 3; i++) {
        char amount[SPAN_TEXT];
        // A total of too few sites would tell of one of them.
        bool shown = list[i].sites >= (unsigned)c->territory->root->secrecy.sites_least;
        span_text(span_band(list[i].annual_t), amount);
        buf_printf(out, say_in(l, "- %s%s: %s t a year, %u sites\n", "- %s%s : %s t par an, %u sites\n"),
                   list[i].family, list[i].hazardous ? "*" : "", shown ? amount : "...", list[i].sites);
    }
    free(list);
}

void digest_text(struct coordinator *c, struct utc since, enum match_language l, bool names,
                 struct buf *title, struct buf *body)
{
    const struct coordinator_root *root = c->territory->root;
    struct counts n = count(c);
    struct digest g = {.out = body};
    (void)names;
    buf_printf(title, say_in(l, "%s: the week", "%s : la semaine"),
               root->name ? root->name : root->territory);
    buf_printf(
        body,
        say_in(
            l, "%zu offers and needs. Matches: %u proposed, %u in talks, %u agreed, %u running.\n",
            "%zu offres et besoins. Pistes : %u proposées, %u en discussion, %u convenues, %u en cours.\n"),
        c->entries.count, n.open, n.disclosed, n.agreed, n.running);
    if (n.running)
        buf_printf(body,
                   say_in(l, "Realised so far: %.0f EUR, %.2g tCO2e.\n",
                          "Réalisé à ce jour : %.0f EUR, %.2g tCO2e.\n"),
                   n.eur, n.tco2e);
    buf_puts(body, say_in(l, "\nSince the last digest:\n", "\nDepuis le dernier résumé :\n"));
    store_each_note(c->store, since, add_note, &g);
    if (g.more)
        buf_printf(body, say_in(l, "- and %u more\n", "- et %u autres\n"), g.more);
    if (!g.shown)
        buf_puts(body, say_in(l, "- nothing new\n", "- rien de nouveau\n"));
    orphan_lines(c, l, body);
}
