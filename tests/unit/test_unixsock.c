#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/unixsock.h"

/* A directory of the test's own, and the names most tests use in it. */
static char dir[64];
static char sock[96];
static char lock[96];
static char why[512];

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/unixsock.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sock, sizeof(sock), "%s/s", dir);
	(void)snprintf(lock, sizeof(lock), "%s/s.lock", dir);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int
listen_at(struct unixsock *u, const char *path, mode_t mode, bool takeover)
{
	struct unixsock_spec spec = { .path = path, .mode = mode,
		.takeover = takeover, .backlog = 16 };

	return unixsock_listen(u, &spec, why, sizeof(why));
}

static bool
exists(const char *path)
{
	struct stat sb;

	return lstat(path, &sb) == 0;
}

static void
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
}

/* What a process that was killed leaves behind. */
static void
leave_dead_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_true(exists(path));
}

/*
 * Listening and connecting.
 */

static void
listener_is_reached_and_cleans_up(void **state)
{
	struct unixsock u;
	int fd, c;

	(void)state;
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	assert_string_equal(u.path, sock);
	assert_int_equal(u.lock_fd, -1);
	assert_int_equal(u.owner, getpid());
	assert_true(fcntl(u.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(u.fd, F_GETFD) & FD_CLOEXEC);

	assert_int_equal(accept(u.fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(unixsock_connect(sock, &c), ST_OK);
	assert_true(fcntl(c, F_GETFD) & FD_CLOEXEC);
	assert_false(fcntl(c, F_GETFL) & O_NONBLOCK);
	assert_true((fd = accept(u.fd, NULL, NULL)) >= 0);
	close(fd);
	close(c);
	unixsock_close(&u);
	unixsock_close(&u);
	assert_false(exists(sock));
}

static void
connect_says_what_is_wrong(void **state)
{
	char longest[UNIXSOCK_PATH_MAX + 1], below[128];
	int fd = 7;

	(void)state;
	assert_int_equal(unixsock_connect(sock, &fd), ST_NOT_FOUND);
	assert_int_equal(fd, -1);
	assert_int_equal(unixsock_connect("", &fd), ST_NOT_FOUND);
	leave_dead_socket(sock);
	assert_int_equal(unixsock_connect(sock, &fd), ST_CLOSED);
	(void)snprintf(below, sizeof(below), "%s/x", sock);
	assert_int_equal(unixsock_connect(below, &fd), ST_NOT_FOUND);
	memset(longest, 'a', UNIXSOCK_PATH_MAX);
	longest[UNIXSOCK_PATH_MAX] = '\0';
	assert_int_equal(unixsock_connect(longest, &fd), ST_TOO_LARGE);
	longest[UNIXSOCK_PATH_MAX - 1] = '\0';
	assert_int_equal(unixsock_connect(longest, &fd), ST_NOT_FOUND);
	assert_int_equal(fd, -1);
}

static void
connect_without_permission_is_denied(void **state)
{
	struct unixsock u;
	pid_t pid;
	int fd, status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	if ((pid = fork()) == 0) {
		if (setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		_exit(unixsock_connect(sock, &fd) == ST_DENIED ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unixsock_close(&u);
}

static atomic_bool watching;
static atomic_int wrong_modes, seen_modes;

/* Look at the mode of the file as fast as can be. */
static void *
watch_mode(void *arg)
{
	struct stat sb;

	(void)arg;
	while (watching) {
		if (lstat(sock, &sb) != 0)
			continue;
		seen_modes++;
		if ((sb.st_mode & 07777) != 0600)
			wrong_modes++;
	}
	return NULL;
}

static void
mode_is_right_from_the_first_moment(void **state)
{
	static const mode_t modes[] = { 0600, 0666, 0660 };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct unixsock u;
	struct stat sb;
	pthread_t t;
	mode_t before;
	size_t i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 4; j++) {
			before = umask(masks[j]);
			assert_int_equal(listen_at(&u, sock, modes[i], false),
			    ST_OK);
			assert_int_equal(umask(before), masks[j]);
			assert_int_equal(stat(sock, &sb), 0);
			assert_int_equal(sb.st_mode & 07777, modes[i]);
			unixsock_close(&u);
		}
	}

	/* No umask at all would show 0777 for a moment. */
	before = umask(0);
	watching = true;
	assert_int_equal(pthread_create(&t, NULL, watch_mode, NULL), 0);
	for (i = 0; i < 2000 || (seen_modes < 100 && i < 200000); i++) {
		assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
		unixsock_close(&u);
	}
	watching = false;
	assert_int_equal(pthread_join(t, NULL), 0);
	umask(before);
	assert_true(seen_modes > 0);
	assert_int_equal(wrong_modes, 0);
}

static void
without_takeover_what_exists_is_not_touched(void **state)
{
	char expected[256];
	struct unixsock u;

	(void)state;
	(void)snprintf(expected, sizeof(expected),
	    "cannot bind to path %s: Address already in use", sock);
	leave_dead_socket(sock);
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_BUSY);
	assert_string_equal(why, expected);
	assert_int_equal(u.fd, -1);
	assert_true(exists(sock));
	unixsock_close(&u);
	assert_true(exists(sock));
	assert_false(exists(lock));
}

/*
 * Takeover.
 */

static void
a_dead_socket_is_replaced(void **state)
{
	struct unixsock u;
	int fd;

	(void)state;
	leave_dead_socket(sock);
	assert_int_equal(listen_at(&u, sock, 0666, true), ST_OK);
	assert_true(u.lock_fd >= 0);
	assert_true(fcntl(u.lock_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(unixsock_connect(sock, &fd), ST_OK);
	close(fd);
	unixsock_close(&u);
	assert_false(exists(sock));
	assert_true(exists(lock));

	/* The lock file of before is no hindrance. */
	assert_int_equal(listen_at(&u, sock, 0666, true), ST_OK);
	unixsock_close(&u);
}

static void
a_live_socket_is_busy(void **state)
{
	struct unixsock u, v;
	int fd;

	(void)state;
	/* Served by one that takes no part in the locking. */
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	assert_int_equal(listen_at(&v, sock, 0600, true), ST_BUSY);
	assert_non_null(strstr(why, sock));
	assert_non_null(strstr(why, "another path"));
	unixsock_close(&v);
	assert_true(exists(sock));
	unixsock_close(&u);

	/* Served by one that does. */
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_OK);
	assert_int_equal(listen_at(&v, sock, 0600, true), ST_BUSY);
	assert_non_null(strstr(why, lock));
	unixsock_close(&v);
	assert_int_equal(unixsock_connect(sock, &fd), ST_OK);
	close(fd);
	unixsock_close(&u);
}

static void
a_live_socket_with_a_full_queue_is_busy(void **state)
{
	struct unixsock_spec spec = { .path = sock, .mode = 0600,
		.backlog = 0 };
	struct unixsock u, v;
	int fd;

	(void)state;
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(unixsock_connect(sock, &fd), ST_OK);
	assert_int_equal(listen_at(&v, sock, 0600, true), ST_BUSY);
	assert_true(exists(sock));
	close(fd);
	unixsock_close(&u);
}

/* Also over a connection that was made, and used, before it was accepted. */
static void
senders_are_told_from_the_first_connection_on(void **state)
{
	struct unixsock_spec spec = { .path = sock, .mode = 0600,
		.senders = true, .backlog = 16 };
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct ucred))];
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *head;
	struct ucred sender;
	struct unixsock u;
	int fd, got;

	(void)state;
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	assert_true(unixsock_has_senders(u.fd));
	assert_int_equal(unixsock_connect(sock, &fd), ST_OK);
	assert_int_equal(write(fd, &byte, 1), 1);
	assert_true((got = accept(u.fd, NULL, NULL)) >= 0);
	assert_int_equal(recvmsg(got, &msg, 0), 1);
	assert_non_null(head = CMSG_FIRSTHDR(&msg));
	assert_int_equal(head->cmsg_type, SCM_CREDENTIALS);
	memcpy(&sender, CMSG_DATA(head), sizeof(sender));
	assert_int_equal(sender.uid, getuid());
	assert_int_equal(sender.pid, getpid());
	close(got);
	close(fd);
	unixsock_close(&u);
	/* Not unless it is wished for. */
	spec.senders = false;
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	assert_false(unixsock_has_senders(u.fd));
	assert_int_equal(unixsock_senders(u.fd), ST_OK);
	assert_true(unixsock_has_senders(u.fd));
	unixsock_close(&u);
}

static void
what_is_no_socket_is_never_touched(void **state)
{
	struct unixsock u;
	char target[96], lock_file[128], got[8];
	int fd;

	(void)state;
	touch(sock);
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);
	assert_non_null(strstr(why, "is no socket; choose another path"));
	/* Nor is anything made beside it. */
	(void)snprintf(lock_file, sizeof(lock_file), "%s.lock", sock);
	assert_false(exists(lock_file));
	assert_true((fd = open(sock, O_RDONLY)) >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), 4);
	close(fd);

	/* A symlink to a dead socket is no socket either. */
	assert_int_equal(unlink(sock), 0);
	(void)snprintf(target, sizeof(target), "%s/target", dir);
	leave_dead_socket(target);
	assert_int_equal(symlink(target, sock), 0);
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);
	assert_true(exists(target));
	assert_true(exists(sock));
}

