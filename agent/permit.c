#include "agent/permit.h"

#include "base/pattern.h"
#include "proto/certificate.h"
#include "proto/destination.h"

/*
 * A connection is a path of hosts, one for each bind: from here to the first,
 * from the first to the second, and so on.  A key may be used at its end when
 * each step of the path is one of the key's pairs.
 *
 * Host keys are compared as bytes: every client writes them in the one form
 * that there is, and what is written in another one matches nothing.
 */


/* What a CA may sign host certificates with: as OpenSSH, no SHA-1. */
static const char *const ca_algorithms[] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com",
	"sk-ecdsa-sha2-nistp256@openssh.com",
	"rsa-sha2-512",
	"rsa-sha2-256",
};

/* A host on the path. */
struct host {
	struct slice		 blob;
	bool			 is_cert;
	struct certificate	 cert;
	enum reason		 bad;	/* why the certificate is good for no
					 * host; NONE: it is, for its names */
};

/* Whether the CA signed with an algorithm that is on the list. */
static bool
ca_algorithm_is_good(const struct certificate *cert)
{
	struct wire_reader r = wire_reader(cert->signature);
	struct slice name;

	if (wire_get_text(&r, &name) != ST_OK)
		return false;
	for (size_t i = 0; i < sizeof(ca_algorithms) / sizeof(ca_algorithms[0]);
	    i++)
		if (slice_eq_str(name, ca_algorithms[i]))
			return true;
	return false;
}

/* Why a certificate makes no host at all; REASON_NONE: it does. */
static enum reason
certificate_fault(const struct certificate *cert, int64_t now_s)
{
	if (cert->role != CERTIFICATE_HOST)
		return REASON_HOST_CERT_USER;
	if (now_s < 0 || (uint64_t)now_s < cert->valid_after)
		return REASON_HOST_CERT_EARLY;
	if ((uint64_t)now_s >= cert->valid_before)
		return REASON_HOST_CERT_LATE;
	if (cert->n_principals == 0)
		return REASON_HOST_CERT_NO_NAMES;
	if (cert->critical.len > 0)
		return REASON_HOST_CERT_OPTIONS;
	if (!ca_algorithm_is_good(cert))
		return REASON_HOST_CERT_ALGORITHM;
	return REASON_NONE;
}

/* Look at the host of a bind, once for all comparisons. */
static void
host_init(struct host *h, const struct binding *b, int64_t now_s)
{
	*h = (struct host){ .blob = binding_hostkey(b), .is_cert = b->is_cert };
	if (!h->is_cert)
		return;
	h->cert = b->cert;
	h->bad = b->is_broken ? REASON_HOST_CERT_BROKEN :
	    certificate_fault(&h->cert, now_s);
}

/* Whether a certificate has the name of a host. */
static bool
names_host(const struct certificate *cert, struct slice host)
{
	struct wire_reader r = wire_reader(cert->principals);
	struct slice name;

	while (certificate_next_principal(&r, &name) == ST_OK)
		if (pattern_match((const char *)name.p, name.len,
		    (const char *)host.p, host.len))
			return true;
	return false;
}

/* Whether a host is this end of a pair. */
static bool
is_at(const struct host *h, const struct destination_hop *hop)
{
	struct wire_reader r = wire_reader(hop->keys);
	struct destination_key key;

	while (destination_next_key(&r, &key) == ST_OK) {
		if (key.is_ca != h->is_cert)
			continue;
		if (!h->is_cert && slice_eq(key.blob, h->blob))
			return true;
		if (h->is_cert && h->bad == REASON_NONE &&
		    slice_eq(key.blob, h->cert.ca) &&
		    names_host(&h->cert, hop->host))
			return true;
	}
	return false;
}

/* Whether a pair may be entered as a user. */
static bool
lets_in(const struct destination *d, struct slice user)
{
	return d->to.user.len == 0 || pattern_match(
	    (const char *)d->to.user.p, d->to.user.len,
	    (const char *)user.p, user.len);
}

/* Whether some pair leads from one host to another; from NULL: from here, to
 * NULL: wherever to, user NULL: as whoever. */
