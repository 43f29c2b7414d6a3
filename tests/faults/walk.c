/*
 * faults [--long] [--only NAME] - let every call of the agent fail, in turn.
 *
 * Two ways: whole lives of a program, from its first line to its exit code, a
 * process for each fault; and scenes, asked of one agent that must go on.
 * After each fault the agent must be as it was: all keys, no more memory, no
 * more descriptors, no secret anywhere but in the vault.  And an agent that
 * serves already, for which no worker can set libcrypto up, must end.
 *
 *	--long		every errno of each call in lives as well, each call of
 *			libcrypto's allocator at a start, and two failures in
 *			one scene, up to 40 calls apart
 *	--only NAME	the scene or life of that name
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "daemon/rig.h"
#include "faults/fault.h"
#include "faults/scenes.h"
#include "faults/stage.h"

/* What is wrong is told of so many times. */
#define WRONGS_MAX	25
/* Every so manyeth allocation of libcrypto's at a start, in a short walk. */
#define STRIDE		997
/* How far apart two failures are, in a long one. */
#define APART_MAX	40
/* Looks, 5 ms apart, until all is as it was. */
#define TRIES		100
/* A call with as many before it is tried so many times in a short walk. */
#define AROUND		4
#define AGAIN		2
/* The same of a life that is mostly made of others. */
#define AROUND_COARSE	2
#define AGAIN_COARSE	1
/* Exit code of what a sanitizer found. */
#define SANITIZER	99
/* An agent that serves looks so long after its start whether a worker could set
 * libcrypto up; from there to its end it may take much longer where all
 * does. */
#define REST_MS		500
#define END_MS		10000
/* Exit code of what could not go on. */
#define FAILED		1

/* The life of a program. */
struct life {
	const char	*name;
	const char	*args[STAGE_ARGS];
	int		 code;		/* of a life without faults */
	bool		 serves;	/* greeted, then ended by SIGTERM */
	bool		 leaves;	/* a process, which is greeted */
	bool		 coarse;	/* mostly made of others */
	const char	*in;		/* stdin; or NULL */
	void		(*after)(int code);	/* with the agent that was
						 * asked; or NULL */
};

static bool is_long;
static const char *only;
static const char *const *scene_args;
static struct rig asked;	/* a whole agent, without faults */
static unsigned deaths;		/* of libcrypto */
static unsigned plays;		/* of scenes and lives, with a fault */

const char *__asan_default_options(void)
    __attribute__((__visibility__("default")));

/* Told apart from what the program says itself; what is not released is counted
 * here. */
const char *
__asan_default_options(void)
{
	return "exitcode=99:detect_leaks=0";
}

static bool
wanted(const char *name)
{
	return only == NULL || strcmp(only, name) == 0;
}

/* Set what is going on. */
static void
say(const char *what, const struct fault_plan *p)
{
	static char line[160];
	char then[32] = "";

	if (p->then > 0)
		(void)snprintf(then, sizeof(then), " and %llu later",
		    (unsigned long long)p->then);
	(void)snprintf(line, sizeof(line), "%s: call %llu%s%s, variant %u",
	    what, (unsigned long long)p->n, p->on ? " and on" : then, "",
	    p->variant);
	stage_doing(line);
}

/*
 * Scenes: an agent that goes on from one to the next.
 */

static void
begin(void)
{
	struct stage_seen seen;

	stage_start(scene_args, NULL);
	if (!stage_serves()) {
		stage_wrong("the agent does not start: %d",
		    stage_wait(&seen, false, NULL));
		exit(1);
	}
	scenes_furnish();
}

/* End it, and see that it has given back all. */
static void
end(void)
{
	struct stage_seen seen;
	int code;

	stage_signal(SIGTERM);
	code = stage_wait(&seen, false, NULL);
	if (code != 0)
		stage_wrong("the agent ended with %d", code);
	if (seen.blocks != 0)
		stage_wrong("%zu blocks of %zu bytes were not released",
		    seen.blocks, seen.bytes);
}

