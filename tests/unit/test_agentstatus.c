/*
 * What a target says of its agent: what is a status and what is not, and that
 * nothing of it does anything to a terminal.
 */

#include "provision/agentstatus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY								\
	"{\"type\":\"ssh-ed25519\",\"fingerprint\":\"SHA256:x\","	\
	"\"comment\":\"op@desk\",\"load\":\"default\","			\
	"\"rules\":\"purposes auth\",\"bits\":256,\"confirm\":false,"	\
	"\"lifetime_remaining_s\":3600,\"signatures\":2,"		\
	"\"refusals\":1,\"last_used_ago_s\":90}"

#define STATUS								\
	"{\"version\":1,\"program_version\":\"0.1.0\","			\
	"\"socket\":\"/run/x.sock\",\"mode\":\"service\",\"pid\":7,"	\
	"\"uid\":0,\"uptime_s\":7322,\"locked\":false,"			\
	"\"memory\":{\"backing\":\"mlock\",\"size\":524288,"		\
	"\"used\":2048},\"connections\":{\"open\":1,\"max\":64,"	\
	"\"uid_max\":16},\"signatures\":3,\"refusals\":4,"		\
	"\"audit\":{\"to\":\"syslog\",\"records\":5,\"lost\":0},"	\
	"\"policy\":\"\",\"policy_is_old\":false,"			\
	"\"rules\":[\"node=list,sign\"],\"keys_total\":1,"		\
	"\"keys\":[" KEY "]}"

static char why[256];

/* ${text} with the first ${from} made ${to}. */
static char *
with(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out;

	if (at == NULL)
		fail_msg("there is no %s", from);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to,
	    at + strlen(from)) > 0);
	return out;
}

static int
parse(const char *text, json_t **o)
{
	why[0] = '\0';
	return agentstatus_parse(slice_str(text), o, why, sizeof(why));
}

/* What people see of it. */
static char *
shown(const char *text)
{
	char *out = NULL;
	size_t len;
	json_t *o;
	FILE *f;

	if (parse(text, &o) != ST_OK)
		fail_msg("%s", why);
	f = open_memstream(&out, &len);
	assert_non_null(f);
	agentstatus_print(f, "web", o);
	assert_int_equal(fclose(f), 0);
	json_decref(o);
	return out;
}

static void
a_status_is_shown(void **state)
{
	char *out = shown(STATUS);

	(void)state;
	assert_string_equal(out,
	    "web: 1 key\n"
	    "  agent: bottle-agent 0.1.0, pid 7, uid 0, up 2 h 2 min, service "
	    "mode\n"
	    "  socket: /run/x.sock\n"
	    "  memory: mlock, 2 of 512 KiB in use\n"
	    "  policy: no file\n"
	    "  audit: syslog, 5 records\n"
	    "  allowed: node=list,sign\n"
	    "  since its start: 3 signatures, 4 refused, 1 connected now\n"
	    "  ssh-ed25519 SHA256:x op@desk\n"
	    "    2 signatures, 1 refused, last used 1 min ago; expires in 1 h; "
	    "load default\n"
	    "    purposes auth\n");
	free(out);
}

