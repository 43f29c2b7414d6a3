/*
 * What is printed: JSON that any parser takes, whatever comments, labels and
 * targets say, and texts without a control byte.
 */

#include "provision/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static struct provision_options opts;
static struct gather g;
static struct plan_host host;
static struct plan_key key;
static struct report_target target;
static char printed[256 * 1024];
static json_t *got;

/* Texts of a plan are never written to. */
static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
setup(void **state)
{
	(void)state;
	opts = (struct provision_options){ .name = "default",
		.socket = "/run/a.sock" };
	g = (struct gather){ .opts = &opts };
	host = (struct plan_host){ .host = text("web"), .hostname = text("web"),
		.port = 22, .n_key = 1 };
	key = (struct plan_key){ .fingerprint = text("SHA256:x"),
		.comment = text("me"), .path = text("/k/id") };
	g.plan = (struct plan){ .hosts = &host, .n_hosts = 1, .keys = &key,
		.n_keys = 1 };
	target = (struct report_target){ .target = "web", .account = "node" };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(got);
	got = NULL;
	return 0;
}

/* What is said on stdout by one call. */
static void
capture(int (*call)(const void *), const void *arg)
{
	int out = dup(STDOUT_FILENO);
	FILE *f = tmpfile();
	size_t n;
	int st;

	assert_true(out >= 0 && f != NULL);
	(void)fflush(stdout);
	assert_true(dup2(fileno(f), STDOUT_FILENO) >= 0);
	st = call(arg);
	(void)fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	(void)close(out);
	assert_int_equal(st, ST_OK);
	rewind(f);
	n = fread(printed, 1, sizeof(printed) - 1, f);
	printed[n] = '\0';
	assert_int_equal(fclose(f), 0);
}

static int
call_json(const void *arg)
{
	return report_json(arg);
}

static int
call_text(const void *arg)
{
	return report_text(arg);
}

static int
call_dry_json(const void *arg)
{
	return report_dry_json(arg);
}

static int
call_dry_text(const void *arg)
{
	return report_dry_text(arg);
}

