/*
 * Reaches: permit_visible, permit_auth, permit_user, bindings_add, and with
 *          them destination_next, certificate_decode, pattern_match.
 * Claims:  binds are recorded and questions answered as a model says that
 *          knows hosts by their numbers; the order of the pairs does not
 *          matter; one pair more takes nothing away; who may sign may also see,
 *          and for that user; without any pair everything may be done.
 * Input:   u8 pairs, then for each u8 from, u8 to, u8 user; u8 binds, then for
 *          each u8 host, u8 session; u8 user, u8 session, u8 host key, u8 time.
 */

#include <stdio.h>
#include <string.h>

#include "agent/permit.h"
#include "fuzz/fuzz.h"
#include "proto/destination.h"
#include "support/fakecert.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define PAIRS_MAX	5
#define BINDS_MAX	20
#define BLOB_MAX	512
#define LIST_MAX	4096

/* Times: certificates are good from the first until before the second. */
#define AFTER		100
#define BEFORE		200

/* Keys in the world: three hosts, two CAs, and certificates of the first host
 * by a CA. */
enum {
	HOSTS = 3,
	CAS = 2,
	KEYS = HOSTS + CAS,
	CERTS = 6,
};

static const char *const names[] = { "a.example", "b.example", "c.example",
	"*" };
static const char *const user_patterns[] = { "", "git", "g*", "r??t" };
static const char *const users[] = { "git", "root", "gitt", "" };

/* The certificates, and which of the names they are good for. */
static const struct {
	int		 ca;
	uint32_t	 role;
	const char	*principals;
	const char	*critical;
	bool		 good[4];
} certs[CERTS] = {
	{ 0, CERTIFICATE_HOST, "a.example", "", { true } },
	{ 0, CERTIFICATE_HOST, "*.example", "", { true, true, true } },
	{ 1, CERTIFICATE_HOST, "b.example,c.example", "",
	    { false, true, true } },
	{ 0, CERTIFICATE_USER, "*", "", { false } },
	{ 0, CERTIFICATE_HOST, "", "", { false } },
	{ 1, CERTIFICATE_HOST, "*", "option", { false } },
};

/* Blobs of plain keys first, then of certificates. */
static struct {
	uint8_t		 bytes[BLOB_MAX];
	struct slice	 blob;
} keys[KEYS + CERTS];

/* What the input says. */
struct pair {
	uint8_t	 from, to, user;
};
struct bound {
	uint8_t	 host, session;
	bool	 forwarding;
};
struct world {
	size_t		 n_pairs, n_binds;
	struct pair	 pairs[PAIRS_MAX];
	struct bound	 binds[BINDS_MAX];	/* those that were recorded */
	bool		 attempted;
	int64_t		 now;
	uint8_t		 user, session, hostkey;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < KEYS + CERTS; i++) {
		struct wire_writer w = wire_writer(keys[i].bytes, BLOB_MAX);
		uint8_t point[32];

		memset(point, (int)i, sizeof(point));
		if (i < KEYS) {
			wire_put_str(&w, "ssh-ed25519");
			wire_put_string(&w, (struct slice){ point, 32 });
		} else {
			struct fakecert fake = { .key = keys[0].blob,
				.ca = keys[HOSTS + certs[i - KEYS].ca].blob,
				.role = certs[i - KEYS].role,
				.principals = certs[i - KEYS].principals,
				.after = AFTER, .before = BEFORE,
				.critical = certs[i - KEYS].critical };

			fakecert_put(&w, &fake);
			/* string of string algorithm, string nothing */
			wire_put_u32(&w, 4 + 11 + 4);
			wire_put_str(&w, "ssh-ed25519");
			wire_put_str(&w, "");
		}
		keys[i].blob = fuzz_written(&w);
	}
	return 0;
}

/*
 * One end of a pair is a byte: bits 0 to 2 a key, from HOSTS on a CA's, bits 3
 * and 4 a name; as the beginning, 7 and 6 are here.
 */
static unsigned
hop_key(uint8_t hop)
{
	return (hop & 7u) % KEYS;
}

static unsigned
hop_name(uint8_t hop)
{
	return hop >> 3 & 3u;
}

