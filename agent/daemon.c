#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/activation.h"
#include "agent/askpass.h"
#include "agent/audit.h"
#include "agent/auditsink.h"
#include "agent/beat.h"
#include "agent/describe.h"
#include "agent/dispatch.h"
#include "agent/harden.h"
#include "agent/limits.h"
#include "agent/policyfile.h"
#include "agent/server.h"
#include "agent/shellout.h"
#include "agent/socketpath.h"
#include "agent/vault.h"
#include "agent/verify.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/ownfile.h"
#include "base/text.h"
#include "base/workers.h"
#include "version.h"

/* ssh-agent's exit code when a signal ends it, or its command does. */
#define EXIT_SIGNALLED	2
/* How often the agent of a command looks whether that is still there. */
#define PARENT_MS	5000
/* What nobody has to wait for is done that long after the start. */
#define REST_MS		500
/* How often an agent that nobody wants looks whether it can go. */
#define LEAVE_MS	20
#define WHY_MAX		512
/* More workers than this only if it is said. */
#define WORKERS_DEFAULT_MAX	4
/* How much further back than the first thread workers stand for the processor,
 * and how much the quick one does: nobody can come forward again. */
#define WORKER_NICE	19
#define QUICK_NICE	1
/* ssh-agent does not even start with fewer descriptors. */
#define NOFILE_MIN	10

/* An agent from its listener to its end. */
struct daemon {
	const struct agent_options *opts;
	bool			 service;
	bool			 background;
	bool			 activated;	/* the socket was there */
	struct socketpath	 where;
	struct unixsock		 sock;
	struct harden		 harden;
	char			 policy_path[PATH_MAX];	/* or "" */
	char			 audit_place[PATH_MAX];	/* or "" */
	struct auditsink	*sink;		/* or NULL */
	struct server		*server;
	pid_t			 parent;	/* of a command's agent, or 0 */
	int			 report_fd;	/* tells the starter; or -1 */
	bool			 on_trial;	/* the starter tells us then
						 * whether to stay */
	struct agent		 agent;
	struct loop		*loop;
	struct askpass		*askpass;	/* or NULL: nobody to ask */
	struct workers		*workers;	/* or NULL: none */
	struct loop_timer	 watch_parent;
	struct loop_timer	 rest;		/* of the start */
	struct work		 touch;
	struct loop_fd		 starter;	/* while on trial */
	struct loop_timer	 leave;
	int			 code;		/* exit code; before it serves,
						 * of what went wrong */
};

/* What the serving process tells the one that started it. */
struct report {
	int	 code;			/* EXIT_DONE: it serves */
	int	 st;
	char	 why[WHY_MAX];
};

/* All rules: of the command line, then of the file. */
static int
read_rules(const struct daemon *d, struct policy *p, char *why, size_t whylen)
{
	const struct agent_options *opts = d->opts;
	int st;

	policy_init(p, geteuid());
	for (size_t i = 0; i < opts->n_allow; i++)
		if ((st = policy_add(p, opts->allow[i], why, whylen)) != ST_OK)
			return st;
	return d->policy_path[0] == '\0' ? ST_OK :
	    policyfile_read(p, d->policy_path, why, whylen);
}

/* Where records go. */
static int
open_audit(struct daemon *d, char *why, size_t whylen)
{
	const struct agent_options *opts = d->opts;

	if (opts->audit == NULL)
		return ST_OK;
	(void)snprintf(d->audit_place, sizeof(d->audit_place), "%s",
	    opts->audit);
	return auditsink_open(&d->sink, opts->audit, opts->audit_text ?
	    AUDITLINE_TEXT : AUDITLINE_JSON, why, whylen);
}

/* The rules, the descriptor that waits for us, the place for records. */
static int
check_wishes(struct daemon *d, char *why, size_t whylen)
{
	const struct agent_options *opts = d->opts;
	int st;

	d->code = EXIT_USAGE;
	if (opts->policy != NULL && (st = ownfile_path(opts->policy,
	    d->policy_path, why, whylen)) != ST_OK)
		return st;
	if ((st = read_rules(d, &d->agent.policy, why, whylen)) != ST_OK)
		return st;
	if (opts->ready_fd >= 0 && fcntl(opts->ready_fd, F_GETFD) < 0) {
		(void)snprintf(why, whylen, "--ready-fd %d: no such open "
		    "descriptor", opts->ready_fd);
		return ST_MALFORMED;
	}
	return open_audit(d, why, whylen);
}

