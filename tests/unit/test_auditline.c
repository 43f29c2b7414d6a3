#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/auditline.h"
#include "support/json.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static char line[AUDITLINE_MAX];

/* Write a record; it must fit. */
static size_t
put(const struct audit_record *rec, enum auditline_form form)
{
	struct text t;

	/* One byte is for the newline. */
	text_init(&t, line, sizeof(line) - 1);
	auditline_write(&t, rec, form);
	assert_false(t.full);
	assert_int_equal(strlen(line), t.len);
	return t.len;
}

static void
set(struct audit_text *t, const char *s)
{
	audit_text_set(t, s, strlen(s));
}

/* Somebody was refused a signature. */
static struct audit_record
refused(void)
{
	struct audit_record rec = { .seq = 12, .wall_ms = 1795496400123,
		.count = 17, .op = AUDIT_SIGN, .verdict = AUDIT_DENIED,
		.reason = REASON_DESTINATION, .rule = "destinations",
		.detail = "destinations git@github.com", .has_peer = true,
		.uid = 1000, .gid = 1001, .pid = 123, .comm = "ssh",
		.connection = 5, .fingerprint = "SHA256:abc", .has_what = true,
		.what = SIGNDATA_USERAUTH, .binds = 1,
		.hostkey = "SHA256:def" };

	set(&rec.comment, "deploy");
	set(&rec.user, "git");
	set(&rec.host, "gitlab.com");
	return rec;
}

static void
a_refusal_has_all_its_members(void **state)
{
	struct audit_record rec = refused();
	char want[2048];

	(void)state;
	(void)snprintf(want, sizeof(want), "{\"version\":1,\"seq\":12,"
	    "\"time\":\"2026-11-24T05:00:00.123Z\",\"count\":17,"
	    "\"op\":\"sign\",\"verdict\":\"denied\",\"reason\":\"%s\","
	    "\"text\":\"%s\",\"rule\":\"destinations\","
	    "\"detail\":\"destinations git@github.com\","
	    "\"peer\":{\"uid\":1000,\"gid\":1001},"
	    "\"claims\":{\"pid\":123,\"comm\":\"ssh\"},\"connection\":5,"
	    "\"key\":{\"fingerprint\":\"SHA256:abc\",\"comment\":\"deploy\"},"
	    "\"what\":{\"kind\":\"login\",\"user\":\"git\"},"
	    "\"bound\":{\"hostkey\":\"SHA256:def\",\"host\":\"gitlab.com\","
	    "\"binds\":1,\"forwarding\":false}}",
	    reason_code(REASON_DESTINATION), reason_text(REASON_DESTINATION));
	put(&rec, AUDITLINE_JSON);
	assert_string_equal(line, want);
}

static void
what_is_not_there_is_null(void **state)
{
	struct audit_record rec = { .seq = 1, .count = 1, .op = AUDIT_START,
		.wall_ms = 1000 };

	(void)state;
	put(&rec, AUDITLINE_JSON);
	assert_string_equal(line, "{\"version\":1,\"seq\":1,"
	    "\"time\":\"1970-01-01T00:00:01.000Z\",\"count\":1,"
	    "\"op\":\"start\",\"verdict\":\"allowed\",\"reason\":null,"
	    "\"text\":null,\"rule\":null,\"detail\":null,\"peer\":null,"
	    "\"claims\":null,\"connection\":null,\"key\":null,\"what\":null,"
	    "\"bound\":null}");

	/* Root, of whom nothing more is known, is somebody all the same. */
	rec.has_peer = true;
	rec.has_what = true;
	rec.what = SIGNDATA_OTHER;
	rec.binds = 2;
	rec.forwarding = true;
	rec.unlocked = true;
	put(&rec, AUDITLINE_JSON);
	assert_non_null(strstr(line, "\"peer\":{\"uid\":0,\"gid\":0},"
	    "\"claims\":{\"pid\":null,\"comm\":null},\"connection\":null,"
	    "\"key\":null,\"what\":{\"kind\":\"other\"},"
	    "\"bound\":{\"hostkey\":null,\"host\":null,\"binds\":2,"
	    "\"forwarding\":true},\"memory\":\"unlocked\"}"));
}

