/*
 * Frames and streams: where a request begins and ends, and in which order
 * replies come.
 */

#include "daemon/rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/frame.h"
#include "support/hex.h"

/* How long nothing must come to be believed. */
#define QUIET_MS	60
#define PIPELINED	10000
/* Bytes that the slow reader takes at a time. */
#define SIP		1000

static struct rig agent;
static int fd;

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

/* The longest body that clients may send, of a type that nobody serves. */
static void
longest_body_is_answered(void **state)
{
	struct slice body = hex_fill(99, 262144);

	(void)state;
	rig_expect(fd, body, SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 0);
}

static void
body_one_too_long_ends_the_connection(void **state)
{
	(void)state;
	rig_send(fd, hex("00040001 63"));
	rig_expect_eof(fd);
}

/* Requests before the bad one are answered, the ones after it are not. */
static void
longest_length_ends_the_connection(void **state)
{
	(void)state;
	rig_send(fd, hex("00000001 63 ffffffff 0b 00000001 0b"));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	rig_expect_eof(fd);
}

static void
too_long_length_alone_is_not_judged(void **state)
{
	(void)state;
	rig_send(fd, hex("ffffffff"));
	assert_true(rig_quiet(fd, QUIET_MS));
	rig_send(fd, hex("00"));
	rig_expect_eof(fd);
}

static void
length_zero_waits_for_a_fifth_byte(void **state)
{
	(void)state;
	rig_send(fd, hex("00000000"));
	assert_true(rig_quiet(fd, QUIET_MS));
	rig_send(fd, hex("00"));
	rig_expect_eof(fd);
}

static void
length_zero_hides_the_request_after_it(void **state)
{
	(void)state;
	rig_send(fd, hex("00000000 00000001 0b"));
	rig_expect_eof(fd);
}

