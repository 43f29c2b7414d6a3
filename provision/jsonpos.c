#include "provision/jsonpos.h"

#include <stdint.h>
#include <string.h>

/*
 * One scanner makes tokens of the text, also of a text that is no JSON; what
 * may follow what is for jsonpos_check() alone.  All else only counts brackets,
 * which is enough for a text that it likes.
 */

enum kind {
	NOTHING,		/* the end of the text */
	PUNCTUATION,		/* one of {}[]:, */
	STRING,
	WORD,			/* a number, true, something without quotes */
	OTHER,			/* a byte that begins none of these */
};

struct token {
	enum kind	 kind;
	size_t		 at;	/* its first byte, */
	size_t		 end;	/* and behind its last one */
	bool		 closed;	/* a string: it has its second quote */
};

/* What is wrong, and where. */
struct fault {
	size_t		 at;
	const char	*what;	/* NULL: nothing is */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What words are made of: more than those that JSON has, so that a message
 * is about the whole of a wrong one. */
static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    is_digit(c) || c == '-' || c == '+' || c == '.' || c == '_' ||
	    c == '$' || c == '~' || (unsigned char)c >= 0x80;
}

/* The string that begins at ${at}; it ends with its quote, or with the line. */
static struct token
scan_string(struct jsonpos_text t, size_t at)
{
	struct token s = { .kind = STRING, .at = at };

	for (at++; at < t.len && t.p[at] != '\n' && !s.closed; at++) {
		s.closed = t.p[at] == '"';
		if (t.p[at] == '\\' && at + 1 < t.len && t.p[at + 1] != '\n')
			at++;
	}
	s.end = at;
	return s;
}

/* The next token at ${at} or behind it. */
static struct token
scan(struct jsonpos_text t, size_t at)
{
	struct token token = { .kind = NOTHING };

	while (at < t.len && is_blank(t.p[at]))
		at++;
	token.at = token.end = at < t.len ? at : t.len;
	if (at >= t.len)
		return token;
	token.end = at + 1;
	if (t.p[at] == '"')
		return scan_string(t, at);
	if (t.p[at] != '\0' && strchr("{}[]:,", t.p[at]) != NULL) {
		token.kind = PUNCTUATION;
	} else if (is_word(t.p[at])) {
		token.kind = WORD;
		while (token.end < t.len && is_word(t.p[token.end]))
			token.end++;
	} else {
		token.kind = OTHER;
	}
	return token;
}

/* Whether a token is that bracket, colon or comma. */
static bool
is(struct jsonpos_text t, struct token token, char c)
{
	return token.kind == PUNCTUATION && t.p[token.at] == c;
}

static bool
opens(struct jsonpos_text t, struct token token)
{
	return is(t, token, '{') || is(t, token, '[');
}

static bool
closes(struct jsonpos_text t, struct token token)
{
	return is(t, token, '}') || is(t, token, ']');
}

/* Behind the digits at ${at}. */
static size_t
skip_digits(struct jsonpos_text t, size_t at, size_t end)
{
	while (at < end && is_digit(t.p[at]))
		at++;
	return at;
}

/* Whether a word is a number: -0.5e+3. */
static bool
is_number(struct jsonpos_text t, struct token word)
{
	size_t at = word.at, end = word.end, digits;

	at += t.p[at] == '-';
	digits = at;
	if ((at = skip_digits(t, at, end)) == digits ||
	    (t.p[digits] == '0' && at - digits > 1))
		return false;
	if (at < end && t.p[at] == '.') {
		digits = at + 1;
		if ((at = skip_digits(t, digits, end)) == digits)
			return false;
	}
	if (at < end && (t.p[at] == 'e' || t.p[at] == 'E')) {
		at++;
		if (at < end && (t.p[at] == '+' || t.p[at] == '-'))
			at++;
		digits = at;
		if ((at = skip_digits(t, digits, end)) == digits)
			return false;
	}
	return at == end;
}

/* Whether a word is ${s}, but for its case. */
static bool
is_spelt(struct jsonpos_text t, struct token word, const char *s)
{
	size_t len = strlen(s);

	if (word.end - word.at != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((t.p[word.at + i] | 0x20) != s[i])
			return false;
	return true;
}

/* What is wrong with a word as a value; NULL if nothing is. */
static const char *
check_word(struct jsonpos_text t, struct token word)
{
	static const char *const names[] = { "true", "false", "null" };
	char first = t.p[word.at];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!is_spelt(t, word, names[i]))
			continue;
		if (memcmp(t.p + word.at, names[i], strlen(names[i])) == 0)
			return NULL;
		return "true, false and null are written in small letters";
	}
	if (is_number(t, word))
		return NULL;
	if (is_digit(first) || first == '-' || first == '+' || first == '.')
		return "this is no number as JSON has them; a text must be in "
		    "double quotes";
	return "a text must be in double quotes";
}

