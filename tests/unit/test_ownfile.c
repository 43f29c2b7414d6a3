#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ownfile.h"

#define MAX	16

/* A directory of the test's own, and a file in it. */
static char dir[64];
static char file[96];
static char why[1024];

/* Make a file with these contents. */
static void
make(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(close(fd), 0);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ownfile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/file", dir);
	make(file, "text", 4);
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

/* Read a file that must be good. */
static void
read_good(const char *path, const char *text, size_t len)
{
	char *got;
	size_t n;

	if (ownfile_read(path, MAX, &got, &n, why, sizeof(why)) != ST_OK)
		fail_msg("%s: %s", path, why);
	assert_int_equal(n, len);
	assert_memory_equal(got, text, len);
	assert_int_equal(got[n], '\0');
	free(got);
}

/* Read, and append to, one that must not be; the message has ${part} and the
 * path. */
static void
both_refuse(const char *path, int wanted, const char *part)
{
	char *got = why;
	size_t n;
	int fd = 0;

	why[0] = '\0';
	assert_int_equal(ownfile_read(path, MAX, &got, &n, why, sizeof(why)),
	    wanted);
	assert_null(got);
	if (strstr(why, part) == NULL || strstr(why, dir) == NULL)
		fail_msg("read: %s", why);
	why[0] = '\0';
	assert_int_equal(ownfile_append(path, &fd, why, sizeof(why)), wanted);
	assert_int_equal(fd, -1);
	if (strstr(why, part) == NULL || strstr(why, dir) == NULL)
		fail_msg("append: %s", why);
}

static void
reads_all_of_it(void **state)
{
	(void)state;
	read_good(file, "text", 4);
	make(file, "a\0b\nc", 5);
	read_good(file, "a\0b\nc", 5);
	make(file, "", 0);
	read_good(file, "", 0);
	assert_int_equal(chmod(file, 0444), 0);
	read_good(file, "", 0);
	assert_int_equal(chmod(file, 0755), 0);
	read_good(file, "", 0);
}

static void
size_is_met_exactly_and_not_passed(void **state)
{
	char *got = why;
	size_t n;

	(void)state;
	make(file, "0123456789abcdefg", MAX);
	read_good(file, "0123456789abcdefg", MAX);
	make(file, "0123456789abcdefg", MAX + 1);
	assert_int_equal(ownfile_read(file, MAX, &got, &n, why, sizeof(why)),
	    ST_TOO_LARGE);
	assert_null(got);
	assert_non_null(strstr(why, file));
	assert_non_null(strstr(why, "more than 16 bytes"));
}

static void
missing_is_not_found(void **state)
{
	char path[128], *got;
	size_t n;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(ownfile_read(path, MAX, &got, &n, why, sizeof(why)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, path));
}

static void
who_can_write_it_decides(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0622, 0666, 0777 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		both_refuse(file, ST_UNTRUSTED, "chmod go-w");
	}
	assert_int_equal(chmod(file, 0644), 0);
	read_good(file, "text", 4);
}

static void
another_owner_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(file, 65533, 0), 0);
	both_refuse(file, ST_UNTRUSTED, "belongs to uid 65533: chown it");
	assert_int_equal(chown(file, 0, 65533), 0);
	read_good(file, "text", 4);
}

static void
roots_and_our_own_are_trusted(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* The file of root's, with the eyes of somebody else. */
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(seteuid(65533), 0);
	read_good(file, "text", 4);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(file, 65533, 0), 0);
	assert_int_equal(seteuid(65533), 0);
	read_good(file, "text", 4);
	assert_int_equal(seteuid(0), 0);
}

static void
links_of_both_kinds_are_refused(void **state)
{
	char other[128];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(symlink(file, other), 0);
	both_refuse(other, ST_UNTRUSTED, "symbolic link");
	assert_int_equal(unlink(other), 0);
	/* One that leads nowhere makes no file there. */
	assert_int_equal(symlink("/tmp/ownfile-nowhere", other), 0);
	both_refuse(other, ST_UNTRUSTED, "symbolic link");
	assert_int_equal(access("/tmp/ownfile-nowhere", F_OK), -1);
	assert_int_equal(unlink(other), 0);

	assert_int_equal(link(file, other), 0);
	both_refuse(other, ST_UNTRUSTED, "2 links");
	both_refuse(file, ST_UNTRUSTED, "2 links");
	assert_int_equal(unlink(other), 0);
	read_good(file, "text", 4);
}

