/*
 * Binds, and keys with destinations: what a connection that says where it
 * leads may do, and one that does not.  Hosts and CAs sign for themselves here,
 * so that the agent has all of it to verify.
 */

#include "daemon/rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/constraint.h"
#include "proto/extension.h"
#include "support/fakecert.h"
#include "support/hex.h"
#include "support/signer.h"

#define N(a)		(sizeof(a) / sizeof((a)[0]))
#define ROOM		8192
/* What OpenSSH keeps of one connection, and its clients count on. */
#define BINDS		16
#define EXT_FAILURE	SSH_AGENT_EXTENSION_FAILURE
#define SIGNED		SSH_AGENT_SIGN_RESPONSE

static struct rig agent;
static struct testkey *limited, *unlimited;
static struct signer host_a, host_b, ca, other_ca;
static char self_rule[64];
static int fd;

/* One end of a pair.  No host and no key: here. */
struct end {
	const char		*user, *host;
	const struct signer	*key;
	bool			 is_ca;
};

/* A pair, and what else may be in it. */
struct pair {
	struct end	 from, to;
	const char	*from_reserved, *to_reserved, *reserved;
	const char	*rest;
};

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

static int
teardown_service(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 0);
}

static struct wire_writer
writer(void)
{
	return wire_writer(hex_alloc(ROOM), ROOM);
}

static struct slice
written(const struct wire_writer *w)
{
	struct slice out;

	assert_int_equal(wire_done(w, &out), ST_OK);
	return out;
}

/* Text, of which NULL is none. */
static void
put_text(struct wire_writer *w, const char *s)
{
	wire_put_str(w, s != NULL ? s : "");
}

static void
put_end(struct wire_writer *w, const struct end *e, const char *reserved)
{
	size_t mark = wire_open_string(w);

	put_text(w, e->user);
	put_text(w, e->host);
	put_text(w, reserved);
	if (e->key != NULL) {
		wire_put_string(w, e->key->blob);
		wire_put_u8(w, e->is_ca);
	}
	wire_close_string(w, mark);
}

/* The constraint that leaves just these pairs. */
static struct slice
only(const struct pair *pairs, size_t n)
{
	struct wire_writer w = writer();
	size_t list, pair;

	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_EXTENSION);
	wire_put_str(&w, CONSTRAINT_DESTINATION);
	list = wire_open_string(&w);
	for (size_t i = 0; i < n; i++) {
		pair = wire_open_string(&w);
		put_end(&w, &pairs[i].from, pairs[i].from_reserved);
		put_end(&w, &pairs[i].to, pairs[i].to_reserved);
		put_text(&w, pairs[i].reserved);
		if (pairs[i].rest != NULL)
			wire_put_bytes(&w, hex(pairs[i].rest));
		wire_close_string(&w, pair);
	}
	wire_close_string(&w, list);
	return written(&w);
}

/* Add the key that may go from here to a host, and from there to another. */
static void
add_limited(const struct pair *pairs, size_t n)
{
	rig_expect(fd, rig_add(limited, "limited", only(pairs, n)),
	    SSH_AGENT_SUCCESS);
}

static void
add_to_a(void)
{
	const struct pair to_a = { .to = { "git", "a.example", &host_a,
	    false } };

	add_limited(&to_a, 1);
}

static void
add_to_b_by_a(void)
{
	const struct end a = { NULL, "a.example", &host_a, false };
	const struct pair way[] = { { .to = a },
		{ .from = a, .to = { NULL, "b.example", &host_b, false } } };

	add_limited(way, N(way));
}

/* A bind to a host that is called by this blob. */
static struct slice
bind_as(struct slice blob, const struct signer *s, const char *sid,
    const char *signed_sid, bool forwarding)
{
	struct wire_writer w = writer(), sig = writer();
	struct bind_request req = { .hostkey = blob,
		.session_id = slice_str(sid), .forwarding = forwarding };

	signer_put(s, &sig, NULL, slice_str(signed_sid));
	req.signature = written(&sig);
	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_SESSION_BIND);
	bind_request_put(&w, &req);
	return written(&w);
}