/* It is not as it should be: another one. */
static void
renew(void)
{
	struct stage_seen seen;

	scenes_drop();
	stage_signal(SIGKILL);
	(void)stage_wait(&seen, false, NULL);
	(void)unlink(stage_files.sock);
	begin();
}

/* Whether nothing is there that was not. */
static bool
is_as_it_was(const struct stage_seen *was, const struct stage_seen *is)
{
	return is->blocks <= was->blocks && is->fds == was->fds &&
	    is->room >= was->room && is->held <= was->held;
}

/* What is there must be what was there. */
static void
compare(const struct stage_seen *was, const struct stage_seen *is)
{
	if (is->blocks > was->blocks)
		stage_wrong("%zu blocks more, %zu bytes", is->blocks -
		    was->blocks, is->bytes - was->bytes);
	if (is->fds != was->fds)
		stage_wrong("%zu descriptors, not %zu", is->fds, was->fds);
	if (is->room < was->room)
		stage_wrong("%zu bytes of the vault are gone", was->room -
		    is->room);
	if (is->held > was->held)
		stage_wrong("libcrypto holds %zu bytes more in the vault",
		    is->held - was->held);
}

static void
check_leak(void)
{
	const char *leak = stage_leak();

	if (leak != NULL)
		stage_wrong("a secret: %s", leak);
}

/* Look until all is as it was, or for a while: threads may still be at work,
 * and who hung up may be waiting for his turn. */
static bool
settle(const struct stage_seen *was, struct stage_seen *is, bool deep)
{
	for (int i = 0; i < TRIES; i++) {
		if (!stage_look(is, deep))
			return false;
		if (is_as_it_was(was, is))
			break;
		rig_sleep(5);
	}
	return true;
}

/* Play a scene once; whether a fault was met. */
static bool
play(const struct scene *s, const struct fault_plan *plan,
    struct stage_seen *was, bool deep)
{
	unsigned wrongs = stage_wrongs();
	struct stage_seen seen;
	bool met;

	s->before();
	if (plan != NULL)
		fault_arm(plan);
	s->act();
	met = fault_off();
	if (stage_ended(0)) {
		stage_wrong("the agent is gone");
		renew();
		return met;
	}
	s->after();
	if (plan == NULL)
		rig_sleep(20);
	if (plan != NULL ? !settle(was, &seen, deep) :
	    !stage_look(&seen, deep)) {
		stage_wrong("the agent is gone, or never idle");
		renew();
		return met;
	}
	check_leak();
	if (plan != NULL)
		compare(was, &seen);
	else
		*was = seen;
	if (stage_wrongs() != wrongs)
		renew();
	(void)rig_forget(NULL);
	return met;
}

/* What there was in the run that was counted, and how often a call with those
 * before it was made to fail. */
static uint64_t trace_len;
static enum fault_call trace[FAULT_TRACE + 1];
static uint8_t tried[1 << 16];

static void
keep_trace(void)
{
	trace_len = fault_position();
	for (uint64_t n = 1; n <= FAULT_TRACE; n++)
		trace[n] = fault_trace(n);
}

/* Whether to let that call fail.  What comes again and again in the same order,
 * as in a function that is to take long, is tried a few times in a short
 * walk. */
static bool
is_new(uint64_t n, bool coarse)
{
	uint64_t around = coarse ? AROUND_COARSE : AROUND;
	uint32_t hash = coarse;

	if (is_long || n > FAULT_TRACE || n < around || n + around > trace_len)
		return true;
	for (uint64_t i = n + 1 - around; i <= n; i++)
		hash = hash * 0x01000193 ^ (uint32_t)trace[i] * 0x9e3779b1;
	return tried[(hash >> 8 ^ hash) % sizeof(tried)]++ <
	    (coarse ? AGAIN_COARSE : AGAIN);
}

/* The same at every call. */
static void
play_all(const struct scene *s, struct fault_plan plan,
    struct stage_seen *was)
{
	unsigned variants;
	bool met = true;