static bool
hop_is_here(uint8_t hop)
{
	return (hop & 7u) >= 6;
}

static void
put_hop(struct wire_writer *w, uint8_t hop, bool here, const char *user)
{
	size_t mark = wire_open_string(w);

	wire_put_str(w, user);
	wire_put_str(w, here ? "" : names[hop_name(hop)]);
	wire_put_str(w, "");
	if (!here) {
		wire_put_string(w, keys[hop_key(hop)].blob);
		wire_put_u8(w, hop_key(hop) >= HOSTS);
	}
	wire_close_string(w, mark);
}

/* The first n pairs, from the first to the last or the other way round. */
static struct slice
put_pairs(const struct world *world, size_t n, bool reverse,
    uint8_t out[LIST_MAX])
{
	struct wire_writer w = wire_writer(out, LIST_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct pair *p =
		    &world->pairs[reverse ? n - 1 - i : i];
		size_t mark = wire_open_string(&w);

		put_hop(&w, p->from, hop_is_here(p->from), "");
		put_hop(&w, p->to, false, user_patterns[p->user % 4]);
		wire_put_str(&w, "");
		wire_close_string(&w, mark);
	}
	if (n > 0) {
		int st = destination_check(fuzz_written(&w));

		assert(st == ST_OK);
	}
	return fuzz_written(&w);
}

/* The model: whether a host is that end of a pair. */
static bool
model_is_at(const struct world *world, uint8_t host, uint8_t hop)
{
	unsigned cert;

	if (host < KEYS)
		return host < HOSTS ? hop_key(hop) == host : false;
	cert = host - KEYS;
	return world->now >= AFTER && world->now < BEFORE &&
	    hop_key(hop) == (unsigned)(HOSTS + certs[cert].ca) &&
	    certs[cert].good[hop_name(hop)];
}

/* Whether a user fits a pattern: the three that there are, and none. */
static bool
model_user(uint8_t pattern, uint8_t user)
{
	static const bool fits[4][4] = {
		/* git, root, gitt, "" */
		{ true, true, true, true },
		{ true, false, false, false },
		{ true, false, true, false },
		{ false, true, false, false },
	};

	return fits[pattern % 4][user % 4];
}

/* Whether some pair takes that step; -1: no such end. */
static bool
model_step(const struct world *world, int from, int to, int user)
{
	for (size_t i = 0; i < world->n_pairs; i++) {
		const struct pair *p = &world->pairs[i];

		if (hop_is_here(p->from) != (from < 0))
			continue;
		if ((from < 0 || model_is_at(world, (uint8_t)from, p->from)) &&
		    (to < 0 || model_is_at(world, (uint8_t)to, p->to)) &&
		    (user < 0 || model_user(p->user, (uint8_t)user)))
			return true;
	}
	return false;
}

/* Whether a key may be seen, or with a user be used. */
static bool
model(const struct world *world, int user)
{
	const struct bound *last;
	int from = -1;

	if (world->n_pairs == 0)
		return true;
	if (world->n_binds == 0)
		return user < 0 && !world->attempted;
	last = &world->binds[world->n_binds - 1];
	for (const struct bound *b = world->binds; b <= last; b++) {
		if (!model_step(world, from, b->host, b == last ? user : -1))
			return false;
		from = b->host;
	}
	if (user < 0)
		return !last->forwarding || model_step(world, from, -1, -1);
	return !last->forwarding && world->session == last->session &&
	    (world->hostkey == last->host ||
	    (world->hostkey == KEYS + CERTS && world->n_binds == 1));
}

/* Record a bind, or see that it is refused, in both worlds. */
static void
bind_host(struct world *world, struct bindings *b, const struct bound *want)
{
	char id[] = { 's', (char)('0' + want->session) };
	int expected = world->n_binds < BINDING_MAX ? ST_OK : ST_FULL;
	enum reason why = REASON_NONE;
	bool add = true;
	int st;

	for (size_t i = 0; add && i < world->n_binds; i++) {
		const struct bound *old = &world->binds[i];

		if (!old->forwarding) {
			expected = ST_DENIED;
			add = false;
		} else if (old->session == want->session) {
			expected = old->host == want->host ? ST_OK : ST_DENIED;
			add = false;
		}
	}
	b->attempted = world->attempted = true;
	st = bindings_add(b, keys[want->host].blob,
	    (struct slice){ (const uint8_t *)id, 2 }, want->forwarding, &why);
	assert(st == expected);
	assert(st == ST_OK || why != REASON_NONE);
	if (add && st == ST_OK)
		world->binds[world->n_binds++] = *want;
	assert(b->n == world->n_binds);
}