static bool
leads(struct slice list, const struct host *from, const struct host *to,
    const struct slice *user)
{
	struct wire_reader r = wire_reader(list);
	struct destination d;

	while (destination_next(&r, &d) == ST_OK) {
		if (from == NULL && (d.from.host.len > 0 ||
		    d.from.keys.len > 0))
			continue;
		if (from != NULL && !is_at(from, &d.from))
			continue;
		if (to != NULL && !is_at(to, &d.to))
			continue;
		if (user == NULL || lets_in(&d, *user))
			return true;
	}
	return false;
}

/* Why a step cannot be taken. */
static enum reason
why_not(struct slice list, const struct host *from, const struct host *to,
    const struct slice *user)
{
	if (user != NULL && leads(list, from, to, NULL))
		return REASON_DESTINATION_USER;
	if (to->bad != REASON_NONE)
		return to->bad;
	if (from != NULL && from->bad != REASON_NONE)
		return from->bad;
	return REASON_DESTINATION;
}

/* Walk along all binds.  Without a user it is enough to get to the last host,
 * or, where that one forwards, somewhere beyond it. */
static int
walk(struct slice list, const struct bindings *b, const struct slice *user,
    int64_t now_s, enum reason *why)
{
	struct host hosts[2], *from = NULL, *to;

	for (size_t i = 0; i < b->n; i++) {
		bool last = i == b->n - 1;

		to = &hosts[i % 2];
		host_init(to, &b->at[i], now_s);
		*why = REASON_BIND_NOT_LAST;
		if (!last && !b->at[i].forwarding)
			return ST_DENIED;
		if (!leads(list, from, to, last ? user : NULL)) {
			*why = why_not(list, from, to, last ? user : NULL);
			return ST_DENIED;
		}
		from = to;
	}
	*why = REASON_DESTINATION_BEYOND;
	if (user == NULL && from != NULL && b->at[b->n - 1].forwarding &&
	    !leads(list, from, NULL, NULL))
		return ST_DENIED;
	return ST_OK;
}

int
permit_visible(struct slice list, const struct bindings *b, int64_t now_s,
    enum reason *why)
{
	if (list.len == 0)
		return ST_OK;
	*why = REASON_BIND_FAILED;
	if (b->n == 0)
		return b->attempted ? ST_DENIED : ST_OK;
	*why = REASON_BIND_GAP;
	if (b->gap)
		return ST_DENIED;
	return walk(list, b, NULL, now_s, why);
}

/* Whether a request is one for the session and the host of the last bind. */
static int
check_request(const struct bindings *b, const struct signdata *d,
    enum reason *why)
{
	const struct binding *last = &b->at[b->n - 1];

	*why = REASON_BOUND_FORWARDING;
	if (last->forwarding)
		return ST_DENIED;
	*why = REASON_OTHER_SESSION;
	if (!slice_eq(d->userauth.session_id, binding_session_id(last)))
		return ST_DENIED;
	*why = REASON_NO_HOST_KEY;
	if (!d->userauth.hostbound)
		return b->n > 1 ? ST_DENIED : ST_OK;
	*why = REASON_OTHER_HOST;
	return slice_eq(d->userauth.hostkey, binding_hostkey(last)) ? ST_OK :
	    ST_DENIED;
}

int
permit_auth(struct slice list, const struct bindings *b,
    const struct signdata *d, int64_t now_s, enum reason *why)
{
	int st;

	if (list.len == 0)
		return ST_OK;
	*why = REASON_DESTINATION_NO_LOGIN;
	if (d->kind != SIGNDATA_USERAUTH)
		return ST_DENIED;
	*why = b->attempted ? REASON_BIND_FAILED : REASON_UNBOUND;
	if (b->n == 0)
		return ST_DENIED;
	*why = REASON_BIND_GAP;
	if (b->gap)
		return ST_DENIED;
	if ((st = check_request(b, d, why)) != ST_OK)
		return st;
	return walk(list, b, &d->userauth.user, now_s, why);
}

bool
permit_user(struct slice list, struct slice user)
{
	struct wire_reader r = wire_reader(list);
	struct destination d;

	while (destination_next(&r, &d) == ST_OK)
		if (lets_in(&d, user))
			return true;
	return list.len == 0;
}