static void
byte_by_byte_is_one_request(void **state)
{
	struct slice s = hex("00000005 0b 'XXXX' 00000001 63");

	(void)state;
	for (size_t i = 0; i < s.len; i++) {
		rig_send(fd, (struct slice){ s.p + i, 1 });
		/* Now and then long enough to be read by itself. */
		if (i % 4 == 3)
			rig_sleep(2);
	}
	assert_int_equal(rig_receive(fd).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_expect_next(fd, SSH_AGENT_FAILURE);
}

static void
three_frames_in_one_write_get_three_replies(void **state)
{
	(void)state;
	rig_send(fd, hex("00000001 63 00000001 0b 00000001 13"));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	assert_int_equal(rig_receive(fd).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_expect_next(fd, SSH_AGENT_SUCCESS);
	assert_true(rig_quiet(fd, QUIET_MS));
}

/* One and a half frames: the half one is kept, and completed later. */
static void
rest_of_a_write_begins_the_next_request(void **state)
{
	(void)state;
	rig_send(fd, hex("00000001 63 0000"));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	rig_send(fd, hex("0001 0b 00"));
	assert_int_equal(rig_receive(fd).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_send(fd, hex("000001 63"));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
}

/* Frames of every size around what is read at once. */
static void
frames_of_many_sizes_are_answered_in_order(void **state)
{
	static const size_t around[] = { 256, 512, 4096, 8192, 16384, 32768,
		65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (size_t len = around[i] - 9; len <= around[i] + 5; len++) {
			rig_send(fd, rig_join(rig_frame(hex_fill(99, len)),
			    hex("00000001 0b")));
			rig_expect_next(fd, SSH_AGENT_FAILURE);
			assert_int_equal(rig_receive(fd).p[0],
			    SSH_AGENT_IDENTITIES_ANSWER);
		}
}

static void
half_closed_client_gets_its_replies(void **state)
{
	(void)state;
	rig_send(fd, hex("00000001 0b 00000001 63"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(rig_receive(fd).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	rig_expect_eof(fd);
}

/* A good deal more replies than the socket takes at once, and then than may
 * wait. */
static void
half_closed_client_gets_replies_that_queue(void **state)
{
	struct testkey *k = testkey_new(KEY_ED25519, 0);
	struct slice lists = hex("00000001 0b");
	char comment[50001];

	(void)state;
	memset(comment, 'c', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	rig_expect(fd, rig_add(k, comment, hex("")), SSH_AGENT_SUCCESS);
	for (unsigned i = 0; i < 6; i++) {
		lists = rig_join(lists, lists);
		rig_send(fd, lists);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		/* Time to see the end of file before all is sent. */
		rig_sleep(20);
		for (size_t j = 0; j < lists.len / 5; j++)
			assert_true(rig_receive(fd).len > sizeof(comment));
		rig_expect_eof(fd);
		rig_hang_up(fd);
		fd = rig_connect(&agent);
	}
	testkey_free(k);
}

static void
half_closed_in_a_frame_ends_the_connection(void **state)
{
	(void)state;
	rig_send(fd, hex("00000001 63 00000005 0b"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	rig_expect_eof(fd);
}

/* Far more than may wait for a client; it reads when all is sent. */
static void
long_replies_wait_until_there_is_room(void **state)
{
	struct testkey *k = testkey_new(KEY_ED25519, 0);
	struct slice lists = hex("00000001 0b 00000001 63");
	struct wire_writer w = wire_writer(hex_alloc(FRAME_MAX), FRAME_MAX);

	(void)state;
	testkey_put_add(&w, SSH_AGENTC_ADD_IDENTITY, k, "", hex(""));
	w.len -= 4;
	wire_put_string(&w, hex_fill('c', 200000));
	rig_expect(fd, (struct slice){ w.p, w.len }, SSH_AGENT_SUCCESS);
	for (unsigned i = 0; i < 5; i++)
		lists = rig_join(lists, lists);
	rig_send(fd, lists);
	for (size_t i = 0; i < lists.len / 10; i++) {
		assert_true(rig_receive(fd).len > 200000);
		rig_expect_next(fd, SSH_AGENT_FAILURE);
	}
	testkey_free(k);
}

/* The i-th of the pipelined requests. */
static struct slice
pipelined(const struct testkey *k, unsigned i)
{
	uint8_t data[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16),
		(uint8_t)(i >> 8), (uint8_t)i };

	switch (i % 3) {
	case 0:
		return rig_type(SSH_AGENTC_REQUEST_IDENTITIES);
	case 1:
		return rig_sign(k->blob, hex_copy((struct slice){ data, 4 }),
		    0);
	default:
		return rig_type((uint8_t)(200 + i % 50));
	}
}

/* Check the reply to it. */
static void
check_pipelined(const struct testkey *k, unsigned i, struct slice body)
{
	uint8_t data[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16),
		(uint8_t)(i >> 8), (uint8_t)i };

	if (i % 3 == 0)
		assert_int_equal(body.p[0], SSH_AGENT_IDENTITIES_ANSWER);
	else if (i % 3 == 1)
		rig_check_signature(body, k, "ssh-ed25519",
		    (struct slice){ data, 4 });
	else
		assert_int_equal(body.p[0], SSH_AGENT_FAILURE);
}

/* Move some bytes in both directions; what came is appended to in. */
static void
pump(struct slice *out, uint8_t *in, size_t *have)
{
	struct pollfd p = { .fd = fd, .events = (short)(POLLIN |
	    (out->len > 0 ? POLLOUT : 0)) };
	ssize_t n;

	assert_true(poll(&p, 1, RIG_PATIENCE_MS) > 0);
	if ((p.revents & POLLOUT) != 0 && (n = send(fd, out->p, out->len,
	    MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		out->p += n;
		out->len -= (size_t)n;
	}
	if ((p.revents & POLLIN) == 0)
		return;
	n = recv(fd, in + *have, SIP, MSG_DONTWAIT);
	assert_true(n > 0);
	*have += (size_t)n;
	/* A slow reader. */
	if (*have % 16 == 0)
		rig_sleep(1);
}

static void
ten_thousand_pipelined_are_answered_in_order(void **state)
{
	static uint8_t room[PIPELINED * 256], in[FRAME_MAX];
	struct testkey *k = testkey_new(KEY_ED25519, 0);
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice out, rest, body;
	size_t have = 0;
	unsigned i;

	(void)state;
	rig_expect(fd, rig_add(k, "one", hex("")), SSH_AGENT_SUCCESS);
	for (i = 0; i < PIPELINED; i++)
		wire_put_string(&w, pipelined(k, i));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	for (i = 0; i < PIPELINED;) {
		pump(&out, in, &have);
		rest = (struct slice){ in, have };
		while (frame_next(&rest, &body) == ST_OK)
			check_pipelined(k, i++, body);
		memmove(in, rest.p, rest.len);
		have = rest.len;
	}
	assert_int_equal(have, 0);
	assert_int_equal(out.len, 0);
	assert_true(rig_quiet(fd, QUIET_MS));
	testkey_free(k);
}

static int
free_all(void **state)
{
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(longest_body_is_answered),
		CASE(body_one_too_long_ends_the_connection),
		CASE(longest_length_ends_the_connection),
		CASE(too_long_length_alone_is_not_judged),
		CASE(length_zero_waits_for_a_fifth_byte),
		CASE(length_zero_hides_the_request_after_it),
		CASE(byte_by_byte_is_one_request),
		CASE(three_frames_in_one_write_get_three_replies),
		CASE(rest_of_a_write_begins_the_next_request),
		CASE(frames_of_many_sizes_are_answered_in_order),
		CASE(half_closed_client_gets_its_replies),
		CASE(half_closed_client_gets_replies_that_queue),
		CASE(half_closed_in_a_frame_ends_the_connection),
		CASE(long_replies_wait_until_there_is_room),
		CASE(ten_thousand_pipelined_are_answered_in_order),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, NULL, free_all);
}