static struct slice
bind(const struct signer *host, const char *sid, bool forwarding)
{
	return bind_as(host->blob, host, sid, sid, forwarding);
}

/* A login with the limited key, unless it says otherwise. */
struct login {
	const char	*sid, *user;
	struct slice	 hostkey;	/* empty: not the host-bound form */
	struct slice	 blob;		/* empty: of the limited key */
	const char	*algorithm;	/* NULL: of that key */
	const char	*service;	/* NULL: the usual one */
	const char	*rest;		/* hexadecimal; NULL: nothing */
};

static struct slice
login(const struct login *l)
{
	struct wire_writer w = writer();

	wire_put_str(&w, l->sid);
	wire_put_u8(&w, 50);
	wire_put_str(&w, l->user);
	wire_put_str(&w, l->service != NULL ? l->service : "ssh-connection");
	wire_put_str(&w, l->hostkey.len > 0 ?
	    "publickey-hostbound-v00@openssh.com" : "publickey");
	wire_put_u8(&w, 1);
	wire_put_str(&w, l->algorithm != NULL ? l->algorithm : "ssh-ed25519");
	wire_put_string(&w, l->blob.len > 0 ? l->blob : limited->blob);
	if (l->hostkey.len > 0)
		wire_put_string(&w, l->hostkey);
	if (l->rest != NULL)
		wire_put_bytes(&w, hex(l->rest));
	return written(&w);
}

/* Fail unless a connection gets that code for such a login. */
static void
expect_login(int on, const struct login *l, uint8_t code)
{
	struct slice data = login(l);
	struct slice reply = rig_ask(on, rig_sign(limited->blob, data, 0));

	if (reply.p[0] != code)
		fail_msg("a login as %s in session %s: %u, not %u", l->user,
		    l->sid, reply.p[0], code);
	if (code == SIGNED)
		rig_check_signature(reply, limited, "ssh-ed25519", data);
}

static void
sixteen_binds_are_kept_and_no_more(void **state)
{
	char sid[16];

	(void)state;
	for (unsigned i = 0; i < BINDS; i++) {
		(void)snprintf(sid, sizeof(sid), "s%u", i);
		rig_expect(fd, bind(&host_a, sid, true), SSH_AGENT_SUCCESS);
	}
	rig_expect(fd, bind(&host_a, "one more", true), EXT_FAILURE);
	rig_expect(fd, bind(&host_a, "one more", false), EXT_FAILURE);
	/* Those that are there can be said again. */
	rig_expect(fd, bind(&host_a, "s0", true), SSH_AGENT_SUCCESS);
	rig_expect(fd, bind(&host_a, "s15", true), SSH_AGENT_SUCCESS);
}

/* Said again it counts once: there is room for all sixteen others. */
static void
bind_that_is_known_succeeds_and_is_not_kept_twice(void **state)
{
	char sid[16];

	(void)state;
	for (unsigned i = 0; i < 3 * BINDS; i++)
		rig_expect(fd, bind(&host_a, "s", true), SSH_AGENT_SUCCESS);
	for (unsigned i = 1; i < BINDS; i++) {
		(void)snprintf(sid, sizeof(sid), "s%u", i);
		rig_expect(fd, bind(&host_b, sid, true), SSH_AGENT_SUCCESS);
	}
	rig_expect(fd, bind(&host_b, "one more", true), EXT_FAILURE);
}

static void
nothing_follows_the_bind_of_a_login(void **state)
{
	(void)state;
	rig_expect(fd, bind(&host_a, "s", false), SSH_AGENT_SUCCESS);
	rig_expect(fd, bind(&host_a, "s", false), EXT_FAILURE);
	rig_expect(fd, bind(&host_a, "t", true), EXT_FAILURE);
	rig_expect(fd, bind(&host_b, "s", true), EXT_FAILURE);
	rig_expect(fd, bind(&host_b, "t", false), EXT_FAILURE);
}