/* Take the socket that a supervisor has made; ST_NOT_FOUND when none has, or
 * when it was said where else to listen. */
static int
take_activated(struct daemon *d, char *why, size_t whylen)
{
	const struct agent_options *opts = d->opts;
	int st;

	if (!opts->foreground || opts->socket != NULL || opts->tmp_socket)
		return ST_NOT_FOUND;
	st = activation_take(d->service && !opts->allow_shared_dir, &d->sock,
	    why, whylen);
	if (st == ST_OK && opts->ready_fd == d->sock.fd) {
		(void)snprintf(why, whylen, "--ready-fd %d is the socket of "
		    "LISTEN_FDS", opts->ready_fd);
		d->sock.fd = -1;
		d->code = EXIT_USAGE;
		st = ST_MALFORMED;
	}
	d->activated = st == ST_OK;
	return st;
}

/* Make the socket. */
static int
make_socket(struct daemon *d, char *why, size_t whylen)
{
	struct unixsock_spec spec = { .backlog = LIMIT_BACKLOG };
	int st;

	st = socketpath_choose(d->opts, d->service, &d->where, why, whylen);
	if (st != ST_OK)
		return st;
	spec.path = d->where.path;
	spec.mode = d->opts->public ? 0666 : 0600;
	spec.takeover = d->service;
	spec.check_dir = d->service && !d->opts->allow_shared_dir;
	spec.senders = d->service;
	if ((st = unixsock_listen(&d->sock, &spec, why, whylen)) != ST_OK)
		socketpath_fini(&d->where);
	return st;
}

/* Have done with the place for records, where this process goes on without. */
static void
drop_sink(struct daemon *d)
{
	auditsink_free(d->sink);
	d->sink = NULL;
}

/* Everything that can be wrong with the wishes, and the socket.  Done by the
 * process that was called, so that its messages reach whoever called it.
 * ${d} is all zeroes; what fails leaves the exit code in it. */
static int
prepare(struct daemon *d, const struct agent_options *opts, bool service,
    char *why, size_t whylen)
{
	struct rlimit rl;
	int st;

	d->opts = opts;
	d->service = service;
	d->sock = (struct unixsock){ .fd = -1, .lock_fd = -1 };
	d->report_fd = -1;
	if ((st = check_wishes(d, why, whylen)) != ST_OK)
		return st;

	/* What ssh-agent calls fatal, where that is what we are. */
	d->code = service ? EXIT_FAILED : EXIT_FATAL;
	if (!service && getrlimit(RLIMIT_NOFILE, &rl) == 0 &&
	    rl.rlim_cur < NOFILE_MIN) {
		(void)snprintf(why, whylen, "file descriptor rlimit %llu too "
		    "low (minimum %d)", (unsigned long long)rl.rlim_cur,
		    NOFILE_MIN);
		st = ST_FULL;
		goto out;
	}
	st = take_activated(d, why, whylen);
	if (st == ST_NOT_FOUND) {
		if (!socketpath_is_default(opts, service))
			d->code = EXIT_FAILED;
		st = make_socket(d, why, whylen);
	}
out:
	if (st == ST_OK)
		d->code = EXIT_DONE;
	else
		drop_sink(d);
	return st;
}

/* End on a signal. */
static int
on_end(void *cookie, int signo)
{
	struct daemon *d = cookie;

	log_debug("ended by signal %d", signo);
	d->code = d->service || (d->activated && signo == SIGTERM) ?
	    EXIT_DONE : EXIT_SIGNALLED;
	loop_stop(d->loop);
	return ST_OK;
}

