#include "forwarder/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "forwarder/banner.h"

/* What one direction holds where it cannot be spliced. */
#define BUFFER_SIZE	(256 * 1024)
/* Most that one splice(2) moves, and what pipes are made to hold. */
#define SPLICE_MAX	(1024 * 1024)
/* Ends that are no further apart are one. */
#define TOGETHER_MS	500

/* How a descriptor is read and written without making it non-blocking. */
enum end_kind {
	END_PIPE,
	END_SOCKET,
	END_OTHER,	/* a terminal, a file: after poll(2), a little at a
			 * time */
};

struct end {
	int		 fd;		/* -1: closed */
	enum end_kind	 kind;
};

enum flow_wait {
	WAIT_IN,		/* for something to read */
	WAIT_OUT,		/* for room */
	WAIT_NEVER,		/* it has ended */
};

/* One direction. */
struct flow {
	struct end	*from, *to;
	enum flow_wait	 wait;
	bool		 spliced;	/* nothing goes through the buffer */
	bool		 no_splice;	/* it was tried */
	size_t		 off, len;	/* what is in the buffer */
	int64_t		 last;		/* when it moved anything */
	uint64_t	 bytes;
	uint8_t		*buffer;
};

struct run {
	struct pump	*pump;
	struct end	 in, out, sock;
	struct flow	 up, down;
	bool		 looked;	/* enough at what the server says first */
	struct banner_scan banner;
	bool		 in_ended;	/* ssh has no more to say */
	int64_t		 start;
};

/* They are large, and a page of them that is not touched costs nothing. */
static uint8_t buffers[2][BUFFER_SIZE];

static struct end
end_of(int fd)
{
	struct end e = { .fd = fd, .kind = END_OTHER };
	struct stat sb;

	if (fstat(fd, &sb) != 0)
		return e;
	if (S_ISSOCK(sb.st_mode))
		e.kind = END_SOCKET;
	if (S_ISFIFO(sb.st_mode)) {
		e.kind = END_PIPE;
		/* Fewer and larger steps; as it is will do. */
		(void)fcntl(fd, F_SETPIPE_SZ, SPLICE_MAX);
	}
	return e;
}

/* Whether the kernel can carry it without us. */
static bool
can_splice(const struct flow *f)
{
	return !f->no_splice &&
	    (f->from->kind == END_PIPE || f->to->kind == END_PIPE);
}

/* Close an end; the other side of a socket learns that no more comes, whoever
 * else has it open. */
static void
end_close(struct end *e)
{
	if (e->fd < 0)
		return;
	if (e->kind == END_SOCKET)
		(void)shutdown(e->fd, SHUT_WR);
	(void)close(e->fd);
	e->fd = -1;
}

/* One read(2) that does not wait. */
static ssize_t
end_read(const struct end *e, void *p, size_t n)
{
	if (e->kind == END_SOCKET)
		return recv(e->fd, p, n, MSG_DONTWAIT);
	return read(e->fd, p, n);
}

/* One write(2) that does not wait: there is room for PIPE_BUF in what poll(2)
 * calls writable. */
