#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/inbox.h"
#include "agent/vault.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "support/hex.h"
#include "support/testkeys.h"

/* All that a secret is made of here, and nothing else is. */
#define SECRET		0xa5
#define ROOM		(2 * 1024 * 1024)

static struct inbox box;
static struct intake intake;
static int near_fd, far_fd;
static size_t baseline;
static struct peer peer;
/* What was to come of a stream, and what came: type, length, body or how it
 * was refused. */
static struct wire_writer want, got, stream;
static uint8_t *rooms[3];

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault();
	for (size_t i = 0; i < 3; i++)
		assert_non_null(rooms[i] = malloc(ROOM));
	return 0;
}

static int
group_teardown(void **state)
{
	for (size_t i = 0; i < 3; i++)
		free(rooms[i]);
	return hex_free(state);
}

static int
setup(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	near_fd = fds[0];
	far_fd = fds[1];
	memset(&box, 0, sizeof(box));
	assert_int_equal(intake_init(&intake), ST_OK);
	baseline = used();
	peer = (struct peer){ .uid = 1000, .ops = POLICY_LIST | POLICY_SIGN };
	want = wire_writer(rooms[0], ROOM);
	got = wire_writer(rooms[1], ROOM);
	stream = wire_writer(rooms[2], ROOM);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	inbox_fini(&box, &intake);
	inbox_fini(&box, &intake);
	assert_int_equal(used(), baseline);
	intake_fini(&intake);
	intake_fini(&intake);
	close(near_fd);
	if (far_fd >= 0)
		close(far_fd);
	return 0;
}

/* Append a frame of len bytes, its type included. */
static void
frame(uint8_t type, size_t len)
{
	size_t mark = frame_open(&stream);

	wire_put_u8(&stream, type);
	assert_true(stream.cap - stream.len >= len);
	memset(stream.p + stream.len,
	    request_has_secret(type) ? SECRET : (int)(len & 0x7f), len - 1);
	stream.len += len - 1;
	frame_close(&stream, mark);
	assert_false(stream.full);
}

/* Note a request that is served, or one that is refused. */
static void
note(struct wire_writer *w, uint8_t how, struct slice body)
{
	wire_put_u8(w, how);
	wire_put_string(w, body);
	assert_false(w->full);
}

static void
note_refused(struct wire_writer *w, uint8_t type, bool full)
{
	wire_put_u8(w, full ? ST_FULL : ST_DENIED);
	wire_put_u8(w, type);
}

/* What the stream must come to, read in one piece. */
static void
expect_all(void)
{
	struct slice in = { stream.p, stream.len }, body;

	while (frame_next(&in, &body) == ST_OK) {
		if (request_has_secret(body.p[0]) &&
		    !dispatch_may(&peer, body.p[0]))
			note_refused(&want, body.p[0], false);
		else
			note(&want, ST_OK, body);
	}
}

/* What must hold between turns. */
static void
check_rest(void)
{
	static const uint8_t two[] = { SECRET, SECRET }, zero[64 * 1024];

	assert_true(intake.cap <= sizeof(zero));
	assert_memory_equal(intake.p, zero, intake.cap);
	if (box.own == NULL) {
		assert_int_equal(box.rest.len, 0);
		assert_int_equal(used(), baseline);
	} else if (!secret_owns(vault_region(), box.own)) {
		/* No secret at all in ordinary memory. */
		assert_null(memmem(box.rest.p, box.rest.len, two, 2));
		assert_int_equal(used(), baseline);
	}
	/* A peer that may not add costs no locked memory. */
	if ((peer.ops & (POLICY_ADD | POLICY_LOCK)) == 0)
		assert_int_equal(used(), baseline);
}

