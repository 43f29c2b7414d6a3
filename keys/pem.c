#include "keys/pem.h"

/*
 * A key that is passed over in silence is as bad as one that is loaded in
 * part: whoever pipes four keys in wants four.  So text that looks like a
 * private key but is not well formed (a BEGIN line that is cut short or has
 * something before or after it, an END line alone) is an error, and only what
 * does not look like one is explanatory text.
 */

#include <string.h>

#define BEGIN	"-----BEGIN "
#define END	"-----END "
#define DASHES	"-----"

static const char why_cut[] =
    "its END line is missing: the text was cut short";
static const char why_begin[] = "its BEGIN line is cut short";
static const char why_end[] =
    "an END line without its BEGIN line: the beginning is missing";
static const char why_mismatch[] =
    "its END line belongs to something else";
static const char why_joined[] =
    "its lines run together or have other text on them: give the file as it "
    "is, and quote a variable, as in `printf '%s\\n' \"$KEY\"`";
static const char why_ssh2[] =
    "it is in the format of ssh.com: convert it with the program that made "
    "it, or make a new key with `ssh-keygen -t ed25519`";
static const char why_putty[] =
    "it is in PuTTY's format: convert it with "
    "`puttygen FILE -O private-openssh -o COPY`";

/* Whether c is a blank or the end of a line. */
static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
	    c == '\v' || c == '\f';
}

/* The same bytes without blanks, and a byte order mark, around them. */
static struct slice
trimmed(struct slice s)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };

	if (s.len >= sizeof(mark) && memcmp(s.p, mark, sizeof(mark)) == 0) {
		s.p += sizeof(mark);
		s.len -= sizeof(mark);
	}
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool
pem_line(struct slice *in, struct slice *line)
{
	size_t n = 0;

	if (in->len == 0)
		return false;
	while (n < in->len && in->p[n] != '\n' && in->p[n] != '\r')
		n++;
	*line = trimmed((struct slice){ in->p, n });

	/* CRLF is one line end. */
	if (in->len - n >= 2 && in->p[n] == '\r' && in->p[n + 1] == '\n')
		n++;
	if (n < in->len)
		n++;
	in->p += n;
	in->len -= n;
	return true;
}

