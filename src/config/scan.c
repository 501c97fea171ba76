// SPDX-License-Identifier: Apache-2.0
// Splits the text of a configuration file into words, by the rules of libconfig 1.5 and stricter.
#include "config/source.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_*-"

struct scanner {
    struct source *source;
    char *at;
    const char *end;
    const char *file;
    int line;
    bool line_begins; // only blanks since the line began
};

static struct place here(const struct scanner *s)
{
    return (struct place){s->file, s->line};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    // Longer than needed, halves of UTF-16 pairs, beyond the last character.
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

static bool put(struct scanner *s, enum token_type type, size_t n, bool bad)
{
    struct token t = {type, bad, here(s), s->at, n};
    s->at += n;
    s->line_begins = false;
    return source_token(s->source, &t);
}

// ---- Numbers ----

// "+5", "5L", "0x1F", "0x1FLL": the type, or TOKEN_END when it is none of them.
static enum token_type integer_type(const char *word)
{
    const char *p = word;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    p += hex ? 2 : *p == '+' || *p == '-' ? 1 : 0;
    size_t digits = strspn(p, hex ? "0123456789abcdefABCDEF" : "0123456789");
    const char *suffix = p + digits;
    if (digits == 0)
        return TOKEN_END;
    if (*suffix == '\0')
        return TOKEN_INT;
    return strcmp(suffix, "L") == 0 || strcmp(suffix, "LL") == 0 ? TOKEN_INT64 : TOKEN_END;
}

// "1.5", ".5", "5.", "1e3". libconfig takes a lone "." for 0; this does not.
static bool is_float(const char *word)
{
    const char *p = word + (*word == '+' || *word == '-');
    size_t whole = strspn(p, "0123456789"), part = 0;
    p += whole;
    bool point = *p == '.';
    if (point)
        p += 1 + (part = strspn(p + 1, "0123456789"));
    if (whole + part == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '+' || p[1] == '-');
        size_t digits = strspn(p, "0123456789");
        return digits > 0 && p[digits] == '\0';
    }
    return point && *p == '\0';
}

// Says what libconfig would silently turn into another number.
static bool integer_fits(struct scanner *s, const char *word, enum token_type type)
{
    bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    errno = 0;
    long long value = strtoll(word, NULL, hex ? 16 : 10);
    if (errno == ERANGE) {
        diag_error(s->source->diag, here(s), "%s does not fit into 64 bits with a sign", word);
        return false;
    }
    if (type == TOKEN_INT && (value < INT32_MIN || value > INT32_MAX)) {
        diag_error(s->source->diag, here(s), "%s needs more than 32 bits: write it with an L at its end, %sL",
                   word, word);
        return false;
    }
    const char *digits = word + (*word == '+' || *word == '-');
    if (!hex && digits[0] == '0' && is_digit(digits[1]))
        diag_warning(s->source->diag, here(s), "%s is read as decimal %lld: write it without leading zeros",
                     word, value);
    return true;
}

static bool float_fits(struct scanner *s, const char *word)
{
    double value = strtod(word, NULL);
    bool digits_but_zero = value == 0 && strcspn(word, "123456789") < strcspn(word, "eE");
    if (isfinite(value) && !digits_but_zero)
        return true;
    diag_error(s->source->diag, here(s), "%s is too %s for a number", word, value == 0 ? "small" : "large");
    return false;
}

static bool scan_number(struct scanner *s)
{
    size_t n = strspn(s->at, WORD_CHARACTERS "+.");
    char *after = s->at + n, kept = *after;
    *after = '\0'; // the text is ours
    enum token_type type = integer_type(s->at);
    bool good = true, bad = false;
    if (n > 400) {
        diag_error(s->source->diag, here(s), "a number has no %zu digits", n);
        good = false;
    } else if (type != TOKEN_END) {
        bad = !integer_fits(s, s->at, type);
    } else if (is_float(s->at)) {
        type = TOKEN_NUMBER;
        bad = !float_fits(s, s->at);
    } else {
        diag_error(s->source->diag, here(s),
                   "%s is not a number; texts and values with a unit stand in quotes: \"%s\"", s->at, s->at);
        good = false;
    }
    *after = kept;
    return good && put(s, type, n, bad);
}

// ---- Texts ----

static bool scan_string(struct scanner *s)
{
    const char *p = s->at + 1;
    bool bad = false;
    for (; *p != '"'; p++) {
        if (*p == '\n' || *p == '\0') {
            diag_error(
                s->source->diag, here(s),
                "the closing quote is missing on this line (a line break within a text is written \\n)");
            return false;
        }
        if (*p != '\\')
            continue;
        p++;
        if (*p == '\n' || *p == '\0') {
            p--; // a backslash does not continue the line
        } else if ((*p == 'x' || *p == 'X') && p[1] == '0' && p[2] == '0') {
            diag_error(s->source->diag, here(s), "\\x00 cannot stand in a text");
            bad = true;
        }
    }
    return put(s, TOKEN_TEXT, (size_t)(p - s->at) + 1, bad);
}

// ---- Words, marks, comments ----

