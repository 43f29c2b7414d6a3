/*
 * What becomes of manifests and of the operator's ssh: one key for each file,
 * with all its rules, or a message that says why not.
 */

#include "provision/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/constraint.h"
#include "proto/destination.h"
#include "provision/hostkey.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define ED25519	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DLMAWGijmf" \
		"uwOmTsoQsnYO6h2PMH4A"
#define OTHER	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DLMAWGijmf" \
		"uwOmTsoQsnYO6h2PMH4B"

static struct plan p;
static struct plan_defaults defaults;
static char why[PLAN_WHY_MAX];
static char dir[64];
static struct hostconf_tools tools;
static char config[128];
static struct wire_writer w;
static uint8_t room[256 * 1024];
static struct constraints c;

static int
setup(void **state)
{
	(void)state;
	plan_init(&p);
	defaults = (struct plan_defaults){ .manifest = "web.json" };
	memset(why, 'x', sizeof(why));
	w = wire_writer(room, sizeof(room));
	strcpy(dir, "/tmp/plan.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	plan_fini(&p);
	plan_fini(&p);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void
again(void)
{
	plan_fini(&p);
	plan_init(&p);
	why[0] = '\0';
	w = wire_writer(room, sizeof(room));
}

/* --- manifests ------------------------------------------------------------ */

/* Add the entries of a list. */
static int
add(const char *entries)
{
	size_t cap = strlen(entries) + 16;
	char *text = malloc(cap);
	struct manifest_source source = { .name = "web.json", .text = text,
		.home = "/home/op", .folder = "/m" };
	struct manifest m = { 0 };
	int st;

	assert_non_null(text);
	source.len = (size_t)snprintf(text, cap, "[%s]", entries);
	st = manifest_parse(&source, &m, why, sizeof(why));
	if (st != ST_OK)
		fail_msg("%s", why);
	st = plan_add_manifest(&p, &m, &defaults, why, sizeof(why));
	manifest_fini(&m);
	free(text);
	return st;
}

static void
assert_words(const struct plan_words *words, const char *wanted)
{
	char got[1024] = "";

	for (size_t i = 0; i < words->n; i++) {
		(void)strcat(got, i > 0 ? " " : "");
		(void)strcat(got, words->word[i]);
	}
	assert_string_equal(got, wanted);
}

#define ENTRY(host, file, more) \
	"{\"Host\":\"" host "\",\"IdentityFile\":\"/k/" file "\"" more "}"

static void
an_entry_becomes_a_host_and_a_key(void **state)
{
	const struct plan_host *h;
	const struct plan_key *k;

	(void)state;
	assert_int_equal(add(ENTRY("web", "a",
	    ",\"Hostname\":\"w.example.org\","
	    "\"Port\":2222,\"User\":\"git\",\"KnownHostKey\":\"" ED25519 "\","
	    "\"purposes\":[\"auth\"],\"namespaces\":[\"file\"],"
	    "\"lifetime\":90,\"confirm\":true,\"maxSignatures\":7,"
	    "\"rate\":\"5/1m\",\"unbound\":\"deny\",\"proxy\":\"direct\","
	    "\"user\":\"node\",\"home\":\"/home/node\",\"peers\":[\"node\"],"
	    "\"CertificateFile\":\"/k/a-cert.pub\"")), ST_OK);
	assert_string_equal(why, "");
	assert_int_equal(p.n_hosts, 1);
	assert_int_equal(p.n_keys, 1);
	h = &p.hosts[0];
	assert_string_equal(h->where, "web.json:1:2");
	assert_string_equal(h->host, "web");
	assert_string_equal(h->hostname, "w.example.org");
	assert_string_equal(h->user, "git");
	assert_int_equal(h->port, 2222);
	assert_null(h->alias);
	assert_string_equal(h->proxy, "direct");
	assert_int_equal(h->n_keys, 1);
	assert_string_equal(h->keys[0].text, ED25519);
	assert_int_equal(h->keys[0].len, 51);
	assert_false(h->keys[0].is_ca);
	assert_int_equal(h->n_key, 1);
	assert_int_equal(h->key[0], 0);
	k = &p.keys[0];
	assert_string_equal(k->where, "web.json:1:2");
	assert_string_equal(k->path, "/k/a");
	assert_string_equal(k->certificate, "/k/a-cert.pub");
	assert_false(k->optional);
	assert_words(&k->purposes, "auth file");
	assert_words(&k->peers, "node");
	assert_int_equal(k->lifetime_s, 90);
	assert_true(k->confirm);
	assert_int_equal(k->signatures, 7);
	assert_int_equal(k->rate_n, 5);
	assert_int_equal(k->rate_s, 60);
	assert_int_equal(k->unbound, MANIFEST_UNBOUND_DENY);
	assert_string_equal(p.account, "node");
	assert_string_equal(p.home, "/home/node");
}

static void
what_nobody_says_has_defaults(void **state)
{
	(void)state;
	assert_int_equal(add(ENTRY("web", "a", "")), ST_OK);
	assert_string_equal(p.hosts[0].hostname, "web");
	assert_int_equal(p.hosts[0].port, 22);
	assert_null(p.hosts[0].user);
	assert_null(p.hosts[0].proxy);
	assert_int_equal(p.hosts[0].n_keys, 0);
	assert_words(&p.keys[0].purposes, "auth");
	assert_null(p.keys[0].certificate);
	assert_int_equal(p.keys[0].unbound, MANIFEST_UNBOUND_UNSAID);
	assert_null(p.account);
	assert_null(p.home);
	again();
	defaults.sign = true;
	assert_int_equal(add(ENTRY("web", "a", "") "," ENTRY("two", "b",
	    ",\"purposes\":[\"auth\"]")), ST_OK);
	assert_words(&p.keys[0].purposes, "auth git");
	/* Who said what it is for has said it. */
	assert_words(&p.keys[1].purposes, "auth");
}

static void
entries_with_one_file_are_one_key(void **state)
{
	static const struct {
		const char	*one, *two;
		const char	*purposes;
	} row[] = {
		{ "", "", "auth" },
		{ "", ",\"namespaces\":[\"git\"]", "auth git" },
		{ ",\"namespaces\":[\"git\"]", "", "git auth" },
		{ ",\"namespaces\":[\"git\"]", ",\"namespaces\":[\"file\","
		    "\"git\"]", "git file" },
		{ ",\"purposes\":[\"any\"]", "", "any" },
		{ "", ",\"purposes\":[\"any\"]", "any" },
		{ ",\"purposes\":[\"any\"]", ",\"purposes\":[\"any\"]", "any" },
		{ ",\"peers\":[\"a\",\"b\"]", ",\"peers\":[\"b\",\"a\"]",
		    "auth" },
	};
	char entries[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		again();
		(void)snprintf(entries, sizeof(entries), "{\"Host\":\"a\","
		    "\"IdentityFile\":\"/k/x\"%s},{\"Host\":\"b\","
		    "\"IdentityFile\":\"/k/x\"%s}", row[i].one, row[i].two);
		assert_int_equal(add(entries), ST_OK);
		assert_int_equal(p.n_keys, 1);
		assert_int_equal(p.n_hosts, 2);
		assert_int_equal(p.hosts[0].key[0], 0);
		assert_int_equal(p.hosts[1].key[0], 0);
		assert_words(&p.keys[0].purposes, row[i].purposes);
	}
	/* A certificate may be named in one of them. */
	again();
	assert_int_equal(add(ENTRY("a", "x", "") "," ENTRY("b", "x",
	    ",\"CertificateFile\":\"/k/c\"") "," ENTRY("c", "x",
	    ",\"CertificateFile\":\"/k/c\"")), ST_OK);
	assert_string_equal(p.keys[0].certificate, "/k/c");
}

static void
contradictions_are_told(void **state)
{
	static const struct {
		const char	*one, *two;
		const char	*why;
	} row[] = {
		{ "\"lifetime\":1", "\"lifetime\":2", "lifetime" },
		{ "\"lifetime\":1", "\"port\":1", "lifetime" },
		{ "\"confirm\":true", "\"confirm\":false", "confirm" },
		{ "\"maxSignatures\":1", "\"maxSignatures\":2",
		    "maxSignatures" },
		{ "\"rate\":\"5/1m\"", "\"rate\":\"6/1m\"", "rate" },
		{ "\"rate\":\"5/1m\"", "\"rate\":\"5/2m\"", "rate" },
		{ "\"unbound\":\"allow\"", "\"unbound\":\"deny\"", "unbound" },
		{ "\"peers\":[\"a\"]", "\"peers\":[\"b\"]", "peers" },
		{ "\"peers\":[\"a\"]", "\"peers\":[\"a\",\"b\"]", "peers" },
		{ "\"peers\":[\"a\",\"b\"]", "\"peers\":[\"a\"]", "peers" },
		{ "\"CertificateFile\":\"/a\"", "\"CertificateFile\":\"/b\"",
		    "CertificateFile" },
	};
	char entries[1024], wanted[256];

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		again();
		(void)snprintf(entries, sizeof(entries), "{\"Host\":\"a\","
		    "\"IdentityFile\":\"/k/x\",%s},\n{\"Host\":\"b\","
		    "\"IdentityFile\":\"/k/x\",%s}", row[i].one,
		    strcmp(row[i].two, "\"port\":1") == 0 ? "\"Port\":1" :
		    row[i].two);
		assert_int_equal(add(entries), ST_MALFORMED);
		(void)snprintf(wanted, sizeof(wanted), "web.json:2:1: %s: "
		    "differs from what the entry at web.json:1:2 says of the "
		    "same key file", row[i].why);
		assert_string_equal(why, wanted);
	}
	/* Of other files it may. */
	again();
	assert_int_equal(add(ENTRY("a", "x", ",\"lifetime\":1") "," ENTRY("b",
	    "y", "")), ST_OK);
}

static void
what_goes_for_all_is_said_once(void **state)
{
	(void)state;
	assert_int_equal(add(ENTRY("a", "x", ",\"user\":\"node\"") ","
	    ENTRY("b", "y", "") "," ENTRY("c", "z", ",\"user\":\"node\"")),
	    ST_OK);
	assert_string_equal(p.account, "node");
	again();
	assert_int_equal(add(ENTRY("a", "x", ",\"user\":\"node\"") ","
	    ENTRY("b", "y", ",\"user\":\"root\"")), ST_MALFORMED);
	assert_non_null(strstr(why, ": user: must be the same in all entries; "
	    "an earlier one says \"node\""));
	again();
	assert_int_equal(add(ENTRY("a", "x", ",\"home\":\"/a\"") ","
	    ENTRY("b", "y", ",\"home\":\"/b\"")), ST_MALFORMED);
	assert_non_null(strstr(why, ": home: must be the same"));
}

static void
host_is_named_once(void **state)
{
	(void)state;
	assert_int_equal(add(ENTRY("web", "x", "")), ST_OK);
	assert_int_equal(add(ENTRY("WEB", "x", "")), ST_MALFORMED);
	assert_string_equal(why, "web.json:1:2: host WEB is named twice");
}

static void
name_of_the_manifest_is_escaped(void **state)
{
	(void)state;
	defaults.manifest = "a\033b\n";
	assert_int_equal(add(ENTRY("web", "x", "")), ST_OK);
	assert_string_equal(p.hosts[0].where, "a\\x1bb\\x0a:1:2");
}

static void
purposes_at_the_limit_and_one_past_it(void **state)
{
	char one[2048] = "", entries[4096];

	(void)state;
	for (int i = 0; i < CONSTRAINT_PURPOSES_MAX - 1; i++)
		(void)snprintf(one + strlen(one), sizeof(one) - strlen(one),
		    "%s\"n%d\"", i > 0 ? "," : "", i);
	for (int past = 0; past < 2; past++) {
		again();
		(void)snprintf(entries, sizeof(entries), "{\"Host\":\"a\","
		    "\"IdentityFile\":\"/x\",\"namespaces\":[%s]},"
		    "{\"Host\":\"b\",\"IdentityFile\":\"/x\","
		    "\"namespaces\":[\"m\"%s]}", one, past ? ",\"q\"" : "");
		assert_int_equal(add(entries), past ? ST_TOO_LARGE : ST_OK);
		if (past)
			assert_non_null(strstr(why, "more than 32"));
		else
			assert_int_equal(p.keys[0].purposes.n,
			    CONSTRAINT_PURPOSES_MAX);
	}
}

/* ${n} entries with different files, or the same. */
static int
add_many(size_t n, bool same)
{
	size_t cap = 128 * (n + 1);
	char *entries = calloc(1, cap);
	size_t len = 0;
	int st;

	assert_non_null(entries);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(entries + len, cap - len,
		    "%s{\"Host\":\"h%zu\",\"IdentityFile\":\"/k/%zu\"}",
		    i > 0 ? "," : "", i, same ? 0 : i);
	st = add(entries);
	free(entries);
	return st;
}

static void
hosts_at_the_limit_and_one_past_it(void **state)
{
	(void)state;
	assert_int_equal(add_many(PLAN_HOSTS_MAX, false), ST_OK);
	assert_int_equal(p.n_hosts, PLAN_HOSTS_MAX);
	assert_int_equal(p.n_keys, PLAN_KEYS_MAX);
	assert_int_equal(add(ENTRY("one", "more", "")), ST_TOO_LARGE);
	assert_string_equal(why, "web.json:1:2: more than 256 hosts");
}

/* --- afterwards ----------------------------------------------------------- */

static void
dropped_keys_are_nobodys(void **state)
{
	(void)state;
	for (size_t drop = 0; drop < 3; drop++) {
		size_t at = 0;

		again();
		assert_int_equal(add(ENTRY("a", "0", "") "," ENTRY("b", "1", "")
		    "," ENTRY("c", "2", "") "," ENTRY("d", "2", "")), ST_OK);
		/* A host with all of them. */
		p.hosts[0].key[1] = 1;
		p.hosts[0].key[2] = 2;
		p.hosts[0].n_key = 3;
		plan_drop_key(&p, drop);
		assert_int_equal(p.n_keys, 2);
		assert_int_equal(p.hosts[0].n_key, 2);
		for (size_t i = 0; i < 3; i++) {
			if (i == drop)
				continue;
			assert_int_equal(p.keys[at].path[3], '0' + (int)i);
			assert_int_equal(p.hosts[0].key[at], at);
			assert_int_equal(i == 0 ? at : p.hosts[i].key[0], at);
			at++;
		}
		assert_int_equal(p.hosts[1].n_key, drop != 1);
		assert_int_equal(p.hosts[2].n_key, drop != 2);
		assert_int_equal(p.hosts[3].n_key, drop != 2);
	}
	plan_drop_key(&p, 1);
	plan_drop_key(&p, 0);
	assert_int_equal(p.n_keys, 0);
}

static void
label_has_the_hosts_of_a_key(void **state)
{
	char label[64], small[8];

	(void)state;
	assert_int_equal(add(ENTRY("a", "x", "") "," ENTRY("b", "y", "") ","
	    ENTRY("c", "x", "")), ST_OK);
	plan_label(&p, 0, label, sizeof(label));
	assert_string_equal(label, "a, c");
	plan_label(&p, 1, label, sizeof(label));
	assert_string_equal(label, "b");
	free(p.hosts[0].host);
	assert_non_null(p.hosts[0].host = strdup("a\033"));
	plan_label(&p, 0, label, sizeof(label));
	assert_string_equal(label, "a\\x1b, c");
	plan_label(&p, 0, small, sizeof(small));
	assert_string_equal(small, "a\\x1b, ");
}

/* Let a host be known by a key. */
static void
pin(size_t host, uint8_t last, bool is_ca)
{
	struct hostkey k;
	const char *what;
	uint8_t *blob;

	assert_int_equal(hostkey_parse(ED25519, strlen(ED25519), &k, &what),
	    ST_OK);
	blob = malloc(k.len);
	assert_non_null(blob);
	memcpy(blob, k.blob, k.len);
	blob[k.len - 1] = last;
	assert_int_equal(plan_pin(&p, host, ED25519, (struct slice){ blob,
	    k.len }, is_ca), ST_OK);
	free(blob);
}

static void
pins_at_the_limit_and_one_past_it(void **state)
{
	const struct slice blob = { (const uint8_t *)"x", 1 };

	(void)state;
	assert_int_equal(add(ENTRY("a", "x", "")), ST_OK);
	for (int i = 0; i < HOSTCONF_KEYS_MAX; i++)
		assert_int_equal(plan_pin(&p, 0, "t", blob, i % 2 == 1), ST_OK);
	assert_true(p.hosts[0].keys[63].is_ca);
	assert_false(p.hosts[0].keys[62].is_ca);
	assert_int_equal(plan_pin(&p, 0, "t", blob, false), ST_TOO_LARGE);
	assert_int_equal(p.hosts[0].n_keys, HOSTCONF_KEYS_MAX);
}

static void
key_is_bound_when_all_its_hosts_are_known(void **state)
{
	(void)state;
	assert_int_equal(add(ENTRY("a", "x", "") "," ENTRY("b", "x", "") ","
	    ENTRY("c", "y", "")), ST_OK);
	assert_false(plan_is_bound(&p, 0));
	pin(0, 1, false);
	assert_false(plan_is_bound(&p, 0));
	pin(1, 1, true);
	assert_true(plan_is_bound(&p, 0));
	assert_false(plan_is_bound(&p, 1));
	/* Nobody's key is bound to nothing. */
	p.hosts[2].n_key = 0;
	assert_false(plan_is_bound(&p, 1));
}

/* --- constraints ---------------------------------------------------------- */

/* Write those of a key, and read them as an agent does. */
static void
constrain(size_t key, const char *account)
{
	struct slice s;

	w = wire_writer(room, sizeof(room));
	plan_put_constraints(&p, key, account, &w);
	assert_int_equal(wire_done(&w, &s), ST_OK);
	assert_int_equal(constraint_parse(s, &c), ST_OK);
}

/* Texts, as they are on the wire. */
static void
assert_texts(struct slice texts, const char *wanted)
{
	struct wire_reader r = wire_reader(texts);
	char got[4096] = "";
	struct slice one;

	while (constraint_next_text(&r, &one) == ST_OK)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%s%.*s", got[0] != '\0' ? " " : "", (int)one.len,
		    (const char *)one.p);
	assert_string_equal(got, wanted);
}

