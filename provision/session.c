#include "provision/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "proto/loadpipe.h"
#include "proto/placepipe.h"
#include "provision/channel.h"
#include "provision/fleet.h"
#include "provision/launch.h"
#include "provision/settle.h"

/* How long the two may take to undo what they did, once they are told. */
#define UNDO_MS		5000
/* How long one more placing process may take to look after what the first one
 * left: it asks the agent for up to 3 seconds. */
#define SETTLE_MS	10000
/* How long a program may take to end when it has said its last word. */
#define END_MS		5000

/* Most lines of a program's stderr that are shown. */
#define SAID_LINES_MAX	16

enum side {
	LOADER,
	PLACER,
	SIDES
};

/* How far one side has come. */
enum stage {
	STAGE_START,		/* its hello is waited for */
	STAGE_MET,		/* the other one's is */
	STAGE_SENT,		/* everything was sent */
	STAGE_STAGED,
	STAGE_ASKED,		/* for the switch, or for the commit */
	STAGE_SWITCHED,
	STAGE_KEEP,		/* asked to take the earlier files away */
	STAGE_DONE,		/* said that all is in force */
	STAGE_FAILED,
};

struct session;

struct party {
	struct session	*s;
	enum side	 side;
	struct launch	 launch;
	struct channel	 channel;
	struct target_command command;
	enum stage	 stage;
	bool		 ended;
	bool		 given_up;	/* it has that long to undo, no more */
	int		 turn;		/* what its last turn said */
	bool		 asked;		/* PLACER: to switch */
	bool		 decided;	/* and it said what became of it */
	size_t		 bulk;		/* bytes of what is sent first */
};

struct session {
	const struct session_how *how;
	struct session_result	*out;
	struct party		 party[SIDES];
	bool			 failed;	/* ${out} says why */
	bool			 committed;	/* the commit was asked for */
	bool			 refused;	/* the agent said no */
	/* In a pod, from the hello of the placing process: */
	uint32_t		 uid;
	char			 bin[LAUNCH_BIN_MAX + 1];
};

static bool start_loader(struct session *s);

static const char *const names[SIDES] = {
	[LOADER] = "bottle-agent",
	[PLACER] = "bottle-forward",
};

/* Whether the two run in containers of their own. */
static bool
is_pod(const struct session *s)
{
	return s->how->target->kind == TARGET_KUBECTL;
}

/* --- what went wrong ------------------------------------------------------ */

/* The first thing that goes wrong is what is told: what follows follows from
 * it. */
static bool
begin_failure(struct session *s, enum session_code code)
{
	if (s->failed)
		return false;
	s->failed = true;
	s->out->code = code;
	return true;
}

static void PRINTF_LIKE(3, 4)
fail(struct session *s, enum session_code code, const char *fmt, ...)
{
	va_list ap;

	if (!begin_failure(s, code))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(s->out->why, sizeof(s->out->why), fmt, ap);
	va_end(ap);
}

/* The codes of programs in the target are its own: only those that mean
 * something are taken from there. */
static enum session_code
code_of(uint32_t n)
{
	switch (n) {
	case SESSION_USAGE:
	case SESSION_DENIED:
	case SESSION_MEMORY:
	case SESSION_UNREACHABLE:
		return (enum session_code)n;
	default:
		return SESSION_FAILED;
	}
}

/* Add what a program says.  Ours escape it, and what they did is not done to it
 * again; others may say what they like. */
static void
add_said(struct text *t, struct slice said)
{
	const uint8_t *stop;
	size_t n;

	while (said.len > 0) {
		stop = memchr(said.p, '\\', said.len);
		n = stop != NULL ? (size_t)(stop - said.p) : said.len;
		text_escape(t, said.p, n);
		if (stop != NULL) {
			text_addc(t, '\\');
			n++;
		}
		said.p += n;
		said.len -= n;
	}
}

/* What one side says of its failure, and which record it is about. */
static void
fail_said(struct party *p, uint32_t n, uint32_t item, struct slice text)
{
	bool no_home = p->side == PLACER && n == SESSION_USAGE &&
	    p->stage <= STAGE_SENT;
	struct session *s = p->s;
	struct text t;

	p->stage = STAGE_FAILED;
	/* What can be mended matters more than what came first. */
	if (no_home && s->out->lack == SESSION_LACKS_NOTHING)
		s->out->lack = SESSION_LACKS_USER;
	if (!begin_failure(s, code_of(n)))
		return;
	s->out->item = item;
	text_init(&t, s->out->why, sizeof(s->out->why));
	text_addf(&t, "%s: ", p->launch.program);
	if (text.len > SESSION_WHY_MAX / 4)
		text.len = SESSION_WHY_MAX / 4;
	add_said(&t, text);
}

