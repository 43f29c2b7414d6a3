#include "conformance/faults.h"

#include <string.h>

#include "conformance/probe.h"
#include "differential/view.h"
#include "proto/agent_num.h"

#define ROOM	(256 * 1024)

/* What is answered in the place of what was. */
static uint8_t room[ROOM];

/* Answer with what was written. */
static bool
answer_written(struct answer *a, const struct wire_writer *w)
{
	if (w->full)
		return false;
	a->kind = ANSWER_REPLY;
	a->body = (struct slice){ w->p, w->len };
	return true;
}

/* Answer with a code in the place of another one. */
static bool
swap_code(struct answer *a, uint8_t from, uint8_t to)
{
	struct wire_writer w = wire_writer(room, sizeof(room));

	if (answer_code(a) != from)
		return false;
	wire_put_u8(&w, to);
	return answer_written(a, &w);
}

static bool
fail_all(struct slice request, struct answer *a)
{
	(void)request;
	return swap_code(a, SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE);
}

static bool
succeed_all(struct slice request, struct answer *a)
{
	(void)request;
	return swap_code(a, SSH_AGENT_FAILURE, SSH_AGENT_SUCCESS) ||
	    swap_code(a, SSH_AGENT_EXTENSION_FAILURE, SSH_AGENT_SUCCESS);
}

static bool
fail_lists(struct slice request, struct answer *a)
{
	(void)request;
	return swap_code(a, SSH_AGENT_IDENTITIES_ANSWER, SSH_AGENT_FAILURE);
}

static bool
fail_plainly(struct slice request, struct answer *a)
{
	(void)request;
	return swap_code(a, SSH_AGENT_EXTENSION_FAILURE, SSH_AGENT_FAILURE);
}

static bool
hang_up(struct slice request, struct answer *a)
{
	(void)request;
	if (answer_code(a) != SSH_AGENT_FAILURE)
		return false;
	a->kind = ANSWER_CLOSED;
	return true;
}

/* Nothing comes where the connection should end. */
static bool
hang_on(struct slice request, struct answer *a)
{
	(void)request;
	if (a->kind != ANSWER_CLOSED)
		return false;
	a->kind = ANSWER_SILENCE;
	return true;
}

static bool
empty_lists(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));

	(void)request;
	if (answer_code(a) != SSH_AGENT_IDENTITIES_ANSWER)
		return false;
	wire_put_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	wire_put_u32(&w, 0);
	return answer_written(a, &w);
}

/* The last key first. */
static bool
reverse_lists(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct wire_reader r = wire_reader(a->body);
	struct slice s[2 * 256];
	uint32_t n;
	uint8_t type;

	(void)request;
	if (answer_code(a) != SSH_AGENT_IDENTITIES_ANSWER ||
	    wire_get_u8(&r, &type) != ST_OK || wire_get_u32(&r, &n) != ST_OK ||
	    n > 256)
		return false;
	for (uint32_t i = 0; i < 2 * n; i++)
		if (wire_get_string(&r, &s[i]) != ST_OK)
			return false;
	wire_put_u8(&w, type);
	wire_put_u32(&w, n);
	for (uint32_t i = n; i-- > 0;) {
		wire_put_string(&w, s[2 * i]);
		wire_put_string(&w, s[2 * i + 1]);
	}
	return answer_written(a, &w);
}

/* Every reply is longer than what is in it. */
static bool
add_byte(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));

	(void)request;
	if (a->kind != ANSWER_REPLY)
		return false;
	wire_put_bytes(&w, a->body);
	wire_put_u8(&w, 0);
	return answer_written(a, &w);
}

/* The answer to query names one thing more, or nothing but itself. */
static bool
query_more(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));

	(void)request;
	if (answer_code(a) != SSH_AGENT_EXTENSION_RESPONSE)
		return false;
	wire_put_bytes(&w, a->body);
	wire_put_str(&w, "unknown@example.com");
	return answer_written(a, &w);
}