static void
constraints_are_the_rules(void **state)
{
	(void)state;
	assert_int_equal(add(ENTRY("a", "x", ",\"purposes\":[\"auth\"],"
	    "\"namespaces\":[\"file\"],\"lifetime\":90,\"confirm\":true,"
	    "\"maxSignatures\":7,\"rate\":\"5/1m\",\"unbound\":\"deny\","
	    "\"peers\":[\"node\",\"0\"]") "," ENTRY("b", "y", "") ","
	    ENTRY("c", "z", ",\"unbound\":\"allow\"")), ST_OK);
	constrain(0, NULL);
	assert_true(c.has_lifetime && c.lifetime_s == 90);
	assert_true(c.confirm);
	assert_true(c.has_signatures && c.signatures == 7);
	assert_true(c.rate_n == 5 && c.rate_s == 60);
	assert_true(c.has_unbound && !c.unbound);
	assert_texts(c.purposes, "auth file");
	assert_texts(c.peers, "node 0");
	assert_int_equal(c.destinations.len, 0);
	assert_false(c.has_sk_provider);
	constrain(1, NULL);
	assert_false(c.has_lifetime || c.confirm || c.has_signatures ||
	    c.has_unbound);
	assert_int_equal(c.rate_n, 0);
	assert_texts(c.purposes, "auth");
	assert_int_equal(c.peers.len, 0);
	constrain(2, NULL);
	assert_true(c.has_unbound && c.unbound);
}

