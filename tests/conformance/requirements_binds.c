/*
 * session-bind@openssh.com, and keys that are restricted to destinations.
 */

#include "conformance/probe.h"

#include <stdio.h>
#include <string.h>

#define USER	"git"

/* Binds that are fit for the longest way. */
#define HOPS	16

/* The hosts of the checks: one, another one, and one with a certificate. */
#define HOST	(&material_hosts[0])
#define OTHER	(&material_hosts[1])
#define NEXT	(&material_hosts[2])
#define CERT	trial_host("cert")

/*
 * Binds.
 */

/* A bind to a host in a session. */
static enum verdict
expect_bind(struct probe *p, unsigned c, const struct material_host *h,
    size_t session, uint8_t forwarding, uint8_t code)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "a session-bind to the host %s",
	    h->label);
	return expect(p, c, trial_bind(h->key, h->blob, session, forwarding),
	    code, what);
}

static enum verdict
check_bind_types(struct probe *p)
{
	/* The last of these have security keys. */
	for (unsigned i = 0; i < 5; i++)
		PASSES(expect_bind(p, i, &material_hosts[i], 0, 0,
		    SSH_AGENT_SUCCESS));
	return VERDICT_PASS;
}

static enum verdict
check_bind_cert(struct probe *p)
{
	return expect_bind(p, 0, CERT, 0, 0, SSH_AGENT_SUCCESS);
}

/* A bind with one thing that is wrong. */
static enum verdict
expect_bad_bind(struct probe *p, const struct ask_bind *b, const char *what)
{
	struct wire_writer w = trial_draft();

	ask_put_bind(&w, b);
	return expect(p, 0, trial_written(&w), EITHER_FAILURE, what);
}

static enum verdict
check_bind_wrong(struct probe *p)
{
	struct ask_bind good = { .hostkey = HOST->blob,
		.sid = trial_session(1), .signed_sid = trial_session(1),
		.signer = HOST->key, .algorithm = "ssh-ed25519" }, b = good;

	b.signed_sid = trial_session(2);
	PASSES(expect_bad_bind(p, &b, "a session-bind for another session"));
	b = good;
	b.signer = user_key(USER_ED25519);
	PASSES(expect_bad_bind(p, &b, "a session-bind by another key"));
	b = good;
	b.hostkey = slice_str("no key");
	PASSES(expect_bad_bind(p, &b, "a session-bind to what is no key"));
	return expect(p, 0, text_body(SSH_AGENTC_EXTENSION,
	    "session-bind@openssh.com"), EITHER_FAILURE,
	    "a session-bind without fields");
}

static enum verdict
check_bind_repeated(struct probe *p)
{
	PASSES(expect_bind(p, 0, HOST, 0, 1, SSH_AGENT_SUCCESS));
	return expect_bind(p, 0, HOST, 0, 1, SSH_AGENT_SUCCESS);
}

static enum verdict
check_bind_other_key(struct probe *p)
{
	PASSES(expect_bind(p, 0, HOST, 0, 1, SSH_AGENT_SUCCESS));
	return expect_bind(p, 0, OTHER, 0, 1, EITHER_FAILURE);
}

static enum verdict
check_bind_after(struct probe *p)
{
	PASSES(expect_bind(p, 0, HOST, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_bind(p, 0, OTHER, 1, 1, EITHER_FAILURE));
	return expect_bind(p, 0, OTHER, 1, 0, EITHER_FAILURE);
}

static enum verdict
check_bind_many(struct probe *p)
{
	for (size_t i = 0; i < HOPS; i++)
		PASSES(expect_bind(p, 0, &material_hosts[i % 5], i, 1,
		    SSH_AGENT_SUCCESS));
	return VERDICT_PASS;
}

static enum verdict
check_bind_free(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	struct slice data = login(k, nothing, trial_session(3), USER, nothing);

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect_bind(p, 0, HOST, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 0, k->blob, true));
	return expect_signs(p, 0, k, k->blob, data, 0, NULL);
}

/*
 * Destinations.
 */

/* Add a key that is for this host alone, and this user there. */
static enum verdict
add_only_to(struct probe *p, const struct material_key *k,
    const struct material_host *h, const char *user)
{
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice constraint = trial_only_to(&w, h, user);

	return expect_add(p, 0, k, constraint);
}

/* The same for a way over one host to the next. */
static enum verdict
add_over(struct probe *p, const struct material_key *k)
{
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice constraint = trial_over(&w, HOST, NEXT);

	return expect_add(p, 0, k, constraint);
}

