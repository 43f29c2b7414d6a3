#include "fuzz/conversation/flood.h"

#include <sys/socket.h>

#include "agent/audit.h"
#include "fuzz/conversation/check.h"
#include "fuzz/conversation/luck.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/fuzz.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

/* As many as records that are kept, in some batches, which are more than a uid
 * has; what is summed is recorded after a second. */
#define BATCH		100
#define BATCHES		(AUDIT_BURST / BATCH + 1)
#define SUM_MS		1000
_Static_assert(BATCH <= STAGE_RECORDS_MAX, "there is room for all");

bool
flood_can(const struct side *s)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].rest_len > 0)
			return false;
	return s->fd >= 0 && !s->ended && !world.flooded && world_is_idle();
}

/* A message that nobody serves, and its refusal, both so often. */
static void
send_batch(const struct side *s)
{
	static const uint8_t frame[] = { 0, 0, 0, 1, 0 };
	uint8_t all[BATCH * sizeof(frame)];
	struct slice got, body;
	ssize_t n;
	bool end;
	int st;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = frame[i % sizeof(frame)];
	n = send(s->fd, all, sizeof(all), MSG_NOSIGNAL);
	assert(n == (ssize_t)sizeof(all));
	luck_advance(0);
	end = check_receive(s->fd, &got);
	assert(!end);
	for (size_t i = 0; i < BATCH; i++) {
		st = frame_next(&got, &body);
		assert(st == ST_OK && body.len == 1 &&
		    body.p[0] == SSH_AGENT_FAILURE);
	}
	assert(got.len == 0);
}

/* How many decisions the records stand for. */
static uint32_t
count_records(const struct side *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];
		const struct side *of = check_record(rec);

		if (of == NULL)
			continue;
		assert(of == s && rec->op == AUDIT_OTHER &&
		    rec->verdict == AUDIT_DENIED &&
		    rec->reason == REASON_UNSUPPORTED);
		n += rec->count;
	}
	stage_n_records = 0;
	return n;
}

void
flood(struct side *s)
{
	uint32_t n = 0;

	tell("flood of %d\n", (int)(s - world.sides));
	world.flooding = world.flooded = true;
	for (int i = 0; i < BATCHES; i++) {
		send_batch(s);
		n += count_records(s);
	}
	assert(n < BATCHES * BATCH);
	luck_advance(SUM_MS);
	n += count_records(s);
	assert(n == BATCHES * BATCH);
	world.refusals += n;
	world.flooding = false;
	luck_advance(1000 * AUDIT_BURST / AUDIT_PER_SECOND);
}