static void
an_sshsig_has_its_hash(void **state)
{
	struct audit_record rec = refused();

	(void)state;
	rec.what = SIGNDATA_SSHSIG;
	set(&rec.ns, "git");
	set(&rec.hash_algorithm, "sha512");
	rec.hash_len = 3;
	memcpy(rec.hash, "\x00\x9f\xff", 3);
	put(&rec, AUDITLINE_JSON);
	assert_non_null(strstr(line, "\"what\":{\"kind\":\"sshsig\","
	    "\"namespace\":\"git\",\"hash_algorithm\":\"sha512\","
	    "\"hash\":\"009fff\"}"));
	put(&rec, AUDITLINE_TEXT);
	assert_non_null(strstr(line, ", SSHSIG for git sha512 009fff, "));
}

static void
people_read_one_sentence(void **state)
{
	struct audit_record rec = refused();
	char want[1024], rest[512];

	(void)state;
	(void)snprintf(rest, sizeof(rest), "uid 1000 (pid 123 ssh) "
	    "connection 5: sign denied: %s (%s), key SHA256:abc deploy, "
	    "login as git, bound to gitlab.com SHA256:def, "
	    "rule destinations: destinations git@github.com; 17 times",
	    reason_text(REASON_DESTINATION), reason_code(REASON_DESTINATION));
	(void)snprintf(want, sizeof(want), "2026-11-24T05:00:00.123Z #12 %s",
	    rest);
	put(&rec, AUDITLINE_TEXT);
	assert_string_equal(line, want);
	put(&rec, AUDITLINE_LOG);
	assert_string_equal(line, rest);

	rec = (struct audit_record){ .op = AUDIT_FORGET, .count = 1,
		.unlocked = true };
	put(&rec, AUDITLINE_LOG);
	assert_string_equal(line, "forget allowed; keys are in memory that is "
	    "NOT locked");
}

static void
what_was_cut_says_so(void **state)
{
	struct audit_record rec = refused();
	char longer[AUDIT_TEXT_MAX + 1];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	/* Exactly what fits, and one byte more. */
	audit_text_set(&rec.user, longer, AUDIT_TEXT_MAX);
	put(&rec, AUDITLINE_JSON);
	assert_null(strstr(line, "_cut"));
	put(&rec, AUDITLINE_TEXT);
	assert_null(strstr(line, "..."));
	audit_text_set(&rec.user, longer, AUDIT_TEXT_MAX + 1);
	put(&rec, AUDITLINE_JSON);
	assert_non_null(strstr(line, "xx\",\"user_cut\":true}"));
	put(&rec, AUDITLINE_TEXT);
	assert_non_null(strstr(line, "xx..., bound to "));

	rec.what = SIGNDATA_SSHSIG;
	rec.ns = rec.hash_algorithm = rec.host = rec.comment = rec.user;
	put(&rec, AUDITLINE_JSON);
	assert_non_null(strstr(line, "\"comment_cut\":true"));
	assert_non_null(strstr(line, "\"namespace_cut\":true"));
	assert_non_null(strstr(line, "\"hash_algorithm_cut\":true"));
	assert_non_null(strstr(line, "\"host_cut\":true"));
	assert_true(json_is_object(line, strlen(line)));
}

static void
a_year_has_four_digits(void **state)
{
	static const struct {
		int64_t		 ms;
		const char	*time;
	} table[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1970-01-01T00:00:00.000Z" },
		{ INT64_MIN, "1970-01-01T00:00:00.000Z" },
		{ 951782400999, "2000-02-29T00:00:00.999Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
	};
	struct audit_record rec = { .op = AUDIT_STOP };
	char want[64];

	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		rec.wall_ms = table[i].ms;
		put(&rec, AUDITLINE_TEXT);
		(void)snprintf(want, sizeof(want), "%s #0 stop allowed",
		    table[i].time);
		assert_string_equal(line, want);
	}
}

static void
every_operation_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (enum audit_op i = 0; i < AUDIT_OPS; i++) {
		assert_non_null(auditline_op_name(i));
		for (enum audit_op j = 0; j < i; j++)
			assert_string_not_equal(auditline_op_name(i),
			    auditline_op_name(j));
	}
}

/* One line, of characters that a terminal shows. */
static void
assert_shown(size_t len)
{
	struct json j = { (const uint8_t *)line, (const uint8_t *)line + len };

	while (j.p < j.end)
		assert_true(json_plain(&j));
}

