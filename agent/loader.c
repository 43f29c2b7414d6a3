#include "agent/loader.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/bundlepipe.h"
#include "agent/daemon.h"
#include "agent/harden.h"
#include "agent/loadcall.h"
#include "agent/loadstream.h"
#include "agent/statusget.h"
#include "agent/vault.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/extension.h"
#include "proto/loadpipe.h"

/* One line about what went wrong. */
#define WHY_MAX		512
/* Locked memory that a load of a few keys takes. */
#define LOAD_WORK	(VAULT_STACK + 8 * 1024)
/* How long to wait for an agent that somebody else is starting, and how
 * often to look. */
#define START_WAIT_MS	2000
#define START_STEP_MS	20
/* How long an agent that we started may take to end again. */
#define LEAVE_WAIT_MS	2000

struct loader {
	const struct agent_options *opts;
	struct agentconn conn;
	struct loadstream stream;
	struct loadcall	 call;
	int		 started;	/* tells the agent that we started
					 * what became of it; or -1 */
	bool		 on_its_way;	/* that agent, when last seen */
	bool		 looked;	/* at how the input begins */
	bool		 bundle;	/* it is one */
	bool		 asked;		/* to begin; the answer is to come */
};

/* The exit code of a failed connection. */
static int
unreachable(int st, const char *why)
{
	log_error("%s", why);
	if (st == ST_UNTRUSTED || st == ST_DENIED)
		return EXIT_DENIED;
	return st < 0 || st == ST_TOO_LARGE ? EXIT_FAILED : EXIT_UNREACHABLE;
}

/* The exit code of an agent that could not be started. */
static int
unstarted(int st, const char *why)
{
	log_error("no agent could be started: %s", why);
	switch (st) {
	case ST_FULL:
	case ST_UNSUPPORTED:
		return EXIT_MEMORY;
	case ST_UNTRUSTED:
		return EXIT_DENIED;
	case ST_MALFORMED:
		return EXIT_USAGE;
	default:
		return EXIT_FAILED;
	}
}

/* Connect to the socket; whose directory it is may be left to the operator,
 * who serves it may not. */
static int
try_open(struct loader *ld, char *why, size_t whylen)
{
	const char *path = ld->opts->socket;

	return agentconn_open(&ld->conn, path != NULL ? path : OPTIONS_SOCKET,
	    ld->opts->allow_shared_dir ? AGENTCONN_SHARED_DIR :
	    AGENTCONN_TRUSTED, why, whylen);
}

/* Whether an agent might be there in a moment. */
static bool
is_absent(int st)
{
	return st == ST_NOT_FOUND || st == ST_CLOSED;
}

/* Whether the agent that is there has the rules that one started by us would
 * have; so it is when none were given. */
static bool
has_same_rules(struct loader *ld)
{
	const struct agent_options *opts = ld->opts;
	struct statusget s;
	struct slice rule;
	struct stat sb;

	if (opts->public && (stat(ld->conn.path, &sb) != 0 ||
	    (sb.st_mode & 0666) != 0666))
		return false;
	if (opts->n_allow == 0)
		return true;
	if (statusget(&ld->conn, &s) != ST_OK || s.n_rules < opts->n_allow ||
	    (s.n_rules > opts->n_allow && opts->policy == NULL))
		return false;
	for (size_t i = 0; i < opts->n_allow; i++)
		if (wire_get_string(&s.rules, &rule) != ST_OK ||
		    !slice_eq_str(rule, opts->allow[i]))
			return false;
	return true;
}

/* An agent that we started has to be there before it is spoken to. */
static int
await_agent(struct loader *ld)
{
	char why[WHY_MAX];
	int st;

	if (!ld->on_its_way)
		return EXIT_DONE;
	ld->on_its_way = false;
	st = daemon_await(&ld->started, why, sizeof(why));
	return st == ST_OK ? EXIT_DONE : unstarted(st, why);
}

/* Find the agent, or start one, which is then on its way. */
static int
reach_agent(struct loader *ld)
{
	const struct agent_options *opts = ld->opts;
	char why[WHY_MAX];
	int64_t deadline;
	int st, code;

	st = try_open(ld, why, sizeof(why));
	if (st == ST_OK) {
		if (!has_same_rules(ld))
			log_warn("an agent serves %s already, with other "
			    "rules: --public and --allow were not applied to "
			    "it; end that one and load again to change them",
			    ld->conn.path);
		return EXIT_DONE;
	}
	if (!is_absent(st))
		return unreachable(st, why);

	st = daemon_start(opts, &ld->started, why, sizeof(why));
	if (st != ST_OK && st != ST_BUSY)
		return unstarted(st, why);
	ld->on_its_way = st == ST_OK;
	deadline = clock_ms() + START_WAIT_MS;
	/* Ours listens already. */
	while (is_absent(st = try_open(ld, why, sizeof(why))) &&
	    !ld->on_its_way && clock_ms() < deadline)
		(void)poll(NULL, 0, START_STEP_MS);
	if (st == ST_OK)
		return EXIT_DONE;
	/* Or it has ended, and knows why. */
	code = await_agent(ld);
	return code == EXIT_DONE ? unreachable(st, why) : code;
}

