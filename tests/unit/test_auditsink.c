#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/auditsink.h"
#include "base/clock.h"
#include "support/json.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* Longer than anything here takes. */
#define PATIENCE_MS	60000
/* Where a disk ends, in the middle of a line. */
#define FULL		10001
/* Lines that are more than a pipe holds, and more than the queue does. */
#define MANY		500
#define TOO_MANY	10000

/* Linked with --wrap for it: it fails. */
static atomic_bool no_ftruncate;

int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

int
__wrap_ftruncate(int fd, off_t len)
{
	if (!no_ftruncate)
		return __real_ftruncate(fd, len);
	errno = EPERM;
	return -1;
}

/* A directory of the test's own, and files in it. */
static char dir[64];
static char file[96], moved[96];
static char why[1024];

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/auditsink.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/audit", dir);
	(void)snprintf(moved, sizeof(moved), "%s/audit.1", dir);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	no_ftruncate = false;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct auditsink *
open_sink(const char *where)
{
	struct auditsink *s;

	if (auditsink_open(&s, where, AUDITLINE_JSON, why, sizeof(why)) !=
	    ST_OK)
		fail_msg("%s", why);
	return s;
}

static struct auditsink *
start(const char *where)
{
	struct auditsink *s = open_sink(where);

	assert_int_equal(auditsink_start(s), ST_OK);
	return s;
}

/* Have a record with such a number written. */
static bool
put(struct auditsink *s, uint64_t seq)
{
	struct audit_record rec = { .seq = seq, .count = 1,
		.op = AUDIT_REMOVE_ALL, .verdict = AUDIT_DENIED,
		.reason = REASON_POLICY, .has_peer = true, .uid = 1000,
		.gid = 1000 };

	return auditsink_put(s, &rec);
}

/* What a file of lines was found to hold. */
struct found {
	uint64_t	 lines, lost_lines, lost, broken, first, last;
	bool		 in_order;
};

/* The number after a name. */
static uint64_t
number(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void
look_at_line(struct found *f, const char *line)
{
	uint64_t seq;

	if (!json_is_object(line, strlen(line))) {
		f->broken++;
		return;
	}
	if (strstr(line, "\"op\":\"lost\"") != NULL) {
		f->lost_lines++;
		f->lost += number(line, "\"count\":");
		return;
	}
	seq = number(line, "\"seq\":");
	f->in_order &= seq > f->last;
	f->first = f->lines++ == 0 ? seq : f->first;
	f->last = seq;
}

/* Look at all lines of a file; a last one without an end is broken. */
static struct found
look(const char *path)
{
	struct found f = { .in_order = true };
	char line[2 * AUDITLINE_MAX];
	FILE *in = fopen(path, "r");
	size_t len;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		len = strlen(line);
		if (line[len - 1] != '\n') {
			f.broken++;
			break;
		}
		line[len - 1] = '\0';
		look_at_line(&f, line);
	}
	(void)fclose(in);
	return f;
}

static void
nap(void)
{
	(void)usleep(5000);
}

/* Wait until records were lost. */
static void
wait_lost(struct auditsink *s)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (auditsink_lost(s) == 0 && clock_ms() < end)
		nap();
	assert_true(auditsink_lost(s) > 0);
}

/* Wait until the file says how many were lost. */
static void
wait_told(struct auditsink *s)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (look(file).lost < auditsink_lost(s) && clock_ms() < end)
		nap();
	assert_int_equal(look(file).lost, auditsink_lost(s));
}

/* Wait until there is such a file. */
static void
wait_file(const char *path)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (access(path, F_OK) != 0 && clock_ms() < end)
		nap();
	assert_int_equal(access(path, F_OK), 0);
}