static void
each_state_is_shown(void **state)
{
	static const struct {
		const char	*from, *to, *shown;
	} row[] = {
		{ "\"locked\":false", "\"locked\":true",
		    "web: LOCKED: no key can be used" },
		{ "\"keys\":[" KEY "]", "\"keys\":[]", "  and 1 more\n" },
		{ "\"keys_total\":1,\"keys\":[" KEY "]",
		    "\"keys_total\":0,\"keys\":[]", "web: 0 keys\n" },
		{ "\"policy\":\"\"", "\"policy\":\"/etc/p\"",
		    "policy: /etc/p\n" },
		{ "\"policy\":\"\",\"policy_is_old\":false",
		    "\"policy\":\"/etc/p\",\"policy_is_old\":true",
		    "policy: /etc/p, which is BROKEN" },
		{ "\"syslog\"", "\"\"", "audit: off\n" },
		{ "\"lost\":0", "\"lost\":2", "2 of them LOST" },
		{ "\"mlock\"", "\"unlocked\"", "NOT LOCKED" },
		{ "[\"node=list,sign\"]", "[]", "its own user and root" },
		{ "\"confirm\":false", "\"confirm\":true",
		    "each use is confirmed" },
		{ "\"last_used_ago_s\":90", "\"last_used_ago_s\":null",
		    "never used" },
		{ ",\"last_used_ago_s\":90", "", "2 signatures, 1 refused; " },
		{ "\"lifetime_remaining_s\":3600",
		    "\"lifetime_remaining_s\":null",
		    "1 min ago; load default" },
		{ "\"load\":\"default\"", "\"load\":\"\"", "expires in 1 h\n" },
		/* What is new in a later agent is passed over. */
		{ "\"pid\":7", "\"pid\":7,\"new\":{\"a\":[1]}", "web: 1 key" },
	};
	char *text, *out;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		text = with(STATUS, row[i].from, row[i].to);
		out = shown(text);
		if (strstr(out, row[i].shown) == NULL)
			fail_msg("%s: %s", row[i].to, out);
		free(out);
		free(text);
	}
}

/* Each member that is missing, and each that is of another type, by name. */
static void
a_wrong_member_is_named(void **state)
{
	static const struct {
		const char	*from, *to, *why;
	} row[] = {
		{ "\"version\":1,", "", "no version in it" },
		{ "\"version\":1", "\"version\":\"1\"", "version is a string" },
		{ "\"program_version\":\"0.1.0\"", "\"program_version\":1",
		    "program_version is a number, not a string" },
		{ "\"socket\":\"/run/x.sock\",", "", "no socket in it" },
		{ "\"mode\":\"service\"", "\"mode\":null", "mode is null" },
		{ "\"pid\":7", "\"pid\":-7",
		    "pid is a negative number, not a whole number" },
		{ "\"uid\":0", "\"uid\":0.5", "uid is a broken number" },
		{ "\"uptime_s\":7322", "\"uptime_s\":[]", "uptime_s is a list" },
		{ "\"locked\":false", "\"locked\":0",
		    "locked is a number, not true or false" },
		{ "{\"backing\":\"mlock\",\"size\":524288,\"used\":2048}", "3",
		    "memory is a number, not an object" },
		{ "\"backing\":\"mlock\",", "", "no memory.backing in it" },
		{ "\"size\":524288", "\"size\":{}", "memory.size is an obj" },
		{ "\"used\":2048", "\"used\":true", "memory.used is true or" },
		{ "\"open\":1", "\"open\":\"\"", "connections.open is a str" },
		{ "\"signatures\":3", "\"signatures\":null", "signatures is n" },
		{ "\"to\":\"syslog\"", "\"to\":7", "audit.to is a number" },
		{ "\"records\":5", "\"records\":null", "audit.records is null" },
		{ "\"policy\":\"\"", "\"policy\":false", "policy is true or" },
		{ "\"policy_is_old\":false", "\"policy_is_old\":\"no\"",
		    "policy_is_old is a string" },
		{ "[\"node=list,sign\"]", "{}", "rules is an object, not a l" },
		{ "[\"node=list,sign\"]", "[\"a\",7]",
		    "rules[1] is a number, not a string" },
		{ "\"keys_total\":1", "\"keys_total\":\"1\"", "keys_total is a" },
		{ "[" KEY "]", "7", "keys is a number, not a list" },
		{ "[" KEY "]", "[" KEY ",\"x\"]", "keys[1] is a string, not" },
		{ "\"type\":\"ssh-ed25519\"", "\"type\":1", "keys[0].type is" },
		{ "\"fingerprint\":\"SHA256:x\",", "", "no keys[0].finger" },
		{ "\"comment\":\"op@desk\"", "\"comment\":{}",
		    "keys[0].comment is an object, not a string" },
		{ "\"load\":\"default\"", "\"load\":null", "keys[0].load is" },
		{ "\"rules\":\"purposes auth\"", "\"rules\":[]",
		    "keys[0].rules is a list" },
		{ "\"bits\":256", "\"bits\":\"256\"", "keys[0].bits is a str" },
		{ "\"confirm\":false", "\"confirm\":1", "keys[0].confirm is" },
		{ "\"lifetime_remaining_s\":3600",
		    "\"lifetime_remaining_s\":\"1 h\"",
		    "keys[0].lifetime_remaining_s is a string, not a whole" },
		{ "\"lifetime_remaining_s\":3600,", "",
		    "no keys[0].lifetime_remaining_s" },
		{ "\"signatures\":2", "\"signatures\":-1",
		    "keys[0].signatures is a negative" },
		{ "\"refusals\":1", "\"refusals\":[]", "keys[0].refusals is a" },
		{ "\"last_used_ago_s\":90", "\"last_used_ago_s\":-90",
		    "keys[0].last_used_ago_s is a negative number" },
		{ "\"pid\":7", "\"pid\":7,\"pid\":8", "no JSON, at line 1" },
	};
	char *text;
	json_t *o;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		text = with(STATUS, row[i].from, row[i].to);
		if (parse(text, &o) != ST_MALFORMED || o != NULL ||
		    strstr(why, row[i].why) == NULL)
			fail_msg("%s: \"%s\" is not \"%s\"", row[i].to, why,
			    row[i].why);
		free(text);
	}
}

