#include "agent/loader.h"

/*
 * Keys are taken from the text one after another; each is sealed as soon as
 * it was parsed, and its plaintext wiped.  What piles up until all of them
 * are known to be good is ciphertext, in ordinary memory: locked memory needs
 * room for the text and one key.  Nothing of it is sent before the last key
 * was parsed, so a bad one costs the agent nothing.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/daemon.h"
#include "agent/harden.h"
#include "agent/key.h"
#include "agent/keytext.h"
#include "agent/seal.h"
#include "agent/statusget.h"
#include "agent/vault.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/reply.h"

/* One line about what went wrong. */
#define WHY_MAX		512
/* How long to wait for an agent that somebody else is starting, and how
 * often to look. */
#define START_WAIT_MS	2000
#define START_STEP_MS	20
/* Locked memory kept back for the largest key at work: decoded, and as a
 * record. */
#define WORK_ROOM	(2 * BUNDLE_RECORD_MAX + 4096)
/* Room for the text at first: enough for some hundred keys. */
#define TEXT_ROOM	(128 * 1024)
/* What a record has besides the fields that its key text has too. */
#define RECORD_ROOM	256
/* What a frame has besides the chunk in it. */
#define FRAME_ROOM	256

struct loader {
	const struct agent_options *opts;
	struct agentconn conn;
	uint8_t		*text;		/* locked: all of stdin */
	struct slice	 rest;		/* of the text, not yet parsed */
	struct sealer	*sealer;
	struct wire_writer sealed;	/* ordinary memory: ciphertext */
	char		(*fingerprint)[KEY_FINGERPRINT_MAX];
	size_t		 n;		/* keys taken */
	uint8_t		*frame;		/* of a request */
	bool		 started;	/* the agent is one that we started */
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
	if (statusget(&ld->conn, &s) != ST_OK || s.n_rules != opts->n_allow)
		return false;
	for (size_t i = 0; i < opts->n_allow; i++)
		if (wire_get_string(&s.rules, &rule) != ST_OK ||
		    !slice_eq_str(rule, opts->allow[i]))
			return false;
	return true;
}

/* Find the agent, or start one. */
static int
reach_agent(struct loader *ld)
{
	const struct agent_options *opts = ld->opts;
	char why[WHY_MAX];
	int64_t deadline;
	int st;

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

	st = daemon_start(opts, why, sizeof(why));
	if (st != ST_OK && st != ST_BUSY)
		return unstarted(st, why);
	ld->started = st == ST_OK;
	deadline = clock_ms() + START_WAIT_MS;
	while (is_absent(st = try_open(ld, why, sizeof(why))) &&
	    clock_ms() < deadline)
		(void)poll(NULL, 0, START_STEP_MS);
	return st == ST_OK ? EXIT_DONE : unreachable(st, why);
}

/* Print what the agent refused, and about which key. */
static int
refused(const struct loader *ld, const struct load_answer *ans)
{
	char buf[WHY_MAX];
	struct text reason;

	text_init(&reason, buf, sizeof(buf));
	text_escape(&reason, ans->text.p, ans->text.len);
	if (ans->item > 0 && ans->item <= ld->n)
		log_error("key %u of %zu (%s): %s; nothing was loaded",
		    ans->item, ld->n, ld->fingerprint[ans->item - 1], buf);
	else
		log_error("the agent refuses the load: %s; nothing was "
		    "loaded", buf);
	return EXIT_FAILED;
}

/* One call of load@bottle-agent; ans borrows from the connection. */
static int
call(struct loader *ld, enum load_op op, struct slice arg,
    struct load_answer *ans)
{
	struct wire_writer w = wire_writer(ld->frame,
	    LOAD_CHUNK_MAX + FRAME_ROOM);
	const struct load_request req = { .op = op, .arg = arg };
	struct slice frame, body;
	struct wire_reader r;
	struct reply reply;
	size_t mark;
	int st;

	mark = frame_open(&w);
	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_LOAD);
	load_request_put(&w, &req);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK)
		return st;
	if ((st = agentconn_call(&ld->conn, frame, &body)) != ST_OK)
		return st;
	if ((st = reply_decode(body, &reply)) != ST_OK ||
	    (st = reply_get_extension(&reply, EXT_LOAD, &r)) != ST_OK)
		return st;
	return load_answer_decode(&r, ans);
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

