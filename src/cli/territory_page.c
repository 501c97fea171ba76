// SPDX-License-Identifier: Apache-2.0
// The territory's summary as one HTML page without script, font or network, in English or French.
#include <string.h>
#include "cli/html.h"
#include "cli/territory_report.h"

struct page {
    struct buf *out;
    bool french;
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int64_t whole_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

// What the coordinator's words are called.
static const char *word(const struct page *p, const char *w)
{
    static const struct {
        const char *key, *en, *fr;
    } words[] = {
        {"offer", "on offer", "offert"},
        {"need", "wanted", "recherché"},
        {"exchange", "Exchange", "Valorisation"},
        {"pool", "Pooling", "Mutualisation"},
        {"share", "Sharing", "Partage"},
        {"outlet", "New outlets", "Filières"},
        {"heat", "heat", "chaleur"},
        {"cold", "cold", "froid"},
        {"steam", "steam", "vapeur"},
        {"water", "water", "eau"},
        {"waste", "waste", "déchets"},
        {"electricity", "electricity", "électricité"},
        {"compressed_air", "compressed air", "air comprimé"},
        {"by_product", "by-products", "coproduits"},
        {"co2", "CO2", "CO2"},
        {"equipment", "equipment", "équipements"},
        {"fuel", "fuel", "combustibles"},
        {"material", "materials", "matières"},
        {"few", "too few sites", "trop peu de sites"},
        {"dominated", "one site is most of it", "un site domine"},
        {"secondary", "could be had by subtracting", "déductible par différence"},
        {"empty", "nothing", "rien"},
        {"shown", "", ""},
        {"all", "all", "total"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].key, w) == 0)
            return p->french ? words[i].fr : words[i].en;
    return w;
}

static const char *in(const struct page *p, const char *en, const char *fr)
{
    return p->french ? fr : en;
}

static void tag(struct page *p, const char *name, const char *text)
{
    buf_printf(p->out, "<%s>", name);
    html_text(p->out, text);
    buf_printf(p->out, "</%s>", name);
}

static void number(struct page *p, int64_t n)
{
    buf_printf(p->out, "<td class=n>%lld</td>", (long long)n);
}

// "..." is a hidden total.
static void amount(struct page *p, const char *text)
{
    buf_puts(p->out, strcmp(text, "...") == 0 ? "<td class=h>" : "<td class=n>");
    html_text(p->out, strcmp(text, "...") == 0 ? in(p, "hidden", "masqué") : text);
    buf_puts(p->out, "</td>");
}

static void table(struct page *p, const char *title, const char *const *heads)
{
    tag(p, "h2", title);
    buf_puts(p->out, "<table><tr>");
    for (; *heads; heads++)
        tag(p, "th", *heads);
    buf_puts(p->out, "</tr>\n");
}

static void potential(struct page *p, const json_t *list)
{
    const char *heads[] = {in(p, "resource", "ressource"), "",
                           in(p, "zone", "zone"),          in(p, "sites", "sites"),
                           in(p, "amount", "quantité"),    in(p, "a year", "par an"),
                           in(p, "note", "note"),          NULL};
    table(p, in(p, "On offer and wanted", "Offres et besoins"), heads);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *zones = json_object_get(row, "zones");
        for (size_t k = 0; k <= json_array_size(zones); k++) {
            bool sum = k == json_array_size(zones);
            const json_t *z = sum ? row : json_array_get(zones, k);
            buf_puts(p->out, sum ? "<tr class=t>" : "<tr>");
            tag(p, "td", word(p, text_of(row, "resource")));
            tag(p, "td", word(p, text_of(row, "role")));
            tag(p, "td", sum ? word(p, "all") : text_of(z, "zone"));
            if (json_object_get(z, "sites"))
                number(p, whole_of(z, "sites"));
            else // of the sum and of what is hidden they are not told
                buf_puts(p->out, "<td></td>");
            amount(p, text_of(z, "total"));
            amount(p, text_of(z, "annual"));
            tag(p, "td", word(p, text_of(z, "verdict")));
            buf_puts(p->out, "</tr>\n");
        }
    }
    buf_puts(p->out, "</table>\n");
}

static void synergies(struct page *p, const char *title, const json_t *list, const char *eur,
                      const char *carbon)
{
    const char *heads[] = {in(p, "kind", "type"),
                           in(p, "resource", "ressource"),
                           in(p, "matches", "pistes"),
                           in(p, "sites", "sites"),
                           in(p, "amount", "quantité"),
                           "EUR",
                           "tCO2e",
                           in(p, "note", "note"),
                           NULL};
    table(p, title, heads);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *cells = json_object_get(row, "resources");
        for (size_t k = 0; k <= json_array_size(cells); k++) {
            bool sum = k == json_array_size(cells);
            const json_t *o = sum ? row : json_array_get(cells, k);
            buf_puts(p->out, sum ? "<tr class=t>" : "<tr>");
            tag(p, "td", word(p, text_of(row, "kind")));
            tag(p, "td", word(p, sum ? "all" : text_of(o, "resource")));
            if (sum) {
                buf_puts(p->out, "<td></td><td></td><td></td>");
            } else {
                number(p, whole_of(o, "matches"));
                number(p, whole_of(o, "sites"));
                amount(p, text_of(o, "annual"));
            }
            amount(p, text_of(o, eur));
            amount(p, text_of(o, carbon));
            tag(p, "td", word(p, text_of(o, "verdict")));
            buf_puts(p->out, "</tr>\n");
        }
    }
    buf_puts(p->out, "</table>\n");
}

