/*
 * Asking somebody: what counts as a yes, one question at a time, questions that
 * are taken back, and a helper that is gone.
 *
 * The program that asks is a shell script; what it does is said by the prompt.
 * As root nobody is ever asked, so root becomes somebody else for this.
 */

#include "agent/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/harden.h"
#include "base/clock.h"

#define NOBODY		65534
#define PATIENCE_MS	60000

static char dir[64];
static struct askpass *ap;
static struct loop *loop;
static struct loop_timer patience;

/* The answers, as they come. */
static struct {
	int	 cookie;
	bool	 yes;
} answers[2 * ASKPASS_PENDING_MAX];
static size_t n_answers;
static size_t n_wanted;
/* Cookies: whom an answer is for. */
static int who[2 * ASKPASS_PENDING_MAX];

static int
on_patience(void *cookie)
{
	(void)cookie;
	return ST_INTERNAL;
}

static void
on_answer(void *cookie, bool yes)
{
	assert_true(n_answers < sizeof(answers) / sizeof(answers[0]));
	answers[n_answers].cookie = (int)((int *)cookie - who);
	answers[n_answers].yes = yes;
	if (++n_answers == n_wanted)
		loop_stop(loop);
}

/* A path in the directory of the test; good until the next call. */
static const char *
in_dir(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

/* What is in a file; empty when it is not there.  Good until the next call. */
static const char *
read_file(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* Wait until a file says something: a number. */
static pid_t
await_pid(const char *name)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (strchr(read_file(in_dir(name)), '\n') == NULL) {
		assert_true(clock_ms() < end);
		(void)usleep(1000);
	}
	return (pid_t)atol(read_file(in_dir(name)));
}

/* Wait until a process is gone that is a child of ours by now. */
static void
await_end(pid_t pid)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (kill(pid, 0) == 0) {
		(void)waitpid(pid, NULL, WNOHANG);
		assert_true(clock_ms() < end);
		(void)usleep(1000);
	}
	assert_int_equal(errno, ESRCH);
}

/* Start the helper, with a loop. */
static void
start(void)
{
	assert_int_equal(askpass_fork(&ap), ST_OK);
	assert_int_equal(loop_new(&loop), ST_OK);
	assert_int_equal(askpass_attach(ap, loop), ST_OK);
}

static uint32_t
ask(const char *prompt, int cookie)
{
	uint32_t id;

	assert_int_equal(askpass_ask(ap, prompt, on_answer, &who[cookie],
	    &id), ST_OK);
	assert_int_not_equal(id, 0);
	return id;
}

/* Run until so many answers have come in all. */
static void
await_answers(size_t n)
{
	n_wanted = n;
	if (n_answers >= n)
		return;
	patience = (struct loop_timer){ .fn = on_patience };
	loop_timer_set(loop, &patience, clock_ms() + PATIENCE_MS);
	assert_int_equal(loop_run(loop), ST_OK);
	loop_timer_del(loop, &patience);
	assert_int_equal(n_answers, n);
}

/* The answer to just one question. */
static bool
answer_to(const char *prompt)
{
	n_answers = 0;
	(void)ask(prompt, 0);
	await_answers(1);
	return answers[0].yes;
}

