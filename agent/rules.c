#include "agent/rules.h"

#include <stdlib.h>
#include <string.h>

#include "agent/permit.h"
#include "proto/certificate.h"
#include "proto/destination.h"
#include "proto/keyprivate.h"

#define PURPOSE_AUTH	"auth"
#define PURPOSE_ANY	"any"
/* The namespace in which git signs commits and tags. */
#define NAMESPACE_GIT	"git"

/* Copy a slice to where *at points, and move that on. */
static struct slice
copy(uint8_t **at, struct slice s)
{
	struct slice out = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
	return out;
}

/* Room for what is wrong with a peer. */
#define WHY_MAX	256

/* Look up one peer. */
static int
resolve_peer(struct slice text, struct policy_peer *out,
    char why[static WHY_MAX])
{
	char name[CONSTRAINT_PEER_MAX + 1];

	memcpy(name, text.p, text.len);
	name[text.len] = '\0';
	return policy_peer_parse(name, out, why, WHY_MAX) == ST_OK ? ST_OK :
	    ST_NOT_FOUND;
}

/* Look up all peers. */
static int
resolve_peers(struct rules *r, struct slice list)
{
	struct wire_reader rd = wire_reader(list);
	char why[WHY_MAX];
	struct slice text;

	if (list.len == 0)
		return ST_OK;
	r->peers = calloc(CONSTRAINT_PEERS_MAX, sizeof(r->peers[0]));
	if (r->peers == NULL)
		return ST_NOMEM;
	while (constraint_next_text(&rd, &text) == ST_OK) {
		if (resolve_peer(text, &r->peers[r->n_peers], why) != ST_OK)
			return ST_NOT_FOUND;
		r->n_peers++;
	}
	return ST_OK;
}

void
rules_unknown_peer(const struct constraints *c, struct text *t)
{
	struct wire_reader rd = wire_reader(c->peers);
	struct policy_peer peer;
	char why[WHY_MAX];
	struct slice text;

	while (constraint_next_text(&rd, &text) == ST_OK) {
		if (resolve_peer(text, &peer, why) == ST_OK)
			continue;
		text_escape(t, why, strlen(why));
		return;
	}
}

/* Whether the purposes name one, or any. */
static bool
has_purpose(const struct rules *r, struct slice wanted)
{
	struct wire_reader rd = wire_reader(r->purposes);
	struct slice p;

	while (constraint_next_text(&rd, &p) == ST_OK)
		if (slice_eq(p, wanted) || slice_eq_str(p, PURPOSE_ANY))
			return true;
	return false;
}

/* Whether its purposes let it log in. */
static bool
is_for_logins(const struct rules *r)
{
	return !r->service || r->purposes.len == 0 ||
	    has_purpose(r, slice_str(PURPOSE_AUTH));
}

int
rules_init(struct rules *r, const struct constraints *c, bool service)
{
	uint8_t *at;
	int st;

	*r = (struct rules){
		.service = service,
		.unbound = c->has_unbound && c->unbound,
		.counted = c->has_signatures,
		.left = c->signatures,
		.rate_n = c->rate_n,
		.rate_s = c->rate_s,
	};
	r->bytes = malloc(c->destinations.len + c->purposes.len + 1);
	if (r->bytes == NULL)
		return ST_NOMEM;
	at = r->bytes;
	r->destinations = copy(&at, c->destinations);
	r->purposes = copy(&at, c->purposes);
	if (r->rate_n > 0 && (r->recent = calloc(r->rate_n,
	    sizeof(r->recent[0]))) == NULL) {
		rules_fini(r);
		return ST_NOMEM;
	}
	/* So long ago that it never counts. */
	for (uint32_t i = 0; i < r->rate_n; i++)
		r->recent[i] = INT64_MIN / 2;
	if ((st = resolve_peers(r, c->peers)) != ST_OK)
		rules_fini(r);
	else
		r->open = r->n_peers == 0 && r->destinations.len == 0 &&
		    is_for_logins(r);
	return st;
}

void
rules_fini(struct rules *r)
{
	free(r->bytes);
	free(r->recent);
	free(r->peers);
	memset(r, 0, sizeof(*r));
}

size_t
rules_size(const struct rules *r)
{
	return r->destinations.len + r->purposes.len +
	    r->rate_n * sizeof(r->recent[0]) +
	    (r->n_peers > 0 ? CONSTRAINT_PEERS_MAX * sizeof(r->peers[0]) : 0);
}

/* A connection that never tried to say where it leads, and a key that may be
 * used there all the same. */
static bool
is_unbound_use(const struct rules *r, const struct rules_place *at)
{
	return r->unbound && !at->binds->attempted;
}

/* Whether one of the peers of a key is this one. */
static bool
is_peer(const struct policy_peer *p, const struct peer *peer)
{
	if (p->who == POLICY_USER)
		return p->id == peer->uid;
	if (p->id == peer->gid)
		return true;
	for (size_t i = 0; i < peer->ngroups; i++)
		if (p->id == peer->groups[i])
			return true;
	return false;
}

