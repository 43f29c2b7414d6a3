#include "agent/binding.h"

#include "support/hex.h"

static struct bindings b;
static enum reason why;

static int
setup(void **state)
{
	(void)state;
	b = (struct bindings){ 0 };
	why = REASON_NONE;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bindings_fini(&b);
	return 0;
}

static int
add(const char *hostkey, const char *session_id, bool forwarding)
{
	return bindings_add(&b, hex_copy(slice_str(hostkey)),
	    hex_copy(slice_str(session_id)), forwarding, &why);
}

/* Fail unless a bind is refused that way, and nothing has changed. */
static void
refused(int st, int want, size_t n, enum reason reason)
{
	assert_int_equal(st, want);
	assert_int_equal(b.n, n);
	assert_int_equal(why, reason);
}

static void
binds_are_kept_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(add("key 1", "session 1", true), ST_OK);
	assert_int_equal(add("key 22", "session 22", true), ST_OK);
	assert_int_equal(add("key 3", "s", false), ST_OK);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.bytes, 5 + 6 + 5);
	assert_true(slice_eq_str(binding_hostkey(&b.at[0]), "key 1"));
	assert_true(slice_eq_str(binding_session_id(&b.at[0]), "session 1"));
	assert_true(slice_eq_str(binding_hostkey(&b.at[1]), "key 22"));
	assert_true(slice_eq_str(binding_session_id(&b.at[1]), "session 22"));
	assert_true(slice_eq_str(binding_hostkey(&b.at[2]), "key 3"));
	assert_true(slice_eq_str(binding_session_id(&b.at[2]), "s"));
	assert_true(b.at[0].forwarding);
	assert_true(b.at[1].forwarding);
	assert_false(b.at[2].forwarding);
	/* What was tried is for the caller to say. */
	assert_false(b.attempted);
}

static void
what_is_kept_is_a_copy(void **state)
{
	uint8_t key[] = "key", sid[] = "sid";

	(void)state;
	assert_int_equal(bindings_add(&b, (struct slice){ key, 3 },
	    (struct slice){ sid, 3 }, true, &why), ST_OK);
	memset(key, 'x', 3);
	memset(sid, 'x', 3);
	assert_true(slice_eq_str(binding_hostkey(&b.at[0]), "key"));
	assert_true(slice_eq_str(binding_session_id(&b.at[0]), "sid"));
}

static void
nothing_follows_an_authentication(void **state)
{
	const enum reason reason = REASON_BIND_AFTER_AUTH;

	(void)state;
	assert_int_equal(add("key 1", "session 1", true), ST_OK);
	assert_int_equal(add("key 2", "session 2", false), ST_OK);
	refused(add("key 3", "session 3", true), ST_DENIED, 2, reason);
	refused(add("key 3", "session 3", false), ST_DENIED, 2, reason);
	/* Not even itself, as in OpenSSH. */
	refused(add("key 2", "session 2", false), ST_DENIED, 2, reason);
	/* But what came before it and is known is not looked at again. */
	assert_int_equal(add("key 1", "session 1", true), ST_OK);
	assert_int_equal(b.n, 2);
}

static void
same_bind_again_is_not_recorded_again(void **state)
{
	(void)state;
	assert_int_equal(add("key", "session", true), ST_OK);
	assert_int_equal(add("key", "session", true), ST_OK);
	assert_int_equal(add("key", "session", false), ST_OK);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.bytes, 3);
	assert_true(b.at[0].forwarding);
}

static void
one_session_has_one_host_key(void **state)
{
	const enum reason reason = REASON_BIND_SESSION_REUSED;

	(void)state;
	assert_int_equal(add("key 1", "session", true), ST_OK);
	refused(add("key 2", "session", true), ST_DENIED, 1, reason);
	refused(add("key", "session", true), ST_DENIED, 1, reason);
}

