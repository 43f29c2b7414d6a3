/*
 * Where an agent listens that was told nothing, and what it removes there.
 */

#include "agent/socketpath.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WHY_MAX	256

/* A home directory for one test. */
static char home[64];
static char why[WHY_MAX];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(home, sizeof(home), "/tmp/bottle-home.XXXXXX");
	if (mkdtemp(home) == NULL || setenv("HOME", home, 1) != 0)
		return -1;
	return unsetenv("TMPDIR");
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
	return nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static mode_t
mode_of(const char *path)
{
	struct stat sb;

	assert_int_equal(lstat(path, &sb), 0);
	return sb.st_mode & 07777;
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

/* A path below the home directory; good until the next call. */
static const char *
at_home(const char *rest)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s%s", home, rest);
	return path;
}

/* Whether ${n} characters are letters and digits. */
static bool
is_part(const char *p, size_t n)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789") >= n;
}

static void
default_is_a_new_name_in_a_private_directory(void **state)
{
	const struct agent_options opts = { .command = COMMAND_SERVE };
	static const mode_t masks[] = { 022, 0777 };
	struct socketpath one, two;
	size_t len, i;
	mode_t before;
	int st;

	(void)state;
	for (i = 0; i < 2; i++) {
		before = umask(masks[i]);
		st = socketpath_choose(&opts, false, &one, why, sizeof(why));
		(void)umask(before);
		assert_int_equal(st, ST_OK);
		assert_int_equal(mode_of(at_home("/.ssh")), 0700);
		assert_int_equal(mode_of(at_home("/.ssh/agent")), 0700);
		assert_int_equal(rmdir(at_home("/.ssh/agent")), 0);
		assert_int_equal(rmdir(at_home("/.ssh")), 0);
	}
	assert_string_equal(one.dir, "");
	len = strlen(at_home("/.ssh/agent/s."));
	assert_memory_equal(one.path, at_home("/.ssh/agent/s."), len);
	assert_int_equal(strlen(one.path), len + 10 + strlen(".agent.") + 10);
	assert_true(is_part(one.path + len, 10));
	assert_memory_equal(one.path + len + 10, ".agent.", 7);
	assert_true(is_part(one.path + len + 17, 10));

	assert_int_equal(socketpath_choose(&opts, false, &two, why,
	    sizeof(why)), ST_OK);
	assert_memory_equal(two.path, one.path, len + 17);
	assert_string_not_equal(two.path, one.path);
}

/* Whoever has opened it up had a reason. */
static void
directories_that_are_there_keep_their_modes(void **state)
{
	const struct agent_options opts = { .command = COMMAND_SERVE };
	struct socketpath sp;

	(void)state;
	assert_int_equal(mkdir(at_home("/.ssh"), 0755), 0);
	assert_int_equal(chmod(at_home("/.ssh"), 0755), 0);
	assert_int_equal(mkdir(at_home("/.ssh/agent"), 0750), 0);
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(mode_of(at_home("/.ssh")), 0755);
	assert_int_equal(mode_of(at_home("/.ssh/agent")), 0750);
}

static void
what_was_said_goes_before_the_default(void **state)
{
	struct agent_options opts = { .command = COMMAND_SERVE };
	struct socketpath sp;

	(void)state;
	assert_true(socketpath_is_default(&opts, false));
	assert_false(socketpath_is_default(&opts, true));
	assert_int_equal(socketpath_choose(&opts, true, &sp, why,
	    sizeof(why)), ST_OK);
	assert_string_equal(sp.path, OPTIONS_SOCKET);
	opts.socket = "x/y";
	assert_false(socketpath_is_default(&opts, false));
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	assert_string_equal(sp.path, "x/y");
	assert_int_equal(socketpath_choose(&opts, true, &sp, why,
	    sizeof(why)), ST_OK);
	assert_string_equal(sp.path, "x/y");
	assert_false(exists(at_home("/.ssh")));
	socketpath_fini(&sp);
}