static void
what_is_no_object_is_no_status(void **state)
{
	static const char *const texts[] = { "", " ", "{", "[]", "7", "null",
		"\"\x1b[2J\"", "hello", STATUS "x", STATUS STATUS,
		"{\"version\":1}", "\xff", "{\"a\":\"\xff\"}" };
	json_t *o;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &o), ST_MALFORMED);
		assert_null(o);
		assert_true(why[0] != '\0');
		for (const char *p = why; *p != '\0'; p++)
			assert_in_range(*p, ' ', '~');
	}
}

static void
depth_without_end_is_no_status(void **state)
{
	const size_t n = 1000000;
	char *text = malloc(n + 1);
	json_t *o;

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	text[n] = '\0';
	assert_int_equal(parse(text, &o), ST_MALFORMED);
	free(text);
}

static void
another_version_is_unsupported(void **state)
{
	static const char *const versions[] = { "0", "2", "4294967297" };
	char to[64], *text;
	json_t *o;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		(void)snprintf(to, sizeof(to), "\"version\":%s", versions[i]);
		text = with(STATUS, "\"version\":1", to);
		assert_int_equal(parse(text, &o), ST_UNSUPPORTED);
		assert_non_null(strstr(why, versions[i]));
		free(text);
	}
}

/* As many keys as that. */
static char *
many_keys(size_t n)
{
	char *keys = malloc(n * (sizeof(KEY) + 1) + 1), *at = keys, *text;

	assert_non_null(keys);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s%s", i > 0 ? "," : "", KEY);
	text = with(STATUS, KEY, keys);
	free(keys);
	return text;
}

/* The same with that many rules. */
static char *
many_rules(size_t n)
{
	static const char rule[] = "\"node=list,sign\"";
	char *rules = malloc(n * (sizeof(rule) + 1) + 1), *at = rules, *text;

	assert_non_null(rules);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s%s", i > 0 ? "," : "", rule);
	text = with(STATUS, rule, rules);
	free(rules);
	return text;
}

static void
limits_are_met_and_not_passed(void **state)
{
	char *text = many_keys(AGENTSTATUS_ITEMS_MAX), *blank;
	json_t *o;

	(void)state;
	assert_int_equal(parse(text, &o), ST_OK);
	json_decref(o);
	free(text);
	text = many_keys(AGENTSTATUS_ITEMS_MAX + 1);
	assert_int_equal(parse(text, &o), ST_TOO_LARGE);
	free(text);

	text = many_rules(AGENTSTATUS_ITEMS_MAX);
	assert_int_equal(parse(text, &o), ST_OK);
	json_decref(o);
	free(text);
	text = many_rules(AGENTSTATUS_ITEMS_MAX + 1);
	assert_int_equal(parse(text, &o), ST_TOO_LARGE);
	free(text);

	blank = malloc(AGENTSTATUS_TEXT_MAX + 2);
	assert_non_null(blank);
	memset(blank, ' ', AGENTSTATUS_TEXT_MAX + 1);
	blank[AGENTSTATUS_TEXT_MAX + 1] = '\0';
	memcpy(blank, STATUS, sizeof(STATUS) - 1);
	assert_int_equal(parse(blank, &o), ST_TOO_LARGE);
	blank[AGENTSTATUS_TEXT_MAX] = '\0';
	assert_int_equal(parse(blank, &o), ST_OK);
	json_decref(o);
	free(blank);
}

