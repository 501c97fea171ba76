// SPDX-License-Identifier: Apache-2.0
// symbiont keygen: a site's key for the exchange, and what its coordinator has to know of it.
#include <string.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/envelope.h"
#include "symbiont/messages.h"

static void for_people(struct command *c, const char *path, const struct site_key *key,
                       const char *public_key, const char *pseudonym, bool made)
{
    fprintf(c->out,
            "%s %s\n"
            "public key  %s\n"
            "key id      %s\n"
            "\n"
            "In symbiont.conf of this site:\n"
            "\n"
            "    exchange: { server = \"mqtts://BROKER:8883\"; pseudonym = \"%s\"; key_file = \"%s\";\n"
            "                coordinator_key = \"THE COORDINATOR'S PUBLIC KEY\"; };\n"
            "\n"
            "For the coordinator, who must get the key by a way that he trusts (spoken, on paper), into "
            "`members` of\n"
            "coordinator.conf:\n"
            "\n"
            "    { pseudonym = \"%s\"; keys = ( \"%s\" ); },\n",
            made ? "private key" : "the key in ", path, public_key, key->id, pseudonym, path, pseudonym,
            public_key);
    if (made)
        fprintf(
            c->out,
            "\nWhoever has %s can speak for this site. A copy belongs into a safe, not into a backup that "
            "others read.\n",
            path);
}

static int run(struct command *c)
{
    const char *path = c->words[0], *given = command_value(c, "pseudonym");
    char why[400], public_key[KEY_TEXT], pseudonym[OFFER_WORD];
    struct site_key key;
    bool show = command_flag(c, "show");
    if (given && !exchange_is_pseudonym(given))
        return command_usage(
            c,
            "--pseudonym %s: small letters, digits, '-', '_' and '.', at most 32, the first a "
            "letter or digit",
            given);
    if ((show ? site_key_load(path, &key, why, sizeof why) : site_key_create(path, &key, why, sizeof why)) <
        0)
        return command_fail(c, EX_WRONG, "%s", why);
    public_key_text(key.public_key, public_key);
    if (given || show) // a key that exists has a pseudonym somewhere: a fresh one would only mislead
        strcpy(pseudonym, given ? given : "PSEUDONYM");
    else
        exchange_pseudonym(pseudonym);
    if (command_flag(c, "json")) {
        struct output o = output_begin(true);
        output_object(&o, NULL);
        output_text(&o, "file", path);
        output_text(&o, "public_key", public_key);
        output_text(&o, "key_id", key.id);
        output_text(&o, "pseudonym", pseudonym);
        output_object_end(&o);
        site_key_wipe(&key);
        return output_end(&o, c->out) ? EX_OK : command_fail(c, EX_UNAVAILABLE, "no memory");
    }
    for_people(c, path, &key, public_key, pseudonym, !show);
    site_key_wipe(&key);
    return EX_OK;
}

static const struct verb_option options[] = {
    {"pseudonym", 0, "NAME", "use this one in place of a random one", false, NULL},
    {"show", 0, NULL, "print what belongs to a key that exists", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_keygen = {
    .name = "keygen",
    .help = "make the key with which a site signs its offers",
    .words = "FILE",
    .least = 1,
    .most = 1,
    .text =
        "Writes a new private key (Ed25519) into FILE, readable by its owner only, and prints the public "
        "key,\n"
        "its id, a random pseudonym for the site, and the lines for both configurations. A file that exists "
        "is\n"
        "never overwritten: a key is what a site is known by. Run it as the user the daemon runs as, or give "
        "the\n"
        "file to that user.\n"
        "\n"
        "A pseudonym is what others call the site until it says who it is; choose one that says nothing.\n"
        "\n"
        "To exchange a key: make the new one into another file, have the coordinator add it to `keys`, "
        "change\n"
        "key_file, then have the old one taken out.",
    .options = options,
    .run = run};