static void orphans(struct page *p, const json_t *list)
{
    const char *heads[] = {in(p, "family", "famille"), in(p, "flows", "flux"),    in(p, "sites", "sites"),
                           in(p, "a year", "par an"),  in(p, "season", "saison"), NULL};
    if (json_array_size(list) == 0)
        return;
    table(p, in(p, "What nobody takes", "Sans preneur"), heads);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i), *months = json_object_get(o, "months");
        buf_puts(p->out, "<tr><td>");
        html_text(p->out, text_of(o, "family"));
        buf_puts(p->out, json_is_true(json_object_get(o, "hazardous")) ? " *</td>" : "</td>");
        number(p, whole_of(o, "flows"));
        number(p, whole_of(o, "sites"));
        amount(p, text_of(o, "annual"));
        buf_puts(p->out, "<td>");
        if (json_array_size(months) == 12) {
            buf_puts(p->out, "<svg width=122 height=24 role=img>");
            for (size_t m = 0; m < 12; m++) {
                double v = json_number_value(json_array_get(months, m)), h = v > 2 ? 22 : 11 * v;
                buf_printf(p->out, "<rect x=%zu y=%.1f width=8 height=%.1f />", 10 * m + 1, 23 - h, h);
            }
            buf_puts(p->out, "</svg>");
        }
        buf_puts(p->out, "</td></tr>\n");
    }
    buf_puts(p->out, "</table>\n");
}

static void ceiling(struct page *p, const json_t *o)
{
    double share = json_number_value(json_object_get(o, "reached_share"));
    if (!o || strcmp(text_of(o, "verdict"), "shown") != 0)
        return;
    tag(p, "h2", in(p, "Heat: reached and possible", "Chaleur : atteint et possible"));
    buf_puts(p->out, "<p>");
    html_text(p->out, in(p, "All heat on offer and wanted together could spare ",
                         "Toute la chaleur offerte et recherchée "
                         "ensemble pourrait économiser "));
    html_text(p->out, text_of(o, "possible"));
    html_text(p->out, in(p, "; the matches found carry ", " ; les pistes trouvées en portent "));
    html_text(p->out, text_of(o, "reached"));
    buf_printf(p->out,
               ".</p><svg width=480 height=22 role=img><rect width=480 height=22 class=b /><rect width=%.0f "
               "height=22 "
               "/></svg>\n",
               480 * (share > 1 ? 1 : share));
}

bool territory_page(const json_t *r, FILE *out)
{
    struct buf text = {0};
    struct page p = {&text, strcmp(text_of(r, "language"), "fr") == 0};
    buf_printf(&text,
               "<!doctype html>\n<html lang=%s><head><meta charset=utf-8><meta name=viewport "
               "content=\"width=device-width\"><title>",
               p.french ? "fr" : "en");
    html_text(&text, text_of(r, "name"));
    buf_puts(&text,
             "</title><style>\nbody{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem "
             "auto;padding:0 "
             "1rem;color:#222}\ntable{border-collapse:collapse;margin:.5rem 0 "
             "1.5rem;width:100%}\ntd,th{padding:.25rem "
             ".6rem;border-bottom:1px solid "
             "#ddd;text-align:left;vertical-align:top}\n.n{text-align:right;white-space:"
             "nowrap}\n.h{text-align:right;color:#888;font-style:italic}\n.t "
             "td{font-weight:600;border-bottom:2px solid "
             "#bbb}\nrect{fill:#2a7f62}rect.b{fill:#d9e6e0}\nsmall{color:#666}\n</style></head><body>\n");
    tag(&p, "h1", text_of(r, "name"));
    buf_puts(&text, "<p>");
    html_text(&text, text_of(r, "made"));
    buf_printf(&text, " &middot; %lld %s &middot; %lld %s &middot; %lld %s</p>\n",
               (long long)whole_of(r, "members"), p.french ? "membres" : "members",
               (long long)whole_of(r, "declared"), p.french ? "entreprises déclarées" : "declared firms",
               (long long)whole_of(r, "entries"), p.french ? "offres et besoins" : "offers and needs");
    ceiling(&p, json_object_get(r, "ceiling"));
    potential(&p, json_object_get(r, "potential"));
    synergies(&p, in(&p, "Possible", "Possible"), json_object_get(r, "synergies"), "eur_yr", "tco2e_yr");
    if (json_array_size(json_object_get(r, "realised")))
        synergies(&p, in(&p, "Realised", "Réalisé"), json_object_get(r, "realised"), "eur", "tco2e");
    orphans(&p, json_object_get(r, "orphans"));
    buf_puts(&text, "<p><small>");
    html_text(&text,
              in(&p,
                 "Totals are bands of the 1-2-5 series. A total of too few sites, or mostly of one, is "
                 "hidden, and so is "
                 "what would give it away.",
                 "Les totaux sont des tranches 1-2-5. Un total de trop peu de sites, ou dominé par un "
                 "seul, est masqué, "
                 "de même que ce qui permettrait de le déduire."));
    buf_puts(&text, "</small></p>\n</body></html>\n");
    bool ok = !text.failed;
    if (ok)
        fwrite(text.data, 1, text.len, out);
    buf_free(&text);
    return ok;
}