static void
session_has_one_host_key(void **state)
{
	(void)state;
	rig_expect(fd, bind(&host_a, "s", true), SSH_AGENT_SUCCESS);
	rig_expect(fd, bind(&host_b, "s", true), EXT_FAILURE);
	rig_expect(fd, bind(&host_a, "t", true), SSH_AGENT_SUCCESS);
	rig_expect(fd, bind(&host_b, "u", true), SSH_AGENT_SUCCESS);
}

static void
binds_are_of_their_connection_alone(void **state)
{
	static const char *const all[] = { "limited" };
	int bound = rig_connect(&agent);

	(void)state;
	add_to_a();
	rig_expect(bound, bind(&host_b, "s", false), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(bound, NULL), 0);
	rig_expect_comments(fd, all, 1);
	rig_hang_up(bound);
	bound = rig_connect(&agent);
	rig_expect_comments(bound, all, 1);
	rig_hang_up(bound);
}

/* Whatever is wrong with it, and whatever comes after it that is wrong. */
static void
bind_that_fails_hides_keys_with_destinations(void **state)
{
	static const char *const both[] = { "limited", "unlimited" };
	const struct slice bad[] = {
		rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
		rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
		    hex("00000001 'k' 00000001 's' 00000001 'g' 00")),
		bind_as(host_a.blob, &host_a, "s", "t", false),
		bind_as(host_a.blob, &host_b, "s", "s", false),
		bind_as(host_b.blob, &host_a, "s", "s", false),
		{ bind(&host_a, "s", false).p,
		    bind(&host_a, "s", false).len - 1 },
	};
	const struct login good = { .sid = "s", .user = "git" };

	(void)state;
	add_to_a();
	rig_expect(fd, rig_add(unlimited, "unlimited", hex("")),
	    SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < N(bad); i++) {
		int bound = rig_connect(&agent);

		rig_expect(bound, bad[i], EXT_FAILURE);
		rig_expect_comments(bound, &both[1], 1);
		expect_login(bound, &good, SSH_AGENT_FAILURE);
		/* Nor can it be got at to be taken away or loosened. */
		rig_expect(bound, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
		    limited->blob), SSH_AGENT_FAILURE);
		rig_expect(bound, rig_add(limited, "loose", hex("")),
		    SSH_AGENT_FAILURE);
		rig_expect_comments(fd, both, 2);
		rig_hang_up(bound);
	}
}

/* A bind that OpenSSH takes and we do not: the second number of its signature
 * is the same one modulo the order of the group. */
static struct slice
odd_bind(const struct signer *host, const char *sid, bool forwarding)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
		0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		[31] = 0x10 };
	struct slice body = bind(host, sid, forwarding);
	uint8_t *p = hex_alloc(body.len), *s = p + body.len - 1 - 32;
	unsigned carry = 0;

	memcpy(p, body.p, body.len);
	for (size_t i = 0; i < sizeof(order); i++) {
		carry += (unsigned)s[i] + order[i];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return (struct slice){ p, body.len };
}

/* Else a far host could have its own bind fail, and seem not to be there. */
static void
host_whose_bind_failed_is_still_on_the_way(void **state)
{
	static const char *const all[] = { "limited" };
	const struct pair to_b = { .to = { NULL, "b.example", &host_b,
	    false } };
	const struct login l = { .sid = "t", .user = "u",
		.hostkey = host_b.blob };
	int on = rig_connect(&agent);

	(void)state;
	add_limited(&to_b, 1);
	rig_expect(on, odd_bind(&host_a, "s", true), EXT_FAILURE);
	rig_expect(on, bind(&host_b, "t", false), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(on, NULL), 0);
	expect_login(on, &l, SSH_AGENT_FAILURE);
	/* Without that host the same binds are good. */
	rig_expect(fd, bind(&host_b, "t", false), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, all, 1);
	expect_login(fd, &l, SIGNED);
	rig_hang_up(on);
}