/* Whether s begins with a prefix. */
static bool
begins(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

/* Where needle is in s; s.len if nowhere. */
static size_t
offset_of(struct slice s, const char *needle)
{
	const uint8_t *at;

	at = s.len == 0 ? NULL :
	    memmem(s.p, s.len, needle, strlen(needle));
	return at == NULL ? s.len : (size_t)(at - s.p);
}

/* Whether s holds needle. */
static bool
holds(struct slice s, const char *needle)
{
	return offset_of(s, needle) < s.len;
}

/* Go on to behind the next END line, or to before the next BEGIN line. */
static void
skip_block(struct slice *in)
{
	struct slice ahead = *in, line;

	while (pem_line(&ahead, &line)) {
		if (holds(line, BEGIN))
			return;
		*in = ahead;
		if (holds(line, END))
			return;
	}
}

/* Go on to behind the last line of a PuTTY file, whose first was taken. */
static void
skip_putty(struct slice *in)
{
	struct slice ahead = *in, line;

	while (pem_line(&ahead, &line)) {
		if (holds(line, BEGIN))
			return;
		*in = ahead;
		if (begins(line, "Private-MAC:"))
			return;
	}
}

enum line_kind {
	LINE_TEXT,		/* nothing that matters here */
	LINE_KEY,		/* a good BEGIN line of a private key */
	LINE_CUT,		/* a BEGIN line without its closing dashes */
	LINE_JOINED,		/* BEGIN of a private key, and other text */
	LINE_END,		/* END of a private key */
	LINE_SSH2,
	LINE_PUTTY,
};

/* What a line outside of a block is; label is set for LINE_KEY. */
static enum line_kind
classify(struct slice line, struct slice *label)
{
	size_t at = offset_of(line, BEGIN);
	struct slice name;

	if (begins(line, "PuTTY-User-Key-File-"))
		return LINE_PUTTY;
	if (begins(line, "---- BEGIN SSH2 ") && holds(line, "PRIVATE KEY"))
		return LINE_SSH2;
	if (at == line.len) {
		if (begins(line, END) && holds(line, "PRIVATE KEY"))
			return LINE_END;
		return LINE_TEXT;
	}

	line.p += at + strlen(BEGIN);
	line.len -= at + strlen(BEGIN);
	name = (struct slice){ line.p, offset_of(line, DASHES) };
	if (name.len == line.len)
		return at == 0 ? LINE_CUT : LINE_TEXT;
	if (!holds(name, "PRIVATE KEY"))
		return LINE_TEXT;
	if (at > 0 || line.len != name.len + strlen(DASHES))
		return LINE_JOINED;
	*label = name;
	return LINE_KEY;
}

/* Take the headers off the front of a body, up to the blank line. */
static void
take_headers(struct pem_block *block)
{
	struct slice ahead = block->body, line;
	bool any = false;

	while (pem_line(&ahead, &line)) {
		if (!holds(line, ":") && !(any && line.len == 0))
			return;
		any = true;
		block->body = ahead;
		if (line.len == 0)
			return;
		if (begins(line, "Proc-Type:") && holds(line, "ENCRYPTED"))
			block->encrypted = true;
	}
}

/* Whether an END line is that of the label. */
static bool
ends(struct slice line, struct slice label)
{
	size_t n = strlen(END), dashes = strlen(DASHES);

	return line.len == n + label.len + dashes &&
	    memcmp(line.p + n, label.p, label.len) == 0 &&
	    memcmp(line.p + n + label.len, DASHES, dashes) == 0;
}

/* Take lines up to the END line that belongs to the block's label. */
static int
take_body(struct slice *in, struct pem_block *block, const char **why)
{
	struct slice ahead = *in, line;

	block->body = (struct slice){ in->p, 0 };
	while (pem_line(&ahead, &line)) {
		if (holds(line, BEGIN))
			break;
		*in = ahead;
		if (!begins(line, END)) {
			block->body.len = (size_t)(in->p - block->body.p);
			continue;
		}
		if (!ends(line, block->label)) {
			*why = why_mismatch;
			return ST_MALFORMED;
		}
		take_headers(block);
		return ST_OK;
	}
	*why = why_cut;
	return ST_MALFORMED;
}

int
pem_next(struct slice *in, struct pem_block *out, const char **why)
{
	struct slice line;

	*why = "";
	memset(out, 0, sizeof(*out));
	while (pem_line(in, &line)) {
		switch (classify(line, &out->label)) {
		case LINE_TEXT:
			continue;
		case LINE_KEY:
			return take_body(in, out, why);
		case LINE_CUT:
			*why = why_begin;
			skip_block(in);
			return ST_MALFORMED;
		case LINE_JOINED:
			*why = why_joined;
			if (!holds(line, END))
				skip_block(in);
			return ST_MALFORMED;
		case LINE_END:
			*why = why_end;
			return ST_MALFORMED;
		case LINE_SSH2:
			*why = why_ssh2;
			return ST_UNSUPPORTED;
		case LINE_PUTTY:
			*why = why_putty;
			skip_putty(in);
			return ST_UNSUPPORTED;
		}
	}
	return ST_NOT_FOUND;
}

size_t
pem_decoded_max(struct slice body)
{
	size_t i, n = 0;

	for (i = 0; i < body.len; i++)
		n += !is_blank(body.p[i]);
	return n / 4 * 3 + 3;
}

/* All ones if lo <= c <= hi, else zero, without a branch. */
static uint32_t
within(uint32_t c, uint32_t lo, uint32_t hi)
{
	/* Both differences wrap to set the top bit if c is outside. */
	return (((c - lo) | (hi - c)) >> 31) - 1;
}

/* The six bits that a character stands for; *ok is cleared if none. */
static uint32_t
sextet(uint32_t c, uint32_t *ok)
{
	uint32_t upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z');
	uint32_t digit = within(c, '0', '9');
	uint32_t plus = within(c, '+', '+'), slash = within(c, '/', '/');

	*ok &= upper | lower | digit | plus | slash;
	return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
	    (digit & (c - '0' + 52)) | (plus & 62) | (slash & 63);
}

/* Store the last one or two bytes; whether the padding agrees with them. */
static bool
put_tail(uint32_t group, size_t sextets, size_t pad, uint8_t *out, size_t *n)
{
	if (sextets == 0)
		return pad == 0;
	if (sextets == 1 || pad != 4 - sextets)
		return false;
	if (sextets == 2) {
		out[0] = (uint8_t)(group >> 4);
		*n += 1;
		return (group & 0x0f) == 0;
	}
	out[0] = (uint8_t)(group >> 10);
	out[1] = (uint8_t)(group >> 2);
	*n += 2;
	return (group & 0x03) == 0;
}

int
pem_decode(struct slice body, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t group = 0, ok = ~0u;
	size_t i, n = 0, sextets = 0, pad = 0;

	*len = 0;
	for (i = 0; i < body.len; i++) {
		if (is_blank(body.p[i]))
			continue;
		if (body.p[i] == '=') {
			pad++;
			continue;
		}
		if (pad > 0)
			return ST_MALFORMED;
		if (cap - n < 3)
			return ST_TOO_LARGE;
		group = group << 6 | sextet(body.p[i], &ok);
		if (++sextets < 4)
			continue;
		out[n++] = (uint8_t)(group >> 16);
		out[n++] = (uint8_t)(group >> 8);
		out[n++] = (uint8_t)group;
		group = 0;
		sextets = 0;
	}
	if (!put_tail(group, sextets, pad, out + n, &n) || ok == 0)
		return ST_MALFORMED;
	*len = n;
	return ST_OK;
}