static int
setup(void **state)
{
	char program[128];

	(void)state;
	n_answers = 0;
	n_wanted = 0;
	(void)snprintf(dir, sizeof(dir), "/tmp/bottle-askpass.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	/* The prompt is what it does. */
	(void)snprintf(program, sizeof(program), "#!/bin/sh\ncd %s\n"
	    "eval \"$1\"\n", dir);
	write_file(in_dir("askpass"), program);
	(void)setenv("SSH_ASKPASS", in_dir("askpass"), 1);
	(void)setenv("DISPLAY", ":0", 1);
	(void)unsetenv("WAYLAND_DISPLAY");
	(void)unsetenv("SSH_ASKPASS_REQUIRE");
	return 0;
}

/* nftw(3) comes by with everything in the directory. */
static int
remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	askpass_free(ap);
	ap = NULL;
	loop_free(loop);
	loop = NULL;
	/* What was orphaned is ours to reap, and must have ended. */
	for (int64_t end = clock_ms() + PATIENCE_MS; waitpid(-1, NULL,
	    WNOHANG) >= 0;) {
		if (clock_ms() > end)
			return -1;
		(void)usleep(1000);
	}
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
there_must_be_somebody_to_ask(void **state)
{
	static const struct {
		const char	*display, *wayland, *require;
		int		 st;
	} rows[] = {
		{ NULL, NULL, NULL, ST_NOT_FOUND },
		{ ":0", NULL, NULL, ST_OK },
		{ NULL, "wayland-0", NULL, ST_OK },
		{ "", "", NULL, ST_NOT_FOUND },
		{ "", "wayland-0", NULL, ST_OK },
		{ ":0", NULL, "never", ST_NOT_FOUND },
		{ ":0", "wayland-0", "NEVER", ST_NOT_FOUND },
		{ NULL, NULL, "force", ST_OK },
		{ NULL, NULL, "Force", ST_OK },
		{ NULL, NULL, "prefer", ST_NOT_FOUND },
		{ ":0", NULL, "prefer", ST_OK },
		{ NULL, NULL, "", ST_NOT_FOUND },
	};
	static const char *const names[] = { "DISPLAY", "WAYLAND_DISPLAY",
		"SSH_ASKPASS_REQUIRE" };
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const values[] = { rows[i].display,
			rows[i].wayland, rows[i].require };

		for (size_t j = 0; j < 3; j++) {
			if (values[j] != NULL)
				(void)setenv(names[j], values[j], 1);
			else
				(void)unsetenv(names[j]);
		}
		st = askpass_fork(&ap);
		if (st != rows[i].st)
			fail_msg("row %zu: %d, not %d", i, st, rows[i].st);
		assert_int_equal(ap == NULL, st != ST_OK);
		askpass_free(ap);
		ap = NULL;
	}
	askpass_free(NULL);
}

