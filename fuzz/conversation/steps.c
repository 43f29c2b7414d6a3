#include "fuzz/conversation/steps.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/conversation/aftermath.h"
#include "fuzz/conversation/answering.h"
#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/body.h"
#include "fuzz/conversation/check.h"
#include "fuzz/conversation/flood.h"
#include "fuzz/conversation/luck.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/program.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/turns.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/stage.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

static uint8_t out[ROOM];

/* Let the model come to its rest, the agent to its own, and compare. */
static void
settle(void)
{
	bool more = true;

	while (more) {
		more = turns_hand_out();
		for (size_t i = 0; i < CONNS; i++)
			more = turns_serve(&world.sides[i]) || more;
	}
	luck_advance(0);
	/* A lifetime of nothing is over in the next turn. */
	outcome_expire();
	world.handed = 0;
	if (luck.met && aftermath_is_wanted()) {
		aftermath_check();
		return;
	}
	if (luck.met && answering_is_wanted()) {
		answering_check();
		return;
	}
	check_records();
	check_sides();
	check_held();
}

/* Why the model would turn a peer away. */
static bool
turned_away(unsigned peer)
{
	size_t all = 0, own = 0;
	bool root = model_peers[peer].uid == 0;

	for (size_t i = 0; i < CONNS; i++) {
		all += world.sides[i].fd >= 0;
		own += world.sides[i].fd >= 0 && world.sides[i].peer == peer;
	}
	return model_policies[world.policy].ops[peer] == 0 ||
	    all >= world.options.connections || (!root && all >=
	    world.options.connections - world.options.connections_root) ||
	    (!root && world.options.connections_uid > 0 &&
	    own >= world.options.connections_uid);
}

/* Somebody comes, and waits to be accepted. */
static void
come(struct side *s, unsigned peer)
{
	memset(s, 0, offsetof(struct side, queue));
	s->rest_len = s->head_len = 0;
	s->stage = STAGE_NONE;
	s->sealer = NULL;
	s->records = s->sealed = 0;
	s->lost = false;
	s->peer = peer;
	s->ops = model_policies[world.policy].ops[peer];
	s->number = ++world.connections;
	s->unsure = world.unnumbered;
	s->pid = (pid_t)(1000 + world.connections);
	tell("%d connects as peer %u ops %02x\n", (int)(s - world.sides),
	    peer, s->ops);
	s->fd = stage_connect(peer, s->pid);
}

/* The model turns it away, if it should. */
static void
admit(struct side *s, bool away)
{
	if (!away)
		return;
	outcome_throw_out(s);
	world.refusals++;
}

static void
step_connect(struct side *s)
{
	unsigned peer = program_of(MODEL_PEERS);
	bool away = turned_away(peer);

	come(s, peer);
	admit(s, away);
	settle();
	assert(!stage_waits());
}

/* The same, and something fails while it is accepted: it is served, or turned
 * away as it should be, or it ends without a word; or it waits, and is accepted
 * as soon as that can be. */
static void
step_connect_troubled(struct side *s)
{
	unsigned peer = program_of(MODEL_PEERS);
	bool away = turned_away(peer);

	if (s->fd >= 0)
		return;
	come(s, peer);
	luck.armed = true;
	luck_advance(0);
	luck.armed = false;
	if (stage_waits()) {
		assert(luck.met);
		luck_advance(STAGE_RETRY_MS);
		turns_due();
		assert(!stage_waits());
	} else if (luck.met && stage_n_records == 0 && check_is_over(s->fd)) {
		/* Nobody knows of it. */
		outcome_leave(s);
		world.unnumbered++;
		away = false;
	}
	admit(s, away);
	settle();
}

/* How long it is to the next moment at which the certificates of hosts begin or
 * end to be good, or to the second before that. */
static int
until_certificates(void)
{
	static const int64_t moments[] = { MODEL_AFTER - 1, MODEL_AFTER,
		MODEL_BEFORE - 1, MODEL_BEFORE };
	int64_t now_ms = stage_wall_ms();

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		if (moments[i] * 1000 > now_ms)
			return (int)(moments[i] * 1000 - now_ms);
	return 1;
}

static void
step_time(void)
{
	static const int table[] = { 1, 99, 100, 1000, 5000, 9999, 30000,
		60000 };
	uint8_t how = program_byte();

	tell("time\n");
	/* That it goes by is not stopped by anything. */
	luck.armed = luck.wanted && world_is_idle();
	luck_advance(how < 0xf0 ? table[how % 8] : until_certificates());
	turns_due();
	settle();
}