static ssize_t
end_write(const struct end *e, const void *p, size_t n)
{
	if (e->kind == END_SOCKET)
		return send(e->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(e->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void
moved(struct flow *f, ssize_t n)
{
	f->bytes += (uint64_t)n;
	f->last = clock_ms();
}

static void
say_not_ssh(struct run *r)
{
	char line[LOG_LINE_MAX];

	r->pump->not_ssh = true;
	banner_not_ssh(&r->banner, r->pump->target, line, sizeof(line));
	log_warn("%s", line);
}

/* How the server's first bytes look; said once. */
static void
look(struct run *r, const uint8_t *p, size_t n)
{
	enum banner kind = banner_scan(&r->banner, p, n);

	if (kind == BANNER_MORE)
		return;
	r->looked = true;
	if (kind != BANNER_SSH)
		say_not_ssh(r);
}

/* The other side has ended first, or without a byte: say how. */
static void
say_cut(struct run *r)
{
	int64_t now = clock_ms();
	struct refusal_cut c = {
		.age_ms = now - r->start,
		.idle_in_ms = now - r->down.last,
		.idle_out_ms = now - r->up.last,
		.bytes_in = r->down.bytes,
		.proxied = r->pump->proxied,
	};
	char line[LOG_LINE_MAX];

	r->pump->cut = true;
	refusal_cut(&c, r->pump->target, line, sizeof(line));
	if (c.bytes_in == 0)
		log_error("%s", line);
	else
		log_info("%s", line);
}

/* A direction has ended. */
static void
finish(struct run *r, struct flow *f)
{
	if (f->wait == WAIT_NEVER)
		return;
	f->wait = WAIT_NEVER;
	if (f == &r->up) {
		(void)shutdown(r->sock.fd, SHUT_WR);
		if (r->in.fd >= 0)
			(void)close(r->in.fd);
		r->in.fd = -1;
		return;
	}
	end_close(&r->out);
}

/* The descriptor that is written to takes no more. */
static void
cannot_write(struct run *r, struct flow *f)
{
	if (f == &r->down && errno != EPIPE && errno != ECONNRESET) {
		log_error_sys("cannot write what comes from %s",
		    r->pump->target->authority);
		r->pump->failed = true;
	}
	finish(r, f);
}

/* Whether ssh is ending as well: when a session is over, it and the server hang
 * up at the same time, and who is first is chance. */
static bool
in_ends(const struct run *r)
{
	struct pollfd in = { .fd = r->in.fd, .events = POLLRDHUP };

	return poll(&in, 1, TOGETHER_MS) > 0;
}

/* Nothing more comes from where ${f} reads. */
static void
at_end(struct run *r, struct flow *f)
{
	if (f == &r->up)
		r->in_ended = true;
	else if (!r->looked && r->banner.total > 0)
		say_not_ssh(r);
	else if (f->bytes == 0 || (!r->in_ended && !in_ends(r)))
		say_cut(r);
	finish(r, f);
}

/* Let the kernel carry what it can. */
static void
step_splice(struct run *r, struct flow *f)
{
	ssize_t n = splice(f->from->fd, NULL, f->to->fd, NULL, SPLICE_MAX,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n > 0) {
		moved(f, n);
		f->wait = WAIT_IN;
		return;
	}
	if (n == 0) {
		at_end(r, f);
		return;
	}
	switch (errno) {
	case EINTR:
		break;
	case EAGAIN:
		/* It does not say which of the two has to wait. */
		f->wait = f->wait == WAIT_IN ? WAIT_OUT : WAIT_IN;
		break;
	case EINVAL:
	case ENOSYS:
	case EPERM:
		/* Something that calls itself a pipe and is none, or a
		 * sandbox that has no such call. */
		f->no_splice = true;
		f->spliced = false;
		f->wait = WAIT_IN;
		break;
	default:
		/* What goes up fails when nobody takes it, what comes down
		 * when nothing more comes, too. */
		if (errno == EPIPE || f == &r->up)
			finish(r, f);
		else
			at_end(r, f);
		break;
	}
}

/* Give on what is in the buffer. */
static void
step_write(struct run *r, struct flow *f)
{
	ssize_t n = end_write(f->to, f->buffer + f->off, f->len);

	if (n < 0) {
		f->wait = WAIT_OUT;
		if (!again())
			cannot_write(r, f);
		return;
	}
	f->off += (size_t)n;
	f->len -= (size_t)n;
	f->wait = WAIT_OUT;
	if (f->len > 0)
		return;
	f->off = 0;
	f->wait = WAIT_IN;
	f->spliced = can_splice(f) && (f == &r->up || r->looked);
}

/* Fill the buffer, and give on at once where that does not wait. */
static void
step_read(struct run *r, struct flow *f)
{
	size_t held = f->off + f->len;
	ssize_t n = end_read(f->from, f->buffer + held, BUFFER_SIZE - held);

	if (n < 0 && again())
		return;
	if (n <= 0) {
		at_end(r, f);
		return;
	}
	moved(f, n);
	if (f == &r->down && !r->looked)
		look(r, f->buffer + held, (size_t)n);
	f->len += (size_t)n;
	/* What is not a socket waits in write(2) when it is full. */
	if (f->to->kind == END_SOCKET)
		step_write(r, f);
	else
		f->wait = WAIT_OUT;
}

static void
step(struct run *r, struct flow *f)
{
	if (f->spliced)
		step_splice(r, f);
	else if (f->wait == WAIT_IN)
		step_read(r, f);
	else
		step_write(r, f);
}

/* Whether what a direction waits for is there. */
static bool
ready(const struct flow *f, int from, int to)
{
	return (f->wait == WAIT_IN && from != 0) ||
	    (f->wait == WAIT_OUT && to != 0);
}

/* One poll(2), and what comes of it. */
static int
turn(struct run *r)
{
	struct flow *up = &r->up, *down = &r->down;
	struct pollfd in = { .fd = -1 };
	struct pollfd out = { .fd = -1 };
	struct pollfd sock = { .fd = -1 };
	struct pollfd fds[3];

	/* A descriptor at its end is reported for ever: only those are looked
	 * at about which something would be done. */
	if (up->wait == WAIT_IN) {
		in.fd = r->in.fd;
		in.events = POLLIN;
	}
	if (down->wait != WAIT_NEVER) {
		out.fd = r->out.fd;
		out.events = down->wait == WAIT_OUT ? POLLOUT : 0;
	}
	if (down->wait == WAIT_IN || up->wait != WAIT_NEVER)
		sock.fd = r->sock.fd;
	if (down->wait == WAIT_IN)
		sock.events |= POLLIN;
	if (up->wait == WAIT_OUT)
		sock.events |= POLLOUT;
	fds[0] = in;
	fds[1] = out;
	fds[2] = sock;
	if (poll(fds, 3, -1) < 0)
		return errno == EINTR ? ST_OK : ST_SYSTEM;
	in = fds[0];
	out = fds[1];
	sock = fds[2];

	/* A pipe without a reader is an error, a socket without is hung up. */
	if ((out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		finish(r, down);
	else if (ready(down, sock.revents & ~POLLOUT, out.revents))
		step(r, down);
	if (up->wait == WAIT_NEVER)
		return ST_OK;
	if ((sock.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		finish(r, up);
	else if (ready(up, in.revents, sock.revents & POLLOUT))
		step(r, up);
	return ST_OK;
}

int
pump_run(struct pump *p)
{
	struct run r = {
		.pump = p,
		.in = end_of(p->in),
		.out = end_of(p->out),
		.sock = { .fd = p->sock, .kind = END_SOCKET },
		.start = clock_ms(),
	};
	int st = ST_OK;

	r.up = (struct flow){ .from = &r.in, .to = &r.sock,
		.last = r.start, .buffer = buffers[0] };
	r.down = (struct flow){ .from = &r.sock, .to = &r.out,
		.last = r.start, .buffer = buffers[1] };
	r.up.spliced = can_splice(&r.up);
	while (st == ST_OK &&
	    (r.up.wait != WAIT_NEVER || r.down.wait != WAIT_NEVER))
		st = turn(&r);
	if (st != ST_OK)
		log_error_sys("cannot carry on");
	p->bytes_in = r.down.bytes;
	finish(&r, &r.up);
	finish(&r, &r.down);
	(void)close(r.sock.fd);
	return st;
}
