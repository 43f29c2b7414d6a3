#include "agent/hotkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/key.h"
#include "agent/vault.h"
#include "proto/keyprivate.h"
#include "support/crew.h"
#include "support/gate.h"
#include "support/testkeys.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define THREADS	3
static const char text[] = "to be signed";

/* Linked with --wrap for these two: a thread waits there if it is told to. */
static _Thread_local struct gate *hold_import, *hold_sign;

int __real_key_math_import(const struct private_fields *fields,
    EVP_PKEY **out);
int __wrap_key_math_import(const struct private_fields *fields,
    EVP_PKEY **out);
int __real_EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *len,
    const unsigned char *data, size_t n);
int __wrap_EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *len,
    const unsigned char *data, size_t n);

int
__wrap_key_math_import(const struct private_fields *fields, EVP_PKEY **out)
{
	if (hold_import != NULL)
		gate_pass(hold_import);
	return __real_key_math_import(fields, out);
}

int
__wrap_EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *len,
    const unsigned char *data, size_t n)
{
	if (hold_sign != NULL)
		gate_pass(hold_sign);
	return __real_EVP_PKEY_sign(ctx, sig, len, data, n);
}

static struct testkey *rsa, *p256, *p384;

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault_threads(1024 * 1024, THREADS);
	rsa = testkey_new(KEY_RSA, 2048);
	p256 = testkey_new(KEY_ECDSA_P256, 0);
	p384 = testkey_new(KEY_ECDSA_P384, 0);
	key_math_warm(KEY_RSA);
	key_math_warm(KEY_ECDSA_P256);
	key_math_warm(KEY_ECDSA_P384);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(crew_start(), ST_OK);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	while (crew.n > 0)
		crew_end();
	testkey_free(rsa);
	testkey_free(p256);
	testkey_free(p384);
	return 0;
}

/* A key of this module alone. */
static void
hot_init(struct hotkey *h, const struct testkey *tk)
{
	size_t size = keyprivate_size(&tk->fields);
	uint8_t *p = secret_alloc(vault_region(), size);
	struct wire_writer w = wire_writer(p, size);

	assert_non_null(p);
	keyprivate_put(&w, &tk->fields);
	assert_false(w.full);
	*h = (struct hotkey){ .type = tk->fields.type,
		.record = { p, w.len } };
}

static void
hot_fini(struct hotkey *h)
{
	union {
		const uint8_t	*c;
		void		*p;
	} record = { .c = h->record.p };

	hotkey_cool(h);
	assert_false(hotkey_is_hot(h));
	assert_int_equal(h->users, 0);
	secret_free(vault_region(), record.p);
}

static size_t
heap(void)
{
	struct vault_work w;

	vault_work(&w);
	return w.heap_now;
}

/* One signature, in whatever thread. */
struct task {
	struct hotkey	*h;
	enum key_hash	 hash;
	size_t		 short_by;	/* bytes that the digest lacks */
	struct gate	*import, *sign;	/* where it waits */
	int		 times;
	int		 st;
	struct signature out;
};

static int
sign_op(void *arg)
{
	static const char *const names[KEY_HASHES] = { [KEY_SHA256] =
		"rsa-sha2-256", [KEY_SHA512] = "rsa-sha2-512" };
	struct task *t = arg;
	uint8_t der[144];
	bool is_rsa = t->h->type == KEY_RSA;
	size_t len = is_rsa ? sizeof(t->out.bytes) : sizeof(der);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int st;

	if (EVP_Digest(text, sizeof(text), digest, &n, key_math_md(t->hash),
	    NULL) != 1)
		return ST_SYSTEM;
	st = hotkey_sign(t->h, t->hash, (struct slice){ digest,
	    n - t->short_by }, is_rsa ? t->out.bytes : der, &len);
	t->out.len = len;
	t->out.algorithm = is_rsa ? names[t->hash] :
	    key_type_info(t->h->type)->name;
	if (st == ST_OK && !is_rsa)
		st = key_math_ecdsa_signature((struct slice){ der, len },
		    t->out.bytes, sizeof(t->out.bytes), &t->out.len);
	return st;
}