/* One side says something that makes no sense. */
static void
nonsense(struct party *p, const char *what)
{
	p->stage = STAGE_FAILED;
	fail(p->s, SESSION_FAILED, "%s in the target %s", p->launch.program, what);
}

/* --- what they say -------------------------------------------------------- */

/* How long it is waited for from now on; 0: until the other side is as far.
 * Once all is given up it is the time to undo that counts, whatever is said. */
static void
wait_for(struct party *p, int64_t ms)
{
	if (!p->s->failed)
		channel_patience(&p->channel, ms);
}

/* It has said its last word. */
static void
has_done(struct party *p)
{
	p->stage = STAGE_DONE;
	channel_hang_up(&p->channel);
	wait_for(p, END_MS);
}

static void
send_frame(struct party *p, struct slice bytes)
{
	if (channel_send(&p->channel, bytes) != ST_OK)
		fail(p->s, SESSION_FAILED, "out of memory");
	wait_for(p, p->s->how->time_ms);
}

/* A program that may not know what it will be told. */
static bool
is_too_old(struct party *p, struct slice hello)
{
	struct session_result *out = p->s->out;

	if (!launch_is_older(hello))
		return false;
	p->stage = STAGE_FAILED;
	if (begin_failure(p->s, SESSION_FAILED)) {
		(void)snprintf(out->why, sizeof(out->why), "%s in the target "
		    "is older than this program", p->launch.program);
		out->lack = SESSION_LACKS_VERSION;
	}
	return true;
}

/* "uid=N", a word of a hello; what comes first is not the user's to say. */
static bool
uid_of(struct slice hello, uint32_t *out)
{
	static const char head[] = " uid=";
	const size_t len = sizeof(head) - 1;
	uint64_t n = 0;
	size_t at = 0, digits = 0;

	while (at + len <= hello.len && memcmp(hello.p + at, head, len) != 0)
		at++;
	if (at + len > hello.len)
		return false;
	for (at += len; at < hello.len && hello.p[at] >= '0' &&
	    hello.p[at] <= '9'; at++) {
		n = n * 10 + (uint64_t)(hello.p[at] - '0');
		if (++digits > 10 || n >= UINT32_MAX)
			return false;
	}
	*out = (uint32_t)n;
	return digits > 0 && (at == hello.len || hello.p[at] == ' ');
}

/* The same of one that has to say it. */
static bool
take_uid(struct party *p, struct slice hello, uint32_t *out)
{
	if (uid_of(hello, out))
		return true;
	p->stage = STAGE_FAILED;
	if (begin_failure(p->s, SESSION_FAILED)) {
		(void)snprintf(p->s->out->why, sizeof(p->s->out->why),
		    "%s in the target does not say as which user it runs: it "
		    "is older than this program", p->launch.program);
		p->s->out->lack = SESSION_LACKS_VERSION;
	}
	return false;
}

/* A user who is root could be the agent. */
static bool
is_not_root(struct party *placer)
{
	struct session *s = placer->s;
	char user[TARGET_SHOWN_MAX];

	if (s->uid != 0)
		return true;
	placer->stage = STAGE_FAILED;
	if (!begin_failure(s, SESSION_DENIED))
		return false;
	target_where(s->how->target, TARGET_WHOEVER, user, sizeof(user));
	(void)snprintf(s->out->why, sizeof(s->out->why), "the user in %s is "
	    "root, for whom an agent does everything: nothing was loaded",
	    user);
	(void)snprintf(s->out->advice, sizeof(s->out->advice), "give that "
	    "container another securityContext.runAsUser, or name a user of "
	    "it with --user");
	return false;
}

/* What to do where agent and user are one. */
static void
advise_two(struct session *s)
{
	const struct target_pod *pod = &s->how->target->pod;

	(void)snprintf(s->out->advice, sizeof(s->out->advice), "give the "
	    "agent a container of its own, with another "
	    "securityContext.runAsUser than its user has, and name it: "
	    "kubectl:%s/%s/AGENT", pod->space, pod->name);
}

