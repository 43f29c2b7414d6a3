/*
 * Frames, connections, and messages that are none.
 */

#include "conformance/probe.h"

#include <poll.h>
#include <stdio.h>

#include <sys/socket.h>

/* Longest body that OpenSSH's agent reads. */
#define BODY_MAX	(256 * 1024)
/* How many connections there are at once: fewer than one user has shells. */
#define MANY		64
#define FIRST_PRIVATE	240
/* For what must not come. */
#define QUIET_MS	50

static uint8_t big[BODY_MAX + 16];

/* Open connection c. */
static enum verdict
expect_connect(struct probe *p, unsigned c)
{
	if (side_try_connect(p->side, c))
		return VERDICT_PASS;
	return fails(p, "connection %u is refused", c + 1);
}

static enum verdict
check_pieces(struct probe *p)
{
	struct answer a;

	PASSES(expect_connect(p, 0));
	side_send(p->side, 0, &trial_list, 1, DELIVER_BYTES, 0);
	a = side_receive(p->side, 0, trial_list);
	if (answer_code(&a) != SSH_AGENT_IDENTITIES_ANSWER)
		return fails(p, "a list, byte by byte: %s", answer_name(&a));
	return expect_alive(p, 0);
}

static enum verdict
check_order(struct probe *p)
{
	struct slice bodies[] = { trial_list, BODY(99), trial_list, BODY(200),
		BODY(99), trial_list };
	size_t n = sizeof(bodies) / sizeof(bodies[0]);
	struct answer a;
	uint8_t code;

	PASSES(expect_connect(p, 0));
	side_send(p->side, 0, bodies, n, DELIVER_WHOLE, 0);
	for (size_t i = 0; i < n; i++) {
		a = side_receive(p->side, 0, bodies[i]);
		code = bodies[i].p[0] == SSH_AGENTC_REQUEST_IDENTITIES ?
		    SSH_AGENT_IDENTITIES_ANSWER : SSH_AGENT_FAILURE;
		if (answer_code(&a) != code)
			return fails(p, "answer %zu of %zu: %s", i + 1, n,
			    answer_name(&a));
	}
	return VERDICT_PASS;
}

/* Nothing may come for a while. */
static enum verdict
expect_quiet(struct probe *p, unsigned c, const char *when)
{
	struct pollfd pfd = { p->side->fds[c], POLLIN, 0 };
	uint8_t byte;

	/* What stands between asks as well. */
	if (poll(&pfd, 1, QUIET_MS) == 0)
		return VERDICT_PASS;
	if (recv(p->side->fds[c], &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		return fails(p, "the connection ends %s", when);
	return fails(p, "something comes %s", when);
}

static enum verdict
check_silent(struct probe *p)
{
	PASSES(expect_connect(p, 0));
	PASSES(expect_quiet(p, 0, "before the first request"));
	PASSES(expect_alive(p, 0));
	PASSES(expect_quiet(p, 0, "after a reply"));
	PASSES(expect(p, 0, BODY(99), SSH_AGENT_FAILURE, "message 99"));
	return expect_quiet(p, 0, "after FAILURE");
}

/* Whether a number is free: neither a request, nor kept for protocol 1.  What
 * an agent has of its own may be at the end, and is not to be set off. */
static bool
is_unassigned(unsigned type)
{
	if (type >= FIRST_PRIVATE)
		return false;
	switch (type) {
	case 1: case 2: case 3: case 4: case 7: case 8: case 9: case 24:
	case SSH_AGENTC_REQUEST_IDENTITIES: case SSH_AGENTC_SIGN_REQUEST:
	case SSH_AGENTC_ADD_IDENTITY: case SSH_AGENTC_REMOVE_IDENTITY:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_ADD_SMARTCARD_KEY:
	case SSH_AGENTC_REMOVE_SMARTCARD_KEY: case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK: case SSH_AGENTC_ADD_ID_CONSTRAINED:
	case SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED:
	case SSH_AGENTC_EXTENSION:
		return false;
	default:
		return true;
	}
}

static enum verdict
check_unknown(struct probe *p)
{
	char what[32];

	for (unsigned type = 0; type < 256; type++) {
		if (!is_unassigned(type))
			continue;
		(void)snprintf(what, sizeof(what), "message %u", type);
		PASSES(expect(p, 0, BODY((uint8_t)type), SSH_AGENT_FAILURE,
		    what));
	}
	return expect_alive(p, 0);
}

/* A body, cut at some of its bytes, is refused each time. */
static enum verdict
expect_cuts_fail(struct probe *p, struct slice body, size_t step,
    uint8_t code, const char *what)
{
	struct slice part = body;
	char text[96];

	for (part.len = 1; part.len < body.len; part.len += step) {
		(void)snprintf(text, sizeof(text), "%zu of %zu bytes of %s",
		    part.len, body.len, what);
		PASSES(expect(p, 0, part, code, text));
	}
	return VERDICT_PASS;
}

static enum verdict
check_truncated(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	struct slice data = usual_login(k);

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect_cuts_fail(p, sign_body(k->blob, data, 0), 3,
	    SSH_AGENT_FAILURE, "a request to sign"));
	PASSES(expect_cuts_fail(p, remove_body(k->blob), 5,
	    SSH_AGENT_FAILURE, "a removal"));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_EXTENSION), EITHER_FAILURE,
	    "an extension without a name"));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_EXTENSION, 0, 0, 0, 9, 'q'),
	    EITHER_FAILURE, "an extension whose name is cut"));
	return expect_listed(p, 0, k->blob, true);
}