static int
work(void *arg)
{
	struct task *t = arg;

	hold_import = t->import;
	hold_sign = t->sign;
	t->st = ST_OK;
	for (int i = 0; t->st == ST_OK && i < (t->times > 0 ? t->times : 1);
	    i++)
		t->st = vault_run(sign_op, t, VAULT_STRICT);
	hold_import = hold_sign = NULL;
	return t->st;
}

static enum key_hash
usual(const struct hotkey *h)
{
	return h->type == KEY_ECDSA_P384 ? KEY_SHA384 : KEY_SHA256;
}

static bool
made_by(const struct task *t, const struct testkey *tk)
{
	return testkey_made(tk, &t->out, (struct slice){
	    (const uint8_t *)text, sizeof(text) });
}

static void
sign(struct hotkey *h, const struct testkey *tk)
{
	struct task t = { .h = h, .hash = usual(h) };

	assert_int_equal(work(&t), ST_OK);
	assert_true(made_by(&t, tk));
}

static void
the_first_use_heats_and_cooling_gives_it_back(void **state)
{
	const struct testkey *const all[] = { rsa, p256, p384 };
	struct hotkey h;
	size_t hot;

	(void)state;
	assert_int_equal(heap(), 0);
	for (size_t i = 0; i < N(all); i++) {
		hot_init(&h, all[i]);
		assert_false(hotkey_is_hot(&h));
		hotkey_cool(&h);
		sign(&h, all[i]);
		assert_true(hotkey_is_hot(&h));
		hot = heap();
		assert_true(hot > 0);
		sign(&h, all[i]);
		assert_int_equal(heap(), hot);
		hotkey_cool(&h);
		assert_false(hotkey_is_hot(&h));
		assert_int_equal(heap(), 0);
		sign(&h, all[i]);
		hot_fini(&h);
		assert_int_equal(heap(), 0);
	}
}

static void
the_one_used_longest_ago_turns_cold_first(void **state)
{
	struct hotkey h[4];

	(void)state;
	assert_false(hotkey_cool_one(NULL));
	for (size_t i = 0; i < 4; i++) {
		hot_init(&h[i], p256);
		sign(&h[i], p256);
	}
	sign(&h[0], p256);
	sign(&h[2], p256);
	/* From cold to hot: 1 3 0 2. */
	assert_true(hotkey_cool_one(&h[1]));
	assert_false(hotkey_is_hot(&h[3]));
	assert_true(hotkey_cool_one(NULL));
	assert_false(hotkey_is_hot(&h[1]));
	sign(&h[3], p256);
	/* 0 2 3 */
	hotkey_cool(&h[2]);
	assert_true(hotkey_cool_one(NULL));
	assert_false(hotkey_is_hot(&h[0]));
	assert_true(hotkey_is_hot(&h[3]));
	assert_false(hotkey_cool_one(&h[3]));
	assert_true(hotkey_cool_one(&h[0]));
	assert_false(hotkey_is_hot(&h[3]));
	assert_false(hotkey_cool_one(NULL));
	for (size_t i = 0; i < 4; i++)
		hot_fini(&h[i]);
	assert_int_equal(heap(), 0);
}

