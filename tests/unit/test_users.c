/*
 * The functions read /etc/passwd and /etc/group and nothing else, so these
 * tests lay files of their own over them, in a mount namespace of a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/users.h"

/* Exit status of a child that may not make a mount namespace. */
#define CANNOT	77

/* In a child: fail with the number of the line. */
#define CHECK(x)	do { if (!(x)) { fprintf(stderr, "line %d: %s\n", \
			    __LINE__, #x); _exit(1); } } while (0)

static const char passwd[] =
    "# a comment\n"
    "\n"
    "+::::::\n"
    "+evil::0:0:::\n"
    "-gone::0:0:::\n"
    ":x:0:0:no name:/:\n"
    "broken\n"
    "broken2:x:\n"
    "broken3:x:abc:1::/:/bin/sh\n"
    "broken4:x:0x10:1::/:/bin/sh\n"
    "none:x:4294967295:1::/:/bin/sh\n"
    "root:x:0:0:root:/root:/bin/bash\n"
    "toor:x:0:0:root again:/elsewhere:/bin/sh\n"
    "nohome:x:41:41:::/bin/sh\n"
    "big:x:4294967294:1::/big:/bin/sh\n"
    "node:x:1000:1000:,,,:/home/node:/bin/sh";

/* Put ${n} bytes over the file ${path}, in place of those before. */
static void
cover(const char *path, const char *bytes, size_t n)
{
	char name[] = "/tmp/users.XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	CHECK(write(fd, bytes, n) == (ssize_t)n);
	CHECK(fchmod(fd, 0644) == 0);
	close(fd);
	/* Nothing can be put over what is there and has no name any more. */
	(void)umount2(path, MNT_DETACH);
	if (mount(name, path, "none", MS_BIND, NULL) != 0) {
		unlink(name);
		CHECK(errno != ENOENT);
		_exit(CANNOT);
	}
	unlink(name);
}