static enum verdict
check_truncated_add(struct probe *p)
{
	const struct material_key *k = fresh_key(p);
	struct slice body = add_body(k, nothing, "cut", nothing);

	PASSES(expect_cuts_fail(p, body, 3, SSH_AGENT_FAILURE, "an add"));
	return expect_listed(p, 0, k->blob, false);
}

static enum verdict
check_lengths(struct probe *p)
{
	/* A length with more bytes than there are; one with nothing. */
	const struct material_key *k = user_key(USER_ED25519);
	struct slice data = usual_login(k), body;
	uint8_t room[1024];
	struct wire_writer w = wire_writer(room, sizeof(room));

	PASSES(expect_add(p, 0, k, nothing));
	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_u32(&w, 0xffffffffu);
	wire_put_bytes(&w, k->blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, 0);
	body = (struct slice){ room, w.len };
	PASSES(expect(p, 0, body, SSH_AGENT_FAILURE,
	    "a key blob of 4 GiB in a request to sign"));
	w.len = 1;
	wire_put_string(&w, k->blob);
	wire_put_u32(&w, 0x7fffffffu);
	wire_put_bytes(&w, data);
	PASSES(expect(p, 0, (struct slice){ room, w.len }, SSH_AGENT_FAILURE,
	    "data of 2 GiB in a request to sign"));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_REMOVE_IDENTITY, 0xff, 0xff, 0xff,
	    0xff), SSH_AGENT_FAILURE, "a removal with a blob of 4 GiB"));
	return expect_alive(p, 0);
}

static enum verdict
check_largest(struct probe *p)
{
	big[0] = 99;
	PASSES(expect(p, 0, (struct slice){ big, BODY_MAX }, SSH_AGENT_FAILURE,
	    "message 99 of 262144 bytes"));
	return expect_alive(p, 0);
}

/* Bytes that are no frame end the connection or are refused, and nobody else
 * notices. */
static enum verdict
expect_no_frame(struct probe *p, struct slice bytes, const char *what)
{
	struct answer a;

	PASSES(expect_connect(p, 0));
	side_send_raw(p->side, 0, bytes);
	a = side_receive(p->side, 0, bytes);
	if (a.kind != ANSWER_CLOSED && answer_code(&a) != SSH_AGENT_FAILURE)
		return fails(p, "%s: %s", what, answer_name(&a));
	side_close(p->side, 0);
	return expect_alive(p, 1);
}

static enum verdict
check_too_long(struct probe *p)
{
	PASSES(expect_no_frame(p, BODY(0x7f, 0xff, 0xff, 0xff, 11),
	    "a frame of 2 GiB"));
	return expect_no_frame(p, BODY(0xff, 0xff, 0xff, 0xff, 11),
	    "a frame of 4 GiB");
}

static enum verdict
check_zero(struct probe *p)
{
	return expect_no_frame(p, BODY(0, 0, 0, 0, 0, 0, 0, 1, 11),
	    "a frame of no bytes");
}

static enum verdict
check_hang_up(struct probe *p)
{
	const struct material_key *k = fresh_key(p);
	struct slice body = add_body(k, nothing, "half", nothing);
	uint8_t head[] = { 0, 0, (uint8_t)(body.len >> 8),
		(uint8_t)body.len };

	PASSES(expect_connect(p, 0));
	side_send_raw(p->side, 0, (struct slice){ head, 4 });
	side_send_raw(p->side, 0, (struct slice){ body.p, body.len - 1 });
	side_close(p->side, 0);
	PASSES(expect_connect(p, 0));
	side_send(p->side, 0, &trial_list, 1, DELIVER_WHOLE, 0);
	side_close(p->side, 0);
	return expect_listed(p, 1, k->blob, false);
}

