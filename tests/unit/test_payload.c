/*
 * A bundle as its receiver opens it: keys of ssh-keygen with their rules, a
 * record for each certificate, the end; and no byte of a key anywhere but in
 * the locked region.
 */

#include "provision/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/seal.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/loadpipe.h"
#include "proto/request.h"
#include "provision/child.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define KEYS		3

static char dir[64];
static char why[PLAN_WHY_MAX];
static struct secret *region;
static struct plan plan;
static struct plan_key keys[KEYS];
static struct plan_host hosts[2];
static struct keyfile files[KEYS];
static struct keyfile_how how;
static struct payload p;
static struct opener *opener;
static uint8_t public_key[LOAD_PUBLIC_KEY];
static uint8_t *out;
static size_t len, used_before;

static size_t
used(void)
{
	struct secret_usage usage;

	secret_usage(region, &usage);
	return usage.used;
}

/* Texts of a plan are never written to. */
static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* An Ed25519 key with a certificate, an ECDSA one with two, an RSA one. */
static int
group_setup(void **state)
{
	const struct secret_options want = { .size = 256 * 1024,
		.want = SECRET_AUTO };
	char command[2048];

	(void)state;
	strcpy(dir, "/tmp/payload.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(command, sizeof(command), "cd %s && exec >/dev/null 2>&1"
	    " && ssh-keygen -q -t ed25519 -N '' -C ca -f ca"
	    " && ssh-keygen -q -t ed25519 -N '' -C one -f k0"
	    " && ssh-keygen -q -t ecdsa -N '' -C two -f k1"
	    " && ssh-keygen -q -t rsa -b 2048 -N '' -C three -f k2"
	    " && ssh-keygen -q -s ca -I a -n x k0.pub"
	    " && ssh-keygen -q -s ca -I b -n x k1.pub && mv k1-cert.pub c"
	    " && ssh-keygen -q -s ca -I c -n y k1.pub"
	    " && cat c >>k1-cert.pub", dir);
	if (system(command) != 0)
		return -1;
	if (secret_open(&region, &want, why, sizeof(why)) != ST_OK)
		return -1;
	return 0;
}

static int
group_teardown(void **state)
{
	char command[96];

	(void)state;
	secret_close(region);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int
setup(void **state)
{
	static char *purposes[1];
	static char paths[KEYS][96];

	(void)state;
	used_before = used();
	purposes[0] = text("auth");
	memset(keys, 0, sizeof(keys));
	memset(hosts, 0, sizeof(hosts));
	how = (struct keyfile_how){ .region = region };
	for (size_t i = 0; i < KEYS; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/k%zu", dir, i);
		keys[i].path = paths[i];
		keys[i].where = text("here");
		keys[i].purposes = (struct plan_words){ purposes, 1 };
		if (keyfile_read(&how, &keys[i], &files[i], why,
		    sizeof(why)) != ST_OK)
			fail_msg("%s", why);
	}
	keys[1].lifetime_s = 90;
	hosts[0] = (struct plan_host){ .host = text("a"),
		.hostname = text("a"), .n_key = 1 };
	plan = (struct plan){ .hosts = hosts, .n_hosts = 1, .keys = keys,
		.n_keys = KEYS };
	p = (struct payload){ .region = region, .plan = &plan, .files = files,
		.account = "node" };
	out = NULL;
	assert_int_equal(opener_new(&opener, region, public_key), ST_OK);
	return 0;
}

static void
words_free(struct plan_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i]);
	free(w->word);
}

static int
teardown(void **state)
{
	(void)state;
	free(out);
	opener_free(opener);
	for (size_t i = 0; i < KEYS; i++) {
		keyfile_fini(&how, &files[i]);
		free(keys[i].comment);
		free(keys[i].fingerprint);
		free(keys[i].pub);
		words_free(&keys[i].certs);
	}
	/* All that was taken of the region is given back. */
	assert_int_equal(used(), used_before);
	return 0;
}

/* The next frame of what was made. */
static struct slice
next_frame(struct wire_reader *r)
{
	struct slice frame;

	assert_int_equal(wire_get_string(r, &frame), ST_OK);
	assert_true(frame.len <= LOADPIPE_FRAME_MAX);
	return frame;
}

/* The record in the next frame. */
static struct slice
next_record(struct wire_reader *r, bool *final)
{
	struct slice frame = next_frame(r);

	assert_int_equal(opener_feed(opener, &frame), ST_OK);
	assert_int_equal(frame.len, 0);
	return opener_record(opener, final);
}