static void
root_never_asks(void **state)
{
	uid_t real, effective, saved;
	struct askpass *none = NULL;

	(void)state;
	(void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	assert_int_equal(getresuid(&real, &effective, &saved), 0);
	if (saved != 0)
		skip();
	/* Either of the two is enough. */
	assert_int_equal(setresuid(NOBODY, 0, 0), 0);
	assert_int_equal(askpass_fork(&none), ST_DENIED);
	assert_null(none);
	assert_int_equal(setresuid(0, NOBODY, 0), 0);
	assert_int_equal(askpass_fork(&none), ST_DENIED);
	assert_int_equal(setresuid(NOBODY, NOBODY, 0), 0);
	(void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

static void
yes_is_said_in_few_ways(void **state)
{
	static const struct {
		const char	*does;
		bool		 yes;
	} rows[] = {
		{ ":", true },
		{ "echo", true },
		{ "echo yes", true },
		{ "printf yes", true },
		{ "echo YES", true },
		{ "printf 'yes\\r\\n'", true },
		{ "printf 'yes\\nno\\n'", true },
		{ "exec >&-; sleep 0.05", true },
		{ "sleep 0.05 &", true },
		{ "printf y; sleep 0.05; printf e; sleep 0.05; echo s", true },
		{ "yes yes | head -c 1024", true },
		{ "echo no", false },
		{ "echo y", false },
		{ "echo yesyes", false },
		{ "echo ' yes'", false },
		{ "echo 'yes '", false },
		{ "printf 'yes\\000'; printf x", true },
		{ "exit 1", false },
		{ "exit 255", false },
		{ "echo yes; exit 1", false },
		{ "kill -9 $$", false },
		{ "echo yes; kill $$", false },
		{ "yes yes | head -c 1025", false },
		{ "trap '' PIPE; yes yes 2>/dev/null; exit 0", false },
		{ "head -c 100000 /dev/zero", false },
	};
	bool yes;

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		yes = answer_to(rows[i].does);
		if (yes != rows[i].yes)
			fail_msg("\"%s\" is %s", rows[i].does,
			    yes ? "yes" : "no");
	}
}

static void
prompt_is_the_one_argument(void **state)
{
	static const char odd[] = "printf '%s|' \"$#\" \"$SSH_ASKPASS_PROMPT\""
	    " \"$1\" >said\n# \\x1b \xc3\xa4 'x' $(touch ran)";
	char wanted[256], most[ASKPASS_PROMPT_MAX + 2];
	uint32_t id;

	(void)state;
	start();
	assert_true(answer_to(odd));
	(void)snprintf(wanted, sizeof(wanted), "1|confirm|%s|", odd);
	assert_string_equal(read_file(in_dir("said")), wanted);

	/* The longest one comes out whole, and a longer one not at all. */
	memset(most, 'x', sizeof(most));
	memcpy(most, "printf %s ${#1} >said #", 23);
	most[ASKPASS_PROMPT_MAX] = '\0';
	assert_true(answer_to(most));
	assert_string_equal(read_file(in_dir("said")), "1024");
	most[ASKPASS_PROMPT_MAX] = 'x';
	most[ASKPASS_PROMPT_MAX + 1] = '\0';
	assert_int_equal(askpass_ask(ap, most, on_answer, who, &id),
	    ST_TOO_LARGE);
	assert_int_equal(id, 0);
	assert_true(answer_to(""));
}

static void
program_that_cannot_be_run_says_no(void **state)
{
	(void)state;
	(void)setenv("SSH_ASKPASS", "/no/such/program", 1);
	start();
	assert_false(answer_to(":"));
	assert_false(answer_to(":"));
}

static void
without_a_name_it_is_openssh_s_program(void **state)
{
	(void)state;
	if (access(ASKPASS_PROGRAM, F_OK) == 0)
		skip();		/* and nobody would answer it */
	(void)unsetenv("SSH_ASKPASS");
	start();
	/* The helper is still there for the second one. */
	assert_false(answer_to(":"));
	assert_false(answer_to(":"));
}

static void
program_is_looked_for_in_the_path(void **state)
{
	char *before = strdup(getenv("PATH"));
	char path[1024];

	(void)state;
	assert_non_null(before);
	(void)snprintf(path, sizeof(path), "%s:%s", dir, before);
	(void)setenv("PATH", path, 1);
	(void)setenv("SSH_ASKPASS", "askpass", 1);
	start();
	(void)setenv("PATH", before, 1);
	free(before);
	assert_true(answer_to("echo yes"));
}

static void
questions_are_put_one_after_the_other(void **state)
{
	(void)state;
	start();
	/* Who comes while another one is there says so. */
	(void)ask("mkdir busy && sleep 0.1; rmdir busy", 0);
	(void)ask("mkdir busy; rmdir busy; exit 1", 1);
	(void)ask("mkdir busy && rmdir busy", 2);
	await_answers(3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answers[i].cookie, i);
		assert_int_equal(answers[i].yes, i != 1);
	}
}

static void
queue_has_its_limit(void **state)
{
	uint32_t first, id;

	(void)state;
	start();
	first = ask("sleep 100", 0);
	for (int i = 1; i < ASKPASS_PENDING_MAX; i++)
		(void)ask(":", i);
	assert_int_equal(askpass_ask(ap, ":", on_answer, who, &id), ST_FULL);
	assert_int_equal(id, 0);
	askpass_cancel(ap, first);
	await_answers(ASKPASS_PENDING_MAX - 1);
	for (int i = 1; i < ASKPASS_PENDING_MAX; i++) {
		assert_int_equal(answers[i - 1].cookie, i);
		assert_true(answers[i - 1].yes);
	}
	assert_true(answer_to(":"));
}

static void
cancelled_question_is_ended_with_what_it_started(void **state)
{
	uint32_t id;
	pid_t pid;

	(void)state;
	start();
	/* What it starts has the shell's trap until it runs. */
	id = ask("trap 'touch told; exit 1' TERM; "
	    "(: >runs; exec sleep 100) & echo $! >child; "
	    "until [ -e runs ]; do sleep 0.01; done; "
	    "echo $$ >pid; wait; :", 0);
	(void)ask(":", 1);
	pid = await_pid("pid");
	askpass_cancel(ap, id);
	askpass_cancel(ap, id);
	await_answers(1);
	assert_int_equal(answers[0].cookie, 1);
	assert_true(answers[0].yes);
	await_end(pid);
	await_end(await_pid("child"));
	/* It had the time to put things in order. */
	assert_int_equal(access(in_dir("told"), F_OK), 0);
}

static void
cancelled_program_that_goes_on_is_killed(void **state)
{
	int64_t begin;
	uint32_t id;
	pid_t pid;

	(void)state;
	start();
	id = ask("trap '' TERM; echo $$ >pid; while :; do sleep 1; done", 0);
	(void)ask(":", 1);
	pid = await_pid("pid");
	begin = clock_ms();
	askpass_cancel(ap, id);
	await_answers(1);
	assert_int_equal(answers[0].cookie, 1);
	assert_true(clock_ms() - begin >= 900);
	await_end(pid);
}

/* The program is gone, and its output still open: there is nobody to be told to
 * end, the helper least of all. */
static void
cancel_does_not_wait_for_what_holds_the_output(void **state)
{
	uint32_t id;
	pid_t pid;

	(void)state;
	start();
	id = ask("setsid sleep 100 & echo $! >pid; echo $$ >program", 0);
	(void)ask(":", 1);
	pid = await_pid("pid");
	await_end(await_pid("program"));
	askpass_cancel(ap, id);
	await_answers(1);
	assert_int_equal(answers[0].cookie, 1);
	assert_true(answers[0].yes);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(answer_to(":"));
}

static void
cancelled_question_that_waits_is_not_put(void **state)
{
	uint32_t id;

	(void)state;
	start();
	(void)ask("sleep 0.05", 0);
	id = ask("touch put", 1);
	(void)ask(":", 2);
	askpass_cancel(ap, id);
	askpass_cancel(ap, 4711);
	await_answers(2);
	assert_int_equal(answers[0].cookie, 0);
	assert_int_equal(answers[1].cookie, 2);
	assert_int_not_equal(access(in_dir("put"), F_OK), 0);
	/* One that was answered. */
	askpass_cancel(ap, id);
	assert_true(answer_to(":"));
}

/* Cancel at any moment: the next question must get its own answer. */
static void
cancel_races_with_the_answer(void **state)
{
	uint32_t id;

	(void)state;
	start();
	for (int i = 0; i < 40; i++) {
		n_answers = 0;
		id = ask("exit 1", 0);
		(void)usleep((useconds_t)(i * 200));
		askpass_cancel(ap, id);
		(void)ask(":", 1);
		await_answers(1);
		assert_int_equal(answers[0].cookie, 1);
		assert_true(answers[0].yes);
	}
}

static void
helper_that_is_gone_says_no(void **state)
{
	uint32_t id;
	pid_t program;

	(void)state;
	start();
	id = ask("echo $PPID >helper; echo $$ >pid; sleep 100; :", 0);
	(void)ask(":", 1);
	(void)ask(":", 2);
	program = await_pid("pid");
	assert_int_equal(kill(await_pid("helper"), SIGKILL), 0);
	askpass_cancel(ap, id);
	await_answers(2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answers[i].cookie, i + 1);
		assert_false(answers[i].yes);
	}
	assert_int_equal(askpass_ask(ap, ":", on_answer, who, &id),
	    ST_CLOSED);
	askpass_cancel(ap, id);
	/* What it ran has only lost its parent. */
	assert_int_equal(kill(-program, SIGKILL), 0);
}