/* Read what was printed; it is plain ASCII. */
static void
load(void)
{
	json_error_t error;

	json_decref(got);
	got = json_loads(printed, JSON_REJECT_DUPLICATES, &error);
	if (got == NULL)
		fail_msg("%s: %s", error.text, printed);
	for (const char *p = printed; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
	assert_int_equal(json_integer_value(json_object_get(got, "version")),
	    1);
}

static const char *
string_at(json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	assert_non_null(s);
	return s;
}

/* A text of anybody's as a result has it. */
static char *
escape(const char *s)
{
	static char buf[512];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_escape(&t, s, strlen(s));
	return buf;
}

static const char *const hostile[] = { "\"}],\n{\"done\":true", "\\",
	"\033[2J\r\b", "\xff\xfe\x80", "\xc3", "\xe2\x80\xae live",
	"\xf0\x9f\x94\x91", "", "%s%n", "</script>", "\x7f", "a\\x1bb" };

static void
results_are_json(void **state)
{
	struct report r = { .g = &g, .targets = &target, .n = 1 };
	char *keys[2], *warnings[1];
	json_t *t;

	(void)state;
	for (size_t i = 0; i < LENGTH(hostile); i++) {
		warnings[0] = keys[0] = keys[1] = escape(hostile[i]);
		g.warnings = warnings;
		g.n_warnings = 1;
		target.target = hostile[i];
		target.account = hostile[i];
		target.result.key = keys;
		target.result.n_keys = 2;
		capture(call_json, &r);
		load();
		assert_true(json_is_true(json_object_get(got, "done")));
		t = json_array_get(json_object_get(got, "targets"), 0);
		assert_string_equal(string_at(t, "target"), keys[0]);
		assert_string_equal(string_at(t, "user"), keys[0]);
		/* What was safe is not escaped once more. */
		assert_string_equal(json_string_value(json_array_get(
		    json_object_get(t, "keys"), 1)), keys[0]);
		assert_string_equal(json_string_value(json_array_get(
		    json_object_get(got, "warnings"), 0)), keys[0]);
		assert_null(json_object_get(t, "error"));
	}
}

static void
failures_are_json(void **state)
{
	struct report r = { .g = &g, .targets = &target, .n = 1, .code = 3 };
	char *keys[1] = { text("never") };
	json_t *t;

	(void)state;
	target.result.code = SESSION_DENIED;
	target.result.key = keys;
	target.result.n_keys = 1;
	for (size_t i = 0; i < LENGTH(hostile); i++) {
		(void)snprintf(target.result.why, sizeof(target.result.why),
		    "%s", escape(hostile[i]));
		(void)snprintf(target.result.advice,
		    sizeof(target.result.advice), "%s", escape(hostile[i]));
		capture(call_json, &r);
		load();
		assert_true(json_is_false(json_object_get(got, "done")));
		assert_int_equal(json_integer_value(json_object_get(got,
		    "code")), 3);
		t = json_array_get(json_object_get(got, "targets"), 0);
		assert_true(json_is_false(json_object_get(t, "done")));
		assert_int_equal(json_array_size(json_object_get(t, "keys")),
		    0);
		assert_string_equal(string_at(t, "error"), target.result.why);
		if (hostile[i][0] == '\0')
			assert_true(json_is_null(json_object_get(t,
			    "advice")));
		else
			assert_string_equal(string_at(t, "advice"),
			    target.result.why);
	}
	/* One that was cut within a character, and a long one. */
	(void)snprintf(target.result.why, sizeof(target.result.why),
	    "half \xf0\x9f\x94");
	memset(target.result.advice, 'a', sizeof(target.result.advice) - 1);
	capture(call_json, &r);
	load();
	t = json_array_get(json_object_get(got, "targets"), 0);
	assert_string_equal(string_at(t, "error"), "half \\xf0\\x9f\\x94");
	assert_int_equal(strlen(string_at(t, "advice")),
	    SESSION_ADVICE_MAX - 1);
	/* Before any target. */
	r.n = 0;
	r.why = "a \xff b";
	capture(call_json, &r);
	load();
	assert_string_equal(string_at(got, "error"), "a \\xff b");
}

static void
text_has_a_line_for_each_key(void **state)
{
	struct report_target two[2];
	struct report r = { .g = &g, .targets = two, .n = 1 };
	char *keys[2] = { text("t f a"), text("t f b") };

	(void)state;
	two[0] = two[1] = target;
	two[1].target = "db";
	two[0].result.key = two[1].result.key = keys;
	two[0].result.n_keys = 2;
	two[1].result.n_keys = 1;
	capture(call_text, &r);
	assert_string_equal(printed, "t f a\nt f b\n");
	r.n = 2;
	capture(call_text, &r);
	assert_string_equal(printed, "web: t f a\nweb: t f b\ndb: t f a\n");
	two[0].result.code = SESSION_FAILED;
	capture(call_text, &r);
	assert_string_equal(printed, "db: t f a\n");
}

static void
dry_runs_are_json_and_text(void **state)
{
	struct placepipe_frame frame = { .kind = PLACE_FILE };
	const struct clientconf files = { &frame, 1 };
	struct report_dry d = { .g = &g, .files = &files, .n = 1,
		.account = "node" };
	char *targets[1], *words[1];
	json_t *k, *f;

	(void)state;
	d.targets = targets;
	for (size_t i = 0; i < LENGTH(hostile); i++) {
		targets[0] = words[0] = key.comment = key.path = host.host =
		    host.hostname = host.user = text(hostile[i]);
		key.purposes = key.peers = (struct plan_words){ words, 1 };
		frame.name = slice_str(hostile[i]);
		frame.bytes = slice_str("a\n\tb");
		capture(call_dry_json, &d);
		load();
		k = json_array_get(json_object_get(got, "keys"), 0);
		assert_string_equal(string_at(k, "comment"),
		    escape(hostile[i]));
		assert_string_equal(string_at(k, "file"), escape(hostile[i]));
		assert_false(json_is_true(json_object_get(k, "bound")));
		f = json_array_get(json_object_get(k, "hosts"), 0);
		assert_string_equal(string_at(f, "hostname"),
		    escape(hostile[i]));
		f = json_array_get(json_object_get(got, "files"), 0);
		assert_string_equal(string_at(f, "contents"), "a\n\tb");
		assert_true(json_is_true(json_object_get(got, "dryRun")));
		capture(call_dry_text, &d);
		for (const char *p = printed; *p != '\0'; p++)
			assert_true(*p == '\n' || *p == '\t' ||
			    ((unsigned char)*p >= ' ' && *p != 0x7f));
		assert_non_null(strstr(printed, escape(hostile[i])));
		assert_non_null(strstr(printed, "    | a\n    | \tb\n"));
	}
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(results_are_json),
		CASE(failures_are_json),
		CASE(text_has_a_line_for_each_key),
		CASE(dry_runs_are_json_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
