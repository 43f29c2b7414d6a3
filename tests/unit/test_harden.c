/*
 * What a process gives up, step by step.  Nothing of it can be taken back, so
 * each case runs in a child; what it answers is its exit status.
 */

#include "agent/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/capability.h>
#include <poll.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHY_MAX		512
/* A user that has no rights here. */
#define NOBODY		65534

/* Exit status of a child that saw what it wanted. */
#define GOOD		0

/* In a child: end it unless what was promised holds. */
#define WANT(what)	do {						\
	if (!(what)) {							\
		(void)fprintf(stderr, "%s:%d: not so: %s\n",		\
		    __FILE__, __LINE__, #what);				\
		_exit(1);						\
	}								\
} while (0)

/* Run ${fn} in a child; how it ended, as wait(2) says. */
static int
in_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fn();
		_exit(GOOD);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
run(void (*fn)(void))
{
	int status = in_child(fn);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != GOOD)
		fail_msg("the child ended with %#x", (unsigned)status);
}

/* Only root has something to lose. */
static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* All steps, as the agent takes them. */
static int
take_all(struct harden *h, char *why)
{
	int st;

	why[0] = '\0';
	if ((st = harden_process(h, why, WHY_MAX)) != ST_OK ||
	    (st = harden_privileges(h, why, WHY_MAX)) != ST_OK)
		return st;
	return harden_calls(h, HARDEN_SERVER, why, WHY_MAX);
}

/* One line of a status file, behind the colon, without blanks. */
static const char *
status_line(const char *file, const char *name)
{
	static char line[256];
	size_t len = strlen(name);
	FILE *f = fopen(file, "r");

	if (f == NULL)
		return "no file";
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			(void)fclose(f);
			line[strcspn(line, "\n")] = '\0';
			return line + len + 1 + strspn(line + len + 1, "\t ");
		}
	(void)fclose(f);
	return "no line";
}

static void
take_all_as_daemon(void)
{
	struct harden h = { .strict = true, .daemon = true };
	char why[WHY_MAX];
	enum harden_step step;

	WANT(take_all(&h, why) == ST_OK);
	for (step = 0; step < HARDEN_STEPS; step++)
		WANT(h.step[step].state == HARDEN_MET ||
		    (step == HARDEN_UNTRACEABLE && harden_relaxed()));
}

static void
a_daemon_meets_every_step(void **state)
{
	(void)state;
	run(take_all_as_daemon);
}

static void
look_at_privileges(void)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff",
		"CapBnd", "CapAmb" };
	struct harden h = { .strict = true };
	char why[WHY_MAX];
	size_t i;

	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		WANT(strspn(status_line("/proc/self/status", sets[i]),
		    "0") == 16);
	WANT(strcmp(status_line("/proc/self/status", "NoNewPrivs"),
	    "1") == 0);
	WANT(h.step[HARDEN_CALLS].state == HARDEN_PENDING);
}

static void
the_kernel_confirms_that_nothing_is_left(void **state)
{
	(void)state;
	need_root();
	run(look_at_privileges);
}

static void
look_at_core_and_trace(void)
{
	struct harden h = { .strict = true };
	struct rlimit core;
	char why[WHY_MAX];

	harden_untraceable();
	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == harden_relaxed());
	WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	WANT(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	WANT(signal(SIGXFSZ, SIG_DFL) == SIG_IGN);
}

static void
no_core_and_no_tracing(void **state)
{
	(void)state;
	run(look_at_core_and_trace);
}

/*
 * Sessions.
 */

static void
stay_in_front(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX];
	pid_t before = getsid(0);

	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(h.step[HARDEN_SESSION].state == HARDEN_LEFT_OUT);
	WANT(getsid(0) == before);
}

static void
in_front_the_session_is_the_terminals(void **state)
{
	(void)state;
	run(stay_in_front);
}

static void
lead_already(void)
{
	struct harden h = { .strict = true, .daemon = true };
	char why[WHY_MAX];

	WANT(setsid() > 0);
	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(h.step[HARDEN_SESSION].state == HARDEN_MET);
	WANT(h.step[HARDEN_SESSION].err == 0);
}

static void
a_session_leader_is_one_already(void **state)
{
	(void)state;
	run(lead_already);
}

