/*
 * libssh is given a descriptor and nothing else: no name to look up, no file to
 * read.  Its timeout counts from the last bytes that came, so that a host which
 * sends one now and then is waited for without end; and what it parses comes
 * from anybody.  So it works in a child that is killed when the time is over,
 * and that has nothing but the connection, a pipe to us, and little memory.
 */
#include "provision/hostscan.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "base/clock.h"
#include "base/errtext.h"
#include "base/fdio.h"
#include "base/text.h"
#include "provision/child.h"
#include "provision/hostkey.h"

/* Longest answer of the child: a key, or a sentence. */
#define ANSWER_MAX	HOSTKEY_TEXT_MAX
#define SENTENCE_MAX	512
/* How much is shown of what is no SSH server, and how long that is waited for
 * before we begin ourselves. */
#define FIRST_MAX	64
#define FIRST_MS	1000
/* Memory that a scan may take, beyond what it needs. */
#define MEMORY_MAX	(256l * 1024 * 1024)
/* What the child exits with when it could not begin; else with a status. */
#define EXIT_SETUP	100

/* What is asked for, one after the other. */
static const char *const algorithms[HOSTSCAN_KEYS_MAX] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
	"rsa-sha2-512,rsa-sha2-256,ssh-rsa",
};

/* One connection. */
struct ask {
	const char	*hostname;	/* NULL: stdin is the connection */
	const char	*port;
	const char	*algorithms;
	int64_t		 deadline_ms;
};

/* --- in the child -------------------------------------------------------- */

/* What libssh calls a host that has no key of the type, and one that says why
 * it goes. */
#define NO_SUCH_KEY	"no match for method server host key algo"
#define GOES_AWAY	"SSH_MSG_DISCONNECT"

/* The first of these that it said; empty: none. */
static char noted[SENTENCE_MAX];

/* Say it to the parent; ${st} is what the child exits with. */
static int PRINTF_LIKE(2, 3)
tell(int st, const char *fmt, ...)
{
	char line[SENTENCE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || fdio_write_full(1, line, strlen(line)) != ST_OK)
		return EXIT_SETUP;
	return st;
}

/* Wait until the connection is made; 0, or what went wrong. */
static int
wait_connected(int fd, int64_t time_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err, n;

	if ((n = poll(&p, 1, time_ms > 0 ? (int)time_ms : 0)) == 0)
		return ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return errno;
	return err;
}

/* Connect to one address, in that time; 0, or what went wrong. */
static int
connect_to(const struct addrinfo *ai, int64_t time_ms, int *out)
{
	int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
	int err = 0;

	if (fd < 0)
		return errno;
	if (fdio_nonblock(fd) != ST_OK)
		err = errno;
	else if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0)
		err = errno == EINPROGRESS ? wait_connected(fd, time_ms) :
		    errno;
	if (err == 0) {
		*out = fd;
		return 0;
	}
	(void)close(fd);
	return err;
}

/* Connect to the host: each of its addresses has its part of the time, and some
 * is left to say why none was good. */
static int
dial(const struct ask *a, int *fd)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	const struct addrinfo *ai;
	struct addrinfo *list;
	int left = 0, err, said = ETIMEDOUT;
	int64_t end_ms;

	err = getaddrinfo(a->hostname, a->port, &hints, &list);
	if (err != 0)
		return tell(err == EAI_AGAIN ? ST_BUSY : ST_NOT_FOUND,
		    "the name cannot be looked up: %s", gai_strerror(err));
	for (ai = list; ai != NULL; ai = ai->ai_next)
		left++;
	end_ms = a->deadline_ms - (a->deadline_ms - clock_ms()) / 4;
	for (ai = list; ai != NULL; ai = ai->ai_next, left--) {
		err = connect_to(ai, (end_ms - clock_ms()) / left, fd);
		if (err == 0)
			return ST_OK;	/* ${list} goes with the process */
		if (err != ETIMEDOUT)
			said = err;
	}
	return tell(said == ETIMEDOUT ? ST_BUSY : ST_CLOSED,
	    "cannot connect: %s", errtext(said));
}

