#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/inbox.h"
#include "agent/vault.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "proto/secretpart.h"
#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"
#include "support/testkeys.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* All that a secret is made of here, and all that follows one; nothing else
 * has two of these bytes in a row. */
#define SECRET		0xa5
#define AFTER		0x5c
#define ROOM		(2 * 1024 * 1024)
/* Bytes of an add of an Ed25519 key without comment and constraints. */
#define ADD_MIN		(1 + 4 + 11 + 4 + 32 + 4 + 64 + 4)

static struct inbox box;
static struct intake intake;
static int near_fd, far_fd;
static size_t baseline;
static size_t others;		/* other connections with one under way */
static struct peer peer;
/* How a request is answered for. */
enum {
	SERVED,			/* its body follows */
	NOT_ALLOWED,		/* its type follows, as for the others */
	BROKEN,			/* not even taken, or it does not decode */
	NO_ROOM,
};

/* What was to come of a stream, and what came. */
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

/* Append the same byte n times. */
static void
fill(uint8_t byte, size_t n)
{
	assert_true(stream.cap - stream.len >= n);
	memset(stream.p + stream.len, byte, n);
	stream.len += n;
}

/* Append a string of n times the same byte. */
static void
fill_string(uint8_t byte, size_t n)
{
	wire_put_u32(&stream, (uint32_t)n);
	fill(byte, n);
}

/* Append a frame of len bytes, its type included, without any fields. */
static void
frame(uint8_t type, size_t len)
{
	size_t mark = frame_open(&stream);

	wire_put_u8(&stream, type);
	fill(request_has_secret(type) ? SECRET : (uint8_t)(len & 0x3f),
	    len - 1);
	frame_close(&stream, mark);
	assert_false(stream.full);
}

/* Append an add of an Ed25519 key: well-formed, and no key of anyone. */
static void
add(uint8_t type, size_t comment, size_t constraints)
{
	size_t mark = frame_open(&stream);

	wire_put_u8(&stream, type);
	wire_put_str(&stream, "ssh-ed25519");
	fill_string(SECRET, 32);
	fill_string(SECRET, 64);
	fill_string(SECRET, comment);
	fill(AFTER, constraints);
	frame_close(&stream, mark);
	assert_false(stream.full);
}

/* Append a lock or an unlock, with some bytes that nobody asked for. */
static void
lock(uint8_t type, size_t passphrase, size_t more)
{
	size_t mark = frame_open(&stream);

	wire_put_u8(&stream, type);
	fill_string(SECRET, passphrase);
	fill(AFTER, more);
	frame_close(&stream, mark);
	assert_false(stream.full);
}

/* Note a request that is served, or one that is refused. */
static void
note(struct wire_writer *w, struct slice body, struct slice tail)
{
	wire_put_u8(w, SERVED);
	wire_put_u32(w, (uint32_t)(body.len + tail.len));
	wire_put_bytes(w, body);
	wire_put_bytes(w, tail);
	assert_false(w->full);
}

static void
note_refused(struct wire_writer *w, uint8_t type, uint8_t how)
{
	wire_put_u8(w, how);
	wire_put_u8(w, type);
	assert_false(w->full);
}

/* Whether a body has all of a request with a secret. */
static bool
is_broken(struct slice body)
{
	struct request req;

	return request_has_secret(body.p[0]) &&
	    request_decode(body, &req) != ST_OK;
}

/* What the stream must come to, read in one piece. */
static void
expect_all(void)
{
	struct slice in = { stream.p, stream.len }, body;

	while (frame_next(&in, &body) == ST_OK) {
		if (request_has_secret(body.p[0]) &&
		    !dispatch_may(&peer, body.p[0]))
			note_refused(&want, body.p[0], NOT_ALLOWED);
		else if (is_broken(body))
			note_refused(&want, body.p[0], BROKEN);
		else
			note(&want, body, (struct slice){ NULL, 0 });
	}
}

/* Begin another stream. */
static void
start_over(void)
{
	want.len = got.len = stream.len = 0;
}

/* Whether there are two of that byte in a row. */
static bool
has(struct slice s, uint8_t byte)
{
	uint8_t two[] = { byte, byte };

	return s.len > 1 && memmem(s.p, s.len, two, 2) != NULL;
}

/* A frame in two places: the secret part in the vault, and just that; the rest
 * not, and as far as it has come. */
static void
check_split(void)
{
	struct slice body = { box.rest.p + FRAME_HEAD,
		box.rest.len - FRAME_HEAD };
	struct frame_peek peek;
	size_t need;

	assert_int_equal(frame_peek(box.rest, &peek), ST_OK);
	assert_int_equal(secretpart_measure(body, peek.need - FRAME_HEAD,
	    &need), ST_OK);
	assert_int_equal(need, body.len);
	assert_true(box.locked);
	assert_false(has(box.rest, AFTER));
	assert_true(box.rest.len + box.tail_len <= peek.need);
	/* Memory comes with the bytes, not with the promise. */
	assert_true(box.tail_cap <= 256 || box.tail_cap <= 2 * box.tail_len);
}