static bool scan_name(struct scanner *s)
{
    size_t n = strspn(s->at, WORD_CHARACTERS);
    bool truth =
        (n == 4 && strncasecmp(s->at, "true", 4) == 0) || (n == 5 && strncasecmp(s->at, "false", 5) == 0);
    return put(s, truth ? TOKEN_BOOL : TOKEN_NAME, n, false);
}

static bool skip_comment(struct scanner *s)
{
    if (*s->at == '#' || s->at[1] == '/') {
        s->at += strcspn(s->at, "\n");
        return true;
    }
    const char *close = strstr(s->at + 2, "*/");
    if (!close) {
        diag_error(s->source->diag, here(s), "the comment that begins here with /* is never closed with */");
        return false;
    }
    for (; s->at < close; s->at++)
        s->line += *s->at == '\n';
    s->at += 2;
    return true;
}

// `@include "path"`, alone at the beginning of a line.
static bool scan_include(struct scanner *s)
{
    struct place at = here(s);
    char *p = s->at + strcspn(s->at, " \t\r\n\"");
    bool known = strncmp(s->at, "@include", (size_t)(p - s->at)) == 0 && p - s->at == 8;
    p += strspn(p, " \t");
    if (!known || *p != '"' || !s->line_begins) {
        diag_error(
            s->source->diag, at,
            "\"@\" can only begin a line of the form @include \"file.conf\" (the files of conf.d/ are read "
            "without being named)");
        return false;
    }
    char *path = ++p, *to = p;
    for (; *p != '"'; *to++ = *p++) {
        if (*p == '\\' && (p[1] == '\\' || p[1] == '"'))
            p++;
        if (*p == '\n' || *p == '\0') {
            diag_error(s->source->diag, at, "the closing quote is missing on this line");
            return false;
        }
    }
    *to = '\0';
    s->at = p + 1;
    s->line_begins = false;
    return source_include(s->source, at, path);
}

// Characters that look right on the screen and are not.
static const struct {
    const char *bytes, *advice;
} look_alikes[] = {
    {"\u201c", "a text stands in straight quotes (\")"},
    {"\u201d", "a text stands in straight quotes (\")"},
    {"\u201e", "a text stands in straight quotes (\")"},
    {"\u00ab", "a text stands in straight quotes (\")"},
    {"\u00bb", "a text stands in straight quotes (\")"},
    {"\u2018", "a text stands in straight quotes (\")"},
    {"\u2019", "a text stands in straight quotes (\")"},
    {"'", "a text stands in double quotes (\")"},
    {"\u00a0", "it is a no-break space: type a plain one"},
    {"\u202f", "it is a no-break space: type a plain one"},
    {"\u2013", "it is a dash: type a plain minus (-)"},
    {"\u2212", "it is a dash: type a plain minus (-)"},
};

static bool stray_character(struct scanner *s)
{
    struct place at = here(s);
    size_t n = utf8_length(s->at);
    for (size_t i = 0; i < sizeof look_alikes / sizeof *look_alikes; i++) {
        if (strncmp(s->at, look_alikes[i].bytes, strlen(look_alikes[i].bytes)) == 0) {
            diag_error(s->source->diag, at, "unexpected character \"%.*s\": %s", (int)n, s->at,
                       look_alikes[i].advice);
            return false;
        }
    }
    if (n == 0 || (n == 1 && (unsigned char)*s->at < ' ') || *s->at == 127)
        diag_error(s->source->diag, at, "unexpected byte 0x%02x: the file must be a text in UTF-8",
                   (unsigned)(unsigned char)*s->at);
    else if (n > 1)
        diag_error(s->source->diag, at,
                   "unexpected character \"%.*s\": outside quotes only letters without accents, digits, _ "
                   "and - can stand",
                   (int)n, s->at);
    else
        diag_error(s->source->diag, at, "unexpected character \"%c\"", *s->at);
    return false;
}

static bool scan_one(struct scanner *s)
{
    char c = *s->at;
    if (c == '\n') {
        s->line++;
        s->at++;
        s->line_begins = true;
        return true;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
        s->at++;
        return true;
    }
    if (c == '#' || (c == '/' && (s->at[1] == '/' || s->at[1] == '*')))
        return skip_comment(s);
    if (c == '"')
        return scan_string(s);
    if (c == '@')
        return scan_include(s);
    if (strchr("=:,;{}()[]", c))
        return put(s, TOKEN_MARK, 1, false);
    if (is_digit(c) || c == '+' || c == '-' || c == '.')
        return scan_number(s);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*')
        return scan_name(s);
    return stray_character(s);
}

bool scan_text(struct source *source, char *text, size_t n, const char *file)
{
    struct scanner s = {source, text, text + n, file, 1, true};
    const char *nul = memchr(text, '\0', n);
    if (nul) {
        int line = 1;
        for (const char *p = text; p < nul; p++)
            line += *p == '\n';
        diag_error(source->diag, (struct place){file, line}, "a NUL byte: this is not a text file");
        return false;
    }
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0) // what Windows editors put before UTF-8
        s.at += 3;
    while (s.at < s.end)
        if (!scan_one(&s))
            return false;
    return true;
}