/* Record what happens to the agent itself. */
static void
note(struct daemon *d, enum audit_op op, enum reason reason,
    const char *detail)
{
	struct audit_record rec = { .op = op, .reason = reason,
		.verdict = reason == REASON_NONE ? AUDIT_ALLOWED :
		    AUDIT_DENIED };
	struct text t;

	text_init(&t, rec.detail, sizeof(rec.detail));
	text_add(&t, detail);
	describe_refusal(NULL, &rec);
	if (d->agent.audit != NULL)
		audit_note(d->agent.audit, &rec);
}

/* Take the rules anew; broken ones change nothing. */
static void
reload_rules(struct daemon *d)
{
	char why[WHY_MAX];
	struct policy next;

	if (read_rules(d, &next, why, sizeof(why)) != ST_OK) {
		log_error("SIGHUP: the old rules stay: %s", why);
		d->agent.facts.policy_old = 1;
		note(d, AUDIT_RELOAD, REASON_RELOAD, why);
		return;
	}
	d->agent.policy = next;
	d->agent.facts.policy_old = 0;
	server_policy_changed(d->server);
	log_info("SIGHUP: %zu rule%s, with those in %s", next.n,
	    next.n == 1 ? "" : "s", d->policy_path);
	note(d, AUDIT_RELOAD, REASON_NONE, d->policy_path);
}

/* SIGHUP of an agent for others. */
static int
on_reload(void *cookie, int signo)
{
	struct daemon *d = cookie;

	(void)signo;
	if (d->policy_path[0] != '\0')
		reload_rules(d);
	if (d->sink != NULL)
		auditsink_reopen(d->sink);
	if (d->policy_path[0] == '\0' && d->sink == NULL)
		log_info("SIGHUP: nothing to reload, the rules came from the "
		    "command line");
	return ST_OK;
}

/* SIGUSR1: forget every key and stay. */
static int
on_forget(void *cookie, int signo)
{
	struct daemon *d = cookie;

	(void)signo;
	log_info("SIGUSR1: all keys are removed");
	note(d, AUDIT_FORGET, REASON_NONE, "SIGUSR1");
	keyring_clear(d->agent.ring);
	return ST_OK;
}

/* A signal that means nothing here. */
static int
on_nothing(void *cookie, int signo)
{
	(void)cookie;
	(void)signo;
	return ST_OK;
}

/* A command's agent goes when the command does. */
static int
on_watch_parent(void *cookie)
{
	struct daemon *d = cookie;

	if (getppid() != d->parent) {
		d->code = EXIT_SIGNALLED;
		loop_stop(d->loop);
		return ST_OK;
	}
	loop_timer_set(d->loop, &d->watch_parent,
	    loop_now(d->loop) + PARENT_MS);
	return ST_OK;
}

static void
touch_vault(struct work *w)
{
	(void)w;
	vault_touch();
}

static void
vault_is_touched(struct work *w)
{
	(void)w;
}

/* When the workers are ready: memory for all operations.  One for which
 * libcrypto could not be set up would never be done with what it is given. */
static int
on_ready(void *cookie)
{
	struct daemon *d = cookie;

	d->touch = (struct work){ .run = touch_vault, .done = vault_is_touched };
	if (d->workers == NULL) {
		vault_touch();
	} else if (workers_ready(d->workers) == ST_OK) {
		workers_submit(d->workers, &d->touch);
	} else {
		log_error("cannot set up libcrypto; the agent ends");
		d->code = EXIT_FAILED;
		loop_stop(d->loop);
	}
	return ST_OK;
}

/* Once the start is over: what only that took is given back, and the workers
 * get ready, if nobody has needed them yet.  Sooner they would keep this thread
 * and whoever loads keys from the memory and the processors that these need. */
static int
on_rest(void *cookie)
{
	struct daemon *d = cookie;

	(void)malloc_trim(0);
	if (d->workers != NULL)
		workers_release(d->workers);
	d->rest.fn = on_ready;
	loop_timer_set(d->loop, &d->rest, loop_now(d->loop) + REST_MS);
	return ST_OK;
}