static void
a_lock_file_that_is_no_plain_file_is_refused(void **state)
{
	struct unixsock u;
	char target[96];

	(void)state;
	(void)snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(symlink(target, lock), 0);
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);
	assert_non_null(strstr(why, lock));
	assert_false(exists(target));
	assert_false(exists(sock));

	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkfifo(lock, 0600), 0);
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);

	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkdir(lock, 0700), 0);
	assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);
	assert_int_equal(rmdir(lock), 0);

	if (geteuid() == 0) {
		touch(lock);
		assert_int_equal(chown(lock, 65534, 65534), 0);
		assert_int_equal(listen_at(&u, sock, 0600, true), ST_DENIED);
		assert_non_null(strstr(why, "uid 65534"));
	}
}

/* No file can be made in dir: not by others, and it holds one inode. */
static int
listen_where_no_file_can_be(void)
{
	struct unixsock u;
	int st;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, "nr_inodes=1,mode=755") != 0)
		return 77;
	st = listen_at(&u, sock, 0600, true);
	if (st != ST_SYSTEM || errno != ENOSPC ||
	    strstr(why, "make room there, or choose another path") == NULL)
		return 1;
	if (seteuid(65534) != 0)
		return 2;
	st = listen_at(&u, sock, 0600, true);
	return st == ST_SYSTEM && errno == EACCES &&
	    strstr(why, "run this as root, or choose another path") != NULL ?
	    0 : 3;
}