/* The four digits of a \u at ${at}; or -1. */
static int
hex4(struct jsonpos_text t, size_t at, size_t end)
{
	int value = 0;

	if (at > end || end - at < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = t.p[at + i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* What is wrong with the \u at ${at}, and how long it is. */
static const char *
check_unicode(struct jsonpos_text t, size_t at, size_t end, size_t *len)
{
	int high = hex4(t, at + 2, end), low;

	*len = 6;
	if (high < 0)
		return "behind \\u there must be four hexadecimal digits; a "
		    "backslash itself is written as \\\\";
	if (high == 0)
		return "a NUL byte (\\u0000) has no place in a text";
	if (high < 0xd800 || high > 0xdfff)
		return NULL;
	*len = 12;
	if (high < 0xdc00 && end - at >= 12 && t.p[at + 6] == '\\' &&
	    t.p[at + 7] == 'u') {
		low = hex4(t, at + 8, end);
		if (low >= 0xdc00 && low <= 0xdfff)
			return NULL;
	}
	return "this is one half of a character only (\\uD800 to \\uDFFF come "
	    "in pairs)";
}

/* What is wrong with a string. */
static struct fault
check_string(struct jsonpos_text t, struct token s)
{
	size_t at, len, end = s.end - 1;
	struct fault f = { .what = NULL };

	if (!s.closed) {
		f.at = s.at;
		f.what = "this text has no closing quote on its line";
		return f;
	}
	for (at = s.at + 1; at < end && f.what == NULL; at += len) {
		f.at = at;
		len = 1;
		if ((unsigned char)t.p[at] < 0x20)
			f.what = "a control character (a tab?) has no place "
			    "in a text";
		if (t.p[at] != '\\')
			continue;
		len = 2;
		if (t.p[at + 1] == 'u')
			f.what = check_unicode(t, at, end, &len);
		else if (strchr("\"\\/bfnrt", t.p[at + 1]) == NULL ||
		    t.p[at + 1] == '\0')
			f.what = "behind a backslash there must be one of "
			    "\"\\/bfnrtu; a backslash itself is written as "
			    "\\\\";
	}
	return f;
}

/* What may come next. */
enum want {
	ROOT,			/* the { or [ of the whole */
	VALUE,
	VALUE_OR_CLOSE,		/* behind [ */
	KEY,
	KEY_OR_CLOSE,		/* behind { */
	COLON,
	COMMA_OR_CLOSE,
	END,
};

/* The walk of jsonpos_check(). */
struct walk {
	struct jsonpos_text	 text;
	enum want		 want;
	size_t			 depth;
	size_t			 open[JSONPOS_DEPTH_MAX];	/* brackets */
	size_t			 comma;		/* the last one */
};

static bool
in_object(const struct walk *w)
{
	return w->depth > 0 && w->text.p[w->open[w->depth - 1]] == '{';
}

static struct fault
fault(size_t at, const char *what)
{
	return (struct fault){ .at = at, .what = what };
}

static struct fault
no_fault(void)
{
	return fault(0, NULL);
}

/* What is wrong with a token, whatever may come: a fault that explains itself
 * better than by what was wanted instead. */
static struct fault
check_foreign(const struct walk *w, struct token token)
{
	char c;

	if (token.kind == NOTHING && w->want == ROOT)
		return fault(token.at, "there is nothing in it: it must begin "
		    "with { or [");
	if (token.kind == NOTHING && w->depth > 0)
		return fault(w->open[w->depth - 1], in_object(w) ?
		    "this { is not closed: a } is missing" :
		    "this [ is not closed: a ] is missing");
	if (token.kind != OTHER)
		return no_fault();
	c = w->text.p[token.at];
	if (c == '/' || c == '#')
		return fault(token.at, "JSON has no comments");
	if (c == '\'')
		return fault(token.at, "quotes must be double ones: \"");
	if (c == '\0')
		return fault(token.at, "there is a NUL byte: this is no text");
	return fault(token.at, "this character has no place here; a text must "
	    "be in double quotes");
}

/* A bracket opens. */
static int
take_open(struct walk *w, struct token token, struct fault *f)
{
	if (w->depth == JSONPOS_DEPTH_MAX) {
		*f = fault(token.at, "this is nested too deep: there may be at "
		    "most 64 brackets, one in the other");
		return ST_TOO_LARGE;
	}
	w->open[w->depth++] = token.at;
	w->want = in_object(w) ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
	return ST_OK;
}

/* A value ends, and perhaps all of it. */
static void
end_value(struct walk *w)
{
	w->want = w->depth > 0 ? COMMA_OR_CLOSE : END;
}

/* A bracket closes. */
static struct fault
take_close(struct walk *w, struct token token)
{
	if (is(w->text, token, '}') != in_object(w))
		return fault(token.at, in_object(w) ?
		    "a } is missing before this ]" :
		    "a ] is missing before this }");
	if (w->want == COLON)
		return fault(token.at, "behind a key there must be a : and a "
		    "value");
	if (w->want == KEY || (w->want == VALUE && !in_object(w)))
		return fault(w->comma, "there is nothing behind this comma: "
		    "take it away");
	if (w->want == VALUE)
		return fault(token.at, "a value is missing behind the :");
	w->depth--;
	end_value(w);
	return no_fault();
}

/* A value, or its beginning. */
static int
take_value(struct walk *w, struct token token, struct fault *f)
{
	if (opens(w->text, token))
		return take_open(w, token, f);
	if (token.kind == STRING)
		*f = check_string(w->text, token);
	else if (token.kind == WORD)
		*f = fault(token.at, check_word(w->text, token));
	else
		*f = fault(token.at, is(w->text, token, ',') ?
		    "there is nothing before this comma" :
		    "a value is missing before this :");
	end_value(w);
	return ST_OK;
}

/* A key. */
static struct fault
take_key(struct walk *w, struct token token)
{
	w->want = COLON;
	if (token.kind == STRING)
		return check_string(w->text, token);
	if (is(w->text, token, ','))
		return fault(token.at, "there is nothing before this comma");
	return fault(token.at, "a key must be here, in double quotes");
}

/* What comes between values. */
static struct fault
take_comma(struct walk *w, struct token token)
{
	if (is(w->text, token, ',')) {
		w->comma = token.at;
		w->want = in_object(w) ? KEY : VALUE;
		return no_fault();
	}
	if (is(w->text, token, ':'))
		return fault(token.at, in_object(w) ?
		    "there is a second : here" :
		    "an array [] has no keys; write an object {}");
	return fault(token.at, "a comma is missing before this");
}

/* One token more. */
static int
take_token(struct walk *w, struct token token, struct fault *f)
{
	*f = check_foreign(w, token);
	if (f->what != NULL)
		return ST_MALFORMED;
	if (w->depth > 0 && closes(w->text, token)) {
		*f = take_close(w, token);
		return ST_OK;
	}
	switch (w->want) {
	case ROOT:
		if (opens(w->text, token))
			return take_open(w, token, f);
		*f = fault(token.at, "it must begin with { or [");
		return ST_OK;
	case VALUE:
	case VALUE_OR_CLOSE:
		return take_value(w, token, f);
	case KEY:
	case KEY_OR_CLOSE:
		*f = take_key(w, token);
		return ST_OK;
	case COLON:
		if (!is(w->text, token, ':'))
			*f = fault(token.at, "a : is missing before this, "
			    "behind the key");
		w->want = VALUE;
		return ST_OK;
	case COMMA_OR_CLOSE:
		*f = take_comma(w, token);
		return ST_OK;
	case END:
		break;
	}
	*f = fault(token.at, "there is something behind the end");
	return ST_OK;
}

int
jsonpos_check(struct jsonpos_text text, size_t *at, const char **what)
{
	struct walk w = { .text = text, .want = ROOT };
	struct fault f = { .what = NULL };
	struct token token = { .end = 0 };
	int st = ST_OK;

	*at = 0;
	*what = NULL;
	if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		*what = "it begins with a byte order mark: save it without one";
		return ST_MALFORMED;
	}
	do {
		token = scan(text, token.end);
		if (token.kind == NOTHING && w.want == END)
			return ST_OK;
		st = take_token(&w, token, &f);
	} while (st == ST_OK && f.what == NULL);
	*at = f.at;
	*what = f.what;
	return st == ST_OK ? ST_MALFORMED : st;
}

struct jsonpos_place
jsonpos_place(struct jsonpos_text text, size_t at)
{
	struct jsonpos_place place = { 1, 1 };

	if (at > text.len)
		at = text.len;
	for (size_t i = 0; i < at; i++) {
		if (text.p[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* Behind the value that begins with ${token}. */
static size_t
value_end(struct jsonpos_text t, struct token token)
{
	size_t depth = opens(t, token);

	while (depth > 0) {
		token = scan(t, token.end);
		if (token.kind == NOTHING)
			break;
		if (opens(t, token))
			depth++;
		else if (closes(t, token))
			depth--;
	}
	return token.end;
}

/* The item that begins with ${token}. */
static bool
take_item(struct jsonpos_text t, struct token token,
    struct jsonpos_item *item)
{
	struct token colon;

	if (token.kind == NOTHING || closes(t, token))
		return false;
	item->key = token.at;
	colon = scan(t, token.end);
	if (token.kind == STRING && is(t, colon, ':'))
		token = scan(t, colon.end);
	item->value = token.at;
	item->end = value_end(t, token);
	return true;
}

bool
jsonpos_first(struct jsonpos_text text, size_t container,
    struct jsonpos_item *item)
{
	struct token token = scan(text, container);

	return opens(text, token) &&
	    take_item(text, scan(text, token.end), item);
}

bool
jsonpos_next(struct jsonpos_text text, struct jsonpos_item *item)
{
	struct token token = scan(text, item->end);

	return is(text, token, ',') &&
	    take_item(text, scan(text, token.end), item);
}

size_t
jsonpos_token(struct jsonpos_text text, size_t at)
{
	struct token token = { .end = 0 };

	do
		token = scan(text, token.end);
	while (token.kind != NOTHING && token.end <= at);
	return token.at;
}