/* A connection that was bound, well or not, may do all else. */
static void
keys_without_destinations_do_not_care(void **state)
{
	static const char *const after[] = { "again" };

	(void)state;
	for (unsigned good = 0; good < 2; good++) {
		int bound = rig_connect(&agent);

		rig_expect(bound, bind_as(host_a.blob, &host_a, "s",
		    good ? "s" : "t", true), good ? SSH_AGENT_SUCCESS :
		    EXT_FAILURE);
		rig_expect(bound, rig_add(unlimited, "u", hex("")),
		    SSH_AGENT_SUCCESS);
		rig_expect_signature(bound, unlimited, 0, "ssh-ed25519",
		    slice_str("data"));
		rig_expect(bound, rig_add(unlimited, "again", hex("")),
		    SSH_AGENT_SUCCESS);
		rig_expect_comments(bound, after, 1);
		rig_expect(bound, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
		    unlimited->blob), SSH_AGENT_SUCCESS);
		rig_hang_up(bound);
	}
}

static void
binds_count_that_were_made_while_locked(void **state)
{
	static const char *const all[] = { "limited" };
	int to_a = rig_connect(&agent), to_b = rig_connect(&agent);
	int failed = rig_connect(&agent);
	const struct login good = { .sid = "s", .user = "git" };

	(void)state;
	add_to_a();
	rig_expect(fd, rig_text(SSH_AGENTC_LOCK, "p"), SSH_AGENT_SUCCESS);
	rig_expect(to_a, bind(&host_a, "s", false), SSH_AGENT_SUCCESS);
	rig_expect(to_b, bind(&host_b, "s", false), SSH_AGENT_SUCCESS);
	rig_expect(failed, bind_as(host_a.blob, &host_a, "s", "t", false),
	    EXT_FAILURE);
	rig_expect(to_a, rig_text(SSH_AGENTC_EXTENSION, EXT_QUERY),
	    SSH_AGENT_FAILURE);
	expect_login(to_a, &good, SSH_AGENT_FAILURE);
	rig_expect(fd, rig_text(SSH_AGENTC_UNLOCK, "p"), SSH_AGENT_SUCCESS);
	rig_expect_comments(to_a, all, 1);
	expect_login(to_a, &good, SIGNED);
	assert_int_equal(rig_list(to_b, NULL), 0);
	expect_login(to_b, &good, SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(failed, NULL), 0);
	rig_hang_up(to_a);
	rig_hang_up(to_b);
	rig_hang_up(failed);
}

static void
unbound_connection_lists_and_never_signs(void **state)
{
	static const char *const all[] = { "limited" };
	const struct login plain = { .sid = "s", .user = "git" };
	const struct login bound = { .sid = "s", .user = "git",
		.hostkey = host_a.blob };

	(void)state;
	add_to_a();
	rig_expect_comments(fd, all, 1);
	expect_login(fd, &plain, SSH_AGENT_FAILURE);
	expect_login(fd, &bound, SSH_AGENT_FAILURE);
	/* It may be taken away all the same, and put back without limits. */
	rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, limited->blob),
	    SSH_AGENT_SUCCESS);
	add_to_a();
	rig_expect(fd, rig_add(limited, "loose", hex("")), SSH_AGENT_SUCCESS);
	expect_login(fd, &plain, SIGNED);
}

