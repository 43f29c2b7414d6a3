#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

int
fdio_std_open(void)
{
	int fd, got;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (errno != EBADF)
			return ST_SYSTEM;
		/* The lowest free number is this one: those below are open. */
		if ((got = open("/dev/null", O_RDWR)) < 0)
			return ST_SYSTEM;
		if (got != fd) {
			close(got);
			return ST_SYSTEM;
		}
	}
	return ST_OK;
}

int
fdio_std_null(void)
{
	int fd, null, st = ST_SYSTEM;

	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return ST_SYSTEM;
	for (fd = 0; fd <= 2; fd++) {
		/* dup2() onto itself would leave close-on-exec set. */
		if (null == fd ? fcntl(fd, F_SETFD, 0) < 0 :
		    dup2(null, fd) < 0)
			goto out;
	}
	st = ST_OK;
out:
	if (null > 2)
		close(null);
	return st;
}

/* Whether ${fd} is one of the ${n} in ${keep}. */
static bool
is_kept(int fd, const int *keep, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (keep[i] == fd)
			return true;
	}
	return false;
}

/* What the kernel lists of a folder; not every C library has it. */
static long
list_some(int dir, void *p, size_t n)
{
#ifdef SYS_getdents64
	return syscall(SYS_getdents64, dir, p, n);
#else
	(void)dir;
	(void)p;
	(void)n;
	return -1;
#endif
}

/* Close what is open, as the kernel lists it; false: it does not.  There must
 * be no opendir(3) here: it asks for memory, and after fork(2) a lock of a
 * thread that is no more can be in the way. */
static bool
sweep_listed(const int *keep, size_t n)
{
	/* An entry, as getdents64(2) has it: number, place, size, type,
	 * name. */
	enum { AT_SIZE = 16, AT_NAME = 19 };
	/* Nothing but the kernel knows what it writes there. */
	_Alignas(8) char buf[1024] = { 0 };
	uint64_t value;
	uint16_t size;
	long got, at;
	int dir, fd;

	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	while ((got = list_some(dir, buf, sizeof(buf))) > 0) {
		for (at = 0; at < got; at += size) {
			memcpy(&size, buf + at + AT_SIZE, sizeof(size));
			if (num_u64(buf + at + AT_NAME, 3, INT_MAX, &value) !=
			    ST_OK)
				continue;
			fd = (int)value;
			if (fd != dir && !is_kept(fd, keep, n))
				close(fd);
		}
	}
	close(dir);
	return got == 0;
}

/* The sweep where close_range(2) is missing or forbidden. */
static void
sweep_one_by_one(const int *keep, size_t n)
{
	struct rlimit limit;
	int fd;

	if (sweep_listed(keep, n))
		return;
	/* No /proc: every number that can be open. */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 20)
		limit.rlim_cur = 1 << 20;
	for (fd = 3; fd < (int)limit.rlim_cur; fd++) {
		if (!is_kept(fd, keep, n))
			close(fd);
	}
}

/* close_range(2), which not every C library has. */
static int
close_all(unsigned from, unsigned to)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, from, to, 0u);
#else
	(void)from;
	(void)to;
	return -1;
#endif
}

void
fdio_sweep(const int *keep, size_t n)
{
	unsigned from = 3;
	size_t i;

	/* The gaps between what is kept, then everything above. */
	for (i = 0; i < n; i++) {
		if (keep[i] < 3 || (unsigned)keep[i] < from)
			continue;
		if ((unsigned)keep[i] > from &&
		    close_all(from, (unsigned)keep[i] - 1) != 0) {
			sweep_one_by_one(keep, n);
			return;
		}
		from = (unsigned)keep[i] + 1;
	}
	if (close_all(from, UINT_MAX) != 0)
		sweep_one_by_one(keep, n);
}

int
fdio_read_full(int fd, void *p, size_t n, size_t *got)
{
	uint8_t *to = p;
	size_t done = 0;
	ssize_t r;
	int st = ST_OK;

	while (done < n) {
		r = read(fd, to + done, n - done);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			st = r == 0 || errno == ECONNRESET ? ST_CLOSED :
			    ST_SYSTEM;
			break;
		}
		done += (size_t)r;
	}
	if (got != NULL)
		*got = done;
	return st;
}

int
fdio_write_full(int fd, const void *p, size_t n)
{
	const uint8_t *from = p;
	bool is_socket = true;
	ssize_t r;

	while (n > 0) {
		/* Only send(2) can be told not to raise SIGPIPE. */
		if (is_socket)
			r = send(fd, from, n, MSG_NOSIGNAL);
		else
			r = write(fd, from, n);
		if (r < 0 && errno == ENOTSOCK && is_socket) {
			is_socket = false;
			continue;
		}
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EPIPE || errno == ECONNRESET ?
			    ST_CLOSED : ST_SYSTEM;
		from += r;
		n -= (size_t)r;
	}
	return ST_OK;
}

int
fdio_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return ST_SYSTEM;
	if ((flags & O_NONBLOCK) != 0)
		return ST_OK;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? ST_SYSTEM : ST_OK;
}
