/*
 * The process: how it starts, what it leaves behind, how it ends and with
 * which exit code, in each of its modes.
 */

#include "daemon/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/hex.h"

static struct rig agent;
static struct testkey *key;
/* A rule that only makes it service mode: this uid has all rights anyway. */
static char self_rule[32];

static int
setup(void **state)
{
	(void)state;
	rig_open(&agent);
	return 0;
}

/* For tests that end the agent themselves. */
static int
teardown(void **state)
{
	(void)state;
	return rig_finish(&agent, 2);
}

static void
start(bool service)
{
	if (service)
		rig_start(&agent, "--allow", self_rule, NULL);
	else
		rig_start(&agent, NULL);
}

static bool
exists(const char *path)
{
	struct stat sb;

	if (lstat(path, &sb) == 0)
		return true;
	assert_int_equal(errno, ENOENT);
	return false;
}

/* Fail unless a start with these arguments ends like that, at once. */
static void
expect_exit(int code, const char *const *args)
{
	int got = rig_wait(rig_run(&agent, args, -1));

	if (got != code)
		fail_msg("exit code %d, not %d", got, code);
}

/* How each signal ends each mode. */
static void
signals_end_it_with_their_exit_codes(void **state)
{
	static const struct {
		int	 signo;
		bool	 service;
		int	 code;
	} rows[] = {
		{ SIGTERM, false, 2 }, { SIGHUP, false, 2 },
		{ SIGINT, false, 2 }, { SIGTERM, true, 0 },
		{ SIGINT, true, 0 },
	};
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(rows[i].service);
		/* Not even while it has a client with half a request. */
		fd = rig_connect(&agent);
		assert_int_equal(rig_list(fd, NULL), 0);
		rig_send(fd, hex("0000"));
		assert_int_equal(rig_stop(&agent, rows[i].signo),
		    rows[i].code);
		rig_expect_eof(fd);
		rig_hang_up(fd);
		assert_false(exists(agent.sock));
	}
}

static void
hup_and_pipe_mean_nothing_to_a_service(void **state)
{
	int fd;

	(void)state;
	start(true);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(key, "k", hex("")), SSH_AGENT_SUCCESS);
	rig_signal(&agent, SIGHUP);
	rig_signal(&agent, SIGPIPE);
	rig_alive(&agent);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_hang_up(fd);
	assert_int_equal(rig_stop(&agent, SIGTERM), 0);
}

static void
usr1_forgets_all_keys_and_stays(void **state)
{
	int fd;

	(void)state;
	for (int service = 0; service <= 1; service++) {
		start(service != 0);
		fd = rig_connect(&agent);
		rig_expect(fd, rig_add(key, "k", hex("")),
		    SSH_AGENT_SUCCESS);
		rig_signal(&agent, SIGUSR1);
		assert_int_equal(rig_list(fd, NULL), 0);
		rig_expect(fd, rig_sign(key->blob, rig_git(), 0),
		    SSH_AGENT_FAILURE);
		rig_alive(&agent);
		assert_int_equal(rig_status(fd).pid, agent.pid);
		rig_expect(fd, rig_add(key, "k", hex("")),
		    SSH_AGENT_SUCCESS);
		rig_expect_signature(fd, key, 0, "ssh-ed25519",
		    rig_git());
		rig_hang_up(fd);
		assert_int_equal(rig_stop(&agent, SIGTERM), service ? 0 : 2);
	}
}

/* Read what ssh-agent prints for a shell; the agent's pid. */
static pid_t
read_shell_output(void)
{
	char line[256];
	long pid = 0;
	FILE *f = fopen(agent.log, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "SSH_AGENT_PID=%ld; export SSH_AGENT_PID;",
		    &pid);
	(void)fclose(f);
	assert_true(pid > 1);
	return (pid_t)pid;
}

/* The one who started it exits when it serves: no wait is needed. */
static void
in_the_background_int_is_ignored(void **state)
{
	const char *args[] = { "-s", "-a", agent.sock, NULL };
	int fd;

	(void)state;
	expect_exit(0, args);
	agent.pid = read_shell_output();
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(key, "k", hex("")), SSH_AGENT_SUCCESS);
	rig_signal(&agent, SIGINT);
	rig_alive(&agent);
	assert_int_equal(rig_list(fd, NULL), 1);
	assert_int_equal(rig_status(fd).pid, agent.pid);
	rig_hang_up(fd);
	/* Its parent is gone and we are its reaper. */
	assert_int_equal(rig_stop(&agent, SIGHUP), 2);
	assert_false(exists(agent.sock));
}