static void
a_file_is_made_for_us_alone_and_appended_to(void **state)
{
	struct auditsink *s;
	struct found f;
	struct stat sb;
	mode_t before = umask(0);

	(void)state;
	for (uint64_t i = 1; i <= 2; i++) {
		s = start(file);
		for (uint64_t n = 1; n <= 100; n++)
			assert_true(put(s, (i - 1) * 100 + n));
		auditsink_free(s);
	}
	umask(before);
	assert_int_equal(stat(file, &sb), 0);
	assert_int_equal(sb.st_mode, S_IFREG | 0600);
	f = look(file);
	assert_int_equal(f.lines, 200);
	assert_true(f.in_order && f.first == 1 && f.last == 200);
	assert_int_equal(f.broken + f.lost_lines, 0);
}

static void
the_form_for_people_goes_out_as_well(void **state)
{
	struct audit_record rec = { .seq = 7, .op = AUDIT_START };
	struct auditsink *s;
	char line[256];
	FILE *in;

	(void)state;
	assert_int_equal(auditsink_open(&s, file, AUDITLINE_TEXT, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(auditsink_start(s), ST_OK);
	assert_true(auditsink_put(s, &rec));
	auditsink_free(s);
	in = fopen(file, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	(void)fclose(in);
	assert_string_equal(line, "1970-01-01T00:00:00.000Z #7 "
	    "start allowed\n");
}

/* Open a file that must be refused, with such a word in what is said. */
static void
assert_refused(const char *path, int st, const char *word)
{
	struct auditsink *s;

	assert_int_equal(auditsink_open(&s, path, AUDITLINE_JSON, why,
	    sizeof(why)), st);
	assert_null(s);
	if (strstr(why, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, why);
}

static void
a_file_that_others_could_have_made_is_refused(void **state)
{
	char other[128];
	int fd;

	(void)state;
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && close(fd) == 0);
	(void)snprintf(other, sizeof(other), "%s/other", dir);

	assert_int_equal(symlink(file, other), 0);
	assert_refused(other, ST_UNTRUSTED, "symbolic link");
	assert_int_equal(unlink(other), 0);
	/* One that leads nowhere makes nothing there. */
	assert_int_equal(symlink(moved, other), 0);
	assert_refused(other, ST_UNTRUSTED, "symbolic link");
	assert_int_equal(access(moved, F_OK), -1);
	assert_int_equal(unlink(other), 0);

	assert_int_equal(link(file, other), 0);
	assert_refused(file, ST_UNTRUSTED, "links");
	assert_int_equal(unlink(other), 0);

	assert_int_equal(chmod(file, 0620), 0);
	assert_refused(file, ST_UNTRUSTED, "mode 0620");
	assert_int_equal(chmod(file, 0602), 0);
	assert_refused(file, ST_UNTRUSTED, "mode 0602");
	assert_int_equal(chmod(file, 0600), 0);

	assert_int_equal(mkfifo(other, 0600), 0);
	assert_refused(other, ST_SYSTEM, "cannot open");
	fd = open(other, O_RDWR);
	assert_refused(other, ST_UNTRUSTED, "not a plain file");
	(void)close(fd);
	assert_refused(dir, ST_SYSTEM, "cannot open");
	assert_refused("/nowhere/at/all", ST_NOT_FOUND, "/nowhere/at");

	assert_int_equal(chmod(dir, 0770), 0);
	assert_refused(file, ST_UNTRUSTED, "directory");
	assert_int_equal(chmod(dir, 0700), 0);
	auditsink_free(open_sink(file));
}

static void
a_file_of_another_uid_is_refused(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can give a file away\n");
		skip();
	}
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && close(fd) == 0);
	assert_int_equal(chown(file, 1000, 0), 0);
	assert_refused(file, ST_UNTRUSTED, "uid 1000");
	assert_int_equal(chown(file, 0, 1000), 0);
	auditsink_free(open_sink(file));
	assert_int_equal(chown(dir, 1000, 0), 0);
	assert_refused(file, ST_UNTRUSTED, "uid 1000");
}

static void
after_a_rename_and_a_reopen_the_new_file_goes_on(void **state)
{
	struct auditsink *s = start(file);
	struct found old, new;

	(void)state;
	for (uint64_t n = 1; n <= 300; n++)
		assert_true(put(s, n));
	assert_int_equal(rename(file, moved), 0);
	for (uint64_t n = 301; n <= 400; n++)
		assert_true(put(s, n));
	auditsink_reopen(s);
	wait_file(file);
	for (uint64_t n = 401; n <= 600; n++)
		assert_true(put(s, n));
	auditsink_free(s);
	/* What waited was written to the old one. */
	old = look(moved);
	new = look(file);
	assert_true(old.in_order && new.in_order);
	assert_true(old.first == 1 && old.last == 400 && old.lines == 400);
	assert_true(new.first == 401 && new.last == 600 && new.lines == 200);
}

static void
a_reopen_comes_while_lines_keep_coming(void **state)
{
	struct auditsink *s = start(file);
	int64_t end = clock_ms() + PATIENCE_MS;
	uint64_t n = 0;

	(void)state;
	assert_true(put(s, ++n));
	assert_int_equal(rename(file, moved), 0);
	auditsink_reopen(s);
	while (access(file, F_OK) != 0 && clock_ms() < end)
		(void)put(s, ++n);
	assert_int_equal(access(file, F_OK), 0);
	auditsink_free(s);
}

static void
a_reopen_that_fails_leaves_the_old_file(void **state)
{
	struct auditsink *s = start(file);

	(void)state;
	assert_true(put(s, 1));
	assert_int_equal(rename(file, moved), 0);
	assert_int_equal(symlink("/dev/null", file), 0);
	auditsink_reopen(s);
	assert_true(put(s, 2));
	auditsink_free(s);
	assert_int_equal(look(moved).lines, 2);
	assert_int_equal(access(file, F_OK), 0);
}

/* Half of the queue can wait while the other half is written. */
static void
a_queue_takes_what_fits_and_not_a_line_more(void **state)
{
	struct auditsink *s = start(file);
	uint64_t fit, n;
	struct stat sb;
	struct found f;

	(void)state;
	assert_true(put(s, 1));
	auditsink_free(s);
	assert_int_equal(stat(file, &sb), 0);
	assert_int_equal(unlink(file), 0);
	fit = AUDITSINK_QUEUE / 2 / (uint64_t)sb.st_size;

	/* Nobody writes yet. */
	s = open_sink(file);
	for (n = 1; n <= fit; n++)
		assert_true(put(s, 1));
	assert_int_equal(auditsink_lost(s), 0);
	assert_false(put(s, 2));
	assert_false(put(s, 3));
	assert_int_equal(auditsink_lost(s), 2);
	assert_int_equal(auditsink_start(s), ST_OK);
	auditsink_free(s);
	f = look(file);
	assert_int_equal(f.lines, fit);
	assert_int_equal(f.lost_lines, 1);
	assert_int_equal(f.lost, 2);
}

/* Make files end at so many bytes. */
static void
set_end(rlim_t end)
{
	struct rlimit lim;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &lim), 0);
	lim.rlim_cur = end;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