/* Whether agent and user are kept apart: two of the same uid are not. */
static bool
is_kept_apart(struct party *loader, struct slice hello)
{
	struct session *s = loader->s;
	char agent[TARGET_SHOWN_MAX], user[TARGET_SHOWN_MAX];
	const struct target *t = s->how->target;
	uint32_t uid;

	if (!take_uid(loader, hello, &uid))
		return false;
	if (uid != s->uid)
		return true;
	loader->stage = STAGE_FAILED;
	target_where(t, NULL, agent, sizeof(agent));
	target_where(t, TARGET_WHOEVER, user, sizeof(user));
	if (!begin_failure(s, SESSION_DENIED))
		return false;
	/* Names of a pod, which are ASCII: never cut, as a compiler fears. */
	(void)snprintf(s->out->why, sizeof(s->out->why), "in %.400s the agent "
	    "is uid %lu, and so is its user in %.400s: it would let him do "
	    "everything, and nothing was loaded", agent, (unsigned long)uid,
	    user);
	advise_two(s);
	return false;
}

/* The key to seal to is there. */
static void
send_keys(struct party *p, const struct loadpipe_line *line)
{
	struct session *s = p->s;
	uint8_t *frames;
	size_t len;
	int st;

	/* What would not be committed need not leave this machine. */
	if (s->failed || is_too_old(p, line->text))
		return;
	st = payload_seal(s->how->payload, line->key, &frames, &len);
	if (st == ST_OK) {
		p->bulk = len;
		send_frame(p, (struct slice){ frames, len });
		free(frames);
		p->stage = STAGE_SENT;
	} else if (st == ST_CRYPTO) {
		nonsense(p, "sent a key that is none");
	} else {
		p->stage = STAGE_FAILED;
		fail(s, SESSION_FAILED, "cannot seal the keys: %s",
		    st == ST_FULL ? "locked memory is full" :
		    status_name(st));
	}
}

/* A key is in force. */
static void
keep_key(struct party *p, struct slice text)
{
	struct session_result *out = p->s->out;
	size_t room = 4 * text.len + 1;
	struct text t;
	char **more, *line;

	if (out->n_keys == SESSION_KEYS_MAX)
		return;
	more = realloc(out->key, (out->n_keys + 1) * sizeof(*more));
	if (more != NULL)
		out->key = more;
	if (more == NULL || (line = malloc(room)) == NULL) {
		fail(p->s, SESSION_FAILED, "out of memory");
		return;
	}
	text_init(&t, line, room);
	add_said(&t, text);
	out->key[out->n_keys++] = line;
}

/* Whether a line says that a key with this fingerprint is in force. */
static bool
is_named(const struct session_result *out, const char *fingerprint)
{
	size_t len = strlen(fingerprint);
	const char *p;

	for (size_t i = 0; i < out->n_keys; i++) {
		p = strchr(out->key[i], ' ');
		if (p != NULL && strncmp(p + 1, fingerprint, len) == 0 &&
		    (p[1 + len] == ' ' || p[1 + len] == '\0'))
			return true;
	}
	return false;
}

/* Whether what is in force, by ${n} and by name, has all that was sent: files
 * for keys that are not there must not stay. */
static bool
has_all(const struct session *s, uint32_t n)
{
	const struct plan *plan = s->how->payload->plan;

	if (n != s->out->n_keys)
		return false;
	for (size_t i = 0; i < plan->n_keys; i++)
		if (plan->keys[i].fingerprint == NULL ||
		    !is_named(s->out, plan->keys[i].fingerprint))
			return false;
	return true;
}

/* Everything that the placing process needs up to its "staged". */
static int
queue_files(struct party *p, const struct clientconf *files)
{
	const struct session_how *how = p->s->how;
	const struct placepipe_frame begin = { .kind = PLACE_BEGIN,
		.name = slice_str(how->files.name),
		.bytes = slice_str(how->home != NULL ? how->home : ""),
		.socket = slice_str(how->files.socket) };
	const struct placepipe_frame stage = { .kind = PLACE_STAGE };
	size_t cap = PLACEPIPE_FRAME_MAX + 64;
	uint8_t *room = malloc(cap);
	struct slice bytes;
	int st = room == NULL ? ST_NOMEM : ST_OK;

	for (size_t i = 0; st == ST_OK && i < files->n + 2; i++) {
		struct wire_writer w = wire_writer(room, cap);

		placepipe_put(&w, i == 0 ? &begin : i <= files->n ?
		    &files->frame[i - 1] : &stage);
		if ((st = wire_done(&w, &bytes)) == ST_OK)
			st = channel_send(&p->channel, bytes);
	}
	free(room);
	return st;
}

/* The folder of our programs, the last word of the placing process's hello:
 * it becomes part of ssh's configuration there. */