static void
isolate(void)
{
	if (unshare(CLONE_NEWNS) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		_exit(CANNOT);
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
		_exit(CANNOT);
}

/* Run ${fn} in a child with its own view of the files; skip if forbidden. */
static void
run_isolated(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		isolate();
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

static void
child_users(void)
{
	static const char *const strangers[] = { "", "+", "+evil", "-gone",
		"broken", "broken2", "broken3", "broken4", "none", "Root",
		"roo", "roott", "# a comment", "root:x" };
	char name[USERS_NAME_MAX], home[USERS_HOME_MAX];
	uid_t uid = 5;
	size_t i;

	cover("/etc/passwd", passwd, sizeof(passwd) - 1);
	for (i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		CHECK(users_uid(strangers[i], &uid) == ST_NOT_FOUND);
	CHECK(uid == 5);
	CHECK(users_uid("root", &uid) == ST_OK && uid == 0);
	CHECK(users_uid("toor", &uid) == ST_OK && uid == 0);
	CHECK(users_uid("big", &uid) == ST_OK && uid == 4294967294u);
	CHECK(users_uid("node", &uid) == ST_OK && uid == 1000);

	/* The first entry of a number counts. */
	CHECK(users_name(0, name) == ST_OK && strcmp(name, "root") == 0);
	CHECK(users_home(0, home) == ST_OK && strcmp(home, "/root") == 0);
	CHECK(users_name(1000, name) == ST_OK && strcmp(name, "node") == 0);
	CHECK(users_home(1000, home) == ST_OK &&
	    strcmp(home, "/home/node") == 0);
	CHECK(users_home(41, home) == ST_NOT_FOUND && home[0] == '\0');
	CHECK(users_name(42, name) == ST_NOT_FOUND && name[0] == '\0');
	CHECK(users_name((uid_t)-1, name) == ST_NOT_FOUND);
}

static void
broken_and_foreign_lines_name_nobody(void **state)
{
	(void)state;
	run_isolated(child_users);
}

static void
child_groups(void)
{
	size_t n = 0, cap = 1200 * 1024;
	char *text = malloc(cap);
	gid_t gid = 5;

	/* A group with a hundred thousand members in front of another. */
	CHECK(text != NULL);
	n += (size_t)snprintf(text, cap, "+:::\nroot:x:0:\nall:x:100:u");
	while (n < 1024 * 1024)
		n += (size_t)snprintf(text + n, cap - n, ",user%06zu", n);
	n += (size_t)snprintf(text + n, cap - n, "\nbad:x:\ngit:x:200:node\n");
	cover("/etc/group", text, n);
	free(text);

	CHECK(users_gid("root", &gid) == ST_OK && gid == 0);
	CHECK(users_gid("all", &gid) == ST_OK && gid == 100);
	CHECK(users_gid("git", &gid) == ST_OK && gid == 200);
	CHECK(users_gid("+", &gid) == ST_NOT_FOUND);
	CHECK(users_gid("bad", &gid) == ST_NOT_FOUND);
	CHECK(users_gid("node", &gid) == ST_NOT_FOUND);
	CHECK(gid == 200);
}

static void
a_very_long_group_line_is_read(void **state)
{
	(void)state;
	run_isolated(child_groups);
}

static void
child_login(void)
{
	static const char group[] = "first:x:1000:node\nwheel:x:10:root,node\n"
	    "bad:x:\nothers:x:11:nodes,nod\nlast:x:12:node";
	static char many[USERS_GROUPS_MAX * 32];
	struct users_login in;
	size_t n = 0;

	cover("/etc/passwd", passwd, sizeof(passwd) - 1);
	cover("/etc/group", group, sizeof(group) - 1);
	for (int i = 0; i < 2; i++) {
		CHECK(users_login(i == 0 ? "node" : "1000", &in) == ST_OK);
		CHECK(in.uid == 1000 && in.gid == 1000 && in.n == 3);
		CHECK(in.groups[0] == 1000 && in.groups[1] == 10 &&
		    in.groups[2] == 12);
	}
	CHECK(users_login("big", &in) == ST_OK && in.uid == 4294967294u &&
	    in.gid == 1 && in.n == 1);
	/* A number of nobody's. */
	CHECK(users_login("77", &in) == ST_OK && in.uid == 77 &&
	    in.gid == 77 && in.n == 0);
	CHECK(users_login("4294967295", &in) == ST_NOT_FOUND);
	CHECK(users_login("", &in) == ST_NOT_FOUND);
	CHECK(users_login("+evil", &in) == ST_NOT_FOUND);
	CHECK(users_login("-1", &in) == ST_NOT_FOUND);
	CHECK(users_login("1000:1000", &in) == ST_NOT_FOUND);

	for (unsigned i = 1; i <= USERS_GROUPS_MAX; i++) {
		n += (size_t)snprintf(many + n, sizeof(many) - n,
		    "g%u:x:%u:node\n", i, 2000 + i);
		if (i < USERS_GROUPS_MAX - 1)
			continue;
		cover("/etc/group", many, n);
		CHECK(users_login("node", &in) ==
		    (i < USERS_GROUPS_MAX ? ST_OK : ST_TOO_LARGE));
		CHECK(in.n == USERS_GROUPS_MAX);
	}
}

static void
who_logs_in_has_all_groups_and_a_number_of_nobody_none(void **state)
{
	(void)state;
	run_isolated(child_login);
}

static void
child_long_fields(void)
{
	static char text[20 * USERS_HOME_MAX], pad[10 * USERS_HOME_MAX];
	char name[USERS_NAME_MAX], home[USERS_HOME_MAX];
	int n;

	memset(pad, 'a', sizeof(pad) - 1);
	pad[sizeof(pad) - 1] = '\0';
	n = snprintf(text, sizeof(text), "talker:x:3:3:%s:/talk:\n"
	    "%.*s:x:1:1::/%.*s:\n%.*s:x:2:2::/%.*s:\n", pad,
	    USERS_NAME_MAX - 1, pad, USERS_HOME_MAX - 2, pad,
	    USERS_NAME_MAX, pad, USERS_HOME_MAX - 1, pad);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	cover("/etc/passwd", text, (size_t)n);
	CHECK(users_home(3, home) == ST_OK && strcmp(home, "/talk") == 0);
	CHECK(users_name(1, name) == ST_OK &&
	    strlen(name) == USERS_NAME_MAX - 1);
	CHECK(users_home(1, home) == ST_OK &&
	    strlen(home) == USERS_HOME_MAX - 1);
	CHECK(users_name(2, name) == ST_NOT_FOUND && name[0] == '\0');
	CHECK(users_home(2, home) == ST_NOT_FOUND && home[0] == '\0');
}

static void
fields_that_do_not_fit_are_not_cut(void **state)
{
	(void)state;
	run_isolated(child_long_fields);
}

static void
child_missing(void)
{
	char name[USERS_NAME_MAX];
	uid_t uid;
	gid_t gid;

	/* An empty /etc: a container made from nothing has no files there. */
	if (mount("none", "/etc", "tmpfs", 0, NULL) != 0)
		_exit(CANNOT);
	CHECK(users_uid("root", &uid) == ST_NOT_FOUND);
	CHECK(users_gid("root", &gid) == ST_NOT_FOUND);
	CHECK(users_name(0, name) == ST_NOT_FOUND && name[0] == '\0');
}

static void
missing_files_are_not_found(void **state)
{
	(void)state;
	run_isolated(child_missing);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_and_foreign_lines_name_nobody),
		cmocka_unit_test(a_very_long_group_line_is_read),
		cmocka_unit_test(
		    who_logs_in_has_all_groups_and_a_number_of_nobody_none),
		cmocka_unit_test(fields_that_do_not_fit_are_not_cut),
		cmocka_unit_test(missing_files_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