static void
one_in_use_stays_hot(void **state)
{
	struct gate gate = GATE;
	struct hotkey a, b;
	struct task t = { .h = &a, .hash = KEY_SHA256, .sign = &gate };

	(void)state;
	hot_init(&a, rsa);
	hot_init(&b, p256);
	crew_tell(0, work, &t);
	gate_await(&gate, 1);
	sign(&b, p256);
	hotkey_cool(&a);
	assert_true(hotkey_is_hot(&a));
	/* It is the coldest, but another one goes. */
	assert_true(hotkey_cool_one(NULL));
	assert_false(hotkey_is_hot(&b));
	assert_false(hotkey_cool_one(NULL));
	assert_true(hotkey_is_hot(&a));
	/* It can be used beside that. */
	sign(&a, rsa);
	hotkey_cool(&a);
	assert_true(hotkey_is_hot(&a));
	gate_open(&gate);
	assert_int_equal(crew_wait(0), ST_OK);
	assert_true(made_by(&t, rsa));
	assert_true(hotkey_cool_one(NULL));
	assert_false(hotkey_is_hot(&a));
	hot_fini(&a);
	hot_fini(&b);
	assert_int_equal(heap(), 0);
}

static void
threads_that_heat_one_key_together_keep_it_once(void **state)
{
	struct task t[THREADS];
	struct gate gate = GATE;
	struct hotkey h;
	size_t once;

	(void)state;
	hot_init(&h, p384);
	sign(&h, p384);
	once = heap();
	hotkey_cool(&h);
	for (size_t i = 0; i < THREADS; i++) {
		t[i] = (struct task){ .h = &h, .hash = KEY_SHA384,
			.import = &gate };
		crew_tell(i, work, &t[i]);
	}
	gate_await(&gate, THREADS);
	assert_false(hotkey_is_hot(&h));
	gate_open(&gate);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(crew_wait(i), ST_OK);
		assert_true(made_by(&t[i], p384));
	}
	/* Pieces may be a little longer than they need be. */
	assert_in_range(heap(), once - once / 4, once + once / 4);
	sign(&h, p384);
	hot_fini(&h);
	assert_int_equal(heap(), 0);
}

static void
a_context_serves_one_thread_at_a_time(void **state)
{
	struct task t[THREADS];
	struct gate gate = GATE;
	struct hotkey h;
	EVP_PKEY_CTX *spare;

	(void)state;
	hot_init(&h, rsa);
	sign(&h, rsa);
	spare = h.spare[KEY_SHA256];
	assert_non_null(spare);
	assert_null(h.spare[KEY_SHA512]);
	for (size_t i = 0; i < THREADS; i++) {
		t[i] = (struct task){ .h = &h, .hash = i == 0 ? KEY_SHA512 :
			KEY_SHA256, .sign = &gate };
		crew_tell(i, work, &t[i]);
	}
	gate_await(&gate, THREADS);
	assert_int_equal(h.users, THREADS);
	assert_null(h.spare[KEY_SHA256]);
	assert_null(h.spare[KEY_SHA512]);
	gate_open(&gate);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(crew_wait(i), ST_OK);
		assert_true(made_by(&t[i], rsa));
	}
	assert_non_null(h.spare[KEY_SHA256]);
	assert_non_null(h.spare[KEY_SHA512]);
	hot_fini(&h);
	assert_int_equal(heap(), 0);
}

static void
a_context_that_failed_is_not_used_again(void **state)
{
	struct hotkey h;
	struct task t = { .h = &h, .hash = KEY_SHA256, .short_by = 1 };

	(void)state;
	hot_init(&h, rsa);
	sign(&h, rsa);
	assert_int_equal(work(&t), ST_CRYPTO);
	assert_null(h.spare[KEY_SHA256]);
	assert_int_equal(h.users, 0);
	assert_true(hotkey_is_hot(&h));
	sign(&h, rsa);
	assert_non_null(h.spare[KEY_SHA256]);
	hot_fini(&h);
	assert_int_equal(heap(), 0);
}

static void
a_record_that_is_none_heats_nothing(void **state)
{
	struct hotkey h;
	struct task t = { .h = &h, .hash = KEY_SHA256 };

	(void)state;
	hot_init(&h, rsa);
	h.record.len--;
	assert_int_equal(work(&t), ST_INTERNAL);
	assert_false(hotkey_is_hot(&h));
	h.record.len++;
	sign(&h, rsa);
	hot_fini(&h);
	assert_int_equal(heap(), 0);
}

