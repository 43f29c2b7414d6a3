#include "provision/settle.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "provision/channel.h"
#include "provision/launch.h"

/* Room for the first line and two frames. */
#define BYTES_MAX	(sizeof(PLACEPIPE_MAGIC) + PLACEPIPE_NAME_MAX + \
			    PLACEPIPE_HOME_MAX + PLACEPIPE_SOCKET_MAX + 64)

struct settle {
	const struct settle_how	*how;
	struct settle_result	*out;
	struct channel		 channel;
	bool			 done, failed;
};

/* Words of the target, so that they can be shown. */
static void
take_text(struct settle *s, struct slice text)
{
	struct text t;

	text_init(&t, s->out->text, sizeof(s->out->text));
	text_escape(&t, text.p, text.len < SETTLE_TEXT_MAX / 4 ? text.len :
	    SETTLE_TEXT_MAX / 4);
}

static void
each_line(struct slice text, void *arg)
{
	struct settle *s = arg;
	struct placepipe_line line;

	if (s->done || s->failed || placepipe_line_get(text, &line) != ST_OK)
		return;
	if (line.word == PLACEPIPE_HELLO) {
		channel_patience(&s->channel, s->how->time_ms);
		return;
	}
	if (line.word == PLACEPIPE_FAILED) {
		s->failed = true;
		take_text(s, line.text);
	} else if (line.word == PLACEPIPE_SETTLED &&
	    line.n <= PLACEPIPE_STAYS) {
		s->done = true;
		s->out->outcome = (enum placepipe_settled)line.n;
		take_text(s, line.text);
	}
	channel_hang_up(&s->channel);
}

/* All that is to be said.  It waits in a pipe for who reads it. */
static int
send_all(struct settle *s)
{
	const struct settle_how *how = s->how;
	const struct placepipe_frame begin = { .kind = PLACE_BEGIN,
		.name = slice_str(how->name),
		.bytes = slice_str(how->home != NULL ? how->home : ""),
		.socket = slice_str(how->socket) };
	const struct placepipe_frame settle = {
		.kind = how->revert ? PLACE_REVERT : PLACE_SETTLE };
	uint8_t room[BYTES_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice all;
	int st;

	wire_put_bytes(&w, slice_str(PLACEPIPE_MAGIC));
	placepipe_put(&w, &begin);
	placepipe_put(&w, &settle);
	if ((st = wire_done(&w, &all)) != ST_OK)
		return st;
	return channel_send(&s->channel, all);
}

/* Until it has ended. */
static int
talk(struct settle *s)
{
	struct pollfd fds[CHILD_FDS];
	int st;

	do {
		channel_fds(&s->channel, fds);
		(void)poll(fds, CHILD_FDS, channel_wait_ms(&s->channel));
		st = channel_turn(&s->channel, fds, PLACEPIPE_MARK, each_line,
		    s);
	} while (st == ST_MORE);
	return st;
}

/* Why there was no answer. */
static void
tell_end(struct settle *s, const struct launch *run, int st)
{
	struct settle_result *out = s->out;
	struct target_report r;

	if (st != ST_OK) {
		(void)snprintf(out->text, sizeof(out->text), "%s in the target "
		    "%s", run->program, st == ST_BUSY ? "did not answer in "
		    "time" : "was lost");
		return;
	}
	(void)launch_report(s->how->target, run, s->channel.child.status,
	    channel_kept(&s->channel), channel_said(&s->channel), &r);
	(void)snprintf(out->text, sizeof(out->text), "%.*s",
	    (int)sizeof(out->text) - 1, r.end == TARGET_DONE ?
	    "bottle-forward in the target says nothing" : r.what);
}

int
settle_run(const struct settle_how *how, struct settle_result *out)
{
	struct settle s = { .how = how, .out = out };
	/* Behind a command, and with kubectl, nothing else says whose files
	 * they are. */
	const bool told = how->account != NULL &&
	    (how->target->kind == TARGET_EXEC ||
	    how->target->kind == TARGET_KUBECTL);
	const char *const args[] = { "place", "--user", how->account };
	const struct launch run = { .program = "bottle-forward",
		.bin = how->bin, .args = args, .nargs = told ? 3 : 1,
		.user = how->account != NULL ? how->account :
		    TARGET_WHOEVER };
	struct target_command command;
	struct child_spec spec = { 0 };
	int st;

	*out = (struct settle_result){ .outcome = PLACEPIPE_NOTHING };
	st = launch_command(how->target, &run, how->path, &command, out->text,
	    sizeof(out->text));
	if (st != ST_OK)
		return ST_SYSTEM;
	target_command_spec(&command, &spec);
	st = channel_start(&s.channel, &spec, out->text, sizeof(out->text));
	if (st == ST_OK) {
		channel_patience(&s.channel, how->time_ms);
		if ((st = send_all(&s)) == ST_OK)
			st = talk(&s);
		if (!s.done && !s.failed)
			tell_end(&s, &run, st);
	}
	channel_fini(&s.channel);
	target_command_fini(&command);
	return s.done ? ST_OK : ST_SYSTEM;
}
