#include "provision/scan.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "provision/ask.h"
#include "provision/child.h"
#include "provision/hostscan.h"
#include "provision/launch.h"
#include "provision/remote.h"

/* Room for a question. */
#define QUESTION_MAX	4096

/* Who asks in a container, when nobody said who uses the keys: not root. */
#define ACCOUNT_UID	"1000"

/* Most that is kept of what it says there, and how long its end is waited for,
 * once the connection is closed. */
#define SAID_MAX	4096
#define END_MS		500
#define SAID_SHOWN_MAX	1024

/* A way through the target: one run of bottle-forward for each connection. */
struct way {
	const struct gather	*g;
	const struct target	*via;
	const struct plan_host	*host;
	struct target_command	 command;
	struct child		 child;
	char			 said[SAID_SHOWN_MAX];	/* of the last one */
};

/* As whom bottle-forward runs there; NULL: as whoever that is. */
static const char *
account(const struct way *w)
{
	if (w->g->opts->user != NULL)
		return w->g->opts->user;
	if (w->g->plan.account != NULL)
		return w->g->plan.account;
	if (w->via->kind == TARGET_KUBECTL)
		return TARGET_WHOEVER;
	return target_engine(w->via) != NULL ? ACCOUNT_UID : NULL;
}

static int
open_way(void *arg, int *fd, char *why, size_t whylen)
{
	struct way *w = arg;
	const struct provision_options *o = w->g->opts;
	const char *proxy = w->host->proxy != NULL ? w->host->proxy : o->proxy;
	char port[8];
	const char *args[8];
	struct launch run = { .program = "bottle-forward", .bin = o->bin,
		.args = args, .user = account(w) };
	struct child_spec spec = { 0 };
	int st;

	/* All who are here and there can read arguments. */
	if (proxy != NULL && strchr(proxy, '@') != NULL) {
		(void)snprintf(why, whylen, "host %s: proxy: must not hold a "
		    "password, which others could see", w->host->host);
		return ST_UNTRUSTED;
	}
	(void)snprintf(port, sizeof(port), "%u", w->host->port);
	args[run.nargs++] = "connect";
	if (proxy != NULL) {
		args[run.nargs++] = "--proxy";
		args[run.nargs++] = proxy;
	}
	args[run.nargs++] = "--";
	args[run.nargs++] = w->host->hostname;
	args[run.nargs++] = port;
	st = launch_command(w->via, &run, w->g->operator.path, &w->command,
	    why, whylen);
	if (st != ST_OK)
		return st;
	target_command_spec(&w->command, &spec);
	spec.in = CHILD_SOCKET;
	spec.out = CHILD_SOCKET;
	spec.err = CHILD_KEEP;
	spec.err_max = SAID_MAX;
	st = child_start(&w->child, &spec, why, whylen);
	if (st == ST_OK)
		*fd = child_take_socket(&w->child);
	else
		target_command_fini(&w->command);
	return st;
}

/* What the program has said, all lines in one, without its name. */
static void
keep_said(struct way *w)
{
	static const char head[] = "bottle-forward: error: ";
	struct slice rest = { (const uint8_t *)w->child.err_text.p,
		w->child.err_text.len }, line;
	const uint8_t *nl;
	struct text t;

	text_init(&t, w->said, sizeof(w->said));
	while (rest.len > 0) {
		nl = memchr(rest.p, '\n', rest.len);
		line = (struct slice){ rest.p,
			nl != NULL ? (size_t)(nl - rest.p) : rest.len };
		rest.p += line.len + (nl != NULL ? 1 : 0);
		rest.len -= line.len + (nl != NULL ? 1 : 0);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (line.len >= sizeof(head) - 1 &&
		    memcmp(line.p, head, sizeof(head) - 1) == 0) {
			line.p += sizeof(head) - 1;
			line.len -= sizeof(head) - 1;
		}
		if (line.len == 0)
			continue;
		text_add(&t, t.len > 0 ? "; " : "");
		remote_add_said(&t, line);
	}
}