	memset(tried, 0, sizeof(tried));
	for (plan.n = 1; met && stage_wrongs() < WRONGS_MAX; plan.n++) {
		if (!is_new(plan.n, false))
			continue;
		plan.variant = 0;
		do {
			say(s->name, &plan);
			met = play(s, &plan, was, plan.n % 64 == 0);
			plays += met;
			variants = met && !plan.on && plan.then == 0 ?
			    fault_variants(fault_first()) : 1;
		} while (++plan.variant < variants);
	}
}

static void
walk_scene(const struct scene *s)
{
	const struct fault_plan never = { .n = UINT64_MAX,
		.groups = FAULT_ALL };
	struct fault_plan plan = { .groups = FAULT_ALL };
	struct stage_seen was;
	int64_t start = rig_now();

	if (!wanted(s->name))
		return;
	plays = 0;
	stage_doing(s->name);
	for (int i = 0; i < 3; i++)
		(void)play(s, NULL, &was, true);
	(void)play(s, &never, &was, false);
	keep_trace();
	play_all(s, plan, &was);
	plan.on = true;
	play_all(s, plan, &was);
	plan.on = false;
	for (plan.then = 1; is_long && plan.then <= APART_MAX; plan.then++)
		play_all(s, plan, &was);
	say(s->name, &plan);
	(void)play(s, &(struct fault_plan){ 0 }, &was, true);
	(void)printf("# %-18s %5llu calls, %u runs with a fault, %lld "
	    "ms\n", s->name, (unsigned long long)trace_len, plays,
	    (long long)(rig_now() - start));
	(void)fflush(stdout);
}

static void
walk_scenes(const char *what, const char *const *args, bool threads)
{
	(void)printf("# an agent %s\n", what);
	scene_args = args;
	stage_doing(what);
	begin();
	for (const struct scene *s = scenes; s->name != NULL; s++)
		if (is_long || !threads || s->threads)
			walk_scene(s);
	stage_doing(what);
	end();
}

/*
 * Lives.
 */

/* Whether a file has nothing in it. */
static bool
is_empty(const char *path)
{
	FILE *f = fopen(path, "re");
	bool empty = f == NULL || fgetc(f) == EOF;

	if (f != NULL)
		(void)fclose(f);
	return empty;
}

/* Whether the socket's directory is empty, but for the lock file that stays;
 * what is there is taken away. */
static bool
clear_dir(void)
{
	DIR *dir = opendir(stage_files.dir);
	struct dirent *e;
	bool clear = true;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' && (e->d_name[1] == '\0' ||
		    e->d_name[1] == '.'))
			continue;
		if (strcmp(e->d_name, "s.lock") != 0)
			clear = false;
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return clear;
}

/* Whether the program said that. */
static bool
has_said(const char *text)
{
	FILE *f = fopen(stage_files.log, "re");
	char line[512];
	bool said = false;

	while (f != NULL && !said && fgets(line, sizeof(line), f) != NULL)
		said = strstr(line, text) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return said;
}

/* Whether a file that stays is what the fault is about. */
static bool
may_stay(void)
{
	switch (fault_first()) {
	case FAULT_unlink:
	case FAULT_unlinkat:
	case FAULT_lstat:
	case FAULT_fstatat:
	/* A starter that cannot read ends the agent at once. */
	case FAULT_read:
		return true;
	default:
		return false;
	}
}

/* How a life that had this exit code went. */
static void
judge(const struct life *l, int code, bool met, bool served, unsigned left)
{
	if (code >= 128 || code == SANITIZER)
		stage_wrong("ended with %d", code);
	else if (code != l->code && !met)
		stage_wrong("ended with %d, not %d", code, l->code);
	else if (code != l->code && is_empty(stage_files.log))
		stage_wrong("ended with %d, and does not say why", code);
	if (l->serves && !served && code == 0)
		stage_wrong("did not serve, and ended with 0");
	/* A load that was done, and of which nobody could be told. */
	if (left != (l->leaves && code == 0 ? 1 : 0) &&
	    !(left == 1 && has_said("goes on: others use it already")))
		stage_wrong("ended with %d, and left %u processes", code,
		    left);
	if (!clear_dir() && !(met && may_stay()))
		stage_wrong("left a file behind");
	check_leak();
}

