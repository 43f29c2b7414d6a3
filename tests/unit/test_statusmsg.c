#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/statusmsg.h"
#include "support/hex.h"

static const struct statusmsg_head zero_head;

/* A head whose fields all differ. */
static struct statusmsg_head
some_head(void)
{
	return (struct statusmsg_head){
		.version = slice_str("1.2.3"), .socket = slice_str("/run/s"),
		.mode = slice_str("service"), .backing = slice_str("mlock"),
		.policy = slice_str("/etc/p"), .audit = slice_str("-"),
		.pid = 1, .uid = 2, .uptime_s = 3, .locked = 1,
		.memory_size = 5, .memory_used = 6, .memory_largest = 7,
		.room_ed25519 = 17, .room_ecdsa = 18,
		.room_rsa3072 = 19, .room_rsa4096 = 20,
		.connections = 8, .connections_max = 9,
		.connections_uid_max = 10, .signatures = 11,
		.refusals = UINT32_MAX, .policy_old = 1, .audit_records = 13,
		.audit_lost = 14,
	};
}

static struct statusmsg_key
some_key(void)
{
	return (struct statusmsg_key){
		.type = slice_str("ssh-ed25519"),
		.fingerprint = slice_str("SHA256:x"),
		.comment = hex("00ff'c'0a"), .load = slice_str("work"),
		.rules = slice_str("rate"),
		.bits = 256, .confirm = 1, .remaining_s = STATUSMSG_NEVER,
		.signatures = 5, .refusals = 6,
	};
}