static void
close_way(void *arg, int fd)
{
	struct way *w = arg;
	int64_t until = clock_ms() + END_MS;
	struct pollfd fds[CHILD_FDS];

	/* By this it notices that nobody is there any more. */
	(void)close(fd);
	while (clock_ms() < until && child_turn(&w->child, NULL) == ST_MORE) {
		child_fds(&w->child, fds);
		(void)poll(fds, CHILD_FDS, CHILD_END_MS);
	}
	keep_said(w);
	child_fini(&w->child);
	target_command_fini(&w->command);
}

static int
run_scan(const struct gather *g, const struct plan_host *h,
    const struct target *via, struct hostscan *out, char *why, size_t whylen)
{
	struct way w = { .g = g, .via = via, .host = h };
	const struct hostscan_way by = { .name = h->hostname,
		.open = open_way, .close = close_way, .arg = &w };
	struct text t;
	size_t len;
	int st;

	if (via == NULL)
		return hostscan_run(h->hostname, h->port, HOSTSCAN_TIME_MS,
		    out, why, whylen);
	st = hostscan_run_by(&by, HOSTSCAN_TIME_MS, out, why, whylen);
	len = strlen(why);
	/* Cut at the end of a character, where it is cut. */
	if (st != ST_OK && w.said[0] != '\0') {
		text_init(&t, why + len, whylen - len);
		text_addf(&t, "; in the target: %s", w.said);
	}
	return st;
}

/* Ask the operator. */
static int
confirm(const struct plan_host *h, const struct target *via,
    const struct hostscan *found, size_t *which)
{
	const char *prints[HOSTSCAN_KEYS_MAX];
	struct ask_question q = { .prints = prints, .n = found->n };
	char text[QUESTION_MAX];
	struct text t;

	text_init(&t, text, sizeof(text));
	text_addf(&t, "Host %s (%s, port %u) is not known. It says that its "
	    "keys are:\n", h->host, h->hostname, h->port);
	for (size_t i = 0; i < found->n; i++) {
		const char *type = found->key[i].text;

		prints[i] = found->key[i].fingerprint;
		text_addf(&t, "  %s (%.*s)\n", prints[i],
		    (int)strcspn(type, " "), type);
	}
	if (via != NULL)
		text_add(&t, "This came through the target, which may have "
		    "made it up.\n");
	text_add(&t, "Compare one of them with what the owner of the host "
	    "says.\nIs it right?");
	q.text = text;
	return ask_yes(&q, which);
}

static int
scan_host(struct gather *g, size_t host, const struct target *via, char *why,
    size_t whylen)
{
	const struct plan_host *h = &g->plan.hosts[host];
	struct hostscan found = { 0 };
	size_t which = 0;
	int st;

	st = run_scan(g, h, via, &found, why, whylen);
	if (st != ST_OK)
		return st;
	st = confirm(h, via, &found, &which);
	if (st == ST_NOT_FOUND) {
		(void)snprintf(why, whylen, "host %s is not known, and there "
		    "is no terminal to ask you at: pin its key with "
		    "KnownHostKey in a manifest, or in ~/.ssh/known_hosts",
		    h->host);
		st = ST_UNTRUSTED;
	} else if (st == ST_SYSTEM) {
		(void)snprintf(why, whylen, "cannot ask at the terminal");
	} else if (st == ST_DENIED) {
		/* Its keys would be good for every host. */
		(void)snprintf(why, whylen, "host %s: its key was not "
		    "confirmed, so nothing was loaded; leave the host out, or "
		    "pin its key with KnownHostKey in a manifest or in "
		    "~/.ssh/known_hosts", h->host);
		st = ST_UNTRUSTED;
	}
	/* Who typed a fingerprint has vouched for that key alone. */
	for (size_t i = 0; st == ST_OK && i < found.n; i++)
		if (which == i || which == found.n)
			st = plan_pin(&g->plan, host, found.key[i].text,
			    (struct slice){ found.key[i].blob,
			    found.key[i].len }, false);
	hostscan_fini(&found);
	return st;
}

int
scan_hosts(struct gather *g, const struct target *via, char *why,
    size_t whylen)
{
	int st = ST_OK;

	for (size_t i = 0; i < g->plan.n_hosts && st == ST_OK; i++)
		if (g->plan.hosts[i].n_keys == 0)
			st = scan_host(g, i, via, why, whylen);
	return st;
}
