#include "proto/placepipe.h"

#include <string.h>

/* The words, and what follows them. */
static const struct {
	const char	*word;
	bool		 n, text;
} words[] = {
	[PLACEPIPE_HELLO] = { "hello", false, true },
	[PLACEPIPE_STAGED] = { "staged", false, false },
	[PLACEPIPE_SWITCHED] = { "switched", false, false },
	[PLACEPIPE_KEPT] = { "kept", false, false },
	[PLACEPIPE_FAILED] = { "failed", true, true },
	[PLACEPIPE_SETTLED] = { "settled", true, true },
	[PLACEPIPE_REMOVED] = { "removed", false, true },
	[PLACEPIPE_ABSENT] = { "absent", false, true },
	[PLACEPIPE_LEFT] = { "left", false, true },
	[PLACEPIPE_FINISHED] = { "finished", true, false },
};
#define WORDS		(sizeof(words) / sizeof(words[0]))

/* Most digits of a number. */
#define DIGITS_MAX	9

/*
 * Frames.
 */

static bool
is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("@_+=,-", c) != NULL);
}

/* A name, which begins with a dot only if it may. */
static bool
is_name(struct slice s, bool dot)
{
	size_t i;

	if (s.len == 0 || (s.len == 1 && s.p[0] == '.'))
		return false;
	for (i = 0; i < s.len; i++)
		if (!is_letter(s.p[i]) &&
		    (s.p[i] != '.' || (i == 0 && !dot)))
			return false;
	return s.len != 2 || s.p[0] != '.' || s.p[1] != '.';
}

bool
placepipe_is_name(struct slice s)
{
	return s.len <= PLACEPIPE_NAME_MAX && is_name(s, false);
}

bool
placepipe_is_path(struct slice s)
{
	const uint8_t *slash;
	struct slice part;
	bool first = true;

	for (;;) {
		slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
		part = s;
		if (slash != NULL)
			part.len = (size_t)(slash - s.p);
		if (!is_name(part, first))
			return false;
		if (slash == NULL)
			return true;
		s.p += part.len + 1;
		s.len -= part.len + 1;
		first = false;
	}
}

/* A string of at most ${max} bytes, and no NUL if it is ${text}. */
static int
get_string(struct wire_reader *r, size_t max, bool text, struct slice *out)
{
	int st = wire_get_string(r, out);

	if (st != ST_OK)
		return st;
	if (out->len > max)
		return ST_TOO_LARGE;
	return text && out->len > 0 && memchr(out->p, '\0', out->len) != NULL ?
	    ST_MALFORMED : ST_OK;
}

static int
get_name(struct wire_reader *r, size_t max, struct slice *out)
{
	int st = get_string(r, max, true, out);

	if (st != ST_OK)
		return st;
	return is_name(*out, false) ? ST_OK : ST_MALFORMED;
}

/* An absolute path, or an empty one if that may be. */
static int
get_absolute(struct wire_reader *r, size_t max, bool empty, struct slice *out)
{
	int st = get_string(r, max, true, out);

	if (st != ST_OK)
		return st;
	if (out->len == 0)
		return empty ? ST_OK : ST_MALFORMED;
	return out->p[0] == '/' ? ST_OK : ST_MALFORMED;
}

static int
get_begin(struct wire_reader *r, struct placepipe_frame *out)
{
	int st;

	if ((st = get_name(r, PLACEPIPE_NAME_MAX, &out->name)) != ST_OK ||
	    (st = get_absolute(r, PLACEPIPE_HOME_MAX, true, &out->bytes)) !=
	    ST_OK)
		return st;
	return get_absolute(r, PLACEPIPE_SOCKET_MAX, false, &out->socket);
}

static int
get_line(struct wire_reader *r, struct placepipe_frame *out)
{
	int st = get_string(r, PLACEPIPE_PATH_MAX, true, &out->name);

	if (st != ST_OK)
		return st;
	if (!placepipe_is_path(out->name))
		return ST_MALFORMED;
	st = get_string(r, PLACEPIPE_LINES_LEN_MAX, true, &out->bytes);
	return st == ST_OK && out->bytes.len == 0 ? ST_MALFORMED : st;
}