/* Gone without a question, and without a look at the loop in between. */
static void
helper_that_is_gone_is_noticed_by_who_asks(void **state)
{
	uint32_t id;
	pid_t pid;

	(void)state;
	start();
	assert_true(answer_to("echo $PPID >helper"));
	pid = await_pid("helper");
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_end(pid);
	n_answers = 0;
	assert_int_equal(askpass_ask(ap, ":", on_answer, who, &id),
	    ST_CLOSED);
	assert_int_equal(n_answers, 0);
}

static void
end_of_the_agent_ends_everything(void **state)
{
	pid_t helper, program;

	(void)state;
	start();
	(void)ask("echo $PPID >helper; echo $$ >pid; sleep 100; :", 0);
	(void)ask(":", 1);
	helper = await_pid("helper");
	program = await_pid("pid");
	/* No terminal of ours can end it. */
	assert_int_equal(getsid(helper), helper);
	askpass_free(ap);
	ap = NULL;
	await_end(helper);
	await_end(program);
	assert_int_equal(n_answers, 0);
}

static void
helper_keeps_no_descriptor_of_ours(void **state)
{
	int fds[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(fds, 0), 0);
	start();
	(void)close(fds[1]);
	/* End of file: nobody else has the other end. */
	assert_true(answer_to(":"));
	assert_int_equal(read(fds[0], &c, 1), 0);
	(void)close(fds[0]);
}