static void
in_the_background_a_service_ends_well(void **state)
{
	const char *args[] = { "-s", "-a", agent.sock, "--allow", self_rule,
		NULL };

	(void)state;
	expect_exit(0, args);
	agent.pid = read_shell_output();
	assert_int_equal(rig_stop(&agent, SIGTERM), 0);
	assert_false(exists(agent.sock));
}

static void
killed_by_name_it_goes(void **state)
{
	const char *args[] = { "-s", "-a", agent.sock, NULL };
	const char *kill_args[] = { "-k", NULL };
	char pid[32];

	(void)state;
	expect_exit(0, args);
	agent.pid = read_shell_output();
	(void)snprintf(pid, sizeof(pid), "%ld", (long)agent.pid);
	assert_int_equal(setenv("SSH_AGENT_PID", pid, 1), 0);
	expect_exit(0, kill_args);
	assert_int_equal(rig_wait(agent.pid), 2);
	agent.pid = 0;
	assert_false(exists(agent.sock));
	expect_exit(1, kill_args);
	assert_int_equal(unsetenv("SSH_AGENT_PID"), 0);
	expect_exit(1, kill_args);
}

/* What is there by now is not ours any more. */
static void
file_that_is_not_its_own_is_left_alone(void **state)
{
	pid_t first, second;
	FILE *f;

	(void)state;
	for (int service = 0; service <= 1; service++) {
		start(service != 0);
		assert_int_equal(unlink(agent.sock), 0);
		f = fopen(agent.sock, "we");
		assert_non_null(f);
		(void)fclose(f);
		assert_int_equal(rig_stop(&agent, SIGTERM), service ? 0 : 2);
		assert_true(exists(agent.sock));
		assert_int_equal(unlink(agent.sock), 0);

		start(service != 0);
		assert_int_equal(unlink(agent.sock), 0);
		assert_int_equal(rig_stop(&agent, SIGTERM), service ? 0 : 2);
	}

	/* Nor another socket. */
	start(false);
	assert_int_equal(unlink(agent.sock), 0);
	first = agent.pid;
	start(false);
	second = agent.pid;
	agent.pid = first;
	assert_int_equal(rig_stop(&agent, SIGTERM), 2);
	agent.pid = second;
	rig_hang_up(rig_connect(&agent));
	assert_int_equal(rig_stop(&agent, SIGTERM), 2);
}

