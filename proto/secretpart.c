#include "proto/secretpart.h"

#include "proto/agent_num.h"
#include "proto/keyblob.h"
#include "proto/request.h"

/*
 * What follows the type name of a private key, comment included: s is a
 * length and that many bytes, b is one byte.
 */
static const struct {
	const char	*plain, *cert;
} layout[KEY_TYPES] = {
	[KEY_ED25519] = { "sss", "ssss" },
	[KEY_ECDSA_P256] = { "ssss", "sss" },
	[KEY_ECDSA_P384] = { "ssss", "sss" },
	[KEY_ECDSA_P521] = { "ssss", "sss" },
	[KEY_RSA] = { "sssssss", "ssssss" },
	[KEY_SK_ED25519] = { "ssbsss", "sssbsss" },
	[KEY_SK_ECDSA_P256] = { "sssbsss", "ssbsss" },
};

/* A walk over the fields of a body. */
struct walk {
	struct slice	 in;
	size_t		 len;		/* of the whole body */
	size_t		 at;		/* bytes of the fields so far */
};

/* Step over n bytes, whether they are there or not. */
static int
step(struct walk *w, size_t n)
{
	if (n > w->len - w->at)
		return ST_MALFORMED;
	w->at += n;
	return w->at <= w->in.len ? ST_OK : ST_MORE;
}

/* Step over one string; value is what is there of it. */
static int
step_string(struct walk *w, struct slice *value)
{
	struct wire_reader r;
	uint32_t n;
	int st;

	if ((st = step(w, 4)) != ST_OK)
		return st;
	r = wire_reader((struct slice){ w->in.p + w->at - 4, 4 });
	if (wire_get_u32(&r, &n) != ST_OK)
		return ST_MALFORMED;
	if ((st = step(w, n)) == ST_OK)
		*value = (struct slice){ w->in.p + w->at - n, n };
	return st;
}

/* Step over a private key and its comment. */
static int
step_key(struct walk *w)
{
	struct slice value = { NULL, 0 };
	enum key_type type;
	const char *f;
	bool cert;
	int st;

	if ((st = step_string(w, &value)) != ST_OK)
		return st;
	/* OpenSSH takes a name with a zero byte at its end, too. */
	if (value.len > 0 && value.p[value.len - 1] == '\0')
		value.len--;
	if (key_type_named(value, &type, &cert) != ST_OK)
		return ST_MALFORMED;
	f = cert ? layout[type].cert : layout[type].plain;
	for (; *f != '\0' && st == ST_OK; f++)
		st = *f == 's' ? step_string(w, &value) : step(w, 1);
	return st;
}

int
secretpart_measure(struct slice in, size_t len, size_t *need)
{
	struct walk w = { .in = in, .len = len };
	struct slice value;
	int st;

	if ((st = step(&w, 1)) == ST_OK)
		st = request_is_add(in.p[0]) ? step_key(&w) :
		    step_string(&w, &value);
	*need = w.at;
	return st;
}