/* The leader of a group cannot begin a session: a step that is refused. */
static void
be_refused(void)
{
	struct harden h = { .strict = true, .daemon = true };
	char why[WHY_MAX] = "";

	WANT(setpgid(0, 0) == 0);
	WANT(harden_process(&h, why, WHY_MAX) == ST_UNSUPPORTED);
	WANT(h.step[HARDEN_SESSION].state == HARDEN_REFUSED);
	WANT(h.step[HARDEN_SESSION].err == EPERM);
	WANT(strstr(why, "cannot begin a session") != NULL);
	WANT(strstr(why, "Operation not permitted") != NULL);
	WANT(strstr(why, "setsid(2)") != NULL);
	WANT(strstr(why, "--hardening=best-effort") != NULL);
	WANT(strchr(why, '\n') == NULL);
	WANT(h.step[HARDEN_NO_NEW_PRIVS].state == HARDEN_PENDING);
}

static void
strict_ends_with_step_errno_and_remedy(void **state)
{
	(void)state;
	run(be_refused);
}

static void
go_on(void)
{
	struct harden h = { .strict = false, .daemon = true };
	char why[WHY_MAX];

	WANT(setpgid(0, 0) == 0);
	WANT(take_all(&h, why) == ST_OK);
	WANT(h.step[HARDEN_SESSION].state == HARDEN_REFUSED);
	WANT(h.step[HARDEN_SESSION].err == EPERM);
	WANT(h.step[HARDEN_CAPABILITIES].state == HARDEN_MET);
	WANT(h.step[HARDEN_CALLS].state == HARDEN_MET);
}

static void
best_effort_notes_it_and_goes_on(void **state)
{
	(void)state;
	run(go_on);
}

/*
 * Capabilities.
 */

/* Take one capability out of the effective and permitted sets. */
static void
lose(unsigned cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];

	WANT(syscall(SYS_capget, &head, set) == 0);
	set[cap / 32].effective &= ~(1u << cap % 32);
	set[cap / 32].permitted &= ~(1u << cap % 32);
	WANT(syscall(SYS_capset, &head, set) == 0);
}

static void
be_root_without_setpcap(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX] = "";

	if (prctl(PR_CAPBSET_READ, (long)CAP_CHOWN, 0L, 0L, 0L) != 1)
		_exit(GOOD);	/* nothing there that could stay */
	lose(CAP_SETPCAP);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_UNSUPPORTED);
	WANT(h.step[HARDEN_BOUNDING].state == HARDEN_REFUSED);
	WANT(h.step[HARDEN_BOUNDING].err == EPERM);
	WANT(strstr(why, "CAP_SETPCAP") != NULL);
}

static void
root_that_keeps_its_bounding_set_is_refused(void **state)
{
	(void)state;
	need_root();
	run(be_root_without_setpcap);
}

static void
have_nothing(void)
{
	struct harden h = { .strict = true }, again = { .strict = true };
	char why[WHY_MAX];

	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_privileges(&again, why, WHY_MAX) == ST_OK);
	WANT(again.step[HARDEN_BOUNDING].state == HARDEN_MET);
	WANT(again.step[HARDEN_CAPABILITIES].state == HARDEN_MET);
}

static void
root_without_capabilities_has_met_the_step(void **state)
{
	(void)state;
	run(have_nothing);
}

static void
be_nobody(void)
{
	struct harden h = { .strict = true, .daemon = true };
	char why[WHY_MAX];

	WANT(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	WANT(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	WANT(take_all(&h, why) == ST_OK);
	WANT(h.step[HARDEN_BOUNDING].state == HARDEN_MET);
	WANT(h.step[HARDEN_BOUNDING].err == 0);
	WANT(h.step[HARDEN_CALLS].state == HARDEN_MET);
}

static void
an_ordinary_user_has_no_bounding_set_to_drop(void **state)
{
	(void)state;
	need_root();
	run(be_nobody);
}

/* As under an emulated kernel that says yes to everything. */
static void
be_lied_to(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX];
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1)
		_exit(GOOD);
	WANT(ctx != NULL);
	WANT(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) == 0);
	WANT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(0), SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS, 0)) == 0);
	WANT(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_UNSUPPORTED);
	WANT(h.step[HARDEN_NO_NEW_PRIVS].state == HARDEN_REFUSED);
	WANT(h.step[HARDEN_NO_NEW_PRIVS].err == ENOTSUP);
}