/* The next pair, whose user and host are these, and its keys' last bytes. */
static void
assert_pair(struct wire_reader *r, const char *user, const char *host,
    const char *keys)
{
	struct destination d;
	struct destination_key k;
	struct wire_reader kr;
	char got[64] = "";

	assert_int_equal(destination_next(r, &d), ST_OK);
	assert_int_equal(d.from.host.len + d.from.user.len + d.from.keys.len,
	    0);
	assert_int_equal(d.to.user.len, strlen(user));
	assert_memory_equal(d.to.user.p, user, strlen(user));
	assert_int_equal(d.to.host.len, strlen(host));
	assert_memory_equal(d.to.host.p, host, strlen(host));
	kr = wire_reader(d.to.keys);
	while (destination_next_key(&kr, &k) == ST_OK)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%c%s", k.blob.p[k.blob.len - 1], k.is_ca ? "!" : "");
	assert_string_equal(got, keys);
}

static void
destinations_are_the_hosts(void **state)
{
	static const struct {
		const char	*account;
		const char	*user;
	} row[] = {
		{ NULL, "" }, { "node", "node" }, { "1000", "" }, { "", "" },
		{ "n1", "n1" }, { "1n", "1n" },
	};
	struct destination d;
	struct wire_reader r;

	(void)state;
	assert_int_equal(add(ENTRY("a", "x", ",\"Hostname\":\"a.org\","
	    "\"User\":\"git\",\"Port\":2222") "," ENTRY("b", "y", "") ","
	    ENTRY("c", "x", "")), ST_OK);
	pin(0, 'p', false);
	pin(0, 'q', true);
	pin(1, 'r', false);
	pin(2, 's', false);
	for (size_t i = 0; i < LENGTH(row); i++) {
		constrain(0, row[i].account);
		assert_int_equal(destination_check(c.destinations), ST_OK);
		r = wire_reader(c.destinations);
		assert_pair(&r, "git", "a.org", "pq!");
		assert_pair(&r, row[i].user, "c", "s");
		assert_int_equal(destination_next(&r, &d), ST_NOT_FOUND);
	}
	constrain(1, NULL);
	r = wire_reader(c.destinations);
	assert_pair(&r, "", "b", "r");
	assert_int_equal(destination_next(&r, &d), ST_NOT_FOUND);
	/* All of them or none: one that is not known could not be reached. */
	p.hosts[2].key[1] = 1;
	p.hosts[2].n_key = 2;
	constrain(1, NULL);
	r = wire_reader(c.destinations);
	assert_pair(&r, "", "b", "r");
	assert_pair(&r, "", "c", "s");
}

