#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/policyfile.h"
#include "base/text.h"

static struct policy policy;
static char why[1024];

static int
setup(void **state)
{
	(void)state;
	policy_init(&policy, 700);
	why[0] = '\0';
	return 0;
}

static int
parse(const char *text, size_t len)
{
	/* On the heap, so that a sanitizer sees its end. */
	char *p = malloc(len + 1);
	int st;

	assert_non_null(p);
	memcpy(p, text, len);
	p = realloc(p, len > 0 ? len : 1);
	assert_non_null(p);
	st = policyfile_parse(&policy, p, len, "conf", why, sizeof(why));
	free(p);
	return st;
}

/* What the rules are, as "LINE:TEXT" with blanks between. */
static const char *
rules(void)
{
	static char out[1024];
	struct text t;

	text_init(&t, out, sizeof(out));
	for (size_t i = 0; i < policy.n; i++)
		text_addf(&t, "%s%u:%s", i > 0 ? " " : "",
		    policy.rules[i].line, policy.rules[i].text);
	return out;
}

static void
good_files_are_their_rules(void **state)
{
	static const struct {
		const char	*text;
		const char	*rules;
	} table[] = {
		{ "1=list", "1:1=list" },
		{ "1=list\n", "1:1=list" },
		{ "1=list\r\n", "1:1=list" },
		{ "\n\n1=list\n\n", "3:1=list" },
		{ "1=list\n2=sign\n", "1:1=list 2:2=sign" },
		{ "1=list\r\n\r\n2=sign", "1:1=list 3:2=sign" },
		{ " \t1=list\t \n", "1:1=list" },
		{ "# who may what\n1=list\n", "2:1=list" },
		{ "  # blanks before it\n1=list\n#", "2:1=list" },
		{ "#\n#2=sign\n1=list # not here\n", NULL },
		{ "# \xff\x01\x1b[31m binary\n1=list\n", "2:1=list" },
		{ "@root=none\nroot=admin\n", "1:@root=none 2:root=admin" },
		{ "1=list\n1=sign\n1=list\n",
		    "1:1=list 2:1=sign 3:1=list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		policy_init(&policy, 700);
		if (table[i].rules == NULL) {
			assert_int_equal(parse(table[i].text,
			    strlen(table[i].text)), ST_MALFORMED);
			continue;
		}
		if (parse(table[i].text, strlen(table[i].text)) != ST_OK)
			fail_msg("%s: %s", table[i].text, why);
		assert_string_equal(rules(), table[i].rules);
	}
}

#define BAD(text, why)	{ text, sizeof(text) - 1, why }

static void
bad_files_are_refused_by_line(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len;
		const char	*why;	/* how the message begins */
	} table[] = {
		BAD("", "conf:1: there is no rule in this file"),
		BAD("\n", "conf:1: there is no rule"),
		BAD("# 1=list\n\n", "conf:2: there is no rule"),
		BAD(" \t\r\n", "conf:1: there is no rule"),
		BAD("1\n", "conf:1: \"1\" is no rule: use PEER=OPS"),
		BAD("1=list\n\nnobody-here=list\n",
		    "conf:3: there is no user \"nobody-here\""),
		BAD("1=list\n@nobody-here=list",
		    "conf:2: there is no group \"nobody-here\""),
		BAD("1=lists", "conf:1: \"lists\" is no operation"),
		BAD("1=list,", "conf:1: \"\" is no operation"),
		BAD("1 = list", "conf:1: \"1 = list\" is no rule: use PEER"),
		BAD("1=list 2=list", "conf:1: \"1=list 2=list\" is no rule"),
		BAD("1=list # why", "conf:1: \"1=list # why\" is no rule: put "
		    "the comment on a line of its own"),
		BAD("1=list\t#why\n", "conf:1: \"1=list\\x09#why\" is no rule: "
		    "put the comment"),
		BAD("1=list, sign #", "conf:1: \"1=list, sign #\" is no rule: "
		    "put the comment"),
		BAD("1=list#why", "conf:1: \"list#why\" is no operation"),
		BAD("1=list a#b", "conf:1: \"1=list a#b\" is no rule: use PEER"),
		BAD("1=list\\\n", "conf:1: \"list\\\\\" is no operation"),
		BAD("1=list\r2=list\n", "conf:1: \"1=list\\x0d2=list\""),
		BAD("1=list\v\n", "conf:1: \"1=list\\x0b\" is no rule"),
		BAD("1=list\x7f\n", "conf:1: \"1=list\\x7f\" is no rule"),
		BAD("1=list\n\x1b[2J=list\n", "conf:2: \"\\x1b[2J=list\" is"),
		/* The escape of terminals that is no ASCII. */
		BAD("\xc2\x9b" "2J=list\n",
		    "conf:1: there is no user \"\\xc2\\x9b2J\""),
		BAD("\xff=list\n", "conf:1: there is no user \"\\xff\""),
		BAD("\xef\xbb\xbf" "1=list\n",
		    "conf:1: there is no user \"\\xef\\xbb\\xbf1\""),
		BAD("1=\xff\n", "conf:1: \"\\xff\" is no operation"),
		BAD("1=list\0\n", "conf:1: there is a NUL byte"),
		BAD("1=list\n\0", "conf:2: there is a NUL byte"),
		BAD("# a\0b\n1=list\n", "conf:1: there is a NUL byte"),
		BAD("1\0=\0l\0", "conf:1: there is a NUL byte"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		why[0] = '\0';
		assert_int_equal(parse(table[i].text, table[i].len),
		    ST_MALFORMED);
		if (strncmp(why, table[i].why, strlen(table[i].why)) != 0)
			fail_msg("%zu: %s, not %s", i, why, table[i].why);
		assert_int_equal(policy.n, 0);
	}
}

static void
a_bad_file_changes_nothing(void **state)
{
	static const char text[] = "1=list\n2=sign\n3=nonsense\n";
	struct policy before;

	(void)state;
	assert_int_equal(policy_add(&policy, "9=admin", why, sizeof(why)),
	    ST_OK);
	before = policy;
	assert_int_equal(parse(text, strlen(text)), ST_MALFORMED);
	assert_int_equal(policy.n, 1);
	assert_int_equal(policy.self, before.self);
	assert_memory_equal(policy.rules, before.rules,
	    sizeof(policy.rules[0]));
	/* Rules of the command line do not make up for a file without any. */
	assert_int_equal(parse("#\n", 2), ST_MALFORMED);
	assert_int_equal(parse("1=list\n", 7), ST_OK);
	assert_string_equal(rules(), "0:9=admin 1:1=list");
}

static void
a_line_of_any_length_is_no_overflow(void **state)
{
	char text[2 * POLICY_RULE_MAX];
	size_t len;
	int st;

	(void)state;
	for (len = POLICY_RULE_MAX - 2; len < sizeof(text); len++) {
		policy_init(&policy, 700);
		memset(text, '0', len);
		memcpy(text + len - 9, "1000=list", 9);
		st = parse(text, len);
		assert_int_equal(st, len < POLICY_RULE_MAX ? ST_OK :
		    ST_MALFORMED);
		if (st != ST_OK)
			assert_non_null(strstr(why, "...\" is too long"));
		/* A comment may be. */
		policy_init(&policy, 700);
		text[0] = '#';
		memcpy(text + len - 7, "\n1=list", 7);
		assert_int_equal(parse(text, len), ST_OK);
	}
	/* Bytes that take four each in a message. */
	memset(text, '\x01', sizeof(text));
	assert_int_equal(parse(text, sizeof(text)), ST_MALFORMED);
	assert_in_range(strlen(why), 4 * 64, 4 * 64 + 100);
	memset(text, '\xff', sizeof(text));
	memcpy(text + 300, "=list", 5);
	assert_int_equal(parse(text, 305), ST_MALFORMED);
	assert_non_null(strstr(why, "or give its number"));
}

static void
a_short_message_is_cut(void **state)
{
	(void)state;
	memset(why, '#', sizeof(why));
	assert_int_equal(policyfile_parse(&policy, "1", 1, "conf", why, 8),
	    ST_MALFORMED);
	assert_string_equal(why, "conf:1:");
	assert_int_equal(why[8], '#');
	assert_int_equal(policyfile_parse(&policy, "1", 1, "conf", why, 0),
	    ST_MALFORMED);
}

static void
rules_of_a_file_are_limited_with_the_others(void **state)
{
	char text[POLICY_RULES_MAX * 8 + 8];
	struct text t;

	(void)state;
	text_init(&t, text, sizeof(text));
	for (int i = 0; i < POLICY_RULES_MAX; i++)
		text_addf(&t, "%d=list\n", i);
	assert_int_equal(parse(text, t.len), ST_OK);
	assert_int_equal(policy.n, POLICY_RULES_MAX);

	policy_init(&policy, 700);
	assert_int_equal(policy_add(&policy, "9=admin", why, sizeof(why)),
	    ST_OK);
	assert_int_equal(parse(text, t.len), ST_FULL);
	assert_string_equal(why, "conf:64: more than 64 rules");
	assert_int_equal(policy.n, 1);
}

/* What policyfile_scan() told, with bars between, and when to stop. */
static struct text told;
static int go_on;

static bool
on_fault(void *cookie, const char *fault)
{
	(void)cookie;
	text_addf(&told, "%.7s|", fault);
	return go_on-- > 1;
}

static int
scan(const char *text, int stop_after)
{
	static char out[1024];

	policy_init(&policy, 700);
	text_init(&told, out, sizeof(out));
	go_on = stop_after;
	return policyfile_scan(&policy, text, strlen(text), "conf", on_fault,
	    NULL);
}

static void
a_scan_tells_of_every_line_and_keeps_the_good_ones(void **state)
{
	static const char text[] = "bad\n1=list\n2=bad\n# c\n3=sign\n@\n";
	char many[POLICY_RULES_MAX * 8 + 64];
	struct text t;

	(void)state;
	assert_int_equal(scan(text, 99), ST_MALFORMED);
	assert_string_equal(told.p, "conf:1:|conf:3:|conf:6:|");
	assert_string_equal(rules(), "2:1=list 5:3=sign");
	assert_int_equal(scan(text, 2), ST_MALFORMED);
	assert_string_equal(told.p, "conf:1:|conf:3:|");
	assert_int_equal(scan("1=list\n", 99), ST_OK);
	assert_string_equal(told.p, "");
	/* Bad lines are said once, and not again as no rules at all. */
	assert_int_equal(scan("bad\n", 99), ST_MALFORMED);
	assert_string_equal(told.p, "conf:1:|");

	/* When it is full there is no use in going on. */
	text_init(&t, many, sizeof(many));
	text_add(&t, "bad\n");
	for (int i = 0; i < POLICY_RULES_MAX + 3; i++)
		text_addf(&t, "%d=list\n", i);
	assert_int_equal(scan(many, 99), ST_FULL);
	assert_string_equal(told.p, "conf:1:|conf:66|");
}

static void
a_file_is_read_if_it_is_ours(void **state)
{
	char dir[] = "/tmp/policyfile.XXXXXX", path[64], begin[128];
	char *big;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/conf", dir);
	assert_int_equal(policyfile_read(&policy, path, why, sizeof(why)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, path));

	assert_non_null(f = fopen(path, "w"));
	assert_true(fprintf(f, "# rules\n1=list\n2=bad\n") > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(policyfile_read(&policy, path, why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(policyfile_read(&policy, path, why, sizeof(why)),
	    ST_MALFORMED);
	(void)snprintf(begin, sizeof(begin), "%s:3: \"bad\" is no", path);
	assert_memory_equal(why, begin, strlen(begin));
	assert_int_equal(policy.n, 0);

	/* As large as it may be, and one byte more. */
	big = malloc(POLICYFILE_MAX + 1);
	assert_non_null(big);
	memset(big, '\n', POLICYFILE_MAX + 1);
	memcpy(big, "1=list", 6);
	for (size_t len = POLICYFILE_MAX; len <= POLICYFILE_MAX + 1; len++) {
		assert_non_null(f = fopen(path, "w"));
		assert_int_equal(fwrite(big, 1, len, f), len);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(policyfile_read(&policy, path, why,
		    sizeof(why)), len == POLICYFILE_MAX ? ST_OK :
		    ST_TOO_LARGE);
		assert_string_equal(rules(), "1:1=list");
	}
	free(big);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

#define FILE_TEST(name)	cmocka_unit_test_setup(name, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(good_files_are_their_rules),
		FILE_TEST(bad_files_are_refused_by_line),
		FILE_TEST(a_bad_file_changes_nothing),
		FILE_TEST(a_line_of_any_length_is_no_overflow),
		FILE_TEST(a_short_message_is_cut),
		FILE_TEST(rules_of_a_file_are_limited_with_the_others),
		FILE_TEST(a_scan_tells_of_every_line_and_keeps_the_good_ones),
		FILE_TEST(a_file_is_read_if_it_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