/* One turn of at most k requests: ST_MORE when nothing was there to read. */
static int
turn(size_t k)
{
	struct slice body;
	int st = ST_OK, kept;

	if (!inbox_waiting(&box))
		st = inbox_read(&box, &peer, &intake, near_fd);
	for (size_t i = 0; st == ST_OK && i < k; i++) {
		st = inbox_next(&box, &peer, &body);
		if (st == ST_MORE) {
			st = ST_OK;
			break;
		}
		if (st == ST_OK) {
			note(&got, ST_OK, body);
		} else if (st == ST_DENIED) {
			note_refused(&got, box.thrown_type, box.thrown_full);
			st = ST_OK;
		}
	}
	kept = inbox_settle(&box, &peer, &intake);
	check_rest();
	return kept != ST_OK ? kept : st;
}

/* Send bytes and take turns until nothing comes any more; piece 0 is all. */
static int
run(struct slice in, size_t piece, size_t k)
{
	ssize_t n;
	int st = ST_OK;

	do {
		size_t len = piece == 0 || piece > in.len ? in.len : piece;

		n = len > 0 ? send(far_fd, in.p, len, MSG_DONTWAIT) : 0;
		if (n > 0) {
			in.p += n;
			in.len -= (size_t)n;
		}
		do
			st = turn(k);
		while (st == ST_OK);
	} while (st == ST_MORE && in.len > 0);
	return st;
}

static void
expect_same(void)
{
	hex_expect("requests", (struct slice){ got.p, got.len },
	    (struct slice){ want.p, want.len });
}

/* Some of everything. */
static void
medley(void)
{
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	frame(SSH_AGENTC_SIGN_REQUEST, 70);
	frame(SSH_AGENTC_ADD_IDENTITY, 130);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	frame(SSH_AGENTC_LOCK, 9);
	frame(SSH_AGENTC_ADD_ID_CONSTRAINED, 1);
	frame(SSH_AGENTC_UNLOCK, 300);
	frame(0, 1);
	frame(SSH_AGENTC_EXTENSION, 700);
}

static void
byte_by_byte(void **state)
{
	(void)state;
	medley();
	expect_all();
	assert_int_equal(run((struct slice){ stream.p, stream.len }, 1, 64),
	    ST_MORE);
	expect_same();
	assert_false(inbox_begun(&box));
}

static void
many_in_one_write(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		medley();
	expect_all();
	assert_int_equal(run((struct slice){ stream.p, stream.len }, 0, 1000),
	    ST_MORE);
	expect_same();
}

static void
the_caller_may_stop_after_any_request(void **state)
{
	(void)state;
	for (size_t k = 1; k < 12; k++) {
		peer.ops = k % 2 == 0 ? POLICY_LIST : POLICY_ALL;
		want.len = got.len = stream.len = 0;
		medley();
		medley();
		expect_all();
		assert_int_equal(run((struct slice){ stream.p, stream.len },
		    0, k), ST_MORE);
		expect_same();
	}
}

static void
nothing_waits_when_nothing_came(void **state)
{
	struct slice body;

	(void)state;
	assert_false(inbox_waiting(&box));
	assert_false(inbox_begun(&box));
	assert_int_equal(inbox_next(&box, &peer, &body), ST_MORE);
	assert_int_equal(turn(64), ST_MORE);
	assert_null(box.own);
}

static void
end_of_file_is_closed(void **state)
{
	(void)state;
	medley();
	assert_int_equal(run((struct slice){ stream.p, 20 }, 0, 64), ST_MORE);
	assert_true(inbox_begun(&box));
	close(far_fd);
	far_fd = -1;
	assert_int_equal(turn(64), ST_CLOSED);
}

static void
end_of_file_inside_of_what_is_thrown_away(void **state)
{
	(void)state;
	frame(SSH_AGENTC_ADD_IDENTITY, 1000);
	assert_int_equal(run((struct slice){ stream.p, 500 }, 0, 64), ST_MORE);
	assert_true(inbox_begun(&box));
	close(far_fd);
	far_fd = -1;
	assert_int_equal(turn(64), ST_CLOSED);
	assert_int_equal(got.len, 0);
}