static void
only_plain_files(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[128], *got;
	size_t n;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/thing", dir);
	/* A pipe without a writer must not hold us up either. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ownfile_read(path, MAX, &got, &n, why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_non_null(strstr(why, "not a plain file"));
	assert_int_equal(ownfile_append(path, &fd, why, sizeof(why)),
	    ST_SYSTEM);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	both_refuse(path, ST_UNTRUSTED, "not a plain file");
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(ownfile_read(path, MAX, &got, &n, why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_non_null(strstr(why, "not a plain file"));
	assert_int_equal(rmdir(path), 0);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	both_refuse(path, ST_SYSTEM, "cannot open");
	assert_int_equal(close(fd), 0);
}

static void
directories_on_the_way_count(void **state)
{
	static const struct {
		mode_t	 above;
		mode_t	 holder;
		int	 st;
	} table[] = {
		{ 0755, 0755, ST_OK },
		{ 0700, 0700, ST_OK },
		{ 0755, 01777, ST_OK },
		{ 01777, 01777, ST_OK },
		{ 01777, 0755, ST_OK },
		{ 0755, 0777, ST_UNTRUSTED },
		{ 0755, 0775, ST_UNTRUSTED },
		{ 0755, 0757, ST_UNTRUSTED },
		{ 0777, 0755, ST_UNTRUSTED },
		{ 0775, 0755, ST_UNTRUSTED },
	};
	char above[96], holder[112], path[128];
	size_t i;

	(void)state;
	(void)snprintf(above, sizeof(above), "%s/a", dir);
	(void)snprintf(holder, sizeof(holder), "%s/b", above);
	(void)snprintf(path, sizeof(path), "%s/f", holder);
	assert_int_equal(mkdir(above, 0700), 0);
	assert_int_equal(mkdir(holder, 0700), 0);
	make(path, "text", 4);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(chmod(above, table[i].above), 0);
		assert_int_equal(chmod(holder, table[i].holder), 0);
		if (table[i].st == ST_OK)
			read_good(path, "text", 4);
		else
			both_refuse(path, table[i].st, "chmod go-w");
	}
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(above, 0755), 0);
	assert_int_equal(chown(above, 65533, 0), 0);
	both_refuse(path, ST_UNTRUSTED, "belongs to uid 65533, who could");
}

static void
a_sticky_holder_is_for_who_says_so(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_equal(ownfile_trust_dirs(file, "thing", true, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(ownfile_trust_dirs(file, "thing", false, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_non_null(strstr(why, "who could replace the thing"));
	assert_int_equal(ownfile_trust_dirs("/file", "thing", false, why,
	    sizeof(why)), ST_OK);
}

static void
path_is_absolute_and_without_symlinks(void **state)
{
	char out[PATH_MAX], real[128], at[160], cwd[PATH_MAX];

	(void)state;
	(void)snprintf(real, sizeof(real), "%s/real", dir);
	(void)snprintf(at, sizeof(at), "%s/link", dir);
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("real", at), 0);
	(void)snprintf(at, sizeof(at), "%s/link/../link//name", dir);
	assert_int_equal(ownfile_path(at, out, why, sizeof(why)), ST_OK);
	(void)snprintf(at, sizeof(at), "%s/name", real);
	assert_string_equal(out, at);

	assert_int_equal(ownfile_path("/name", out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, "/name");
	assert_int_equal(ownfile_path("//name", out, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(out, "/name");

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(real), 0);
	assert_int_equal(ownfile_path("name", out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, at);
	assert_int_equal(ownfile_path("./name", out, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(out, at);
	assert_int_equal(chdir(cwd), 0);
}

static void
path_without_a_name_or_place_is_refused(void **state)
{
	static const char *const none[] = { "", "/", ".", "..", "/tmp/",
	    "/tmp/.", "/tmp/..", "/no-such-place/file", "/dev/null/file" };
	char out[PATH_MAX], *longest;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		out[0] = 'x';
		assert_int_equal(ownfile_path(none[i], out, why,
		    sizeof(why)), ST_NOT_FOUND);
		assert_int_equal(out[0], '\0');
	}
	longest = malloc(2 * PATH_MAX);
	assert_non_null(longest);
	for (size_t len = PATH_MAX - 1; len < 2 * PATH_MAX; len += 977) {
		/* A name, or a directory, that is too long. */
		memset(longest, 'n', len);
		longest[0] = '/';
		longest[len] = '\0';
		assert_int_equal(ownfile_path(longest, out, why,
		    sizeof(why)), len < PATH_MAX ? ST_OK : ST_TOO_LARGE);
		longest[len - 2] = '/';
		assert_int_equal(ownfile_path(longest, out, why,
		    sizeof(why)), ST_TOO_LARGE);
	}
	free(longest);
}

static void
append_makes_a_private_file_and_never_cuts_one(void **state)
{
	char path[128];
	struct stat sb;
	mode_t mask = umask(0);
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", dir);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ownfile_append(path, &fd, why, sizeof(why)),
		    ST_OK);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(write(fd, "line\n", 5), 5);
		assert_int_equal(close(fd), 0);
	}
	(void)umask(mask);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	read_good(path, "line\nline\n", 10);
}

static void
append_makes_nothing_where_others_can_write(void **state)
{
	char path[128];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(ownfile_append(path, &fd, why, sizeof(why)),
	    ST_UNTRUSTED);
	assert_int_equal(access(path, F_OK), -1);
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(reads_all_of_it),
		OWN_TEST(size_is_met_exactly_and_not_passed),
		OWN_TEST(missing_is_not_found),
		OWN_TEST(who_can_write_it_decides),
		OWN_TEST(another_owner_is_refused),
		OWN_TEST(roots_and_our_own_are_trusted),
		OWN_TEST(links_of_both_kinds_are_refused),
		OWN_TEST(only_plain_files),
		OWN_TEST(directories_on_the_way_count),
		OWN_TEST(a_sticky_holder_is_for_who_says_so),
		OWN_TEST(path_is_absolute_and_without_symlinks),
		OWN_TEST(path_without_a_name_or_place_is_refused),
		OWN_TEST(append_makes_a_private_file_and_never_cuts_one),
		OWN_TEST(append_makes_nothing_where_others_can_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
