#include "fuzz/support/answer.h"

#include "fuzz/fuzz.h"
#include "proto/agent_num.h"
#include "proto/reply.h"

struct wire_reader
answer_contents(struct slice body, const char *name)
{
	struct wire_reader r;
	struct reply rep;
	int st;

	st = reply_decode(body, &rep);
	assert(st == ST_OK);
	st = reply_get_extension(&rep, name, &r);
	assert(st == ST_OK);
	(void)st;
	return r;
}

struct slice
answer_signature(struct slice body)
{
	struct wire_reader r;
	struct slice sig;
	int st;

	assert(body.len > 1 && body.p[0] == SSH_AGENT_SIGN_RESPONSE);
	r = wire_reader((struct slice){ body.p + 1, body.len - 1 });
	st = wire_get_string(&r, &sig);
	assert(st == ST_OK && wire_end(&r));
	(void)st;
	return sig;
}