/* Every string that there is, with what a terminal acts on. */
static void
nothing_acts_on_a_terminal(void **state)
{
	static const char *const from[] = { "\"0.1.0\"", "\"/run/x.sock\"",
		"\"service\"", "\"mlock\"", "\"policy\":\"\"", "\"syslog\"",
		"\"node=list,sign\"", "\"ssh-ed25519\"", "\"SHA256:x\"",
		"\"op@desk\"", "\"default\"", "\"purposes auth\"" };
	static const char evil[] = "\"\\u001b]0;x\\u0007\\n\\r\\u0000\\u007f"
	    "\\u009b31m\\u202e\\u200b\"";
	char *text, *out, to[sizeof(evil) + 16];

	(void)state;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		(void)snprintf(to, sizeof(to), "%s%s", strncmp(from[i],
		    "\"policy\"", 8) == 0 ? "\"policy\":" : "", evil);
		text = with(STATUS, from[i], to);
		out = shown(text);
		for (const char *p = out; *p != '\0'; p++)
			if (*p != '\n' && (*p < ' ' || *p > '~'))
				fail_msg("%s: %s", from[i], out);
		assert_non_null(strstr(out, "\\x1b]0;x\\x07\\x0a\\x0d\\x00"));
		free(out);
		free(text);
	}
}

static void
a_long_string_is_cut(void **state)
{
	char *comment = malloc(100003), *text, *out;

	(void)state;
	assert_non_null(comment);
	comment[0] = '"';
	for (size_t i = 1; i < 100001; i += 2)
		memcpy(comment + i, "\xc3\xa4", 2);
	memcpy(comment + 100001, "\"", 2);
	text = with(STATUS, "\"op@desk\"", comment);
	out = shown(text);
	assert_true(strlen(out) < 2048);
	assert_non_null(strstr(out, "\xc3\xa4...\n"));
	free(out);
	free(text);
	/* Not in the middle of a character, wherever that is. */
	comment[1] = 'x';
	for (size_t i = 2; i < 100000; i += 2)
		memcpy(comment + i, "\xc3\xa4", 2);
	memcpy(comment + 100000, "x\"", 3);
	text = with(STATUS, "\"op@desk\"", comment);
	out = shown(text);
	assert_non_null(strstr(out, "\xc3\xa4...\n"));
	free(out);
	free(text);
	free(comment);
}

static void
durations_have_the_units_that_tell(void **state)
{
	static const struct {
		json_int_t	 s;
		const char	*is;
	} row[] = {
		{ 0, "0 s" }, { 59, "59 s" }, { 60, "1 min" },
		{ 3599, "59 min" }, { 3600, "1 h" }, { 3661, "1 h 1 min" },
		{ 172799, "47 h 59 min" }, { 172800, "2 days" },
		{ UINT32_MAX, "49710 days" },
		{ INT64_MAX, "106751991167300 days" },
	};
	char out[AGENTSTATUS_DURATION];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		agentstatus_duration(row[i].s, out);
		assert_string_equal(out, row[i].is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_is_shown),
		cmocka_unit_test(each_state_is_shown),
		cmocka_unit_test(a_wrong_member_is_named),
		cmocka_unit_test(what_is_no_object_is_no_status),
		cmocka_unit_test(depth_without_end_is_no_status),
		cmocka_unit_test(another_version_is_unsupported),
		cmocka_unit_test(limits_are_met_and_not_passed),
		cmocka_unit_test(nothing_acts_on_a_terminal),
		cmocka_unit_test(a_long_string_is_cut),
		cmocka_unit_test(durations_have_the_units_that_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
