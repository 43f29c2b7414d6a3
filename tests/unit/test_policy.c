#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/policy.h"

#define SELF	700u

static struct policy policy;
static char why[512];

static int
setup(void **state)
{
	(void)state;
	policy_init(&policy, SELF);
	return 0;
}

static void
add(const char *text)
{
	assert_int_equal(policy_add(&policy, text, why, sizeof(why)), ST_OK);
}

/* What a peer with these groups may do; the first is its primary one. */
static unsigned
ops(uid_t uid, gid_t gid, gid_t other)
{
	struct unixsock_peer peer = { .uid = uid, .gid = gid, .ngroups = 2,
		.groups = { 12345, other } };

	return policy_ops(&policy, &peer);
}

static void
good_rules_are_what_they_say(void **state)
{
	static const struct {
		const char	*text;
		enum policy_who	 who;
		unsigned	 id;
		unsigned	 ops;
	} table[] = {
		{ "1000=list", POLICY_USER, 1000, POLICY_LIST },
		{ "1000=sign", POLICY_USER, 1000, POLICY_SIGN },
		{ "1000=add", POLICY_USER, 1000, POLICY_ADD },
		{ "1000=remove", POLICY_USER, 1000, POLICY_REMOVE },
		{ "1000=lock", POLICY_USER, 1000, POLICY_LOCK },
		{ "1000=admin", POLICY_USER, 1000, POLICY_ALL },
		{ "1000=none", POLICY_USER, 1000, 0 },
		{ "1000=list,sign", POLICY_USER, 1000,
		    POLICY_LIST | POLICY_SIGN },
		{ "1000=sign,list,sign", POLICY_USER, 1000,
		    POLICY_LIST | POLICY_SIGN },
		{ "1000=list,admin", POLICY_USER, 1000, POLICY_ALL },
		{ "0=list", POLICY_USER, 0, POLICY_LIST },
		{ "root=list", POLICY_USER, 0, POLICY_LIST },
		{ "@0=list", POLICY_GROUP, 0, POLICY_LIST },
		{ "@root=list", POLICY_GROUP, 0, POLICY_LIST },
		{ "@1000=none", POLICY_GROUP, 1000, 0 },
		{ "007=list", POLICY_USER, 7, POLICY_LIST },
		{ "4294967294=list", POLICY_USER, 4294967294u, POLICY_LIST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		policy_init(&policy, SELF);
		if (policy_add(&policy, table[i].text, why, sizeof(why)) !=
		    ST_OK)
			fail_msg("%s: %s", table[i].text, why);
		assert_int_equal(policy.n, 1);
		assert_int_equal(policy.rules[0].who, table[i].who);
		assert_int_equal(policy.rules[0].id, table[i].id);
		assert_int_equal(policy.rules[0].ops, table[i].ops);
		assert_int_equal(policy.rules[0].line, 0);
		assert_string_equal(policy.rules[0].text, table[i].text);
	}
}

static void
bad_rules_are_refused_and_named(void **state)
{
	static const struct {
		const char	*text;
		const char	*why;	/* what the line must contain */
	} table[] = {
		{ "", "no rule" },
		{ "1000", "no rule" },
		{ "=", "no rule" },
		{ "=list", "no rule" },
		{ "@=", "no rule" },
		{ "@=list", "group" },
		{ "@@0=list", "no group \"@0\"" },
		{ "1000=", "operation" },
		{ "1000=,", "operation" },
		{ "1000=list,", "operation" },
		{ "1000=,list", "operation" },
		{ "1000=list,,sign", "operation" },
		{ "1000= list", "\" list\" is no operation" },
		{ "1000=list ", "operation" },
		{ "1000=List", "\"List\"" },
		{ "1000=lis", "\"lis\"" },
		{ "1000=lists", "\"lists\"" },
		{ "1000=list=sign", "\"list=sign\"" },
		{ "1000=all", "\"all\"" },
		{ "1000=none,list", "\"none\"" },
		{ "1000=list,none", "\"none\"" },
		{ "1000=list sign", "\"list sign\"" },
		{ "1000=list\n", "operation" },
		{ "-1=list", "no user \"-1\"" },
		{ "+1=list", "no user \"+1\"" },
		{ " 1000=list", "no user \" 1000\"" },
		{ "1000 =list", "no user \"1000 \"" },
		{ "0x10=list", "no user \"0x10\"" },
		{ "4294967295=list", "no user \"4294967295\": that number "
		    "means none, the highest one is 4294967294" },
		{ "4294967296=list", "no user \"4294967296\": the highest "
		    "number is 4294967294" },
		{ "99999999999999999999999=list", "no user \"99999999999999999"
		    "999999\": the highest number" },
		{ "@4294967295=list", "no group \"4294967295\": that number "
		    "means none" },
		{ "4294967295x=list", "create it first" },
		{ "no-such-user-here=list", "\"no-such-user-here\"" },
		{ "@no-such-group-here=list", "\"no-such-group-here\"" },
		{ "+=list", "no user" },
		{ "Root=list", "no user \"Root\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		why[0] = '\0';
		if (policy_add(&policy, table[i].text, why, sizeof(why)) !=
		    ST_MALFORMED)
			fail_msg("taken: %s", table[i].text);
		if (strstr(why, table[i].why) == NULL)
			fail_msg("%s: %s", table[i].text, why);
		assert_int_equal(policy.n, 0);
	}
}

static void
a_rule_of_any_length_is_no_overflow(void **state)
{
	char text[2 * POLICY_RULE_MAX];
	size_t len;

	(void)state;
	/* 000...01000=list, as long as it may be and one longer. */
	for (len = POLICY_RULE_MAX - 2; len < sizeof(text) - 1; len++) {
		memset(text, '0', len);
		memcpy(text + len - 9, "1000=list", 10);
		if (len < POLICY_RULE_MAX) {
			add(text);
			assert_string_equal(policy.rules[policy.n - 1].text,
			    text);
		} else {
			assert_int_equal(policy_add(&policy, text, why,
			    sizeof(why)), ST_MALFORMED);
		}
	}
	assert_int_equal(policy.n, 2);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "1=", 2);
	assert_int_equal(policy_add(&policy, text, why, sizeof(why)),
	    ST_MALFORMED);
	/* A short line is cut, not overrun. */
	memset(why, '#', sizeof(why));
	assert_int_equal(policy_add(&policy, "1=nonsense", why, 8),
	    ST_MALFORMED);
	assert_int_equal(strlen(why), 7);
	assert_int_equal(why[8], '#');
}

static void
number_of_rules_is_limited(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < POLICY_RULES_MAX; i++) {
		(void)snprintf(text, sizeof(text), "%d=list", 2000 + i);
		add(text);
	}
	assert_int_equal(policy_add(&policy, "1=list", why, sizeof(why)),
	    ST_FULL);
	assert_int_equal(policy.n, POLICY_RULES_MAX);
	assert_int_equal(ops(2000 + POLICY_RULES_MAX - 1, 9, 9), POLICY_LIST);
	assert_int_equal(ops(1, 9, 9), 0);
}

