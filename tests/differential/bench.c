#include "differential/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differential/differences.h"
#include "differential/material.h"
#include "differential/view.h"
#include "proto/agent_num.h"

/* Bytes of a request or an answer that are shown. */
#define SHOW_MAX	4000
/* Longer ones OpenSSH does not record. */
#define SESSION_ID_MAX	128

static const uint8_t list_byte = SSH_AGENTC_REQUEST_IDENTITIES;
static const struct slice list = { &list_byte, 1 };

/*
 * For people.
 */

void
bench_show(FILE *f, const char *label, struct slice bytes)
{
	size_t n = bytes.len < SHOW_MAX ? bytes.len : SHOW_MAX;

	(void)fprintf(f, "  %s %3u, %zu bytes: ", label,
	    bytes.len > 0 ? bytes.p[0] : 0, bytes.len);
	/* Text as text: names say more than their bytes. */
	for (size_t i = 0; i < n; i++) {
		size_t run = 0;

		while (i + run < n && bytes.p[i + run] > ' ' &&
		    bytes.p[i + run] < 0x7f)
			run++;
		if (run >= 6) {
			(void)fprintf(f, "'%.*s'", (int)run,
			    (const char *)bytes.p + i);
			i += run - 1;
		} else {
			(void)fprintf(f, "%02x", bytes.p[i]);
		}
	}
	(void)fprintf(f, "%s\n", n < bytes.len ? "..." : "");
}

/* Print an answer. */
static void
show_answer(FILE *f, const char *label, const struct answer *a)
{
	if (a->kind == ANSWER_REPLY)
		bench_show(f, label, a->body);
	else
		(void)fprintf(f, "  %s %s\n", label,
		    a->kind == ANSWER_CLOSED ? "closed" : "silence");
}

/* Print what was asked and answered. */
static void
show_exchange(FILE *f, const struct exchange *x)
{
	if (x->request.p != list.p)
		bench_show(f, "request", x->request);
	else
		(void)fprintf(f, "  list of all connections\n");
	show_answer(f, "openssh", &x->theirs);
	show_answer(f, "ours   ", &x->mine);
}

/*
 * Both at once.
 */

void
bench_connect(struct bench *b, unsigned c)
{
	side_connect(b->theirs, c);
	side_connect(b->mine, c);
	b->conns[c] = (struct bench_conn){ .held = false };
}

void
bench_reconnect(struct bench *b, unsigned c)
{
	side_close(b->theirs, c);
	side_close(b->mine, c);
	bench_connect(b, c);
}

void
bench_ask(struct bench *b, unsigned c, struct slice body,
    struct answer *theirs, struct answer *mine)
{
	side_send(b->theirs, c, &body, 1, DELIVER_WHOLE, 0);
	side_send(b->mine, c, &body, 1, DELIVER_WHOLE, 0);
	*theirs = side_receive(b->theirs, c, body);
	*mine = side_receive(b->mine, c, body);
}

/* Whether both lists are empty. */
static bool
is_empty(struct bench *b)
{
	static const uint8_t bytes[] = { SSH_AGENT_IDENTITIES_ANSWER, 0, 0, 0,
		0 };
	struct slice empty = { bytes, sizeof(bytes) };
	struct answer t, m;

	bench_ask(b, 0, list, &t, &m);
	return t.kind == ANSWER_REPLY && slice_eq(t.body, empty) &&
	    m.kind == ANSWER_REPLY && slice_eq(m.body, empty);
}

/* Unlock both and take everything away. */
static bool
clean_up(struct bench *b)
{
	uint8_t room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct answer t, m;
	struct slice body;

	if (b->locked) {
		wire_put_u8(&w, SSH_AGENTC_UNLOCK);
		wire_put_string(&w, (struct slice){ b->passphrase,
		    b->passphrase_len });
		body = (struct slice){ room, w.len };
		bench_ask(b, 0, body, &t, &m);
		if (answer_code(&t) != SSH_AGENT_SUCCESS ||
		    answer_code(&m) != SSH_AGENT_SUCCESS)
			return false;
		b->locked = false;
	}
	room[0] = SSH_AGENTC_REMOVE_ALL_IDENTITIES;
	body = (struct slice){ room, 1 };
	bench_ask(b, 0, body, &t, &m);
	/* One that is locked lists nothing either. */
	return answer_code(&t) == SSH_AGENT_SUCCESS &&
	    answer_code(&m) == SSH_AGENT_SUCCESS && is_empty(b);
}