bool
rules_for_peer(const struct rules *r, const struct peer *peer)
{
	if (r->n_peers == 0 || (peer->ops & POLICY_ADMIN) != 0)
		return true;
	for (size_t i = 0; i < r->n_peers; i++)
		if (is_peer(&r->peers[i], peer))
			return true;
	return false;
}

int
rules_visible(const struct rules *r, const struct rules_place *at,
    enum reason *why)
{
	*why = REASON_NOT_VISIBLE;
	if (!rules_for_peer(r, at->peer))
		return ST_DENIED;
	return permit_visible(r->destinations, at->binds, at->wall_s, why);
}

bool
rules_listed(const struct rules *r, const struct rules_place *at)
{
	enum reason why;

	if (r->open)
		return true;
	if (rules_visible(r, at, &why) != ST_OK)
		return false;
	return at->binds->n == 0 || is_for_logins(r);
}

/* A login. */
static int
sign_auth(const struct rules *r, const struct rules_place *at,
    const struct signdata *d, enum reason *why)
{
	if (r->purposes.len > 0 && !has_purpose(r, slice_str(PURPOSE_AUTH))) {
		*why = REASON_PURPOSE_AUTH;
		return ST_DENIED;
	}
	if (r->destinations.len == 0)
		return ST_OK;
	/* A peer chooses it, and each pair's pattern may be held against it. */
	*why = REASON_USER_TOO_LONG;
	if (d->userauth.user.len > DESTINATION_USER_MAX)
		return ST_DENIED;
	if (!is_unbound_use(r, at))
		return permit_auth(r->destinations, at->binds, d, at->wall_s,
		    why);
	*why = REASON_DESTINATION_UNBOUND_USER;
	return permit_user(r->destinations, d->userauth.user) ?
	    ST_OK : ST_DENIED;
}

/* A namespace of SSHSIG. */
static int
sign_sshsig(const struct rules *r, const struct signdata *d, enum reason *why)
{
	bool yes;

	if (r->purposes.len > 0) {
		*why = REASON_PURPOSE_NAMESPACE;
		/* Otherwise "auth" would be a namespace as well. */
		yes = slice_eq_str(d->sshsig.ns, PURPOSE_AUTH) ?
		    has_purpose(r, slice_str(PURPOSE_ANY)) :
		    has_purpose(r, d->sshsig.ns);
	} else if (r->destinations.len > 0) {
		*why = REASON_DESTINATION_SSHSIG;
		yes = false;
	} else {
		*why = REASON_PURPOSE_DEFAULT;
		yes = !r->service || slice_eq_str(d->sshsig.ns, NAMESPACE_GIT);
	}
	return yes ? ST_OK : ST_DENIED;
}

/* What nobody can tell, and logins with other keys. */
static int
sign_other(const struct rules *r, const struct signdata *d, enum reason *why)
{
	bool yes = r->purposes.len > 0 ?
	    has_purpose(r, slice_str(PURPOSE_ANY)) :
	    r->destinations.len == 0 && !r->service;

	/* A certificate has the numbers of its plain key: a login with the one
	 * must not be a way around the destinations of the other. */
	*why = REASON_OTHER_KEY;
	if (d->kind == SIGNDATA_USERAUTH && r->destinations.len > 0)
		return ST_DENIED;
	*why = REASON_UNCLASSIFIED;
	return yes ? ST_OK : ST_DENIED;
}

/* Whether a login is with a certificate of the key of that blob: ssh asks for
 * one that it has in a file, of a key that is here without it.  Not where
 * destinations hold, as in OpenSSH. */
static bool
is_cert_login(const struct rules *r, const struct signdata *d,
    struct slice blob)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct certificate cert;

	if (d->kind != SIGNDATA_USERAUTH || r->destinations.len > 0 ||
	    certificate_decode(d->userauth.blob, &cert) != ST_OK)
		return false;
	keyblob_put(&w, &cert.key);
	return !w.full && slice_eq((struct slice){ w.p, w.len }, blob);
}

int
rules_sign(const struct rules *r, const struct rules_place *at,
    const struct signdata *d, struct slice blob, enum reason *why)
{
	*why = REASON_NOT_VISIBLE;
	if (!rules_for_peer(r, at->peer))
		return ST_DENIED;
	if (d->kind == SIGNDATA_SSHSIG)
		return sign_sshsig(r, d, why);
	if (signdata_is_for(d, blob) || is_cert_login(r, d, blob))
		return sign_auth(r, at, d, why);
	return sign_other(r, d, why);
}

int
rules_spend(struct rules *r, int64_t now_ms, enum reason *why)
{
	*why = REASON_SIGNATURES;
	if (r->counted && r->left == 0)
		return ST_DENIED;
	if (r->rate_n > 0) {
		*why = REASON_RATE;
		if (now_ms - r->recent[r->next] < (int64_t)r->rate_s * 1000)
			return ST_DENIED;
		r->recent[r->next] = now_ms;
		r->next = (r->next + 1) % r->rate_n;
	}
	if (r->counted)
		r->left--;
	return ST_OK;
}