/* sealer_new() as an operation of the vault. */
struct new_sealer {
	struct loader	*ld;
	const uint8_t	*public_key;
	uint8_t		*head;
};

static int
new_sealer(void *arg)
{
	struct new_sealer *n = arg;

	return sealer_new(&n->ld->sealer, vault_region(), n->public_key,
	    n->head);
}

/* Begin the load: the answer is the key to seal to. */
static int
begin(struct loader *ld, struct slice name)
{
	uint8_t head[BUNDLE_SEALED + BUNDLE_HEADER];
	struct load_answer ans;
	int st;

	st = call(ld, LOAD_BEGIN, name, &ans);
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
	st = vault_run(new_sealer, &(struct new_sealer){ ld, ans.data.p,
	    head }, false);
	if (st != ST_OK) {
		log_error_st(st, "cannot seal the keys");
		return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
	}
	/* Room for the head; more is made for each record. */
	ld->sealed = wire_writer(malloc(sizeof(head)), sizeof(head));
	if (ld->sealed.p == NULL) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	wire_put_bytes(&ld->sealed, (struct slice){ head, sizeof(head) });
	return EXIT_DONE;
}

/* Read stdin to its end, or until cap bytes are there. */
static int
read_all(uint8_t *p, size_t cap, size_t *len)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	for (; *len < cap; *len += (size_t)n) {
		n = read(STDIN_FILENO, p + *len, cap - *len);
		if (n == 0)
			break;
		if (n > 0)
			continue;
		n = 0;
		if (errno == EAGAIN)
			(void)poll(&wait, 1, -1);
		else if (errno != EINTR)
			return ST_SYSTEM;
	}
	return ST_OK;
}

/* Move the text, len bytes of it, to a piece of cap bytes. */
static int
move_text(struct loader *ld, size_t len, size_t cap)
{
	uint8_t *more = secret_alloc(vault_region(), cap);

	if (more == NULL)
		return ST_FULL;
	if (len > 0)
		memcpy(more, ld->text, len);
	secret_free(vault_region(), ld->text);
	ld->text = more;
	return ST_OK;
}

/* Most bytes of text that there is room for now, with room left to work. */
static size_t
text_room(void)
{
	struct secret_usage usage;

	secret_usage(vault_region(), &usage);
	return usage.largest > 2 * (size_t)WORK_ROOM ?
	    usage.largest - WORK_ROOM : usage.largest / 2;
}

/* Take all of stdin into locked memory: into a small piece, or else into all
 * that there is. */
static int
read_text(struct loader *ld)
{
	size_t cap = text_room(), len = 0;

	if (cap > TEXT_ROOM)
		cap = TEXT_ROOM;
	do {
		if (move_text(ld, len, cap) != ST_OK)
			break;
		if (read_all(ld->text, cap, &len) != ST_OK) {
			log_error_sys("cannot read standard input");
			return EXIT_FAILED;
		}
		if (len < cap) {
			ld->rest = (struct slice){ ld->text, len };
			return EXIT_DONE;
		}
		cap = text_room();
	} while (cap > len);
	log_error("standard input has more than the %zu bytes that locked "
	    "memory has room for: raise the limit (ulimit -l, or docker run "
	    "--ulimit memlock=)", len);
	return EXIT_MEMORY;
}

/* Append one record to the sealed stream. */
static int
seal(struct loader *ld, const struct wire_writer *record, bool final)
{
	struct wire_writer *w = &ld->sealed;
	struct slice plain;
	uint8_t *more;
	size_t cap;
	int st;

	if ((st = wire_done(record, &plain)) != ST_OK)
		return st;
	cap = w->len + sizeof(uint32_t) + plain.len + BUNDLE_OVERHEAD;
	if ((more = realloc(w->p, cap)) == NULL)
		return ST_NOMEM;
	w->p = more;
	w->cap = cap;
	return sealer_record(ld->sealer, plain, final, w);
}