/* The login in a session to a host, bound to it. */
static struct slice
bound_login(const struct material_key *k, size_t session,
    const char *user, const struct material_host *h)
{
	return login(k, nothing, trial_session(session), user, h->blob);
}

static enum verdict
check_local(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_listed(p, 1, k->blob, true));
	return expect_no_signature(p, 1, k->blob, bound_login(k, 0, USER,
	    HOST), 0);
}

static enum verdict
check_there(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, true));
	PASSES(expect_signs(p, 1, k, k->blob, bound_login(k, 0, USER, HOST),
	    0, NULL));
	return expect_signs(p, 1, k, k->blob, login(k, nothing,
	    trial_session(0), USER, nothing), 0, NULL);
}

static enum verdict
check_elsewhere(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, OTHER, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, false));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, USER,
	    OTHER), 0));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, USER,
	    HOST), 0));
	/* It is this connection's, and no other's. */
	return expect_listed(p, 2, k->blob, true);
}

static enum verdict
check_user(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, "git"));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, "root",
	    HOST), 0));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, "nobody",
	    HOST), 0));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, "",
	    HOST), 0));
	return expect_signs(p, 1, k, k->blob, bound_login(k, 0, "git", HOST),
	    0, NULL);
}

static enum verdict
check_user_pattern(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, "g?t*"));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, "nobody",
	    HOST), 0));
	return expect_signs(p, 1, k, k->blob, bound_login(k, 0, "gitlab",
	    HOST), 0, NULL);
}

static enum verdict
check_session(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	return expect_no_signature(p, 1, k->blob, bound_login(k, 1, USER,
	    HOST), 0);
}

static enum verdict
check_hostkey(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	return expect_no_signature(p, 1, k->blob, bound_login(k, 0, USER,
	    OTHER), 0);
}

/* Data that is no login, or one with a mistake. */
static enum verdict
check_only_logins(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice data;

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, HOST, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_no_signature(p, 1, k->blob, slice_str("text"), 0));
	ask_put_sshsig(&w, "git", "sha512");
	PASSES(expect_no_signature(p, 1, k->blob, (struct slice){ room,
	    w.len }, 0));
	data = bound_login(k, 0, USER, HOST);
	w.len = 0;
	wire_put_bytes(&w, data);
	wire_put_u8(&w, 0);
	PASSES(expect_no_signature(p, 1, k->blob, (struct slice){ room,
	    w.len }, 0));
	PASSES(expect_no_signature(p, 1, k->blob, (struct slice){ data.p,
	    data.len - 1 }, 0));
	data = bound_login(user_key(USER_ED25519_TOO), 0, USER, HOST);
	return expect_no_signature(p, 1, k->blob, data, 0);
}

static enum verdict
check_forwarded(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, HOST, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, false));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 0, USER,
	    HOST), 0));
	/* From there it goes nowhere, either. */
	PASSES(expect_bind(p, 1, NEXT, 1, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, false));
	return expect_no_signature(p, 1, k->blob, bound_login(k, 1, USER,
	    NEXT), 0);
}

static enum verdict
check_over(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_over(p, k));
	PASSES(expect_bind(p, 1, HOST, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, true));
	PASSES(expect_bind(p, 1, NEXT, 1, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, true));
	PASSES(expect_no_signature(p, 1, k->blob, login(k, nothing,
	    trial_session(1), USER, nothing), 0));
	return expect_signs(p, 1, k, k->blob, bound_login(k, 1, USER, NEXT),
	    0, NULL);
}