/* Write on when there is no room, until all is written or lost. */
static uint64_t
fill_up(struct auditsink *s, uint64_t many)
{
	int64_t end = clock_ms() + PATIENCE_MS;
	uint64_t n = 0;

	while (n < many)
		(void)put(s, ++n);
	while (look(file).lines + auditsink_lost(s) < n && clock_ms() < end)
		nap();
	assert_int_equal(look(file).lines + auditsink_lost(s), n);
	return n;
}

static void
without_room_whole_lines_are_kept_and_the_others_counted(void **state)
{
	struct auditsink *s = start(file);
	struct found f, later;
	struct stat sb;
	uint64_t n;

	(void)state;
	set_end(FULL);
	n = fill_up(s, 200);
	assert_int_equal(stat(file, &sb), 0);
	assert_in_range(sb.st_size, FULL - 400, FULL - 1);
	f = look(file);
	assert_true(f.lines > 10 && f.in_order);
	assert_int_equal(f.broken, 0);

	set_end(RLIM_INFINITY);
	wait_told(s);
	later = look(file);
	assert_int_equal(later.lines + later.lost, n);
	assert_true(put(s, n + 1));
	auditsink_free(s);
	later = look(file);
	assert_int_equal(later.last, n + 1);
	assert_int_equal(later.broken, 0);
	assert_int_equal(later.lost, n - f.lines);
}