int
placepipe_decode(struct slice body, struct placepipe_frame *out)
{
	struct wire_reader r = wire_reader(body);
	uint8_t kind;
	int st;

	*out = (struct placepipe_frame){ .kind = PLACE_UNDO };
	if (body.len > PLACEPIPE_FRAME_MAX)
		return ST_TOO_LARGE;
	if ((st = wire_get_u8(&r, &kind)) != ST_OK)
		return st;
	if (kind < PLACE_BEGIN || kind > PLACE_REVERT)
		return ST_UNSUPPORTED;
	out->kind = (enum placepipe_kind)kind;
	switch (out->kind) {
	case PLACE_BEGIN:
		st = get_begin(&r, out);
		break;
	case PLACE_FILE:
	case PLACE_COMMON:
		st = get_name(&r, PLACEPIPE_PATH_MAX, &out->name);
		if (st == ST_OK)
			st = get_string(&r, PLACEPIPE_FRAME_MAX, false,
			    &out->bytes);
		break;
	case PLACE_LINE:
		st = get_line(&r, out);
		break;
	case PLACE_STAGE:
	case PLACE_SWITCH:
	case PLACE_KEEP:
	case PLACE_UNDO:
	case PLACE_SETTLE:
	case PLACE_REVERT:
		break;
	}
	return st == ST_OK && !wire_end(&r) ? ST_MALFORMED : st;
}

void
placepipe_put(struct wire_writer *w, const struct placepipe_frame *frame)
{
	size_t mark = wire_open_string(w);

	wire_put_u8(w, (uint8_t)frame->kind);
	switch (frame->kind) {
	case PLACE_BEGIN:
		wire_put_string(w, frame->name);
		wire_put_string(w, frame->bytes);
		wire_put_string(w, frame->socket);
		break;
	case PLACE_FILE:
	case PLACE_COMMON:
	case PLACE_LINE:
		wire_put_string(w, frame->name);
		wire_put_string(w, frame->bytes);
		break;
	case PLACE_STAGE:
	case PLACE_SWITCH:
	case PLACE_KEEP:
	case PLACE_UNDO:
	case PLACE_SETTLE:
	case PLACE_REVERT:
		break;
	}
	wire_close_string(w, mark);
}

/*
 * Lines.
 */

void
placepipe_line_put(struct text *t, const struct placepipe_line *line)
{
	char escaped[PLACEPIPE_LINE_MAX];
	size_t len = line->text.len;
	struct text e;

	text_addf(t, "%s%s", PLACEPIPE_MARK, words[line->word].word);
	if (words[line->word].n)
		text_addf(t, " %lu", (unsigned long)line->n);
	if (words[line->word].text) {
		/* A byte takes four characters at most. */
		if (len > (PLACEPIPE_LINE_MAX - 64) / 4)
			len = (PLACEPIPE_LINE_MAX - 64) / 4;
		text_init(&e, escaped, sizeof(escaped));
		text_escape(&e, line->text.p, len);
		text_addf(t, " %s", escaped);
	}
	text_addc(t, '\n');
}

/* Whether ${in} begins with the ${n} bytes, and move past them. */
static bool
skip(struct slice *in, const char *p, size_t n)
{
	if (in->len < n || memcmp(in->p, p, n) != 0)
		return false;
	in->p += n;
	in->len -= n;
	return true;
}

/* " 123" */
static int
get_number(struct slice *in, uint32_t *out)
{
	uint32_t n = 0;
	size_t digits = 0;

	if (!skip(in, " ", 1))
		return ST_MALFORMED;
	for (; in->len > 0 && *in->p >= '0' && *in->p <= '9'; in->p++) {
		if (++digits > DIGITS_MAX)
			return ST_MALFORMED;
		n = n * 10 + (uint32_t)(*in->p - '0');
		in->len--;
	}
	*out = n;
	return digits > 0 ? ST_OK : ST_MALFORMED;
}

/* The word that ${in} begins with, or WORDS. */
static size_t
find_word(struct slice in)
{
	size_t i, len;

	for (i = 0; i < WORDS; i++) {
		len = strlen(words[i].word);
		if (in.len >= len && memcmp(in.p, words[i].word, len) == 0 &&
		    (in.len == len || in.p[len] == ' '))
			break;
	}
	return i;
}

int
placepipe_line_get(struct slice in, struct placepipe_line *out)
{
	size_t i;
	int st;

	if (!skip(&in, PLACEPIPE_MARK, sizeof(PLACEPIPE_MARK) - 1))
		return ST_NOT_FOUND;
	if (in.len > 0 && in.p[in.len - 1] == '\r')
		in.len--;
	if ((i = find_word(in)) == WORDS ||
	    memchr(in.p, '\n', in.len) != NULL)
		return ST_MALFORMED;
	*out = (struct placepipe_line){ .word = (enum placepipe_word)i };
	(void)skip(&in, words[i].word, strlen(words[i].word));
	if (words[i].n && (st = get_number(&in, &out->n)) != ST_OK)
		return st;
	if (words[i].text && !skip(&in, " ", 1))
		return ST_MALFORMED;
	if (!words[i].text && in.len > 0)
		return ST_MALFORMED;
	out->text = in;
	return ST_OK;
}