static void
without_rules_it_is_ssh_agents(void **state)
{
	(void)state;
	assert_int_equal(ops(0, 9, 9), POLICY_ALL);
	assert_int_equal(ops(SELF, 9, 9), POLICY_ALL);
	assert_int_equal(ops(SELF + 1, 9, 9), 0);
	assert_int_equal(ops(1000, 0, 0), 0);
	assert_int_equal(ops((uid_t)-1, 9, 9), 0);
}

static void
rules_add_up(void **state)
{
	(void)state;
	add("1000=list");
	add("1000=sign");
	add("@50=add");
	add("@51=remove");
	add("1001=lock");
	assert_int_equal(ops(1000, 9, 9), POLICY_LIST | POLICY_SIGN);
	assert_int_equal(ops(1000, 50, 51), POLICY_LIST | POLICY_SIGN |
	    POLICY_ADD | POLICY_REMOVE);
	assert_int_equal(ops(1001, 9, 51), POLICY_LOCK | POLICY_REMOVE);
	/* "none" takes nothing away that another rule gives. */
	add("1001=none");
	assert_int_equal(ops(1001, 9, 9), POLICY_LOCK);
}

static void
groups_count_primary_and_supplementary(void **state)
{
	(void)state;
	add("@50=list");
	assert_int_equal(ops(1000, 50, 9), POLICY_LIST);
	assert_int_equal(ops(1000, 9, 50), POLICY_LIST);
	assert_int_equal(ops(1000, 9, 9), 0);
	/* A uid is no gid and the other way round. */
	assert_int_equal(ops(50, 9, 9), 0);
	add("51=sign");
	assert_int_equal(ops(1000, 51, 51), 0);
}

