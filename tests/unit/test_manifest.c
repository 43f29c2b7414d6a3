/*
 * Manifests: what is in a good one, and what is said about a bad one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "proto/constraint.h"
#include "provision/manifest.h"

#define ED25519	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK/PTIlaO9IhyPYRGSWGGUgE" \
		"uX5jaIG4FAqAbpgKPOan"
#define BASE64	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN+BYBzU" \
		"QFELzDQNWqLF5/oxsRrogpuJKaEn8Aq7nvrXXZUR0XjQmkbgZoQb9xJKVEx1" \
		"0JKPR7HE/JYgCmrKEWY="
#define P256	"ecdsa-sha2-nistp256 " BASE64

static struct manifest m;
static char why[4096];
static const char *home = "/home/op", *folder = "/etc/bottles";

static int
setup(void **state)
{
	(void)state;
	home = "/home/op";
	folder = "/etc/bottles";
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	manifest_fini(&m);
	return 0;
}

/* Parse bytes for a bottle, or NULL. */
static int
parse_bytes(const char *text, size_t len, const char *bottle)
{
	/* On the heap, so that a sanitizer sees its end. */
	char *copy = malloc(len > 0 ? len : 1);
	struct manifest_source source = {
		.name = "conf", .text = copy, .len = len, .bottle = bottle,
		.home = home, .folder = folder,
	};
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	manifest_fini(&m);
	(void)strcpy(why, "#");
	st = manifest_parse(&source, &m, why, sizeof(why));
	free(copy);
	if (st != ST_OK) {
		assert_null(m.kept);
		assert_null(m.entries);
		assert_int_equal(m.n, 0);
	} else {
		assert_string_equal(why, "");
	}
	return st;
}

static int
parse(const char *text, const char *bottle)
{
	return parse_bytes(text, strlen(text), bottle);
}

/* Parse one entry that has these members beside the required ones. */
static int
parse_entry(const char *members)
{
	static char text[256 * 1024];

	(void)snprintf(text, sizeof(text),
	    "[{\"Host\":\"a\",\"IdentityFile\":\"k\",\n%s}]", members);
	return parse(text, NULL);
}

static void
assert_good(int st)
{
	if (st != ST_OK)
		fail_msg("%d: %s", st, why);
}

static void
assert_words(const struct manifest_words *w, const char *expected)
{
	char room[1024];
	struct text t;

	text_init(&t, room, sizeof(room));
	for (size_t i = 0; i < w->n; i++)
		text_addf(&t, "%s%s", i > 0 ? " " : "", w->words[i]);
	assert_string_equal(room, expected);
}

static void
all_fields_are_read(void **state)
{
	static const char text[] =
	    "{ \"agents\": { \"x\": [1, 2.5, null] },\n"
	    "  \"bottles\": {\n"
	    "    \"db\": { \"ssh\": \"whatever\" },\n"
	    "    \"web\": { \"image\": \"node:20\", \"ssh\": [\n"
	    "      { \"Host\": \"github.com\", \"IdentityFile\": "
	    "\"~/.ssh/id\",\n"
	    "        \"CertificateFile\": \"keys/c.pub\", \"Hostname\": "
	    "\"ssh.github.com\",\n"
	    "        \"User\": \"git\", \"Port\": 443, \"KnownHostKey\": "
	    "\"" ED25519 " gh\",\n"
	    "        \"purposes\": [\"auth\"], \"namespaces\": [\"git\"],\n"
	    "        \"lifetime\": \"8h\", \"confirm\": true, "
	    "\"maxSignatures\": 20,\n"
	    "        \"rate\": \"5/1m\", \"unbound\": \"allow\", \"proxy\": "
	    "\"http://p:8888\",\n"
	    "        \"user\": \"node\", \"home\": \"/home/node\", \"peers\": "
	    "\"node,@dev\" },\n"
	    "      { \"IdentityFile\": \"/k\", \"Host\": \"b\" } ] } } }\n";
	const struct manifest_entry *e;

	(void)state;
	assert_good(parse(text, "web"));
	assert_string_equal(m.bottle, "web");
	assert_int_equal(m.n, 2);
	e = &m.entries[0];
	assert_int_equal(e->place.line, 5);
	assert_int_equal(e->place.column, 7);
	assert_string_equal(e->host, "github.com");
	assert_string_equal(e->identity, "/home/op/.ssh/id");
	assert_string_equal(e->certificate, "/etc/bottles/keys/c.pub");
	assert_string_equal(e->hostname, "ssh.github.com");
	assert_string_equal(e->user, "git");
	assert_int_equal(e->port, 443);
	assert_int_equal(e->n_keys, 1);
	assert_string_equal(e->keys[0].text, ED25519);
	assert_int_equal(e->keys[0].blob.len, 51);
	assert_memory_equal(e->keys[0].blob.p, "\0\0\0\x0bssh-ed25519", 15);
	assert_words(&e->purposes, "auth git");
	assert_int_equal(e->lifetime_s, 8 * 3600);
	assert_true(e->confirm);
	assert_int_equal(e->signatures, 20);
	assert_int_equal(e->rate_n, 5);
	assert_int_equal(e->rate_s, 60);
	assert_int_equal(e->unbound, MANIFEST_UNBOUND_ALLOW);
	assert_string_equal(e->proxy, "http://p:8888");
	assert_string_equal(e->account, "node");
	assert_string_equal(e->home, "/home/node");
	assert_words(&e->peers, "node @dev");

	e = &m.entries[1];
	assert_int_equal(e->place.line, 12);
	assert_string_equal(e->host, "b");
	assert_string_equal(e->identity, "/k");
	assert_null(e->certificate);
	assert_null(e->hostname);
	assert_null(e->user);
	assert_int_equal(e->port, 0);
	assert_null(e->keys);
	assert_int_equal(e->n_keys, 0);
	assert_null(e->purposes.words);
	assert_int_equal(e->purposes.n, 0);
	assert_int_equal(e->lifetime_s, 0);
	assert_false(e->confirm);
	assert_int_equal(e->signatures, 0);
	assert_int_equal(e->rate_n, 0);
	assert_int_equal(e->unbound, MANIFEST_UNBOUND_UNSAID);
	assert_null(e->proxy);
	assert_null(e->account);
	assert_null(e->home);
	assert_null(e->peers.words);
}