static void
a_lock_file_that_cannot_be_made_says_what_helps(void **state)
{
	struct rlimit saved, none;
	struct unixsock u;
	int st, status;
	pid_t pid;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = (struct rlimit){ 0, saved.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	st = listen_at(&u, sock, 0600, true);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_int_equal(st, ST_SYSTEM);
	assert_non_null(strstr(why, lock));
	assert_non_null(strstr(why, "Too many open files; close files"));

	if (geteuid() != 0)
		skip();
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		_exit(listen_where_no_file_can_be());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Start together, try once, hold what was got until told. */
static void
racer(int start, int result, int end)
{
	struct unixsock u;
	char c;
	int st;

	(void)!read(start, &c, 1);
	st = listen_at(&u, sock, 0600, true);
	c = st == ST_OK ? 'y' : st == ST_BUSY ? 'n' : '?';
	(void)!write(result, &c, 1);
	(void)!read(end, &c, 1);
	_exit(0);
}

static void
of_two_that_race_exactly_one_gets_it(void **state)
{
	int start[2], result[2], end[2], round, i, status;
	pid_t pid[2];
	char got[2];

	(void)state;
	for (round = 0; round < 50; round++) {
		/* Those of the last round were gone without cleaning up. */
		assert_int_equal(pipe(start) | pipe(result) | pipe(end), 0);
		for (i = 0; i < 2; i++) {
			if ((pid[i] = fork()) == 0) {
				close(start[1]);
				close(end[1]);
				racer(start[0], result[1], end[0]);
			}
			assert_true(pid[i] > 0);
		}
		close(start[1]);
		assert_int_equal(read(result[0], &got[0], 1), 1);
		assert_int_equal(read(result[0], &got[1], 1), 1);
		assert_true((got[0] == 'y' && got[1] == 'n') ||
		    (got[0] == 'n' && got[1] == 'y'));
		close(end[1]);
		for (i = 0; i < 2; i++) {
			assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
			assert_int_equal(status, 0);
		}
		assert_true(exists(sock));
		close(start[0]);
		close(result[0]);
		close(result[1]);
		close(end[0]);
	}
}

/*
 * Removal.
 */

static void
only_our_own_file_is_removed(void **state)
{
	struct unixsock u, v;

	(void)state;
	/* Another has taken the path in the meantime. */
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	assert_int_equal(unlink(sock), 0);
	assert_int_equal(listen_at(&v, sock, 0600, false), ST_OK);
	unixsock_close(&u);
	assert_true(exists(sock));
	unixsock_close(&v);
	assert_false(exists(sock));

	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	assert_int_equal(unlink(sock), 0);
	touch(sock);
	unixsock_close(&u);
	assert_true(exists(sock));
}

static void
a_child_that_closes_removes_nothing(void **state)
{
	struct unixsock u;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	if ((pid = fork()) == 0) {
		unixsock_close(&u);
		_exit(u.fd == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(exists(sock));

	/* Until it is made the owner. */
	if ((pid = fork()) == 0) {
		u.owner = getpid();
		unixsock_close(&u);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(exists(sock));
	unixsock_close(&u);
}

/*
 * Paths.
 */

static void
resolve_follows_links_in_the_directory_only(void **state)
{
	char out[UNIXSOCK_PATH_MAX], path[160], expected[160];
	int here;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/real", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink("real", path), 0);
	(void)snprintf(expected, sizeof(expected), "%s/real/s", dir);

	(void)snprintf(path, sizeof(path), "%s/link/s", dir);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, expected);
	(void)snprintf(path, sizeof(path), "%s/./real//../link//s", dir);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, expected);

	/* The last part is taken as it is. */
	assert_int_equal(symlink("/nowhere", expected), 0);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, expected);

	/* Relative ones start where we are. */
	assert_true((here = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(unixsock_resolve("link/s", out, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(out, expected);
	assert_int_equal(unixsock_resolve("s", out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, sock);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(unixsock_resolve("/s", out, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(out, "/s");
}

static void
resolve_says_what_is_wrong(void **state)
{
	char out[UNIXSOCK_PATH_MAX], path[3 * PATH_MAX];
	size_t i;
	static const char *const nameless[] = { "", "/", ".", "..", "/tmp/",
		"/tmp/.", "/tmp/.." };

	(void)state;
	for (i = 0; i < sizeof(nameless) / sizeof(nameless[0]); i++) {
		assert_int_equal(unixsock_resolve(nameless[i], out, why,
		    sizeof(why)), ST_NOT_FOUND);
		assert_string_equal(out, "");
	}
	(void)snprintf(path, sizeof(path), "%s/no/s", dir);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, "/no does not exist"));
	touch(sock);
	(void)snprintf(path, sizeof(path), "%s/s", sock);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)),
	    ST_NOT_FOUND);

	/* The longest that fits, and one more. */
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[UNIXSOCK_PATH_MAX - 1] = '\0';
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, path);
	path[UNIXSOCK_PATH_MAX - 1] = 'x';
	path[UNIXSOCK_PATH_MAX] = '\0';
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)),
	    ST_TOO_LARGE);
	assert_non_null(strstr(why, "107"));
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	path[sizeof(path) - 2] = 's';
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)),
	    ST_TOO_LARGE);
}