/* Ask again, and take another one back, from an answer. */
static uint32_t to_cancel;

static void
on_first_answer(void *cookie, bool yes)
{
	askpass_cancel(ap, to_cancel);
	(void)ask(":", 3);
	on_answer(cookie, yes);
}

static void
answers_may_ask_and_cancel(void **state)
{
	uint32_t id;

	(void)state;
	start();
	assert_int_equal(askpass_ask(ap, ":", on_first_answer, &who[0], &id),
	    ST_OK);
	to_cancel = ask("sleep 100", 1);
	(void)ask(":", 2);
	await_answers(3);
	assert_int_equal(answers[0].cookie, 0);
	assert_int_equal(answers[1].cookie, 2);
	assert_int_equal(answers[2].cookie, 3);
}

static int
become_nobody(void **state)
{
	(void)state;
	/* Orphans are ours to wait for. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) != 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	if (setresgid(NOBODY, NOBODY, 0) != 0 ||
	    setresuid(NOBODY, NOBODY, 0) != 0)
		return -1;
	/* The change took it away, and the leak checker needs it. */
	return prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

static int
become_root(void **state)
{
	uid_t real, effective, saved;

	(void)state;
	if (getresuid(&real, &effective, &saved) != 0 || saved != 0)
		return 0;
	if (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

/* In the process that has given everything up, as the agent does. */
static int
ask_behind_the_filter(void)
{
	struct harden h = { .strict = true };
	char why[256];

	/* For good: who could be root again keeps the bounding set. */
	if (become_root(NULL) != 0 || (geteuid() == 0 &&
	    (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0)))
		return 9;
	if (askpass_fork(&ap) != ST_OK || loop_new(&loop) != ST_OK ||
	    askpass_attach(ap, loop) != ST_OK)
		return 10;
	if (harden_process(&h, why, sizeof(why)) != ST_OK ||
	    harden_privileges(&h, why, sizeof(why)) != ST_OK ||
	    harden_calls(&h, HARDEN_SERVER, why, sizeof(why)) != ST_OK)
		return 11;
	if (!answer_to("echo yes") || answer_to("exit 1"))
		return 12;
	n_answers = 0;
	askpass_cancel(ap, ask("sleep 100", 0));
	if (!answer_to(":"))
		return 13;
	askpass_free(ap);
	return 0;
}

static void
works_behind_the_servers_filter(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0)
		_exit(ask_behind_the_filter());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Somebody may have started us like that, and it is inherited. */
static void
ignored_children_do_not_matter(void **state)
{
	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	start();
	assert_true(answer_to(":"));
	assert_false(answer_to("exit 1"));
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(there_must_be_somebody_to_ask),
		CASE(root_never_asks),
		CASE(yes_is_said_in_few_ways),
		CASE(prompt_is_the_one_argument),
		CASE(program_that_cannot_be_run_says_no),
		CASE(without_a_name_it_is_openssh_s_program),
		CASE(program_is_looked_for_in_the_path),
		CASE(questions_are_put_one_after_the_other),
		CASE(queue_has_its_limit),
		CASE(cancelled_question_is_ended_with_what_it_started),
		CASE(cancelled_program_that_goes_on_is_killed),
		CASE(cancel_does_not_wait_for_what_holds_the_output),
		CASE(cancelled_question_that_waits_is_not_put),
		CASE(cancel_races_with_the_answer),
		CASE(helper_that_is_gone_says_no),
		CASE(helper_that_is_gone_is_noticed_by_who_asks),
		CASE(end_of_the_agent_ends_everything),
		CASE(helper_keeps_no_descriptor_of_ours),
		CASE(answers_may_ask_and_cancel),
		CASE(works_behind_the_servers_filter),
		CASE(ignored_children_do_not_matter),
	};

	return cmocka_run_group_tests(tests, become_nobody, become_root);
}