static bool
folder_of(struct slice hello, char out[static LAUNCH_BIN_MAX + 1])
{
	const uint8_t *p = hello.p;
	char why[SESSION_WHY_MAX];
	size_t at = hello.len;

	while (at > 0 && p[at - 1] != ' ')
		at--;
	if (hello.len - at > LAUNCH_BIN_MAX)
		return false;
	memcpy(out, p + at, hello.len - at);
	out[hello.len - at] = '\0';
	return launch_bin_check(out, why, sizeof(why)) == ST_OK;
}

/* Where the programs are is known. */
static void
send_files(struct party *p)
{
	struct clientconf_how how = p->s->how->files;
	struct clientconf files = { 0 };
	char why[SESSION_WHY_MAX];
	int st;

	how.bin = p->s->bin;
	st = clientconf_make(p->s->how->payload->plan, &how, &files, why,
	    sizeof(why));
	if (st != ST_OK)
		fail(p->s, SESSION_USAGE, "%s", why);
	else if ((st = queue_files(p, &files)) != ST_OK)
		fail(p->s, SESSION_FAILED, "cannot send the files: %s",
		    status_name(st));
	clientconf_fini(&files);
	p->stage = st == ST_OK ? STAGE_SENT : STAGE_FAILED;
	wait_for(p, p->s->how->time_ms);
}

/* The key to seal to, and who it is. */
static void
loader_hello(struct party *p, const struct loadpipe_line *line)
{
	struct session *s = p->s;

	if (!is_pod(s)) {
		send_keys(p, line);
		return;
	}
	if (s->failed || is_too_old(p, line->text) ||
	    !is_kept_apart(p, line->text))
		return;
	send_files(&s->party[PLACER]);
	send_keys(p, line);
}

static void
loader_line(struct slice text, void *arg)
{
	struct party *p = arg;
	struct loadpipe_line line;
	int st = loadpipe_get(text, &line);
	bool alone;

	if (st == ST_NOT_FOUND || p->stage == STAGE_FAILED ||
	    p->stage == STAGE_DONE)
		return;
	if (st != ST_OK) {
		nonsense(p, "sent a broken line");
		return;
	}
	if (line.kind == LOADPIPE_FAILED) {
		/* An agent that is there for one uid alone may not let even
		 * that one load. */
		alone = is_pod(p->s) && p->stage == STAGE_START &&
		    line.n == SESSION_DENIED && !p->s->failed;
		p->s->refused = true;
		fail_said(p, line.n, line.item, line.text);
		if (alone)
			advise_two(p->s);
	} else if (line.kind == LOADPIPE_HELLO && p->stage == STAGE_START) {
		loader_hello(p, &line);
	} else if (line.kind == LOADPIPE_STAGED && p->stage == STAGE_SENT) {
		p->stage = STAGE_STAGED;
		wait_for(p, 0);
	} else if (line.kind == LOADPIPE_KEY && p->stage == STAGE_ASKED) {
		keep_key(p, line.text);
	} else if (line.kind == LOADPIPE_DONE && p->stage == STAGE_ASKED) {
		if (has_all(p->s, line.n))
			has_done(p);
		else
			nonsense(p, "does not say that it has every key");
	} else {
		nonsense(p, "says things out of their order");
	}
}

/* Who and where it is. */
static void
placer_hello(struct party *p, struct slice hello)
{
	struct session *s = p->s;

	if (s->failed || is_too_old(p, hello))
		return;
	if (!folder_of(hello, s->bin)) {
		nonsense(p, "does not say where it is");
		return;
	}
	if (!is_pod(s)) {
		send_files(p);
		return;
	}
	if (!take_uid(p, hello, &s->uid))
		return;
	(void)snprintf(s->out->uid, sizeof(s->out->uid), "%lu",
	    (unsigned long)s->uid);
	if (!is_not_root(p))
		return;
	/* Nothing is written before it is known who the other one is. */
	p->stage = STAGE_MET;
	wait_for(p, 0);
	s->party[LOADER].ended = !start_loader(s);
}