/* Whether the path ${name} below the test's directory is trusted. */
static int
trust(const char *name)
{
	char path[160], out[UNIXSOCK_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unixsock_resolve(path, out, why, sizeof(why)), ST_OK);
	return unixsock_trust(out, why, sizeof(why));
}

static void
trust_looks_at_every_directory(void **state)
{
	/* dir/a/b/s, with /tmp (sticky) above */
	static const struct {
		mode_t	 a, b;
		int	 st;
		const char *names;	/* in the reason */
	} t[] = {
		{ 0755, 0755, ST_OK, NULL },
		{ 0700, 0700, ST_OK, NULL },
		{ 0755, 0777, ST_UNTRUSTED, "/a/b can be written" },
		{ 0755, 0775, ST_UNTRUSTED, "/a/b can be written" },
		{ 0755, 0757, ST_UNTRUSTED, "/a/b can be written" },
		/* Sticky is not enough right where the socket lies, */
		{ 0755, 01777, ST_UNTRUSTED, "mode 1777" },
		/* but it is above. */
		{ 01777, 0755, ST_OK, NULL },
		{ 0777, 0755, ST_UNTRUSTED, "/a can be written" },
		{ 0775, 0755, ST_UNTRUSTED, "/a can be written" },
		{ 0757, 0755, ST_UNTRUSTED, "/a can be written" },
	};
	char a[96], b[96];
	size_t i;

	(void)state;
	(void)snprintf(a, sizeof(a), "%s/a", dir);
	(void)snprintf(b, sizeof(b), "%s/a/b", dir);
	assert_int_equal(mkdir(a, 0755), 0);
	assert_int_equal(mkdir(b, 0755), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(chmod(a, t[i].a) | chmod(b, t[i].b), 0);
		assert_int_equal(trust("a/b/s"), t[i].st);
		if (t[i].names != NULL)
			assert_non_null(strstr(why, t[i].names));
	}
	assert_int_equal(unixsock_trust("/tmp/s", why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_int_equal(unixsock_trust("/s", why, sizeof(why)), ST_OK);
	assert_int_equal(chmod(a, 0755) | chmod(b, 0755), 0);
	assert_int_equal(symlink("/elsewhere", sock), 0);
	assert_int_equal(trust("s"), ST_UNTRUSTED);
	assert_non_null(strstr(why, "symbolic link"));

	if (geteuid() != 0)
		return;
	assert_int_equal(chown(a, 65534, (gid_t)-1), 0);
	assert_int_equal(trust("a/b/s"), ST_UNTRUSTED);
	assert_non_null(strstr(why, "uid 65534"));
	assert_int_equal(chown(a, 0, (gid_t)-1), 0);
	assert_int_equal(chown(b, 65534, (gid_t)-1), 0);
	assert_int_equal(trust("a/b/s"), ST_UNTRUSTED);
}

static void
check_dir_makes_listen_refuse_before_it_makes_anything(void **state)
{
	struct unixsock_spec spec = { .path = sock, .mode = 0600,
		.takeover = true, .check_dir = true, .backlog = 1 };
	struct unixsock u;

	(void)state;
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_false(exists(sock));
	assert_false(exists(lock));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	unixsock_close(&u);
}

/*
 * Peers.
 */

/* Connect as another user with ${n} groups; what is seen of it. */
static int
peer_with_groups(size_t n, struct unixsock_peer *peer, pid_t *pid)
{
	static gid_t groups[UNIXSOCK_GROUPS_MAX + 1];
	struct unixsock u;
	int c, end[2], status, st;
	size_t i;
	char x;

	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(listen_at(&u, sock, 0666, false), ST_OK);
	assert_int_equal(pipe(end), 0);
	for (i = 0; i < n; i++)
		groups[i] = (gid_t)(5000 + i);
	if ((*pid = fork()) == 0) {
		close(end[1]);
		if (setgroups(n, groups) != 0 ||
		    setresgid(4001, 4001, 4001) != 0 ||
		    setresuid(4000, 4000, 4000) != 0 ||
		    unixsock_connect(sock, &c) != ST_OK)
			_exit(1);
		(void)!read(end[0], &x, 1);
		_exit(0);
	}
	do {
		c = accept(u.fd, NULL, NULL);
	} while (c < 0 && errno == EAGAIN && usleep(1000) == 0);
	assert_true(c >= 0);
	st = unixsock_peer(c, peer);
	close(end[0]);
	close(end[1]);
	assert_int_equal(waitpid(*pid, &status, 0), *pid);
	assert_int_equal(status, 0);
	close(c);
	unixsock_close(&u);
	return st;
}

static void
peer_is_known_with_its_groups(void **state)
{
	struct unixsock_peer peer;
	pid_t pid;
	size_t i, n;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (n = 0; n <= UNIXSOCK_GROUPS_MAX; n += UNIXSOCK_GROUPS_MAX / 2) {
		assert_int_equal(peer_with_groups(n, &peer, &pid), ST_OK);
		assert_int_equal(peer.uid, 4000);
		assert_int_equal(peer.gid, 4001);
		assert_int_equal(peer.pid, pid);
		assert_int_equal(peer.ngroups, n);
		for (i = 0; i < n; i++)
			assert_int_equal(peer.groups[i], 5000 + i);
	}

	assert_int_equal(peer_with_groups(UNIXSOCK_GROUPS_MAX + 1, &peer,
	    &pid), ST_TOO_LARGE);
	assert_int_equal(peer.uid, 4000);
	assert_int_equal(peer.gid, 4001);
	assert_int_equal(peer.pid, pid);
	assert_int_equal(peer.ngroups, 0);
}

/* Send a byte, and a descriptor if there is one. */
static int
send_fd(int to, int fd)
{
	_Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (fd >= 0) {
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

static void
nobody_can_send_descriptors(void **state)
{
	struct unixsock_spec spec = { .path = sock, .mode = 0600,
		.backlog = 8 };
	struct unixsock u;
	int c, a;

	(void)state;
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	if (!unixsock_no_descriptors(u.fd)) {
		unixsock_close(&u);
		skip();
	}
	unixsock_close(&u);
	assert_int_equal(unixsock_listen(&u, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(unixsock_connect(u.path, &c), ST_OK);
	/* Neither before it is accepted nor afterwards. */
	assert_int_equal(send_fd(c, 0), EPERM);
	assert_int_equal(send_fd(c, -1), 0);
	a = accept(u.fd, NULL, NULL);
	assert_true(a >= 0);
	assert_int_equal(send_fd(c, 0), EPERM);
	assert_int_equal(send_fd(c, -1), 0);
	close(a);
	close(c);
	unixsock_close(&u);
}

static void
the_server_is_known_to_its_client(void **state)
{
	struct unixsock_peer peer;
	struct unixsock u;
	int c;

	(void)state;
	assert_int_equal(listen_at(&u, sock, 0600, false), ST_OK);
	assert_int_equal(unixsock_connect(sock, &c), ST_OK);
	assert_int_equal(unixsock_peer(c, &peer), ST_OK);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	close(c);
	unixsock_close(&u);
}

static void
what_is_not_connected_has_no_peer(void **state)
{
	struct unixsock_peer peer;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(unixsock_peer(fd, &peer), ST_SYSTEM);
	assert_true(peer.uid == (uid_t)-1);
	close(fd);
	assert_int_equal(unixsock_peer(-1, &peer), ST_SYSTEM);
}

int
main(void)
{
#define SOCK_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		SOCK_TEST(listener_is_reached_and_cleans_up),
		SOCK_TEST(connect_says_what_is_wrong),
		SOCK_TEST(connect_without_permission_is_denied),
		SOCK_TEST(mode_is_right_from_the_first_moment),
		SOCK_TEST(without_takeover_what_exists_is_not_touched),
		SOCK_TEST(a_dead_socket_is_replaced),
		SOCK_TEST(a_live_socket_is_busy),
		SOCK_TEST(a_live_socket_with_a_full_queue_is_busy),
		SOCK_TEST(senders_are_told_from_the_first_connection_on),
		SOCK_TEST(what_is_no_socket_is_never_touched),
		SOCK_TEST(a_lock_file_that_is_no_plain_file_is_refused),
		SOCK_TEST(a_lock_file_that_cannot_be_made_says_what_helps),
		SOCK_TEST(of_two_that_race_exactly_one_gets_it),
		SOCK_TEST(only_our_own_file_is_removed),
		SOCK_TEST(a_child_that_closes_removes_nothing),
		SOCK_TEST(resolve_follows_links_in_the_directory_only),
		SOCK_TEST(resolve_says_what_is_wrong),
		SOCK_TEST(trust_looks_at_every_directory),
		SOCK_TEST(
		    check_dir_makes_listen_refuse_before_it_makes_anything),
		SOCK_TEST(peer_is_known_with_its_groups),
		SOCK_TEST(nobody_can_send_descriptors),
		SOCK_TEST(the_server_is_known_to_its_client),
		cmocka_unit_test(what_is_not_connected_has_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
