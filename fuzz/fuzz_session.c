/*
 * Reaches: session_run, with a hostile target: loader_line, placer_line, and
 *          all that follows from them.  There are no processes: this file is in
 *          the place of the channels.
 * Claims:  keys are sealed once at most, and to a loader that has said hello
 *          before anything failed; the switch comes when both have staged, the
 *          commit when it was switched, KEEP when the commit was answered, UNDO
 *          never after a commit; nothing is sent to one whose stdin was closed;
 *          it ends, whatever they say; what is told is safe to print; it is
 *          done when both have said so, and else it is told why not.
 * Input:   events, one a line: L or P, then what comes behind the mark of the
 *          loader's or the placer's line; l or p, then the exit status; T or t
 *          when time is over for one.  A + in front has it happen in the turn
 *          of the event before, if it is the same one's.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "proto/loadpipe.h"
#include "proto/placepipe.h"
#include "provision/channel.h"
#include "provision/session.h"
#include "provision/settle.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int __wrap_channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen);
int __wrap_channel_send(struct channel *c, struct slice bytes);
void __wrap_channel_patience(struct channel *c, int64_t ms);
bool __wrap_channel_is_idle(const struct channel *c);
void __wrap_channel_hang_up(struct channel *c);
void __wrap_channel_cut(struct channel *c);
void __wrap_channel_fds(const struct channel *c,
    struct pollfd fds[static CHILD_FDS]);
int __wrap_channel_wait_ms(const struct channel *c);
int __wrap_channel_turn(struct channel *c, const struct pollfd *fds,
    const char *mark, channel_line each, void *arg);
void __wrap_channel_fini(struct channel *c);
int __wrap_payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_settle_run(const struct settle_how *how, struct settle_result *out);

static struct slice input;
static struct channel *side[2];
static int64_t patience[2];
static bool closed[2], ended[2], happened;
static bool said_staged[2], said_switched, said_done, said_kept;
static bool sealed, switched, committed, kept, undone;
static int idle;

static size_t
side_of(const struct channel *c)
{
	return c == side[0] ? 0 : 1;
}

int
__wrap_channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen)
{
	(void)spec;
	(void)why;
	(void)whylen;
	*c = (struct channel){ .started = true };
	side[side[0] != NULL] = c;
	return ST_OK;
}

int
__wrap_channel_send(struct channel *c, struct slice bytes)
{
	static const uint8_t commit[4];
	size_t i = side_of(c);

	assert(!closed[i]);
	if (bytes.p[0] == 'b')		/* a magic line */
		return ST_OK;
	if (i == 0 && bytes.len == sizeof(commit) &&
	    memcmp(bytes.p, commit, sizeof(commit)) == 0) {
		assert(switched && said_switched && !committed && !undone);
		committed = true;
	} else if (i == 1 && bytes.p[4] == PLACE_SWITCH) {
		assert(said_staged[0] && said_staged[1] && !switched);
		switched = true;
	} else if (i == 1 && bytes.p[4] == PLACE_KEEP) {
		assert(committed && said_done && !kept);
		kept = true;
	} else if (i == 1 && bytes.p[4] == PLACE_UNDO) {
		assert(!committed && !undone);
		undone = true;
	}
	return ST_OK;
}

void
__wrap_channel_patience(struct channel *c, int64_t ms)
{
	size_t i = side_of(c);

	/* Who is to undo does not get more time than for that. */
	assert(!closed[i] || ms > 0);
	patience[i] = ms;
}

bool
__wrap_channel_is_idle(const struct channel *c)
{
	(void)c;
	return true;
}

void
__wrap_channel_hang_up(struct channel *c)
{
	closed[side_of(c)] = true;
}

void
__wrap_channel_cut(struct channel *c)
{
	closed[side_of(c)] = true;
}

void
__wrap_channel_fds(const struct channel *c,
    struct pollfd fds[static CHILD_FDS])
{
	(void)c;
	happened = false;
	for (size_t i = 0; i < CHILD_FDS; i++)
		fds[i] = (struct pollfd){ .fd = -1 };
}

int
__wrap_channel_wait_ms(const struct channel *c)
{
	(void)c;
	return 0;
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	(void)fds;
	(void)n;
	(void)ms;
	return 0;
}

/* The next event, and whether it is one of the same turn. */
static struct slice
next_event(bool *same)
{
	struct slice event = input;
	const uint8_t *nl = memchr(input.p, '\n', input.len);

	event.len = nl != NULL ? (size_t)(nl - input.p) : input.len;
	*same = event.len > 0 && event.p[0] == '+';
	if (*same) {
		event.p++;
		event.len--;
	}
	return event;
}

/* Move past it. */
static void
take_event(void)
{
	const uint8_t *nl = memchr(input.p, '\n', input.len);
	size_t n = nl != NULL ? (size_t)(nl - input.p) + 1 : input.len;

	input.p += n;
	input.len -= n;
}

static bool
is(struct slice event, const char *word)
{
	return event.len == strlen(word) &&
	    memcmp(event.p, word, event.len) == 0;
}