static void
one_host_key_may_have_several_sessions(void **state)
{
	(void)state;
	assert_int_equal(add("key", "session 1", true), ST_OK);
	assert_int_equal(add("key", "session 2", true), ST_OK);
	assert_int_equal(add("key", "session", false), ST_OK);
	assert_int_equal(b.n, 3);
}

static void
session_ids_have_at_most_128_bytes(void **state)
{
	struct slice key = hex("'key'");

	(void)state;
	refused(bindings_add(&b, key, hex_fill('s', 129), true, &why),
	    ST_TOO_LARGE, 0, REASON_BIND_ID_TOO_LONG);
	assert_int_equal(bindings_add(&b, key, hex_fill('s', 128), true, &why),
	    ST_OK);
	assert_int_equal(binding_session_id(&b.at[0]).len, 128);
	assert_int_equal(bindings_add(&b, key, hex(""), true, &why), ST_OK);
	assert_int_equal(binding_session_id(&b.at[1]).len, 0);
}

static void
sixteen_binds_fit(void **state)
{
	char session_id[] = "session ?";

	(void)state;
	for (int i = 0; i < BINDING_MAX; i++) {
		session_id[8] = (char)('a' + i);
		assert_int_equal(add("key", session_id, true), ST_OK);
	}
	refused(add("key", "session ?", true), ST_FULL, BINDING_MAX,
	    REASON_BIND_TOO_MANY);
	/* A known one still is. */
	assert_int_equal(add("key", "session a", true), ST_OK);
	assert_int_equal(b.n, BINDING_MAX);
}

static void
host_keys_are_kept_up_to_their_limit(void **state)
{
	const enum reason reason = REASON_BIND_TOO_LARGE;
	struct slice most = hex_fill('k', BINDING_BYTES_MAX - 3);

	(void)state;
	refused(bindings_add(&b, hex_fill('k', BINDING_BYTES_MAX + 1),
	    hex("'s'"), true, &why), ST_FULL, 0, reason);
	assert_int_equal(bindings_add(&b, most, hex("'a'"), true, &why),
	    ST_OK);
	refused(add("four", "b", true), ST_FULL, 1, reason);
	assert_int_equal(add("key", "b", true), ST_OK);
	assert_int_equal(b.bytes, BINDING_BYTES_MAX);
	refused(add("k", "c", true), ST_FULL, 2, reason);
}

static void
forwarding_of_any_bind_is_seen(void **state)
{
	(void)state;
	assert_false(bindings_forwarded(&b));
	assert_int_equal(add("key", "session 1", false), ST_OK);
	assert_false(bindings_forwarded(&b));
	bindings_fini(&b);
	assert_int_equal(add("key", "session 1", true), ST_OK);
	assert_true(bindings_forwarded(&b));
	assert_int_equal(add("key", "session 2", false), ST_OK);
	assert_true(bindings_forwarded(&b));
	bindings_fini(&b);
	/* One that is not recorded may have been for forwarding. */
	assert_int_equal(add("key", "session 1", false), ST_OK);
	b.gap = true;
	assert_true(bindings_forwarded(&b));
}

static void
fini_leaves_nothing_and_may_come_twice(void **state)
{
	(void)state;
	b.attempted = true;
	assert_int_equal(add("key", "session", true), ST_OK);
	bindings_fini(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.bytes, 0);
	assert_null(b.at);
	assert_false(b.attempted);
	bindings_fini(&b);
	assert_int_equal(add("key", "session", true), ST_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(binds_are_kept_in_their_order),
		TEST(what_is_kept_is_a_copy),
		TEST(nothing_follows_an_authentication),
		TEST(same_bind_again_is_not_recorded_again),
		TEST(one_session_has_one_host_key),
		TEST(one_host_key_may_have_several_sessions),
		TEST(session_ids_have_at_most_128_bytes),
		TEST(sixteen_binds_fit),
		TEST(host_keys_are_kept_up_to_their_limit),
		TEST(forwarding_of_any_bind_is_seen),
		TEST(fini_leaves_nothing_and_may_come_twice),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