static void
what_does_not_fit_is_never_a_shorter_list(void **state)
{
	static uint8_t small[sizeof(room)];
	struct wire_reader r;
	struct destination d;
	struct slice s;
	size_t fit = 0, n;

	(void)state;
	assert_int_equal(add_many(PLAN_HOSTS_MAX, true), ST_OK);
	for (size_t i = 0; i < PLAN_HOSTS_MAX; i++)
		pin(i, (uint8_t)i, false);
	/* Too many hosts. */
	plan_put_constraints(&p, 0, "node", &w);
	assert_true(w.full);
	assert_int_equal(wire_done(&w, &s), ST_TOO_LARGE);
	/* As many as fit are all there. */
	for (size_t hosts = PLAN_HOSTS_MAX; hosts > 0 && fit == 0; hosts--) {
		p.hosts[hosts - 1].n_key = 0;
		w = wire_writer(room, sizeof(room));
		plan_put_constraints(&p, 0, "node", &w);
		if (w.full)
			continue;
		fit = hosts - 1;
	}
	assert_in_range(fit, 50, 200);
	constrain(0, "node");
	assert_int_equal(destination_check(c.destinations), ST_OK);
	r = wire_reader(c.destinations);
	for (n = 0; destination_next(&r, &d) == ST_OK; n++)
		;
	assert_int_equal(n, fit);
	/* A writer that has just enough room, and one byte less. */
	n = w.len;
	w = wire_writer(small, n);
	plan_put_constraints(&p, 0, "node", &w);
	assert_int_equal(wire_done(&w, &s), ST_OK);
	w = wire_writer(small, n - 1);
	plan_put_constraints(&p, 0, "node", &w);
	assert_int_equal(wire_done(&w, &s), ST_TOO_LARGE);
}