/* Dead sockets are taken over in service mode; ssh-agent never does. */
static void
dead_socket_is_taken_over_by_a_service_only(void **state)
{
	const char *args[] = { "-D", "-a", agent.sock, NULL };
	struct stat before, after;

	(void)state;
	start(true);
	assert_int_equal(rig_stop(&agent, SIGKILL), 128 + SIGKILL);
	assert_int_equal(stat(agent.sock, &before), 0);
	expect_exit(1, args);
	assert_int_equal(stat(agent.sock, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	start(true);
	rig_hang_up(rig_connect(&agent));
	assert_int_equal(rig_stop(&agent, SIGTERM), 0);
	assert_false(exists(agent.sock));
}

static void
second_agent_leaves_the_first_alone(void **state)
{
	const char *plain[] = { "-D", "-a", agent.sock, NULL };
	const char *service[] = { "-D", "-a", agent.sock, "--allow",
		self_rule, NULL };
	int fd;

	(void)state;
	for (int mode = 0; mode <= 1; mode++) {
		start(mode != 0);
		fd = rig_connect(&agent);
		expect_exit(1, plain);
		expect_exit(1, service);
		assert_int_equal(rig_list(fd, NULL), 0);
		rig_hang_up(fd);
		rig_hang_up(rig_connect(&agent));
		assert_int_equal(rig_stop(&agent, SIGTERM), mode ? 0 : 2);
	}
}

static void
file_at_the_path_is_not_touched(void **state)
{
	const char *plain[] = { "-D", "-a", agent.sock, NULL };
	const char *service[] = { "-D", "-a", agent.sock, "--allow",
		self_rule, NULL };
	struct stat sb;
	FILE *f = fopen(agent.sock, "we");

	(void)state;
	assert_non_null(f);
	assert_true(fputs("mine\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	expect_exit(1, plain);
	expect_exit(1, service);
	assert_int_equal(stat(agent.sock, &sb), 0);
	assert_true(S_ISREG(sb.st_mode) && sb.st_size == 5);
}

static void
wrong_use_has_its_exit_codes(void **state)
{
	static const char *const rows[][6] = {
		{ "-Z" }, { "-c", "-s" }, { "-D", "-d" },
		{ "-t", "soon" }, { "-u", "sh" }, { "-k", "-cs" },
		/* What ssh-agent calls fatal. */
		{ "-E", "sha" }, { "-O", "no" }, { "-P", "a", "-P", "b" },
		/* From here on with options of ours. */
		{ "--public" }, { "--allow", "nobody-like-that=list" },
		{ "--allow", "0=everything" }, { "--no-such-option" },
		{ "-D", "--ready-fd", "999" },
		{ "--legacy-rsa", "-E", "sha" },
	};
	static const int codes[] = { 1, 1, 1, 1, 1, 1, 255, 255, 255, 2, 2, 2,
		2, 2, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_exit(codes[i], rows[i]);
}

static void
command_that_is_not_there_is_a_failure(void **state)
{
	const char *args[] = { "-a", agent.sock, "/no/such/command", NULL };

	(void)state;
	expect_exit(1, args);
}

/* Others could put their own socket there. */
static void
service_wants_a_directory_of_its_own(void **state)
{
	const char *args[] = { "-D", "-a", agent.sock, "--allow", self_rule,
		NULL };

	(void)state;
	assert_int_equal(chmod(agent.dir, 01777), 0);
	expect_exit(1, args);
	assert_false(exists(agent.sock));
	rig_start(&agent, "--allow", self_rule, "--allow-shared-dir", NULL);
	assert_int_equal(rig_stop(&agent, SIGTERM), 0);
	assert_int_equal(chmod(agent.dir, 0755), 0);
}

/* All that comes over the descriptor until its end. */
static size_t
read_ready(int fd, char *p, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap && (got = read(fd, p + n, cap - n)) > 0)
		n += (size_t)got;
	(void)close(fd);
	return n;
}

static void
ready_fd_gets_a_newline_and_is_closed(void **state)
{
	const char *fore[] = { "-D", "-a", agent.sock, "--ready-fd", "3",
		NULL };
	const char *back[] = { "-a", agent.sock, "--ready-fd", "3", NULL };
	char got[8];
	int fds[2];

	(void)state;
	for (int i = 0; i <= 1; i++) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		agent.pid = rig_run(&agent, i == 0 ? fore : back, fds[1]);
		(void)close(fds[1]);
		assert_int_equal(read_ready(fds[0], got, sizeof(got)), 1);
		assert_int_equal(got[0], '\n');
		if (i == 1) {
			assert_int_equal(rig_wait(agent.pid), 0);
			agent.pid = read_shell_output();
		}
		rig_hang_up(rig_connect(&agent));
		assert_int_equal(rig_stop(&agent, SIGTERM), 2);
	}
}

static void
ready_fd_gets_nothing_where_it_fails(void **state)
{
	const char *fore[] = { "-D", "-a", agent.sock, "--ready-fd", "3",
		NULL };
	const char *back[] = { "-a", agent.sock, "--ready-fd", "3", NULL };
	char got[8];
	int fds[2];
	pid_t pid;
	FILE *f = fopen(agent.sock, "we");

	(void)state;
	assert_non_null(f);
	(void)fclose(f);
	for (int i = 0; i <= 1; i++) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = rig_run(&agent, i == 0 ? fore : back, fds[1]);
		(void)close(fds[1]);
		assert_int_equal(read_ready(fds[0], got, sizeof(got)), 0);
		assert_int_equal(rig_wait(pid), 1);
	}
}

/* Look at the path as fast as can be until something is there. */
static mode_t
first_mode(void)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	struct stat sb;

	while (stat(agent.sock, &sb) != 0) {
		assert_int_equal(errno, ENOENT);
		assert_true(rig_now() < end);
	}
	return sb.st_mode & 07777;
}

static void
socket_has_its_mode_from_the_first_moment(void **state)
{
	const char *plain[] = { "-D", "-a", agent.sock, NULL };
	const char *service[] = { "-D", "-a", agent.sock, "--allow",
		self_rule, NULL };
	const char *public[] = { "-D", "-a", agent.sock, "--allow",
		self_rule, "--public", NULL };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	mode_t before;

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		const char *const *args[] = { plain, service, public };

		for (size_t j = 0; j < 3; j++) {
			before = umask(masks[i]);
			agent.pid = rig_run(&agent, args[j], -1);
			(void)umask(before);
			assert_int_equal(first_mode(), j == 2 ? 0666 : 0600);
			/* It is bound; now wait until it serves. */
			while (!rig_logged(&agent, " mode: "))
				rig_sleep(1);
			assert_int_equal(first_mode(), j == 2 ? 0666 : 0600);
			assert_int_equal(rig_stop(&agent, SIGTERM),
			    j == 0 ? 2 : 0);
			assert_int_equal(unlink(agent.log), 0);
		}
	}
}