static struct slice
head_bytes(uint8_t *room, size_t cap)
{
	struct statusmsg_head head = some_head();
	struct wire_writer w = wire_writer(room, cap);
	struct slice out;

	statusmsg_put_head(&w, &head);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static struct slice
key_bytes(uint8_t *room, size_t cap)
{
	struct statusmsg_key key = some_key();
	struct wire_writer w = wire_writer(room, cap);
	struct slice out;

	statusmsg_put_key(&w, &key);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static void
head_has_its_shape(void **state)
{
	uint8_t room[256];

	(void)state;
	hex_expect("head", head_bytes(room, sizeof(room)), hex("00000002"
	    "00000005'1.2.3'00000006'/run/s'00000007'service'"
	    "00000005'mlock'00000006'/etc/p'00000001'-'"
	    "00000001 00000002 00000003 00000001 00000005 00000006"
	    "00000007 00000011 00000012 00000013 00000014"
	    "00000008 00000009 0000000a 0000000b ffffffff"
	    "00000001 0000000d 0000000e"));
}

static void
key_has_its_shape(void **state)
{
	uint8_t room[256];

	(void)state;
	hex_expect("key", key_bytes(room, sizeof(room)), hex(
	    "0000000b'ssh-ed25519'00000008'SHA256:x'00000004 00ff'c'0a"
	    "00000004'work'00000004'rate'"
	    "00000100 00000001 ffffffff 00000005 00000006"));
}

static void
head_comes_back(void **state)
{
	struct statusmsg_head want = some_head(), got = zero_head;
	uint8_t room[256];
	struct wire_reader r;

	(void)state;
	r = wire_reader(head_bytes(room, sizeof(room)));
	assert_int_equal(statusmsg_get_head(&r, &got), ST_OK);
	assert_true(wire_end(&r));
	hex_expect("version", got.version, want.version);
	hex_expect("socket", got.socket, want.socket);
	hex_expect("mode", got.mode, want.mode);
	hex_expect("backing", got.backing, want.backing);
	hex_expect("policy", got.policy, want.policy);
	hex_expect("audit", got.audit, want.audit);
	assert_int_equal(got.pid, want.pid);
	assert_int_equal(got.uid, want.uid);
	assert_int_equal(got.uptime_s, want.uptime_s);
	assert_int_equal(got.locked, want.locked);
	assert_int_equal(got.memory_size, want.memory_size);
	assert_int_equal(got.memory_used, want.memory_used);
	assert_int_equal(got.memory_largest, want.memory_largest);
	assert_int_equal(got.room_ed25519, want.room_ed25519);
	assert_int_equal(got.room_ecdsa, want.room_ecdsa);
	assert_int_equal(got.room_rsa3072, want.room_rsa3072);
	assert_int_equal(got.room_rsa4096, want.room_rsa4096);
	assert_int_equal(got.connections, want.connections);
	assert_int_equal(got.connections_max, want.connections_max);
	assert_int_equal(got.connections_uid_max, want.connections_uid_max);
	assert_int_equal(got.signatures, want.signatures);
	assert_int_equal(got.refusals, want.refusals);
	assert_int_equal(got.policy_old, want.policy_old);
	assert_int_equal(got.audit_records, want.audit_records);
	assert_int_equal(got.audit_lost, want.audit_lost);
}

/* Limits and uids: their shape, that they come back, and no cut ones do. */
static void
limits_and_uids_come_back(void **state)
{
	const struct statusmsg_limit limit = { slice_str("bytes"),
		UINT64_C(1) << 40 };
	const struct statusmsg_uid uid = { 1000, 2, UINT64_C(3) << 32, 4 };
	struct statusmsg_limit l;
	struct statusmsg_uid u;
	struct wire_writer w;
	struct wire_reader r;
	uint8_t room[64];
	size_t len;

	(void)state;
	w = wire_writer(room, sizeof(room));
	statusmsg_put_limit(&w, &limit);
	hex_expect("limit", (struct slice){ room, w.len },
	    hex("00000005'bytes'00000100 00000000"));
	for (len = 0; len <= w.len; len++) {
		r = wire_reader(hex_copy((struct slice){ room, len }));
		assert_int_equal(statusmsg_get_limit(&r, &l),
		    len < w.len ? ST_MALFORMED : ST_OK);
	}
	hex_expect("name", l.name, limit.name);
	assert_true(l.value == limit.value);

	w = wire_writer(room, sizeof(room));
	statusmsg_put_uid(&w, &uid);
	hex_expect("uid", (struct slice){ room, w.len }, hex("000003e8 00000002"
	    "00000003 00000000 00000000 00000004"));
	for (len = 0; len <= w.len; len++) {
		r = wire_reader(hex_copy((struct slice){ room, len }));
		assert_int_equal(statusmsg_get_uid(&r, &u),
		    len < w.len ? ST_MALFORMED : ST_OK);
	}
	assert_memory_equal(&u, &uid, sizeof(u));
}

static void
key_comes_back(void **state)
{
	struct statusmsg_key want = some_key(), got = { .bits = 0 };
	uint8_t room[256];
	struct wire_reader r;

	(void)state;
	r = wire_reader(key_bytes(room, sizeof(room)));
	assert_int_equal(statusmsg_get_key(&r, &got), ST_OK);
	assert_true(wire_end(&r));
	hex_expect("type", got.type, want.type);
	hex_expect("fingerprint", got.fingerprint, want.fingerprint);
	hex_expect("comment", got.comment, want.comment);
	hex_expect("load", got.load, want.load);
	hex_expect("rules", got.rules, want.rules);
	assert_int_equal(got.bits, want.bits);
	assert_int_equal(got.confirm, want.confirm);
	assert_int_equal(got.remaining_s, want.remaining_s);
	assert_int_equal(got.signatures, want.signatures);
	assert_int_equal(got.refusals, want.refusals);
}

/* Each in a heap piece of its length, for the sanitizer to see. */
static void
cut_anywhere_is_malformed(void **state)
{
	uint8_t room[256];
	struct slice head = head_bytes(room, sizeof(room)), cut;
	struct slice key = key_bytes(room, sizeof(room));
	struct statusmsg_head h;
	struct statusmsg_key k;
	struct wire_reader r;
	size_t len;

	(void)state;
	for (len = 0; len < head.len; len++) {
		cut = hex_copy((struct slice){ head.p, len });
		r = wire_reader(cut);
		assert_int_equal(statusmsg_get_head(&r, &h), ST_MALFORMED);
	}
	for (len = 0; len < key.len; len++) {
		cut = hex_copy((struct slice){ key.p, len });
		r = wire_reader(cut);
		assert_int_equal(statusmsg_get_key(&r, &k), ST_MALFORMED);
	}
}

static void
what_follows_is_left(void **state)
{
	uint8_t room[256], more[256];
	struct slice head = head_bytes(room, sizeof(room));
	struct statusmsg_head h;
	struct wire_reader r;

	(void)state;
	memcpy(more, head.p, head.len);
	memcpy(more + head.len, "rest", 4);
	r = wire_reader((struct slice){ more, head.len + 4 });
	assert_int_equal(statusmsg_get_head(&r, &h), ST_OK);
	hex_expect("rest", r.rest, slice_str("rest"));
}

static void
other_versions_are_unsupported(void **state)
{
	static const uint32_t versions[] = { 0, 1, 3, 0x01000000, UINT32_MAX };
	uint8_t room[256];
	struct statusmsg_head h = some_head();
	struct wire_writer w;
	struct wire_reader r;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		w = wire_writer(room, sizeof(room));
		statusmsg_put_head(&w, &h);
		w.len = 0;
		wire_put_u32(&w, versions[i]);
		r = wire_reader((struct slice){ room, sizeof(room) });
		assert_int_equal(statusmsg_get_head(&r, &h), ST_UNSUPPORTED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_has_its_shape),
		cmocka_unit_test(key_has_its_shape),
		cmocka_unit_test(head_comes_back),
		cmocka_unit_test(key_comes_back),
		cmocka_unit_test(limits_and_uids_come_back),
		cmocka_unit_test(cut_anywhere_is_malformed),
		cmocka_unit_test(what_follows_is_left),
		cmocka_unit_test(other_versions_are_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