/* Whether libcrypto itself died for want of memory: 3.0 takes locks that it
 * could not make.  Nothing was served by then. */
static bool
is_libcrypto(const struct fault_plan *plan, int code)
{
	if (plan == NULL || plan->groups != FAULT_LIBCRYPTO ||
	    (code != 128 + SIGSEGV && !has_said("in CRYPTO_THREAD_")))
		return false;
	deaths++;
	(void)clear_dir();
	return true;
}

/* Live once; whether a fault was met. */
static bool
live(const struct life *l, const struct fault_plan *plan,
    struct stage_seen *was)
{
	bool met, served = false;
	unsigned left;
	struct stage_seen seen;
	int code;

	if (plan != NULL)
		fault_arm(plan);
	stage_start(l->args, l->in);
	if (l->serves && (served = stage_serves())) {
		scenes_greet();
		stage_signal(SIGTERM);
	}
	if (l->leaves && stage_ended(STAGE_PATIENCE_MS))
		scenes_greet();
	code = stage_wait(&seen, l->leaves, &left);
	met = fault_off();
	if (is_libcrypto(plan, code))
		return met;
	judge(l, code, met, served, left);
	if (l->after != NULL)
		l->after(code);
	if (plan == NULL)
		*was = seen;
	else if (seen.blocks > was->blocks)
		stage_wrong("%zu blocks more at the end, %zu bytes",
		    seen.blocks - was->blocks, seen.bytes - was->bytes);
	(void)rig_forget(NULL);
	return met;
}

/* The same at every call, or at every so manyeth. */
static void
live_all(const struct life *l, struct fault_plan plan, uint64_t stride,
    struct stage_seen *was)
{
	unsigned variants;
	bool met = true;

	for (plan.n = 1; met && stage_wrongs() < WRONGS_MAX;
	    plan.n += stride) {
		if (stride == 1 && !is_new(plan.n, l->coarse))
			continue;
		plan.variant = 0;
		do {
			say(l->name, &plan);
			met = live(l, &plan, was);
			plays += met;
			variants = met && is_long && !plan.on ?
			    fault_variants(fault_first()) : 1;
		} while (++plan.variant < variants);
	}
}

static void
walk_life(const struct life *l)
{
	struct fault_plan plan = { .groups = FAULT_ALL & ~FAULT_LIBCRYPTO };
	struct stage_seen was;
	int64_t start = rig_now();
	uint64_t n;

	if (!wanted(l->name))
		return;
	plays = 0;
	stage_doing(l->name);
	(void)live(l, NULL, &was);
	plan.n = UINT64_MAX;
	(void)live(l, &plan, &was);
	keep_trace();
	n = trace_len;
	live_all(l, plan, 1, &was);
	plan.groups = FAULT_LIBCRYPTO;
	plan.n = UINT64_MAX;
	(void)live(l, &plan, &was);
	keep_trace();
	live_all(l, plan, is_long ? 1 : STRIDE, &was);
	(void)printf("# %-18s %5llu calls, %llu allocations of libcrypto, "
	    "%u runs with a fault, %lld ms\n", l->name,
	    (unsigned long long)n, (unsigned long long)trace_len, plays, (long long)(rig_now() - start));
	(void)fflush(stdout);
}

/*
 * Agents that serve before libcrypto is there, and for which a worker cannot
 * set it up.
 */

/* Whether a worker makes that call before its first job, and nobody else does
 * before the first request. */
static bool
is_workers(enum fault_call call)
{
	switch (call) {
	case FAULT_RAND_bytes:
	case FAULT_RAND_priv_bytes:
	case FAULT_EVP_MD_fetch:
	case FAULT_EVP_KEYMGMT_fetch:
	case FAULT_EVP_SIGNATURE_fetch:
		return true;
	default:
		return false;
	}
}

/* Whether a short walk has the n-th call fail: the first of its name and the
 * last, which may be different workers'. */