/* Each row is one thing away from a login that is signed. */
static void
login_must_fit_the_bind_in_every_part(void **state)
{
	const struct login good[] = {
		{ .sid = "s", .user = "git", .hostkey = host_a.blob },
		{ .sid = "s", .user = "git" },
	};
	const struct login bad[] = {
		{ .sid = "t", .user = "git" },
		{ .sid = "", .user = "git" },
		{ .sid = "s", .user = "root" },
		{ .sid = "s", .user = "git", .hostkey = host_b.blob },
		{ .sid = "s", .user = "git", .hostkey = hex("'x'") },
		{ .sid = "s", .user = "git", .rest = "00" },
		{ .sid = "s", .user = "git", .hostkey = host_a.blob,
		    .rest = "00" },
		{ .sid = "s", .user = "git", .rest = "00000000" },
		{ .sid = "s", .user = "git", .blob = unlimited->blob },
		{ .sid = "s", .user = "git", .algorithm = "ssh-rsa" },
		{ .sid = "s", .user = "git", .service = "ssh-userauth" },
	};

	(void)state;
	add_to_a();
	rig_expect(fd, bind(&host_a, "s", false), SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < N(good); i++)
		expect_login(fd, &good[i], SIGNED);
	for (size_t i = 0; i < N(bad); i++) {
		print_message("row: %zu\n", i);
		expect_login(fd, &bad[i], SSH_AGENT_FAILURE);
	}
	/* Files and rubbish are no logins. */
	rig_expect(fd, rig_sign(limited->blob, rig_git(), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_sign(limited->blob, slice_str("data"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_sign(limited->blob, hex(""), 0),
	    SSH_AGENT_FAILURE);
	expect_login(fd, &good[0], SIGNED);
}

static void
two_hops_need_the_form_that_names_the_host(void **state)
{
	static const char *const all[] = { "limited" };
	const struct login to_a = { .sid = "s", .user = "u",
		.hostkey = host_a.blob };
	const struct login plain = { .sid = "t", .user = "u" };
	const struct login named = { .sid = "t", .user = "u",
		.hostkey = host_b.blob };
	const struct login first = { .sid = "s", .user = "u",
		.hostkey = host_b.blob };

	(void)state;
	add_to_b_by_a();
	rig_expect(fd, bind(&host_a, "s", true), SSH_AGENT_SUCCESS);
	/* Bound to be passed on: listed, and not used yet. */
	rig_expect_comments(fd, all, 1);
	expect_login(fd, &to_a, SSH_AGENT_FAILURE);
	rig_expect(fd, bind(&host_b, "t", false), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, all, 1);
	expect_login(fd, &plain, SSH_AGENT_FAILURE);
	expect_login(fd, &to_a, SSH_AGENT_FAILURE);
	expect_login(fd, &first, SSH_AGENT_FAILURE);
	expect_login(fd, &named, SIGNED);
}

static void
ways_that_were_not_given_do_not_even_list(void **state)
{
	static const struct {
		const struct signer	*first, *second;
		bool			 forwarding;
	} ways[] = {
		{ &host_b, NULL, false },
		{ &host_b, NULL, true },
		{ &host_b, &host_a, false },
		{ &host_a, &host_a, false },
		{ &host_a, &host_b, true },
	};
	const struct login any = { .sid = "t", .user = "u" };

	(void)state;
	add_to_b_by_a();
	for (size_t i = 0; i < N(ways); i++) {
		int on = rig_connect(&agent);

		rig_expect(on, bind(ways[i].first, "s", ways[i].second !=
		    NULL || ways[i].forwarding), SSH_AGENT_SUCCESS);
		if (ways[i].second != NULL)
			rig_expect(on, bind(ways[i].second, "t",
			    ways[i].forwarding), SSH_AGENT_SUCCESS);
		assert_int_equal(rig_list(on, NULL), 0);
		expect_login(on, &any, SSH_AGENT_FAILURE);
		rig_hang_up(on);
	}
}

/* A certificate with that CA's signature. */
static struct slice
certify(const struct fakecert *c, const struct signer *by)
{
	struct wire_writer w = writer(), sig = writer();

	fakecert_put(&w, c);
	signer_put(by, &sig, NULL, written(&w));
	wire_put_string(&w, written(&sig));
	return written(&w);
}

static void
host_with_a_certificate_must_be_the_one_it_names(void **state)
{
	const struct fakecert good = { .key = host_a.blob, .ca = ca.blob,
		.role = CERTIFICATE_HOST, .principals = "x.example,*.test",
		.after = 1, .before = UINT64_MAX, .critical = "" };
	const struct pair by_ca = { .to = { NULL, "a.test", &ca, true } };
	struct fakecert c[8];
	struct slice blob;

	(void)state;
	for (size_t i = 0; i < N(c); i++)
		c[i] = good;
	c[1].before = 2;			/* it is over */
	c[2].after = UINT64_MAX - 1;		/* it is not yet */
	c[3].principals = "";
	c[4].principals = "x.example,a.example";
	c[5].role = CERTIFICATE_USER;
	c[6].critical = "force-command";
	c[7].ca = other_ca.blob;
	add_limited(&by_ca, 1);
	for (size_t i = 0; i < N(c); i++) {
		struct login l = { .sid = "s", .user = "u" };
		int on = rig_connect(&agent);

		print_message("row: %zu\n", i);
		blob = certify(&c[i], i == 7 ? &other_ca : &ca);
		l.hostkey = blob;
		/* The host has proven itself, whatever it is worth. */
		rig_expect(on, bind_as(blob, &host_a, "s", "s", false),
		    SSH_AGENT_SUCCESS);
		assert_int_equal(rig_list(on, NULL), i == 0);
		expect_login(on, &l, i == 0 ? SIGNED : SSH_AGENT_FAILURE);
		rig_hang_up(on);
	}
	/* One that the CA has not signed is no bind at all. */
	blob = certify(&good, &other_ca);
	rig_expect(fd, bind_as(blob, &host_a, "s", "s", false), EXT_FAILURE);
}

static void
each_fault_of_a_destination_fails_the_add(void **state)
{
	static const char *const before[] = { "before" };
	static char long_user[258];
	const struct end a = { NULL, "a.example", &host_a, false };
	const struct end b = { NULL, "b.example", &host_b, false };
	const struct pair good[] = { { .to = a }, { .from = a, .to = b },
		{ .to = { "u", "a.example", &host_a, true } } };
	const struct pair bad[] = {
		{ .from = { "u", NULL, NULL, false }, .to = a },
		{ .from = { "u", "b.example", &host_b, false }, .to = a },
		{ .from = { NULL, "b.example", NULL, false }, .to = a },
		{ .from = { NULL, NULL, &host_b, false }, .to = a },
		{ .to = { NULL, NULL, NULL, false } },
		{ .to = { NULL, "a.example", NULL, false } },
		{ .to = { NULL, NULL, &host_a, false } },
		{ .to = { long_user, "a.example", &host_a, false } },
		{ .from_reserved = "x", .to = a },
		{ .to_reserved = "x", .to = a },
		{ .reserved = "x", .to = a },
		{ .rest = "00", .to = a },
	};

	(void)state;
	memset(long_user, 'u', sizeof(long_user) - 1);
	for (size_t i = 0; i < N(good); i++)
		add_limited(&good[i], 1);
	rig_expect(fd, rig_add(limited, "before", hex("")),
	    SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < N(bad); i++) {
		print_message("row: %zu\n", i);
		rig_expect(fd, rig_add(unlimited, "new", only(&bad[i], 1)),
		    SSH_AGENT_FAILURE);
		rig_expect(fd, rig_add(limited, "after", only(&bad[i], 1)),
		    SSH_AGENT_FAILURE);
		rig_expect_comments(fd, before, 1);
	}
	/* Who asks for a restriction does not get a key without any. */
	rig_expect(fd, rig_add(unlimited, "new", only(NULL, 0)),
	    SSH_AGENT_FAILURE);
	rig_expect_comments(fd, before, 1);
}

/* All that would change something, of what a far host may send. */
static const char *const changes[] = { "13", "09", "16 00000001 'p'",
	"17 00000001 'p'", "1b 00000011 'load@bottle-agent' 01 00000000" };

/* A service of which this user is an admin. */
static void
start_service(const char *forwarded)
{
	(void)snprintf(self_rule, sizeof(self_rule),
	    "%u=list,sign,add,remove,lock,admin", (unsigned)geteuid());
	rig_start(&agent, "--allow", self_rule, "--forwarded", forwarded,
	    NULL);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(unlimited, "kept", hex("")),
	    SSH_AGENT_SUCCESS);
}

static void
far_hosts_change_nothing_in_a_service(void **state)
{
	static const char *const kept[] = { "kept" };
	const struct login l = { .sid = "t", .user = "u",
		.blob = unlimited->blob };
	int far;

	(void)state;
	start_service("deny");
	far = rig_connect(&agent);
	rig_expect(far, bind(&host_a, "s", true), SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < N(changes); i++)
		rig_expect(far, hex(changes[i]), SSH_AGENT_FAILURE);
	rig_expect(far, rig_add(limited, "new", hex("")), SSH_AGENT_FAILURE);
	rig_expect(far, rig_add(unlimited, "again", hex("")),
	    SSH_AGENT_FAILURE);
	rig_expect(far, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
	    unlimited->blob), SSH_AGENT_FAILURE);
	rig_expect(far, rig_sign(unlimited->blob, rig_git(), 0),
	    SSH_AGENT_FAILURE);
	rig_expect_comments(far, kept, 1);
	rig_expect_comments(fd, kept, 1);
	rig_expect_signature(far, unlimited, 0, "ssh-ed25519", login(&l));
	/* Nor does it help to have the bind fail. */
	rig_hang_up(far);
	far = rig_connect(&agent);
	rig_expect(far, odd_bind(&host_a, "s", true), EXT_FAILURE);
	rig_expect(far, hex("13"), SSH_AGENT_FAILURE);
	rig_expect(far, rig_sign(unlimited->blob, rig_git(), 0),
	    SSH_AGENT_FAILURE);
	/* A login of one's own is nothing far. */
	rig_hang_up(far);
	far = rig_connect(&agent);
	rig_expect(far, bind(&host_a, "s", false), SSH_AGENT_SUCCESS);
	rig_expect(far, hex("13"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_hang_up(far);
}

static void
far_hosts_may_all_where_the_service_says_so(void **state)
{
	int far;

	(void)state;
	start_service("allow");
	far = rig_connect(&agent);
	rig_expect(far, bind(&host_a, "s", true), SSH_AGENT_SUCCESS);
	rig_expect_signature(far, unlimited, 0, "ssh-ed25519", rig_git());
	rig_expect(far, hex("13"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_hang_up(far);
}

/* As OpenSSH's does: its clients rely on nothing else. */
static void
far_hosts_may_all_in_ssh_agents_place(void **state)
{
	int far = rig_connect(&agent);

	(void)state;
	add_to_a();
	rig_expect(far, bind(&host_b, "s", true), SSH_AGENT_SUCCESS);
	rig_expect(far, rig_text(SSH_AGENTC_LOCK, "p"), SSH_AGENT_SUCCESS);
	rig_expect(far, rig_text(SSH_AGENTC_UNLOCK, "p"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(far, NULL), 0);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_expect(far, hex("13"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_hang_up(far);
}

static int
make_keys(void **state)
{
	(void)state;
	limited = testkey_new(KEY_ED25519, 0);
	unlimited = testkey_new(KEY_ED25519, 0);
	signer_init(&host_a, KEY_ED25519);
	signer_init(&host_b, KEY_ECDSA_P256);
	signer_init(&ca, KEY_RSA);
	signer_init(&other_ca, KEY_ECDSA_P384);
	return 0;
}

static int
free_keys(void **state)
{
	testkey_free(limited);
	testkey_free(unlimited);
	signer_fini(&host_a);
	signer_fini(&host_b);
	signer_fini(&ca);
	signer_fini(&other_ca);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SERVICE(name)	cmocka_unit_test_teardown(name, teardown_service)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sixteen_binds_are_kept_and_no_more),
		CASE(bind_that_is_known_succeeds_and_is_not_kept_twice),
		CASE(nothing_follows_the_bind_of_a_login),
		CASE(session_has_one_host_key),
		CASE(binds_are_of_their_connection_alone),
		CASE(bind_that_fails_hides_keys_with_destinations),
		CASE(host_whose_bind_failed_is_still_on_the_way),
		CASE(keys_without_destinations_do_not_care),
		CASE(binds_count_that_were_made_while_locked),
		CASE(unbound_connection_lists_and_never_signs),
		CASE(login_must_fit_the_bind_in_every_part),
		CASE(two_hops_need_the_form_that_names_the_host),
		CASE(ways_that_were_not_given_do_not_even_list),
		CASE(host_with_a_certificate_must_be_the_one_it_names),
		CASE(each_fault_of_a_destination_fails_the_add),
		SERVICE(far_hosts_change_nothing_in_a_service),
		SERVICE(far_hosts_may_all_where_the_service_says_so),
		CASE(far_hosts_may_all_in_ssh_agents_place),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