static enum verdict
check_others(struct probe *p)
{
	PASSES(expect_connect(p, 0));
	PASSES(expect_connect(p, 1));
	side_send_raw(p->side, 0, BODY(0, 0, 0, 1));
	PASSES(expect_alive(p, 1));
	PASSES(expect_alive(p, 1));
	side_send_raw(p->side, 0, BODY(SSH_AGENTC_REQUEST_IDENTITIES));
	if (list_count(p, 0) < 0)
		return fails(p, "the frame that was under way is not "
		    "answered");
	return VERDICT_PASS;
}

static enum verdict
check_many(struct probe *p)
{
	for (unsigned c = 0; c < MANY; c++)
		PASSES(expect_connect(p, c));
	for (unsigned round = 0; round < 2; round++)
		for (unsigned c = 0; c < MANY; c++)
			PASSES(expect_alive(p, c));
	return VERDICT_PASS;
}

static enum verdict
check_half_close(struct probe *p)
{
	struct answer a;

	PASSES(expect_connect(p, 0));
	side_send(p->side, 0, &trial_list, 1, DELIVER_WHOLE, 0);
	side_shut(p->side, 0);
	a = side_receive(p->side, 0, trial_list);
	if (answer_code(&a) != SSH_AGENT_IDENTITIES_ANSWER)
		return fails(p, "a list, and nothing after it: %s",
		    answer_name(&a));
	a = side_receive(p->side, 0, BODY(0));
	if (a.kind != ANSWER_CLOSED)
		return fails(p, "after the reply: %s", answer_name(&a));
	return VERDICT_PASS;
}

#define OVERVIEW	"RFC 9987, 3"
#define MESSAGES	"RFC 9987, 5"
#define GENERIC		"RFC 9987, 5.1"
#define OPENSSH		"OpenSSH"

const struct requirement requirements_frames[] = {
	{ "frame.pieces", MESSAGES, LEVEL_MUST,
	    "a message may arrive byte by byte", 0, check_pieces },
	{ "frame.order", OVERVIEW, LEVEL_MUST,
	    "six requests in one write get six replies, in their order", 0,
	    check_order },
	{ "frame.silent", OVERVIEW, LEVEL_MUST,
	    "the agent sends nothing but replies", 0, check_silent },
	{ "frame.unknown", GENERIC, LEVEL_MUST,
	    "each message number below 240 that is not assigned gets "
	    "`FAILURE`, and the connection stays", 0, check_unknown },
	{ "frame.truncated", "RFC 9987, 5.4, 5.6, 5.8", LEVEL_MUST,
	    "requests to sign and to remove, and extensions, whose fields are "
	    "cut get a failure, and the connection stays", OFFER_ADD,
	    check_truncated },
	{ "frame.truncated-add", "RFC 9987, 5.2", LEVEL_MUST,
	    "adds that are cut get `FAILURE` and add nothing", OFFER_ADD,
	    check_truncated_add },
	{ "frame.lengths", "RFC 9987, 5.4, 5.6", LEVEL_MUST,
	    "strings longer than their message get `FAILURE`, and the "
	    "connection stays", OFFER_ADD, check_lengths },
	{ "frame.largest", OPENSSH, LEVEL_PRACTICE,
	    "a message of 262144 bytes is read", 0, check_largest },
	{ "frame.too-long", OPENSSH, LEVEL_PRACTICE,
	    "a message of 2 GiB is not waited for, and other connections do "
	    "not notice", 0, check_too_long },
	{ "frame.zero", OPENSSH, LEVEL_PRACTICE,
	    "a message of no bytes ends the connection or gets `FAILURE`", 0,
	    check_zero },
	{ "frame.hang-up", OPENSSH, LEVEL_PRACTICE,
	    "a client that goes away in the middle of an add, or before the "
	    "reply, changes nothing", OFFER_ADD, check_hang_up },
	{ "connection.others", OPENSSH, LEVEL_PRACTICE,
	    "half a message on one connection does not hold up another one",
	    0, check_others },
	{ "connection.many", OPENSSH, LEVEL_PRACTICE,
	    "64 connections at once are served", 0, check_many },
	{ "connection.half-close", "bridges such as `nc -N`", LEVEL_PRACTICE,
	    "who shuts the sending side down still gets the reply, and then "
	    "end of file", 0, check_half_close },
	{ .id = NULL },
};