static void
no_text_of_a_peer_leaves_its_place(void **state)
{
	static const char *const evil[] = {
		"a\n2026-11-24T05:00:00.123Z #13 uid 0: sign allowed",
		"\r", "\x1b[2K\x1b[1A", "\x1b]0;x\x07", "\"", "\\", "\\\"",
		"\",\"verdict\":\"allowed", "}{", "\xff\xfe", "\xc0\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x80\xae" "dlrow",
		"\xe2\x80\xa8", "\xc2\x9b" "31m", "\x7f", "\xf3\xa0\x80\x81",
		"\xe2\x80", "%s%n%x", "\x08\x08\x08",
		/* With nothing but what may be shown. */
		"root, bound to github.com SHA256:x",
		"git (policy), key SHA256:x", "a; 3 times",
	};
	struct audit_record rec;
	size_t len;

	(void)state;
	for (size_t i = 0; i < N(evil); i++) {
		rec = refused();
		rec.hash_len = AUDIT_HASH_MAX;
		set(&rec.comment, evil[i]);
		set(&rec.user, evil[i]);
		set(&rec.ns, evil[i]);
		set(&rec.hash_algorithm, evil[i]);
		set(&rec.host, evil[i]);
		(void)snprintf(rec.comm, sizeof(rec.comm), "%s", evil[i]);
		for (rec.what = SIGNDATA_USERAUTH; rec.what <= SIGNDATA_SSHSIG;
		    rec.what++) {
			len = put(&rec, AUDITLINE_JSON);
			assert_true(json_is_object(line, len));
			assert_shown(len);
			assert_non_null(strstr(line,
			    "\"verdict\":\"denied\""));
			assert_null(strstr(line, "\"verdict\":\"allowed\""));
			assert_shown(put(&rec, AUDITLINE_TEXT));
			assert_shown(put(&rec, AUDITLINE_LOG));
		}
	}
}

static void
for_people_strange_texts_are_quoted(void **state)
{
	static const struct {
		const char	*user, *shown;
	} table[] = {
		{ "git", " git" },
		{ "first.last+x@example-1.org", " first.last+x@example-1.org" },
		{ "", " \"\"" },
		{ "a b", " \"a b\"" },
		{ "a\"b", " \"a\\x22b\"" },
		{ "\"", " \"\\x22\"" },
		{ "\\", " \"\\\\\"" },
		{ "a\\\"", " \"a\\\\\\x22\"" },
		{ "x\ny", " \"x\\x0ay\"" },
		{ "root, bound to a", " \"root, bound to a\"" },
		{ "\xc3\xbc", " \"\xc3\xbc\"" },
		{ "\xe2\x80\xae", " \"\\xe2\\x80\\xae\"" },
	};
	struct audit_record rec = { .op = AUDIT_SIGN, .has_what = true,
		.what = SIGNDATA_USERAUTH };
	char want[256];

	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		set(&rec.user, table[i].user);
		(void)snprintf(want, sizeof(want),
		    "sign allowed, login as%s", table[i].shown);
		put(&rec, AUDITLINE_LOG);
		assert_string_equal(line, want);
	}
}

static void
what_is_printable_already_is_not_escaped_again(void **state)
{
	struct audit_record rec = { .op = AUDIT_RELOAD,
		.rule = "a\\x0ab \\\\", .detail = "\\" };

	(void)state;
	put(&rec, AUDITLINE_LOG);
	assert_string_equal(line, "reload allowed, rule a\\x0ab \\\\: \\");
}

/* Everything as long as it can be, and of bytes that take most room. */
static struct audit_record
longest(int byte, enum reason reason)
{
	static char words[1024];
	struct audit_record rec = { .seq = UINT64_MAX, .wall_ms = INT64_MAX,
		.count = UINT32_MAX, .op = AUDIT_REMOVE_ALL,
		.verdict = AUDIT_DENIED, .reason = reason, .text = words,
		.has_peer = true, .uid = UINT32_MAX, .gid = UINT32_MAX,
		.pid = INT32_MAX, .connection = UINT64_MAX, .has_what = true,
		.what = SIGNDATA_SSHSIG, .binds = UINT32_MAX,
		.forwarding = true, .unlocked = true,
		.hash_len = AUDIT_HASH_MAX };

	memset(words, byte, sizeof(words) - 1);
	memset(rec.rule, byte, sizeof(rec.rule) - 1);
	memset(rec.detail, byte, sizeof(rec.detail) - 1);
	memset(rec.comm, byte, sizeof(rec.comm) - 1);
	memset(rec.fingerprint, 'x', sizeof(rec.fingerprint) - 1);
	memset(rec.hostkey, 'x', sizeof(rec.hostkey) - 1);
	audit_text_set(&rec.comment, words, sizeof(words) - 1);
	rec.user = rec.ns = rec.hash_algorithm = rec.host = rec.comment;
	return rec;
}