/* The two modes differ in what SIGHUP and SIGINT mean. */
static int
set_signals(struct daemon *d)
{
	bool int_ends = d->service || d->opts->foreground;
	int st;

	if ((st = loop_signal(d->loop, SIGTERM, on_end, d)) != ST_OK ||
	    (st = loop_signal(d->loop, SIGHUP, d->service ? on_reload :
	    on_end, d)) != ST_OK ||
	    (st = loop_signal(d->loop, SIGINT, int_ends ? on_end :
	    on_nothing, d)) != ST_OK)
		return st;
	return loop_signal(d->loop, SIGUSR1, on_forget, d);
}

/* Nothing is kept open that was only inherited. */
static void
sweep(const struct daemon *d)
{
	int keep[] = { d->sock.fd, d->sock.lock_fd, d->report_fd,
		d->opts->ready_fd,
		d->sink != NULL ? auditsink_fd(d->sink) : -1 };
	int tmp;

	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		for (size_t j = i; j > 0 && keep[j - 1] > keep[j]; j--) {
			tmp = keep[j];
			keep[j] = keep[j - 1];
			keep[j - 1] = tmp;
		}
	}
	fdio_sweep(keep, sizeof(keep) / sizeof(keep[0]));
}

/* Have done with the one who started us. */
static int
forget_starter(struct daemon *d)
{
	loop_fd_del(d->loop, &d->starter);
	(void)close(d->starter.fd);
	return ST_OK;
}

/* Nobody wants this agent, unless somebody put a key into it meanwhile, or is
 * about to.  The descriptor stays open until this process ends. */
static int
on_leave(void *cookie)
{
	static const char stay = DAEMON_STAY;
	struct daemon *d = cookie;

	if (keyring_count(d->agent.ring) > 0) {
		if (fdio_write_full(d->starter.fd, &stay, 1) != ST_OK)
			log_debug("whoever started the agent is gone");
		return forget_starter(d);
	}
	if (d->agent.facts.connections > 0) {
		loop_timer_set(d->loop, &d->leave,
		    loop_now(d->loop) + LEAVE_MS);
		return ST_OK;
	}
	log_info("ended: the load that the agent was started for failed");
	d->code = EXIT_DONE;
	loop_stop(d->loop);
	return ST_OK;
}

/* The starter says whether we are wanted, or is gone. */
static int
on_starter(void *cookie, unsigned ready)
{
	struct daemon *d = cookie;
	char said;

	(void)ready;
	if (read(d->starter.fd, &said, 1) == 1 && said == DAEMON_STAY)
		return forget_starter(d);
	loop_fd_del(d->loop, &d->starter);
	loop_timer_set(d->loop, &d->leave, loop_now(d->loop));
	return ST_OK;
}

/* Wait for what the starter says. */
static void
await_verdict(struct daemon *d)
{
	d->starter = (struct loop_fd){ .fd = d->report_fd, .want = LOOP_READ,
		.fn = on_starter, .cookie = d };
	d->leave = (struct loop_timer){ .fn = on_leave, .cookie = d };
	if (loop_fd_add(d->loop, &d->starter) != ST_OK) {
		log_warn_sys("the agent stays, loaded or not");
		(void)close(d->report_fd);
	}
}

/* Say to whoever waits that it serves now, or why not; false: it could not be
 * told, and takes the agent for one that has ended. */
static bool
report(struct daemon *d, int code, int st, const char *why)
{
	struct report r = { .code = code, .st = st };
	bool told;

	if (code == EXIT_DONE && d->opts->ready_fd >= 0) {
		if (fdio_write_full(d->opts->ready_fd, "\n", 1) != ST_OK)
			log_warn_sys("cannot write to --ready-fd");
		(void)close(d->opts->ready_fd);
	}
	if (d->report_fd < 0) {
		if (code != EXIT_DONE)
			log_error("%s", why);
		return true;
	}
	(void)snprintf(r.why, sizeof(r.why), "%s", why);
	told = fdio_write_full(d->report_fd, &r, sizeof(r)) == ST_OK;
	if (!told && code == EXIT_DONE)
		log_error_sys("whoever started the agent cannot be told "
		    "that it serves, so it ends");
	else if (!told)
		log_error("%s", why);
	if (told && code == EXIT_DONE && d->on_trial)
		await_verdict(d);
	else
		(void)close(d->report_fd);
	d->report_fd = -1;
	return told;
}

