#include "agent/rules.h"

#include <stdio.h>

#include "support/hex.h"

#include "proto/agent_num.h"
#include "proto/destination.h"
#include "support/fakecert.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define NOW	1000000
#define SESSION	"the session"

/* Linked with --wrap for these: the allocation with that number fails. */
static int fail_at = -1;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_malloc(size_t n)
{
	return fail_at >= 0 && fail_at-- == 0 ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fail_at >= 0 && fail_at-- == 0 ? NULL : __real_calloc(n, size);
}

/* The blob of a certificate of that key. */
static struct slice
cert_blob(char letter)
{
	struct fakecert fake = { .key = hex_key(letter), .ca = hex_key('c'),
		.role = CERTIFICATE_USER, .principals = "git",
		.before = UINT64_MAX, .critical = "" };
	struct wire_writer w = wire_writer(hex_alloc(512), 512);
	struct slice out;
	size_t mark;

	fakecert_put(&w, &fake);
	mark = wire_open_string(&w);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_str(&w, "a signature");
	wire_close_string(&w, mark);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

/* A login with a plain key or a certificate. */
static struct slice
login_as(struct slice user, const char *algorithm, struct slice with)
{
	struct wire_writer w = wire_writer(hex_alloc(user.len + 1024),
	    user.len + 1024);
	struct slice out;

	wire_put_str(&w, SESSION);
	wire_put_u8(&w, 50);
	wire_put_string(&w, user);
	wire_put_str(&w, "ssh-connection");
	wire_put_str(&w, "publickey");
	wire_put_u8(&w, 1);
	wire_put_str(&w, algorithm);
	wire_put_string(&w, with);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

/* The key that has rules is k; x is another one. */
static struct slice
login(char key, struct slice user)
{
	return login_as(user, "ssh-ed25519", hex_key(key));
}

static struct slice
cert_login(char key)
{
	return login_as(slice_str("git"), "ssh-ed25519-cert-v01@openssh.com",
	    cert_blob(key));
}

static struct slice
sshsig(const char *ns)
{
	struct wire_writer w = wire_writer(hex_alloc(256), 256);
	struct slice out;

	wire_put_bytes(&w, slice_str("SSHSIG"));
	wire_put_str(&w, ns);
	wire_put_str(&w, "");
	wire_put_str(&w, "sha256");
	wire_put_string(&w, hex_fill(7, 32));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

/* One pair: from here to the host h, as users of that pattern. */
static struct slice
to_host_h(const char *user)
{
	struct wire_writer w = wire_writer(hex_alloc(512), 512);
	struct slice out;
	size_t pair, hop;

	pair = wire_open_string(&w);
	hop = wire_open_string(&w);
	wire_put_str(&w, "");
	wire_put_str(&w, "");
	wire_put_str(&w, "");
	wire_close_string(&w, hop);
	hop = wire_open_string(&w);
	wire_put_str(&w, user);
	wire_put_str(&w, "h.example");
	wire_put_str(&w, "");
	wire_put_string(&w, hex_key('h'));
	wire_put_u8(&w, 0);
	wire_close_string(&w, hop);
	wire_put_str(&w, "");
	wire_close_string(&w, pair);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_int_equal(destination_check(out), ST_OK);
	return out;
}

/* "auth,git" as the constraint has it; "": none. */
static struct slice
purposes(const char *list)
{
	struct wire_writer w = wire_writer(hex_alloc(256), 256);
	struct slice out;
	size_t len;

	for (; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		wire_put_string(&w, (struct slice){
		    (const uint8_t *)list, len });
	}
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

/* Rules by way of a request, as they come. */
static void
rules(struct rules *r, const struct constraints *c, bool service)
{
	struct wire_writer w = wire_writer(hex_alloc(1024), 1024);
	struct constraints parsed;
	struct slice body;

	constraint_put(&w, c);
	assert_int_equal(wire_done(&w, &body), ST_OK);
	assert_int_equal(constraint_parse(hex_copy(body), &parsed), ST_OK);
	assert_int_equal(rules_init(r, &parsed, service), ST_OK);
}

/* Where a request comes from. */
enum where {
	UNBOUND,
	BOUND,			/* to h, where the destinations lead */
	ELSEWHERE,		/* bound to another host */
	FAILED,			/* a bind was tried and was not good */
	THROUGH,		/* bound to h, for forwarding */
};

static struct rules_place
place(struct bindings *b, enum where where)
{
	enum reason why;

	*b = (struct bindings){ .attempted = where != UNBOUND };
	if (where == BOUND || where == ELSEWHERE || where == THROUGH)
		assert_int_equal(bindings_add(b,
		    hex_key(where == ELSEWHERE ? 'e' : 'h'), slice_str(SESSION),
		    where == THROUGH, &why), ST_OK);
	return (struct rules_place){ .binds = b, .now_ms = NOW,
		.wall_s = 1000 };
}

/* Whether it may be signed with k. */
static bool
may_sign(const struct rules *r, enum where where, struct slice data,
    enum reason *why)
{
	struct rules_place at;
	struct bindings b;
	struct signdata d;
	int st;

	at = place(&b, where);
	signdata_classify(data, &d);
	*why = REASON_NONE;
	st = rules_sign(r, &at, &d, hex_key('k'), why);
	bindings_fini(&b);
	assert_true(st == ST_OK || (st == ST_DENIED && *why != REASON_NONE));
	return st == ST_OK;
}

/* All kinds of data: a letter for each that may be signed, else a dot. */
static void
verdicts(const struct rules *r, enum where where, char out[static 11])
{
	const struct {
		char		 letter;
		struct slice	 data;
	} kinds[] = {
		{ 'A', login('k', slice_str("git")) },
		{ 'x', login('x', slice_str("git")) },
		/* With a certificate of it, and with one of another key. */
		{ 'c', cert_login('k') },
		{ 'd', cert_login('x') },
		{ 'g', sshsig("git") },
		{ 'f', sshsig("file") },
		{ 'u', sshsig("auth") },
		{ 'y', sshsig("any") },
		{ 'm', sshsig("mail@example.com") },
		{ 'o', hex("'some bytes'") },
	};
	enum reason why;

	for (size_t i = 0; i < N(kinds); i++)
		out[i] = may_sign(r, where, kinds[i].data, &why) ?
		    kinds[i].letter : '.';
	out[N(kinds)] = '\0';
}

static void
what_is_signed_follows_the_table(void **state)
{
	static const struct {
		bool		 service;
		const char	*purposes;
		/* Without destinations, wherever; with destinations on an
		 * unbound connection; the same where that is allowed; and
		 * on one that is bound to the right host. */
		const char	*free, *unbound, *allowed, *bound;
	} rows[] = {
		{ true, "",
		    "A.c.g.....", "..........", "A.........", "A........." },
		{ true, "auth",
		    "A.c.......", "..........", "A.........", "A........." },
		{ true, "git",
		    "....g.....", "....g.....", "....g.....", "....g....." },
		{ true, "file",
		    ".....f....", ".....f....", ".....f....", ".....f...." },
		{ true, "any",
		    "Axcdgfuymo", "....gfuymo", "A...gfuymo", "A...gfuymo" },
		{ true, "auth,git",
		    "A.c.g.....", "....g.....", "A...g.....", "A...g....." },
		{ true, "mail@example.com,file",
		    ".....f..m.", ".....f..m.", ".....f..m.", ".....f..m." },
		{ true, "git,any",
		    "Axcdgfuymo", "....gfuymo", "A...gfuymo", "A...gfuymo" },
		{ false, "",
		    "Axcdgfuymo", "..........", "A.........", "A........." },
		{ false, "auth",
		    "A.c.......", "..........", "A.........", "A........." },
		{ false, "git",
		    "....g.....", "....g.....", "....g.....", "....g....." },
		{ false, "file",
		    ".....f....", ".....f....", ".....f....", ".....f...." },
		{ false, "any",
		    "Axcdgfuymo", "....gfuymo", "A...gfuymo", "A...gfuymo" },
		{ false, "auth,git",
		    "A.c.g.....", "....g.....", "A...g.....", "A...g....." },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		/* By destinations, then by the rule about unbound use: not
		 * there, there and no, there and yes. */
		for (int n = 0; n < 6; n++) {
			struct constraints c = {
				.purposes = purposes(rows[i].purposes),
				.has_unbound = n % 3 > 0,
				.unbound = n % 3 == 2,
			};
			struct rules r;

			if (n >= 3)
				c.destinations = to_host_h("git");
			rules(&r, &c, rows[i].service);
			for (enum where w = UNBOUND; w <= THROUGH; w++) {
				const char *want = n < 3 ? rows[i].free :
				    w == BOUND ? rows[i].bound :
				    w == UNBOUND && n == 5 ? rows[i].allowed :
				    rows[i].unbound;
				char got[11];

				verdicts(&r, w, got);
				if (strcmp(got, want) != 0)
					fail_msg("service %d, purposes "
					    "\"%s\", case %d, place %d: %s, "
					    "not %s", rows[i].service,
					    rows[i].purposes, n, (int)w, got,
					    want);
			}
			rules_fini(&r);
		}
	}
}

static void
lists_show_what_could_log_in_here(void **state)
{
	/* y or n for each place: UNBOUND, BOUND, ELSEWHERE, FAILED. */
	static const struct {
		bool		 service;
		const char	*purposes;
		const char	*free, *limited;
	} rows[] = {
		{ true, "", "yyyy", "yynn" },
		{ true, "auth", "yyyy", "yynn" },
		{ true, "git", "ynny", "ynnn" },
		{ true, "file", "ynny", "ynnn" },
		{ true, "any", "yyyy", "yynn" },
		{ true, "auth,git", "yyyy", "yynn" },
		{ false, "", "yyyy", "yynn" },
		{ false, "auth", "yyyy", "yynn" },
		{ false, "git", "yyyy", "yynn" },
		{ false, "any", "yyyy", "yynn" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		for (int limited = 0; limited < 2; limited++) {
			struct constraints c = {
				.purposes = purposes(rows[i].purposes),
				.destinations = limited ? to_host_h("") :
				    (struct slice){ NULL, 0 },
			};
			const char *want = limited ? rows[i].limited :
			    rows[i].free;
			struct rules r;

			rules(&r, &c, rows[i].service);
			for (enum where w = UNBOUND; w <= FAILED; w++) {
				struct bindings b;
				struct rules_place at = place(&b, w);
				bool yes = rules_listed(&r, &at);

				if (yes != (want[w] == 'y'))
					fail_msg("service %d, purposes "
					    "\"%s\", limited %d, place %d: "
					    "%d", rows[i].service,
					    rows[i].purposes, limited, (int)w,
					    yes);
				bindings_fini(&b);
			}
			rules_fini(&r);
		}
}

/* What a purpose hides from a list is there all the same. */
static void
purposes_hide_nothing_but_in_lists(void **state)
{
	struct constraints c = { .purposes = purposes("git") };
	struct rules_place at;
	struct bindings b;
	struct rules r;
	enum reason why;

	(void)state;
	rules(&r, &c, true);
	at = place(&b, BOUND);
	assert_false(rules_listed(&r, &at));
	assert_int_equal(rules_visible(&r, &at, &why), ST_OK);
	bindings_fini(&b);
	rules_fini(&r);
	c = (struct constraints){ .destinations = to_host_h("") };
	rules(&r, &c, true);
	at = place(&b, ELSEWHERE);
	assert_int_equal(rules_visible(&r, &at, &why), ST_DENIED);
	assert_int_equal(why, REASON_DESTINATION);
	bindings_fini(&b);
	rules_fini(&r);
}

static void
refusals_say_why(void **state)
{
	static const struct {
		const char	*purposes;
		bool		 limited;
		enum where	 where;
		char		 what;	/* A, x, g or o */
		enum reason	 why;
	} rows[] = {
		{ "git", false, UNBOUND, 'A', REASON_PURPOSE_AUTH },
		{ "", true, UNBOUND, 'A', REASON_UNBOUND },
		{ "", true, FAILED, 'A', REASON_BIND_FAILED },
		{ "", true, THROUGH, 'A', REASON_BOUND_FORWARDING },
		{ "auth", false, UNBOUND, 'g', REASON_PURPOSE_NAMESPACE },
		{ "", true, BOUND, 'g', REASON_DESTINATION_SSHSIG },
		{ "", false, UNBOUND, 'm', REASON_PURPOSE_DEFAULT },
		{ "", false, UNBOUND, 'o', REASON_UNCLASSIFIED },
		{ "", false, UNBOUND, 'x', REASON_UNCLASSIFIED },
		{ "any", true, BOUND, 'x', REASON_OTHER_KEY },
	};
	enum reason why;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct constraints c = {
			.purposes = purposes(rows[i].purposes),
		};
		struct slice data = rows[i].what == 'g' ? sshsig("git") :
		    rows[i].what == 'm' ? sshsig("mail") :
		    rows[i].what == 'o' ? hex("00") :
		    login(rows[i].what == 'A' ? 'k' : 'x', slice_str("git"));
		struct rules r;

		if (rows[i].limited)
			c.destinations = to_host_h("git");
		rules(&r, &c, true);
		assert_false(may_sign(&r, rows[i].where, data, &why));
		assert_int_equal(why, rows[i].why);
		rules_fini(&r);
	}
}

static void
users_are_those_of_the_destinations(void **state)
{
	static const struct {
		const char	*pattern, *user;
		bool		 yes;
	} rows[] = {
		{ "", "git", true },
		{ "", "", true },
		{ "git", "git", true },
		{ "git", "gi", false },
		{ "git", "root", false },
		{ "git", "Git", false },
		{ "g*", "gitolite", true },
		{ "g??", "git", true },
		{ "*", "root", true },
		{ "git,root", "root", false },
	};
	enum reason why;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct constraints c = {
			.destinations = to_host_h(rows[i].pattern),
			.has_unbound = true, .unbound = true,
		};
		struct slice data = login('k', slice_str(rows[i].user));
		struct rules r;

		rules(&r, &c, true);
		assert_int_equal(may_sign(&r, UNBOUND, data, &why),
		    rows[i].yes);
		if (!rows[i].yes)
			assert_int_equal(why, REASON_DESTINATION_UNBOUND_USER);
		assert_int_equal(may_sign(&r, BOUND, data, &why),
		    rows[i].yes);
		if (!rows[i].yes)
			assert_int_equal(why,
			    REASON_DESTINATION_USER);
		rules_fini(&r);
	}
}

/* Matching costs as much as the name is long, for each pair: not more than a
 * pair may name itself. */
static void
a_user_that_is_too_long_is_not_matched(void **state)
{
	struct slice fits = login('k', hex_fill('g', DESTINATION_USER_MAX));
	struct slice longer = login('k',
	    hex_fill('g', DESTINATION_USER_MAX + 1));
	struct slice huge = login('k', hex_fill('g', 200 * 1024));
	struct constraints c = { .destinations = to_host_h("*g*g"),
		.has_unbound = true, .unbound = true };
	struct rules r;
	enum reason why;

	(void)state;
	rules(&r, &c, true);
	for (enum where w = UNBOUND; w <= BOUND; w++) {
		assert_true(may_sign(&r, w, fits, &why));
		assert_false(may_sign(&r, w, longer, &why));
		assert_int_equal(why, REASON_USER_TOO_LONG);
		assert_false(may_sign(&r, w, huge, &why));
	}
	rules_fini(&r);
	/* Nothing is matched where there is nothing to match with. */
	c = (struct constraints){ 0 };
	rules(&r, &c, true);
	assert_true(may_sign(&r, UNBOUND, huge, &why));
	rules_fini(&r);
}

static void
rules_keep_nothing_of_the_request(void **state)
{
	struct constraints c = { .purposes = purposes("auth,git"),
		.destinations = to_host_h("git") };
	uint8_t *p = malloc(c.purposes.len + c.destinations.len);
	struct rules r;
	enum reason why;

	(void)state;
	assert_non_null(p);
	memcpy(p, c.purposes.p, c.purposes.len);
	memcpy(p + c.purposes.len, c.destinations.p, c.destinations.len);
	c.purposes.p = p;
	c.destinations.p = p + c.purposes.len;
	assert_int_equal(rules_init(&r, &c, true), ST_OK);
	memset(p, 0xff, c.purposes.len + c.destinations.len);
	free(p);
	assert_true(may_sign(&r, BOUND, login('k', slice_str("git")), &why));
	assert_true(may_sign(&r, BOUND, sshsig("git"), &why));
	assert_false(may_sign(&r, BOUND, sshsig("file"), &why));
	rules_fini(&r);
	rules_fini(&r);
}

#define COUNTED	REASON_SIGNATURES
#define RATED	REASON_RATE

static void
spend(struct rules *r, int64_t now_ms, enum reason denied)
{
	enum reason why = REASON_NONE;
	int st = rules_spend(r, now_ms, &why);

	assert_int_equal(st, denied == REASON_NONE ? ST_OK : ST_DENIED);
	if (denied != REASON_NONE)
		assert_int_equal(why, denied);
}

static void
without_a_limit_nothing_is_spent(void **state)
{
	struct constraints c = { 0 };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	for (int i = 0; i < 5000; i++)
		spend(&r, NOW, REASON_NONE);
	rules_fini(&r);
}

static void
signatures_are_counted_down_to_none(void **state)
{
	struct constraints c = { .has_signatures = true, .signatures = 3 };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	for (int i = 0; i < 3; i++)
		spend(&r, NOW + i, REASON_NONE);
	for (int i = 0; i < 10; i++)
		spend(&r, NOW * i, COUNTED);
	rules_fini(&r);
}

static void
the_largest_count_is_one(void **state)
{
	struct constraints c = { .has_signatures = true,
		.signatures = UINT32_MAX };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	for (int i = 0; i < 1000; i++)
		spend(&r, NOW, REASON_NONE);
	assert_int_equal(r.left, UINT32_MAX - 1000);
	rules_fini(&r);
}

static void
a_rate_is_exact_to_the_millisecond(void **state)
{
	struct constraints c = { .rate_n = 3, .rate_s = 10 };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	spend(&r, 0, REASON_NONE);
	spend(&r, 4000, REASON_NONE);
	spend(&r, 9999, REASON_NONE);
	spend(&r, 9999, RATED);
	/* The first one is ten seconds old now. */
	spend(&r, 10000, REASON_NONE);
	spend(&r, 10000, RATED);
	spend(&r, 13999, RATED);
	spend(&r, 14000, REASON_NONE);
	spend(&r, 19998, RATED);
	spend(&r, 19999, REASON_NONE);
	/* Those of 10000, 14000 and 19999 count here. */
	spend(&r, 19999, RATED);
	spend(&r, 100000, REASON_NONE);
	spend(&r, 100000, REASON_NONE);
	spend(&r, 100000, REASON_NONE);
	spend(&r, 100000, RATED);
	spend(&r, 109999, RATED);
	spend(&r, 110000, REASON_NONE);
	rules_fini(&r);
}

static void
while_the_clock_stands_still_a_rate_is_a_count(void **state)
{
	struct constraints c = { .rate_n = CONSTRAINT_RATE_N_MAX,
		.rate_s = CONSTRAINT_RATE_MAX };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	for (int i = 0; i < CONSTRAINT_RATE_N_MAX; i++)
		spend(&r, NOW, REASON_NONE);
	for (int i = 0; i < 10; i++)
		spend(&r, NOW, RATED);
	spend(&r, NOW + CONSTRAINT_RATE_MAX * (int64_t)1000 - 1, RATED);
	spend(&r, NOW + CONSTRAINT_RATE_MAX * (int64_t)1000, REASON_NONE);
	rules_fini(&r);
}

/* Whatever the machine's clock began with. */
static void
a_rate_starts_at_any_time(void **state)
{
	static const int64_t start[] = { 0, 1, INT64_MAX / 4 };
	struct constraints c = { .rate_n = 1, .rate_s = 1 };
	struct rules r;

	(void)state;
	for (size_t i = 0; i < N(start); i++) {
		rules(&r, &c, true);
		spend(&r, start[i], REASON_NONE);
		spend(&r, start[i] + 999, RATED);
		spend(&r, start[i] + 1000, REASON_NONE);
		rules_fini(&r);
	}
}

/* What one of them refuses is not counted by the other. */
static void
what_is_refused_is_not_counted(void **state)
{
	struct constraints c = { .has_signatures = true, .signatures = 3,
		.rate_n = 1, .rate_s = 1 };
	struct rules r;

	(void)state;
	rules(&r, &c, true);
	spend(&r, 0, REASON_NONE);
	for (int i = 0; i < 5; i++)
		spend(&r, 500, RATED);
	spend(&r, 1000, REASON_NONE);
	spend(&r, 2000, REASON_NONE);
	spend(&r, 2000, COUNTED);
	spend(&r, 9000, COUNTED);
	rules_fini(&r);
}

static void
no_memory_leaves_nothing(void **state)
{
	struct constraints c = { .purposes = purposes("auth"), .rate_n = 5,
		.rate_s = 5 };
	struct rules r;
	int st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fail_at = i;
		st = rules_init(&r, &c, true);
		fail_at = -1;
		assert_int_equal(st, ST_NOMEM);
		rules_fini(&r);
	}
	assert_int_equal(rules_init(&r, &c, true), ST_OK);
	rules_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_follows_the_table),
		cmocka_unit_test(lists_show_what_could_log_in_here),
		cmocka_unit_test(purposes_hide_nothing_but_in_lists),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(users_are_those_of_the_destinations),
		cmocka_unit_test(a_user_that_is_too_long_is_not_matched),
		cmocka_unit_test(rules_keep_nothing_of_the_request),
		cmocka_unit_test(without_a_limit_nothing_is_spent),
		cmocka_unit_test(signatures_are_counted_down_to_none),
		cmocka_unit_test(the_largest_count_is_one),
		cmocka_unit_test(a_rate_is_exact_to_the_millisecond),
		cmocka_unit_test(
		    while_the_clock_stands_still_a_rate_is_a_count),
		cmocka_unit_test(a_rate_starts_at_any_time),
		cmocka_unit_test(what_is_refused_is_not_counted),
		cmocka_unit_test(no_memory_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