static void
placer_line(struct slice text, void *arg)
{
	struct party *p = arg;
	struct placepipe_line line;
	int st = placepipe_line_get(text, &line);

	if (st == ST_OK && (line.word == PLACEPIPE_FAILED ||
	    line.word == PLACEPIPE_KEPT))
		p->decided = true;
	if (st == ST_NOT_FOUND || p->stage == STAGE_FAILED ||
	    p->stage == STAGE_DONE)
		return;
	if (st != ST_OK) {
		nonsense(p, "sent a broken line");
		return;
	}
	if (line.word == PLACEPIPE_FAILED) {
		fail_said(p, line.n, 0, line.text);
	} else if (line.word == PLACEPIPE_HELLO && p->stage == STAGE_START) {
		placer_hello(p, line.text);
	} else if (line.word == PLACEPIPE_STAGED && p->stage == STAGE_SENT) {
		p->stage = STAGE_STAGED;
		wait_for(p, 0);
	} else if (line.word == PLACEPIPE_SWITCHED &&
	    p->stage == STAGE_ASKED) {
		p->stage = STAGE_SWITCHED;
		wait_for(p, 0);
	} else if (line.word == PLACEPIPE_KEPT && p->stage == STAGE_KEEP) {
		has_done(p);
	} else {
		nonsense(p, "says things out of their order");
	}
}

static const struct {
	const char	*mark;
	channel_line	 line;
} talk[SIDES] = {
	[LOADER] = { LOADPIPE_MARK, loader_line },
	[PLACER] = { PLACEPIPE_MARK, placer_line },
};

/* --- what they are told --------------------------------------------------- */

/* A frame that has nothing but its kind. */
static void
tell_placer(struct party *p, enum placepipe_kind kind)
{
	const struct placepipe_frame frame = { .kind = kind };
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));

	placepipe_put(&w, &frame);
	send_frame(p, (struct slice){ w.p, w.len });
}

/* Take the step that both are ready for; nothing has failed. */
static void
step(struct session *s)
{
	struct party *l = &s->party[LOADER], *p = &s->party[PLACER];
	static const uint8_t commit[4];

	if (l->stage == STAGE_STAGED && p->stage == STAGE_STAGED) {
		p->stage = STAGE_ASKED;
		p->asked = true;
		tell_placer(p, PLACE_SWITCH);
	} else if (l->stage == STAGE_STAGED && p->stage == STAGE_SWITCHED) {
		l->stage = STAGE_ASKED;
		s->committed = true;
		send_frame(l, (struct slice){ commit, sizeof(commit) });
	} else if (l->stage == STAGE_DONE && p->stage == STAGE_SWITCHED) {
		p->stage = STAGE_KEEP;
		tell_placer(p, PLACE_KEEP);
	}
}

/* --- from the start to the end -------------------------------------------- */

/* Start one side. */
static bool
start(struct session *s, enum side side, const char *const *args, size_t nargs)
{
	const struct session_how *how = s->how;
	struct party *p = &s->party[side];
	struct child_spec spec = { 0 };
	char why[SESSION_WHY_MAX];
	int st;

	p->launch.args = args;
	p->launch.nargs = nargs;
	st = launch_command(how->target, &p->launch, how->path, &p->command,
	    why, sizeof(why));
	p->launch.args = NULL;
	p->launch.nargs = 0;
	if (st == ST_OK) {
		target_command_spec(&p->command, &spec);
		st = channel_start(&p->channel, &spec, why, sizeof(why));
	}
	if (st == ST_OK) {
		channel_patience(&p->channel, how->time_ms);
		return true;
	}
	p->ended = true;
	fail(s, st == ST_UNTRUSTED ? SESSION_DENIED : SESSION_UNREACHABLE,
	    "%s", why);
	if (st == ST_NOT_FOUND && how->target->kind == TARGET_LOCAL)
		s->out->lack = side == PLACER ? SESSION_LACKS_USER :
		    SESSION_LACKS_PROGRAMS;
	return false;
}

/* Whom the rules of an agent that is started are for.  The names of one
 * container mean nothing in another. */
static const char *
allowed(const struct session *s)
{
	return is_pod(s) ? s->out->uid : s->how->account;
}

static bool
start_loader(struct session *s)
{
	const struct session_how *how = s->how;
	const char *account = allowed(s);
	char allow[CONSTRAINT_PEER_MAX + 32];
	/* A volume of a pod is anybody's to write to, and it is the pod that
	 * says to whom it is given; who serves the socket is looked at all the
	 * same. */
	const char *const args[] = { "--load", "--socket", how->files.socket,
		"--name", how->files.name, "--public", "--allow", allow,
		"--allow-shared-dir" };
	const size_t n = sizeof(args) / sizeof(*args) - (is_pod(s) ? 0 : 1);
	struct party *p = &s->party[LOADER];

	/* A rule that names root takes away what it does not say, and the next
	 * load would be refused. */
	(void)snprintf(allow, sizeof(allow), "%s=%s", account,
	    strcmp(account, "root") == 0 || strcmp(account, "0") == 0 ?
	    "admin" : "list,sign");
	if (!start(s, LOADER, args, n))
		return false;
	send_frame(p, slice_str(LOADPIPE_MAGIC));
	return true;
}