static void
the_longest_line_fits(void **state)
{
	struct audit_record rec;
	size_t len, most = 0;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		for (enum reason r = 0; r < REASONS; r++) {
			rec = longest(byte, r);
			for (enum auditline_form form = AUDITLINE_JSON;
			    form <= AUDITLINE_LOG; form++) {
				len = put(&rec, form);
				most = len > most ? len : most;
			}
		}
	}
	/* Six bytes of each one were counted with. */
	assert_true(most > 6 * (2 * (AUDIT_DETAIL_MAX - 1) +
	    4 * AUDIT_TEXT_MAX));
	assert_true(most < AUDITLINE_MAX - 1);
}

/* A text of any bytes, seldom long. */
static void
random_text(char *out, size_t cap)
{
	size_t n = (size_t)random() % cap;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)(random() % (random() % 2 == 0 ? 256 : 128));
	out[n] = '\0';
}

static struct audit_record
random_record(void)
{
	struct audit_record rec = { .seq = (uint64_t)random(),
		.wall_ms = random() * (random() - (RAND_MAX / 2)),
		.count = (uint32_t)random(),
		.op = (enum audit_op)(random() % AUDIT_OPS),
		.verdict = (enum audit_verdict)(random() % 2),
		.reason = (enum reason)(random() % REASONS),
		.text = random() % 4 == 0 ? "some \"text\"" : NULL,
		.has_peer = random() % 4 != 0, .uid = (uid_t)random(),
		.gid = (gid_t)random(), .pid = (pid_t)(random() % 3),
		.connection = (uint64_t)(random() % 3),
		.has_what = random() % 2 == 0,
		.what = (enum signdata_kind)(random() % 3),
		.hash_len = (uint8_t)(random() % (AUDIT_HASH_MAX + 1)),
		.binds = (uint32_t)(random() % 3),
		.forwarding = random() % 2 == 0,
		.unlocked = random() % 2 == 0 };
	struct audit_text *said[] = { &rec.comment, &rec.user, &rec.ns,
		&rec.hash_algorithm, &rec.host };
	char more[AUDIT_TEXT_MAX * 2];

	for (size_t i = 0; i < N(said); i++) {
		random_text(more, sizeof(more));
		audit_text_set(said[i], more, strlen(more));
	}
	random_text(rec.rule, sizeof(rec.rule));
	random_text(rec.detail, sizeof(rec.detail));
	random_text(rec.comm, sizeof(rec.comm));
	if (random() % 2 == 0)
		strcpy(rec.fingerprint, "SHA256:x");
	return rec;
}

static void
any_record_is_one_valid_line(void **state)
{
	struct audit_record rec;
	size_t len;

	(void)state;
	srandom(1);
	for (size_t i = 0; i < 20000; i++) {
		rec = random_record();
		len = put(&rec, AUDITLINE_JSON);
		if (!json_is_object(line, len))
			fail_msg("record %zu: %s", i, line);
		assert_shown(put(&rec, AUDITLINE_TEXT));
		assert_shown(put(&rec, AUDITLINE_LOG));
	}
}

/* A record with the parts that are only there if others say so. */
static size_t
put_full(struct audit_record *rec, enum signdata_kind what)
{
	rec->has_peer = rec->has_what = true;
	rec->what = what;
	rec->binds = 1;
	return put(rec, AUDITLINE_JSON);
}

static void
nothing_of_a_record_is_left_in_the_next_one(void **state)
{
	static const enum signdata_kind kinds[] = { SIGNDATA_USERAUTH,
		SIGNDATA_SSHSIG, SIGNDATA_OTHER };
	static char before[AUDITLINE_MAX];

	(void)state;
	for (size_t i = 0; i < N(kinds); i++) {
		struct audit_record rec = { .seq = 0 };

		put_full(&rec, kinds[i]);
		memcpy(before, line, sizeof(before));
		memset(&rec, 0x25, sizeof(rec));
		audit_record_init(&rec);
		put_full(&rec, kinds[i]);
		assert_string_equal(line, before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_has_all_its_members),
		cmocka_unit_test(what_is_not_there_is_null),
		cmocka_unit_test(an_sshsig_has_its_hash),
		cmocka_unit_test(people_read_one_sentence),
		cmocka_unit_test(what_was_cut_says_so),
		cmocka_unit_test(a_year_has_four_digits),
		cmocka_unit_test(every_operation_has_a_name_of_its_own),
		cmocka_unit_test(no_text_of_a_peer_leaves_its_place),
		cmocka_unit_test(for_people_strange_texts_are_quoted),
		cmocka_unit_test(
		    what_is_printable_already_is_not_escaped_again),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(any_record_is_one_valid_line),
		cmocka_unit_test(
		    nothing_of_a_record_is_left_in_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