/* What must hold between turns. */
static void
check_rest(void)
{
	static const uint8_t zero[64 * 1024];

	assert_true(intake.cap <= sizeof(zero));
	assert_true(memcmp(intake.p, zero, intake.cap) == 0);
	assert_int_equal(intake.n_holders, others + box.locked);
	assert_int_equal(box.locked, box.own != NULL &&
	    secret_owns(vault_region(), box.own));
	/* No secret at all in ordinary memory. */
	assert_false(has((struct slice){ box.tail, box.tail_len }, SECRET));
	if (!box.locked) {
		assert_false(has(box.rest, SECRET));
		assert_int_equal(used(), baseline);
	}
	if (box.split)
		check_split();
	else
		assert_int_equal(box.tail_len, 0);
	if (box.own == NULL) {
		assert_int_equal(box.rest.len, 0);
		assert_null(box.tail);
	}
	/* A peer that may not add costs no locked memory. */
	if ((peer.ops & (POLICY_ADD | POLICY_LOCK)) == 0)
		assert_false(box.locked);
}

/* Why a request was thrown away. */
static uint8_t
how_of(enum reason why)
{
	if (why == REASON_POLICY)
		return NOT_ALLOWED;
	return why == REASON_LIMIT_INTAKE ? NO_ROOM : BROKEN;
}

/* Note what came out; a request that is thrown away because it is broken and
 * one that will be refused for that are the same. */
static void
note_item(int st, const struct inbox_item *item)
{
	struct request req;

	if (st == ST_DENIED) {
		assert_int_not_equal(item->thrown, REASON_NONE);
		assert_int_equal(item->body.len + item->tail.len, 0);
		note_refused(&got, item->thrown_type, how_of(item->thrown));
		return;
	}
	assert_int_equal(item->thrown, REASON_NONE);
	if (is_broken(item->body)) {
		note_refused(&got, item->body.p[0], BROKEN);
		return;
	}
	note(&got, item->body, item->tail);
	/* What comes apart is the rest of the request, and all of that. */
	if (item->tail.len > 0) {
		assert_int_equal(request_decode(item->body, &req), ST_OK);
		if (request_is_add(req.type))
			assert_int_equal(req.add.constraints.len, 0);
	}
}