/* Give up what is not needed, and see to an end even without a parent. */
static int
confine(const struct ask *a)
{
	const struct rlimit none = { 0, 0 };
	int64_t left = a->deadline_ms - clock_ms();

	child_signals();
	(void)alarm((unsigned)(left > 0 ? left / 1000 : 0) + 2);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return ST_SYSTEM;
#ifndef BOTTLE_RELAXED_HARDENING
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	if (setrlimit(RLIMIT_FSIZE, &none) != 0 ||
	    setrlimit(RLIMIT_DATA, &memory) != 0)
		return ST_SYSTEM;
#endif
	return unsetenv("SSH_AUTH_SOCK") == 0 ? ST_OK : ST_SYSTEM;
}

/* A session that knows its connection and what to ask for, and takes nothing
 * from any file. */
static ssh_session
make_session(int fd, const struct ask *a)
{
	const bool no = false;
	/* Longer than the parent waits: he says that the time is over. */
	const long timeout_s = (long)((a->deadline_ms - clock_ms()) / 1000) + 10;
	const struct {
		enum ssh_options_e	 name;
		const void		*value;
	} options[] = {
		{ SSH_OPTIONS_PROCESS_CONFIG, &no },
		/* Known hosts are looked for, by this name, and not found. */
		{ SSH_OPTIONS_HOST, "host" },
		{ SSH_OPTIONS_SSH_DIR, "/dev/null" },
		{ SSH_OPTIONS_KNOWNHOSTS, "/dev/null" },
		{ SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null" },
		/* Else it is looked up. */
		{ SSH_OPTIONS_USER, "nobody" },
		{ SSH_OPTIONS_HOSTKEYS, a->algorithms },
		{ SSH_OPTIONS_TIMEOUT, &timeout_s },
		{ SSH_OPTIONS_FD, &fd },
	};
	ssh_session s = ssh_new();

	for (size_t i = 0; s != NULL &&
	    i < sizeof(options) / sizeof(options[0]); i++) {
		if (ssh_options_set(s, options[i].name, options[i].value) == 0)
			continue;
		ssh_free(s);
		s = NULL;
	}
	return s;
}

/* What the host says first, up to the end of the line; ST_CLOSED: nothing ever.
 * Some wait for us to begin: those are not waited for. */
static int
look_at_first(int fd, char line[static FIRST_MAX])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 0;

	line[0] = '\0';
	if (poll(&p, 1, FIRST_MS) <= 0)
		return ST_OK;
	n = recv(fd, line, FIRST_MAX - 1, MSG_PEEK);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return n > 0 ? ST_OK : ST_CLOSED;
}

/* Note what counts: an error that follows from it takes its place in the
 * session, but all of them go through the log. */
static void
note(int priority, const char *function, const char *said, void *arg)
{
	(void)priority;
	(void)function;
	(void)arg;
	if (noted[0] == '\0' && (strstr(said, NO_SUCH_KEY) != NULL ||
	    strstr(said, GOES_AWAY) != NULL))
		(void)snprintf(noted, sizeof(noted), "%s", said);
}

/* Whether the other end is gone, behind what it has sent and libssh, which
 * could not send, has not read. */