static enum verdict
check_detour(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_over(p, k));
	/* Not the first hop. */
	PASSES(expect_bind(p, 1, NEXT, 1, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, false));
	PASSES(expect_no_signature(p, 1, k->blob, bound_login(k, 1, USER,
	    NEXT), 0));
	/* Over another one. */
	PASSES(expect_bind(p, 2, OTHER, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_bind(p, 2, NEXT, 1, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 2, k->blob, false));
	PASSES(expect_no_signature(p, 2, k->blob, bound_login(k, 1, USER,
	    NEXT), 0));
	/* Further than the last one. */
	PASSES(expect_bind(p, 3, HOST, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_bind(p, 3, NEXT, 1, 1, SSH_AGENT_SUCCESS));
	PASSES(expect_bind(p, 3, OTHER, 2, 0, SSH_AGENT_SUCCESS));
	return expect_no_signature(p, 3, k->blob, bound_login(k, 2, USER,
	    OTHER), 0);
}

static enum verdict
check_ca(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	const struct material_host *bad[] = { trial_host("cert expired"),
		trial_host("cert other name"), trial_host("cert of a user") };

	PASSES(add_only_to(p, k, CERT, ""));
	PASSES(expect_bind(p, 1, CERT, 0, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 1, k->blob, true));
	PASSES(expect_signs(p, 1, k, k->blob, bound_login(k, 0, USER, CERT),
	    0, NULL));
	/* Its key without the certificate is another host. */
	PASSES(expect_bind(p, 2, HOST, 1, 0, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 2, k->blob, false));
	/* These have another CA, which is asked for. */
	PASSES(add_only_to(p, k, bad[0], ""));
	for (unsigned i = 0; i < 3; i++) {
		PASSES(expect_bind(p, 3 + i, bad[i], 2, 0,
		    SSH_AGENT_SUCCESS));
		PASSES(expect_no_signature(p, 3 + i, k->blob, bound_login(k,
		    2, USER, bad[i]), 0));
	}
	return VERDICT_PASS;
}

static enum verdict
check_hidden(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect_bind(p, 1, OTHER, 0, 1, SSH_AGENT_SUCCESS));
	PASSES(expect(p, 1, remove_body(k->blob), SSH_AGENT_FAILURE,
	    "the removal of a key that is hidden"));
	PASSES(expect(p, 1, add_body(k, nothing, "", nothing),
	    SSH_AGENT_FAILURE, "an add of a key that is hidden"));
	PASSES(expect_listed(p, 2, k->blob, true));
	return expect_no_signature(p, 2, k->blob, bound_login(k, 0, USER,
	    HOST), 0);
}

static enum verdict
check_failed_bind(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(add_only_to(p, k, HOST, ""));
	PASSES(expect(p, 1, trial_forged_bind(), EITHER_FAILURE,
	    "a session-bind for another session"));
	return expect_listed(p, 1, k->blob, false);
}

/* An add with a destination that has one thing wrong fails. */
static enum verdict
expect_bad_pair(struct probe *p, const struct ask_hop *from,
    const struct ask_hop *to, const char *reserved, const char *what)
{
	const struct material_key *k = fresh_key(p);
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark;

	ask_put_constraint(&w, "restrict-destination-v00@openssh.com");
	mark = wire_open_string(&w);
	ask_put_pair(&w, from, to, reserved);
	wire_close_string(&w, mark);
	PASSES(expect(p, 0, add_body(k, nothing, "", (struct slice){ room,
	    w.len }), SSH_AGENT_FAILURE, what));
	return expect_listed(p, 0, k->blob, false);
}

static enum verdict
check_malformed(struct probe *p)
{
	const struct ask_hop none = { .user = "", .host = "", .reserved = "" };
	const struct ask_hop good = ask_hop_of(HOST, "");
	struct ask_hop hop = none;

	hop.user = "git";
	PASSES(expect_bad_pair(p, &hop, &good, "",
	    "a destination from a user"));
	hop = none;
	hop.host = "somewhere";
	PASSES(expect_bad_pair(p, &hop, &good, "",
	    "a destination from a host without keys"));
	hop = ask_hop_of(OTHER, "");
	hop.host = "";
	PASSES(expect_bad_pair(p, &hop, &good, "",
	    "a destination from keys without a host"));
	PASSES(expect_bad_pair(p, &none, &hop, "",
	    "a destination to keys without a host"));
	hop = good;
	hop.n = 0;
	PASSES(expect_bad_pair(p, &none, &hop, "",
	    "a destination to a host without keys"));
	hop = good;
	hop.reserved = "x";
	PASSES(expect_bad_pair(p, &none, &hop, "",
	    "a destination to a host with something reserved"));
	return expect_bad_pair(p, &none, &good, "x",
	    "a destination with something reserved");
}

static enum verdict
check_empty(struct probe *p)
{
	const struct material_key *k = fresh_key(p);
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_constraint(&w, "restrict-destination-v00@openssh.com");
	wire_put_str(&w, "");
	PASSES(expect(p, 0, add_body(k, nothing, "", (struct slice){ room,
	    w.len }), SSH_AGENT_FAILURE, "an add with no destination"));
	return expect_listed(p, 0, k->blob, false);
}

#define BIND		"PROTOCOL.agent, 1"
#define DESTINATION	"PROTOCOL.agent, 2"
#define OPENSSH		"OpenSSH"
#define RESTRICTED	(OFFER_ADD | OFFER_BIND | OFFER_DESTINATIONS)

