#include "forwarder/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "forwarder/banner.h"
#include "forwarder/credentials.h"
#include "forwarder/dial.h"
#include "forwarder/exchange.h"
#include "forwarder/proxyurl.h"
#include "forwarder/pump.h"
#include "forwarder/refusal.h"
#include "version.h"

/* What --check reads of a server at a time. */
#define PIECE_MAX	1024
/* Room for one line about what is wrong. */
#define WHY_MAX		512
/* The same without what it is about. */
#define WRONG_MAX	(WHY_MAX - 32)

/* The first of these variables that says anything. */
static const char *
variable(const char *const *names, const char **name)
{
	const char *value;

	for (; *names != NULL; names++) {
		value = getenv(*names);
		if (value != NULL && value[0] != '\0') {
			*name = *names;
			return value;
		}
	}
	return NULL;
}

/* The proxy that the environment names, or none. */
static int
proxy_of_environment(const struct target *t, struct proxy *out, char *why,
    size_t whylen)
{
	static const char *const proxies[] = { "ALL_PROXY", "all_proxy",
		"HTTPS_PROXY", "https_proxy", NULL };
	static const char *const bypasses[] = { "NO_PROXY", "no_proxy", NULL };
	const char *name, *list, *url;
	char wrong[WRONG_MAX];
	int st;

	*out = (struct proxy){ .kind = PROXY_DIRECT, .name = "direct" };
	if ((url = variable(proxies, &name)) == NULL) {
		log_debug("no proxy is set: connecting directly");
		return ST_OK;
	}
	if ((list = variable(bypasses, &name)) != NULL &&
	    proxyurl_bypass(list, t)) {
		log_debug("%s says that %s needs no proxy", name,
		    t->authority);
		return ST_OK;
	}
	(void)variable(proxies, &name);
	st = proxyurl_parse(url, out, wrong, sizeof(wrong));
	if (st != ST_OK)
		(void)snprintf(why, whylen, "%s: %s", name, wrong);
	return st;
}

/* The proxy that is asked, with what it wants to know. */
static int
find_proxy(const struct forward_options *o, struct proxy *out, char *why,
    size_t whylen)
{
	char wrong[WRONG_MAX];
	int st;

	if (o->proxy == NULL) {
		st = proxy_of_environment(&o->target, out, why, whylen);
		if (st != ST_OK)
			return st;
	} else if ((st = proxyurl_parse(o->proxy, out, wrong,
	    sizeof(wrong))) != ST_OK) {
		(void)snprintf(why, whylen, "--proxy: %s", wrong);
		return st;
	} else if (out->auth.given) {
		(void)snprintf(why, whylen, "--proxy: user and password on a "
		    "command line can be read by everybody; put them into a "
		    "file of mode 600 and name it with --auth-file");
		return ST_MALFORMED;
	}
	if (out->kind == PROXY_DIRECT) {
		/* Who writes a password there need not wait for us. */
		if (o->auth_fd > STDERR_FILENO)
			(void)close(o->auth_fd);
		return ST_OK;
	}
	if (o->target.zone) {
		(void)snprintf(why, whylen, "HOST \"%s\": an interface of "
		    "ours (%%...) means nothing to a proxy", o->target.host);
		return ST_MALFORMED;
	}
	if (o->n_extra > 0 && out->kind != PROXY_HTTP) {
		(void)snprintf(why, whylen,
		    "--header: %s has no headers", out->name);
		return ST_MALFORMED;
	}
	if (o->auth_file != NULL)
		return credentials_file(o->auth_file, &out->auth, why, whylen);
	if (o->auth_fd >= 0)
		return credentials_fd(o->auth_fd, (int)o->answer_s,
		    &out->auth, why, whylen);
	return ST_OK;
}

/* Say what the proxy answered in place of a yes. */
static void
say_refusal(int st, const struct proxy *proxy, const struct target *t,
    const struct refusal *r)
{
	if (st == ST_DENIED)
		log_error("proxy %s refuses %s: %s", proxy->name, t->authority,
		    r->what);
	else
		log_error("proxy %s: %s", proxy->name, r->what);
	if (r->said[0] != '\0')
		log_error("the proxy says: %s", r->said);
	if (r->hint[0] != '\0')
		log_error("the proxy's hint: %s", r->hint);
	if (r->advice[0] != '\0')
		log_error("what to do: %s", r->advice);
}