static void
an_add_of_who_may_not_is_thrown_away(void **state)
{
	static const size_t cuts[] = { 4, 5, 6, 100, 20000, 262143 };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		want.len = got.len = stream.len = 0;
		frame(SSH_AGENTC_ADD_IDENTITY, FRAME_BODY_MAX);
		assert_int_equal(run((struct slice){ stream.p, cuts[i] }, 0,
		    64), ST_MORE);
		assert_true(inbox_begun(&box));
		assert_false(inbox_waiting(&box));
		assert_int_equal(got.len, 0);
		assert_true(box.own == NULL || cuts[i] < 5);
		/* Answered once, when it is complete, and in its turn. */
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		expect_all();
		assert_int_equal(run((struct slice){ stream.p + cuts[i],
		    stream.len - cuts[i] }, 0, 64), ST_MORE);
		expect_same();
		assert_false(inbox_begun(&box));
	}
}

/* Wherever the caller stops, a peer cannot make the agent reserve locked
 * memory by what it may not send. */
static void
a_stop_before_an_add_reserves_nothing(void **state)
{
	size_t before;

	(void)state;
	for (size_t tail = 4; tail < 20; tail++) {
		for (size_t k = 1; k <= 6; k++) {
			want.len = got.len = stream.len = 0;
			for (int i = 0; i < 4; i++)
				frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
			frame(SSH_AGENTC_LOCK, 30);
			before = stream.len;
			frame(SSH_AGENTC_ADD_IDENTITY, 200000);
			expect_all();
			assert_int_equal(run((struct slice){ stream.p,
			    before + tail }, 0, k), ST_MORE);
			assert_int_equal(run((struct slice){ stream.p +
			    before + tail, stream.len - before - tail }, 0,
			    k), ST_MORE);
			expect_same();
		}
	}
}

static void
an_add_of_who_may_is_in_the_vault_from_the_start(void **state)
{
	static const size_t cuts[] = { 6, 7, 100, 5000, 20000, 262143 };

	(void)state;
	peer.ops = POLICY_ALL;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		want.len = got.len = stream.len = 0;
		frame(SSH_AGENTC_ADD_ID_CONSTRAINED, FRAME_BODY_MAX);
		expect_all();
		assert_int_equal(run((struct slice){ stream.p, cuts[i] },
		    cuts[i] == 7 ? 1 : 0, 64), ST_MORE);
		assert_true(secret_owns(vault_region(), box.own));
		assert_true(secret_owns(vault_region(), box.rest.p));
		assert_int_equal(box.rest.len, cuts[i]);
		assert_int_equal(run((struct slice){ stream.p + cuts[i],
		    stream.len - cuts[i] }, 0, 64), ST_MORE);
		expect_same();
		assert_null(box.own);
		assert_int_equal(used(), baseline);
	}
}

static void
lock_and_unlock_are_secrets_too(void **state)
{
	static const uint8_t types[] = { SSH_AGENTC_LOCK, SSH_AGENTC_UNLOCK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		peer.ops = POLICY_LOCK;
		stream.len = 0;
		frame(types[i], 100);
		assert_int_equal(run((struct slice){ stream.p, 50 }, 0, 64),
		    ST_MORE);
		assert_true(secret_owns(vault_region(), box.own));
		inbox_fini(&box, &intake);
		peer.ops = POLICY_ADD;
		assert_int_equal(run((struct slice){ stream.p, 50 }, 0, 64),
		    ST_MORE);
		assert_null(box.own);
		inbox_fini(&box, &intake);
	}
}

/* Begin an add of one more connection, as the peer of that uid. */
static void
begin_add(struct inbox *other, uid_t uid)
{
	struct peer p = { .uid = uid, .ops = POLICY_ADD };
	struct slice body;

	stream.len = 0;
	frame(SSH_AGENTC_ADD_IDENTITY, 1000);
	assert_int_equal(write(far_fd, stream.p, 500), 500);
	assert_int_equal(inbox_read(other, &p, &intake, near_fd), ST_OK);
	assert_int_equal(inbox_next(other, &p, &body), ST_MORE);
	assert_int_equal(inbox_settle(other, &p, &intake), ST_OK);
}