static void
a_step_that_only_says_yes_is_refused(void **state)
{
	(void)state;
	need_root();
	run(be_lied_to);
}

/*
 * The filter.
 */

static void
be_refused_the_filter(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX] = "";
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	/* The container's filter forbids ours, and personality(2) too. */
	WANT(ctx != NULL);
	WANT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES),
	    SCMP_SYS(seccomp), 1, SCMP_A0(SCMP_CMP_EQ, 1, 0)) == 0);
	WANT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) == 0);
	WANT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
	    SCMP_SYS(personality), 0) == 0);
	WANT(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
	WANT(harden_calls(&h, HARDEN_SERVER, why, WHY_MAX) ==
	    ST_UNSUPPORTED);
	WANT(h.step[HARDEN_CALLS].state == HARDEN_REFUSED);
	WANT(strstr(why, "seccomp") != NULL);
}

static void
another_filter_is_not_taken_for_ours(void **state)
{
	(void)state;
	run(be_refused_the_filter);
}

/* As a kernel before 4.14 answers, which would end the thread alone. */
static void
be_without_kill(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX] = "";
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	WANT(ctx != NULL);
	WANT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL),
	    SCMP_SYS(seccomp), 1, SCMP_A0(SCMP_CMP_EQ,
	    SECCOMP_GET_ACTION_AVAIL, 0)) == 0);
	WANT(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_calls(&h, HARDEN_SERVER, why, WHY_MAX) ==
	    ST_UNSUPPORTED);
	WANT(strstr(why, "Linux 4.14 or newer") != NULL);
}

static void
a_kernel_that_ends_no_process_is_refused(void **state)
{
	(void)state;
	run(be_without_kill);
}

/* Tried by a thread that was there before the filter. */
static atomic_int thread_go, thread_saw;

static void *
wait_and_try(void *arg)
{
	(void)arg;
	while (!thread_go)
		(void)syscall(SYS_getpid);
	thread_saw = personality(0xffffffffUL) == -1 ? errno : 0;
	return NULL;
}

static void
have_a_thread(void)
{
	struct harden h = { .strict = true };
	char why[WHY_MAX];
	pthread_t thread;

	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	WANT(pthread_create(&thread, NULL, wait_and_try, NULL) == 0);
	WANT(harden_calls(&h, HARDEN_SERVER, why, WHY_MAX) == ST_OK);
	thread_go = 1;
	WANT(pthread_join(thread, NULL) == 0);
	WANT(thread_saw == EPERM);
}

static void
the_filter_is_on_every_thread(void **state)
{
	(void)state;
	run(have_a_thread);
}

/* What a call answers: 0, or its errno. */
static int
err_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
try_execve(void)
{
	char *none[] = { NULL };

	return err_of(execve("/nowhere", none, none));
}

static int
try_execveat(void)
{
	char *none[] = { NULL };

	return err_of(syscall(SYS_execveat, -1, "/nowhere", none, none, 0));
}