static void
keys_of_a_host_that_do_not_fit_are_never_fewer(void **state)
{
	static uint8_t large[1024];
	struct slice s;

	(void)state;
	assert_int_equal(add(ENTRY("a", "x", "")), ST_OK);
	/* 16 KiB of keys are in no list. */
	for (int i = 0; i < 17; i++)
		assert_int_equal(plan_pin(&p, 0, "t", (struct slice){ large,
		    sizeof(large) }, false), ST_OK);
	plan_put_constraints(&p, 0, NULL, &w);
	assert_int_equal(wire_done(&w, &s), ST_TOO_LARGE);
	/* Nor with all but one of them, which is less than that by itself. */
	p.hosts[0].n_keys = 15;
	w = wire_writer(room, sizeof(room));
	plan_put_constraints(&p, 0, NULL, &w);
	assert_int_equal(wire_done(&w, &s), ST_OK);
	p.hosts[0].n_keys = 17;
}

/* --- the operator's ssh --------------------------------------------------- */

static void PRINTF_LIKE(2, 3)
write_file(const char *name, const char *fmt, ...)
{
	char path[128];
	va_list ap;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	va_start(ap, fmt);
	assert_true(vfprintf(f, fmt, ap) > 0);
	va_end(ap);
	assert_int_equal(fclose(f), 0);
}