static void
step_policy(void)
{
	if (!world.options.service)
		return;
	world.policy = 1 + program_of(MODEL_POLICIES - 1);
	for (size_t i = CONNS; i-- > 0;) {
		struct side *s = &world.sides[i];

		if (s->fd < 0)
			continue;
		s->ops = model_policies[world.policy].ops[s->peer];
		if (s->ops == 0 || (s->approves && !world_may(s, MODEL_ADMIN)))
			outcome_throw_out(s);
	}
	tell("policy %u\n", world.policy);
	luck.armed = luck.wanted && world_is_idle();
	luck_begin();
	stage_policy(world.policy);
	luck_over();
	settle();
}

static void
step_hang_up(void)
{
	uint8_t how = program_byte();
	struct side *s = &world.sides[how % CONNS];

	if (s->fd < 0)
		return;
	luck.armed = luck.wanted && world_is_idle();
	s->left_begun = s->rest_len > 0;
	if (how >= 0x80 && s->busy != NEXT) {
		/* What was asked is still answered. */
		s->ended = true;
		s->rest_len = 0;
		(void)shutdown(s->fd, SHUT_WR);
	} else {
		(void)close(s->fd);
		outcome_side_over(s);
		s->fd = -1;
	}
	settle();
}

/* Send bytes, which always find room. */
static void
send_all(const struct side *s, const uint8_t *p, size_t len)
{
	ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

	assert(n == (ssize_t)len || luck.met);
}

/* What was sent of a request is its end. */
static void
sent(struct side *s, const struct ask *a)
{
	assert(s->n_queue < WAITING_MAX);
	s->queue[s->n_queue++] = *a;
}

/* The rest of the frame that was begun. */
static void
send_rest(struct side *s)
{
	if (s->rest_len == 0)
		return;
	send_all(s, s->rest, s->rest_len);
	tell("  %d sends the rest\n", (int)(s - world.sides));
	s->rest_len = 0;
	sent(s, &s->rest_ask);
	settle();
}

/* After this nothing else may be in the same write: what it does to others
 * would come at the same time. */
static bool
stands_last(const struct ask *a, bool added_before)
{
	const struct model_key *k = model_find(&world.held, a->key);

	return a->kind == ASK_UNLOCK || a->kind == ASK_NEXT ||
	    a->kind == ASK_ANSWER || a->kind == ASK_BEGIN ||
	    a->kind == ASK_UNFRAMED || (a->kind == ASK_SIGN &&
	    (added_before || (k != NULL && k->confirm)));
}

/* Whether its frame may be left unfinished. */
static bool
may_wait(const struct ask *a)
{
	return a->type != SSH_AGENTC_ADD_IDENTITY &&
	    a->type != SSH_AGENTC_ADD_ID_CONSTRAINED &&
	    a->type != SSH_AGENTC_LOCK && a->type != SSH_AGENTC_UNLOCK &&
	    a->kind != ASK_UNFRAMED && a->kind != ASK_RECORD &&
	    a->kind != ASK_END;
}

/* One frame into w. */
static void
put_frame(struct wire_writer *w, struct side *s, struct ask *a)
{
	size_t mark;

	if (a->kind == ASK_UNFRAMED) {
		wire_put_u32(
		    w, program_byte() % 2 == 0 ? 0 : FRAME_BODY_MAX + 1);
		wire_put_u8(w, 11);
		return;
	}
	if (a->kind == ASK_END)
		a->id = s->sealed + (a->good ? 0 : a->yes ? UINT32_MAX : 1);
	s->sealed += a->kind == ASK_RECORD;
	tell("  %d sends %s key %u data %d spoilt %d load %u good %d\n",
	    (int)(s - world.sides), ask_names[a->kind], a->key,
	    (int)a->data.kind, (int)a->spoilt, a->load, a->good);
	mark = frame_open(w);
	body_put(w, s, a);
	frame_close(w, mark);
	assert(!w->full);
}

/* Kinds as they come: what is asked most comes most. */
static const uint8_t mix[] = {
	ASK_LIST, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_SIGN, ASK_ADD, ASK_BIND,
	ASK_LIST, ASK_REMOVE, ASK_REMOVE_ALL, ASK_LOCK, ASK_UNLOCK, ASK_QUERY,
	ASK_STATUS, ASK_EXPLAIN, ASK_NEXT, ASK_ANSWER, ASK_BEGIN, ASK_RECORD,
	ASK_END, ASK_COMMIT, ASK_REMOVE_LOAD, ASK_STRANGE, ASK_BENT,
	ASK_UNFRAMED, ASK_SIGN, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_ANSWER,
	ASK_NEXT, ASK_RECORD,
};

