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

#include "agent/permit.h"
#include "fuzz/fuzz.h"
#include "fuzz/model.h"
#include "fuzz/support/hosts.h"
#include "proto/destination.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define BINDS_MAX	20

/* What the input says. */
struct world {
	size_t		 n_pairs;
	struct model_pair pairs[MODEL_PAIRS_MAX];
	struct model_path path;
	struct model_login login;
	int64_t		 now;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_init();
	return 0;
}

/* The first n pairs, from the first to the last or the other way round. */
static struct slice
put_pairs(const struct world *world, size_t n, bool reverse,
    uint8_t out[HOSTS_LIST_MAX])
{
	struct wire_writer w = wire_writer(out, HOSTS_LIST_MAX);

	hosts_put_pairs(&w, world->pairs, n, reverse);
	if (n > 0) {
		int st = destination_check(fuzz_written(&w));

		assert(st == ST_OK);
	}
	return fuzz_written(&w);
}

/* Record a bind, or see that it is refused, in both worlds. */
static void
bind_host(struct world *world, struct bindings *b,
    const struct model_bind *want)
{
	static const int expected[] = { [MODEL_BOUND] = ST_OK,
		[MODEL_BIND_REFUSED] = ST_DENIED, [MODEL_BIND_FULL] = ST_FULL };
	enum reason why = REASON_NONE;
	enum model_bound bound = model_bind(&world->path, want);
	int st;

	b->attempted = true;
	st = bindings_add(b, hosts_blob(want->host),
	    hosts_session(want->session), want->forwarding, &why);
	assert(st == expected[bound]);
	assert(st == ST_OK || why != REASON_NONE);
	b->gap = world->path.gap;
	assert(b->n == world->path.n);
}

/* What permit.c says. */
struct answers {
	int	 visible, auth;
	bool	 user;
};

static struct answers
ask(const struct world *world, struct slice list, const struct bindings *b)
{
	const struct model_login *l = &world->login;
	struct signdata d = { .kind = SIGNDATA_USERAUTH };
	enum reason why = REASON_NONE;
	struct answers a;

	d.userauth.session_id = hosts_session(l->session);
	d.userauth.user = slice_str(model_users[l->user]);
	d.userauth.hostbound = l->hostkey < MODEL_ENDS;
	if (d.userauth.hostbound)
		d.userauth.hostkey = hosts_blob(l->hostkey);
	a.visible = permit_visible(list, b, world->now, &why);
	assert(a.visible == ST_OK ||
	    (a.visible == ST_DENIED && why != REASON_NONE));
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
	uint8_t bytes[HOSTS_LIST_MAX];
	struct answers a, other;

	a = ask(world, put_pairs(world, world->n_pairs, false, bytes), b);
	assert((a.visible == ST_OK) == model_seen(world->pairs,
	    world->n_pairs, &world->path, world->now));
	assert((a.auth == ST_OK) == model_logs_in(world->pairs,
	    world->n_pairs, &world->path, &world->login, world->now));
	assert(a.user == model_as_user(world->pairs, world->n_pairs,
	    world->login.user));
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

	world.n_pairs = next(&r) % (MODEL_PAIRS_MAX + 1);
	for (size_t i = 0; i < world.n_pairs; i++) {
		world.pairs[i].from = next(&r);
		world.pairs[i].to = next(&r);
		world.pairs[i].user = next(&r) % MODEL_USERS;
	}
	binds = next(&r) % (BINDS_MAX + 1);
	for (size_t i = 0; i < binds; i++) {
		uint8_t host = next(&r);
		struct model_bind want = {
			.host = (uint8_t)((host & 0x7f) % MODEL_ENDS),
			.forwarding = (host & 0x80) != 0,
			.session = next(&r) % HOSTS_SESSIONS,
		};

		bind_host(&world, &b, &want);
	}
	world.login.user = next(&r) % MODEL_USERS;
	world.login.session = next(&r) % HOSTS_SESSIONS;
	world.login.hostkey = next(&r) % (MODEL_ENDS + 1);
	world.now = MODEL_AFTER - 10 + next(&r);
	check(&world, &b);
	/* A bind that fails makes a difference where it is the only one. */
	b.attempted = world.path.tried = true;
	check(&world, &b);
	bindings_fini(&b);
	return 0;
}