/* One turn of at most k requests: ST_MORE when nothing was there to read. */
static int
turn(size_t k)
{
	struct inbox_item item;
	int st = ST_OK, kept;

	if (!inbox_waiting(&box))
		st = inbox_read(&box, &peer, &intake, near_fd,
		    SIZE_MAX);
	for (size_t i = 0; st == ST_OK && i < k; i++) {
		st = inbox_next(&box, &peer, &item);
		if (st == ST_MORE) {
			st = ST_OK;
			break;
		}
		if (st == ST_OK || st == ST_DENIED) {
			note_item(st, &item);
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

/* Send what there is from one place of the stream to another. */
static void
send_part(size_t from, size_t to, size_t piece, size_t k)
{
	assert_int_equal(run((struct slice){ stream.p + from, to - from },
	    piece, k), ST_MORE);
}

/* Send the whole stream, after so many bytes that were sent before. */
static void
send_rest(size_t from)
{
	send_part(from, stream.len, 0, 64);
	expect_same();
	assert_false(inbox_begun(&box));
	assert_null(box.own);
	assert_int_equal(used(), baseline);
}

/* Some of everything. */
static void
medley(void)
{
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	frame(SSH_AGENTC_SIGN_REQUEST, 70);
	add(SSH_AGENTC_ADD_IDENTITY, 6, 0);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	lock(SSH_AGENTC_LOCK, 9, 0);
	frame(SSH_AGENTC_ADD_ID_CONSTRAINED, 1);
	add(SSH_AGENTC_ADD_ID_CONSTRAINED, 300, 700);
	lock(SSH_AGENTC_UNLOCK, 300, 20);
	frame(SSH_AGENTC_ADD_IDENTITY, 30);
	frame(0, 1);
	frame(SSH_AGENTC_EXTENSION, 700);
}

static void
byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		peer.ops = i == 0 ? POLICY_LIST : POLICY_ALL;
		start_over();
		medley();
		expect_all();
		send_part(0, stream.len, 1, 64);
		expect_same();
		assert_false(inbox_begun(&box));
	}
}

static void
many_in_one_write(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	for (int i = 0; i < 20; i++)
		medley();
	expect_all();
	send_part(0, stream.len, 0, 1000);
	expect_same();
}

static void
the_caller_may_stop_after_any_request(void **state)
{
	(void)state;
	for (size_t k = 1; k < 12; k++) {
		peer.ops = k % 2 == 0 ? POLICY_LIST : POLICY_ALL;
		start_over();
		medley();
		medley();
		expect_all();
		send_part(0, stream.len, 0, k);
		expect_same();
	}
}

/* It reads, and has no time for what came. */
static void
the_caller_may_stop_before_the_first_request(void **state)
{
	(void)state;
	for (size_t ops = 0; ops < 2; ops++) {
		peer.ops = ops == 0 ? POLICY_LIST : POLICY_ALL;
		start_over();
		add(SSH_AGENTC_ADD_ID_CONSTRAINED, 10, 100);
		expect_all();
		for (size_t at = 0; at < stream.len; at++) {
			got.len = 0;
			send_part(0, at, 0, 64);
			assert_true(send(far_fd, stream.p + at,
			    stream.len - at, 0) > 0);
			while (!inbox_waiting(&box))
				assert_int_equal(turn(0), ST_OK);
			assert_int_equal(turn(0), ST_OK);
			assert_int_equal(got.len, 0);
			assert_int_equal(turn(1), ST_OK);
			expect_same();
			assert_false(inbox_waiting(&box));
		}
	}
}

static void
nothing_waits_when_nothing_came(void **state)
{
	struct inbox_item item;

	(void)state;
	assert_false(inbox_waiting(&box));
	assert_false(inbox_begun(&box));
	assert_int_equal(inbox_next(&box, &peer, &item), ST_MORE);
	assert_int_equal(turn(64), ST_MORE);
	assert_null(box.own);
}

static void
end_of_file_is_closed(void **state)
{
	(void)state;
	medley();
	send_part(0, 20, 0, 64);
	assert_true(inbox_begun(&box));
	close(far_fd);
	far_fd = -1;
	assert_int_equal(turn(64), ST_CLOSED);
}

static void
end_of_file_inside_of_what_is_thrown_away(void **state)
{
	(void)state;
	add(SSH_AGENTC_ADD_IDENTITY, 800, 0);
	send_part(0, 500, 0, 64);
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
	for (size_t i = 0; i < N(cuts); i++) {
		start_over();
		add(SSH_AGENTC_ADD_IDENTITY, FRAME_BODY_MAX - ADD_MIN, 0);
		send_part(0, cuts[i], 0, 64);
		assert_true(inbox_begun(&box));
		assert_false(inbox_waiting(&box));
		assert_int_equal(got.len, 0);
		assert_true(box.own == NULL || cuts[i] < 5);
		/* Answered once, when it is complete, and in its turn. */
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		expect_all();
		send_rest(cuts[i]);
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
			start_over();
			for (int i = 0; i < 4; i++)
				frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
			lock(SSH_AGENTC_LOCK, 25, 0);
			before = stream.len;
			add(SSH_AGENTC_ADD_IDENTITY, 200000, 0);
			expect_all();
			send_part(0, before + tail, 0, k);
			send_part(before + tail, stream.len, 0, k);
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
	for (size_t i = 0; i < N(cuts); i++) {
		start_over();
		add(SSH_AGENTC_ADD_ID_CONSTRAINED, FRAME_BODY_MAX - ADD_MIN,
		    0);
		expect_all();
		send_part(0, cuts[i], cuts[i] == 7 ? 1 : 0, 64);
		assert_true(secret_owns(vault_region(), box.own));
		assert_true(secret_owns(vault_region(), box.rest.p));
		assert_int_equal(box.rest.len, cuts[i]);
		send_rest(cuts[i]);
	}
}

/* Send the first bytes of the stream as another user, who has our
 * descriptor. */
static void
send_as(uid_t uid, size_t len)
{
	int status;
	pid_t pid;

	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		_exit(setresuid(uid, uid, uid) == 0 && send(far_fd, stream.p,
		    len, 0) == (ssize_t)len ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
what_another_user_sends_is_not_kept_at_all(void **state)
{
	static const uid_t senders[] = { 1000, 0, 1001 };
	struct inbox_item item;
	const int on = 1;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(setsockopt(near_fd, SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof(on)), 0);
	intake.senders = true;
	peer.ops = POLICY_ALL;
	add(SSH_AGENTC_ADD_IDENTITY, 20000, 0);
	for (size_t i = 0; i < N(senders); i++) {
		send_as(senders[i], 1000);
		assert_int_equal(inbox_read(&box, &peer, &intake, near_fd,
		    SIZE_MAX), ST_OK);
		assert_int_equal(inbox_next(&box, &peer, &item), ST_MORE);
		assert_int_equal(inbox_settle(&box, &peer, &intake), ST_OK);
		/* Neither the peer's own nor root's bytes are another's. */
		assert_int_equal(box.foreign, senders[i] == 1001);
		assert_int_equal(box.locked, senders[i] != 1001);
		if (senders[i] != 1001) {
			inbox_fini(&box, &intake);
			memset(&box, 0, sizeof(box));
		}
	}
	check_rest();
	assert_int_equal(box.sender, 1001);
	assert_int_equal(used(), baseline);
	/* The rest is thrown away, and told once it is there, with why. */
	assert_int_equal(send(far_fd, stream.p + 1000, stream.len - 1000, 0),
	    (ssize_t)(stream.len - 1000));
	do
		assert_int_equal(inbox_read(&box, &peer, &intake, near_fd,
		    SIZE_MAX), ST_OK);
	while (inbox_next(&box, &peer, &item) == ST_MORE);
	assert_int_equal(item.thrown, REASON_PASSED_DESCRIPTOR);
	assert_int_equal(item.thrown_type, SSH_AGENTC_ADD_IDENTITY);
	intake.senders = false;
}

/* A byte, with a descriptor or without. */
static void
send_byte(bool laden)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = laden ? room : NULL,
		.msg_controllen = laden ? sizeof(room) : 0 };
	struct cmsghdr *head = (struct cmsghdr *)(void *)room;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &far_fd, sizeof(int));
	assert_int_equal(sendmsg(far_fd, &msg, 0), 1);
}

static void
that_descriptors_came_along_is_known(void **state)
{
	const int on = 1;

	(void)state;
	assert_int_equal(setsockopt(near_fd, SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof(on)), 0);
	intake.senders = true;
	for (size_t i = 0; i < 4; i++) {
		send_byte(i % 2 == 1);
		assert_int_equal(inbox_read(&box, &peer, &intake, near_fd,
		    SIZE_MAX), ST_OK);
		assert_int_equal(box.laden, i % 2 == 1);
		assert_false(box.foreign);
		assert_int_equal(inbox_settle(&box, &peer, &intake), ST_OK);
	}
	intake.senders = false;
}

static void
lock_and_unlock_are_secrets_too(void **state)
{
	static const uint8_t types[] = { SSH_AGENTC_LOCK, SSH_AGENTC_UNLOCK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		peer.ops = POLICY_LOCK;
		stream.len = 0;
		lock(types[i], 95, 0);
		send_part(0, 50, 0, 64);
		assert_true(secret_owns(vault_region(), box.own));
		inbox_fini(&box, &intake);
		peer.ops = POLICY_ADD;
		send_part(0, 50, 0, 64);
		assert_null(box.own);
		inbox_fini(&box, &intake);
	}
}

/* Every kind of add: of a plain key of each type, then of a certificate. */
#define KINDS	(2 * (size_t)KEY_TYPES)

/* Append one of them; how many bytes of its frame come before constraints. */
static size_t
add_kind(size_t kind, size_t constraints)
{
	const struct cert_vector *c = &cert_vectors[kind % KEY_TYPES];
	size_t mark = frame_open(&stream), end;

	wire_put_u8(&stream, constraints > 0 ? SSH_AGENTC_ADD_ID_CONSTRAINED :
	    SSH_AGENTC_ADD_IDENTITY);
	if (kind < KEY_TYPES) {
		wire_put_bytes(&stream, hex(key_vectors[kind].private_hex));
	} else {
		wire_put_str(&stream, key_type_info(c->type)->cert_name);
		wire_put_string(&stream, hex(c->cert_hex));
		wire_put_bytes(&stream, hex(c->rest_hex));
	}
	wire_put_str(&stream, "a comment");
	end = stream.len;
	fill(AFTER, constraints);
	frame_close(&stream, mark);
	assert_false(stream.full);
	return end;
}

/* Where the bytes of one frame are, of which so many are secret and so many
 * have come. */
static void
expect_place(size_t secret, size_t sent)
{
	size_t part = sent < secret ? sent : secret;

	assert_true(box.locked);
	assert_true(box.cap <= secret);
	assert_int_equal(box.rest.len, part);
	assert_int_equal(box.tail_len, sent - part);
	assert_memory_equal(box.rest.p, stream.p, part);
	if (sent > part)
		assert_memory_equal(box.tail, stream.p + part, sent - part);
}

/* Send the stream, one frame, in all ways there are of cutting it in two; then
 * byte by byte. */
static void
expect_any_cut(size_t secret)
{
	want.len = 0;
	expect_all();
	assert_int_equal(want.p[0], SERVED);
	for (size_t at = 1; at < stream.len; at++) {
		got.len = 0;
		send_part(0, at, 0, 64);
		if (at > FRAME_HEAD)
			expect_place(secret, at);
		else
			assert_false(box.locked);
		send_rest(at);
	}
	got.len = 0;
	for (size_t at = 0; at < stream.len - 1; at++) {
		send_part(at, at + 1, 0, 64);
		if (at > FRAME_HEAD)
			expect_place(secret, at + 1);
	}
	send_rest(stream.len - 1);
}

static void
every_kind_of_add_may_be_cut_anywhere(void **state)
{
	size_t secret;

	(void)state;
	peer.ops = POLICY_ADD;
	for (size_t kind = 0; kind < KINDS; kind++) {
		stream.len = 0;
		secret = add_kind(kind, 70);
		expect_any_cut(secret);
	}
}

static void
an_add_without_constraints_is_in_one_place(void **state)
{
	size_t secret;

	(void)state;
	peer.ops = POLICY_ADD;
	for (size_t kind = 0; kind < KINDS; kind += 2) {
		stream.len = 0;
		secret = add_kind(kind, 0);
		assert_int_equal(secret, stream.len);
		expect_any_cut(secret);
	}
}

static void
what_follows_a_passphrase_is_no_secret(void **state)
{
	static const uint8_t types[] = { SSH_AGENTC_LOCK, SSH_AGENTC_UNLOCK };

	(void)state;
	peer.ops = POLICY_LOCK;
	for (size_t i = 0; i < 2; i++) {
		for (size_t more = 0; more < 40; more += 13) {
			stream.len = 0;
			lock(types[i], 20, more);
			expect_any_cut(FRAME_HEAD + 1 + 4 + 20);
		}
	}
}

/* A peer has the vault hold what it sent, and one field that it promised. */
static void
a_piece_grows_by_one_field_at_a_time(void **state)
{
	/* Of the frame, where each field of the key is known to end. */
	static const size_t ends[] = { 9, 20, 24, 56, 60, 124, 128, 428 };
	size_t i = 0;

	(void)state;
	peer.ops = POLICY_ADD;
	add(SSH_AGENTC_ADD_ID_CONSTRAINED, 300, 5000);
	expect_all();
	for (size_t at = 0; at < 1000; at++) {
		send_part(at, at + 1, 0, 64);
		if (at <= FRAME_HEAD)
			continue;
		if (i < N(ends) - 1 && at + 1 >= ends[i])
			i++;
		assert_int_equal(box.cap, ends[i]);
		assert_true(used() - baseline <= box.cap + 64);
	}
	send_rest(1000);
}

/* Bytes that follow secrets, in what the connection has of the vault. */
static size_t
count_after(void)
{
	size_t n = 0;

	for (size_t i = 0; box.locked && i < box.cap; i++)
		n += box.own[i] == AFTER;
	return n;
}

static void
constraints_that_come_later_are_never_in_the_vault(void **state)
{
	size_t first, most;

	(void)state;
	peer.ops = POLICY_ADD;
	for (size_t with = 0; with < 600; with += 97) {
		/* They are kept with the add because of what precedes it. */
		start_over();
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		add(SSH_AGENTC_ADD_ID_CONSTRAINED, 20, 3000);
		expect_all();
		first = stream.len - 3000 + with;
		send_part(0, first, 0, 1);
		most = count_after();
		assert_int_equal(most, with);
		for (; first + 200 < stream.len; first += 200) {
			send_part(first, first + 200, 0, 1);
			assert_int_equal(count_after(), most);
		}
		send_rest(first);
		/* By itself none of them are. */
		start_over();
		add(SSH_AGENTC_ADD_ID_CONSTRAINED, 20, 3000);
		expect_all();
		send_part(0, stream.len - 3000 + with, 0, 64);
		assert_int_equal(count_after(), 0);
		send_rest(stream.len - 3000 + with);
	}
}

static void
an_unfinished_add_after_many_requests_is_kept(void **state)
{
	static const size_t turns[] = { 1, 64, 100 };
	size_t lists;

	(void)state;
	peer.ops = POLICY_ALL;
	for (int i = 0; i < 70; i++)
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	lists = stream.len;
	add(SSH_AGENTC_ADD_ID_CONSTRAINED, 10, 50);
	expect_all();
	for (size_t at = lists; at < stream.len; at++) {
		got.len = 0;
		send_part(0, at, 0, turns[at % 3]);
		assert_int_equal(box.rest.len + box.tail_len, at - lists);
		send_rest(at);
	}
}

static void
what_has_no_secret_leaves_the_vault(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	add(SSH_AGENTC_ADD_IDENTITY, 10, 0);
	frame(SSH_AGENTC_SIGN_REQUEST, 10000);
	expect_all();
	/* Also when there would be room for more. */
	for (size_t at = 170; at < 1000; at += 100) {
		got.len = 0;
		send_part(0, at, 0, 1);
		assert_true(inbox_begun(&box));
		assert_false(box.locked);
		send_rest(at);
	}
}

/* Bodies with a secret that can only be refused, and how many bytes of the
 * frame it takes to know. */
static const struct {
	const char	*body;
	size_t		 known;
} hopeless[] = {
	{ "11", 5 },
	{ "11 0000", 5 },
	{ "19 00000009 'ssh-rsa'", 9 },
	{ "11 ffffffff a5a5a5a5a5a5a5a5", 9 },
	{ "11 00000000 a5a5a5a5a5a5a5a5", 9 },
	{ "11 00000003 'abc' a5a5a5a5a5a5a5a5", 12 },
	{ "19 00000007 'ssh-dss' a5a5a5a5a5a5a5a5", 16 },
	{ "11 0000000b 'ssh-ed25519' 00000020 a5a5a5a5", 24 },
	{ "11 0000000b 'ssh-ed25519' 00000002 a5a5 00000002 a5a5", 32 },
	{ "11 0000000b 'ssh-ed25519' 00000002 a5a5 00000002 a5a5 000000", 32 },
	{ "11 0000000b 'ssh-ed25519' 00000002 a5a5 00000002 a5a5 00000001",
	    36 },
	{ "11 0000001a 'sk-ssh-ed25519@openssh.com' 00000000 00000000", 47 },
	{ "16", 5 },
	{ "17 a5a5a5", 5 },
	{ "16 00000005 a5a5a5a5", 9 },
	{ "17 ffffffff a5a5a5a5", 9 },
};

static void
what_can_only_be_refused_is_refused_in_any_pieces(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	for (size_t i = 0; i < N(hopeless); i++) {
		start_over();
		wire_put_string(&stream, hex(hopeless[i].body));
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		expect_all();
		assert_int_equal(want.p[0], BROKEN);
		for (size_t at = 0; at < stream.len; at++) {
			got.len = 0;
			send_part(0, at, 0, 64);
			send_rest(at);
		}
		got.len = 0;
		send_part(0, stream.len, 1, 64);
		expect_same();
	}
}

static void
what_can_only_be_refused_is_thrown_away_at_once(void **state)
{
	size_t frame_len;

	(void)state;
	peer.ops = POLICY_ALL;
	for (size_t i = 0; i < N(hopeless); i++) {
		start_over();
		wire_put_string(&stream, hex(hopeless[i].body));
		frame_len = stream.len;
		for (size_t at = hopeless[i].known; at < frame_len; at++) {
			send_part(0, at, 0, 64);
			assert_null(box.own);
			assert_int_equal(box.skip, frame_len - at);
			assert_int_equal(used(), baseline);
			inbox_fini(&box, &intake);
		}
		/* Not before: it could still be something. */
		send_part(0, hopeless[i].known - 1, 0, 64);
		assert_non_null(box.own);
		inbox_fini(&box, &intake);
	}
}

/* An add that ends anywhere before its comment does. */
static void
an_add_that_is_too_short_is_refused(void **state)
{
	size_t secret;

	(void)state;
	peer.ops = POLICY_ALL;
	for (size_t kind = 0; kind < KINDS; kind++) {
		stream.len = 0;
		secret = add_kind(kind, 0);
		for (size_t end = FRAME_HEAD + 1; end < secret; end++) {
			start_over();
			stream.p[2] = (uint8_t)((end - FRAME_HEAD) >> 8);
			stream.p[3] = (uint8_t)(end - FRAME_HEAD);
			stream.len = end;
			expect_all();
			assert_int_equal(want.p[0], BROKEN);
			send_part(0, end / 2, 0, 64);
			send_rest(end / 2);
		}
	}
}
/* Begin an add of one more connection, as the peer of that uid. */
static void
begin_add(struct inbox *other, uid_t uid)
{
	struct peer p = { .uid = uid, .ops = POLICY_ADD };
	struct inbox_item item;

	stream.len = 0;
	add(SSH_AGENTC_ADD_IDENTITY, 800, 0);
	assert_int_equal(write(far_fd, stream.p, 500), 500);
	assert_int_equal(inbox_read(other, &p, &intake, near_fd, SIZE_MAX),
	    ST_OK);
	assert_int_equal(inbox_next(other, &p, &item), ST_MORE);
	assert_int_equal(inbox_settle(other, &p, &intake), ST_OK);
	stream.len = 0;
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
	assert_int_equal(how_of(two.thrown), NO_ROOM);
	assert_int_equal(two.skip, FRAME_HEAD + ADD_MIN + 800 - 500);
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
only_so_many_uids_have_a_secret_under_way(void **state)
{
	struct inbox all[INTAKE_HOLDERS + 1] = { { .own = NULL } };

	(void)state;
	for (unsigned i = 0; i < INTAKE_HOLDERS - 1; i++) {
		begin_add(&all[i], 2000 + i);
		assert_true(secret_owns(vault_region(), all[i].own));
	}
	begin_add(&all[INTAKE_HOLDERS], 1);
	assert_null(all[INTAKE_HOLDERS].own);
	inbox_fini(&all[INTAKE_HOLDERS], &intake);
	/* The last place is root's, which has one like anybody. */
	begin_add(&all[INTAKE_HOLDERS - 1], 0);
	assert_true(secret_owns(vault_region(), all[INTAKE_HOLDERS - 1].own));
	begin_add(&all[INTAKE_HOLDERS], 0);
	assert_null(all[INTAKE_HOLDERS].own);
	inbox_fini(&all[INTAKE_HOLDERS], &intake);
	/* Any one of the others that goes makes room for one of them. */
	inbox_fini(&all[INTAKE_HOLDERS - 1], &intake);
	begin_add(&all[INTAKE_HOLDERS], 1);
	assert_null(all[INTAKE_HOLDERS].own);
	inbox_fini(&all[INTAKE_HOLDERS], &intake);
	begin_add(&all[INTAKE_HOLDERS - 1], 0);
	assert_true(secret_owns(vault_region(), all[INTAKE_HOLDERS - 1].own));
	inbox_fini(&all[3], &intake);
	begin_add(&all[INTAKE_HOLDERS], 1);
	assert_true(secret_owns(vault_region(), all[INTAKE_HOLDERS].own));
	for (unsigned i = 0; i <= INTAKE_HOLDERS; i++)
		inbox_fini(&all[i], &intake);
	assert_int_equal(intake.n_holders, 0);
}

static void
what_comes_behind_a_secret_does_not_keep_its_place(void **state)
{
	struct inbox other = { .own = NULL };
	struct inbox_item item;
	size_t whole;

	(void)state;
	peer.ops = POLICY_ALL;
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	add(SSH_AGENTC_ADD_IDENTITY, 10, 0);
	whole = stream.len;
	frame(SSH_AGENTC_SIGN_REQUEST, 100);
	assert_int_equal(write(far_fd, stream.p, whole + 20), whole + 20);
	assert_int_equal(inbox_read(&box, &peer, &intake, near_fd, SIZE_MAX),
	    ST_OK);
	/* A turn for the list: the add waits for the next one. */
	assert_int_equal(inbox_next(&box, &peer, &item), ST_OK);
	assert_int_equal(inbox_settle(&box, &peer, &intake), ST_OK);
	assert_true(box.locked);
	assert_int_equal(inbox_next(&box, &peer, &item), ST_OK);
	assert_int_equal(item.body.p[0], SSH_AGENTC_ADD_IDENTITY);
	assert_int_equal(inbox_settle(&box, &peer, &intake), ST_OK);
	/* What is left is the beginning of something else. */
	assert_true(inbox_begun(&box));
	assert_false(box.locked);
	assert_int_equal(box.rest.len, 20);
	assert_memory_equal(box.rest.p, rooms[2] + whole, 20);
	begin_add(&other, peer.uid);
	assert_true(secret_owns(vault_region(), other.own));
	inbox_fini(&other, &intake);
}

/* With another unfinished add of this uid. */
static void
one_under_way(struct inbox *one)
{
	begin_add(one, peer.uid);
	baseline = used();
	others = 1;
}

static void
none_under_way(struct inbox *one)
{
	inbox_fini(one, &intake);
	baseline = used();
	others = 0;
}

static void
a_second_add_does_not_stop_what_precedes_it(void **state)
{
	static const size_t turns[] = { 1, 3, 64, 200 };
	struct inbox one = { .own = NULL };
	size_t lists;

	(void)state;
	peer.ops = POLICY_ALL;
	one_under_way(&one);
	for (int i = 0; i < 70; i++)
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	expect_all();
	note_refused(&want, SSH_AGENTC_ADD_ID_CONSTRAINED, NO_ROOM);
	lists = stream.len;
	add(SSH_AGENTC_ADD_ID_CONSTRAINED, 10, 50);
	for (size_t i = 0; i < N(turns); i++) {
		for (size_t at = lists + 1; at < stream.len; at++) {
			got.len = 0;
			send_part(0, at, 0, turns[i]);
			send_rest(at);
		}
	}
	none_under_way(&one);
}

static void
adds_that_have_to_wait_are_refused_in_their_turn(void **state)
{
	struct inbox one = { .own = NULL };
	struct slice list = hex("0b"), none = { NULL, 0 };
	size_t at;

	(void)state;
	peer.ops = POLICY_ALL;
	one_under_way(&one);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	note(&want, list, none);
	add(SSH_AGENTC_ADD_IDENTITY, 10, 0);
	note_refused(&want, SSH_AGENTC_ADD_IDENTITY, NO_ROOM);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	note(&want, list, none);
	lock(SSH_AGENTC_LOCK, 10, 10);
	note_refused(&want, SSH_AGENTC_LOCK, NO_ROOM);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	note(&want, list, none);
	/* The last one could have room by now: nothing of it was lost. */
	at = stream.len + 3;
	add(SSH_AGENTC_ADD_IDENTITY, 10, 20);
	note(&want, (struct slice){ stream.p + at + 1, stream.len - at - 1 },
	    none);
	send_part(0, at, 0, 1);
	none_under_way(&one);
	send_rest(at);
}

/* Nothing of it has to wait. */
static void
whole_adds_need_no_room(void **state)
{
	struct inbox one = { .own = NULL };

	(void)state;
	peer.ops = POLICY_ALL;
	one_under_way(&one);
	medley();
	medley();
	expect_all();
	send_rest(0);
	none_under_way(&one);
}
static void
no_secret_is_no_locked_memory(void **state)
{
	(void)state;
	peer.ops = POLICY_ALL;
	frame(SSH_AGENTC_SIGN_REQUEST, 100000);
	expect_all();
	send_part(0, 50000, 0, 64);
	assert_false(secret_owns(vault_region(), box.own));
	/* Memory comes with the bytes, not with the promise. */
	assert_true(box.cap >= 50000 && box.cap < 2 * 65536);
	send_rest(50000);
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
	add(SSH_AGENTC_ADD_IDENTITY, FRAME_BODY_MAX - ADD_MIN, 0);
	add(SSH_AGENTC_ADD_IDENTITY, 100000, FRAME_BODY_MAX - ADD_MIN -
	    100000);
	lock(SSH_AGENTC_UNLOCK, 0, FRAME_BODY_MAX - 5);
	frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	expect_all();
	send_rest(0);
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
	for (size_t i = 0; i < N(table); i++) {
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
		start_over();
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
	for (size_t at = 4; at < 300; at++) {
		start_over();
		add(SSH_AGENTC_ADD_IDENTITY, 100000, 0);
		frame(SSH_AGENTC_REQUEST_IDENTITIES, 1);
		note_refused(&want, SSH_AGENTC_ADD_IDENTITY, NO_ROOM);
		note(&want, hex("0b"), (struct slice){ NULL, 0 });
		send_part(0, at, 0, 64);
		/* Refused as soon as the comment's length is there. */
		assert_int_equal(box.skip > 0, at >= 128);
		send_rest(at);
	}
	/* What needs none of its own is served, also from a full vault. */
	start_over();
	add(SSH_AGENTC_ADD_IDENTITY, 800, 0);
	expect_all();
	send_rest(0);
	secret_free(vault_region(), p);
	baseline = before;
}

static void
constraints_need_no_locked_memory(void **state)
{
	size_t before = baseline;
	void *p = ballast(1024);

	(void)state;
	peer.ops = POLICY_ALL;
	add(SSH_AGENTC_ADD_ID_CONSTRAINED, 10, FRAME_BODY_MAX - ADD_MIN - 10);
	expect_all();
	for (size_t at = 0; at + 1000 < stream.len; at += 1000)
		send_part(at, at + 1000, 0, 64);
	send_rest(stream.len / 1000 * 1000);
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
	uint32_t n = 1 + next(seed) % 60, a, b;
	uint8_t type;

	for (uint32_t i = 0; i < n && stream.len < ROOM / 2; i++) {
		type = types[next(seed) % sizeof(types)];
		a = next(seed) % sizes[next(seed) % 5];
		b = next(seed) % sizes[next(seed) % 5];
		/* Now and then one that is broken. */
		if (!request_has_secret(type) || a % 8 == 0)
			frame(type, 1 + a);
		else if (request_is_add(type))
			add(type, a, a % 3 == 0 ? 0 : b);
		else
			lock(type, a, a % 3 == 0 ? 0 : b);
	}
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
		start_over();
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
		T(the_caller_may_stop_before_the_first_request),
		T(nothing_waits_when_nothing_came),
		T(end_of_file_is_closed),
		T(end_of_file_inside_of_what_is_thrown_away),
		T(an_add_of_who_may_not_is_thrown_away),
		T(a_stop_before_an_add_reserves_nothing),
		T(an_add_of_who_may_is_in_the_vault_from_the_start),
		T(what_another_user_sends_is_not_kept_at_all),
		T(that_descriptors_came_along_is_known),
		T(lock_and_unlock_are_secrets_too),
		T(every_kind_of_add_may_be_cut_anywhere),
		T(an_add_without_constraints_is_in_one_place),
		T(what_follows_a_passphrase_is_no_secret),
		T(a_piece_grows_by_one_field_at_a_time),
		T(constraints_that_come_later_are_never_in_the_vault),
		T(an_unfinished_add_after_many_requests_is_kept),
		T(what_has_no_secret_leaves_the_vault),
		T(what_can_only_be_refused_is_refused_in_any_pieces),
		T(what_can_only_be_refused_is_thrown_away_at_once),
		T(an_add_that_is_too_short_is_refused),
		T(each_uid_has_one_secret_under_way),
		T(what_comes_behind_a_secret_does_not_keep_its_place),
		T(only_so_many_uids_have_a_secret_under_way),
		T(a_second_add_does_not_stop_what_precedes_it),
		T(adds_that_have_to_wait_are_refused_in_their_turn),
		T(whole_adds_need_no_room),
		T(no_secret_is_no_locked_memory),
		T(a_promise_of_much_costs_little),
		T(largest_frame_is_taken),
		T(broken_lengths_end_the_stream),
		T(no_locked_memory_is_an_answer_not_an_end),
		T(constraints_need_no_locked_memory),
		T(any_chunks_give_the_same_requests),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