/* Say what to do where nobody answers at the first address. */
static void
advise_way(const struct forward_options *o, bool direct, int st)
{
	if (st == ST_SYSTEM)
		return;
	if (!direct && st == ST_NOT_FOUND)
		log_error("what to do: is the proxy's name right, and known "
		    "here?");
	else if (!direct)
		log_error("what to do: does the proxy run, and is this its "
		    "address as seen from here?  In a container localhost is "
		    "the container itself");
	else
		log_error("what to do: %s  Where a proxy is the way out, name "
		    "it with --proxy%s", st == ST_NOT_FOUND ?
		    "is the name right, and known here?" :
		    "does the host listen on this port?", o->proxy != NULL ?
		    "" : " or in ALL_PROXY, and see that NO_PROXY does not "
		    "have the host");
}

/* A connection to HOST, through the proxy if there is one. */
static enum exit_code
open_tunnel(const struct forward_options *o, const struct proxy *proxy,
    int *fd, struct refusal *answer)
{
	bool direct = proxy->kind == PROXY_DIRECT;
	const struct target *first = direct ? &o->target : &proxy->at;
	struct exchange x = {
		.proxy = proxy,
		.target = &o->target,
		.extra = o->extra,
		.n_extra = o->n_extra,
	};
	char why[WHY_MAX];
	int st;

	st = dial(first, clock_ms() + (int64_t)o->connect_s * 1000, fd, why,
	    sizeof(why));
	if (st != ST_OK) {
		if (direct)
			log_error("%s", why);
		else
			log_error("proxy %s: %s", proxy->name, why);
		advise_way(o, direct, st);
		return st == ST_SYSTEM ? EXIT_FAILED : EXIT_UNREACHABLE;
	}
	if (direct) {
		log_debug("connected to %s", o->target.authority);
		return EXIT_DONE;
	}
	log_debug("connected to %s", proxy->name);
	x.deadline = clock_ms() + (int64_t)o->answer_s * 1000;
	st = exchange_open(&x, *fd, answer);
	if (st != ST_OK) {
		say_refusal(st, proxy, &o->target, answer);
		(void)close(*fd);
		return answer->code;
	}
	log_debug("%s gives a tunnel to %s: %s", proxy->name,
	    o->target.authority, answer->what);
	return EXIT_DONE;
}

/* Read what the server says first, until its line is there. */
static int
read_banner(int fd, int64_t deadline, struct banner_scan *scan)
{
	uint8_t buf[PIECE_MAX];
	enum banner kind;
	size_t got;
	int st;

	do {
		st = dial_peek(fd, buf, sizeof(buf), deadline, &got);
		if (st == ST_OK)
			st = dial_take(fd, buf, got, deadline);
		if (st != ST_OK)
			return st;
		kind = banner_scan(scan, buf, got);
	} while (kind == BANNER_MORE ||
	    (kind == BANNER_SSH && !scan->whole && !scan->endless));
	return scan->whole ? ST_OK : ST_MALFORMED;
}

/* Say that no server of SSH is there. */
static void
say_no_server(int st, const struct banner_scan *scan, int64_t start,
    const struct target *t, bool proxied)
{
	int64_t age = clock_ms() - start;
	struct refusal_cut cut = { .age_ms = age, .idle_in_ms = age,
		.idle_out_ms = age, .proxied = proxied };
	char line[LOG_LINE_MAX];

	if (scan->total > 0)
		banner_not_ssh(scan, t, line, sizeof(line));
	else if (st == ST_CLOSED)
		refusal_cut(&cut, t, line, sizeof(line));
	else
		(void)snprintf(line, sizeof(line), "%s has sent nothing in "
		    "time: does an SSH server listen there?", t->authority);
	log_error("%s", line);
}