static void
seal(void)
{
	assert_int_equal(payload_seal(&p, public_key, &out, &len), ST_OK);
	assert_non_null(out);
}

static void
assert_same(struct slice a, struct slice b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.p, b.p, a.len);
}

static void
records_are_keys_with_their_rules(void **state)
{
	static const struct {
		size_t	 key;
		size_t	 cert;		/* from 1; 0: none */
		const char *comment;
	} row[] = {
		{ 0, 0, "one" }, { 0, 1, "one" }, { 1, 0, "two" },
		{ 1, 1, "two" }, { 1, 2, "two" }, { 2, 0, "three" },
	};
	struct bundle_record record;
	struct wire_reader r;
	struct constraints c;
	struct request add;
	struct slice frame;
	bool final;

	(void)state;
	seal();
	r = wire_reader((struct slice){ out, len });
	frame = next_frame(&r);
	assert_int_equal(frame.len, BUNDLE_SEALED + BUNDLE_HEADER);
	assert_int_equal(opener_feed(opener, &frame), ST_MORE);
	for (size_t i = 0; i < LENGTH(row); i++) {
		const struct keyfile *f = &files[row[i].key];

		assert_int_equal(bundle_record_decode(next_record(&r, &final),
		    &record), ST_OK);
		assert_false(final);
		assert_int_equal(record.kind, BUNDLE_KEY);
		assert_int_equal(request_decode_add(record.key, &add), ST_OK);
		assert_same(add.add.comment, slice_str(row[i].comment));
		assert_int_equal(add.add.key.type, f->fields.type);
		if (row[i].cert > 0)
			assert_same(add.add.key.cert,
			    f->certs[row[i].cert - 1]);
		else
			assert_int_equal(add.add.key.cert.len, 0);
		if (row[i].key == 0)
			assert_same(add.add.key.ed25519.sk,
			    f->fields.ed25519.sk);
		else if (row[i].key == 1)
			assert_same(add.add.key.ecdsa.d, f->fields.ecdsa.d);
		else
			assert_same(add.add.key.rsa.d, f->fields.rsa.d);
		assert_int_equal(constraint_parse(add.add.constraints, &c),
		    ST_OK);
		assert_int_equal(c.lifetime_s, row[i].key == 1 ? 90 : 0);
		assert_int_equal(c.purposes.len, 8);
	}
	assert_int_equal(bundle_record_decode(next_record(&r, &final),
	    &record), ST_OK);
	assert_true(final);
	assert_int_equal(record.kind, BUNDLE_END);
	assert_int_equal(record.count, LENGTH(row));
	assert_int_equal(payload_count(&p), LENGTH(row));
	/* Is all of it staged? */
	assert_int_equal(next_frame(&r).len, 0);
	assert_int_equal(r.rest.len, 0);
}

static void
nothing_is_a_bundle_too(void **state)
{
	struct bundle_record record;
	struct wire_reader r;
	struct slice frame;
	bool final;

	(void)state;
	plan.n_keys = 0;
	seal();
	r = wire_reader((struct slice){ out, len });
	frame = next_frame(&r);
	assert_int_equal(opener_feed(opener, &frame), ST_MORE);
	assert_int_equal(bundle_record_decode(next_record(&r, &final),
	    &record), ST_OK);
	assert_true(final && record.kind == BUNDLE_END && record.count == 0);
	assert_int_equal(payload_count(&p), 0);
	plan.n_keys = KEYS;
}

static void
records_are_counted_from_1(void **state)
{
	static const struct payload_item wanted[] = { { 0, false, 0 },
		{ 0, true, 0 }, { 1, false, 0 }, { 1, true, 0 }, { 1, true, 1 },
		{ 2, false, 0 } };
	struct payload_item item;

	(void)state;
	for (size_t i = 0; i < LENGTH(wanted); i++) {
		assert_true(payload_item(&p, i + 1, &item));
		assert_int_equal(item.key, wanted[i].key);
		assert_int_equal(item.is_cert, wanted[i].is_cert);
		assert_int_equal(item.cert, wanted[i].cert);
	}
	assert_false(payload_item(&p, 0, &item));
	assert_false(payload_item(&p, LENGTH(wanted) + 1, &item));
	assert_false(payload_item(&p, SIZE_MAX, &item));
	plan.n_keys = 0;
	assert_false(payload_item(&p, 1, &item));
	plan.n_keys = KEYS;
}