static void
tmp_is_a_private_directory_that_goes_again(void **state)
{
	/* -T goes before -a. */
	const struct agent_options opts = { .command = COMMAND_SERVE,
		.tmp_socket = true, .socket = "/x" };
	char pid[32];
	struct socketpath sp;
	size_t len = strlen(home) + strlen("/ssh-");
	mode_t before;
	int st;

	(void)state;
	assert_false(socketpath_is_default(&opts, false));
	assert_int_equal(setenv("TMPDIR", home, 1), 0);
	before = umask(0777);
	st = socketpath_choose(&opts, false, &sp, why, sizeof(why));
	(void)umask(before);
	assert_int_equal(st, ST_OK);
	assert_memory_equal(sp.dir, at_home("/ssh-"), len);
	assert_int_equal(strlen(sp.dir), len + 12);
	assert_true(is_part(sp.dir + len, 12));
	assert_null(strstr(sp.dir, "XXX"));
	assert_int_equal(mode_of(sp.dir), 0700);
	(void)snprintf(pid, sizeof(pid), "/agent.%ld", (long)getpid());
	assert_memory_equal(sp.path, sp.dir, len + 12);
	assert_string_equal(sp.path + len + 12, pid);
	socketpath_fini(&sp);
	assert_false(exists(sp.dir));

	assert_int_equal(setenv("TMPDIR", "", 1), 0);
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	assert_memory_equal(sp.dir, "/tmp/ssh-", 9);
	socketpath_fini(&sp);
	assert_false(exists(sp.dir));
}

/* A directory name of ${n} bytes below the home directory. */
static void
make_long(char out[static 256], size_t n)
{
	size_t len = strlen(home);

	assert_true(len + 1 + n < 256);
	memcpy(out, home, len);
	out[len++] = '/';
	memset(out + len, 'a', n);
	out[len + n] = '\0';
	assert_int_equal(mkdir(out, 0700), 0);
}

static void
path_that_does_not_fit_is_refused_with_advice(void **state)
{
	const struct agent_options tmp = { .command = COMMAND_SERVE,
		.tmp_socket = true };
	const struct agent_options opts = { .command = COMMAND_SERVE };
	struct socketpath sp;
	char deep[256];

	(void)state;
	make_long(deep, 100);
	assert_int_equal(setenv("TMPDIR", deep, 1), 0);
	assert_int_equal(socketpath_choose(&tmp, false, &sp, why,
	    sizeof(why)), ST_TOO_LARGE);
	assert_non_null(strstr(why, "choose one with -a"));
	socketpath_fini(&sp);
	assert_int_equal(rmdir(deep), 0);

	/* The directory fits, and the socket in it does not. */
	make_long(deep, 90 - strlen(home) - 1);
	assert_int_equal(setenv("TMPDIR", deep, 1), 0);
	assert_int_equal(socketpath_choose(&tmp, false, &sp, why,
	    sizeof(why)), ST_TOO_LARGE);
	assert_int_equal(rmdir(deep), 0);

	make_long(deep, 100);
	assert_int_equal(setenv("HOME", deep, 1), 0);
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_TOO_LARGE);
	assert_non_null(strstr(why, "choose one with -a"));
	/* Nothing can be in there that would have to be cleaned. */
	assert_int_equal(socketpath_clean(false, time(NULL), why,
	    sizeof(why)), ST_OK);
}

static void
directory_that_cannot_be_made_is_named(void **state)
{
	const struct agent_options opts = { .command = COMMAND_SERVE };
	const struct agent_options tmp = { .command = COMMAND_SERVE,
		.tmp_socket = true };
	struct socketpath sp;

	(void)state;
	assert_int_equal(setenv("HOME", "/dev/null", 1), 0);
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_SYSTEM);
	assert_string_equal(why,
	    "cannot make the directory /dev/null/.ssh: Not a directory");
	assert_int_equal(setenv("TMPDIR", "/no/such", 1), 0);
	assert_int_equal(socketpath_choose(&tmp, false, &sp, why,
	    sizeof(why)), ST_SYSTEM);
	assert_non_null(strstr(why, "cannot make the directory /no/such/ssh-"));
	assert_string_equal(sp.dir, "");
}

/* What lies in ~/.ssh/agent: s a dead socket, l one on which somebody listens,
 * f full, with its queue of waiting clients full; r a file, d a directory, y a
 * symlink to a dead socket.  %s is this host's part. */
static const struct lying {
	const char	*name;
	char		 kind;
	int		 age_s;
	bool		 stays;		/* with -u */
	bool		 stays_any;	/* with -uu */
} things[] = {
	{ "s.%s.agent.aaaaaaaaaa", 's', 3600, false, false },
	{ "s.%s.agent.bbbbbbbbbb", 's', 3598, true, true },
	{ "s.%s.sshd.cccccccccc", 's', 90000, false, false },
	{ "s.%s.agent.dddddddddd", 'l', 90000, true, true },
	{ "s.%s.agent.ffffffffff", 'f', 90000, true, true },
	{ "s.%s.agent.gggggggggg", 'r', 90000, true, true },
	{ "s.%s.agent.hhhhhhhhhh", 'd', 90000, true, true },
	{ "s.%s.agent.iiiiiiiiii", 'y', 90000, true, true },
	{ "s.ABCDEFGHIJ.agent.aaaaaaaaaa", 's', 90000, true, false },
	{ "s.ABCDEFGHIJ.agent.bbbbbbbbbb", 's', 60, true, true },
	{ "s.ABCDEFGHIJ.agent.cccccccccc", 'l', 90000, true, true },
	{ "s.%sx.agent.aaaaaaaaaa", 's', 90000, true, false },
	{ "other", 's', 90000, true, false },
	{ "-rf", 's', 90000, true, false },
};
#define THINGS	(sizeof(things) / sizeof(things[0]))