static void
groups_past_their_number_do_not_count(void **state)
{
	struct unixsock_peer peer = { .uid = 1000, .gid = 9, .ngroups = 1,
		.groups = { 10, 50 } };

	(void)state;
	add("@50=list");
	add("@0=sign");
	assert_int_equal(policy_ops(&policy, &peer), 0);
	peer.ngroups = 2;
	assert_int_equal(policy_ops(&policy, &peer), POLICY_LIST);
}

static void
only_a_user_rule_takes_admin_away(void **state)
{
	(void)state;
	add("@0=none");
	add("@50=list");
	assert_int_equal(ops(0, 0, 50), POLICY_ALL);
	assert_int_equal(ops(SELF, 0, 50), POLICY_ALL);
	add("root=none");
	assert_int_equal(ops(0, 9, 9), 0);
	assert_int_equal(ops(0, 0, 50), POLICY_LIST);
	assert_int_equal(ops(SELF, 9, 9), POLICY_ALL);
	add("700=sign");
	assert_int_equal(ops(SELF, 9, 9), POLICY_SIGN);
	add("root=list");
	assert_int_equal(ops(0, 9, 9), POLICY_LIST);
}

static void
an_agent_of_root_is_no_different(void **state)
{
	(void)state;
	policy_init(&policy, 0);
	assert_int_equal(ops(0, 9, 9), POLICY_ALL);
	add("0=list,sign");
	assert_int_equal(ops(0, 9, 9), POLICY_LIST | POLICY_SIGN);
}

/* The rules that name a peer. */
static uint64_t
match(uid_t uid, gid_t gid, gid_t other)
{
	struct unixsock_peer peer = { .uid = uid, .gid = gid, .ngroups = 2,
		.groups = { 12345, other } };

	return policy_match(&policy, &peer);
}

static void
matching_rules_are_bits(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(match(1000, 9, 9), 0);
	add("1000=list");
	add("@50=sign");
	add("1001=sign");
	add("1000=none");
	assert_int_equal(match(1000, 9, 9), 0x9);
	assert_int_equal(match(1000, 50, 9), 0xb);
	assert_int_equal(match(1000, 9, 50), 0xb);
	assert_int_equal(match(1001, 9, 50), 0x6);
	assert_int_equal(match(1002, 9, 9), 0);
	while (policy.n < POLICY_RULES_MAX) {
		(void)snprintf(text, sizeof(text), "%zu=list", 2000 + policy.n);
		add(text);
	}
	assert_true(match(2000 + POLICY_RULES_MAX - 1, 9, 9) ==
	    UINT64_C(1) << 63);
}

static void
no_rule_decides_for_those_who_have_all(void **state)
{
	(void)state;
	add("@0=none");
	add("@50=list");
	assert_int_equal(match(0, 0, 50), 0);
	assert_int_equal(match(SELF, 0, 50), 0);
	assert_int_equal(match(1000, 0, 50), 0x3);
	/* Once they are named, what names them does. */
	add("root=sign");
	assert_int_equal(match(0, 0, 50), 0x7);
	assert_int_equal(match(SELF, 0, 50), 0);
}