const struct requirement requirements_binds[] = {
	{ "bind.types", BIND, LEVEL_MUST,
	    "`session-bind@openssh.com` is taken from Ed25519, ECDSA and RSA "
	    "host keys", OFFER_BIND, check_bind_types },
	{ "bind.certificate", BIND, LEVEL_MUST,
	    "it is taken from a host certificate", OFFER_BIND,
	    check_bind_cert },
	{ "bind.wrong", BIND, LEVEL_MUST,
	    "one for another session, by another key, to what is no key, or "
	    "without fields fails", OFFER_BIND, check_bind_wrong },
	{ "bind.repeated", OPENSSH, LEVEL_PRACTICE,
	    "the same one again succeeds", OFFER_BIND, check_bind_repeated },
	{ "bind.other-key", OPENSSH, LEVEL_PRACTICE,
	    "one for the same session by another key fails", OFFER_BIND,
	    check_bind_other_key },
	{ "bind.after-login", OPENSSH, LEVEL_PRACTICE,
	    "none follows one that is not for forwarding", OFFER_BIND,
	    check_bind_after },
	{ "bind.sixteen", OPENSSH, LEVEL_PRACTICE,
	    "a connection may have 16", OFFER_BIND, check_bind_many },
	{ "bind.free-keys", BIND, LEVEL_MUST,
	    "a key without destinations does not mind", OFFER_ADD |
	    OFFER_BIND, check_bind_free },
	{ "destination.local", DESTINATION, LEVEL_MUST,
	    "a key with a destination is listed on a connection that is not "
	    "bound, and does not sign there", RESTRICTED, check_local },
	{ "destination.there", DESTINATION, LEVEL_MUST,
	    "it signs logins on a connection that is bound to it",
	    RESTRICTED, check_there },
	{ "destination.elsewhere", DESTINATION, LEVEL_MUST,
	    "on one that is bound to another host it is not listed and does "
	    "not sign", RESTRICTED, check_elsewhere },
	{ "destination.user", DESTINATION, LEVEL_MUST,
	    "with a user it signs for that user alone", RESTRICTED,
	    check_user },
	{ "destination.user-pattern", DESTINATION, LEVEL_MUST,
	    "that user may be a pattern", RESTRICTED, check_user_pattern },
	{ "destination.session", DESTINATION, LEVEL_MUST,
	    "it does not sign a login in another session", RESTRICTED,
	    check_session },
	{ "destination.hostkey", DESTINATION, LEVEL_MUST,
	    "it does not sign a login that names another host key",
	    RESTRICTED, check_hostkey },
	{ "destination.only-logins", DESTINATION, LEVEL_MUST,
	    "it signs nothing but whole logins for itself", RESTRICTED,
	    check_only_logins },
	{ "destination.forwarded", DESTINATION, LEVEL_MUST,
	    "from its host it goes no further", RESTRICTED,
	    check_forwarded },
	{ "destination.over", DESTINATION, LEVEL_MUST,
	    "a key for the way over one host to another one signs there, by "
	    "the host-bound method alone", RESTRICTED, check_over },
	{ "destination.detour", DESTINATION, LEVEL_MUST,
	    "and on no other way", RESTRICTED, check_detour },
	{ "destination.ca", DESTINATION, LEVEL_MUST,
	    "a destination may be a CA: its host certificates that are in "
	    "date and for the host's name are meant, and no others",
	    RESTRICTED, check_ca },
	{ "destination.hidden", OPENSSH, LEVEL_PRACTICE,
	    "a key that is hidden from a connection is neither removed nor "
	    "replaced there", RESTRICTED, check_hidden },
	{ "destination.failed-bind", OPENSSH, LEVEL_PRACTICE,
	    "a failed `session-bind@openssh.com` hides keys with destinations "
	    "(since 9.6)", RESTRICTED, check_failed_bind },
	{ "destination.malformed", DESTINATION, LEVEL_MUST,
	    "destinations without a host or keys, from a user, or with "
	    "something reserved are refused", OFFER_ADD |
	    OFFER_DESTINATIONS, check_malformed },
	{ "destination.empty", DESTINATION, LEVEL_PRACTICE,
	    "an empty list of destinations is refused, and not taken for no "
	    "restriction", OFFER_ADD | OFFER_DESTINATIONS, check_empty },
	{ .id = NULL },
};