/* Take everything away on new connections; whether that could be. */
static bool
empty(struct bench *b)
{
	bool clean;

	side_close_all(b->theirs);
	side_close_all(b->mine);
	side_forget(b->theirs);
	side_forget(b->mine);
	if (!side_alive(b->theirs) || !side_alive(b->mine))
		return false;
	bench_connect(b, 0);
	clean = clean_up(b);
	side_close(b->theirs, 0);
	side_close(b->mine, 0);
	return clean;
}

/* In the place of a restart, where one of them is not ours to start. */
static void
renew(struct bench *b)
{
	if (!empty(b))
		die("what one of two agents was left with cannot be removed; "
		    "start it anew");
}

void
bench_restart(struct bench *b)
{
	if (b->theirs->foreign || b->mine->foreign) {
		renew(b);
		return;
	}
	side_stop(b->theirs);
	side_stop(b->mine);
	side_start(b->theirs);
	side_start(b->mine);
	b->locked = false;
}

void
bench_reset(struct bench *b)
{
	if (!empty(b))
		bench_restart(b);
}

/*
 * Compare.
 */

bool
bench_verifies(struct slice request, const struct answer *a)
{
	struct wire_reader r = wire_reader(a->body);
	const struct material_key *k;
	struct view_sign sign;
	struct slice signature;
	uint8_t type;
	bool cert;

	return answer_code(a) == SSH_AGENT_SIGN_RESPONSE &&
	    view_get_sign(request, &sign) &&
	    (k = material_find(sign.blob, &cert)) != NULL &&
	    wire_get_u8(&r, &type) == ST_OK &&
	    wire_get_string(&r, &signature) == ST_OK && wire_end(&r) &&
	    material_verify(k, signature, sign.data);
}

/* Whether a request is for a signature that is another one each time. */
static bool
is_random(struct slice request)
{
	const struct material_key *k;
	struct view_sign sign;
	bool cert;

	return view_get_sign(request, &sign) &&
	    (k = material_find(sign.blob, &cert)) != NULL &&
	    (k->kind == KIND_P256 || k->kind == KIND_P384 ||
	    k->kind == KIND_P521);
}

/* Whether two answers to a request say the same. */
static bool
agree(const struct exchange *x)
{
	if (answer_eq(&x->theirs, &x->mine))
		return true;
	return is_random(x->request) &&
	    bench_verifies(x->request, &x->theirs) &&
	    bench_verifies(x->request, &x->mine);
}

/* Keep up with what a request has changed. */
static void
learn(struct bench *b, const struct exchange *x)
{
	struct slice s, rest;

	b->requests++;
	if (view_get_extension(x->request, &s, &rest) &&
	    slice_eq_str(s, "session-bind@openssh.com") &&
	    answer_code(&x->theirs) != SSH_AGENT_SUCCESS)
		b->conns[x->conn].failed = true;
	if (answer_code(&x->theirs) == SSH_AGENT_SIGN_RESPONSE)
		b->signatures++;
	if (answer_code(&x->theirs) != SSH_AGENT_SUCCESS)
		return;
	if (view_is(x->request, SSH_AGENTC_LOCK) &&
	    view_get_passphrase(x->request, &s) &&
	    s.len <= sizeof(b->passphrase)) {
		memcpy(b->passphrase, s.p, s.len);
		b->passphrase_len = s.len;
		b->locked = true;
	} else if (view_is(x->request, SSH_AGENTC_UNLOCK)) {
		b->locked = false;
	} else if (view_get_session_id(x->request, &s) &&
	    s.len <= SESSION_ID_MAX) {
		b->conns[x->conn].bound = true;
	}
}

/* Judge one exchange.  False: it is not explained. */
static bool
judge(struct bench *b, const struct exchange *x, enum after *after)
{
	const struct difference *d = NULL;

	*after = AFTER_NOTHING;
	if (b->saw != NULL)
		b->saw(x);
	if (b->verbose)
		show_exchange(stdout, x);
	if (!agree(x)) {
		if (b->same_program || (d = difference_find(x)) == NULL) {
			if (!b->quiet)
				show_exchange(stdout, x);
			return false;
		}
		difference_hits[d - differences]++;
		*after = d->after;
		if (b->verbose)
			(void)printf("  row: %s\n", d->name);
	}
	if (!b->same_program && difference_after(x) > *after)
		*after = difference_after(x);
	learn(b, x);
	return true;
}