static bool
start_placer(struct session *s)
{
	/* Behind a command, and with kubectl, nothing else says whose files
	 * they are. */
	const bool told = s->how->account != NULL &&
	    (s->how->target->kind == TARGET_EXEC || is_pod(s));
	const char *const args[] = { "place", "--user", s->how->account };

	if (!start(s, PLACER, args, told ? 3 : 1))
		return false;
	send_frame(&s->party[PLACER], slice_str(PLACEPIPE_MAGIC));
	return true;
}

/* What there is to mend. */
static enum session_lack
lack_of(enum launch_end end, const struct target_report *r)
{
	if (end == LAUNCH_UNREACHED && r->end == TARGET_NO_USER)
		return SESSION_LACKS_USER;
	return end == LAUNCH_NO_PROGRAM ? SESSION_LACKS_PROGRAMS :
	    SESSION_LACKS_NOTHING;
}

static enum session_code
launch_code(enum launch_end end, const struct target_report *r)
{
	if (end == LAUNCH_UNTRUSTED)
		return SESSION_DENIED;
	if (end != LAUNCH_RAN)
		return SESSION_UNREACHABLE;
	return r->end == TARGET_FAILED ? code_of((uint32_t)r->code) :
	    SESSION_FAILED;
}

/* What a program that ran, or did not come to run, ended with. */
static void
ended_by_itself(struct party *p, bool greeted)
{
	struct session *s = p->s;
	struct target_report r;
	enum session_lack lack;
	enum launch_end end;
	struct text t;

	end = launch_report(s->how->target, &p->launch,
	    p->channel.child.status, channel_kept(&p->channel),
	    channel_said(&p->channel), &r);
	/* Who has said hello is there, whatever he ends with. */
	lack = greeted ? SESSION_LACKS_NOTHING : lack_of(end, &r);
	/* What can be mended matters more than what came first. */
	if (s->failed && lack == SESSION_LACKS_NOTHING)
		return;
	s->failed = true;
	s->out->code = launch_code(end, &r);
	s->out->lack = lack;
	s->out->item = 0;
	text_init(&t, s->out->why, sizeof(s->out->why));
	if (r.end == TARGET_DONE)
		text_addf(&t, "%s in the target ended before all was done",
		    p->launch.program);
	else
		text_add(&t, r.what);
	/* It can be in there already. */
	if (r.said[0] != '\0' && strstr(r.what, r.said) == NULL)
		text_addf(&t, ": %s", r.said);
	(void)snprintf(s->out->advice, sizeof(s->out->advice), "%s", r.advice);
}

/* One that ended before it had said its last word. */
static void
ended_early(struct party *p)
{
	bool greeted = p->stage != STAGE_START;
	struct session *s = p->s;

	if (p->stage == STAGE_DONE || p->stage == STAGE_FAILED)
		return;
	p->stage = STAGE_FAILED;
	if (p->turn == ST_BUSY) {
		fail(s, SESSION_UNREACHABLE, "%s in the target did not answer "
		    "within %lld s", p->launch.program,
		    (long long)(s->how->time_ms / 1000));
		return;
	}
	if (p->turn == ST_TOO_LARGE) {
		fail(s, SESSION_FAILED, "%s in the target says things without "
		    "end", p->launch.program);
		return;
	}
	if (p->turn != ST_OK) {
		fail(s, SESSION_FAILED, "lost %s in the target: %s",
		    p->launch.program, status_name(p->turn));
		return;
	}
	ended_by_itself(p, greeted);
}

/* Let one side have a turn. */
static void
turn(struct party *p, const struct pollfd *fds)
{
	if (p->ended)
		return;
	p->turn = channel_turn(&p->channel, fds, talk[p->side].mark,
	    talk[p->side].line, p);
	if (p->turn == ST_MORE)
		return;
	p->ended = true;
	ended_early(p);
}

/* Whether the placing process is to undo what it did whatever the agent has.
 * Once the commit was asked for it finds out by itself, when stdin ends,
 * whether the keys are there; and it can be told between two frames only. */
static bool
can_be_undone(const struct party *p)
{
	return p->side == PLACER && !p->s->committed &&
	    p->stage != STAGE_START && channel_is_idle(&p->channel);
}

