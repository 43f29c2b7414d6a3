/*
 * Several targets at once: that each gets its turn and no more than that many
 * at a time, what it comes to, what a signal does; and that what is done for
 * one target may be done for several.  Cases that have to do with signals are
 * processes of their own.
 */

#include "provision/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/secret.h"
#include "proto/bundle.h"
#include "provision/child.h"
#include "provision/payload.h"
#include "provision/target.h"
#include "support/gate.h"

#define MANY		40
#define PATIENCE_S	20

/* What is said on stderr. */
static int reader;
static int saved_stderr;
static char name_of[MANY][16];
static const char *names[MANY];

static int
setup(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fd[1], F_SETPIPE_SZ, 256 * 1024), 256 * 1024);
	saved_stderr = dup(2);
	assert_int_equal(dup2(fd[1], 2), 2);
	close(fd[1]);
	reader = fd[0];
	log_open("prog", LOG_LEVEL_INFO, 0);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(name_of[i], sizeof(name_of[i]), "t%zu", i);
		names[i] = name_of[i];
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, 2);
	close(saved_stderr);
	close(reader);
	return 0;
}

static const char *
said(void)
{
	static char got[256 * 1024];
	size_t len = 0;
	ssize_t n;

	while ((n = read(reader, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	return got;
}

/* What there is to do. */
struct job {
	atomic_uint		 now, most, calls[MANY];
	atomic_size_t		 order;		/* of the next */
	atomic_bool		 in_order;
	enum session_code	 code[MANY];
	const char		*why[MANY];
	int			(*fn)(size_t i);	/* more to be done */
	struct gate		*gate;
};

static enum session_code
do_job(void *cookie, size_t i, struct fleet_line *line)
{
	struct job *j = cookie;
	unsigned now = atomic_fetch_add(&j->now, 1) + 1;
	unsigned most = atomic_load(&j->most);
	enum session_code code = j->code[i];

	while (now > most && !atomic_compare_exchange_weak(&j->most, &most,
	    now))
		;
	atomic_fetch_add(&j->calls[i], 1);
	if (atomic_fetch_add(&j->order, 1) != i)
		j->in_order = false;
	fleet_doing(line, "target %zu, %d of %d", i, 1, 2);
	if (j->gate != NULL)
		gate_pass(j->gate);
	if (j->fn != NULL && j->fn(i) != 0)
		code = SESSION_FAILED;
	if (j->why[i] != NULL)
		fleet_why(line, "%s", j->why[i]);
	(void)atomic_fetch_sub(&j->now, 1);
	return code;
}

static enum session_code
run(struct job *j, size_t n, unsigned jobs)
{
	const struct fleet f = { .n = n, .names = names, .jobs = jobs,
		.fn = do_job, .cookie = j, .verb = "loaded" };

	return fleet_run(&f);
}

/* Open the gate once that many have come to it, and a moment for one more. */
static void *
open_at(void *arg)
{
	struct gate *g = arg;

	gate_await(g, 3);
	(void)usleep(50000);
	gate_open(g);
	return NULL;
}

static void
each_target_is_done_once_and_so_many_at_a_time(void **state)
{
	struct gate gate = GATE;
	struct job j = { .gate = &gate };
	pthread_t opener;

	(void)state;
	assert_int_equal(pthread_create(&opener, NULL, open_at, &gate), 0);
	assert_int_equal(run(&j, MANY, 3), SESSION_DONE);
	assert_int_equal(pthread_join(opener, NULL), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(j.calls[i], 1);
	assert_int_equal(j.most, 3);
	assert_string_equal(said(), "prog: info: 40 of 40 loaded\n");
}

static void
one_at_a_time_is_in_order(void **state)
{
	struct job j = { .in_order = true };

	(void)state;
	assert_int_equal(run(&j, MANY, 1), SESSION_DONE);
	assert_true(j.in_order);
	assert_int_equal(j.most, 1);
}

static void
more_jobs_than_targets_do_no_harm(void **state)
{
	struct job j = { .in_order = false };

	(void)state;
	assert_int_equal(run(&j, 2, FLEET_JOBS_MAX), SESSION_DONE);
	assert_int_equal(j.calls[0] + j.calls[1], 2);
	assert_int_equal(run(&j, 0, 4), SESSION_DONE);
}

static void
one_that_fails_stops_no_other(void **state)
{
	struct job j = { .code = { [2] = SESSION_DENIED,
		[5] = SESSION_UNREACHABLE, [7] = SESSION_FAILED },
		.why = { [5] = "there is no container t5" } };

	(void)state;
	assert_int_equal(run(&j, 10, 4), SESSION_UNREACHABLE);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(j.calls[i], 1);
	assert_string_equal(said(), "prog: error: 7 of 10 loaded; failed: t2 "
	    "(refused), t5 (there is no container t5), t7 (failed)\n");
}

static void
a_single_one_has_no_summary(void **state)
{
	struct job j = { .code = { SESSION_USAGE } };

	(void)state;
	assert_int_equal(run(&j, 1, 4), SESSION_USAGE);
	assert_string_equal(said(), "");
}

static void
a_summary_is_one_line(void **state)
{
	struct job j = { .now = 0 };
	char why[400];
	const char *text;

	(void)state;
	memset(why, 'w', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	for (size_t i = 0; i < MANY; i++) {
		j.code[i] = SESSION_FAILED;
		j.why[i] = why;
	}
	assert_int_equal(run(&j, MANY, 8), SESSION_FAILED);
	text = said();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_true(strlen(text) < LOG_LINE_MAX);
	assert_non_null(strstr(text, "0 of 40 loaded; failed: t0 (ww"));
	assert_non_null(strstr(text, " and 35 more\n"));
}

/* A name and a reason of others, in each of which the last byte that there is
 * room for begins a character. */
static void
a_summary_has_no_half_of_a_character(void **state)
{
	struct job j = { .code = { SESSION_FAILED } };
	char name[200], why[400], wanted[512];

	(void)state;
	(void)snprintf(name, sizeof(name), "%0*d\u00e9 and more", 99, 1);
	(void)snprintf(why, sizeof(why), "%0*d\u00e9 and more",
	    FLEET_WHY_MAX - 2, 2);
	names[0] = name;
	j.why[0] = why;
	assert_int_equal(run(&j, 2, 1), SESSION_FAILED);
	(void)snprintf(wanted, sizeof(wanted), "prog: error: 1 of 2 loaded; "
	    "failed: %0*d (%0*d)\n", 99, 1, FLEET_WHY_MAX - 2, 2);
	assert_string_equal(said(), wanted);
}

/* --- signals -------------------------------------------------------------- */

/* Wait until we are told to stop. */
static int
until_stopped(size_t i)
{
	(void)i;
	for (int n = 0; n < PATIENCE_S * 100; n++) {
		if (fleet_stopping() != 0)
			return 1;
		(void)usleep(10000);
	}
	return 1;
}

static atomic_bool second_begun;

/* The first ends by what a ^C does, before the signal can have been taken. */
static int
interrupted(size_t i)
{
	if (i == 0) {
		while (!atomic_load(&second_begun))
			(void)usleep(1000);
		(void)kill(getpid(), SIGINT);
		return 1;
	}
	atomic_store(&second_begun, true);
	return until_stopped(i);
}

static int
for_ever(size_t i)
{
	(void)i;
	(void)sleep(PATIENCE_S);
	return 0;
}

/* Another process that runs ${fn} for ten targets, two at a time, and says how
 * it was stopped; it gets a signal when two of them are under way. */
static pid_t
start(int (*fn)(size_t i))
{
	static struct job j;
	enum session_code code;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	j.fn = fn;
	code = run(&j, 10, 2);
	if (fleet_stopping() == 0)
		_exit(90);
	_exit(fleet_leave(code));
}

/* Wait until that is said; ${text} is then all that was. */
static void
await_text(const char *wanted, char *text, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	for (int i = 0; i < PATIENCE_S * 100; i++) {
		n = read(reader, text + len, cap - 1 - len);
		if (n > 0)
			len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, wanted) != NULL)
			return;
		(void)usleep(10000);
	}
	fail_msg("\"%s\" was not said, but \"%s\"", wanted, text);
}

static int
status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
a_signal_ends_what_is_under_way(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	char text[4096], line[256];
	pid_t pid;

	(void)state;
	log_open("prog", LOG_LEVEL_DEBUG, 0);
	for (size_t i = 0; i < 3; i++) {
		pid = start(until_stopped);
		await_text("t1: target 1", text, sizeof(text));
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(status_of(pid), -signals[i]);
		await_text("loaded", text, sizeof(text));
		(void)snprintf(line, sizeof(line), "prog: warning: SIG%s: "
		    "nothing more is started", i == 0 ? "INT" : i == 1 ?
		    "TERM" : "HUP");
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, "prog: error: 0 of 10 loaded; "
		    "failed: t0 (failed), t1 (failed); not started: t2, t3, "
		    "t4, t5, t6, t7, t8, t9\n"));
	}
}

static void
a_signal_that_was_not_taken_starts_nothing(void **state)
{
	char text[4096];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		pid = start(interrupted);
		assert_int_equal(status_of(pid), -SIGINT);
		await_text("loaded", text, sizeof(text));
		assert_non_null(strstr(text, "prog: error: 0 of 10 loaded; "
		    "failed: t0 (failed), t1 (failed); not started: t2, t3, "
		    "t4, t5, t6, t7, t8, t9\n"));
	}
}

