#include "differential/differences.h"

#include <stdio.h>

#include "differential/cases.h"
#include "differential/view.h"
#include "proto/agent_num.h"

#define BIND		"session-bind@openssh.com"
#define DESTINATIONS	"restrict-destination-v00@openssh.com"

/*
 * Which request it is.
 */

static bool
is_lock_malformed(const struct exchange *x)
{
	struct slice passphrase;

	return (view_is(x->request, SSH_AGENTC_LOCK) ||
	    view_is(x->request, SSH_AGENTC_UNLOCK)) &&
	    !view_get_passphrase(x->request, &passphrase);
}

/* Whether it is the add of a key of one sort of which the private half is
 * another's. */
static bool
is_foreign(const struct exchange *x, enum material_kind from,
    enum material_kind to)
{
	struct view_add a;

	return !x->bench->locked && view_get_add(x->request, &a) &&
	    a.kind >= from && a.kind <= to && view_is_foreign(&a);
}

static bool
is_foreign_ed25519(const struct exchange *x)
{
	return is_foreign(x, KIND_ED25519, KIND_ED25519);
}

static bool
is_foreign_ecdsa(const struct exchange *x)
{
	return is_foreign(x, KIND_P256, KIND_P521);
}

static bool
is_foreign_rsa(const struct exchange *x)
{
	return is_foreign(x, KIND_RSA, KIND_RSA);
}

static bool
is_flags(const struct exchange *x)
{
	struct view_sign s;

	return view_get_sign(x->request, &s) && (s.flags & ~6u) != 0 &&
	    (bench_verifies(x->request, &x->theirs));
}

static bool
is_sha1(const struct exchange *x)
{
	const struct material_key *k;
	struct view_sign s;
	bool cert;

	return !x->bench->legacy && view_get_sign(x->request, &s) &&
	    s.flags == 0 && (k = material_find(s.blob, &cert)) != NULL &&
	    k->kind == KIND_RSA && bench_verifies(x->request, &x->theirs);
}

/* Whether it is an add with destinations about which that is true. */
static bool
has_destinations(const struct exchange *x, bool (*is)(struct slice list))
{
	struct view_constraint c;
	struct view_add a;
	struct wire_reader r;
	bool has = false;

	if (x->bench->locked || !view_get_add(x->request, &a))
		return false;
	r = wire_reader(a.constraints);
	while (view_next_constraint(&r, &c))
		has = has || (slice_eq_str(c.name, DESTINATIONS) &&
		    is(c.body));
	return has && wire_end(&r);
}

static bool
is_empty(struct slice list)
{
	return list.len == 0;
}

static bool
is_empty_destinations(const struct exchange *x)
{
	return has_destinations(x, is_empty);
}

static bool
is_unsound_destination(const struct exchange *x)
{
	return has_destinations(x, view_has_unsound_key);
}

static bool
is_pair_with_more(const struct exchange *x)
{
	return has_destinations(x, view_has_pair_with_more);
}

static bool
is_other_curve(const struct exchange *x)
{
	struct view_add a;

	return !x->bench->locked && view_get_add(x->request, &a) &&
	    a.other_curve && !view_is_foreign(&a);
}

/* Whether it is an extension of that name. */
static bool
is_extension(const struct exchange *x, const char *name)
{
	struct slice got, rest;

	return view_get_extension(x->request, &got, &rest) &&
	    slice_eq_str(got, name);
}

static bool
is_query(const struct exchange *x)
{
	return !x->bench->locked && is_extension(x, "query");
}

/* What we answer to it. */
static bool
is_our_query_answer(const struct exchange *x)
{
	static const char *const names[] = { "query", BIND,
		"explain@bottle-agent", "load@bottle-agent", "status@bottle-agent" };
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_u8(&w, SSH_AGENT_EXTENSION_RESPONSE);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		wire_put_str(&w, names[i]);
	return slice_eq(x->mine.body, (struct slice){ room, w.len });
}

static bool
is_our_extension(const struct exchange *x)
{
	return is_extension(x, "explain@bottle-agent") ||
	    is_extension(x, "load@bottle-agent") ||
	    is_extension(x, "status@bottle-agent");
}

static bool
is_bind(const struct exchange *x)
{
	return !x->bench->locked && is_extension(x, BIND);
}

static bool
is_first_bind(const struct exchange *x)
{
	return is_bind(x) && !x->bench->conns[x->conn].bound;
}