static void
without_room_nothing_stays_hot(void **state)
{
	struct testkeys_ballast b = { .leave = 4000 };
	struct hotkey h;
	struct task t = { .h = &h, .hash = KEY_SHA256 };
	size_t before;

	(void)state;
	hot_init(&h, rsa);
	assert_int_equal(vault_run(testkeys_take_room, &b, VAULT_STRICT), ST_OK);
	before = heap();
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(work(&t), ST_FULL);
		assert_false(hotkey_is_hot(&h));
		assert_int_equal(h.users, 0);
		assert_int_equal(heap(), before);
	}
	OPENSSL_free(b.p);
	sign(&h, rsa);
	hot_fini(&h);
	assert_int_equal(heap(), 0);
}

struct verify_args {
	struct hotkey	*h;
	struct slice	 data, sig;
};

static int
verify_op(void *arg)
{
	struct verify_args *a = arg;

	return hotkey_verify(a->h, a->data, a->sig);
}

static void
what_it_signed_it_verifies(void **state)
{
	const struct testkey *const all[] = { rsa, p256, p384 };

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct hotkey h;
		struct task t = { .h = &h };
		struct verify_args v = { .h = &h };

		hot_init(&h, all[i]);
		t.hash = usual(&h);
		assert_int_equal(work(&t), ST_OK);
		hotkey_cool(&h);
		v.data = (struct slice){ (const uint8_t *)text,
			sizeof(text) };
		v.sig = (struct slice){ t.out.bytes, t.out.len };
		assert_int_equal(vault_run(verify_op, &v, VAULT_STRICT),
		    ST_OK);
		t.out.bytes[t.out.len - 1] ^= 1;
		assert_int_equal(vault_run(verify_op, &v, VAULT_STRICT),
		    ST_MALFORMED);
		assert_int_equal(h.users, 0);
		hot_fini(&h);
	}
	assert_int_equal(heap(), 0);
}

static void
keys_turn_cold_all_the_time_while_threads_sign(void **state)
{
	const struct testkey *const of[] = { rsa, p384, p256 };
	struct hotkey h[3];
	struct task t[THREADS];
	size_t cooled = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		hot_init(&h[i], of[i]);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < THREADS; i++) {
			size_t which = (i + (size_t)round / 3) % 3;

			/* One key by two, or each its own. */
			if (round % 3 == 0)
				which %= 2;
			t[i] = (struct task){ .h = &h[which], .times = 5,
				.hash = usual(&h[which]) };
			crew_tell(i, work, &t[i]);
		}
		for (int n = 0; n < 300; n++) {
			cooled += hotkey_cool_one(n % 4 < 3 ?
			    &h[n % 4] : NULL) ? 1 : 0;
			hotkey_cool(&h[n % 3]);
		}
		for (size_t i = 0; i < THREADS; i++) {
			assert_int_equal(crew_wait(i), ST_OK);
			assert_true(made_by(&t[i], of[t[i].h - h]));
		}
	}
	assert_true(cooled > 0);
	for (size_t i = 0; i < 3; i++)
		hot_fini(&h[i]);
	assert_int_equal(heap(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_first_use_heats_and_cooling_gives_it_back),
		cmocka_unit_test(the_one_used_longest_ago_turns_cold_first),
		cmocka_unit_test(one_in_use_stays_hot),
		cmocka_unit_test(
		    threads_that_heat_one_key_together_keep_it_once),
		cmocka_unit_test(a_context_serves_one_thread_at_a_time),
		cmocka_unit_test(a_context_that_failed_is_not_used_again),
		cmocka_unit_test(a_record_that_is_none_heats_nothing),
		cmocka_unit_test(without_room_nothing_stays_hot),
		cmocka_unit_test(what_it_signed_it_verifies),
		cmocka_unit_test(
		    keys_turn_cold_all_the_time_while_threads_sign),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