/* Print what the agent refused, and about which key. */
static int
refused(const struct loader *ld, const struct load_answer *ans)
{
	char buf[WHY_MAX], what[WHY_MAX];
	struct text reason, name;

	text_init(&reason, buf, sizeof(buf));
	text_escape(&reason, ans->text.p, ans->text.len);
	text_init(&name, what, sizeof(what));
	if (loadstream_name(&ld->stream, ans->item, &name))
		log_error("%s: %s; nothing was loaded", what, buf);
	else
		log_error("the agent refuses the load: %s; nothing was "
		    "loaded", buf);
	return EXIT_FAILED;
}

/* A call that did not even get an answer. */
static int
unanswered(const struct loader *ld, int st)
{
	if (st == ST_SYSTEM)
		log_error_sys("no answer from the agent at %s",
		    ld->conn.path);
	else
		log_error_st(st, "no answer from the agent at %s",
		    ld->conn.path);
	return EXIT_FAILED;
}

/* The name of the load, which may be empty. */
static struct slice
name_of(const struct loader *ld)
{
	return slice_str(ld->opts->name != NULL ? ld->opts->name : "");
}

/* Begin the load: the answer is the key to seal to. */
static int
begin(struct loader *ld)
{
	struct load_answer ans;
	int st, code;

	st = ld->asked ? loadcall_answer(&ld->call, &ans) :
	    loadcall(&ld->call, LOAD_BEGIN, name_of(ld), &ans);
	/* One that could not start has told why, and hung up. */
	if ((code = await_agent(ld)) != EXIT_DONE)
		return code;
	/* Whom no rule names is closed upon; root always has a rule. */
	if (st == ST_DENIED || (st == ST_CLOSED && geteuid() != 0)) {
		log_error("the agent at %s does not let uid %lu load keys",
		    ld->conn.path, (unsigned long)geteuid());
		return EXIT_DENIED;
	}
	if (st != ST_OK)
		return unanswered(ld, st);
	if (ans.verdict != 0)
		return refused(ld, &ans);
	if (ans.data.len != LOAD_PUBLIC_KEY)
		return unanswered(ld, ST_MALFORMED);
	return loadstream_begin(&ld->stream, ans.data.p);
}

/* Send the sealed stream, but for the last piece of it. */
static int
send_stream(struct loader *ld, struct slice *rest)
{
	struct load_answer ans;
	struct slice chunk;
	int st;

	while (rest->len > LOAD_CHUNK_MAX) {
		chunk = (struct slice){ rest->p, LOAD_CHUNK_MAX };
		rest->p += chunk.len;
		rest->len -= chunk.len;
		if ((st = loadcall(&ld->call, LOAD_CHUNK, chunk, &ans)) != ST_OK) {
			(void)unanswered(ld, st);
			log_error("nothing was loaded");
			return EXIT_FAILED;
		}
		if (ans.verdict != 0)
			return refused(ld, &ans);
	}
	return EXIT_DONE;
}

/* One line of the answer: type, fingerprint, comment. */
static bool
print_key(struct slice line, void *arg)
{
	/* A byte can take four characters. */
	size_t cap = 4 * line.len + 1;
	char *buf = malloc(cap);
	struct text t;
	bool printed;

	(void)arg;
	if (buf == NULL)
		return false;
	text_init(&t, buf, cap);
	text_escape(&t, line.p, line.len);
	printed = puts(buf) >= 0;
	free(buf);
	return printed;
}

/* Print the keys that are in force now.  They are, whatever becomes of the
 * output: that is no reason to fail. */
static void
print_keys(struct slice keys)
{
	bool good = loadcall_keys(keys, print_key, NULL) == ST_OK;

	if (fflush(stdout) != 0 || !good)
		log_warn("the keys are loaded, but not all of them could be "
		    "printed");
}

/* Send that one, and have the agent put the keys in force. */
static int
finish(struct loader *ld, struct slice last)
{
	struct load_answer ans;
	int st;

	st = loadcall(&ld->call, LOAD_FINISH, last, &ans);
	if (st == ST_DENIED) {
		log_error("the agent at %s refuses the load; nothing was "
		    "loaded", ld->conn.path);
		return EXIT_DENIED;
	}
	if (st != ST_OK) {
		(void)unanswered(ld, st);
		log_error("whether the keys are loaded is not known: ask with "
		    "--status");
		return EXIT_FAILED;
	}
	if (ans.verdict != 0)
		return refused(ld, &ans);
	print_keys(ans.data);
	return EXIT_DONE;
}