static bool
is_at_an_end(uint64_t n)
{
	uint64_t before = n - 1, after = n + 1;

	while (before > 0 && trace[before] != trace[n])
		before--;
	while (after <= trace_len && trace[after] != trace[n])
		after++;
	return before == 0 || after > trace_len;
}

/* Wait until a fault was met; whether one was.  A worker gets ready half a
 * second after the rest, when nobody else wants the processor. */
static bool
await_fault(void)
{
	int64_t start = rig_now();

	while (fault_first() == FAULT_CALLS && rig_now() < start + END_MS)
		rig_sleep(5);
	return fault_first() != FAULT_CALLS;
}

/* Live once without a fault: it goes on when it has looked. */
static void
live_ready(const struct life *l, struct stage_seen *was)
{
	const struct fault_plan never = { .n = UINT64_MAX,
		.groups = FAULT_CRYPTO };
	int code;

	fault_arm(&never);
	stage_start(l->args, l->in);
	if (!stage_serves() || stage_ended(2 * REST_MS))
		stage_wrong("is gone, and nothing has failed");
	keep_trace();
	scenes_greet();
	stage_signal(SIGTERM);
	code = stage_wait(was, false, NULL);
	(void)fault_off();
	judge(l, code, false, true, 0);
	(void)rig_forget(NULL);
}

/* Live once with one: it serves, ends in time, and says why.  Who waits for a
 * worker until then is hung up on. */
static void
live_unready(const struct life *l, const struct fault_plan *plan,
    const struct stage_seen *was)
{
	int64_t start = rig_now(), took;
	struct stage_seen seen;
	int code;

	fault_arm(plan);
	stage_start(l->args, l->in);
	if (!stage_serves())
		stage_wrong("does not serve");
	else if (!await_fault())
		stage_wrong("nothing has failed");
	else
		scenes_greet();
	code = stage_wait(&seen, false, NULL);
	took = rig_now() - start;
	(void)fault_off();
	if (code != FAILED)
		stage_wrong("ended with %d, not %d", code, FAILED);
	if (!has_said("cannot set up libcrypto; the agent ends"))
		stage_wrong("does not say why it ends");
	if (took < REST_MS || took >= END_MS)
		stage_wrong("ended after %lld ms", (long long)took);
	if (!clear_dir())
		stage_wrong("left a file behind");
	if (seen.blocks > was->blocks)
		stage_wrong("%zu blocks more at the end, %zu bytes",
		    seen.blocks - was->blocks, seen.bytes - was->bytes);
	check_leak();
	(void)rig_forget(NULL);
}

static void
walk_unready(const struct life *l)
{
	struct fault_plan plan = { .groups = FAULT_CRYPTO };
	struct stage_seen was;
	unsigned n = 0;

	if (!wanted(l->name))
		return;
	stage_doing(l->name);
	live_ready(l, &was);
	for (plan.n = 1; plan.n <= trace_len &&
	    stage_wrongs() < WRONGS_MAX; plan.n++) {
		if (!is_workers(trace[plan.n]) ||
		    (!is_long && !is_at_an_end(plan.n)))
			continue;
		say(l->name, &plan);
		live_unready(l, &plan, &was);
		n++;
	}
	stage_doing(l->name);
	if (n == 0)
		stage_wrong("no worker sets libcrypto up");
	(void)printf("# %-18s %u runs in which a worker has no libcrypto\n",
	    l->name, n);
	(void)fflush(stdout);
}

/*
 * All of it.
 */

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

/* How often each call was seen to fail. */
static void
print_counts(void)
{
	struct fault_count c;

	for (unsigned i = 0; i < FAULT_CALLS; i++) {
		fault_count(i, &c);
		if (c.called > 0)
			(void)printf("# %s: %llu failed of %llu, all "
			    "answered\n", fault_name(i),
			    (unsigned long long)c.failed,
			    (unsigned long long)c.called);
	}
}