/* What status@bottle-agent says that never changes. */
static void
set_facts(struct daemon *d)
{
	d->agent.legacy_rsa = d->opts->legacy_rsa;
	d->agent.hash = d->opts->hash;
	d->agent.service = d->service;
	d->agent.forwarded = d->opts->forwarded;
	d->agent.providers = d->opts->providers;
	d->agent.remote_providers = d->opts->allow_remote_pkcs11;
	d->agent.default_lifetime_s = d->opts->has_lifetime ?
	    d->opts->lifetime_s : 0;
	d->agent.started_ms = loop_now(d->loop);
	d->agent.facts = (struct statusmsg_head){
		.version = slice_str(BOTTLE_VERSION),
		.socket = slice_str(d->sock.path),
		.mode = slice_str(d->service ? "service" : "ssh-agent"),
		.policy = slice_str(d->policy_path),
		.audit = slice_str(d->audit_place),
		.pid = (uint32_t)getpid(),
		.uid = (uint32_t)geteuid(),
	};
}

/* One line at the start. */
static void
announce(struct daemon *d, const struct server_options *limits)
{
	size_t workers = d->workers != NULL ? workers_count(d->workers) : 0;
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	log_info("version %s serves %s in %s mode: %zu KiB of %s memory, "
	    "%zu worker%s%s, %zu connections", BOTTLE_VERSION, d->sock.path,
	    d->service ? "service" : "ssh-agent", use.size / 1024,
	    secret_backing_name(use.backing), workers, workers == 1 ? "" : "s",
	    workers > 0 && workers_quick(d->workers) ? " and a quick one" : "",
	    limits->connections_max);
	d->agent.unlocked = use.backing == SECRET_UNLOCKED;
	audit_tell_unlocked(d->agent.audit, d->agent.unlocked);
	if (d->agent.unlocked)
		log_warn("private keys are in memory that is NOT locked: they "
		    "may be written to swap");
}

/* What became of each step of hardening, in one line. */
static void
tell_hardening(const struct harden *h)
{
	enum harden_step step;
	char line[256];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (step = 0; step < HARDEN_STEPS; step++)
		text_addf(&t, "%s%s %s", step > 0 ? ", " : "",
		    harden_step_name(step),
		    harden_state_name(h->step[step].state));
	log_debug("hardening: %s", line);
}

/* Start the one who asks for confirmations, where there is a person to ask.
 * Without it every such question is answered by no. */
static void
set_askpass(struct daemon *d)
{
	int st;

	if (d->service)
		return;
	st = askpass_fork(&d->askpass);
	if (st == ST_NOMEM || st == ST_SYSTEM)
		log_warn_sys("cannot start a process that asks for "
		    "confirmations");
	else if (st != ST_OK)
		log_debug("nobody is asked for confirmations: %s",
		    st == ST_DENIED ? "this is root" :
		    "there is no screen to ask on");
}

/* How many workers are wished for: one for each processor that we may use, but
 * not many; signing is not all that those are for.  And a quick one. */
static size_t
workers_wanted(const struct agent_options *opts)
{
	cpu_set_t set;
	size_t n = 1;

	if (opts->has_workers)
		return opts->workers > 0 ? opts->workers + 1 : 0;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (size_t)CPU_COUNT(&set);
	return (n < WORKERS_DEFAULT_MAX ? n : WORKERS_DEFAULT_MAX) + 1;
}

/* Workers that have the priority that they keep: the filter lets nobody change
 * one. */
static sem_t placed;

/* What a worker does first. */
static void
begin_worker(void *cookie, bool quick)
{
	(void)cookie;
	/* Many short requests are not to wait until a long one's time slice is
	 * over, where there are fewer processors than threads; nor is a single
	 * long one to wait for many that somebody else has. */
	(void)!nice(quick ? QUICK_NICE : WORKER_NICE);
	(void)sem_post(&placed);
}

/* And before its first work. */
static int
ready_worker(void *cookie)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	int st;

	(void)cookie;
	/* The first one has libcrypto set itself up, which takes longest; if
	 * they all did, they would wait for its locks all the time. */
	(void)pthread_mutex_lock(&one);
	if ((st = vault_attach()) == ST_OK)
		st = verify_init();
	(void)pthread_mutex_unlock(&one);
	return st;
}