static void
a_second_signal_ends_it_at_once(void **state)
{
	char text[4096];
	pid_t pid;

	(void)state;
	log_open("prog", LOG_LEVEL_DEBUG, 0);
	pid = start(for_ever);
	await_text("t1: target 1", text, sizeof(text));
	assert_int_equal(kill(pid, SIGINT), 0);
	await_text("once more ends it", text, sizeof(text));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(status_of(pid), -SIGTERM);
}

static void
an_ignored_signal_stays_ignored(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	char text[4096];
	pid_t pid;

	(void)state;
	log_open("prog", LOG_LEVEL_DEBUG, 0);
	assert_int_equal(sigaction(SIGHUP, &ignore, &before), 0);
	pid = start(until_stopped);
	assert_int_equal(sigaction(SIGHUP, &before, NULL), 0);
	await_text("t1: target 1", text, sizeof(text));
	assert_int_equal(kill(pid, SIGHUP), 0);
	(void)usleep(300000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(status_of(pid), -SIGINT);
}

static void
signals_are_as_before(void **state)
{
	struct sigaction now;
	struct job j = { .now = 0 };
	sigset_t mask;

	(void)state;
	assert_int_equal(run(&j, 3, 2), SESSION_DONE);
	assert_int_equal(sigaction(SIGINT, NULL, &now), 0);
	assert_true(now.sa_handler == SIG_DFL);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_false(sigismember(&mask, SIGTERM));
	assert_int_equal(fleet_leave(SESSION_DENIED), SESSION_DENIED);
}

/* --- what is done for several at once ------------------------------------- */

static struct secret *region;

/* A program that sees nothing of what belongs to the others: three descriptors,
 * and that of its ls. */
static int
run_child(size_t i)
{
	char want[32], word[16], sh[] = "sh", dash_c[] = "-c";
	char command[] = "echo $0; exec 2>&1; ls /proc/self/fd | wc -l";
	char *argv[] = { sh, dash_c, command, word, NULL };
	struct child_spec spec = { .program = "/bin/sh", .argv = argv,
		.out = CHILD_KEEP, .err = CHILD_KEEP, .out_max = 4096,
		.err_max = 4096, .time_ms = PATIENCE_S * 1000 };
	struct child c;
	char why[256];
	int rc;

	(void)snprintf(word, sizeof(word), "w%zu", i);
	(void)snprintf(want, sizeof(want), "w%zu\n4\n", i);
	rc = child_run(&c, &spec, why, sizeof(why)) == ST_OK &&
	    strcmp(c.out_text.p, want) == 0 ? 0 : 1;
	if (rc != 0)
		log_error("%zu: %s", i, c.out_text.p);
	child_fini(&c);
	return rc;
}

static void
children_of_several_threads_have_nothing_of_each_other(void **state)
{
	struct job j = { .fn = run_child };

	(void)state;
	assert_int_equal(run(&j, MANY, 16), SESSION_DONE);
	assert_non_null(strstr(said(), "40 of 40 loaded"));
}

/* All that finds out what is run in a target, and what its end means. */
static int
make_commands(size_t i)
{
	const char *const users[] = { "root", "0", "daemon", "nobody" };
	const struct target_run what = { .program = "/bin/true",
		.user = users[i % 4] };
	struct target_command cmd;
	struct target_report r;
	struct target t;
	char why[512];
	int rc = 0;

	for (int n = 0; n < 50; n++) {
		if (target_parse(i % 2 == 0 ? "local" : "exec:env -i", &t,
		    why, sizeof(why)) != ST_OK)
			return 1;
		if (target_command(&t, &what, "/usr/bin:/bin", &cmd, why,
		    sizeof(why)) != ST_OK)
			rc |= geteuid() == 0 || i % 2 != 0 ? 1 : 0;
		else if (i % 2 == 0 && i % 4 != 0 && geteuid() == 0 &&
		    cmd.envp != NULL && strcmp(cmd.envp[1] + 5,
		    users[i % 4]) != 0)
			rc = 1;
		target_command_fini(&cmd);
		target_report(&t, "/bin/true", 1 << 8, (struct slice){ 0 },
		    slice_str("no\n"), &r);
		if (r.end != TARGET_FAILED)
			rc = 1;
	}
	return rc;
}

static void
commands_of_several_threads_are_right(void **state)
{
	struct job j = { .fn = make_commands };

	(void)state;
	assert_int_equal(run(&j, MANY, 16), SESSION_DONE);
}

/* Pieces of the region, which are zero at first and the thread's own. */
static int
use_region(size_t i)
{
	uint8_t *piece;
	int rc = 0;

	for (size_t n = 1; n < 200; n++) {
		if ((piece = secret_alloc(region, n * 3)) == NULL)
			continue;
		for (size_t at = 0; at < n * 3; at++)
			rc |= piece[at];
		memset(piece, (int)i + 1, n * 3);
		for (size_t at = 0; at < n * 3; at++)
			rc |= piece[at] ^ (int)(i + 1);
		(void)secret_free(region, piece);
	}
	return rc;
}

static void
the_region_is_shared(void **state)
{
	struct secret_options opts = { .size = SECRET_SIZE_MIN,
		.allow_unlocked = true };
	struct job j = { .fn = use_region };
	struct secret_usage before, after;
	char why[256];

	(void)state;
	assert_int_equal(secret_open(&region, &opts, why, sizeof(why)), ST_OK);
	secret_usage(region, &before);
	assert_int_equal(run(&j, MANY, 16), SESSION_DONE);
	secret_usage(region, &after);
	assert_int_equal(after.used, before.used);
	secret_close(region);
}

/* Linked with --wrap for it: who has the room for a record keeps it for a
 * moment. */
void *__real_secret_alloc(struct secret *s, size_t n);
void *__wrap_secret_alloc(struct secret *s, size_t n);

void *
__wrap_secret_alloc(struct secret *s, size_t n)
{
	void *piece = __real_secret_alloc(s, n);

	if (piece != NULL && n == BUNDLE_RECORD_MAX)
		(void)usleep(200);
	return piece;
}

/* Where the region has room for one bundle at a time. */
static struct payload payload;
static atomic_uint sealed;

static int
seal(size_t i)
{
	static const uint8_t key[LOAD_PUBLIC_KEY] = { 9 };
	uint8_t *out;
	size_t len;

	(void)i;
	for (int n = 0; n < 5; n++) {
		if (payload_seal(&payload, key, &out, &len) != ST_OK)
			return 1;
		(void)atomic_fetch_add(&sealed, 1);
		free(out);
	}
	return 0;
}

static void
bundles_are_sealed_in_turn(void **state)
{
	struct secret_options opts = { .size = SECRET_SIZE_MIN,
		.allow_unlocked = true };
	struct plan plan = { .n_keys = 0 };
	struct job j = { .fn = seal };
	char why[256];
	void *rest;

	(void)state;
	assert_int_equal(secret_open(&region, &opts, why, sizeof(why)), ST_OK);
	rest = secret_alloc(region, SECRET_SIZE_MIN - BUNDLE_RECORD_MAX - 2048);
	assert_non_null(rest);
	payload = (struct payload){ .region = region, .plan = &plan,
		.account = "node" };
	assert_int_equal(run(&j, MANY, 16), SESSION_DONE);
	assert_int_equal(sealed, MANY * 5);
	(void)secret_free(region, rest);
	secret_close(region);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(each_target_is_done_once_and_so_many_at_a_time),
		CASE(one_at_a_time_is_in_order),
		CASE(more_jobs_than_targets_do_no_harm),
		CASE(one_that_fails_stops_no_other),
		CASE(a_single_one_has_no_summary),
		CASE(a_summary_is_one_line),
		CASE(a_summary_has_no_half_of_a_character),
		CASE(a_signal_ends_what_is_under_way),
		CASE(a_signal_that_was_not_taken_starts_nothing),
		CASE(a_second_signal_ends_it_at_once),
		CASE(an_ignored_signal_stays_ignored),
		CASE(signals_are_as_before),
		CASE(children_of_several_threads_have_nothing_of_each_other),
		CASE(commands_of_several_threads_are_right),
		CASE(the_region_is_shared),
		CASE(bundles_are_sealed_in_turn),
	};

	child_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
