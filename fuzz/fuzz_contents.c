/*
 * Reaches: approve.c, statusmsg.c, explainmsg.c.
 * Claims:  no status is negative; an answer to a question is written as the
 *          very bytes it was read from; of a question, a status or an item
 *          nothing is looked at behind its end: it is written as what was read
 *          of it, one byte less is too little, and texts are no longer than
 *          they may be.
 * Input:   which of them, then its bytes.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/approve.h"
#include "proto/explainmsg.h"
#include "proto/statusmsg.h"

/* What can be read, and written again. */
union contents {
	struct approve_question	 question;
	struct statusmsg_head	 head;
	struct statusmsg_limit	 limit;
	struct statusmsg_uid	 uid;
	struct statusmsg_key	 key;
	struct explainmsg_item	 item;
};

enum kind {
	QUESTION,
	HEAD,
	LIMIT,
	UID,
	KEY,
	ITEM,
	REQUEST,		/* of an approver; not among the contents */
	KINDS
};

static int
get(enum kind kind, struct wire_reader *r, union contents *out)
{
	if (kind == QUESTION)
		return approve_question_get(r, &out->question);
	if (kind == HEAD)
		return statusmsg_get_head(r, &out->head);
	if (kind == LIMIT)
		return statusmsg_get_limit(r, &out->limit);
	if (kind == UID)
		return statusmsg_get_uid(r, &out->uid);
	if (kind == KEY)
		return statusmsg_get_key(r, &out->key);
	return explainmsg_get(r, &out->item);
}

static void
put(enum kind kind, struct wire_writer *w, const union contents *c)
{
	if (kind == QUESTION)
		approve_question_put(w, &c->question);
	else if (kind == HEAD)
		statusmsg_put_head(w, &c->head);
	else if (kind == LIMIT)
		statusmsg_put_limit(w, &c->limit);
	else if (kind == UID)
		statusmsg_put_uid(w, &c->uid);
	else if (kind == KEY)
		statusmsg_put_key(w, &c->key);
	else
		explainmsg_put(w, &c->item);
}

static void
check_question(const struct approve_question *q)
{
	assert(q->prompt.len <= APPROVE_PROMPT_MAX);
	assert(q->fingerprint.len <= APPROVE_TEXT_MAX);
	assert(q->comment.len <= APPROVE_TEXT_MAX);
	assert(q->what.len <= APPROVE_TEXT_MAX);
	assert(q->host.len <= APPROVE_TEXT_MAX);
}

static void
check_contents(enum kind kind, struct slice in)
{
	struct wire_reader r = wire_reader(in);
	struct wire_writer w;
	union contents c, cut;
	struct slice out;
	uint8_t *copy;
	int st = get(kind, &r, &c);

	assert(st == ST_OK || st == ST_MALFORMED ||
	    (kind == QUESTION && st == ST_TOO_LARGE) ||
	    (kind == HEAD && st == ST_UNSUPPORTED));
	if (st != ST_OK)
		return;
	w = wire_writer(fuzz_alloc(in.len), in.len);
	put(kind, &w, &c);
	out = fuzz_written(&w);
	assert(memcmp(out.p, in.p, out.len) == 0);
	if (kind == QUESTION)
		check_question(&c.question);
	/* One byte less, where the sanitizer sees the end. */
	copy = fuzz_alloc(out.len - 1);
	memcpy(copy, out.p, out.len - 1);
	r = wire_reader((struct slice){ copy, out.len - 1 });
	st = get(kind, &r, &cut);
	assert(st == ST_MALFORMED);
	free(copy);
	free(w.p);
}

static void
check_request(struct slice in)
{
	struct approve_request req;
	struct wire_writer w;
	int st = approve_request_decode(in, &req);

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_UNSUPPORTED);
	if (st != ST_OK)
		return;
	w = wire_writer(fuzz_alloc(in.len), in.len);
	approve_request_put(&w, &req);
	assert(slice_eq(fuzz_written(&w), in));
	free(w.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum kind kind;
	struct slice in;

	if (size == 0)
		return 0;
	kind = (enum kind)(data[0] % KINDS);
	in = (struct slice){ data + 1, size - 1 };
	if (kind == REQUEST)
		check_request(in);
	else
		check_contents(kind, in);
	return 0;
}