/* Start the workers, as many as the vault has room for: the quick one is the
 * second of them.  The first to be there has libcrypto set itself up; where
 * there is none, this thread does. */
static int
start_workers(struct daemon *d)
{
	const struct workers_start start = { begin_worker, ready_worker, NULL };
	size_t n = vault_threads(), have;

	if (n == 0)
		return verify_init();
	(void)sem_init(&placed, 0, 0);
	if (workers_new(&d->workers, d->loop, n > 1 ? n - 1 : n, n > 1,
	    &start) != ST_OK) {
		log_warn("no worker could be started: a signature that takes "
		    "long delays all others");
		return verify_init();
	}
	have = workers_count(d->workers) + workers_quick(d->workers);
	if (have < n)
		log_warn("only %zu of %zu workers could be started", have, n);
	return ST_OK;
}

/* Wait until they are where they stay, which is soon. */
static void
await_workers(const struct daemon *d)
{
	size_t n = d->workers == NULL ? 0 : workers_count(d->workers) +
	    workers_quick(d->workers);

	while (n > 0)
		if (sem_wait(&placed) == 0)
			n--;
}

/* Have the kernel say who sends what, also over a socket that was made by a
 * supervisor. */
static int
set_senders(const struct daemon *d)
{
	if (unixsock_has_senders(d->sock.fd))
		return ST_OK;
	log_warn("requests of who connected before now may be refused: have "
	    "the socket made with SO_PASSCRED (systemd: PassCredentials=yes)");
	return unixsock_senders(d->sock.fd);
}

/* Peers can send descriptors: see to it that these hold nobody up. */
static void
start_beat(struct daemon *d)
{
	int st = beat_start(d->loop);

	d->harden.beats = st == ST_OK;
	if (st == ST_SYSTEM)
		log_warn_sys("no timer: a peer can hold the agent up by sending "
		    "a socket that takes long to close");
}

/* Set up what serving needs; why is for people. */
static int
set_up(struct daemon *d, char *why, size_t whylen)
{
	struct server_options limits = { .listen_fd = d->sock.fd,
		.limits = &d->opts->limits, .senders = d->service };
	int st;

	/* Before there is a vault that it could inherit. */
	set_askpass(d);
	if ((st = harden_process(&d->harden, why, whylen)) != ST_OK)
		return st;
	if ((st = vault_open(&d->opts->memory, VAULT_SERVE,
	    workers_wanted(d->opts), why, whylen)) != ST_OK)
		return st;
	/* CAP_IPC_LOCK may have been of use until here. */
	if ((st = harden_privileges(&d->harden, why, whylen)) != ST_OK)
		return st;
	(void)snprintf(why, whylen, "cannot set up the agent");
	if ((d->agent.ring = keyring_new()) == NULL)
		return ST_NOMEM;
	if ((st = loop_new(&d->loop)) != ST_OK)
		return st;
	if ((st = start_workers(d)) != ST_OK)
		return st;
	if ((st = audit_new(&d->agent.audit, d->loop, d->sink)) != ST_OK)
		return st;
	set_facts(d);
	if ((st = set_signals(d)) != ST_OK)
		return st;
	if (d->askpass != NULL &&
	    (st = askpass_attach(d->askpass, d->loop)) != ST_OK)
		return st;
	if (d->sink != NULL && (st = auditsink_start(d->sink)) != ST_OK)
		return st;
	if (!unixsock_no_descriptors(d->sock.fd))
		start_beat(d);
	if (d->service && (st = set_senders(d)) != ST_OK)
		return st;
	server_limit(&limits, d->service);
	limits.workers = d->workers;
	limits.askpass = d->askpass;
	if ((st = server_new(&d->server, d->loop, &d->agent, &limits)) != ST_OK)
		return st;
	if (d->parent != 0) {
		d->watch_parent = (struct loop_timer){
			.fn = on_watch_parent, .cookie = d };
		loop_timer_set(d->loop, &d->watch_parent,
		    loop_now(d->loop) + PARENT_MS);
	}
	d->rest = (struct loop_timer){ .fn = on_rest, .cookie = d };
	loop_timer_set(d->loop, &d->rest, loop_now(d->loop) + REST_MS);
	announce(d, &limits);
	await_workers(d);
	st = harden_calls(&d->harden, HARDEN_SERVER, why, whylen);
	tell_hardening(&d->harden);
	return st;
}