/* See what comes. */
static int
look(struct loader *ld)
{
	if (ld->looked)
		return EXIT_DONE;
	ld->looked = true;
	if (loadcall_init(&ld->call, &ld->conn) != ST_OK) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	return loadstream_peek(&ld->stream, LOADPIPE_MAGIC, &ld->bundle);
}

/* Everything from the open vault on. */
static int
load(struct loader *ld)
{
	struct slice bytes;
	int code;

	if ((code = look(ld)) != EXIT_DONE)
		return code;
	if (ld->bundle)
		return bundlepipe_run(&ld->call, name_of(ld), ld->opts);
	if ((code = begin(ld)) != EXIT_DONE ||
	    (code = loadstream_read(&ld->stream)) != EXIT_DONE ||
	    (code = loadstream_make(&ld->stream, &bytes)) != EXIT_DONE ||
	    (code = send_stream(ld, &bytes)) != EXIT_DONE)
		return code;
	return finish(ld, bytes);
}

/* While an agent that we started gets ready: memory for what comes; and the
 * question, which waits for it, so that nobody has to wait for its answer
 * later.  It might also fail to start, so who sends us keys is not waited
 * for. */
static int
prepare(struct loader *ld)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int code;

	secret_touch(vault_region(), LOAD_WORK);
	if (poll(&in, 1, 0) <= 0)
		return EXIT_DONE;
	if ((code = look(ld)) == EXIT_DONE && !ld->bundle)
		ld->asked = loadcall_send(&ld->call, LOAD_BEGIN,
		    name_of(ld)) == ST_OK;
	return code;
}

/* Tell an agent that we started what became of it.  One that got no key is of
 * no use, and the next try may want other options for it. */
static void
settle(struct loader *ld, bool loaded)
{
	const char verdict = loaded ? DAEMON_STAY : DAEMON_LEAVE;
	struct pollfd wait = { .fd = ld->started, .events = POLLIN };
	char answer;

	if (ld->started < 0)
		return;
	if (fdio_write_full(ld->started, &verdict, 1) == ST_OK && !loaded) {
		if (poll(&wait, 1, LEAVE_WAIT_MS) > 0 &&
		    read(ld->started, &answer, 1) == 0)
			log_warn("the agent that was started for this load is "
			    "ended again");
		else
			log_warn("the agent that was started for this load "
			    "goes on: others use it already");
	}
	(void)close(ld->started);
}

/* Open the vault, with this process made safe around it, and load.  Meanwhile
 * an agent that we started does the same. */
static int
load_safely(struct loader *ld, struct harden *harden)
{
	const struct agent_options *opts = ld->opts;
	char why[WHY_MAX];
	int st, code, late = EXIT_DONE;

	if ((st = vault_open(&opts->memory, VAULT_LOAD, 0, why,
	    sizeof(why))) == ST_OK &&
	    (st = harden_privileges(harden, why, sizeof(why))) == ST_OK &&
	    (st = harden_calls(harden, HARDEN_CLIENT, why,
	    sizeof(why))) == ST_OK) {
		if (ld->on_its_way)
			late = prepare(ld);
		if (ld->asked)
			return load(ld);
		if ((code = await_agent(ld)) == EXIT_DONE)
			code = late;
		return code == EXIT_DONE ? load(ld) : code;
	}
	/* The agent may not have been able to either: then that is said. */
	if ((code = await_agent(ld)) != EXIT_DONE)
		return code;
	log_error("%s", why);
	return st == ST_FULL || st == ST_UNSUPPORTED ?
	    EXIT_MEMORY : EXIT_FAILED;
}

int
loader_main(const struct agent_options *opts)
{
	struct loader ld = { .opts = opts, .conn = { .fd = -1 },
		.started = -1 };
	struct harden harden = { .strict = opts->strict };
	char why[WHY_MAX];
	int code;

	if (harden_process(&harden, why, sizeof(why)) != ST_OK) {
		log_error("%s", why);
		return EXIT_MEMORY;
	}
	if (isatty(STDIN_FILENO)) {
		log_error("standard input is a terminal: give the keys by a "
		    "pipe or a file, as in `bottle-agent --load < FILE`");
		return EXIT_USAGE;
	}
	loadstream_init(&ld.stream, opts);
	if ((code = reach_agent(&ld)) == EXIT_DONE)
		code = load_safely(&ld, &harden);
	/* It looks for connections before it ends. */
	agentconn_close(&ld.conn);
	settle(&ld, code == EXIT_DONE);
	loadstream_fini(&ld.stream);
	loadcall_fini(&ld.call);
	vault_close();
	return code;
}