static void
values_have_their_other_forms(void **state)
{
	(void)state;
	assert_good(parse_entry("\"Port\":\"22\",\"lifetime\":90,"
	    "\"confirm\":false,\"unbound\":\"deny\",\"peers\":[\"node\","
	    "\"0\"],\"proxy\":\"direct\",\"KnownHostKey\":[\"" ED25519
	    "\",\"ecdsa-sha2-nistp256  " BASE64 " x y\"],\"namespaces\":[\"file\"]"));
	assert_int_equal(m.entries[0].port, 22);
	assert_int_equal(m.entries[0].lifetime_s, 90);
	assert_false(m.entries[0].confirm);
	assert_int_equal(m.entries[0].unbound, MANIFEST_UNBOUND_DENY);
	assert_words(&m.entries[0].peers, "node 0");
	assert_string_equal(m.entries[0].proxy, "direct");
	assert_int_equal(m.entries[0].n_keys, 2);
	assert_string_equal(m.entries[0].keys[0].text, ED25519);
	assert_string_equal(m.entries[0].keys[1].text, P256);
	assert_words(&m.entries[0].purposes, "file");
	assert_null(m.bottle);

	/* Keys and values may be written with escapes. */
	assert_good(parse("[{\"H\\u006fst\":\"\\u0061\",\"IdentityFile\":"
	    "\"\\u00e4\\/\\ud83d\\ude00\"}]", NULL));
	assert_string_equal(m.entries[0].host, "a");
	assert_string_equal(m.entries[0].identity,
	    "/etc/bottles/\xc3\xa4/\xf0\x9f\x98\x80");
	/* What is in both lists is meant once. */
	assert_good(parse_entry("\"purposes\":[\"auth\",\"git\"],"
	    "\"namespaces\":[\"git\",\"file\"]"));
	assert_words(&m.entries[0].purposes, "auth git file");
	assert_good(parse_entry("\"purposes\":[\"any\"]"));
	assert_words(&m.entries[0].purposes, "any");
}