/*
 * Steps.
 */

/* Whether some frame is under way on another connection. */
static bool
someone_holds(const struct bench *b)
{
	for (unsigned c = 0; c < SIDE_CONNS; c++)
		if (b->conns[c].held)
			return true;
	return false;
}

/* Whether it can have changed something that a list shows. */
static bool
is_mutating(struct slice body)
{
	switch (body.p[0]) {
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_REMOVE_IDENTITY:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
	case SSH_AGENTC_EXTENSION:
		return true;
	default:
		return false;
	}
}

/* List on all connections. */
static bool
compare_lists(struct bench *b, unsigned n_conns)
{
	struct exchange x = { .bench = b, .request = list };
	enum after after;

	for (unsigned c = 0; c < n_conns; c++) {
		if (b->conns[c].held)
			continue;
		side_send(b->theirs, c, &list, 1, DELIVER_WHOLE, 0);
		side_send(b->mine, c, &list, 1, DELIVER_WHOLE, 0);
	}
	for (unsigned c = 0; c < n_conns; c++) {
		if (b->conns[c].held)
			continue;
		x.conn = c;
		x.theirs = side_receive(b->theirs, c, list);
		x.mine = side_receive(b->mine, c, list);
		if (!judge(b, &x, &after))
			return false;
	}
	return true;
}

/* Whether a step has a request that explains nothing. */
static bool
leave_out(struct bench *b, const struct step *s)
{
	struct exchange x = { .bench = b, .conn = s->conn };
	bool locked = b->locked, out = false;

	for (size_t i = 0; i < s->n && !out; i++) {
		x.request = s->bodies[i];
		out = difference_avoids(&x);
		/* It may be locked for those behind. */
		b->locked = b->locked || view_is(x.request, SSH_AGENTC_LOCK);
	}
	b->locked = locked;
	return out;
}

/* Requests, and an answer to each. */
static bool
play_ask(struct bench *b, const struct step *s, enum after *after,
    bool *changed)
{
	struct exchange x = { .bench = b, .conn = s->conn };
	bool one_by_one = someone_holds(b);

	*after = AFTER_NOTHING;
	*changed = false;
	if (leave_out(b, s))
		return true;
	for (size_t i = 0; i < s->n; i++)
		*changed = *changed || is_mutating(s->bodies[i]);
	if (!one_by_one) {
		side_send(b->theirs, s->conn, s->bodies, s->n, s->how,
		    s->cut);
		side_send(b->mine, s->conn, s->bodies, s->n, s->how, s->cut);
	}
	for (size_t i = 0; i < s->n; i++) {
		x.request = s->bodies[i];
		/* See the row "pieces". */
		if (one_by_one) {
			side_send(b->theirs, s->conn, &x.request, 1,
			    DELIVER_WHOLE, 0);
			side_send(b->mine, s->conn, &x.request, 1,
			    DELIVER_WHOLE, 0);
		}
		x.theirs = side_receive(b->theirs, s->conn, x.request);
		x.mine = side_receive(b->mine, s->conn, x.request);
		/* What was asked behind a request that drove them apart
		 * cannot be compared. */
		if (*after != AFTER_NOTHING)
			*after = AFTER_SEQUENCE;
		else if (!judge(b, &x, after))
			return false;
	}
	return true;
}

/* Bytes that end the connection. */
static bool
play_raw(struct bench *b, const struct step *s)
{
	struct exchange x = { .bench = b, .conn = s->conn,
		.request = s->bodies[0] };
	enum after after;

	side_send_raw(b->theirs, s->conn, s->bodies[0]);
	side_send_raw(b->mine, s->conn, s->bodies[0]);
	x.theirs = side_receive(b->theirs, s->conn, x.request);
	x.mine = side_receive(b->mine, s->conn, x.request);
	if (!judge(b, &x, &after))
		return false;
	if (x.theirs.kind != ANSWER_CLOSED)
		die("a bad length did not end the connection");
	bench_reconnect(b, s->conn);
	return true;
}