static bool
is_over(int fd)
{
	char rest[4096];
	ssize_t n = 1;

	for (int i = 0; i < 16 && n > 0; i++)
		n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Why there is no key, as far as libssh says it. */
static int
tell_failure(ssh_session s, const char *first, int fd)
{
	const char *said = noted[0] != '\0' ? noted : ssh_get_error(s);
	bool mute = said[0] == '\0' || strcmp(said, "Success") == 0;
	bool no_ssh = strncmp(first, "SSH-", 4) != 0 &&
	    ssh_get_serverbanner(s) == NULL;

	if (strstr(said, NO_SUCH_KEY) != NULL)
		return tell(ST_UNSUPPORTED, "no such key");
	if (strstr(said, GOES_AWAY) != NULL)
		return tell(ST_CLOSED, "the host ended the connection%s",
		    said + strcspn(said, ":"));
	if (no_ssh && first[0] != '\0')
		return tell(ST_MALFORMED, "no SSH server answers: it begins "
		    "with %s", first);
	/* What errno it names may be an older one. */
	if (strstr(said, "Socket error") != NULL || (mute && is_over(fd)))
		return tell(ST_CLOSED, "the host ended the connection");
	if (no_ssh)
		return tell(ST_MALFORMED, "no SSH server answers");
	return tell(ST_MALFORMED, "the exchange of keys failed: %s", mute ?
	    "what it sends is not of the protocol" : said);
}

/* The child: one connection, one key. */
static int
scan(void *arg)
{
	const struct ask *a = arg;
	char first[FIRST_MAX], *base64 = NULL;
	ssh_key key = NULL;
	ssh_session s;
	int fd = 0, copy, st;

	if (confine(a) != ST_OK)
		return EXIT_SETUP;
	if (a->hostname != NULL && (st = dial(a, &fd)) != ST_OK)
		return st;
	if (look_at_first(fd, first) != ST_OK)
		return tell(ST_CLOSED, "the connection is ended before an SSH "
		    "server answers");
	/* libssh closes what it has been given. */
	if ((copy = dup(fd)) < 0 || (s = make_session(fd, a)) == NULL)
		return EXIT_SETUP;
	/* Errors are in the log at this level, and nowhere else with it. */
	if (ssh_set_log_callback(note) != SSH_OK ||
	    ssh_set_log_level(SSH_LOG_TRACE) != SSH_OK)
		return EXIT_SETUP;
	if (ssh_connect(s) != SSH_OK)
		return tell_failure(s, first, copy);
	if (ssh_get_server_publickey(s, &key) != SSH_OK ||
	    ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
		return tell(ST_MALFORMED, "the key cannot be read: %s",
		    ssh_get_error(s));
	/* In two parts: it is longer than a sentence. */
	if (tell(ST_OK, "%s ", ssh_key_type_to_char(ssh_key_type(key))) !=
	    ST_OK || fdio_write_full(1, base64, strlen(base64)) != ST_OK)
		return EXIT_SETUP;
	return ST_OK;
}

/* --- the parent ---------------------------------------------------------- */

/* Make a message of parts that anybody may have written. */
static int
fail(int st, const char *name, const char *said, char *why, size_t whylen)
{
	struct text t;

	text_init(&t, why, whylen);
	text_escape(&t, name, strlen(name));
	text_add(&t, ": ");
	text_escape(&t, said, strlen(said));
	return st;
}

/* Take a key, as the child has printed it. */
static int
take_key(const char *text, size_t len, struct hostscan *out)
{
	struct hostscan_key *k = &out->key[out->n];
	char again[HOSTKEY_TEXT_MAX];
	struct hostkey *parsed;
	const char *what;
	struct slice blob;
	struct text t;
	int st = ST_NOMEM;

	if ((parsed = malloc(sizeof(*parsed))) == NULL)
		return ST_NOMEM;
	if (hostkey_parse(text, len, parsed, &what) != ST_OK) {
		st = ST_MALFORMED;
		goto out;
	}
	blob = (struct slice){ parsed->blob, parsed->len };
	text_init(&t, again, sizeof(again));
	hostkey_put_text(blob, &t);
	*k = (struct hostscan_key){ .text = strdup(again),
		.blob = malloc(blob.len), .len = blob.len };
	if (k->text == NULL || k->blob == NULL) {
		free(k->text);
		free(k->blob);
		goto out;
	}
	memcpy(k->blob, blob.p, blob.len);
	fingerprint_sha256(blob, k->fingerprint);
	out->n++;
	st = ST_OK;
out:
	free(parsed);
	return st;
}

/* What became of a child: a key, or why there is none. */
static int
take_answer(const struct child *c, const char *name, struct hostscan *out,
    char *why, size_t whylen)
{
	const char *said = c->out_text.p != NULL ? c->out_text.p : "";
	int st = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;

	switch (st) {
	case ST_OK:
		st = take_key(said, c->out_text.len, out);
		return st == ST_OK ? st : fail(st, name, st == ST_NOMEM ?
		    "out of memory" : "its key is of no form that we know",
		    why, whylen);
	case ST_CLOSED:
	case ST_MALFORMED:
	case ST_UNSUPPORTED:
	case ST_NOT_FOUND:
	case ST_BUSY:
		return fail(st, name, said, why, whylen);
	case EXIT_SETUP:
		return fail(ST_SYSTEM, name, "the scan could not be begun",
		    why, whylen);
	default:
		/* A peer can do no more than that. */
		return fail(ST_MALFORMED, name, "what it sends has broken the "
		    "scan", why, whylen);
	}
}

/* Ask for one key, over the connection ${fd}, or -1. */
static int
ask(struct ask *a, int fd, const char *name, struct hostscan *out, char *why,
    size_t whylen)
{
	struct child_spec spec = {
		.program = "the scan",
		.call = scan,
		.arg = a,
		.in = fd >= 0 ? CHILD_GIVEN : CHILD_NULL,
		.in_fd = fd,
		.out = CHILD_KEEP,
		.out_max = ANSWER_MAX,
		.time_ms = a->deadline_ms - clock_ms(),
	};
	struct child c;
	int st = ST_BUSY;

	/* A child without a time has no end. */
	if (spec.time_ms <= 0)
		return fail(st, name, "no answer in time", why, whylen);
	st = child_run(&c, &spec, why, whylen);
	if (st == ST_OK)
		st = take_answer(&c, name, out, why, whylen);
	else if (st == ST_BUSY)
		(void)fail(st, name, "no answer in time", why, whylen);
	else if (st == ST_TOO_LARGE)
		st = fail(ST_MALFORMED, name, "its key is longer than one can "
		    "be", why, whylen);
	child_fini(&c);
	return st;
}

/* Ask for one after the other, until the host is not there any more. */
static int
ask_all(struct ask *a, const struct hostscan_way *way, struct hostscan *out,
    char *why, size_t whylen)
{
	int fd = -1, st = ST_UNSUPPORTED;

	*out = (struct hostscan){ .n = 0 };
	for (size_t i = 0; i < HOSTSCAN_KEYS_MAX &&
	    (st == ST_OK || st == ST_UNSUPPORTED); i++) {
		why[0] = '\0';
		if (way->open != NULL) {
			st = way->open(way->arg, &fd, why, whylen);
			if (st != ST_OK)
				break;
		}
		a->algorithms = algorithms[i];
		st = ask(a, fd, way->name, out, why, whylen);
		if (way->open != NULL)
			way->close(way->arg, fd);
	}
	if (st == ST_UNSUPPORTED)
		why[0] = '\0';
	if (st < 0) {
		hostscan_fini(out);
		return st;
	}
	if (out->n > 0)
		return ST_OK;
	return st != ST_UNSUPPORTED ? st : fail(ST_MALFORMED, way->name,
	    "has no Ed25519, ECDSA or RSA key", why, whylen);
}

int
hostscan_run(const char *hostname, uint16_t port, int time_ms,
    struct hostscan *out, char *why, size_t whylen)
{
	char number[8], name[512];
	const struct hostscan_way way = { .name = name };
	struct ask a = { .hostname = hostname, .port = number,
		.deadline_ms = clock_ms() + time_ms };

	(void)snprintf(number, sizeof(number), "%u", (unsigned)port);
	(void)snprintf(name, sizeof(name), "%s port %s", hostname, number);
	return ask_all(&a, &way, out, why, whylen);
}

int
hostscan_run_by(const struct hostscan_way *way, int time_ms,
    struct hostscan *out, char *why, size_t whylen)
{
	struct ask a = { .deadline_ms = clock_ms() + time_ms };

	assert(way->open != NULL && way->close != NULL);
	return ask_all(&a, way, out, why, whylen);
}

void
hostscan_fini(struct hostscan *s)
{
	while (s->n > 0) {
		s->n--;
		free(s->key[s->n].text);
		free(s->key[s->n].blob);
	}
	*s = (struct hostscan){ .n = 0 };
}