/* Tell both that it is over; they undo what they did, and end. */
static void
give_up(struct session *s)
{
	for (size_t i = 0; i < SIDES; i++) {
		struct party *p = &s->party[i];

		if (p->ended || p->given_up)
			continue;
		p->given_up = true;
		channel_patience(&p->channel, UNDO_MS);
		if (can_be_undone(p)) {
			tell_placer(p, PLACE_UNDO);
			channel_hang_up(&p->channel);
		} else {
			channel_cut(&p->channel);
		}
	}
}

/* Say how far it is. */
static void
tell_doing(const struct session *s)
{
	const struct party *l = &s->party[LOADER], *p = &s->party[PLACER];
	struct fleet_line *line = s->how->line;
	size_t n = s->how->payload->plan->n_keys;
	size_t left = channel_left(&l->channel);

	if (s->failed)
		fleet_doing(line, "having both sides undo what they did");
	else if (l->stage == STAGE_DONE)
		fleet_doing(line, "taking earlier files away");
	else if (l->stage == STAGE_ASKED)
		fleet_doing(line, "committing, %zu of %zu keys",
		    s->out->n_keys, n);
	else if (p->stage == STAGE_ASKED)
		fleet_doing(line, "switching files");
	else if (l->stage == STAGE_START || p->stage == STAGE_START)
		fleet_doing(line, "connecting");
	else if (l->stage == STAGE_SENT && left > 0 && left <= l->bulk)
		fleet_doing(line, "sending keys, %zu of %zu",
		    n * (l->bulk - left) / l->bulk, n);
	else
		fleet_doing(line, "having keys and files checked");
}

/* Give up when we are told to; a commit is not left half-way. */
static void
look_for_stop(struct session *s)
{
	if (fleet_stopping() == 0 || s->committed)
		return;
	fail(s, SESSION_FAILED, "given up: stopped by %s", fleet_stop_name());
	give_up(s);
}

static void
run(struct session *s)
{
	struct pollfd fds[SIDES * CHILD_FDS];
	int wait, ms;

	while (!s->party[LOADER].ended || !s->party[PLACER].ended) {
		wait = CHILD_TICK_MS;
		for (size_t i = 0; i < SIDES; i++) {
			struct party *p = &s->party[i];

			channel_fds(&p->channel, fds + i * CHILD_FDS);
			ms = channel_wait_ms(&p->channel);
			wait = ms < wait ? ms : wait;
		}
		tell_doing(s);
		(void)poll(fds, SIDES * CHILD_FDS, wait);
		/* Before the sides are asked: the same signal may have ended
		 * them. */
		look_for_stop(s);
		for (size_t i = 0; i < SIDES; i++)
			turn(&s->party[i], fds + i * CHILD_FDS);
		if (s->failed)
			give_up(s);
		else
			step(s);
	}
}

/* Whether a line is a warning of the program's: of rules that an agent already
 * has, say.  All else is for who wants to know. */
static bool
is_warning(const struct party *p, struct slice line)
{
	char begin[64];
	size_t n;

	n = (size_t)snprintf(begin, sizeof(begin), "%s: warning: ",
	    p->launch.program);
	return line.len > n && memcmp(line.p, begin, n) == 0;
}

/* What to call the target in a message. */
static const char *
name_of(const struct session *s)
{
	return s->how->name != NULL ? s->how->name : "target";
}

/* What stderr of one had, line by line. */
static void
tell_said(const struct party *p, bool verbose)
{
	struct slice said = channel_said(&p->channel);
	const uint8_t *nl;
	struct slice line;
	char buf[LOG_LINE_MAX];
	struct text t;
	bool warn;

	for (int lines = 0; said.len > 0 && lines < SAID_LINES_MAX; lines++) {
		nl = memchr(said.p, '\n', said.len);
		line = (struct slice){ said.p, nl == NULL ? said.len :
			(size_t)(nl - said.p) };
		said.p += line.len + (nl != NULL);
		said.len -= line.len + (nl != NULL);
		warn = is_warning(p, line);
		if (line.len == 0 || (!warn && !verbose))
			continue;
		text_init(&t, buf, sizeof(buf));
		text_escape(&t, line.p, line.len < sizeof(buf) / 4 ? line.len :
		    sizeof(buf) / 4);
		if (warn)
			log_warn("%s: the target says: %s", name_of(p->s), buf);
		else
			log_info("%s: the target says: %s", name_of(p->s), buf);
	}
}

/* A failure after the commit is not one that changed nothing. */
static void
tell_of_commit(struct session *s)
{
	struct session_result *out = s->out;

	if (!s->committed || s->refused)
		return;
	(void)snprintf(out->advice, sizeof(out->advice), "%s: look at what is "
	    "in force with bottle-agent --status, or load again",
	    s->party[LOADER].stage == STAGE_DONE ? "the keys are in force all "
	    "the same" : "the commit had been asked for, and the keys may be "
	    "in force");
}