static void
what_was_lost_is_told_at_the_end_if_not_before(void **state)
{
	struct auditsink *s = start(file);
	uint64_t n, lost;
	struct found f;

	(void)state;
	set_end(FULL);
	n = fill_up(s, 200);
	lost = auditsink_lost(s);
	set_end(RLIM_INFINITY);
	auditsink_free(s);
	f = look(file);
	assert_int_equal(f.lost, lost);
	assert_int_equal(f.lines + f.lost, n);
}

static void
half_a_line_that_stays_is_not_gone_on_with(void **state)
{
	struct auditsink *s = start(file);
	uint64_t n;
	struct found f;

	(void)state;
	no_ftruncate = true;
	set_end(FULL);
	n = fill_up(s, 200);
	set_end(RLIM_INFINITY);
	auditsink_free(s);
	f = look(file);
	assert_int_equal(f.broken, 1);
	assert_int_equal(f.lines + f.lost, n);
}

/* What may be there before the first line of ours. */
static const struct {
	const char	*there;
	uint64_t	 broken;
} ends[] = {
	{ "", 0 }, { "{}\n", 0 }, { "{\"half", 1 }, { "{}\n{", 1 },
};

static void
make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
nor_with_one_of_a_writer_that_was_killed(void **state)
{
	struct auditsink *s;
	struct found f;

	(void)state;
	for (size_t i = 0; i < N(ends); i++) {
		make(file, ends[i].there);
		s = start(file);
		assert_true(put(s, 9));
		auditsink_free(s);
		f = look(file);
		assert_int_equal(f.broken, ends[i].broken);
		assert_int_equal(f.last, 9);
	}
}

static void
nor_with_one_in_a_file_that_was_put_there_meanwhile(void **state)
{
	int64_t end = clock_ms() + PATIENCE_MS;
	struct auditsink *s;
	uint64_t n = 0;
	struct stat sb;

	(void)state;
	for (size_t i = 0; i < N(ends); i++) {
		s = start(file);
		assert_int_equal(rename(file, moved), 0);
		make(file, ends[i].there);
		auditsink_reopen(s);
		/* The first ones may still go to the old file. */
		do {
			assert_true(put(s, ++n));
			nap();
			assert_int_equal(stat(file, &sb), 0);
		} while ((size_t)sb.st_size <= strlen(ends[i].there) + 1 &&
		    clock_ms() < end);
		auditsink_free(s);
		assert_int_equal(look(file).broken, ends[i].broken);
		assert_int_equal(look(file).last, n);
	}
}

/* Be in a mount namespace of our own, or skip. */
static void
need_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none",
	    MS_REC | MS_PRIVATE, NULL) == 0)
		return;
	print_message("no mount namespace of our own: %s\n", strerror(errno));
	skip();
}

static void
a_full_disk_holds_nobody_up_and_is_told_of(void **state)
{
	struct auditsink *s;
	struct found f;
	uint64_t n;

	(void)state;
	need_mounts();
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0,
	    "size=16k,mode=700"), 0);
	s = start(file);
	n = fill_up(s, 5000);
	f = look(file);
	assert_true(f.in_order && f.lines > 20);
	assert_int_equal(f.broken, 0);
	assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=4m"),
	    0);
	auditsink_free(s);
	f = look(file);
	assert_true(f.in_order && f.lost > 0);
	assert_int_equal(f.broken, 0);
	assert_int_equal(f.lines + f.lost, n);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

/* Have stderr be a pipe; what it was, to be put back. */
static int
pipe_stderr(int *reader)
{
	int fd[2], saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	assert_true(saved >= 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(fd[1]), 0);
	*reader = fd[0];
	return saved;
}