/* Remember the fingerprint, for messages. */
static int
note_key(struct loader *ld, const struct keytext *key)
{
	uint8_t room[KEYBLOB_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;
	void *more;
	int st;

	keyblob_public_put(&w, &key->fields);
	if ((st = wire_done(&w, &blob)) != ST_OK)
		return st;
	more = reallocarray(ld->fingerprint, ld->n + 1,
	    sizeof(*ld->fingerprint));
	if (more == NULL)
		return ST_NOMEM;
	ld->fingerprint = more;
	key_fingerprint_of(blob, ld->fingerprint[ld->n++]);
	return ST_OK;
}

/* Seal one parsed key. */
static int
take_key(struct loader *ld, const struct keytext *key)
{
	struct secret *region = vault_region();
	const struct constraints limits = {
		.has_lifetime = ld->opts->has_lifetime,
		.lifetime_s = ld->opts->lifetime_s,
	};
	uint8_t limits_room[16], *record;
	struct wire_writer w = wire_writer(limits_room, sizeof(limits_room));
	struct request add = {
		.type = SSH_AGENTC_ADD_ID_CONSTRAINED,
		.add = { .key = key->fields, .comment = key->comment },
	};
	size_t cap = secret_size(region, key->mem) + RECORD_ROOM;
	int st;

	constraint_put(&w, &limits);
	if ((st = wire_done(&w, &add.add.constraints)) != ST_OK)
		return st;
	if ((st = note_key(ld, key)) != ST_OK)
		return st;
	if (cap > BUNDLE_RECORD_MAX)
		cap = BUNDLE_RECORD_MAX;
	if ((record = secret_alloc(region, cap)) == NULL)
		return ST_FULL;
	w = wire_writer(record, cap);
	bundle_put_key(&w, &add);
	st = seal(ld, &w, false);
	secret_free(region, record);
	return st;
}

/* How many keys begin in the rest of the text. */
static size_t
count_rest(struct slice rest)
{
	struct keytext key;
	char why[WHY_MAX];
	size_t n = 0;

	while (keytext_next(vault_region(), &rest, &key, why,
	    sizeof(why)) != ST_NOT_FOUND) {
		keytext_fini(vault_region(), &key);
		n++;
	}
	return n;
}

/* Say which key is bad; st tells whether it is the key or the memory. */
static int
bad_key(const struct loader *ld, size_t number, int st, const char *why)
{
	log_error("key %zu of %zu: %s; nothing was loaded", number,
	    number + count_rest(ld->rest), why);
	return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
}

/* Parse and seal all keys; the first bad one ends it. */
static int
take_keys(struct loader *ld)
{
	struct secret *region = vault_region();
	struct keytext key;
	char why[WHY_MAX];
	int st;

	while ((st = keytext_next(region, &ld->rest, &key, why,
	    sizeof(why))) == ST_OK) {
		st = take_key(ld, &key);
		keytext_fini(region, &key);
		if (st == ST_TOO_LARGE)
			return bad_key(ld, ld->n, st, "its comment is too "
			    "long");
		if (st != ST_OK)
			return bad_key(ld, ld->n, st, st == ST_FULL ?
			    "no room left in locked memory" :
			    status_name(st));
	}
	if (st != ST_NOT_FOUND)
		return bad_key(ld, ld->n + 1, st, why);
	if (ld->n == 0) {
		log_error("no private key on standard input");
		return EXIT_FAILED;
	}
	if (ld->opts->has_expect && ld->opts->expect != ld->n) {
		log_error("standard input has %zu keys and %u were expected; "
		    "nothing was loaded (the usual reason is input that was "
		    "cut short)", ld->n, ld->opts->expect);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Close the sealed stream, and have done with all that is secret. */
static int
finish_stream(struct loader *ld)
{
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));
	int st;

	secret_free(vault_region(), ld->text);
	ld->text = NULL;
	bundle_put_end(&w, (uint32_t)ld->n);
	if ((st = seal(ld, &w, true)) != ST_OK) {
		log_error_st(st, "cannot seal the keys");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Parse and seal, as one operation of the vault; gives an exit code. */
static int
make_stream(void *arg)
{
	int code = take_keys(arg);

	return code == EXIT_DONE ? finish_stream(arg) : code;
}

/* Send the sealed stream. */
static int
send_stream(struct loader *ld)
{
	struct slice rest = { ld->sealed.p, ld->sealed.len }, chunk;
	struct load_answer ans;
	int st;

	while (rest.len > 0) {
		chunk = rest;
		if (chunk.len > LOAD_CHUNK_MAX)
			chunk.len = LOAD_CHUNK_MAX;
		rest.p += chunk.len;
		rest.len -= chunk.len;
		if ((st = call(ld, LOAD_CHUNK, chunk, &ans)) != ST_OK) {
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
print_key(struct slice blob, struct slice comment)
{
	struct wire_reader r = wire_reader(blob);
	char fingerprint[KEY_FINGERPRINT_MAX];
	struct slice type;
	struct text line;
	bool printed;
	size_t cap;
	char *buf;

	if (wire_get_string(&r, &type) != ST_OK)
		return false;
	/* A byte can take four characters. */
	cap = 4 * (type.len + comment.len) + sizeof(fingerprint) + 4;
	if ((buf = malloc(cap)) == NULL)
		return false;
	key_fingerprint_of(blob, fingerprint);
	text_init(&line, buf, cap);
	text_escape(&line, type.p, type.len);
	text_addf(&line, " %s", fingerprint);
	if (comment.len > 0) {
		text_addc(&line, ' ');
		text_escape(&line, comment.p, comment.len);
	}
	printed = puts(buf) >= 0;
	free(buf);
	return printed;
}

/* Print the keys that are in force now.  They are, whatever becomes of the
 * output: that is no reason to fail. */
static void
print_keys(struct slice keys)
{
	struct wire_reader r = wire_reader(keys);
	struct slice blob, comment;
	bool good = true;

	while (good && !wire_end(&r))
		good = wire_get_string(&r, &blob) == ST_OK &&
		    wire_get_string(&r, &comment) == ST_OK &&
		    print_key(blob, comment);
	if (fflush(stdout) != 0 || !good)
		log_warn("the keys are loaded, but not all of them could be "
		    "printed");
}

/* Have the agent put the keys in force. */
static int
commit(struct loader *ld)
{
	struct load_answer ans;
	int st;

	st = call(ld, LOAD_COMMIT, (struct slice){ NULL, 0 }, &ans);
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

/* Everything from the open vault on. */
static int
load(struct loader *ld)
{
	struct slice name = { NULL, 0 };
	int code;

	if (ld->opts->name != NULL)
		name = slice_str(ld->opts->name);
	if ((ld->frame = malloc(LOAD_CHUNK_MAX + FRAME_ROOM)) == NULL) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	if ((code = begin(ld, name)) != EXIT_DONE ||
	    (code = read_text(ld)) != EXIT_DONE ||
	    (code = vault_run(make_stream, ld, false)) != EXIT_DONE ||
	    (code = send_stream(ld)) != EXIT_DONE)
		return code;
	return commit(ld);
}

/* Release everything. */
static void
fini(struct loader *ld)
{
	agentconn_close(&ld->conn);
	if (vault_region() != NULL) {
		secret_free(vault_region(), ld->text);
		sealer_free(ld->sealer);
	}
	free(ld->sealed.p);
	free(ld->fingerprint);
	free(ld->frame);
	vault_close();
}

int
loader_main(const struct agent_options *opts)
{
	struct loader ld = { .opts = opts, .conn = { .fd = -1 } };
	struct harden harden = { .strict = opts->strict };
	char why[WHY_MAX];
	int st, code;

	if (harden_process(&harden, why, sizeof(why)) != ST_OK) {
		log_error("%s", why);
		return EXIT_MEMORY;
	}
	if (isatty(STDIN_FILENO)) {
		log_error("standard input is a terminal: give the keys by a "
		    "pipe or a file, as in `bottle-agent --load < FILE`");
		return EXIT_USAGE;
	}
	if (opts->name != NULL && strlen(opts->name) > LOAD_NAME_MAX) {
		log_error("the name of a load has at most %d bytes",
		    LOAD_NAME_MAX);
		return EXIT_USAGE;
	}
	if ((code = reach_agent(&ld)) != EXIT_DONE)
		return code;
	if ((st = vault_open(&opts->memory, VAULT_LOAD, why,
	    sizeof(why))) != ST_OK ||
	    (st = harden_privileges(&harden, why, sizeof(why))) != ST_OK ||
	    (st = harden_calls(&harden, HARDEN_CLIENT, why,
	    sizeof(why))) != ST_OK) {
		log_error("%s", why);
		code = st == ST_FULL || st == ST_UNSUPPORTED ?
		    EXIT_MEMORY : EXIT_FAILED;
	} else {
		code = load(&ld);
	}
	if (code != EXIT_DONE && ld.started)
		log_warn("the agent that was started at %s has no keys yet "
		    "and goes on serving with the rules given",
		    ld.conn.path);
	fini(&ld);
	return code;
}