/* Be the agent, until the end.  Returns the exit code. */
static int
serve(struct daemon *d)
{
	char why[WHY_MAX] = "";
	int st;

	d->sock.owner = getpid();
	d->harden = (struct harden){ .strict = d->opts->strict,
		.daemon = d->background,
		.appends = d->sink != NULL &&
		    auditsink_kind(d->sink) == AUDITSINK_FILE,
		.datagrams = d->background || (d->sink != NULL &&
		    auditsink_kind(d->sink) == AUDITSINK_SYSLOG) };
	sweep(d);
	log_open("bottle-agent", d->opts->debug ? LOG_LEVEL_DEBUG :
	    LOG_LEVEL_INFO, d->background);
	log_never_wait();
	if ((st = set_up(d, why, sizeof(why))) != ST_OK) {
		d->code = st == ST_FULL || st == ST_UNSUPPORTED ?
		    EXIT_MEMORY : EXIT_FAILED;
		server_free(d->server);
		d->server = NULL;
		workers_free(d->workers);
		d->workers = NULL;
		unixsock_close(&d->sock);
		(void)report(d, d->code, st, why);
	} else {
		/* A supervisor that made the socket needs not be told. */
		if (!d->background && !d->activated &&
		    shellout_started(d->opts, d->sock.path, getpid(),
		    false) != ST_OK)
			log_warn_sys("cannot print where the socket is");
		if (!report(d, EXIT_DONE, ST_OK, "")) {
			d->code = EXIT_FAILED;
			loop_stop(d->loop);
		}
		note(d, AUDIT_START, REASON_NONE, "version " BOTTLE_VERSION);
		if ((st = loop_run(d->loop)) != ST_OK) {
			log_error_st(st, "the agent stops");
			d->code = EXIT_FAILED;
		}
	}
	server_free(d->server);
	workers_free(d->workers);
	note(d, AUDIT_STOP, REASON_NONE, "");
	audit_free(d->agent.audit);
	auditsink_free(d->sink);
	askpass_free(d->askpass);
	unixsock_close(&d->sock);
	socketpath_fini(&d->where);
	keyring_free(d->agent.ring);
	lock_fini(&d->agent.lock);
	loop_free(d->loop);
	beat_stop();
	vault_close();
	return d->code;
}

/* In the starter: the descriptors belong to the other process now. */
static void
let_go(struct daemon *d)
{
	d->sock.owner = -1;
	unixsock_close(&d->sock);
	drop_sink(d);
	if (d->opts->ready_fd >= 0)
		(void)close(d->opts->ready_fd);
}

/* Wait for the report of the serving process; false: there is none. */
static bool
await(int fd, struct report *r)
{
	size_t got;
	bool told = fdio_read_full(fd, r, sizeof(*r), &got) == ST_OK;

	if (!told) {
		r->code = EXIT_FAILED;
		r->st = ST_INTERNAL;
		(void)snprintf(r->why, sizeof(r->why), "the agent ended "
		    "before it could serve");
	}
	r->why[sizeof(r->why) - 1] = '\0';
	return told;
}

/* In the serving process, before it has begun. */
static void __attribute__((__noreturn__))
fail_early(struct daemon *d)
{
	char why[WHY_MAX];

	(void)snprintf(why, sizeof(why), "cannot go into the background: %s",
	    strerror(errno));
	d->sock.owner = getpid();
	unixsock_close(&d->sock);
	socketpath_fini(&d->where);
	(void)report(d, EXIT_FAILED, ST_SYSTEM, why);
	_exit(EXIT_FAILED);
}

/* Fork a process that serves, on trial or not.  In it this does not return; in
 * the caller it gives the process and what that reports on. */
