/*
 * serve_load - a load, step by step, and its removal.
 */
#include "agent/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/extension.h"
#include "proto/reply.h"

void
serve_load_end(struct conn *conn)
{
	load_free(conn->load);
	conn->load = NULL;
}

/* Say how a step of a load went; a load that was refused is over. */
static int
answer_load(struct call *c, int st, const struct load_answer *ans)
{
	reply_put_extension(c->w, EXT_LOAD);
	load_answer_put(c->w, ans);
	c->d->done = st == ST_OK;
	if (st == ST_OK)
		return ST_OK;
	call_note_refusal(c, REASON_LOAD);
	serve_load_end(c->conn);
	return ST_OK;
}

/* Tell the loader why not. */
static int
refuse_load(struct call *c, int st, const struct load_fault *fault)
{
	struct load_answer ans = { .verdict = 1, .item = fault->item };
	const char *text = fault->text;
	char line[2 * AUDIT_DETAIL_MAX];

	if (text == NULL || st == ST_NOMEM)
		text = st == ST_NOMEM ? "out of memory" :
		    st == ST_FULL ? "no room left in locked memory" :
		    status_name(st);
	ans.text = slice_str(text);
	c->d->rec.text = text;
	if (fault->detail[0] != '\0') {
		(void)snprintf(line, sizeof(line), "%s: %s", text,
		    fault->detail);
		ans.text = slice_str(line);
		memcpy(c->d->rec.detail, fault->detail,
		    sizeof(fault->detail));
	}
	return answer_load(c, st, &ans);
}

/* load@bottle-agent begin: a load that was under way here is given up. */
static int
load_step_begin(struct call *c, struct slice name)
{
	uint8_t public_key[LOAD_PUBLIC_KEY];
	struct load_answer ans = { .verdict = 0 };
	struct load_fault fault = { .text = NULL };
	int st;

	serve_load_end(c->conn);
	if (c->a->lock.locked) {
		fault.text = "the agent is locked: unlock it first "
		    "(ssh-add -X)";
		return refuse_load(c, ST_LOCKED, &fault);
	}
	if ((st = load_begin(&c->conn->load, name, public_key)) != ST_OK)
		return refuse_load(c, st, &fault);
	c->d->quiet = true;
	ans.data = (struct slice){ public_key, sizeof(public_key) };
	return answer_load(c, ST_OK, &ans);
}

/* load@bottle-agent commit: the swap, and the list of what was put. */
static int
load_step_commit(struct call *c)
{
	struct load_answer ans = { .verdict = 0 };
	struct load_fault fault;
	uint8_t *room;
	struct wire_writer put;
	int st;

	if ((room = malloc(LOAD_DATA_MAX)) == NULL) {
		fault = (struct load_fault){ .text = NULL };
		return refuse_load(c, ST_NOMEM, &fault);
	}
	put = wire_writer(room, LOAD_DATA_MAX);
	(void)snprintf(c->d->rec.detail, sizeof(c->d->rec.detail), "%zu key%s",
	    load_count(c->conn->load),
	    load_count(c->conn->load) == 1 ? "" : "s");
	st = c->a->lock.locked ? ST_LOCKED :
	    load_commit(c->conn->load, c->a->ring, &put, &fault);
	if (st == ST_LOCKED)
		fault = (struct load_fault){ .text = "the agent was locked "
		    "meanwhile" };
	ans.data = (struct slice){ room, put.len };
	st = st == ST_OK ? answer_load(c, ST_OK, &ans) :
	    refuse_load(c, st, &fault);
	serve_load_end(c->conn);
	free(room);
	return st;
}

/* load@bottle-agent remove and remove-all: no step of a load, and one that is
 * under way here goes on. */
static int
remove_load(struct call *c, struct slice name)
{
	struct load_answer ans = { .verdict = 0 };
	struct wire_writer gone;
	uint8_t *room;
	struct text t;
	size_t n;

	if ((room = malloc(LOAD_DATA_MAX)) == NULL)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_MEMORY);
	gone = wire_writer(room, LOAD_DATA_MAX);
	text_init(&t, c->d->rec.detail, sizeof(c->d->rec.detail));
	if (c->a->lock.locked) {
		ans.verdict = 1;
		ans.text = slice_str("the agent is locked: unlock it first "
		    "(bottle-agent --unlock)");
		call_note_refusal(c, REASON_LOCKED);
	} else {
		n = load_remove(c->a->ring, name, &gone);
		text_addf(&t, "%zu key%s of ", n, n == 1 ? "" : "s");
		c->d->done = true;
	}
	if (name.len > 0) {
		text_add(&t, "load ");
		text_escape(&t, name.p, name.len);
	} else {
		text_add(&t, "every load");
	}
	ans.data = (struct slice){ room, gone.len };
	reply_put_extension(c->w, EXT_LOAD);
	load_answer_put(c->w, &ans);
	free(room);
	return ST_OK;
}

int
serve_load(struct call *c)
{
	const struct load_defaults defaults = { c->a->service,
		c->a->default_lifetime_s };
	struct load_answer ans = { .verdict = 0 };
	struct load_request req;
	struct load_fault fault;
	int st;

	if (load_request_decode(c->req->extension.body, &req) != ST_OK)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_LOAD_BROKEN);
	if (req.op == LOAD_BEGIN)
		return load_step_begin(c, req.arg);
	if (req.op == LOAD_REMOVE || req.op == LOAD_REMOVE_ALL)
		return remove_load(c, req.arg);
	if (c->conn->load == NULL)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_LOAD_NOT_BEGUN);
	if (req.op == LOAD_COMMIT)
		return load_step_commit(c);
	if ((st = load_chunk(c->conn->load, req.arg, &defaults, c->now_ms,
	    &fault)) != ST_OK)
		return refuse_load(c, st, &fault);
	if (req.op == LOAD_FINISH)
		return load_step_commit(c);
	c->d->quiet = true;
	return answer_load(c, ST_OK, &ans);
}