/* What permit.c says. */
struct answers {
	int	 visible, auth;
	bool	 user;
};

static struct answers
ask(const struct world *world, struct slice list, const struct bindings *b)
{
	char id[] = { 's', (char)('0' + world->session) };
	struct signdata d = { .kind = SIGNDATA_USERAUTH };
	enum reason why = REASON_NONE;
	struct answers a;

	d.userauth.session_id = (struct slice){ (const uint8_t *)id, 2 };
	d.userauth.user = slice_str(users[world->user % 4]);
	d.userauth.hostbound = world->hostkey < KEYS + CERTS;
	if (d.userauth.hostbound)
		d.userauth.hostkey = keys[world->hostkey].blob;
	a.visible = permit_visible(list, b, world->now, &why);
	assert(a.visible == ST_OK || (a.visible == ST_DENIED && why != REASON_NONE));
	why = REASON_NONE;
	a.auth = permit_auth(list, b, &d, world->now, &why);
	assert(a.auth == ST_OK || (a.auth == ST_DENIED && why != REASON_NONE));
	a.user = permit_user(list, d.userauth.user);
	return a;
}

/* All claims about one world. */
static void
check(const struct world *world, const struct bindings *b)
{
	uint8_t bytes[LIST_MAX];
	struct answers a, other;

	a = ask(world, put_pairs(world, world->n_pairs, false, bytes), b);
	assert((a.visible == ST_OK) == model(world, -1));
	assert((a.auth == ST_OK) == model(world, world->user));
	/* Who may sign may see, and as that user. */
	assert(a.auth != ST_OK || (a.visible == ST_OK && a.user));
	other = ask(world, put_pairs(world, world->n_pairs, true, bytes), b);
	assert(other.visible == a.visible && other.auth == a.auth &&
	    other.user == a.user);
	/* One pair less, if any is left, gives nothing. */
	if (world->n_pairs > 1) {
		other = ask(world, put_pairs(world, world->n_pairs - 1, false,
		    bytes), b);
		assert(other.visible != ST_OK || a.visible == ST_OK);
		assert(other.auth != ST_OK || a.auth == ST_OK);
		assert(!other.user || a.user);
	}
	other = ask(world, put_pairs(world, 0, false, bytes), b);
	assert(other.visible == ST_OK && other.auth == ST_OK && other.user);
}

/* The next byte; 0 behind the end. */
static uint8_t
next(struct wire_reader *r)
{
	uint8_t v = 0;

	return wire_get_u8(r, &v) == ST_OK ? v : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct world world = { 0 };
	struct bindings b = { 0 };
	size_t binds;

	world.n_pairs = next(&r) % (PAIRS_MAX + 1);
	for (size_t i = 0; i < world.n_pairs; i++) {
		world.pairs[i].from = next(&r);
		world.pairs[i].to = next(&r);
		world.pairs[i].user = next(&r);
	}
	binds = next(&r) % (BINDS_MAX + 1);
	for (size_t i = 0; i < binds; i++) {
		uint8_t host = next(&r);
		struct bound want = {
			.host = (uint8_t)((host & 0x7f) % (KEYS + CERTS)),
			.forwarding = (host & 0x80) != 0,
			.session = next(&r) % 32,
		};

		bind_host(&world, &b, &want);
	}
	world.user = next(&r) % 4;
	world.session = next(&r) % 32;
	world.hostkey = next(&r) % (KEYS + CERTS + 1);
	world.now = AFTER - 10 + next(&r);
	check(&world, &b);
	/* A bind that fails makes a difference where it is the only one. */
	b.attempted = world.attempted = true;
	check(&world, &b);
	bindings_fini(&b);
	return 0;
}