/* A request, and the end of the sending side: see the row "half-close". */
static bool
play_shut(struct bench *b, const struct step *s)
{
	struct exchange x = { .bench = b, .conn = s->conn,
		.request = s->bodies[0] };
	struct answer before, after_shut;
	enum after after;
	bool same;

	bench_ask(b, s->conn, x.request, &x.theirs, &x.mine);
	if (!judge(b, &x, &after))
		return false;
	before = x.theirs;
	side_send(b->theirs, s->conn, &x.request, 1, DELIVER_WHOLE, 0);
	side_send(b->mine, s->conn, &x.request, 1, DELIVER_WHOLE, 0);
	side_shut(b->theirs, s->conn);
	side_shut(b->mine, s->conn);
	x.theirs = side_receive(b->theirs, s->conn, x.request);
	x.mine = side_receive(b->mine, s->conn, x.request);
	after_shut = b->same_program ? x.theirs : x.mine;
	/* OpenSSH answers or not, as it comes.  An answer that is there must
	 * be what it was before. */
	same = (after_shut.kind == ANSWER_CLOSED && b->same_program) ||
	    answer_eq(&after_shut, &before);
	same = same && (x.theirs.kind == ANSWER_CLOSED ||
	    answer_eq(&x.theirs, &before));
	if (b->verbose || (!same && !b->quiet))
		show_exchange(stdout, &x);
	bench_reconnect(b, s->conn);
	return same;
}

/* Any step.  False: a difference that is not explained. */
static bool
play_step(struct bench *b, const struct step *s, unsigned n_conns,
    enum after *after)
{
	struct timespec ts = { s->wait_ms / 1000,
		(long)(s->wait_ms % 1000) * 1000000 };
	bool changed = true;

	*after = AFTER_NOTHING;
	switch (s->kind) {
	case STEP_ASK:
	case STEP_WAIT:
		if (!play_ask(b, s, after, &changed))
			return false;
		if (s->wait_ms > 0)
			while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
				continue;
		break;
	case STEP_RAW:
		if (!play_raw(b, s))
			return false;
		break;
	case STEP_PARTIAL:
		side_send_raw(b->theirs, s->conn, s->bodies[0]);
		side_send_raw(b->mine, s->conn, s->bodies[0]);
		bench_reconnect(b, s->conn);
		break;
	case STEP_HOLD:
		side_send_raw(b->theirs, s->conn, s->bodies[0]);
		side_send_raw(b->mine, s->conn, s->bodies[0]);
		b->conns[s->conn].held = true;
		break;
	case STEP_SHUT:
		if (!play_shut(b, s))
			return false;
		break;
	case STEP_RECONNECT:
		bench_reconnect(b, s->conn);
		break;
	}
	if (*after == AFTER_CONNECTION)
		bench_reconnect(b, s->conn);
	if (changed && *after != AFTER_SEQUENCE)
		return compare_lists(b, n_conns);
	return true;
}

/* Play a sequence that has begun. */
static bool
play(struct bench *b, struct sequence *q)
{
	struct step s;
	enum after after = AFTER_NOTHING;
	bool same = true;

	for (unsigned c = 0; c < q->n_conns; c++)
		bench_connect(b, c);
	for (unsigned i = 1; same && after != AFTER_SEQUENCE &&
	    sequence_next(q, &s); i++) {
		static const char *const kinds[] = { "ask", "raw", "partial",
			"hold", "shut", "reconnect", "wait" };

		if (b->verbose)
			(void)printf("step %u, connection %u: %s\n", i,
			    s.conn, kinds[s.kind]);
		side_forget(b->theirs);
		side_forget(b->mine);
		same = play_step(b, &s, q->n_conns, &after);
		if (!same && !b->quiet)
			(void)printf("  above:%s, step %u (%s of %zu),"
			    " connection %u\n", side_where, i,
			    kinds[s.kind], s.n, s.conn);
	}
	if (same)
		bench_reset(b);
	else
		bench_restart(b);
	return same;
}

bool
bench_play(struct bench *b, uint64_t seed)
{
	static struct sequence q;

	(void)snprintf(side_where, sizeof(side_where), " (seed %llu)",
	    (unsigned long long)seed);
	sequence_begin(&q, seed, b->version);
	return play(b, &q);
}

bool
bench_play_input(struct bench *b, struct slice input)
{
	static struct sequence q;

	(void)snprintf(side_where, sizeof(side_where), " (an input of %zu "
	    "bytes)", input.len);
	sequence_begin_input(&q, input, b->version);
	return play(b, &q);
}