/* What the claims go by. */
static void
remember(struct slice event)
{
	/* A terminal on the way adds one, and the parsers take off one more. */
	if (event.len > 0 && event.p[event.len - 1] == '\r')
		event.len--;
	said_staged[0] = said_staged[0] || is(event, "Lstaged");
	said_staged[1] = said_staged[1] || is(event, "Pstaged");
	said_switched = said_switched || is(event, "Pswitched");
	said_kept = said_kept || is(event, "Pkept");
	if (event.len > 5 && memcmp(event.p, "Ldone", 5) == 0)
		said_done = true;
}

static int
happen(struct channel *c, struct slice event, const char *mark,
    channel_line each, void *arg)
{
	char line[CHANNEL_LINE_MAX];
	size_t n = strlen(mark), len;

	if (event.p[0] == 'T' || event.p[0] == 't')
		return ST_BUSY;
	if (event.p[0] == 'l' || event.p[0] == 'p') {
		c->child.status = event.len > 1 ? event.p[1] << 8 : 0;
		return ST_OK;
	}
	if (event.len > 0 && event.p[event.len - 1] == '\r')
		event.len--;
	remember(event);
	len = event.len - 1 < sizeof(line) - n ? event.len - 1 :
	    sizeof(line) - n;
	memcpy(line, mark, n);
	memcpy(line + n, event.p + 1, len);
	each((struct slice){ (const uint8_t *)line, n + len }, arg);
	return ST_MORE;
}

/* Whose event it is; 2: nobody's, or that of one who has ended. */
static size_t
whose(struct slice event)
{
	static const char who[2][4] = { "LlT", "Ppt" };

	for (size_t i = 0; i < 2 && event.len > 0; i++)
		if (!ended[i] && memchr(who[i], event.p[0], 3) != NULL)
			return i;
	return 2;
}

int
__wrap_channel_turn(struct channel *c, const struct pollfd *fds,
    const char *mark, channel_line each, void *arg)
{
	size_t i = side_of(c), of;
	struct slice event;
	int st = ST_MORE;
	bool mine = false, same;

	(void)fds;
	while (st == ST_MORE && input.len > 0) {
		event = next_event(&same);
		of = whose(event);
		if (of == 1 - i || (of == i && happened && !(mine && same)))
			return ST_MORE;
		take_event();
		if (of != i)
			continue;
		happened = mine = true;
		st = happen(c, event, mark, each, arg);
	}
	if (st == ST_MORE && !happened) {
		/* All was said: who was told to end does, the other one runs
		 * out of time. */
		assert(++idle < 64);
		st = closed[i] ? ST_OK : patience[i] > 0 ? ST_BUSY : ST_MORE;
	}
	ended[i] = st != ST_MORE;
	return st;
}

void
__wrap_channel_fini(struct channel *c)
{
	(void)c;
}

int
__wrap_settle_run(const struct settle_how *how, struct settle_result *out)
{
	(void)how;
	*out = (struct settle_result){ .outcome = PLACEPIPE_REVERTED };
	return ST_OK;
}

int
__wrap_payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len)
{
	(void)p;
	assert(!sealed && !undone);
	sealed = true;
	if (public_key[0] == 0xff)
		return ST_CRYPTO;
	*len = 64;
	*out = fuzz_alloc(*len);
	memset(*out, 1, *len);
	return ST_OK;
}

static struct target target;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char why[256];

	(void)argc;
	(void)argv;
	log_open("fuzz", LOG_LEVEL_ERROR, 0);
	if (target_parse("exec:/bin/true", &target, why, sizeof(why)) != ST_OK)
		abort();
	return 0;
}

/* Begin with nothing said and nothing sent. */
static void
reset(const uint8_t *data, size_t size)
{
	input = (struct slice){ data, size };
	memset(side, 0, sizeof(side));
	memset(patience, 0, sizeof(patience));
	memset(closed, 0, sizeof(closed));
	memset(ended, 0, sizeof(ended));
	memset(said_staged, 0, sizeof(said_staged));
	happened = said_switched = said_done = said_kept = false;
	sealed = switched = committed = kept = undone = false;
	idle = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct plan plan;
	const struct payload payload = { .plan = &plan, .account = "node" };
	const struct session_how how = { .target = &target,
		.payload = &payload, .account = "node", .path = "/bin",
		.time_ms = 1000, .files = { .name = "default",
		.socket = "/run/a.sock", .bin = "/b" } };
	struct session_result result;

	reset(data, size);
	session_run(&how, &result);
	assert((result.code == SESSION_DONE) == (result.why[0] == '\0'));
	fuzz_printable(result.why, sizeof(result.why));
	fuzz_printable(result.advice, sizeof(result.advice));
	assert(result.n_keys <= SESSION_KEYS_MAX);
	for (size_t i = 0; i < result.n_keys; i++)
		fuzz_printable(result.key[i], strlen(result.key[i]) + 1);
	if (result.code == SESSION_DONE)
		assert(sealed && kept && said_kept && said_done && !undone);
	if (committed)
		assert(result.lack == SESSION_LACKS_NOTHING);
	session_result_fini(&result);
	return 0;
}
