/*
 * Reaches: reply_decode, reply_get_extension, load_answer_decode, and every
 *          encoder of proto/reply.h and load_answer_put.
 * Claims:  no status is negative; a reader that is handed out lies in the
 *          reply; a failed answer leaves its reader; a list, a signature and
 *          an answer that read well are written to the same bytes; the size
 *          said of an identity is the size written.
 * Input:   the body of one frame.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/extension.h"
#include "proto/reply.h"

/* Read a list to its end and write it again. */
static void
check_list(struct slice body)
{
	struct wire_writer w = wire_writer(fuzz_alloc(body.len), body.len);
	struct wire_reader r = wire_reader(body);
	size_t size = REPLY_LIST_HEAD;
	struct slice blob, comment;
	uint32_t n = 0, i;
	uint8_t type;
	bool good;

	good = wire_get_u8(&r, &type) == ST_OK && wire_get_u32(&r, &n) == ST_OK;
	if (good)
		reply_put_list(&w, n);
	for (i = 0; good && i < n; i++) {
		good = wire_get_string(&r, &blob) == ST_OK &&
		    wire_get_string(&r, &comment) == ST_OK;
		if (!good)
			break;
		reply_put_identity(&w, blob, comment);
		size += reply_identity_size(blob, comment);
	}
	if (good) {
		assert(w.len == size);
		assert(slice_eq(fuzz_written(&w), (struct slice){ body.p,
		    body.len - r.rest.len }));
	}
	free(w.p);
}

/* Read a signature and write it again. */
static void
check_signature(const struct reply *reply, struct slice body)
{
	struct wire_writer w = wire_writer(fuzz_alloc(body.len), body.len);
	struct wire_reader r = wire_reader(reply->rest), inner;
	struct slice blob, algorithm, signature;
	char name[64] = "";

	if (wire_get_string(&r, &blob) != ST_OK || !wire_end(&r))
		goto out;
	inner = wire_reader(blob);
	if (wire_get_string(&inner, &algorithm) != ST_OK ||
	    wire_get_string(&inner, &signature) != ST_OK || !wire_end(&inner))
		goto out;
	if (algorithm.len >= sizeof(name))
		goto out;
	if (algorithm.len > 0)
		memcpy(name, algorithm.p, algorithm.len);
	if (strlen(name) != algorithm.len)
		goto out;
	reply_put_signature(&w, name, signature);
	assert(slice_eq(fuzz_written(&w), body));
out:
	free(w.p);
}

/* Read the answer to a load and write it again. */
static void
check_answer(struct wire_reader *r)
{
	struct slice before = r->rest;
	struct wire_writer w =
	    wire_writer(fuzz_alloc(before.len), before.len);
	struct load_answer ans, again;
	struct wire_reader second;
	int st = load_answer_decode(r, &ans);

	assert(st >= 0);
	if (st != ST_OK) {
		assert(fuzz_same_place(r->rest, before));
	} else {
		assert(wire_end(r));
		load_answer_put(&w, &ans);
		second = wire_reader(fuzz_written(&w));
		st = load_answer_decode(&second, &again);
		assert(st == ST_OK && ans.verdict == again.verdict);
		assert(ans.item == again.item);
		assert(slice_eq(ans.text, again.text));
		assert(slice_eq(ans.data, again.data));
	}
	free(w.p);
}

/* Ask for the contents of an extension's answer. */
static void
check_extension(const struct reply *reply, const char *name)
{
	struct wire_reader r;
	int st = reply_get_extension(reply, name, &r);

	assert(st == ST_OK || st == ST_DENIED || st == ST_MALFORMED);
	assert(fuzz_within(r.rest, reply->rest));
	assert(st == ST_OK || r.rest.len == 0);
	assert((st == ST_DENIED) == (reply->type == SSH_AGENT_FAILURE ||
	    reply->type == SSH_AGENT_EXTENSION_FAILURE));
	if (st == ST_OK)
		check_answer(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = { data, size };
	struct reply reply;
	int st = reply_decode(body, &reply);

	assert(st == (size > 0 ? ST_OK : ST_MALFORMED));
	if (st != ST_OK)
		return 0;
	assert(reply.type == data[0] && reply.rest.len == size - 1);
	check_extension(&reply, EXT_LOAD);
	check_extension(&reply, EXT_QUERY);
	if (reply.type == SSH_AGENT_IDENTITIES_ANSWER)
		check_list(body);
	if (reply.type == SSH_AGENT_SIGN_RESPONSE)
		check_signature(&reply, body);
	return 0;
}
