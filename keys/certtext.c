#include "keys/certtext.h"

/*
 * A line is looked at for what its first words are, wherever it stands: no
 * line of a private key begins with a type's name and a blank.  As with keys,
 * a certificate that is passed over in silence would be as bad as one that is
 * loaded in part, so whatever begins like one must be one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/pem.h"
#include "base/text.h"
#include "proto/bundle.h"
#include "proto/certificate.h"
#include "proto/reply.h"

#define CERT_SUFFIX	"-cert-v01@openssh.com"
/* How the base64 of every public blob begins: with the length of a name. */
#define BASE64_BEGIN	"AAAA"
/* Longest name of a type that is shown, in bytes. */
#define SHOWN_MAX	48

_Static_assert(CERTTEXT_MAX == REPLY_IDENTITIES_MAX, "what an agent holds");

/* One text being looked through. */
struct search {
	struct certtext	*out;
	size_t		 line;		/* the present one, from 1 */
	struct slice	 type;		/* its first word */
	char		*why;
	size_t		 whylen;
};

/* Say what is wrong with the present line; the status to return. */
static int
refuse(struct search *s, int st, const char *what, const char *advice)
{
	char shown[4 * SHOWN_MAX + 1];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, s->type.p, s->type.len < SHOWN_MAX ? s->type.len :
	    SHOWN_MAX);
	(void)snprintf(s->why, s->whylen, "line %zu: this is %s (%s)%s",
	    s->line, what, shown, advice);
	return st;
}

/* Take a word off the front of a trimmed line. */
static struct slice
take_word(struct slice *line)
{
	struct slice word = { line->p, 0 };

	while (word.len < line->len && line->p[word.len] != ' ' &&
	    line->p[word.len] != '\t')
		word.len++;
	line->p += word.len;
	line->len -= word.len;
	while (line->len > 0 && (line->p[0] == ' ' || line->p[0] == '\t')) {
		line->p++;
		line->len--;
	}
	return word;
}

/* Whether a word begins, or ends, with a text. */
static bool
begins(struct slice word, const char *with)
{
	size_t n = strlen(with);

	return word.len >= n && memcmp(word.p, with, n) == 0;
}

static bool
ends(struct slice word, const char *with)
{
	size_t n = strlen(with);

	return word.len >= n &&
	    memcmp(word.p + word.len - n, with, n) == 0;
}

/* Whether these words are a plain public key's, of a type that we know or
 * not. */
static bool
is_public_key(struct slice type, struct slice base64)
{
	return begins(base64, BASE64_BEGIN) && (begins(type, "ssh-") ||
	    begins(type, "ecdsa-sha2-") || begins(type, "sk-ssh-") ||
	    begins(type, "sk-ecdsa-"));
}

/* Whether that very certificate was found before. */
static bool
is_known(const struct certtext *c, struct slice blob)
{
	for (size_t i = 0; i < c->n; i++)
		if (slice_eq(c->at[i].blob, blob))
			return true;
	return false;
}

/* Keep a certificate, whose blob is the first half of cap bytes; they are the
 * list's from then on. */
static int
keep(struct search *s, struct certtext_cert *found, size_t cap)
{
	struct certtext *c = s->out;
	struct certificate cert;
	struct wire_writer w;
	void *more;
	int st;

	if ((st = certificate_decode(found->blob, &cert)) != ST_OK)
		return st;
	if (c->n == CERTTEXT_MAX)
		return ST_FULL;
	/* A key is shorter than what certifies it. */
	w = wire_writer(found->bytes + cap, cap);
	keyblob_put(&w, &cert.key);
	if ((st = wire_done(&w, &found->key)) != ST_OK)
		return st;
	found->key_id = cert.key_id;
	more = reallocarray(c->at, c->n + 1, sizeof(c->at[0]));
	if (more == NULL)
		return ST_NOMEM;
	c->at = more;
	c->at[c->n++] = *found;
	return ST_OK;
}

/* Whether a blob calls itself what its line calls it. */
static bool
is_named(struct slice blob, struct slice type)
{
	struct wire_reader r = wire_reader(blob);
	struct slice name;

	return wire_get_string(&r, &name) == ST_OK && slice_eq(name, type);
}

/* Undo the base64 of a certificate, and keep it. */
static int
take_base64(struct search *s, const char *type, struct slice base64)
{
	struct certtext_cert found = { .line = s->line, .type = type };
	size_t cap = pem_decoded_max(base64), len;
	int st;

	if (cap > BUNDLE_RECORD_MAX)
		return ST_TOO_LARGE;
	if ((found.bytes = malloc(2 * cap)) == NULL)
		return ST_NOMEM;
	st = pem_decode(base64, found.bytes, cap, &len);
	found.blob = (struct slice){ found.bytes, len };
	if (st == ST_OK && !is_named(found.blob, s->type))
		st = ST_MALFORMED;
	if (st == ST_OK && is_known(s->out, found.blob))
		goto out;
	if (st == ST_OK && (st = keep(s, &found, cap)) == ST_OK)
		found.bytes = NULL;	/* the list owns them now */
out:
	free(found.bytes);
	return st;
}

/* The line is one of a certificate. */
static int
take_certificate(struct search *s, struct slice base64)
{
	enum key_type type;
	bool cert;
	int st;

	if (key_type_named(s->type, &type, &cert) != ST_OK || !cert)
		return refuse(s, ST_UNSUPPORTED, "a certificate",
		    " of a type that is not taken: only those of Ed25519, RSA "
		    "and ECDSA keys are");
	st = take_base64(s, key_type_info(type)->cert_name, base64);
	switch (st) {
	case ST_MALFORMED:
		return refuse(s, st, "a certificate", " that does not parse: "
		    "the text is damaged or runs together with other text");
	case ST_TOO_LARGE:
		return refuse(s, st, "a certificate", " that is larger than "
		    "any that is taken");
	case ST_UNSUPPORTED:
		return refuse(s, st, "a certificate", " that is neither for "
		    "users nor for hosts, or is signed by a key of a type "
		    "that is not taken");
	case ST_FULL:
		return refuse(s, st, "a certificate", ", and one too many: an "
		    "agent holds 2048 keys and certificates at the most");
	default:
		return st;
	}
}

/* Look at one line. */
static int
take_line(struct search *s, struct slice line)
{
	struct slice base64;

	s->type = take_word(&line);
	base64 = take_word(&line);
	if (ends(s->type, CERT_SUFFIX))
		return take_certificate(s, base64);
	if (is_public_key(s->type, base64))
		return refuse(s, ST_UNSUPPORTED, "a public key",
		    ", and only private keys and their certificates can be "
		    "loaded: give the file without .pub");
	return ST_OK;
}

int
certtext_find_all(struct certtext *out, struct slice text, char *why,
    size_t whylen)
{
	struct search s = { .out = out, .why = why, .whylen = whylen };
	struct slice line;
	int st = ST_OK;

	*out = (struct certtext){ 0 };
	while (st == ST_OK && pem_line(&text, &line)) {
		s.line++;
		st = take_line(&s, line);
	}
	if (st == ST_NOMEM)
		(void)snprintf(why, whylen, "out of memory");
	if (st != ST_OK)
		certtext_fini(out);
	return st;
}

void
certtext_fini(struct certtext *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->at[i].bytes);
	free(c->at);
	*c = (struct certtext){ 0 };
}