static bool
query_less(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));

	(void)request;
	if (answer_code(a) != SSH_AGENT_EXTENSION_RESPONSE)
		return false;
	wire_put_u8(&w, SSH_AGENT_EXTENSION_RESPONSE);
	wire_put_str(&w, "query");
	return answer_written(a, &w);
}

/* As agents do that write an RSA signature as a number. */
static bool
strip_zeros(struct slice request, struct answer *a)
{
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct wire_reader r = wire_reader(a->body);
	struct slice signature, name, bytes;
	size_t mark;
	uint8_t type;

	(void)request;
	if (answer_code(a) != SSH_AGENT_SIGN_RESPONSE ||
	    wire_get_u8(&r, &type) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK)
		return false;
	r = wire_reader(signature);
	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &bytes) != ST_OK ||
	    !slice_eq_str(name, "rsa-sha2-256") || bytes.len == 0 ||
	    bytes.p[0] != 0)
		return false;
	wire_put_u8(&w, type);
	mark = wire_open_string(&w);
	wire_put_string(&w, name);
	wire_put_string(&w, (struct slice){ bytes.p + 1, bytes.len - 1 });
	wire_close_string(&w, mark);
	return answer_written(a, &w);
}

/* Guesses cost nothing: they do not reach the agent. */
static bool
is_guess(struct slice request)
{
	struct slice passphrase;

	return view_is(request, SSH_AGENTC_UNLOCK) &&
	    view_get_passphrase(request, &passphrase) &&
	    slice_eq_str(passphrase, "guess");
}

static struct slice
swallow_guess(struct slice request, uint8_t *unused)
{
	static const uint8_t list = SSH_AGENTC_REQUEST_IDENTITIES;

	(void)unused;
	return is_guess(request) ? (struct slice){ &list, 1 } : request;
}

static bool
fail_guess(struct slice request, struct answer *a)
{
	return is_guess(request) &&
	    swap_code(a, SSH_AGENT_IDENTITIES_ANSWER, SSH_AGENT_FAILURE);
}

/*
 * Agents that answer rightly, and do something else; or the other way round.
 */

static const uint8_t list_byte = SSH_AGENTC_REQUEST_IDENTITIES;
static const struct slice list = { &list_byte, 1 };

/* Whether an add has constraints that no agent takes. */
static bool
is_strange(const struct view_add *add)
{
	struct wire_reader r = wire_reader(add->constraints);
	struct view_constraint c;

	while (!wire_end(&r)) {
		if (!view_next_constraint(&r, &c))
			return true;
		if (c.type == SSH_AGENT_CONSTRAIN_EXTENSION && !slice_eq_str(
		    c.name, "restrict-destination-v00@openssh.com"))
			return true;
	}
	return false;
}

/* The key is added without them. */
static struct slice
add_all_the_same(struct slice request, uint8_t *bytes)
{
	struct view_add add;

	(void)bytes;
	if (view_get_add(request, &add) && is_strange(&add))
		request.len -= add.constraints.len;
	return request;
}

static bool
fail_strange_add(struct slice request, struct answer *a)
{
	struct view_add add;

	return view_get_add(request, &add) && is_strange(&add) &&
	    swap_code(a, SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE);
}