static bool
is_other_bind(const struct exchange *x)
{
	return is_bind(x) && (x->bench->version >= 906 ||
	    x->bench->conns[x->conn].bound);
}

static bool
is_bind_gap(const struct exchange *x)
{
	const struct bench_conn *c = &x->bench->conns[x->conn];

	/* The order of the two does not matter. */
	return is_extension(x, BIND) &&
	    (answer_code(&x->theirs) == SSH_AGENT_SUCCESS ? c->failed :
	    c->bound);
}

static bool
is_long_session(const struct exchange *x)
{
	struct slice sid;

	return (!x->bench->locked || x->bench->version >= 1005) &&
	    view_get_session_id(x->request, &sid) && sid.len > 128;
}

static bool
is_bind_locked(const struct exchange *x)
{
	return x->bench->locked && is_extension(x, BIND);
}

/*
 * The table.
 */

#define FAIL	"`FAILURE`"

const struct difference differences[] = {
	{ .name = "lock-malformed",
	    .request = "`LOCK`, `UNLOCK` whose passphrase is cut short or has "
	    "a NUL inside",
	    .theirs_text = "the agent ends", .mine_text = FAIL,
	    .reason = "one packet would take the keys from everybody",
	    .avoided = true, .is = is_lock_malformed,
	    .theirs = ROW_CLOSED, .mine = SSH_AGENT_FAILURE,
	    .shows = case_lock_malformed },
	{ .name = "unlock-wait",
	    .request = "`UNLOCK` with a wrong passphrase, while another "
	    "connection lists",
	    .theirs_text = "both wait for 0.1 s and more",
	    .mine_text = "only the connection that tried waits",
	    .reason = "one client could stop all others",
	    .shows = case_unlock_wait },
	{ .name = "half-close",
	    .request = "a request, and the client shuts its sending side down",
	    .theirs_text = "end of file, as a rule",
	    .mine_text = "the answer, then end of file",
	    .reason = "bridges such as `nc -N` do this",
	    .shows = case_half_close },
	{ .name = "foreign-ed25519",
	    .request = "an add of an Ed25519 key whose public half is not "
	    "that of the seed",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "two signatures with a foreign public half give the "
	    "seed away",
	    .after = AFTER_SEQUENCE, .is = is_foreign_ed25519,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_foreign_ed25519 },
	{ .name = "foreign-ecdsa",
	    .request = "an add of an ECDSA key whose point is not the number "
	    "times the generator",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "its signatures would never verify",
	    .at_random = true, .after = AFTER_SEQUENCE, .is = is_foreign_ecdsa,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_foreign_ecdsa },
	{ .name = "other-curve",
	    .request = "an add of an ECDSA certificate under the type name of "
	    "another curve",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "the name must be that of the certificate",
	    .after = AFTER_SEQUENCE, .is = is_other_curve,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_other_curve },
	{ .name = "foreign-rsa",
	    .request = "an add of an RSA key whose numbers do not belong "
	    "together",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "its signatures would not verify, and wrong ones give "
	    "the primes away",
	    .at_random = true, .after = AFTER_SEQUENCE, .is = is_foreign_rsa,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_foreign_rsa },
	{ .name = "flags",
	    .request = "`SIGN_REQUEST` with flags other than 2 and 4",
	    .theirs_text = "`SIGN_RESPONSE`: they are ignored",
	    .mine_text = FAIL,
	    .reason = "RFC 9987 asks for it: who sets a flag means something",
	    .is = is_flags,
	    .theirs = SSH_AGENT_SIGN_RESPONSE, .mine = SSH_AGENT_FAILURE,
	    .shows = case_flags },
	{ .name = "sha1",
	    .request = "`SIGN_REQUEST` with flags 0 and an RSA key, plain or "
	    "with a certificate, without `--legacy-rsa`",
	    .theirs_text = "`SIGN_RESPONSE` of `ssh-rsa`", .mine_text = FAIL,
	    .reason = "that is SHA-1",
	    .strict = true, .is = is_sha1,
	    .theirs = SSH_AGENT_SIGN_RESPONSE, .mine = SSH_AGENT_FAILURE,
	    .shows = case_sha1 },
	{ .name = "confirm",
	    .request = "`SIGN_REQUEST` with a key that was added with "
	    "confirm, to an agent of uid 0 that could run askpass",
	    .theirs_text = "`SIGN_RESPONSE`, once somebody has said yes",
	    .mine_text = FAIL,
	    .reason = "root runs no program that its environment names",
	    .theirs = SSH_AGENT_SIGN_RESPONSE, .mine = SSH_AGENT_FAILURE,
	    .shows = case_confirm },
	{ .name = "sk-sign",
	    .request = "`SIGN_REQUEST` with a security key whose "
	    "authenticator is there",
	    .theirs_text = "`SIGN_RESPONSE`", .mine_text = FAIL,
	    .reason = "no helper is run, and a container has no authenticator",
	    .theirs = SSH_AGENT_SIGN_RESPONSE, .mine = SSH_AGENT_FAILURE,
	    .shows = case_sk_sign },
	{ .name = "pkcs11",
	    .request = "`ADD_SMARTCARD_KEY`, `ADD_SMARTCARD_KEY_CONSTRAINED`, "
	    "`REMOVE_SMARTCARD_KEY` with a library in the list of `-P`",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "libraries that a client names are not loaded",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_pkcs11 },
	{ .name = "empty-destinations",
	    .request = "an add with an empty list in "
	    "`restrict-destination-v00@openssh.com`",
	    .theirs_text = "`SUCCESS`: no restriction", .mine_text = FAIL,
	    .reason = "who asks for a restriction must not get none",
	    .after = AFTER_SEQUENCE, .is = is_empty_destinations,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_empty_destinations },
	{ .name = "unsound-destination",
	    .request = "an add with a destination that names an ECDSA key "
	    "whose point is not on its curve, or a certificate whose "
	    "signature is wrong",
	    .theirs_text = FAIL, .mine_text = "`SUCCESS`",
	    .reason = "no host can prove that it has such a key, so the "
	    "destination leads nowhere: verifying it would be work for "
	    "nothing",
	    .after = AFTER_SEQUENCE, .is = is_unsound_destination,
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_SUCCESS,
	    .shows = case_unsound_destination },
	{ .name = "pair-with-more",
	    .request = "an add with a destination that has bytes behind its "
	    "last field",
	    .theirs_text = "`SUCCESS`: they are ignored", .mine_text = FAIL,
	    .reason = "part of a restriction that is not understood must not "
	    "be ignored",
	    .after = AFTER_SEQUENCE, .is = is_pair_with_more,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_pair_with_more },
	{ .name = "query", .since = 1003,
	    .request = "`query`",
	    .theirs_text = "`session-bind@openssh.com`",
	    .mine_text = "the same, `explain@bottle-agent`, "
	    "`load@bottle-agent` and `status@bottle-agent`",
	    .reason = "we have more",
	    .is = is_query,
	    .theirs = SSH_AGENT_EXTENSION_RESPONSE,
	    .mine = SSH_AGENT_EXTENSION_RESPONSE,
	    .mine_is = is_our_query_answer, .shows = case_query },
	{ .name = "our-constraints",
	    .request = "an add with a good `purposes@bottle-agent`, "
	    "`signatures@bottle-agent`, `rate@bottle-agent`, "
	    "`unbound@bottle-agent` or `peers@bottle-agent`",
	    .theirs_text = FAIL, .mine_text = "`SUCCESS`",
	    .reason = "they are ours",
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_SUCCESS,
	    .shows = case_our_constraints },
	{ .name = "our-extensions",
	    .request = "`explain@bottle-agent`, `load@bottle-agent`, "
	    "`status@bottle-agent`",
	    .theirs_text = FAIL,
	    .mine_text = "`EXTENSION_RESPONSE`, or `EXTENSION_FAILURE`",
	    .reason = "they are ours",
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_EXTENSION_RESPONSE,
	    .is = is_our_extension, .avoided = true,
	    .shows = case_our_extensions },
	{ .name = "long-list",
	    .request = "an add that makes the list longer than 256 KiB or "
	    "2048 keys",
	    .theirs_text = "`SUCCESS`; each list then fails in the client",
	    .mine_text = FAIL,
	    .reason = "clients read no more: one add would hide all keys",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_long_list },
	{ .name = "seconds",
	    .request = "an add with a lifetime of 1, and a list 0.3 s later",
	    .theirs_text = "may be gone: it counts when the clock's second "
	    "changes",
	    .mine_text = "is there for one second",
	    .reason = "a second is a second",
	    .shows = case_seconds },
	{ .name = "expired-behind",
	    .request = "an add with a lifetime of 0, and its removal in the "
	    "same write",
	    .theirs_text = "`SUCCESS`, `SUCCESS`: keys go before it reads",
	    .mine_text = "`SUCCESS`, " FAIL ": keys go before each request",
	    .reason = "how bytes arrive must not matter",
	    .shows = case_expired_behind },
	{ .name = "pieces",
	    .request = "an add or a lock that arrives in pieces, or in one "
	    "write behind a `session-bind@openssh.com`, while another one of "
	    "the same uid is incomplete",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "locked memory is scarce: each uid has one place for "
	    "an unfinished request with a secret",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_pieces },
	{ .name = "provider-missing",
	    .request = "an add of a security key with an "
	    "`sk-provider@openssh.com` in the list of `-P` that is not there",
	    .theirs_text = FAIL, .mine_text = "`SUCCESS`",
	    .reason = "nobody will load it, so nobody looks for it",
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_SUCCESS,
	    .shows = case_provider_missing },
	{ .name = "provider-link",
	    .request = "the same with a path that is not in the list but "
	    "leads there",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "the path counts as it is written",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_provider_link },
	{ .name = "slow-host",
	    .request = "`session-bind@openssh.com` by an RSA host key of "
	    "more than 8192 bits, or with an exponent of more than 64",
	    .theirs_text = "`SUCCESS`", .mine_text = "`EXTENSION_FAILURE`",
	    .reason = "verifying takes that long",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_EXTENSION_FAILURE,
	    .shows = case_slow_host },
	{ .name = "slow-ca",
	    .request = "an add of a certificate by such an RSA key",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "verifying takes that long",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_slow_ca },
	{ .name = "long-session",
	    .request = "`session-bind@openssh.com` with a session id of more "
	    "than 128 bytes",
	    .theirs_text = "`SUCCESS`; 9.2 records it, 10.0 does not",
	    .mine_text = "`EXTENSION_FAILURE`",
	    .reason = "what was not done must not look as if it was",
	    .after = AFTER_CONNECTION, .is = is_long_session,
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_EXTENSION_FAILURE,
	    .shows = case_long_session },
	{ .name = "bind-gap",
	    .request = "a `session-bind@openssh.com` whose signature is wrong, "
	    "on a connection that is bound for forwarding; then a list",
	    .theirs_text = "as if it had not been tried",
	    .mine_text = "keys with destinations are hidden from then on",
	    .reason = "a far host can have its own bind fail; the way must "
	    "not look shorter by that host",
	    .silent = true, .after = AFTER_CONNECTION, .is = is_bind_gap,
	    .shows = case_bind_gap },
	{ .name = "many-binds",
	    .request = "`session-bind@openssh.com` when the host keys of the "
	    "connection are more than 32 KiB",
	    .theirs_text = "`SUCCESS`", .mine_text = "`EXTENSION_FAILURE`",
	    .reason = "a connection may make us keep no more",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_EXTENSION_FAILURE,
	    .shows = case_many_binds },
	{ .name = "mldsa", .since = 1004,
	    .request = "an add of `ssh-mldsa44-ed25519`, which 10.4 and 10.5 "
	    "call `ssh-mldsa44-ed25519@openssh.com`",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "needs OpenSSL 3.5; the type is an experiment",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_mldsa },

	/* What later versions of OpenSSH answer as we do. */
	{ .name = "query-unknown", .until = 1003,
	    .request = "`query`",
	    .theirs_text = FAIL, .mine_text = "the list",
	    .reason = "new in 10.3",
	    .is = is_query,
	    .theirs = SSH_AGENT_FAILURE,
	    .mine = SSH_AGENT_EXTENSION_RESPONSE,
	    .mine_is = is_our_query_answer, .shows = case_query },
	{ .name = "bind-failure-first", .until = 906,
	    .request = "a `session-bind@openssh.com` that fails, on a "
	    "connection without one that did not; then a list",
	    .theirs_text = "as if it had not been tried",
	    .mine_text = "keys with destinations are hidden from then on",
	    .reason = "so since 9.6",
	    .after = AFTER_CONNECTION, .is = is_first_bind,
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_EXTENSION_FAILURE,
	    .shows = case_bind_forgotten },
	{ .name = "bind-failure", .until = 1003,
	    .request = "a `session-bind@openssh.com` that fails",
	    .theirs_text = FAIL, .mine_text = "`EXTENSION_FAILURE`",
	    .reason = "so since 10.3",
	    .after = AFTER_CONNECTION, .is = is_other_bind,
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_EXTENSION_FAILURE,
	    .shows = case_bind_failure },
	{ .name = "bind-locked", .until = 1005,
	    .request = "`session-bind@openssh.com` while the agent is locked",
	    .theirs_text = FAIL " and nothing happens",
	    .mine_text = "as if it were not locked",
	    .reason = "so since 10.5",
	    .avoided = true, .is = is_bind_locked,
	    .theirs = SSH_AGENT_FAILURE, .mine = SSH_AGENT_SUCCESS,
	    .shows = case_bind_locked },
	{ .name = "long-user", .until = 1004,
	    .request = "an add with a destination whose user is longer than "
	    "256 bytes",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "so since 10.4",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_long_user },
	{ .name = "cert-for-nobody", .until = 1003,
	    .request = "a list on a connection that is bound to a host "
	    "certificate without principals",
	    .theirs_text = "it is that of any host",
	    .mine_text = "it is that of none",
	    .reason = "so since 10.3",
	    .shows = case_nobody },
	{ .name = "cert-pattern", .until = 1003,
	    .request = "a list on a connection that is bound to a host "
	    "certificate for `*.example`",
	    .theirs_text = "it is that of no host",
	    .mine_text = "it is that of each one in `.example`",
	    .reason = "so since 10.3",
	    .shows = case_pattern },
	{ .name = "dss", .until = 1000,
	    .request = "an add of `ssh-dss`",
	    .theirs_text = "`SUCCESS`", .mine_text = FAIL,
	    .reason = "gone in 10.0",
	    .theirs = SSH_AGENT_SUCCESS, .mine = SSH_AGENT_FAILURE,
	    .shows = case_dss },
};
const size_t n_differences = sizeof(differences) / sizeof(differences[0]);
uint64_t difference_hits[sizeof(differences) / sizeof(differences[0])];