/* A configuration, with known hosts of its own. */
static void
configure(const char *text)
{
	if (hostconf_find(&tools, "/usr/bin:/bin", why, sizeof(why)) != ST_OK) {
		print_message("skipped: there is no ssh\n");
		skip();
	}
	(void)snprintf(config, sizeof(config), "%s/config", dir);
	tools.config = config;
	tools.home = "/home/op";
	write_file("known", "web ssh-ed25519 %s\n@cert-authority *.ca.org %s\n"
	    "[port.org]:2222 %s\nalias %s\n", strchr(ED25519, ' ') + 1, OTHER,
	    ED25519, ED25519);
	write_file("config", "%sHost *\n    UserKnownHostsFile %s/known\n"
	    "    GlobalKnownHostsFile /dev/null\n", text, dir);
}

static int
host(const char *name)
{
	return plan_add_host(&p, &tools, name, "op", &defaults, why,
	    sizeof(why));
}

static void
hosts_are_as_ssh_knows_them(void **state)
{
	(void)state;
	configure("Host one\n HostName web\n User git\n IdentityFile /k/a\n"
	    "Host two\n HostName port.org\n Port 2222\n IdentityFile ~/k/b\n"
	    " IdentityFile /k/a\n IdentityFile /k/%n\n"
	    "Host three\n HostName x.ca.org\n IdentityFile /k/a\n"
	    "Host four\n HostKeyAlias alias\n User o\n IdentityFile /k/a\n"
	    "Host five\n IdentityFile /k/a\n");
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(host(((const char *const []){ "one", "two",
		    "three", "four", "five" })[i]), ST_OK);
	assert_string_equal(why, "");
	assert_int_equal(p.n_hosts, 5);
	assert_string_equal(p.hosts[0].where, "host one");
	assert_string_equal(p.hosts[0].hostname, "web");
	assert_string_equal(p.hosts[0].user, "git");
	assert_int_equal(p.hosts[0].port, 22);
	assert_null(p.hosts[0].proxy);
	assert_null(p.hosts[0].alias);
	assert_int_equal(p.hosts[0].n_keys, 1);
	assert_string_equal(p.hosts[0].keys[0].text, ED25519);
	assert_int_equal(p.hosts[0].keys[0].len, 51);
	assert_int_equal(p.hosts[1].port, 2222);
	assert_int_equal(p.hosts[1].n_keys, 1);
	assert_int_equal(p.hosts[1].n_key, 3);
	assert_true(p.hosts[2].n_keys == 1 && p.hosts[2].keys[0].is_ca);
	assert_string_equal(p.hosts[2].keys[0].text, OTHER);
	assert_string_equal(p.hosts[3].alias, "alias");
	assert_string_equal(p.hosts[3].hostname, "four");
	assert_int_equal(p.hosts[3].n_keys, 1);
	assert_int_equal(p.hosts[4].n_keys, 0);
	/* One key for each file. */
	assert_int_equal(p.n_keys, 3);
	assert_string_equal(p.keys[0].path, "/k/a");
	assert_string_equal(p.keys[1].path, "/home/op/k/b");
	assert_string_equal(p.keys[2].path, "/k/two");
	assert_string_equal(p.keys[0].where, "host one");
	assert_true(p.keys[0].optional);
	assert_words(&p.keys[0].purposes, "auth");
	assert_int_equal(p.hosts[4].key[0], 0);
	assert_false(plan_is_bound(&p, 0));
	assert_true(plan_is_bound(&p, 1));
	assert_int_equal(host("ONE"), ST_MALFORMED);
	assert_string_equal(why, "host ONE: host ONE is named twice");
}