static void
back_to_stderr(int saved)
{
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(saved), 0);
}

/* A process that copies from a pipe to the file, once it is told to. */
static pid_t
start_reader(int from, int go)
{
	char buf[4096];
	pid_t pid = fork();
	ssize_t n;
	int to;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)close(STDERR_FILENO);
	to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (to < 0 || read(go, buf, 1) != 1)
		_exit(1);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			_exit(1);
	_exit(0);
}

/* A pipe that is read late has all lines but those it says are lost. */
static void
late_reader(bool nonblock, uint64_t many)
{
	struct auditsink *s;
	int saved, reader, go[2], status, flags;
	struct found f;
	uint64_t n = 0, lost = 0;
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	saved = pipe_stderr(&reader);
	if (nonblock) {
		flags = fcntl(STDERR_FILENO, F_GETFL);
		assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags |
		    O_NONBLOCK), 0);
	}
	pid = start_reader(reader, go[0]);
	assert_int_equal(close(reader), 0);
	s = open_sink("-");
	assert_int_equal(auditsink_fd(s), -1);
	assert_int_equal(auditsink_start(s), ST_OK);
	while (n < many)
		lost += !put(s, ++n);
	assert_int_equal(write(go[1], "g", 1), 1);
	auditsink_free(s);
	back_to_stderr(saved);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* More than a pipe takes; what the queue took as well is not lost. */
	assert_true((lost > 0) == (many == TOO_MANY));
	f = look(file);
	assert_int_equal(f.broken, 0);
	assert_int_equal(f.lost, lost);
	assert_int_equal(f.lines + f.lost, n);
	(void)close(go[0]);
	(void)close(go[1]);
}

static void
a_pipe_that_is_read_late_has_whole_lines(void **state)
{
	(void)state;
	late_reader(false, MANY);
	late_reader(false, TOO_MANY);
}

static void
so_has_one_that_does_not_wait(void **state)
{
	(void)state;
	late_reader(true, MANY);
	late_reader(true, TOO_MANY);
}

/* In a process of its own: the writer stays where it is. */
static int
be_stuck(void)
{
	struct auditsink *s;
	int64_t begin, took;
	int reader;

	(void)pipe_stderr(&reader);
	s = start("-");
	for (uint64_t n = 1; n <= TOO_MANY; n++)
		(void)put(s, n);
	if (auditsink_lost(s) == 0)
		return 1;
	begin = clock_ms();
	auditsink_free(s);
	took = clock_ms() - begin;
	if (took < AUDITSINK_END_MS - 50)
		return 2;
	return took < AUDITSINK_END_MS + PATIENCE_MS / 2 ? 0 : 3;
}

static void
a_pipe_that_nobody_reads_does_not_hold_up_the_end(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		_exit(be_stuck());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
a_pipe_that_is_closed_only_loses_records(void **state)
{
	struct auditsink *s;
	int saved, reader;

	(void)state;
	saved = pipe_stderr(&reader);
	assert_int_equal(close(reader), 0);
	s = start("-");
	assert_true(put(s, 1));
	wait_lost(s);
	auditsink_free(s);
	back_to_stderr(saved);
}

/* The signals that the other thread of this process blocks. */
static uint64_t
blocked_in_writer(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	uint64_t set = 0;
	char path[300], line[256];
	FILE *in;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
		    e->d_name);
		if ((in = fopen(path, "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), in) != NULL)
			if (sscanf(line, "SigBlk: %lx", &set) == 1)
				break;
		(void)fclose(in);
		if ((set >> (SIGTERM - 1) & 1) != 0)
			break;
	}
	(void)closedir(d);
	return set;
}

static void
no_signal_reaches_the_writer(void **state)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1,
		SIGPIPE, SIGXFSZ, SIGALRM };
	struct auditsink *s = start(file);
	uint64_t set = blocked_in_writer();
	sigset_t ours;

	(void)state;
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &ours), 0);
	for (size_t i = 0; i < N(signals); i++) {
		assert_true((set >> (signals[i] - 1) & 1) != 0);
		assert_false(sigismember(&ours, signals[i]));
	}
	auditsink_free(s);
}