/* Some requests of one connection. */
static void
step_requests(void)
{
	uint8_t how = program_byte();
	struct side *s = &world.sides[how % CONNS];
	size_t n = 1 + (how >> 4 & 3), begin = 0;
	struct wire_writer w = wire_writer(out, sizeof(out));
	bool added_before = false;
	struct ask a;

	if (s->fd < 0)
		step_connect(s);
	if (s->fd < 0 || s->ended)
		return;
	send_rest(s);
	if (luck.wanted)
		n = 1;
	for (size_t i = 0; i < n && s->fd >= 0; i++) {
		/* Behind one that waits only what changes nothing. */
		ask_make(&a, s, s->busy != IDLE ? ASK_LIST :
		    (enum kind)mix[program_of(sizeof(mix))]);
		if (s->busy != IDLE && s->n_queue == WAITING_MAX / 2)
			break;
		begin = w.len;
		put_frame(&w, s, &a);
		if (luck.wanted && aftermath_stands_alone(s, &a)) {
			luck.armed = true;
			aftermath_remember(s, &a);
		} else if (luck.wanted && answering_stands_alone(s, &a)) {
			luck.armed = true;
			answering_remember(s, &a);
		} else if (how >= 0xc0 && i + 1 == n && s->busy == IDLE &&
		    may_wait(&a)) {
			size_t cut =
			    begin + 1 + program_byte() % (w.len - begin - 1);

			s->rest_len = w.len - cut;
			memcpy(s->rest, w.p + cut, s->rest_len);
			s->rest_ask = a;
			s->begun_ms = stage_now_ms();
			w.len = cut;
			tell("  only a beginning of the last one\n");
			break;
		}
		added_before = added_before || a.kind == ASK_ADD ||
		    a.kind == ASK_COMMIT || a.finish;
		sent(s, &a);
		if (stands_last(&a, added_before))
			break;
	}
	if ((how & 0xc0) == 0x80 && w.len > 1) {
		/* In two pieces. */
		size_t cut = 1 + program_byte() % (w.len - 1);

		tell("  in two pieces, %zu of %zu\n", cut, w.len);
		send_all(s, w.p, cut);
		luck_advance(0);
		send_all(s, w.p + cut, w.len - cut);
	} else {
		send_all(s, w.p, w.len);
	}
	settle();
}

/* Many requests at once: rarely, because it takes as long as many runs. */
#define FLOOD		0xbc

static void
step_flood(struct side *s)
{
	if (!flood_can(s))
		return;
	flood(s);
	turns_due();
	settle();
}

/* What a run is like; whether calls may fail in it. */
bool
steps_begin(void)
{
	uint8_t mode = program_byte(), few = program_byte(),
		which = program_byte();
	struct stage_options o = {
		.service = (mode & 7) != 7,
		.far_allowed = (mode & 0x18) == 0x18,
		.legacy_rsa = (mode & 0x20) != 0, .slow = (mode & 0x40) != 0,
		.default_lifetime_s = (mode & 0x80) != 0 ? 30 : 0,
		.question_ms = (few & 1) != 0 ? 0 : 60000,
		.questions_uid = (few & 2) != 0 ? 1 : 8,
		.connections = (few & 4) != 0 ? 3 : 16,
		.connections_uid = (few & 8) != 0 ? 1 : 0,
		.connections_root = (few & 16) != 0 ? 1 : 0,
	};

	o.policy = o.service ? 1 + which % (MODEL_POLICIES - 1) : 0;
	world_begin(&o);
	stage_begin(&o);
	return (few & 0x20) != 0;
}

void
steps_play(bool troubled)
{
	uint8_t how = program_byte(), kind = how % 16;

	memset(&luck, 0, sizeof(luck));
	aftermath_forget();
	answering_forget();
	if (troubled && how >= 0x80)
		luck_make();
	if (how == FLOOD && !troubled)
		step_flood(&world.sides[program_of(CONNS)]);
	else if (kind == 13)
		step_hang_up();
	else if (kind == 14)
		step_policy();
	else if (kind == 15)
		step_time();
	else if (kind == 12 && luck.wanted && world_is_idle())
		step_connect_troubled(&world.sides[program_of(CONNS)]);
	else
		step_requests();
}

void
steps_end(void)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].fd >= 0)
			outcome_leave(&world.sides[i]);
	stage_end();
}