static void
paths_lead_where_they_should(void **state)
{
	static const struct {
		const char	*home, *folder, *path, *is;
	} table[] = {
		{ "/home/op", "/etc", "/k", "/k" },
		{ "/home/op", "/etc", "k", "/etc/k" },
		{ "/home/op", "/etc/", "k", "/etc/k" },
		{ "/home/op", "/", "k", "/k" },
		{ "/home/op", "", "k", "k" },
		{ "/home/op", "/etc", "./../k", "/etc/./../k" },
		{ "/home/op", "/etc", "~", "/home/op" },
		{ "/home/op", "/etc", "~/k", "/home/op/k" },
		{ "/", "/etc", "~/k", "/k" },
		{ "/home/op/", "/etc", "~/k", "/home/op/k" },
		/* All else is data. */
		{ "/home/op", "/etc", "~root/k", "/etc/~root/k" },
		{ "/home/op", "/etc", "a/~/k", "/etc/a/~/k" },
		{ "/home/op", "/etc", "$HOME/${HOME}", "/etc/$HOME/${HOME}" },
		{ "/home/op", "/etc", "$(touch x) `id`",
		    "/etc/$(touch x) `id`" },
		{ "/home/op", "/etc", "a b'c;d|e&f", "/etc/a b'c;d|e&f" },
		{ "/home/op", "/etc", "%d/%u", "/etc/%d/%u" },
		{ "/home/op", "/etc", "-i", "/etc/-i" },
		{ "/home/op", "/etc", " k ", "/etc/ k " },
		{ NULL, "/etc", "~x/k", "/etc/~x/k" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		home = table[i].home;
		folder = table[i].folder;
		(void)snprintf(text, sizeof(text),
		    "[{\"Host\":\"a\",\"IdentityFile\":\"%s\"}]",
		    table[i].path);
		assert_good(parse(text, NULL));
		assert_string_equal(m.entries[0].identity, table[i].is);
	}
	folder = "/etc";
	assert_good(parse("[{\"Host\":\"a\",\"IdentityFile\":"
	    "\"q\\\"\\\\n\"}]", NULL));
	assert_string_equal(m.entries[0].identity, "/etc/q\"\\n");
	home = NULL;
	assert_int_equal(parse("[{\"Host\":\"a\",\"IdentityFile\":\"~/k\"}]",
	    NULL), ST_MALFORMED);
	assert_string_equal(why, "conf:1:29: [0].IdentityFile: must be a path "
	    "without ~: your home directory is not known; it is \"~/k\"");
	home = "";
	assert_int_equal(parse("[{\"Host\":\"a\",\"IdentityFile\":\"~\"}]",
	    NULL), ST_MALFORMED);
}

static void
a_path_and_its_directory_are_limited_together(void **state)
{
	char text[MANIFEST_PATH_MAX + 64], dir[PATH_MAX];
	size_t len = MANIFEST_PATH_MAX;

	(void)state;
	(void)snprintf(text, sizeof(text), "[{\"Host\":\"a\",\"IdentityFile\":"
	    "\"%0*d\"}]", (int)len, 0);
	/* Directory, slash, path, and NUL. */
	memset(dir, 'd', sizeof(dir));
	dir[PATH_MAX - 2 - len] = '\0';
	folder = dir;
	assert_good(parse(text, NULL));
	assert_int_equal(strlen(m.entries[0].identity), PATH_MAX - 1);
	dir[PATH_MAX - 2 - len] = 'd';
	dir[PATH_MAX - 1 - len] = '\0';
	assert_int_equal(parse(text, NULL), ST_MALFORMED);
	assert_non_null(strstr(why, "must be a shorter path"));
}

static void
without_entries_it_is_good(void **state)
{
	static const struct {
		const char	*text, *bottle;
	} table[] = {
		{ "[]", NULL },
		{ " {} ", NULL },
		{ "{\"agents\":{}}", NULL },
		{ "{\"bottles\":{}}", NULL },
		{ "{\"bottles\":{\"a\":{}}}", NULL },
		{ "{\"bottles\":{\"a\":{}}}", "a" },
		{ "{\"bottles\":{\"a\":{\"ssh\":[]},\"b\":1}}", "a" },
		{ "{\"bottles\":{\"a\":{\"other\":[{}]}}}", "a" },
		{ "{\"bottles\":{\"a b\\n\":{}}}", "a b\n" },
		{ "{\"bottles\":{\"\":{}}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_good(parse(table[i].text, table[i].bottle));
		assert_int_equal(m.n, 0);
		if (table[i].bottle != NULL)
			assert_string_equal(m.bottle, table[i].bottle);
	}
}

struct bad {
	const char	*text, *bottle;
	int		 st;
	const char	*why;	/* how it begins */
};

static void
check_bad(const struct bad *rows, size_t n)
{
	int st;

	for (size_t i = 0; i < n; i++) {
		st = parse(rows[i].text, rows[i].bottle);
		if (st != rows[i].st || strncmp(why, rows[i].why,
		    strlen(rows[i].why)) != 0)
			fail_msg("%zu: %s\n%d: %s, not\n%s", i, rows[i].text,
			    st, why, rows[i].why);
	}
}

static void
bottles_are_found_by_name(void **state)
{
	static const struct bad rows[] = {
		{ "{\"bottles\":{\"web\":{},\n\"db\":{}}}", "wbe",
		    ST_NOT_FOUND, "conf:1:12: bottles: there is no bottle "
		    "\"wbe\"; there are \"web\", \"db\"; did you mean "
		    "\"web\"?" },
		{ "{\"bottles\":{\"web\":{},\n\"db\":{}}}", "Web",
		    ST_NOT_FOUND, "conf:1:12: bottles: there is no bottle "
		    "\"Web\"; there are \"web\", \"db\"; did you mean \"web" },
		{ "{\"bottles\":{\"web\":{},\"db\":{}}}", NULL, ST_NOT_FOUND,
		    "conf:1:12: bottles: say which bottle: there are \"web\", "
		    "\"db\"" },
		{ "{\"bottles\":{}}", "web", ST_NOT_FOUND, "conf:1:12: "
		    "bottles: there is no bottle \"web\"; there are none in "
		    "this manifest" },
		{ "\n {}", "web", ST_NOT_FOUND, "conf:2:2: there is no bottle "
		    "\"web\"; there are none in this manifest" },
		{ " []", "web", ST_NOT_FOUND, "conf:1:2: there is no bottle "
		    "\"web\": this manifest is an array of entries" },
		{ "{\"bottles\":{\"\\u001b[2J\":{},\"b\":{}}}", "a\n",
		    ST_NOT_FOUND, "conf:1:12: bottles: there is no bottle "
		    "\"a\\x0a\"; there are \"\\x1b[2J\", \"b\"" },
		{ "{\"bottles\":[]}", "web", ST_MALFORMED, "conf:1:12: "
		    "bottles: must be an object that has an object for each "
		    "bottle; it is an array []" },
		{ "{\"bottles\":null}", NULL, ST_MALFORMED, "conf:1:12: "
		    "bottles: must be an object that has" },
		{ "{\"bottles\":{\"web\":[]}}", "web", ST_MALFORMED,
		    "conf:1:19: bottles.web: must be an object; it is an "
		    "array []" },
		{ "{\"bottles\":{\"web\":{\"ssh\":{}}}}", "web", ST_MALFORMED,
		    "conf:1:26: bottles.web.ssh: must be an array of "
		    "entries; it is an object {}" },
		{ "{\"bottles\":{\"web\":{\"ssh\":null}}}", "web",
		    ST_MALFORMED, "conf:1:26: bottles.web.ssh: must be an "
		    "array of entries; it is null" },
		/* What others' members are is not looked at, but ours. */
		{ "{\"Bottles\":{}}", NULL, ST_MALFORMED, "conf:1:2: Bottles: "
		    "did you mean bottles? Upper and lower case matter" },
		{ "{\"bottles\":{\"web\":{\"SSH\":[]}}}", NULL, ST_MALFORMED,
		    "conf:1:20: bottles.web.SSH: did you mean ssh?" },
	};
	char text[1024];
	struct text t;

	(void)state;
	check_bad(rows, sizeof(rows) / sizeof(rows[0]));
	assert_null(strstr(why, "#"));

	/* The list is cut. */
	text_init(&t, text, sizeof(text));
	text_add(&t, "{\"bottles\":{");
	for (int i = 1; i <= 20; i++)
		text_addf(&t, "%s\"bottle-%d\":0", i > 1 ? "," : "", i);
	text_add(&t, "}}");
	assert_int_equal(parse(text, "x"), ST_NOT_FOUND);
	assert_non_null(strstr(why, "\"bottle-15\", \"bottle-16\" and 4 more"));
	assert_null(strstr(why, "bottle-17"));
}

static void
a_text_that_is_no_json_has_a_place(void **state)
{
	static const struct bad rows[] = {
		{ "", NULL, ST_MALFORMED, "conf:1:1: there is nothing in it" },
		{ "[\n  { \"Host\": \"a\",\n  }]", NULL, ST_MALFORMED,
		    "conf:2:16: there is nothing behind this comma" },
		{ "[{\"Host\":\"a\"\n \"User\":\"b\"}]", NULL, ST_MALFORMED,
		    "conf:2:2: a comma is missing before this" },
		{ "{\"a\":1,\n\"b\":{\"c\":1,\"\\u0063\":2}}", NULL,
		    ST_MALFORMED, "conf:2:12: this key is in its object "
		    "twice: \"\\\\u0063\"" },
		{ "[{\"Host\":\"a\",\n \"Host\":\"a\"}]", NULL, ST_MALFORMED,
		    "conf:2:2: this key is in its object twice: \"Host\"" },
		{ "{\"x\":\n [\"\xc3\"]}", NULL, ST_MALFORMED, "conf:2:3: "
		    "this text is not UTF-8" },
		{ "{\"\xed\xa0\x80\":1}", NULL, ST_MALFORMED, "conf:1:2: "
		    "this text is not UTF-8" },
		{ "{\"x\":[1,\n 99999999999999999999]}", NULL, ST_MALFORMED,
		    "conf:2:2: this number is too large" },
		{ "{\"x\":1e999}", NULL, ST_MALFORMED, "conf:1:6: this "
		    "number is too large" },
		{ "[{\"Host\":\"a\\u0000\"}]", NULL, ST_MALFORMED,
		    "conf:1:12: a NUL byte" },
	};

	(void)state;
	check_bad(rows, sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(parse_bytes("[]\0", 3, NULL), ST_MALFORMED);
	assert_string_equal(why, "conf:1:3: there is a NUL byte: this is no "
	    "text");
}

static void
entries_are_strict(void **state)
{
	static const struct bad rows[] = {
		{ "[1]", NULL, ST_MALFORMED, "conf:1:2: [0]: must be an "
		    "object with Host and IdentityFile; it is 1" },
		{ "[ {}]", NULL, ST_MALFORMED, "conf:1:3: [0]: Host is "
		    "missing" },
		{ "[\n{\"Host\":\"a\"}]", NULL, ST_MALFORMED, "conf:2:1: [0]: "
		    "IdentityFile is missing" },
		{ "{\"bottles\":{\"a b\":{\"ssh\":[{\"IdentityFile\":\"k\"}]}}"
		    "}", NULL, ST_MALFORMED, "conf:1:27: bottles[\"a b\"]."
		    "ssh[0]: Host is missing" },
		/* Names are exact. */
		{ "[{\"Host\":\"a\",\n \"identityfile\":\"k\"}]", NULL,
		    ST_MALFORMED, "conf:2:2: [0].identityfile: there is no "
		    "such field; did you mean IdentityFile?" },
		{ "[{\"HostName\":\"a\"}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0].HostName: there is no such field; did you mean "
		    "Hostname?" },
		{ "[{\"max_signatures\":1}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0].max_signatures: there is no such field; did you mean "
		    "maxSignatures?" },
		{ "[{\"Idenityfile\":1}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0].Idenityfile: there is no such field; did you mean "
		    "IdentityFile?" },
		{ "[{\"USER\":1}]", NULL, ST_MALFORMED, "conf:1:3: [0].USER: "
		    "there is no such field; did you mean User?" },
		{ "[{\"life-time\":1}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0].life-time: there is no such field; did you mean "
		    "lifetime?" },
		{ "[{\"comment\":1}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0].comment: there is no such field; there are Host, "
		    "IdentityFile, CertificateFile, Hostname, User, Port, "
		    "KnownHostKey, purposes, namespaces, lifetime, confirm, "
		    "maxSignatures, rate, unbound, peers, proxy, user and "
		    "home" },
		{ "[{\"Ho\":1}]", NULL, ST_MALFORMED, "conf:1:3: [0].Ho: "
		    "there is no such field; there are Host, Id" },
		{ "[{\"\":1}]", NULL, ST_MALFORMED, "conf:1:3: [0][\"\"]: "
		    "there is no such field; there are Host," },
		{ "[{\"\\u001b[2J\":1}]", NULL, ST_MALFORMED, "conf:1:3: "
		    "[0][\"\\x1b[2J\"]: there is no such field; there are" },
		/* One for each host. */
		{ "[{\"Host\":\"git.a\",\"IdentityFile\":\"k\"},\n"
		    "{\"Host\":\"Git.a\",\"IdentityFile\":\"k\"}]", NULL,
		    ST_MALFORMED, "conf:2:9: [1].Host: there is an entry for "
		    "\"git.a\" already, which begins in line 1; there must" },
	};

	(void)state;
	check_bad(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Values of fields that are wrong, each in line 2 of its text. */
static void
values_are_strict(void **state)
{
	static const struct {
		const char	*member;
		const char	*why;	/* behind "conf:2:" */
	} table[] = {
		{ "\"Hostname\":1", "12: [0].Hostname: must be a text in "
		    "double quotes; it is 1" },
		{ "\"Hostname\":\"-x\"", "12: [0].Hostname: must be a name of "
		    "a host, which does not begin with -; it is \"-x\"" },
		{ "\"Hostname\":\"\\u001b[2J\"", "12: [0].Hostname: must be a "
		    "name of a host: letters, digits and . - _ : (write a "
		    "name with other letters as its xn-- form); it is "
		    "\"\\x1b[2J\"" },
		{ "\"User\":null", "8: [0].User: must be a text in double "
		    "quotes; it is null" },
		{ "\"User\":\"-l\"", "8: [0].User: must be a name of a" },
		{ "\"Port\":0", "8: [0].Port: must be a number from 1 to "
		    "65535; it is 0" },
		{ "\"Port\":65536", "8: [0].Port: must be a number from 1" },
		{ "\"Port\":-22", "8: [0].Port: must be a number from 1" },
		{ "\"Port\":22.0", "8: [0].Port: must be a number from 1 to "
		    "65535; it is the number 22" },
		{ "\"Port\":\"\"", "8: [0].Port: must be a number from 1 to "
		    "65535; it is \"\"" },
		{ "\"Port\":\"22 \"", "8: [0].Port: must be a number" },
		{ "\"Port\":\"ssh\"", "8: [0].Port: must be a number" },
		{ "\"Port\":\"65536\"", "8: [0].Port: must be a number" },
		{ "\"Port\":true", "8: [0].Port: must be a number from 1 to "
		    "65535; it is true" },
		{ "\"CertificateFile\":\"\"", "19: [0].CertificateFile: must "
		    "not be empty; it is \"\"" },
		{ "\"CertificateFile\":\"a\\tb\"", "19: [0].CertificateFile: "
		    "must be a path without control characters; it is "
		    "\"a\\x09b\"" },
		{ "\"KnownHostKey\":1", "16: [0].KnownHostKey: must be a text "
		    "with type and base64 of a key, or an array of such; it" },
		{ "\"KnownHostKey\":[]", "16: [0].KnownHostKey: must not be "
		    "empty" },
		{ "\"KnownHostKey\":[\"" P256 "\", 1]", "181: "
		    "[0].KnownHostKey[1]: must be a text in double quotes" },
		{ "\"KnownHostKey\":\"ssh-ed25519 AAAA\"", "16: "
		    "[0].KnownHostKey: must be a whole key: there is none in "
		    "this base64; it is \"ssh-ed25519 AAAA\"" },
		{ "\"KnownHostKey\":\"ssh-ed25519 AAA*\"", "16: "
		    "[0].KnownHostKey: must have whole base64 behind" },
		{ "\"KnownHostKey\":\"github.com " ED25519 "\"", "16: "
		    "[0].KnownHostKey: must begin with the type of the key: "
		    "no name of a host before it; it is \"github.com ssh-ed" },
		{ "\"KnownHostKey\":\"" ED25519 " a\\nb\"", "16: "
		    "[0].KnownHostKey: must have no control characters" },
		{ "\"purposes\":\"auth\"", "12: [0].purposes: must be an "
		    "array such as [\"auth\", \"git\"]; it is \"auth\"" },
		{ "\"purposes\":[]", "12: [0].purposes: must be an array such "
		    "as [\"auth\", \"git\"]; it is empty, which would be" },
		{ "\"purposes\":[\"auth\", 2]", "21: [0].purposes[1]: must be "
		    "a text in double quotes; it is 2" },
		{ "\"purposes\":[\"auth\",\n\"auth\"]", "!conf:3:1: "
		    "[0].purposes[1]: must not be there twice; it is \"au" },
		{ "\"purposes\":[\"a\\u001b[2J\"]", "13: [0].purposes[0]: must "
		    "be one word, without blanks, commas and control "
		    "characters; it is \"a\\x1b[2J\"" },
		{ "\"purposes\":[\"a,b\"]", "13: [0].purposes[0]: must be one "
		    "word" },
		{ "\"purposes\":[\"any\",\"git\"]", "!conf:1:2: [0]: the "
		    "purpose \"any\" is for everything" },
		{ "\"purposes\":[\"any\"],\"namespaces\":[\"git\"]",
		    "!conf:1:2: [0]: the purpose \"any\" is for everything" },
		{ "\"namespaces\":[\"auth\"]", "15: [0].namespaces[0]: must "
		    "be a namespace of signatures, such as git or file; auth "
		    "and any belong in purposes; it is \"auth\"" },
		{ "\"namespaces\":{}", "14: [0].namespaces: must be an array "
		    "such as [\"git\"]; it is an object {}" },
		{ "\"lifetime\":0", "12: [0].lifetime: must be a number of "
		    "seconds, or a time such as \"8h\" or \"1h30m\", from" },
		{ "\"lifetime\":-1", "12: [0].lifetime: must be a number" },
		{ "\"lifetime\":2147483648", "12: [0].lifetime: must be" },
		{ "\"lifetime\":\"2147483648\"", "12: [0].lifetime: must be" },
		{ "\"lifetime\":\"0\"", "12: [0].lifetime: must be" },
		{ "\"lifetime\":\"8 h\"", "12: [0].lifetime: must be" },
		{ "\"lifetime\":1.5", "12: [0].lifetime: must be" },
		{ "\"lifetime\":null", "12: [0].lifetime: must be" },
		{ "\"confirm\":1", "11: [0].confirm: must be true or false; "
		    "it is 1" },
		{ "\"confirm\":\"true\"", "11: [0].confirm: must be true or "
		    "false; it is \"true\"" },
		{ "\"maxSignatures\":0", "17: [0].maxSignatures: must be a "
		    "number from 1 to 4294967295; it is 0" },
		{ "\"maxSignatures\":4294967296", "17: [0].maxSignatures: m" },
		{ "\"maxSignatures\":\"5\"", "17: [0].maxSignatures: must" },
		{ "\"maxSignatures\":1e3", "17: [0].maxSignatures: must be" },
		{ "\"rate\":5", "8: [0].rate: must be \"N/TIME\"" },
		{ "\"rate\":\"5\"", "8: [0].rate: must be \"N/TIME\", with N "
		    "from 1 to 1024 and a TIME from 1s to 1d, for example "
		    "\"5/1m\"; it is \"5\"" },
		{ "\"unbound\":\"yes\"", "11: [0].unbound: must be \"allow\" "
		    "or \"deny\"; it is \"yes\"" },
		{ "\"unbound\":true", "11: [0].unbound: must be \"allow\"" },
		{ "\"proxy\":1", "9: [0].proxy: must be a text in double" },
		{ "\"proxy\":\"https://u:hunter2@h\"", "9: [0].proxy: must be "
		    "\"direct\", or a proxy's URL" },
		{ "\"proxy\":\"http://u:hunter2 @h\"", "9: [0].proxy: must be "
		    "a URL of printable ASCII" },
		{ "\"user\":\"a:b\"", "8: [0].user: must be the name or" },
		{ "\"home\":\"home\"", "8: [0].home: must be an absolute" },
		{ "\"peers\":\"\"", "9: [0].peers: must be the name or number "
		    "of a user in the container, or @ and a group's: letters, "
		    "digits and . - _; it is \"\"" },
		{ "\"peers\":\"a,,b\"", "9: [0].peers: must be the name" },
		{ "\"peers\":\"a,\"", "9: [0].peers: must be the name" },
		{ "\"peers\":\"a, b\"", "9: [0].peers: must be the name or "
		    "number of a user in the container, or @ and a group's: "
		    "letters, digits and . - _; it is \" b\"" },
		{ "\"peers\":\"a,a\"", "9: [0].peers: must not be there" },
		{ "\"peers\":[\"a\",\"@\"]", "14: [0].peers[1]: must be the" },
		{ "\"peers\":[]", "9: [0].peers: must be an array such as "
		    "[\"node\", \"@dev\"]; it is empty" },
		{ "\"peers\":7", "9: [0].peers: must be an array such as" },
	};
	const char *begin, *expected;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int st = parse_entry(table[i].member);

		expected = table[i].why;
		begin = why;
		if (expected[0] == '!')
			expected++;
		else if (strncmp(why, "conf:2:", 7) == 0)
			begin += 7;
		if (st != ST_MALFORMED || strncmp(begin, expected,
		    strlen(expected)) != 0)
			fail_msg("%s\n%d: %s, not\n%s", table[i].member, st,
			    why, expected);
		/* A password is in no message. */
		assert_null(strstr(why, "hunter2"));
	}
}

static void
a_password_is_in_no_message(void **state)
{
	static const char *const members[] = {
		"\"proxy\":\"http://u:hunter2@h",
		"\"proxy\":\"http://u:hunter2@h\" \"x\"",
		"\"proxy\":\"http://u:hunter2@h\":1",
		"\"proxy\":\"http://u:hunter2@h\\q\"",
		"\"proxy\":\"http://u:hunter2@h\xff\"",
		"\"proxy\":\"http://u:hunter2@h\\ud800\"",
		"\"proxy\":http://u:hunter2@h",
		"\"proxy\":\"http://u:hunter2@h\",\"x\":1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		assert_int_equal(parse_entry(members[i]), ST_MALFORMED);
		assert_null(strstr(why, "hunter2"));
	}
}

static void
numbers_are_limited(void **state)
{
	static char text[MANIFEST_MAX + 2];
	char members[16 * 1024];
	struct text t;
	int i;

	(void)state;
	/* Bytes. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "[]", 2);
	assert_good(parse_bytes(text, MANIFEST_MAX, NULL));
	assert_int_equal(parse_bytes(text, MANIFEST_MAX + 1, NULL),
	    ST_TOO_LARGE);
	assert_string_equal(why, "conf:1:1: it has more than 1 MiB: this is "
	    "no manifest");
	/* Entries. */
	for (int n = MANIFEST_ENTRIES_MAX; n <= MANIFEST_ENTRIES_MAX + 1;
	    n++) {
		text_init(&t, text, sizeof(text));
		for (i = 0; i < n; i++)
			text_addf(&t, "%c{\"Host\":\"h%d\",\"IdentityFile\":"
			    "\"k\"}\n", i > 0 ? ',' : '[', i);
		text_addc(&t, ']');
		assert_int_equal(parse(text, NULL), n <= MANIFEST_ENTRIES_MAX ?
		    ST_OK : ST_TOO_LARGE);
		assert_int_equal(m.n, n <= MANIFEST_ENTRIES_MAX ? n : 0);
	}
	assert_string_equal(why, "conf:1:1: there must be at most 256 "
	    "entries");
	/* Keys of a host. */
	for (int n = MANIFEST_HOSTKEYS_MAX; n <= MANIFEST_HOSTKEYS_MAX + 1;
	    n++) {
		text_init(&t, members, sizeof(members));
		for (i = 0; i < n; i++)
			text_addf(&t, "%s\"%s\"", i > 0 ? "," :
			    "\"KnownHostKey\":[", ED25519);
		text_addc(&t, ']');
		assert_int_equal(parse_entry(members), n <=
		    MANIFEST_HOSTKEYS_MAX ? ST_OK : ST_TOO_LARGE);
	}
	assert_string_equal(why, "conf:2:16: [0].KnownHostKey: must have at "
	    "most 16 keys");
	/* Nesting. */
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_int_equal(parse_bytes(text, 130, NULL), ST_TOO_LARGE);
	assert_memory_equal(why, "conf:1:65: this is nested too deep", 34);
}

static void
words_are_limited(void **state)
{
	static const struct {
		const char	*name;
		int		 max;
	} lists[] = {
		{ "purposes", CONSTRAINT_PURPOSES_MAX },
		{ "namespaces", CONSTRAINT_PURPOSES_MAX },
		{ "peers", CONSTRAINT_PEERS_MAX },
	};
	char members[4096];
	struct text t;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int n = lists[i].max; n <= lists[i].max + 1; n++) {
			text_init(&t, members, sizeof(members));
			text_addf(&t, "\"%s\":", lists[i].name);
			for (int j = 0; j < n; j++)
				text_addf(&t, "%c\"w%d\"", j > 0 ? ',' : '[',
				    j);
			text_addc(&t, ']');
			assert_int_equal(parse_entry(members), n <=
			    lists[i].max ? ST_OK : ST_TOO_LARGE);
			if (n > lists[i].max)
				assert_non_null(strstr(why, "[32]: there must "
				    "be at most 32"));
		}
	/* Both lists together. */
	for (int n = 16; n <= 17; n++) {
		text_init(&t, members, sizeof(members));
		for (int j = 0; j < n; j++)
			text_addf(&t, "%s\"p%d\"", j > 0 ? "," :
			    "\"purposes\":[", j);
		for (int j = 0; j < 16; j++)
			text_addf(&t, "%s\"n%d\"", j > 0 ? "," :
			    "],\"namespaces\":[", j);
		text_addc(&t, ']');
		assert_int_equal(parse_entry(members), n == 16 ? ST_OK :
		    ST_TOO_LARGE);
	}
	assert_string_equal(why, "conf:1:2: [0]: there must be at most 32 "
	    "purposes and namespaces together");
	/* A peers list is limited, too. */
	text_init(&t, members, sizeof(members));
	for (int j = 0; j < CONSTRAINT_PEERS_MAX + 1; j++)
		text_addf(&t, "%sw%d", j > 0 ? "," : "\"peers\":\"", j);
	text_addc(&t, '"');
	assert_int_equal(parse_entry(members), ST_TOO_LARGE);
}

static void
long_words_are_cut_in_messages(void **state)
{
	char members[8192];

	(void)state;
	(void)snprintf(members, sizeof(members), "\"%04000d\":1", 0);
	assert_int_equal(parse_entry(members), ST_MALFORMED);
	assert_in_range(strlen(why), 48, 500);
	assert_non_null(strstr(why, "000...: there is no such field"));
	(void)snprintf(members, sizeof(members), "\"User\":\"%04000d\"", 0);
	assert_int_equal(parse_entry(members), ST_MALFORMED);
	assert_in_range(strlen(why), 48, 200);
	assert_non_null(strstr(why, "000...\""));
}

static void
the_name_of_the_file_is_escaped(void **state)
{
	struct manifest_source source = {
		.name = "a\x1b[2J", .text = "", .folder = "",
	};
	char small[9] = "########";

	(void)state;
	assert_int_equal(manifest_parse(&source, &m, why, sizeof(why)),
	    ST_MALFORMED);
	assert_memory_equal(why, "a\\x1b[2J:1:1: ", 14);
	/* A short message is cut, and none is none. */
	source.name = "conf";
	assert_int_equal(manifest_parse(&source, &m, small, 8),
	    ST_MALFORMED);
	assert_string_equal(small, "conf:1:");
	assert_int_equal(small[8], '\0');
	assert_int_equal(manifest_parse(&source, &m, NULL, 0), ST_MALFORMED);
}

#ifdef WRAP_FREE
/* Looks at the proxy's URL when the memory that it is in is released. */
void __real_free(void *p);
void __wrap_free(void *p);

static const char *watched;
static unsigned released, dirty;

void
__wrap_free(void *p)
{
	const char *begin = p;

	if (watched != NULL && begin != NULL && watched > begin &&
	    watched < begin + malloc_usable_size(p)) {
		released++;
		dirty += strncmp(watched, "http", 4) == 0;
	}
	__real_free(p);
}

static void
a_password_is_wiped(void **state)
{
	(void)state;
	assert_good(parse_entry("\"proxy\":\"http://u:hunter2@h\""));
	watched = m.entries[0].proxy;
	manifest_fini(&m);
	watched = NULL;
	assert_int_equal(released, 1);
	assert_int_equal(dirty, 0);
}
#endif

/* Memory ends with this allocation of manifest.c. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static unsigned allocations, refused;

void *
__wrap_calloc(size_t n, size_t size)
{
	if (++allocations == refused)
		return NULL;
	return __real_calloc(n, size);
}

static void
without_memory_there_is_nothing(void **state)
{
	static const char text[] = "{\"bottles\":{\"w\":{\"ssh\":[{\"Host\":"
	    "\"a\",\"IdentityFile\":\"k\",\"KnownHostKey\":\"" ED25519 "\","
	    "\"purposes\":[\"git\"],\"peers\":\"a\",\"proxy\":\"direct\"}"
	    "]}}}";
	unsigned all;

	(void)state;
	allocations = refused = 0;
	assert_good(parse(text, NULL));
	all = allocations;
	assert_in_range(all, 10, 30);
	for (unsigned i = 1; i <= all; i++) {
		allocations = 0;
		refused = i;
		assert_int_equal(parse(text, NULL), ST_NOMEM);
		assert_string_equal(why, "");
	}
	refused = 0;
}

static void
a_release_may_come_twice(void **state)
{
	(void)state;
	assert_good(parse_entry("\"confirm\":true"));
	manifest_fini(&m);
	assert_null(m.entries);
	assert_int_equal(m.n, 0);
	manifest_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_fields_are_read, setup),
		cmocka_unit_test_setup(values_have_their_other_forms, setup),
		cmocka_unit_test_setup(paths_lead_where_they_should, setup),
		cmocka_unit_test_setup(
		    a_path_and_its_directory_are_limited_together, setup),
		cmocka_unit_test_setup(without_entries_it_is_good, setup),
		cmocka_unit_test_setup(bottles_are_found_by_name, setup),
		cmocka_unit_test_setup(a_text_that_is_no_json_has_a_place,
		    setup),
		cmocka_unit_test_setup(entries_are_strict, setup),
		cmocka_unit_test_setup(values_are_strict, setup),
		cmocka_unit_test_setup(a_password_is_in_no_message, setup),
		cmocka_unit_test_setup(numbers_are_limited, setup),
		cmocka_unit_test_setup(words_are_limited, setup),
		cmocka_unit_test_setup(long_words_are_cut_in_messages, setup),
		cmocka_unit_test_setup(the_name_of_the_file_is_escaped, setup),
#ifdef WRAP_FREE
		cmocka_unit_test_setup(a_password_is_wiped, setup),
#endif
		cmocka_unit_test_setup(without_memory_there_is_nothing, setup),
		cmocka_unit_test_setup(a_release_may_come_twice, setup),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