static void
deciding_rule_is_named(void **state)
{
	static const struct {
		uint64_t	 rules;
		unsigned	 op;
		const char	*out;
	} table[] = {
		{ 0x0, POLICY_SIGN, "built in" },
		{ 0x1, POLICY_LIST, "1000=list" },
		{ 0x1, POLICY_SIGN, "1000=list" },
		{ 0x7, POLICY_LIST, "1000=list" },
		{ 0x7, POLICY_SIGN, "@50=sign,list" },
		{ 0x6, POLICY_LIST, "@50=sign,list" },
		{ 0x7, POLICY_LOCK, "1000=list @50=sign,list 1000=none" },
		{ 0x5, POLICY_SIGN, "1000=list 1000=none" },
		{ 0xf, POLICY_LOCK, "1001=admin" },
		{ 0x3, POLICY_LIST | POLICY_SIGN, "@50=sign,list" },
		{ 0x5, 0, "1000=list 1000=none" },
	};
	char out[64];

	(void)state;
	add("1000=list");
	add("@50=sign,list");
	add("1000=none");
	add("1001=admin");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		policy_deciding(&policy, table[i].rules, table[i].op, out,
		    sizeof(out));
		assert_string_equal(out, table[i].out);
	}
	/* What does not fit is left out. */
	memset(out, '#', sizeof(out));
	policy_deciding(&policy, 0x7, POLICY_LOCK, out, 16);
	assert_string_equal(out, "1000=list @50=s");
	assert_int_equal(out[16], '#');
}

static void
a_peer_alone(void **state)
{
	static const struct {
		const char	*name;
		enum policy_who	 who;
		unsigned	 id;
	} table[] = {
		{ "1000", POLICY_USER, 1000 },
		{ "root", POLICY_USER, 0 },
		{ "@1000", POLICY_GROUP, 1000 },
		{ "@root", POLICY_GROUP, 0 },
	};
	static const char *const none[] = { "", "@", "nobody-here", "-1",
	    "@nobody-here", "root=list", "4294967295" };
	struct policy_peer peer;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(policy_peer_parse(table[i].name, &peer, why,
		    sizeof(why)), ST_OK);
		assert_int_equal(peer.who, table[i].who);
		assert_int_equal(peer.id, table[i].id);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		why[0] = '\0';
		assert_int_equal(policy_peer_parse(none[i], &peer, why,
		    sizeof(why)), ST_MALFORMED);
		assert_non_null(strstr(why, "there is no"));
	}
}

static void
names_of_operations(void **state)
{
	char name[POLICY_OPS_NAME_MAX];

	(void)state;
	policy_ops_name(0, name);
	assert_string_equal(name, "none");
	policy_ops_name(POLICY_LIST | POLICY_SIGN, name);
	assert_string_equal(name, "list,sign");
	policy_ops_name(POLICY_ALL, name);
	assert_string_equal(name, "list,sign,add,remove,lock,admin");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_rules_are_what_they_say, setup),
		cmocka_unit_test_setup(bad_rules_are_refused_and_named, setup),
		cmocka_unit_test_setup(a_rule_of_any_length_is_no_overflow,
		    setup),
		cmocka_unit_test_setup(number_of_rules_is_limited, setup),
		cmocka_unit_test_setup(without_rules_it_is_ssh_agents, setup),
		cmocka_unit_test_setup(rules_add_up, setup),
		cmocka_unit_test_setup(groups_count_primary_and_supplementary,
		    setup),
		cmocka_unit_test_setup(groups_past_their_number_do_not_count,
		    setup),
		cmocka_unit_test_setup(only_a_user_rule_takes_admin_away,
		    setup),
		cmocka_unit_test_setup(an_agent_of_root_is_no_different,
		    setup),
		cmocka_unit_test_setup(matching_rules_are_bits, setup),
		cmocka_unit_test_setup(no_rule_decides_for_those_who_have_all,
		    setup),
		cmocka_unit_test_setup(deciding_rule_is_named, setup),
		cmocka_unit_test_setup(a_peer_alone, setup),
		cmocka_unit_test_setup(names_of_operations, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