static void
each_uid_has_one_secret_under_way(void **state)
{
	struct inbox one = { .own = NULL }, two = { .own = NULL };
	struct inbox three = { .own = NULL };

	(void)state;
	begin_add(&one, 1000);
	assert_true(secret_owns(vault_region(), one.own));
	/* A second one is counted and thrown away. */
	begin_add(&two, 1000);
	assert_null(two.own);
	assert_true(two.thrown && two.thrown_full);
	assert_int_equal(two.skip, 504);
	/* That is no matter of another uid's. */
	begin_add(&three, 1001);
	assert_true(secret_owns(vault_region(), three.own));
	inbox_fini(&two, &intake);
	inbox_fini(&one, &intake);
	begin_add(&two, 1000);
	assert_true(secret_owns(vault_region(), two.own));
	inbox_fini(&two, &intake);
	inbox_fini(&three, &intake);
}

static void
no_secret_is_no_locked_memory(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	frame(SSH_AGENTC_SIGN_REQUEST, 100000);
	expect_all();
	assert_int_equal(run((struct slice){ stream.p, 50000 }, 0, 64),
	    ST_MORE);
	assert_false(secret_owns(vault_region(), box.own));
	/* Memory comes with the bytes, not with the promise. */
	assert_true(box.cap >= 50000 && box.cap < 2 * 65536);
	assert_int_equal(run((struct slice){ stream.p + 50000,
	    stream.len - 50000 }, 0, 64), ST_MORE);
	expect_same();
	assert_null(box.own);
}

static void
a_promise_of_much_costs_little(void **state)
{
	static const uint8_t head[] = { 0, 4, 0, 0, SSH_AGENTC_SIGN_REQUEST };

	(void)state;
	assert_int_equal(run((struct slice){ head, sizeof(head) }, 0, 64),
	    ST_MORE);
	assert_true(box.cap <= 256);
}

static void
largest_frame_is_taken(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	frame(SSH_AGENTC_SIGN_REQUEST, FRAME_BODY_MAX);
	frame(SSH_AGENTC_ADD_IDENTITY, FRAME_BODY_MAX);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	expect_all();
	assert_int_equal(run((struct slice){ stream.p, stream.len }, 0, 64),
	    ST_MORE);
	expect_same();
}