bool
difference_applies(const struct difference *d, unsigned version)
{
	return version >= d->since &&
	    (d->until == 0 || version < d->until);
}

bool
difference_fits(const struct difference *d, const struct exchange *x)
{
	/* Answers that are only a code have nothing behind it. */
	return x->mine.kind == ANSWER_REPLY &&
	    answer_code(&x->mine) == d->mine &&
	    (x->mine.body.len == 1 || d->mine ==
	    SSH_AGENT_EXTENSION_RESPONSE) &&
	    answer_code(&x->theirs) == d->theirs &&
	    (x->theirs.kind == ANSWER_REPLY || (d->theirs == ROW_CLOSED &&
	    x->theirs.kind == ANSWER_CLOSED)) &&
	    (d->mine_is == NULL || d->mine_is(x));
}

const struct difference *
difference_find(const struct exchange *x)
{
	const struct difference *found = NULL, *d = differences;

	for (; d < differences + n_differences; d++) {
		if (d->is == NULL || d->avoided || d->silent ||
		    !difference_applies(d, x->bench->version) ||
		    !d->is(x) || !difference_fits(d, x))
			continue;
		if (found != NULL)
			die("two rows for one difference: %s and %s",
			    found->name, d->name);
		found = d;
	}
	return found;
}

enum after
difference_after(const struct exchange *x)
{
	const struct difference *d = differences;
	enum after after = AFTER_NOTHING;

	for (; d < differences + n_differences; d++)
		if (d->silent && difference_applies(d, x->bench->version) &&
		    d->is(x) && d->after > after)
			after = d->after;
	return after;
}

bool
difference_avoids(const struct exchange *x)
{
	const struct difference *d = differences;
	bool avoid;

	for (; d < differences + n_differences; d++) {
		avoid = x->bench->same_program ? d->at_random ||
		    (d->avoided && d->theirs == ROW_CLOSED) : d->avoided;
		if (avoid && difference_applies(d, x->bench->version) &&
		    d->is(x))
			return true;
	}
	return false;
}

/* Print a version as people write it: 906 is 9.6. */
static void
print_version(const char *word, unsigned version)
{
	(void)printf("%s %u.%u", word, version / 100, version % 100);
}

void
difference_print_table(void)
{
	(void)printf("| request | OpenSSH | versions | bottle-agent | why |\n"
	    "|---|---|---|---|---|\n");
	for (size_t i = 0; i < n_differences; i++) {
		const struct difference *d = &differences[i];

		(void)printf("| %s | %s | ", d->request, d->theirs_text);
		if (d->since != 0)
			print_version("since", d->since);
		else if (d->until != 0)
			print_version("before", d->until);
		else
			(void)printf("all");
		(void)printf(" | %s | %s |\n", d->mine_text, d->reason);
	}
}