/* Removals do not reach the agent. */
static bool
is_removal(struct slice request)
{
	return view_is(request, SSH_AGENTC_REMOVE_IDENTITY) ||
	    view_is(request, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
}

static struct slice
swallow_removal(struct slice request, uint8_t *bytes)
{
	(void)bytes;
	return is_removal(request) ? list : request;
}

static bool
succeed_removal(struct slice request, struct answer *a)
{
	return is_removal(request) && swap_code(a,
	    SSH_AGENT_IDENTITIES_ANSWER, SSH_AGENT_SUCCESS);
}

/* Whichever passphrase comes, it is the right one. */
static struct slice
right_passphrase(struct slice request, uint8_t *bytes)
{
	struct wire_writer w = wire_writer(bytes, ROOM);
	struct slice said;

	if (!view_is(request, SSH_AGENTC_UNLOCK) ||
	    !view_get_passphrase(request, &said))
		return request;
	wire_put_u8(&w, SSH_AGENTC_UNLOCK);
	wire_put_str(&w, PASSPHRASE);
	return (struct slice){ bytes, w.len };
}

/* One that begins as the right one does is. */
static struct slice
right_beginning(struct slice request, uint8_t *bytes)
{
	struct slice said;

	if (!view_is(request, SSH_AGENTC_UNLOCK) ||
	    !view_get_passphrase(request, &said) ||
	    said.len < strlen(PASSPHRASE) ||
	    memcmp(said.p, PASSPHRASE, strlen(PASSPHRASE)) != 0)
		return request;
	return right_passphrase(request, bytes);
}

/* Sign as if the blob ended where a key's does, or as if there were no flags
 * but those that are known. */
static struct slice
sign_sloppily(struct slice request, uint8_t *bytes, bool blob, bool flags)
{
	struct wire_writer w = wire_writer(bytes, ROOM);
	struct view_sign sign;
	struct slice less;
	bool cert;

	if (!view_get_sign(request, &sign))
		return request;
	less = (struct slice){ sign.blob.p, sign.blob.len - 1 };
	if (blob && sign.blob.len > 0 && material_find(less, &cert) != NULL)
		sign.blob = less;
	if (flags)
		sign.flags &= SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512;
	ask_put_sign(&w, sign.blob, sign.data, sign.flags);
	return (struct slice){ bytes, w.len };
}

static struct slice
sign_by_beginning(struct slice request, uint8_t *bytes)
{
	return sign_sloppily(request, bytes, true, false);
}

static struct slice
sign_without_flags(struct slice request, uint8_t *bytes)
{
	return sign_sloppily(request, bytes, false, true);
}

/* Host keys are Ed25519, and nothing else. */
static bool
fail_other_hosts(struct slice request, struct answer *a)
{
	struct slice name, rest, blob, type;
	struct wire_reader r;

	if (!view_get_extension(request, &name, &rest) ||
	    !slice_eq_str(name, "session-bind@openssh.com"))
		return false;
	r = wire_reader(rest);
	if (wire_get_string(&r, &blob) != ST_OK)
		return false;
	r = wire_reader(blob);
	return wire_get_string(&r, &type) == ST_OK &&
	    !slice_eq_str(type, "ssh-ed25519") &&
	    swap_code(a, SSH_AGENT_SUCCESS, SSH_AGENT_EXTENSION_FAILURE);
}

const struct lie faults[] = {
	{ .name = "each success is a failure", .reply = fail_all },
	{ .name = "each failure is a success", .reply = succeed_all },
	{ .name = "no list is given", .reply = fail_lists },
	{ .name = "each list is empty", .reply = empty_lists },
	{ .name = "each list is backwards", .reply = reverse_lists },
	{ .name = "each reply has a byte too many", .reply = add_byte },
	{ .name = "each failure ends the connection", .reply = hang_up },
	{ .name = "no connection ends", .reply = hang_on },
	{ .name = "each request is answered twice", .twice = true },
	{ .name = "there is no EXTENSION_FAILURE", .reply = fail_plainly },
	{ .name = "query names what is not there", .reply = query_more },
	{ .name = "query names nothing", .reply = query_less },
	{ .name = "an RSA signature has no leading zeros",
	    .reply = strip_zeros },
	{ .name = "guesses take no time", .request = swallow_guess,
	    .reply = fail_guess },
	{ .name = "an add that is refused is done", .request =
	    add_all_the_same, .reply = fail_strange_add },
	{ .name = "a removal does nothing", .request = swallow_removal,
	    .reply = succeed_removal },
	{ .name = "any passphrase unlocks", .request = right_passphrase },
	{ .name = "a passphrase may go on", .request = right_beginning },
	{ .name = "a byte behind a blob does not matter",
	    .request = sign_by_beginning },
	{ .name = "flags that are not known are ignored",
	    .request = sign_without_flags },
	{ .name = "only hosts with Ed25519 keys are bound to",
	    .reply = fail_other_hosts },
};
const size_t n_faults = sizeof(faults) / sizeof(faults[0]);