/* --check: see who answers. */
static enum exit_code
look_at_server(const struct forward_options *o, const struct proxy *proxy,
    int fd, const struct refusal *answer)
{
	static const char hello[] = "SSH-2.0-bottle-forward_" BOTTLE_VERSION
	    "\r\n";
	char shown[4 * BANNER_LINE_MAX + 1];
	int64_t start = clock_ms();
	int64_t deadline = start + (int64_t)o->answer_s * 1000;
	struct banner_scan scan = { .kind = BANNER_MORE };
	struct text t;
	bool proxied = proxy->kind != PROXY_DIRECT;
	int st;

	/* Some proxies wait for our first byte before they let any pass. */
	st = dial_send(fd, hello, sizeof(hello) - 1, deadline);
	if (st == ST_OK || st == ST_CLOSED)
		st = read_banner(fd, deadline, &scan);
	if (st == ST_SYSTEM)
		log_error_sys("cannot read from %s", o->target.authority);
	(void)close(fd);
	if (proxied)
		(void)printf("proxy %s: %s\n", proxy->name, answer->what);
	else
		(void)printf("no proxy: connected\n");
	if (st == ST_OK) {
		text_init(&t, shown, sizeof(shown));
		text_escape(&t, scan.line, scan.line_len);
		(void)printf("server %s: %s\n", o->target.authority, shown);
	}
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		log_error_sys("cannot print");
		return EXIT_FAILED;
	}
	if (st == ST_OK)
		return EXIT_DONE;
	if (st == ST_SYSTEM)
		return EXIT_FAILED;
	say_no_server(st, &scan, start, &o->target, proxied);
	return EXIT_NOT_SSH;
}

/* Whether --fdpass has somebody to hand the connection to. */
static bool
can_pass_on(void)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);

	if (getsockname(STDOUT_FILENO, (struct sockaddr *)&sa, &len) == 0 &&
	    sa.ss_family == AF_UNIX)
		return true;
	log_error("stdout is not what a connection can be passed over: "
	    "--fdpass goes with ssh's ProxyUseFdpass yes");
	return false;
}

/* --fdpass: ssh goes on with the connection itself. */
static enum exit_code
pass_on(int fd)
{
	union {
		struct cmsghdr	 align;
		char		 room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int flags = fcntl(fd, F_GETFL);
	ssize_t n;

	/* As any connected socket is that ssh makes itself. */
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
		log_error_sys("cannot make the connection blocking");
		return EXIT_FAILED;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	do {
		n = sendmsg(STDOUT_FILENO, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return EXIT_DONE;
	log_error_sys("cannot pass the connection on");
	return EXIT_FAILED;
}

/* Carry the bytes. */
static enum exit_code
carry(const struct forward_options *o, bool proxied, int fd)
{
	struct pump p = {
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.sock = fd,
		.target = &o->target,
		.proxied = proxied,
	};

	if (pump_run(&p) != ST_OK || p.failed)
		return EXIT_FAILED;
	return p.not_ssh || (p.cut && p.bytes_in == 0) ? EXIT_NOT_SSH :
	    EXIT_DONE;
}

enum exit_code
connect_main(const struct forward_options *o)
{
	struct refusal answer;
	struct proxy proxy;
	enum exit_code code;
	char why[WHY_MAX];
	bool proxied;
	int fd = -1;
	int st;

	/* Who does not read any more is noticed by what cannot be written. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (o->fdpass && !can_pass_on())
		return EXIT_FAILED;
	st = find_proxy(o, &proxy, why, sizeof(why));
	if (st != ST_OK) {
		explicit_bzero(&proxy.auth, sizeof(proxy.auth));
		log_error("%s", why);
		return EXIT_USAGE;
	}
	code = open_tunnel(o, &proxy, &fd, &answer);
	explicit_bzero(&proxy.auth, sizeof(proxy.auth));
	if (code != EXIT_DONE)
		return code;
	proxied = proxy.kind != PROXY_DIRECT;
	if (o->check)
		return look_at_server(o, &proxy, fd, &answer);
	if (o->fdpass)
		return pass_on(fd);
	return carry(o, proxied, fd);
}
