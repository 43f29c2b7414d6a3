#include "agent/job.h"

#include "support/hex.h"

#include "agent/vault.h"
#include "agent/verify.h"
#include "base/loop.h"
#include "proto/agent_num.h"
#include "support/session_vectors.h"
#include "support/testkeys.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Of the vault, besides the first one. */
#define THREADS	3

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

static const struct kind {
	enum key_type	 type;
	unsigned	 bits;
} kinds[] = {
	{ KEY_ED25519, 0 },
	{ KEY_ECDSA_P256, 0 },
	{ KEY_ECDSA_P384, 0 },
	{ KEY_ECDSA_P521, 0 },
	{ KEY_RSA, 2048 },
	{ KEY_RSA, 4096 },
	{ KEY_RSA, 8192 },
};
#define RSA8192	(N(kinds) - 1)

static struct testkey *keys[N(kinds)];

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault_threads(1024 * 1024, THREADS);
	assert_int_equal(verify_init(), ST_OK);
	for (size_t i = 0; i < N(kinds); i++)
		keys[i] = kinds[i].bits > 2048 ?
		    testkey_new_large(kinds[i].bits) :
		    testkey_new(kinds[i].type, kinds[i].bits);
	return 0;
}

static int
group_teardown(void **state)
{
	for (size_t i = 0; i < N(kinds); i++)
		testkey_free(keys[i]);
	return hex_free(state);
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static struct key *
add(size_t kind)
{
	const char *why;
	struct key *k;

	assert_int_equal(key_new(&k, &keys[kind]->fields, &why), ST_OK);
	return k;
}

/* A job that signs data, which is gone when this returns. */
static struct job *
signing_job(struct key *k, const char *text)
{
	struct slice data = slice_str(text);
	uint8_t *copy = malloc(data.len + 1);
	struct signing s;
	struct job *j;

	assert_non_null(copy);
	memcpy(copy, data.p, data.len);
	data.p = copy;
	assert_int_equal(signing_init(&s, k, data, SSH_AGENT_RSA_SHA2_256,
	    false), ST_OK);
	assert_int_equal(job_sign(&j, &s), ST_OK);
	memset(copy, 0xff, data.len);
	free(copy);
	/* It has been given away: nothing is released twice. */
	assert_null(s.key);
	signing_fini(&s);
	return j;
}

static void
a_job_signs_when_the_request_is_gone(void **state)
{
	size_t before = used();

	(void)state;
	for (size_t i = 0; i < N(kinds); i++)
		for (int empty = 0; empty < 2; empty++) {
			const char *text = empty ? "" : "to be signed";
			struct key *k = add(i);
			struct job *j = signing_job(k, text);

			assert_int_equal(j->kind, JOB_SIGN);
			assert_int_equal(j->work.alone, i == RSA8192);
			/* The key is removed before its turn comes. */
			key_free(k);
			assert_true(used() > before);
			job_run(j);
			assert_int_equal(j->st, ST_OK);
			assert_true(testkey_made(keys[i], &j->sign.out,
			    slice_str(text)));
			job_free(j);
			assert_int_equal(used(), before);
		}
}

static struct job *
binding_job(bool spoil)
{
	struct slice vector = hex(session_vectors[SESSION_BIND]);
	uint8_t *copy = malloc(vector.len);
	struct slice body = { copy, vector.len };
	struct bind_request req;
	struct job *j;

	assert_non_null(copy);
	memcpy(copy, vector.p, vector.len);
	assert_int_equal(bind_request_decode(body, &req), ST_OK);
	if (spoil)
		copy[req.session_id.p - copy] ^= 1;
	assert_int_equal(job_bind(&j, &req), ST_OK);
	memset(copy, 0xff, vector.len);
	free(copy);
	return j;
}

static void
a_job_verifies_when_the_request_is_gone(void **state)
{
	struct bind_request req;
	struct job *j;

	(void)state;
	j = binding_job(false);
	assert_int_equal(j->kind, JOB_BIND);
	assert_false(j->work.alone);
	job_run(j);
	assert_int_equal(j->st, ST_OK);
	/* What is to be recorded is there still. */
	assert_int_equal(bind_request_decode(
	    hex(session_vectors[SESSION_BIND]), &req), ST_OK);
	hex_expect("hostkey", j->bind.hostkey, req.hostkey);
	hex_expect("session id", j->bind.session_id, req.session_id);
	assert_int_equal(j->bind.forwarding, req.forwarding);
	job_free(j);
	j = binding_job(true);
	job_run(j);
	assert_int_equal(j->st, ST_MALFORMED);
	assert_string_equal(j->why, "the signature is wrong");
	job_free(j);
}

/* Workers that end hand back what was not run. */
static void
a_job_that_was_not_run_is_no_success(void **state)
{
	struct key *k = add(1);
	struct job *j = signing_job(k, "x");

	(void)state;
	assert_int_equal(j->st, ST_INTERNAL);
	job_free(j);
	key_free(k);
	j = binding_job(false);
	assert_int_equal(j->st, ST_INTERNAL);
	job_free(j);
	job_free(NULL);
}

static void
no_memory_leaves_the_signing_with_its_owner(void **state)
{
	size_t before = used();
	struct key *k = add(0);
	struct signing s;
	struct job *j;
	int st;

	(void)state;
	/* The job, and the copy of what Ed25519 signs. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(signing_init(&s, k, slice_str("x"), 0, false),
		    ST_OK);
		fail_at = i;
		st = job_sign(&j, &s);
		fail_at = -1;
		assert_int_equal(st, ST_NOMEM);
		assert_null(j);
		assert_ptr_equal(s.key, k);
		signing_fini(&s);
		signing_fini(&s);
	}
	key_free(k);
	assert_int_equal(used(), before);
}

static void
no_memory_makes_no_job_of_a_bind(void **state)
{
	struct bind_request req;
	struct job *j;
	int st;

	(void)state;
	assert_int_equal(bind_request_decode(
	    hex(session_vectors[SESSION_BIND]), &req), ST_OK);
	for (int i = 0; i < 2; i++) {
		fail_at = i;
		st = job_bind(&j, &req);
		fail_at = -1;
		assert_int_equal(st, ST_NOMEM);
		assert_null(j);
	}
}

static struct loop *loop;
static size_t left;

static void
run(struct work *w)
{
	job_run((struct job *)(void *)w);
}

static void
done(struct work *w)
{
	(void)w;
	if (--left == 0)
		loop_stop(loop);
}

static int
ready(void *cookie)
{
	(void)cookie;
	return vault_attach();
}

static void
jobs_of_every_kind_are_done_by_workers(void **state)
{
	const struct workers_start start = { .ready = ready };
	size_t before = used();
	struct key *k[RSA8192];
	struct workers *ws;
	struct job *j[210];

	(void)state;
	for (size_t i = 0; i < RSA8192; i++)
		k[i] = add(i);
	assert_int_equal(loop_new(&loop), ST_OK);
	assert_int_equal(workers_new(&ws, loop, THREADS, false, &start),
	    ST_OK);
	assert_int_equal(workers_ready(ws), ST_OK);
	left = N(j);
	for (size_t i = 0; i < N(j); i++) {
		j[i] = i % 7 < RSA8192 ? signing_job(k[i % 7], "some data") :
		    binding_job(i % 2 == 0);
		j[i]->work.run = run;
		j[i]->work.done = done;
		j[i]->work.account = (unsigned)(i % 3);
		workers_submit(ws, &j[i]->work);
		/* Some go while others use them. */
		if (i == 100)
			for (size_t n = 0; n < RSA8192; n++) {
				key_free(k[n]);
				k[n] = add(n);
			}
	}
	assert_int_equal(loop_run(loop), ST_OK);
	workers_free(ws);
	loop_free(loop);
	for (size_t i = 0; i < N(j); i++) {
		if (i % 7 < RSA8192) {
			assert_int_equal(j[i]->st, ST_OK);
			assert_true(testkey_made(keys[i % 7],
			    &j[i]->sign.out, slice_str("some data")));
		} else {
			assert_int_equal(j[i]->st, i % 2 == 0 ? ST_MALFORMED :
			    ST_OK);
		}
		job_free(j[i]);
	}
	for (size_t i = 0; i < RSA8192; i++)
		key_free(k[i]);
	assert_int_equal(used(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_signs_when_the_request_is_gone),
		cmocka_unit_test(a_job_verifies_when_the_request_is_gone),
		cmocka_unit_test(a_job_that_was_not_run_is_no_success),
		cmocka_unit_test(no_memory_leaves_the_signing_with_its_owner),
		cmocka_unit_test(no_memory_makes_no_job_of_a_bind),
		cmocka_unit_test(jobs_of_every_kind_are_done_by_workers),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