/* Keys that a load has put there are whole, and go. */
static void
after_load(int code)
{
	int fd = rig_connect(&asked);
	const struct rig_key *keys;
	size_t n = rig_list(fd, &keys);

	if (n > 1 || (n == 0 && code == 0) || (n == 1 &&
	    !slice_eq(keys[0].blob, scene_keys[KEY_TWO]->blob)))
		stage_wrong("ended with %d, and the agent has %zu keys", code,
		    n);
	rig_expect(fd, rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES),
	    SSH_AGENT_SUCCESS);
	rig_hang_up(fd);
}

/* It is locked, if that was said. */
static void
after_lock(int code)
{
	int fd = rig_connect(&asked);
	struct slice reply = rig_ask(fd, rig_text(SSH_AGENTC_UNLOCK, "word"));

	if (code == 0 && reply.p[0] != SSH_AGENT_SUCCESS)
		stage_wrong("ended with 0, and the agent is not locked");
	rig_hang_up(fd);
}

/* Nothing has happened to it. */
static void
after_question(int code)
{
	(void)code;
	rig_alive(&asked);
}

static void
walk_all(void)
{
	const struct stage_files *f = &stage_files;
	const char *const plain[] = { "bottle-agent", "-D", "--socket",
		f->sock, "--policy", f->policy, "--workers", "0",
		"--ready-fd", "READY", NULL };
	const char *const threads[] = { "bottle-agent", "-D", "--socket",
		f->sock, "--policy", f->policy, "--workers", "1", "--audit",
		f->audit, "--ready-fd", "READY", NULL };
	const struct life lives[] = {
		{ .name = "service", .serves = true,
		    .args = { "bottle-agent", "-D", "--socket", f->sock,
		    "--policy", f->policy, "--workers", "1", "--audit",
		    f->audit, "--ready-fd", "READY" } },
		{ .name = "ssh-agent", .serves = true, .code = 2,
		    .args = { "bottle-agent", "-D", "-a", f->sock,
		    "--ready-fd", "READY" } },
		{ .name = "check-policy",
		    .args = { "bottle-agent", "--check-policy", f->policy } },
		{ .name = "help", .args = { "bottle-agent", "--help" } },
		{ .name = "background", .leaves = true, .coarse = true,
		    .args = { "bottle-agent", "-a", f->sock } },
		{ .name = "load-keys", .in = f->in, .after = after_load,
		    .args = { "bottle-agent", "--load", "-a", asked.sock,
		    "--name", "work" } },
		{ .name = "first-load", .in = f->in, .leaves = true,
		    .coarse = true,
		    .args = { "bottle-agent", "--load", "-a", f->sock,
		    "--audit", f->audit } },
		{ .name = "ask-status", .after = after_question,
		    .args = { "bottle-agent", "--status", "-a",
		    asked.sock } },
		{ .name = "ask-explain", .after = after_question,
		    .args = { "bottle-agent", "--explain", "--json", "-a",
		    asked.sock } },
		{ .name = "ask-lock", .in = f->word, .after = after_lock,
		    .args = { "bottle-agent", "--lock", "-a", asked.sock } },
		{ .name = "ask-remove", .after = after_question,
		    .args = { "bottle-agent", "--remove", "--every-load",
		    "-a", asked.sock } },
	};

	walk_scenes("of one thread", plain, false);
	walk_scenes("with threads", threads, true);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		walk_life(&lives[i]);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		if (lives[i].serves)
			walk_unready(&lives[i]);
	if (deaths > 0)
		(void)printf("# libcrypto itself died %u times at a start\n",
		    deaths);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0) {
			is_long = true;
		} else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
			only = argv[++i];
		} else {
			(void)fprintf(stderr, "usage: %s [--long] "
			    "[--only NAME]\n", argv[0]);
			return 2;
		}
	}
	stage_open();
	scenes_open();
	write_file(stage_files.policy, "12345=list,sign\n");
	write_file(stage_files.word, "word\n");
	scenes_key_file(stage_files.in);
	rig_start(&asked, "--allow", "12345=list", NULL);
	walk_all();
	(void)rig_finish(&asked, 0);
	if (stage_wrongs() == 0)
		print_counts();
	scenes_close();
	stage_close();
	return stage_wrongs() == 0 ? 0 : 1;
}