/* A syslog daemon. */
static int
serve_syslog(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, "/dev/log");
	assert_true(fd >= 0);
	(void)unlink(sun.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
	    sizeof(wait)), 0);
	return fd;
}

/* The next message, of which all but the record has been looked at. */
static const char *
next_message(int fd)
{
	static char message[AUDITLINE_MAX + 256];
	char head[64];
	const char *at;
	ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

	assert_true(n > 0);
	message[n] = '\0';
	/* auth.notice */
	assert_memory_equal(message, "<37>", 4);
	(void)snprintf(head, sizeof(head), " bottle-agent[%ld]: ",
	    (long)getpid());
	assert_non_null(at = strstr(message, head));
	at += strlen(head);
	assert_true(json_is_object(at, strlen(at)));
	return at;
}

static void
assert_message(int fd, uint64_t seq)
{
	assert_int_equal(number(next_message(fd), "\"seq\":"), seq);
}

static void
syslog_gets_each_line_also_when_it_was_away(void **state)
{
	struct auditsink *s;
	const char *told;
	int fd;

	(void)state;
	need_mounts();
	assert_int_equal(mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"), 0);
	assert_refused("syslog", ST_SYSTEM, "/dev/log");
	fd = serve_syslog();
	s = open_sink("syslog");
	assert_true(auditsink_fd(s) > 2);
	assert_int_equal(auditsink_start(s), ST_OK);
	assert_true(put(s, 1));
	assert_message(fd, 1);
	auditsink_reopen(s);

	/* Started anew, it has another socket. */
	assert_int_equal(close(fd), 0);
	fd = serve_syslog();
	assert_true(put(s, 2));
	assert_message(fd, 2);

	/* Gone, and back. */
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink("/dev/log"), 0);
	assert_true(put(s, 3));
	wait_lost(s);
	fd = serve_syslog();
	told = next_message(fd);
	assert_non_null(strstr(told, "\"op\":\"lost\""));
	assert_int_equal(number(told, "\"count\":"), 1);

	/* Busy for a while: more lines than the socket takes. */
	for (uint64_t n = 4; n < 504; n++)
		assert_true(put(s, n));
	nap();
	for (uint64_t n = 4; n < 504; n++)
		assert_message(fd, n);
	assert_int_equal(auditsink_lost(s), 1);
	auditsink_free(s);
	assert_int_equal(close(fd), 0);
	assert_int_equal(umount2("/dev", MNT_DETACH), 0);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_is_made_for_us_alone_and_appended_to),
		CASE(the_form_for_people_goes_out_as_well),
		CASE(a_file_that_others_could_have_made_is_refused),
		CASE(a_file_of_another_uid_is_refused),
		CASE(after_a_rename_and_a_reopen_the_new_file_goes_on),
		CASE(a_reopen_comes_while_lines_keep_coming),
		CASE(a_reopen_that_fails_leaves_the_old_file),
		CASE(a_queue_takes_what_fits_and_not_a_line_more),
		CASE(without_room_whole_lines_are_kept_and_the_others_counted),
		CASE(what_was_lost_is_told_at_the_end_if_not_before),
		CASE(half_a_line_that_stays_is_not_gone_on_with),
		CASE(nor_with_one_of_a_writer_that_was_killed),
		CASE(nor_with_one_in_a_file_that_was_put_there_meanwhile),
		CASE(a_full_disk_holds_nobody_up_and_is_told_of),
		CASE(a_pipe_that_is_read_late_has_whole_lines),
		CASE(so_has_one_that_does_not_wait),
		CASE(a_pipe_that_nobody_reads_does_not_hold_up_the_end),
		CASE(a_pipe_that_is_closed_only_loses_records),
		CASE(no_signal_reaches_the_writer),
		CASE(syslog_gets_each_line_also_when_it_was_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