static void
what_is_too_large_is_told_before_it_is_sent(void **state)
{
	static uint8_t blob[16 * 1024];
	static struct plan_hostkey pins[2] = { { .blob = blob, .len = 7000 },
		{ .blob = blob, .len = 7000 } };

	(void)state;
	assert_int_equal(payload_check(&p, why, sizeof(why)), ST_OK);
	assert_string_equal(why, "");
	hosts[0].keys = pins;
	hosts[0].n_keys = 2;
	hosts[0].key[0] = 2;
	assert_int_equal(payload_check(&p, why, sizeof(why)), ST_OK);
	/* The largest that there is, and a byte more. */
	while (payload_check(&p, why, sizeof(why)) == ST_OK)
		pins[1].len++;
	assert_non_null(strstr(why, "/k2: with its rules this key is larger "
	    "than the 16384 bytes"));
	assert_int_equal(payload_seal(&p, public_key, &out, &len),
	    ST_TOO_LARGE);
	assert_null(out);
	pins[1].len--;
	assert_int_equal(payload_check(&p, why, sizeof(why)), ST_OK);
	seal();
	/* Frames are below their limit by that, whatever is in them. */
	assert_true(BUNDLE_RECORD_MAX + BUNDLE_OVERHEAD + 4 <=
	    LOADPIPE_FRAME_MAX);
	pins[1].len = 7000;
}

static void
key_that_is_none_is_refused(void **state)
{
	static const uint8_t zeros[LOAD_PUBLIC_KEY];
	size_t before = used();

	(void)state;
	assert_int_equal(payload_seal(&p, zeros, &out, &len), ST_CRYPTO);
	assert_null(out);
	assert_int_equal(used(), before);
}

static void
full_region_is_told(void **state)
{
	static void *piece[1024];
	size_t n = 0, before;

	(void)state;
	while (n < LENGTH(piece) && (piece[n] = secret_alloc(region, 8192)) !=
	    NULL)
		n++;
	before = used();
	assert_int_equal(payload_check(&p, why, sizeof(why)), ST_FULL);
	assert_int_equal(payload_seal(&p, public_key, &out, &len), ST_FULL);
	assert_null(out);
	assert_int_equal(used(), before);
	while (n > 0)
		secret_free(region, piece[--n]);
}

/* Whether some bytes of a key are in others. */
static bool
has(const void *p_, size_t n, struct slice secret)
{
	return memmem(p_, n, secret.p, secret.len) != NULL;
}

static void
no_key_is_in_what_is_sent(void **state)
{
	(void)state;
	seal();
	assert_false(has(out, len, (struct slice){
	    files[0].fields.ed25519.sk.p, 16 }));
	assert_false(has(out, len, (struct slice){ files[1].fields.ecdsa.d.p,
	    16 }));
	assert_false(has(out, len, (struct slice){ files[2].fields.rsa.d.p,
	    16 }));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* Whether it is in the memory of this program, but for the region and the
 * stack. */
static bool
in_memory(struct slice secret)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], mode[8], name[256];
	unsigned long from, to;
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to,
		    mode, name) < 3 || strncmp(mode, "rw", 2) != 0 ||
		    strcmp(name, "[stack]") == 0 || secret_owns(region,
		    (const void *)from) || secret_owns(region,
		    (const void *)((from + to) / 2)))
			continue;
		found = found || has((const void *)from, to - from, secret);
	}
	assert_int_equal(fclose(maps), 0);
	return found;
}

static void
no_key_is_in_ordinary_memory(void **state)
{
	struct slice secret = { files[0].fields.ed25519.sk.p, 16 };
	uint8_t *copy;

	(void)state;
	assert_int_equal(payload_check(&p, why, sizeof(why)), ST_OK);
	seal();
	assert_false(in_memory(secret));
	assert_false(in_memory((struct slice){ files[2].fields.rsa.d.p, 16 }));
	/* It would be seen. */
	copy = malloc(100);
	assert_non_null(copy);
	memcpy(copy + 33, secret.p, secret.len);
	assert_true(in_memory(secret));
	explicit_bzero(copy, 100);
	free(copy);
}
#endif

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_are_keys_with_their_rules),
		CASE(nothing_is_a_bundle_too),
		CASE(records_are_counted_from_1),
		CASE(what_is_too_large_is_told_before_it_is_sent),
		CASE(key_that_is_none_is_refused),
		CASE(full_region_is_told),
		CASE(no_key_is_in_what_is_sent),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		CASE(no_key_is_in_ordinary_memory),
#endif
	};

	if (access("/usr/bin/ssh-keygen", X_OK) != 0) {
		(void)printf("skipped: there is no ssh-keygen\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