static int
spawn(struct daemon *d, bool on_trial, pid_t *pid, int *from)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return ST_SYSTEM;
	/* Nothing of stdout may be written twice. */
	(void)fflush(stdout);
	if ((*pid = fork()) < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return ST_SYSTEM;
	}
	if (*pid > 0) {
		(void)close(fds[1]);
		let_go(d);
		*from = fds[0];
		return ST_OK;
	}
	(void)close(fds[0]);
	d->report_fd = fds[1];
	d->background = true;
	d->on_trial = on_trial;
	if (chdir("/") != 0 || fdio_std_null() != ST_OK)
		fail_early(d);
	_exit(serve(d));
}

/* Say where the agent is.  One that nobody can find is ended again. */
static int
tell_shell(const struct agent_options *opts, const char *path, pid_t pid)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (shellout_started(opts, path, pid, true) == ST_OK)
		return EXIT_DONE;
	log_error_sys("cannot print where the agent is; it is ended");
	(void)kill(pid, SIGTERM);
	return EXIT_FAILED;
}

/* Become the command, with the agent in its environment. */
static int
run_command(const struct agent_options *opts, const char *path, pid_t pid)
{
	char num[32];

	(void)snprintf(num, sizeof(num), "%ld", (long)pid);
	if (setenv("SSH_AUTH_SOCK", path, 1) != 0 ||
	    setenv("SSH_AGENT_PID", num, 1) != 0) {
		log_error_sys("cannot set the environment");
		return EXIT_FAILED;
	}
	(void)execvp(opts->run[0], opts->run);
	log_error_sys("cannot run %.*s", text_cut(opts->run[0], 200),
	    opts->run[0]);
	return EXIT_FAILED;
}

int
daemon_main(const struct agent_options *opts)
{
	char why[WHY_MAX] = "", path[UNIXSOCK_PATH_MAX];
	static struct daemon d;		/* see daemon_start() */
	struct report r;
	pid_t pid;
	int st, from;

	st = prepare(&d, opts, opts->service, why, sizeof(why));
	if (st != ST_OK) {
		log_error("%s", why);
		return d.code;
	}
	if (opts->foreground)
		return serve(&d);
	if (opts->run != NULL)
		d.parent = getpid();
	memcpy(path, d.sock.path, sizeof(path));
	if (spawn(&d, false, &pid, &from) != ST_OK) {
		log_error_sys("cannot start a process");
		unixsock_close(&d.sock);
		socketpath_fini(&d.where);
		drop_sink(&d);
		return EXIT_FAILED;
	}
	/* It may be there and not have been able to say so.  One that has said
	 * why it fails still puts things away. */
	if (!await(from, &r))
		(void)kill(pid, SIGTERM);
	(void)close(from);
	if (r.code != EXIT_DONE) {
		log_error("%s", r.why);
		return r.code;
	}
	if (opts->run != NULL)
		return run_command(opts, path, pid);
	return tell_shell(opts, path, pid);
}

int
daemon_start(const struct agent_options *opts, int *starter, char *why,
    size_t whylen)
{
	/* Most of it is room for rules and paths: on the stack it would take
	 * memory where that is not used. */
	static struct daemon d;
	pid_t pid;
	int st;

	*starter = -1;
	if ((st = prepare(&d, opts, true, why, whylen)) != ST_OK)
		return d.code == EXIT_USAGE ? ST_MALFORMED : st;
	if ((st = spawn(&d, true, &pid, starter)) != ST_OK) {
		(void)snprintf(why, whylen, "cannot start the agent: %s",
		    strerror(errno));
		unixsock_close(&d.sock);
		socketpath_fini(&d.where);
		drop_sink(&d);
	}
	return st;
}

int
daemon_await(int *starter, char *why, size_t whylen)
{
	struct report r;
	bool told = await(*starter, &r);

	if (r.code == EXIT_DONE)
		return ST_OK;
	/* One that has said why ends by itself; of another one nobody knows. */
	if (told) {
		(void)close(*starter);
		*starter = -1;
	}
	(void)snprintf(why, whylen, "%s", r.why);
	return r.st;
}