/* A line of a file in /proc of the agent. */
static bool
proc_has(const char *file, const char *line_begin)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)agent.pid,
	    file);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, line_begin, strlen(line_begin)) == 0;
	(void)fclose(f);
	return found;
}

static void
no_core_and_no_inherited_descriptor(void **state)
{
	int fds[2], low, high;
	char c;

	(void)state;
	/* One below the listener's number, and one far above. */
	assert_int_equal(pipe(fds), 0);
	low = fds[1];
	assert_true((high = fcntl(low, F_DUPFD, 200)) >= 200);
	start(false);
	assert_true(proc_has("limits",
	    "Max core file size        0                    0 "));
	(void)close(low);
	(void)close(high);
	/* End of file: nobody else has the other end. */
	assert_int_equal(read(fds[0], &c, 1), 0);
	(void)close(fds[0]);
	assert_int_equal(rig_stop(&agent, SIGTERM), 2);
}

/* Descriptor 0 must not become the socket: it would be closed as stdin. */
static void
starts_with_stdin_closed(void **state)
{
	const char *args[] = { "-a", agent.sock, NULL };
	pid_t pid;
	int fd, status;

	(void)state;
	if ((pid = fork()) == 0) {
		(void)close(0);
		status = rig_wait(rig_run(&agent, args, -1));
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	agent.pid = read_shell_output();
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(key, "k", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_signature(fd, key, 0, "ssh-ed25519", rig_git());
	rig_hang_up(fd);
	assert_int_equal(rig_stop(&agent, SIGTERM), 2);
}

static int
make_key(void **state)
{
	(void)state;
	/* Those in the background become children of ours. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L), 0);
	(void)snprintf(self_rule, sizeof(self_rule), "%u=admin",
	    (unsigned)geteuid());
	key = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_key(void **state)
{
	testkey_free(key);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(signals_end_it_with_their_exit_codes),
		CASE(hup_and_pipe_mean_nothing_to_a_service),
		CASE(usr1_forgets_all_keys_and_stays),
		CASE(in_the_background_int_is_ignored),
		CASE(in_the_background_a_service_ends_well),
		CASE(killed_by_name_it_goes),
		CASE(file_that_is_not_its_own_is_left_alone),
		CASE(dead_socket_is_taken_over_by_a_service_only),
		CASE(second_agent_leaves_the_first_alone),
		CASE(file_at_the_path_is_not_touched),
		CASE(wrong_use_has_its_exit_codes),
		CASE(command_that_is_not_there_is_a_failure),
		CASE(service_wants_a_directory_of_its_own),
		CASE(ready_fd_gets_a_newline_and_is_closed),
		CASE(ready_fd_gets_nothing_where_it_fails),
		CASE(socket_has_its_mode_from_the_first_moment),
		CASE(no_core_and_no_inherited_descriptor),
		CASE(starts_with_stdin_closed),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_key, free_key);
}
