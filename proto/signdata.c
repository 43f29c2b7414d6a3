#include "proto/signdata.h"

#include "proto/certificate.h"
#include "proto/keyblob.h"

#define MSG_USERAUTH_REQUEST	50
#define SERVICE			"ssh-connection"
#define METHOD			"publickey"
#define METHOD_HOSTBOUND	"publickey-hostbound-v00@openssh.com"

#define SSHSIG_MAGIC		"SSHSIG"

/* The names that RSA keys have for what they sign with. */
static const char *const rsa_algorithms[] = {
	"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512",
};
static const char *const rsa_cert_algorithms[] = {
	"ssh-rsa-cert-v01@openssh.com",
	"rsa-sha2-256-cert-v01@openssh.com",
	"rsa-sha2-512-cert-v01@openssh.com",
};

#define RSA_ALGORITHMS	(sizeof(rsa_algorithms) / sizeof(rsa_algorithms[0]))

/* The hashes of SSHSIG. */
static const struct {
	const char	*name;
	size_t		 len;
} hashes[] = {
	{ "sha256", 32 },
	{ "sha512", 64 },
};

/* Take a text that can only be this one. */
static int
get_known(struct wire_reader *r, const char *want)
{
	struct slice s;
	int st;

	if ((st = wire_get_text(r, &s)) != ST_OK)
		return st;
	return slice_eq_str(s, want) ? ST_OK : ST_UNSUPPORTED;
}

/* Take a number that can only be this one. */
static int
get_known_u8(struct wire_reader *r, uint8_t want)
{
	uint8_t v;
	int st;

	if ((st = wire_get_u8(r, &v)) != ST_OK)
		return st;
	return v == want ? ST_OK : ST_UNSUPPORTED;
}

/* Take a string that is not empty. */
static int
get_some(struct wire_reader *r, struct slice *out)
{
	int st;

	if ((st = wire_get_string(r, out)) != ST_OK)
		return st;
	return out->len > 0 ? ST_OK : ST_MALFORMED;
}

/* What kind of key is in a blob. */
static int
blob_type(struct slice blob, enum key_type *type, bool *cert)
{
	struct public_fields key;
	struct certificate c;
	int st;

	*cert = false;
	if ((st = keyblob_decode(blob, &key)) == ST_OK) {
		*type = key.type;
		return ST_OK;
	}
	if (st != ST_UNSUPPORTED)
		return st;
	*cert = true;
	if ((st = certificate_decode(blob, &c)) == ST_OK)
		*type = c.key.type;
	return st;
}

/* Whether a key of that kind signs with that algorithm. */
static bool
signs_with(enum key_type type, bool cert, struct slice algorithm)
{
	const struct key_type_info *info = key_type_info(type);
	const char *const *names = cert ? rsa_cert_algorithms : rsa_algorithms;
	size_t i;

	if (type != KEY_RSA)
		return slice_eq_str(algorithm,
		    cert ? info->cert_name : info->name);
	for (i = 0; i < RSA_ALGORITHMS; i++) {
		if (slice_eq_str(algorithm, names[i]))
			return true;
	}
	return false;
}

/* Take the method; whether it names a host key in the end. */
static int
get_method(struct wire_reader *r, bool *hostbound)
{
	struct slice method;
	int st;

	if ((st = wire_get_text(r, &method)) != ST_OK)
		return st;
	*hostbound = slice_eq_str(method, METHOD_HOSTBOUND);
	return *hostbound || slice_eq_str(method, METHOD) ? ST_OK :
	    ST_UNSUPPORTED;
}

/* Take all of a userauth request. */
static int
get_userauth(struct wire_reader *r, struct signdata *out)
{
	enum key_type type;
	bool cert;
	int st;

	if ((st = get_some(r, &out->userauth.session_id)) != ST_OK)
		return st;
	if ((st = get_known_u8(r, MSG_USERAUTH_REQUEST)) != ST_OK)
		return st;
	if ((st = wire_get_text(r, &out->userauth.user)) != ST_OK)
		return st;
	if ((st = get_known(r, SERVICE)) != ST_OK)
		return st;
	if ((st = get_method(r, &out->userauth.hostbound)) != ST_OK)
		return st;
	/* A signature does follow. */
	if ((st = get_known_u8(r, 1)) != ST_OK)
		return st;
	if ((st = wire_get_text(r, &out->userauth.algorithm)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->userauth.blob)) != ST_OK)
		return st;
	if (out->userauth.hostbound &&
	    (st = get_some(r, &out->userauth.hostkey)) != ST_OK)
		return st;
	if (!wire_end(r))
		return ST_MALFORMED;
	if ((st = blob_type(out->userauth.blob, &type, &cert)) != ST_OK)
		return st;
	return signs_with(type, cert, out->userauth.algorithm) ? ST_OK :
	    ST_UNSUPPORTED;
}

/* Whether the hash is one that may be there, and as long as it is. */
static bool
known_hash(struct slice name, struct slice hash)
{
	size_t i;

	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (slice_eq_str(name, hashes[i].name))
			return hash.len == hashes[i].len;
	}
	return false;
}

/* Take all of an SSHSIG; what is reserved in it is to be ignored. */
static int
get_sshsig(struct wire_reader *r, struct signdata *out)
{
	struct slice magic, reserved;
	int st;

	if ((st = wire_get_bytes(r, sizeof(SSHSIG_MAGIC) - 1, &magic)) !=
	    ST_OK)
		return st;
	if (!slice_eq_str(magic, SSHSIG_MAGIC))
		return ST_UNSUPPORTED;
	if ((st = wire_get_text(r, &out->sshsig.ns)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &reserved)) != ST_OK)
		return st;
	if ((st = wire_get_text(r, &out->sshsig.hash_algorithm)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->sshsig.hash)) != ST_OK)
		return st;
	if (!wire_end(r) || out->sshsig.ns.len == 0)
		return ST_MALFORMED;
	return known_hash(out->sshsig.hash_algorithm, out->sshsig.hash) ?
	    ST_OK : ST_UNSUPPORTED;
}

void
signdata_classify(struct slice data, struct signdata *out)
{
	struct wire_reader r = wire_reader(data);

	/* "SSHS" as the length of a session id is past any end: no data is
	 * both. */
	*out = (struct signdata){ .kind = SIGNDATA_USERAUTH };
	if (get_userauth(&r, out) == ST_OK)
		return;
	r = wire_reader(data);
	*out = (struct signdata){ .kind = SIGNDATA_SSHSIG };
	if (get_sshsig(&r, out) == ST_OK)
		return;
	*out = (struct signdata){ .kind = SIGNDATA_OTHER };
}

bool
signdata_is_for(const struct signdata *d, struct slice blob)
{
	return d->kind == SIGNDATA_USERAUTH &&
	    slice_eq(d->userauth.blob, blob);
}