/* --- a placing process that was lost -------------------------------------- */

/* One more piece of advice. */
static void PRINTF_LIKE(2, 3)
advise(struct session *s, const char *fmt, ...)
{
	char *advice = s->out->advice;
	size_t len = strlen(advice), room = sizeof(s->out->advice);
	va_list ap;

	if (len > 0)
		(void)snprintf(advice + len, room - len, "; ");
	len = strlen(advice);
	va_start(ap, fmt);
	(void)vsnprintf(advice + len, room - len, fmt, ap);
	va_end(ap);
}

/* All that was asked for is in force. */
static void
is_done_after_all(struct session *s)
{
	struct session_result *out = s->out;

	s->failed = false;
	out->code = SESSION_DONE;
	out->lack = SESSION_LACKS_NOTHING;
	out->item = 0;
	out->why[0] = '\0';
	out->advice[0] = '\0';
}

static void
tell_settled(struct session *s, const struct settle_result *r)
{
	static const char *const words[] = {
		[PLACEPIPE_NOTHING] = "the files there are for keys that "
		    "the agent does not have",
		[PLACEPIPE_REVERTED] = "the files are as they were before",
		[PLACEPIPE_STAYS] = "the files there are for keys that the "
		    "agent has",
	};
	bool done = s->party[LOADER].stage == STAGE_DONE;

	log_debug("%s: settled in the target: %s%s%s", name_of(s),
	    words[r->outcome], r->text[0] != '\0' ? "; " : "", r->text);
	if (r->outcome == PLACEPIPE_STAYS && done)
		is_done_after_all(s);
	else if (s->committed && !s->refused)
		advise(s, "%s", words[r->outcome]);
	if (r->text[0] == '\0')
		return;
	if (s->failed)
		advise(s, "%s", r->text);
	else
		log_warn("%s: the target says: %s", name_of(s), r->text);
}

/* Whatever else went wrong: files that were switched must not stay by chance.
 * Both sides have ended. */
static void
settle_lost(struct session *s)
{
	const struct session_how *how = s->how;
	const struct party *p = &s->party[PLACER];
	const struct settle_how settle = { .target = how->target,
		.bin = how->bin, .path = how->path, .account = how->account,
		.name = how->files.name, .home = how->home,
		.socket = how->files.socket,
		.time_ms = how->time_ms < SETTLE_MS ? how->time_ms :
		    SETTLE_MS,
		.revert = !s->committed };
	struct settle_result r;

	if (!p->asked || p->decided)
		return;
	log_debug("%s: %s in the target was lost: %s", name_of(s),
	    p->launch.program, s->out->why);
	fleet_doing(how->line, "looking after what was left there");
	if (settle_run(&settle, &r) == ST_OK) {
		tell_settled(s, &r);
		return;
	}
	log_debug("%s: not settled in the target: %s", name_of(s), r.text);
	advise(s, "the files in the home there may be those of this load (%s): "
	    "the next load puts that right", r.text);
}

void
session_run(const struct session_how *how, struct session_result *out)
{
	struct session s = { .how = how, .out = out };
	const char *user = how->account != NULL ? how->account :
	    TARGET_WHOEVER;

	*out = (struct session_result){ .code = SESSION_DONE };
	for (size_t i = 0; i < SIDES; i++)
		s.party[i] = (struct party){ .s = &s, .side = (enum side)i,
			.ended = true, .launch = { .program = names[i],
			.bin = how->bin, .user = i == PLACER ? user : NULL } };
	child_signals();
	/* In a pod the user comes first: see placer_hello(). */
	if (!is_pod(&s))
		s.party[LOADER].ended = !start_loader(&s);
	if (!s.failed)
		s.party[PLACER].ended = !start_placer(&s);
	if (s.failed)
		give_up(&s);
	run(&s);
	if (s.failed)
		tell_of_commit(&s);
	if (s.failed)
		settle_lost(&s);
	for (size_t i = 0; i < SIDES; i++) {
		tell_said(&s.party[i], how->verbose);
		channel_fini(&s.party[i].channel);
		target_command_fini(&s.party[i].command);
	}
}

void
session_result_fini(struct session_result *out)
{
	for (size_t i = 0; i < out->n_keys; i++)
		free(out->key[i]);
	free(out->key);
	*out = (struct session_result){ 0 };
}