static int
try_ptrace(void)
{
	return err_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
try_open(void)
{
	return err_of(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static int
try_open_to_write(void)
{
	return err_of(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static int
try_open_to_truncate(void)
{
	return err_of(open("/dev/null", O_WRONLY | O_APPEND | O_TRUNC |
	    O_CLOEXEC));
}

static int
try_open_to_create(void)
{
	return err_of(open("/dev/null", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_open_for_both(void)
{
	return err_of(open("/dev/null", O_RDWR | O_APPEND | O_CLOEXEC));
}

static int
try_open_to_append(void)
{
	return err_of(open("/dev/null", O_WRONLY | O_APPEND | O_CREAT |
	    O_CLOEXEC, 0600));
}

static int
try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(GOOD);
	return err_of(pid);
}

static int
try_kill(void)
{
	return err_of(kill(getppid(), 0));
}

static int
try_tgkill_other(void)
{
	return err_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
try_inet(void)
{
	return err_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_unix_stream(void)
{
	return err_of(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
try_unix_dgram(void)
{
	return err_of(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
try_connect(void)
{
	/* Let through, to fail by itself. */
	return connect(-1, NULL, 0) < 0 && errno == EBADF ? 0 : errno;
}

static int
try_lseek(void)
{
	return lseek(-1, 0, SEEK_SET) < 0 && errno == EBADF ? 0 : errno;
}

static int
try_ftruncate(void)
{
	return ftruncate(-1, 0) < 0 && errno == EBADF ? 0 : errno;
}

static int
try_bind(void)
{
	return err_of(syscall(SYS_bind, -1, NULL, 0));
}

static int
try_setuid(void)
{
	return err_of(setuid(NOBODY));
}

static int
try_dumpable(void)
{
	return err_of(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L));
}

static int
try_map_exec(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int
try_make_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);

	return err_of(p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ |
	    PROT_EXEC));
}

static int
try_malloc(void)
{
	size_t size;
	char *p;

	for (size = 16; size < (size_t)8 << 20; size *= 4) {
		if ((p = malloc(size)) == NULL ||
		    (p = realloc(p, 3 * size)) == NULL)
			return ENOMEM;
		memset(p, 1, 3 * size);
		free(p);
	}
	return 0;
}

static int
try_accept(void)
{
	/* Let through, to fail by itself. */
	return accept4(-1, NULL, NULL, 0) < 0 && errno == EBADF ? 0 : errno;
}

static int
try_poll(void)
{
	return err_of(poll(NULL, 0, 0));
}

static int
try_log(void)
{
	return err_of(write(STDERR_FILENO, "", 0));
}

static int
try_abort(void)
{
	abort();
}

static const struct {
	const char	*name;
	int		(*fn)(void);
	int		 server;	/* errno, or -signal */
	int		 appends, datagrams;	/* with such a wish */
	int		 client;
} calls[] = {
	{ "execve", try_execve, -SIGSYS, -SIGSYS, -SIGSYS, -SIGSYS },
	{ "execveat", try_execveat, -SIGSYS, -SIGSYS, -SIGSYS, -SIGSYS },
	{ "ptrace", try_ptrace, -SIGSYS, -SIGSYS, -SIGSYS, -SIGSYS },
	{ "open to read", try_open, 0, 0, 0, EPERM },
	{ "open to append", try_open_to_append, EPERM, 0, EPERM, EPERM },
	{ "open to write", try_open_to_write, EPERM, EPERM, EPERM, EPERM },
	{ "open to truncate", try_open_to_truncate, EPERM, EPERM, EPERM,
	    EPERM },
	{ "open to create", try_open_to_create, EPERM, EPERM, EPERM, EPERM },
	{ "open for both", try_open_for_both, EPERM, EPERM, EPERM, EPERM },
	{ "fork", try_fork, EPERM, EPERM, EPERM, EPERM },
	{ "kill", try_kill, EPERM, EPERM, EPERM, EPERM },
	{ "tgkill another", try_tgkill_other, EPERM, EPERM, EPERM, EPERM },
	{ "inet socket", try_inet, EPERM, EPERM, EPERM, EPERM },
	{ "unix stream", try_unix_stream, EPERM, EPERM, EPERM, EPERM },
	{ "bind", try_bind, EPERM, EPERM, EPERM, EPERM },
	{ "setuid", try_setuid, EPERM, EPERM, EPERM, EPERM },
	{ "dumpable again", try_dumpable, EPERM, EPERM, EPERM, EPERM },
	{ "executable mmap", try_map_exec, EPERM, EPERM, EPERM, EPERM },
	{ "executable mprotect", try_make_exec, EPERM, EPERM, EPERM, EPERM },
	{ "unix datagrams", try_unix_dgram, EPERM, EPERM, 0, EPERM },
	{ "connect", try_connect, EPERM, EPERM, 0, EPERM },
	{ "lseek", try_lseek, 0, 0, 0, EPERM },
	{ "ftruncate", try_ftruncate, EPERM, 0, EPERM, EPERM },
	{ "accept", try_accept, 0, 0, 0, EPERM },
	{ "poll", try_poll, 0, 0, 0, 0 },
	{ "malloc", try_malloc, 0, 0, 0, 0 },
	{ "write", try_log, 0, 0, 0, 0 },
	{ "abort", try_abort, -SIGABRT, -SIGABRT, -SIGABRT, -SIGABRT },
};

/* For the child: the row, and who it is. */
static size_t call_row;
static enum harden_role call_role;
static bool call_appends, call_datagrams;

static void
try_row(void)
{
	struct harden h = { .strict = true, .appends = call_appends,
		.datagrams = call_datagrams };
	char why[WHY_MAX];

	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_calls(&h, call_role, why, WHY_MAX) == ST_OK);
	_exit(calls[call_row].fn());
}

/* What a row of the table says of who we are. */
static int
wanted(void)
{
	if (call_role == HARDEN_CLIENT)
		return calls[call_row].client;
	return call_appends ? calls[call_row].appends : call_datagrams ?
	    calls[call_row].datagrams : calls[call_row].server;
}

static void
check_calls(enum harden_role role, bool appends, bool datagrams)
{
	int status, want;

	if (harden_relaxed())
		skip();
	call_role = role;
	call_appends = appends;
	call_datagrams = datagrams;
	for (call_row = 0; call_row < sizeof(calls) / sizeof(calls[0]);
	    call_row++) {
		want = wanted();
		status = in_child(try_row);
		if (want < 0 ? !WIFSIGNALED(status) ||
		    WTERMSIG(status) != -want : !WIFEXITED(status) ||
		    WEXITSTATUS(status) != want)
			fail_msg("%s: %#x instead of %d",
			    calls[call_row].name, (unsigned)status, want);
	}
}

static void
a_server_can_call_what_it_needs_only(void **state)
{
	(void)state;
	check_calls(HARDEN_SERVER, false, false);
}

static void
with_an_audit_file_it_can_append(void **state)
{
	(void)state;
	check_calls(HARDEN_SERVER, true, false);
}

static void
with_syslog_it_can_send_datagrams(void **state)
{
	(void)state;
	check_calls(HARDEN_SERVER, false, true);
}

static bool beats;

static void
try_beat(void)
{
	struct harden h = { .strict = true, .beats = beats };
	struct rusage use;
	char why[WHY_MAX];
	int wanted = beats ? EINVAL : EPERM;

	WANT(harden_process(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_privileges(&h, why, WHY_MAX) == ST_OK);
	WANT(harden_calls(&h, HARDEN_SERVER, why, WHY_MAX) == ST_OK);
	/* There is no such timer. */
	WANT(syscall(SYS_timer_settime, 99L, 0L, NULL, NULL) == -1 &&
	    errno == wanted);
	WANT((getrusage(RUSAGE_THREAD, &use) == 0) == beats);
	_exit(GOOD);
}

static void
only_with_a_beat_it_can_set_its_timer(void **state)
{
	(void)state;
	if (harden_relaxed())
		skip();
	for (int i = 0; i < 2; i++) {
		beats = i == 1;
		run(try_beat);
	}
}

static void
a_client_can_call_what_it_needs_only(void **state)
{
	(void)state;
	check_calls(HARDEN_CLIENT, true, true);
}

static void
every_step_and_state_has_a_name(void **state)
{
	enum harden_state s;
	enum harden_step i, j;

	(void)state;
	for (i = 0; i < HARDEN_STEPS; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(harden_step_name(i),
			    harden_step_name(j));
	for (s = HARDEN_PENDING; s <= HARDEN_REFUSED; s++)
		assert_string_not_equal(harden_state_name(s), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_daemon_meets_every_step),
		cmocka_unit_test(the_kernel_confirms_that_nothing_is_left),
		cmocka_unit_test(no_core_and_no_tracing),
		cmocka_unit_test(in_front_the_session_is_the_terminals),
		cmocka_unit_test(a_session_leader_is_one_already),
		cmocka_unit_test(strict_ends_with_step_errno_and_remedy),
		cmocka_unit_test(best_effort_notes_it_and_goes_on),
		cmocka_unit_test(root_that_keeps_its_bounding_set_is_refused),
		cmocka_unit_test(root_without_capabilities_has_met_the_step),
		cmocka_unit_test(an_ordinary_user_has_no_bounding_set_to_drop),
		cmocka_unit_test(a_step_that_only_says_yes_is_refused),
		cmocka_unit_test(another_filter_is_not_taken_for_ours),
		cmocka_unit_test(a_kernel_that_ends_no_process_is_refused),
		cmocka_unit_test(the_filter_is_on_every_thread),
		cmocka_unit_test(a_server_can_call_what_it_needs_only),
		cmocka_unit_test(with_an_audit_file_it_can_append),
		cmocka_unit_test(with_syslog_it_can_send_datagrams),
		cmocka_unit_test(only_with_a_beat_it_can_set_its_timer),
		cmocka_unit_test(a_client_can_call_what_it_needs_only),
		cmocka_unit_test(every_step_and_state_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