static void
broken_lengths_end_the_stream(void **state)
{
	static const struct {
		const char	*bytes;
		int		 st;
	} table[] = {
		{ "00000000 0b", ST_MALFORMED },
		{ "00040001 0b", ST_TOO_LARGE },
		{ "00040001 11", ST_TOO_LARGE },
		{ "ffffffff 0b", ST_TOO_LARGE },
		{ "80000000 11", ST_TOO_LARGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct slice bad = hex(table[i].bytes);

		/* In one piece, in pieces, and behind something good. */
		assert_int_equal(run(bad, 0, 64), table[i].st);
		inbox_fini(&box, &intake);
		assert_int_equal(run(bad, 1, 64), table[i].st);
		inbox_fini(&box, &intake);
		/* Not judged before its fifth byte. */
		assert_int_equal(run((struct slice){ bad.p, 4 }, 0, 64),
		    ST_MORE);
		inbox_fini(&box, &intake);
		want.len = got.len = stream.len = 0;
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		frame(SSH_AGENTC_SIGN_REQUEST, 8);
		expect_all();
		wire_put_bytes(&stream, bad);
		assert_int_equal(run((struct slice){ stream.p, stream.len },
		    0, 1), table[i].st);
		expect_same();
		inbox_fini(&box, &intake);
	}
}

/* Take all locked memory but a little. */
static void *
ballast(size_t leave)
{
	struct secret_usage use;
	void *p;

	secret_usage(vault_region(), &use);
	p = secret_alloc(vault_region(), use.largest - leave);
	assert_non_null(p);
	baseline = used();
	return p;
}

static void
no_locked_memory_is_an_answer_not_an_end(void **state)
{
	size_t before = baseline;
	void *p = ballast(1024);

	(void)state;
	peer.ops = POLICY_ALL;
	for (size_t cut = 4; cut < 100; cut += cut < 8 ? 1 : 30) {
		want.len = got.len = stream.len = 0;
		frame(SSH_AGENTC_ADD_IDENTITY, 100000);
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		note_refused(&want, SSH_AGENTC_ADD_IDENTITY, true);
		note(&want, ST_OK, hex("0b"));
		assert_int_equal(run((struct slice){ stream.p, cut }, 0, 64),
		    ST_MORE);
		assert_int_equal(run((struct slice){ stream.p + cut,
		    stream.len - cut }, 0, 64), ST_MORE);
		expect_same();
	}
	/* What needs none of its own is served, also from a full vault. */
	want.len = got.len = stream.len = 0;
	frame(SSH_AGENTC_ADD_IDENTITY, 1000);
	expect_all();
	assert_int_equal(run((struct slice){ stream.p, stream.len }, 0, 64),
	    ST_MORE);
	expect_same();
	secret_free(vault_region(), p);
	baseline = before;
}

/* A small generator: the same on every machine. */
static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
random_stream(uint32_t *seed)
{
	static const uint8_t types[] = { SSH_AGENTC_REQUEST_IDENTITIES,
		SSH_AGENTC_SIGN_REQUEST, SSH_AGENTC_ADD_IDENTITY,
		SSH_AGENTC_ADD_ID_CONSTRAINED, SSH_AGENTC_LOCK,
		SSH_AGENTC_UNLOCK, SSH_AGENTC_EXTENSION, 200 };
	static const uint32_t sizes[] = { 4, 16, 300, 3000, 40000 };
	uint32_t n = 1 + next(seed) % 60;

	for (uint32_t i = 0; i < n && stream.len < ROOM / 2; i++)
		frame(types[next(seed) % sizeof(types)], 1 + next(seed) %
		    sizes[next(seed) % 5]);
}

/* Any cutting, any stops: the same requests as of one big read. */
static void
any_chunks_give_the_same_requests(void **state)
{
	static const unsigned ops[] = { POLICY_LIST, POLICY_ALL, POLICY_ADD,
		POLICY_LOCK };
	static const uint32_t pieces[] = { 20, 90, 700, 9000, 100000 };
	uint32_t seed, most, piece;
	struct slice rest;

	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		seed = s;
		peer.ops = ops[s % 4];
		want.len = got.len = stream.len = 0;
		random_stream(&seed);
		expect_all();
		rest = (struct slice){ stream.p, stream.len };
		most = pieces[s / 4 % 5];
		while (rest.len > 0) {
			piece = 1 + next(&seed) % most;
			if (piece > rest.len)
				piece = (uint32_t)rest.len;
			assert_int_equal(run((struct slice){ rest.p, piece },
			    0, 1 + next(&seed) % 5), ST_MORE);
			rest.p += piece;
			rest.len -= piece;
		}
		expect_same();
		assert_null(box.own);
	}
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(byte_by_byte),
		T(many_in_one_write),
		T(the_caller_may_stop_after_any_request),
		T(nothing_waits_when_nothing_came),
		T(end_of_file_is_closed),
		T(end_of_file_inside_of_what_is_thrown_away),
		T(an_add_of_who_may_not_is_thrown_away),
		T(a_stop_before_an_add_reserves_nothing),
		T(an_add_of_who_may_is_in_the_vault_from_the_start),
		T(lock_and_unlock_are_secrets_too),
		T(each_uid_has_one_secret_under_way),
		T(no_secret_is_no_locked_memory),
		T(a_promise_of_much_costs_little),
		T(largest_frame_is_taken),
		T(broken_lengths_end_the_stream),
		T(no_locked_memory_is_an_answer_not_an_end),
		T(any_chunks_give_the_same_requests),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