/* This host's part, as the names have it. */
static void
get_host(char out[static 11])
{
	const struct agent_options opts = { .command = COMMAND_SERVE,
		.keep_stale = true };
	struct socketpath sp;

	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	memcpy(out, strstr(sp.path, "/s.") + 3, 10);
	out[10] = '\0';
}

/* The path of a thing; good until the next call. */
static const char *
path_of(const struct lying *t)
{
	char name[96], host[11];
	const char *hole = strstr(t->name, "%s");

	if (hole == NULL)
		(void)snprintf(name, sizeof(name), "/.ssh/agent/%s", t->name);
	else {
		get_host(host);
		(void)snprintf(name, sizeof(name), "/.ssh/agent/%.*s%s%s",
		    (int)(hole - t->name), t->name, host, hole + 2);
	}
	return at_home(name);
}

/* Bind a socket; its descriptor. */
static int
make_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	return fd;
}

/* Connect until no more fits into the queue; the last descriptor. */
static int
fill_queue(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	for (;;) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
		assert_true(fd >= 0);
		if (connect(fd, (const struct sockaddr *)&sun,
		    sizeof(sun)) != 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	return fd;
}

/* Put a thing there; its descriptor, to be closed at the end, or -1. */
static int
make_thing(const struct lying *t, int64_t now_s)
{
	const struct timespec times[2] = {
		{ .tv_sec = now_s }, { .tv_sec = now_s - t->age_s } };
	const char *path = path_of(t);
	int fd = -1;

	switch (t->kind) {
	case 'r':
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		break;
	case 'd':
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	case 'y':
		assert_int_equal(symlink("s.ABCDEFGHIJ.agent.bbbbbbbbbb",
		    path), 0);
		break;
	default:
		fd = make_socket(path);
		break;
	}
	if (t->kind == 'l')
		assert_int_equal(listen(fd, 4), 0);
	if (t->kind == 'f') {
		assert_int_equal(listen(fd, 0), 0);
		(void)fill_queue(path);
	}
	if (t->kind == 's') {
		assert_int_equal(close(fd), 0);
		fd = -1;
	}
	assert_int_equal(utimensat(AT_FDCWD, path, times,
	    AT_SYMLINK_NOFOLLOW), 0);
	return fd;
}

static void
clean_removes_dead_old_sockets_of_this_host(void **state)
{
	int64_t now_s = time(NULL);
	size_t i;

	(void)state;
	for (i = 0; i < THINGS; i++)
		(void)make_thing(&things[i], now_s);
	assert_int_equal(socketpath_clean(false, now_s, why, sizeof(why)),
	    ST_OK);
	for (i = 0; i < THINGS; i++)
		if (exists(path_of(&things[i])) != things[i].stays)
			fail_msg("-u: %s %s", things[i].name,
			    things[i].stays ? "went" : "stays");
	assert_int_equal(socketpath_clean(true, now_s, why, sizeof(why)),
	    ST_OK);
	for (i = 0; i < THINGS; i++)
		if (exists(path_of(&things[i])) != things[i].stays_any)
			fail_msg("-uu: %s %s", things[i].name,
			    things[i].stays_any ? "went" : "stays");
	/* A whole second later the one of 3598 is not old enough yet. */
	assert_true(exists(path_of(&things[1])));
	assert_int_equal(socketpath_clean(false, now_s + 2, why,
	    sizeof(why)), ST_OK);
	assert_false(exists(path_of(&things[1])));
}

/* Nobody can have connected to it by that path, so it is not known whether it
 * is dead. */
static void
path_of_a_dead_socket_at_the_limit_and_one_past_it(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	char path[256];

	(void)state;
	assert_int_equal(mkdir(at_home("/.ssh"), 0700), 0);
	assert_int_equal(mkdir(at_home("/.ssh/agent"), 0700), 0);
	for (size_t len = most; len <= most + 1; len++) {
		memset(path, 'a', sizeof(path));
		memcpy(path, at_home("/.ssh/agent/"),
		    strlen(at_home("/.ssh/agent/")));
		path[len] = '\0';
		assert_int_equal(close(make_socket(at_home("/short"))), 0);
		assert_int_equal(rename(at_home("/short"), path), 0);
		assert_int_equal(utimensat(AT_FDCWD, path, times,
		    AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(socketpath_clean(true, time(NULL), why,
		    sizeof(why)), ST_OK);
		assert_int_equal(exists(path), len > most);
	}
}

static void
start_cleans_unless_told_not_to(void **state)
{
	struct agent_options opts = { .command = COMMAND_SERVE,
		.keep_stale = true };
	struct socketpath sp;

	(void)state;
	(void)make_thing(&things[0], time(NULL));
	(void)make_thing(&things[12], time(NULL));
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	assert_true(exists(path_of(&things[0])));
	/* Who says where to listen is not about that directory at all. */
	opts.keep_stale = false;
	opts.socket = "/tmp/x";
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	opts.socket = NULL;
	assert_int_equal(socketpath_choose(&opts, true, &sp, why,
	    sizeof(why)), ST_OK);
	assert_true(exists(path_of(&things[0])));
	assert_int_equal(socketpath_choose(&opts, false, &sp, why,
	    sizeof(why)), ST_OK);
	assert_false(exists(path_of(&things[0])));
	assert_true(exists(path_of(&things[12])));
}

static void
nothing_to_clean_is_fine(void **state)
{
	(void)state;
	assert_int_equal(socketpath_clean(true, time(NULL), why,
	    sizeof(why)), ST_OK);
	assert_false(exists(at_home("/.ssh")));
	assert_int_equal(mkdir(at_home("/.ssh"), 0700), 0);
	assert_int_equal(close(open(at_home("/.ssh/agent"), O_WRONLY |
	    O_CREAT | O_CLOEXEC, 0600)), 0);
	assert_int_equal(socketpath_clean(true, time(NULL), why,
	    sizeof(why)), ST_SYSTEM);
	assert_non_null(strstr(why, "cannot read the directory"));
}

/* What becomes of a choice without HOME, as a user. */
static int
choose_as(uid_t uid, const char *env, char said[static WHY_MAX])
{
	const struct agent_options opts = { .command = COMMAND_SERVE };
	struct socketpath sp;
	int fds[2], status;
	pid_t pid;
	ssize_t n;
	int st;

	assert_int_equal(pipe(fds), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		if (setresuid(uid, uid, uid) != 0 || (env == NULL ?
		    unsetenv("HOME") : setenv("HOME", env, 1)) != 0)
			_exit(100);
		st = socketpath_choose(&opts, false, &sp, why, sizeof(why));
		if (st < 0)
			st = 101;
		if (write(fds[1], why, strlen(why)) < 0)
			st = 102;
		_exit(st);
	}
	(void)close(fds[1]);
	assert_true((n = read(fds[0], said, WHY_MAX - 1)) >= 0);
	said[n] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
without_a_home_it_is_that_of_the_user_if_any(void **state)
{
	/* A number that no machine has, and one that most have. */
	const uid_t nobody = 64321, known = 65534;
	const struct passwd *pw;
	char said[WHY_MAX];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(choose_as(nobody, NULL, said), ST_NOT_FOUND);
	assert_non_null(strstr(said, "set HOME"));
	assert_int_equal(choose_as(nobody, "relative", said), ST_NOT_FOUND);
	/* It can make nothing there: so its place is told. */
	if ((pw = getpwuid(known)) == NULL || access(pw->pw_dir, F_OK) == 0)
		skip();
	assert_int_equal(choose_as(known, NULL, said), 101);
	assert_non_null(strstr(said, pw->pw_dir));
}

static int
restore_home(void **state)
{
	(void)state;
	return setenv("HOME", "/", 1);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(default_is_a_new_name_in_a_private_directory),
		CASE(directories_that_are_there_keep_their_modes),
		CASE(what_was_said_goes_before_the_default),
		CASE(tmp_is_a_private_directory_that_goes_again),
		CASE(path_that_does_not_fit_is_refused_with_advice),
		CASE(directory_that_cannot_be_made_is_named),
		CASE(clean_removes_dead_old_sockets_of_this_host),
		CASE(path_of_a_dead_socket_at_the_limit_and_one_past_it),
		CASE(start_cleans_unless_told_not_to),
		CASE(nothing_to_clean_is_fine),
		CASE(without_a_home_it_is_that_of_the_user_if_any),
	};

	return cmocka_run_group_tests(tests, NULL, restore_home);
}