static void
defaults_of_ssh_are_keys_that_need_not_be(void **state)
{
	(void)state;
	configure("");
	defaults.sign = true;
	assert_int_equal(host("web"), ST_OK);
	assert_true(p.n_keys >= 3 && p.hosts[0].n_key == p.n_keys);
	for (size_t i = 0; i < p.n_keys; i++) {
		assert_true(p.keys[i].optional);
		assert_words(&p.keys[i].purposes, "auth git");
		assert_int_equal(strncmp(p.keys[i].path, "/home/op/.ssh/id_",
		    17), 0);
	}
}

static void
what_a_bottle_cannot_do_is_refused(void **state)
{
	static const struct {
		const char	*config;
		const char	*why;
	} row[] = {
		{ "Host a\n ProxyJump jump.org\n", "host a is behind ProxyJump "
		    "jump.org: " },
		{ "Host a\n ProxyCommand nc %h %p\n", "host a is behind a "
		    "ProxyCommand" },
		{ "Host a\n User *\n", "host a: User *: a name with * or ?" },
		{ "Host a\n User gi?\n", "host a: User gi?: a name with" },
		{ "Host a\n IdentityFile /k/a\n IdentityFile /k/b\n"
		    " CertificateFile /k/c\n", "host a: CertificateFile /k/c: "
		    "for which of 2 keys?" },
		{ "Host a\n IdentityFile /k/a\n CertificateFile /k/c\n"
		    " CertificateFile /k/d\n", "host a: more than one "
		    "certificate for /k/a" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		again();
		configure(row[i].config);
		assert_int_equal(host("a"), ST_UNSUPPORTED);
		if (strncmp(why, row[i].why, strlen(row[i].why)) != 0)
			fail_msg("%s", why);
	}
	again();
	assert_int_equal(host("-oProxyCommand=x"), ST_MALFORMED);
	assert_int_equal(host("a b"), ST_MALFORMED);
	assert_int_equal(p.n_hosts, 0);
}

static void
certificates_are_of_the_only_key_or_beside_it(void **state)
{
	(void)state;
	configure("Host a\n IdentityFile /k/a\n CertificateFile /k/%n-cert\n"
	    "Host b\n IdentityFile /k/b\n IdentityFile /k/c\n"
	    " CertificateFile /k/b-cert.pub\n CertificateFile /k/c-cert.pub\n"
	    "Host d\n IdentityFile /k/d\n CertificateFile /k/d-cert.pub\n"
	    "Host e\n IdentityFile /k/a\n CertificateFile /k/other\n");
	assert_int_equal(host("a"), ST_OK);
	assert_string_equal(p.keys[0].certificate, "/k/a-cert");
	assert_int_equal(host("d"), ST_OK);
	assert_null(p.keys[1].certificate);
	/* Another one, of the same key for another host. */
	assert_int_equal(host("e"), ST_UNSUPPORTED);
	again();
	/* Which of two keys it is for is seen by where it lies. */
	assert_int_equal(host("b"), ST_OK);
	assert_null(p.keys[0].certificate);
	assert_null(p.keys[1].certificate);
}

static void
keys_of_a_host_at_the_limit_and_one_past_it(void **state)
{
	char text[2048];

	(void)state;
	for (int n = PLAN_KEYS_PER_HOST; n <= PLAN_KEYS_PER_HOST + 1; n++) {
		again();
		(void)snprintf(text, sizeof(text), "Host a\n");
		for (int i = 0; i < n; i++)
			(void)snprintf(text + strlen(text), sizeof(text) -
			    strlen(text), " IdentityFile /k/%x\n",
			    (unsigned)i + 10);
		/* The same once more, in other words, is no other. */
		(void)strcat(text, " IdentityFile /k/%n\n");
		configure(text);
		if (n == PLAN_KEYS_PER_HOST) {
			assert_int_equal(host("a"), ST_OK);
			assert_int_equal(p.hosts[0].n_key, n);
			continue;
		}
		assert_int_equal(host("a"), ST_TOO_LARGE);
		assert_string_equal(why, "host a: more than 16 keys for host "
		    "a");
	}
}

static void
keys_at_the_limit_and_one_past_it(void **state)
{
	char text[2048] = "Host *\n", name[16];

	(void)state;
	for (int i = 0; i < PLAN_KEYS_PER_HOST; i++)
		(void)snprintf(text + strlen(text), sizeof(text) -
		    strlen(text), " IdentityFile /k/%%n.%d\n", i);
	configure(text);
	for (int i = 0; i < PLAN_KEYS_MAX / PLAN_KEYS_PER_HOST; i++) {
		(void)snprintf(name, sizeof(name), "h%d", i);
		assert_int_equal(host(name), ST_OK);
	}
	assert_int_equal(p.n_keys, PLAN_KEYS_MAX);
	assert_int_equal(host("last"), ST_TOO_LARGE);
	assert_int_equal(p.n_keys, PLAN_KEYS_MAX);
	assert_string_equal(why, "more than 256 key files");
	/* Nor is there room for that of a manifest. */
	assert_int_equal(add(ENTRY("web", "more", "")), ST_TOO_LARGE);
	assert_int_equal(p.n_keys, PLAN_KEYS_MAX);
	assert_string_equal(why, "web.json:1:2: more than 256 key files");
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_entry_becomes_a_host_and_a_key),
		CASE(what_nobody_says_has_defaults),
		CASE(entries_with_one_file_are_one_key),
		CASE(contradictions_are_told),
		CASE(what_goes_for_all_is_said_once),
		CASE(host_is_named_once),
		CASE(name_of_the_manifest_is_escaped),
		CASE(purposes_at_the_limit_and_one_past_it),
		CASE(hosts_at_the_limit_and_one_past_it),
		CASE(dropped_keys_are_nobodys),
		CASE(label_has_the_hosts_of_a_key),
		CASE(pins_at_the_limit_and_one_past_it),
		CASE(key_is_bound_when_all_its_hosts_are_known),
		CASE(constraints_are_the_rules),
		CASE(destinations_are_the_hosts),
		CASE(what_does_not_fit_is_never_a_shorter_list),
		CASE(keys_of_a_host_that_do_not_fit_are_never_fewer),
		CASE(hosts_are_as_ssh_knows_them),
		CASE(defaults_of_ssh_are_keys_that_need_not_be),
		CASE(what_a_bottle_cannot_do_is_refused),
		CASE(certificates_are_of_the_only_key_or_beside_it),
		CASE(keys_of_a_host_at_the_limit_and_one_past_it),
		CASE(keys_at_the_limit_and_one_past_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
