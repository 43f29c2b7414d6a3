#include "agent/removecmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/loadcall.h"
#include "base/log.h"
#include "base/text.h"

struct removecmd {
	const struct agent_options	*opts;
	struct agentconn		 conn;
	struct loadcall			 call;
	size_t				 n;	/* keys that went */
};

/* One key: "TYPE FINGERPRINT COMMENT". */
static bool
print_text(struct slice line, void *arg)
{
	struct removecmd *r = arg;
	/* A byte can take four characters. */
	size_t cap = 4 * line.len + 1;
	char *buf = malloc(cap);
	struct text t;
	bool printed;

	if (buf == NULL)
		return false;
	text_init(&t, buf, cap);
	text_escape(&t, line.p, line.len);
	printed = puts(buf) >= 0;
	free(buf);
	r->n++;
	return printed;
}

/* The next word of a line; the last one is all that is left. */
static struct slice
take_word(struct slice *line, bool last)
{
	const uint8_t *end = last || line->len == 0 ? NULL :
	    memchr(line->p, ' ', line->len);
	struct slice word = *line;

	if (end != NULL)
		word.len = (size_t)(end - line->p);
	line->p += word.len + (end != NULL);
	line->len -= word.len + (end != NULL);
	return word;
}

/* The same as an object. */
static bool
print_json(struct slice line, void *arg)
{
	static const char *const names[] = { "type", "fingerprint", "comment" };
	struct removecmd *r = arg;
	/* A byte can take six. */
	size_t cap = 6 * line.len + 128;
	char *buf = malloc(cap);
	struct slice word;
	struct text t;
	bool printed;

	if (buf == NULL)
		return false;
	text_init(&t, buf, cap);
	text_addc(&t, r->n++ > 0 ? ',' : ' ');
	for (size_t i = 0; i < 3; i++) {
		word = take_word(&line, i == 2);
		text_addf(&t, "%s\"%s\":", i == 0 ? "{" : ",", names[i]);
		text_json(&t, word.p, word.len);
	}
	text_addc(&t, '}');
	printed = fwrite(t.p, 1, t.len, stdout) == t.len;
	free(buf);
	return printed;
}

/* Print what went.  It went, whatever becomes of the output. */
static void
print_keys(struct removecmd *r, struct slice keys)
{
	bool json = r->opts->json, good;

	if (json)
		(void)printf("{\"version\":1,\"removed\":[");
	good = loadcall_keys(keys, json ? print_json : print_text, r) == ST_OK;
	if (json)
		(void)printf("]}\n");
	if (fflush(stdout) != 0 || !good)
		log_warn("the keys are removed, but not all of them could be "
		    "printed");
}

/* What was asked for, in words. */
static void
tell(const struct removecmd *r)
{
	const struct agent_options *o = r->opts;
	char name[4 * LOAD_NAME_MAX + 1];
	struct text t;

	text_init(&t, name, sizeof(name));
	if (o->name != NULL)
		text_escape(&t, o->name, strlen(o->name));
	log_info("%s %s%s: %zu key%s", r->n > 0 ? "removed" :
	    "there is nothing to remove of", o->name != NULL ? "load " :
	    "every load", o->name != NULL ? name : "", r->n,
	    r->n == 1 ? "" : "s");
}

/* The agent has answered, and said no. */
static int
refused(const struct removecmd *r, const struct load_answer *ans)
{
	char buf[512];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_escape(&t, ans->text.p, ans->text.len);
	log_error("the agent at %s removes nothing: %s", r->conn.path, buf);
	return EXIT_FAILED;
}

/* It has not, or not to the point. */
static int
unanswered(const struct removecmd *r, int st)
{
	if (agentconn_unnamed(&r->conn, st))
		return EXIT_DENIED;
	switch (st) {
	case ST_DENIED:
		log_error("the agent at %s does not let uid %u remove a load: "
		    "that needs admin (root has it), and a bottle-agent of "
		    "this version (end an older one and load again)",
		    r->conn.path, (unsigned)geteuid());
		return EXIT_DENIED;
	case ST_SYSTEM:
		log_error_sys("no answer from the agent at %s: whether the "
		    "keys are removed is not known", r->conn.path);
		return EXIT_FAILED;
	default:
		break;
	}
	log_error_st(st, "no answer from the agent at %s: whether the keys are "
	    "removed is not known", r->conn.path);
	return EXIT_FAILED;
}

/* Nobody serves the socket; or somebody does whom we cannot ask. */
static int
unreachable(int st, const char *why)
{
	log_error("%s", why);
	switch (st) {
	case ST_NOT_FOUND:
	case ST_CLOSED:
		return EXIT_UNREACHABLE;
	case ST_DENIED:
	case ST_UNTRUSTED:
		return EXIT_DENIED;
	default:
		return EXIT_FAILED;
	}
}

int
removecmd_main(const struct agent_options *opts)
{
	struct removecmd r = { .opts = opts };
	struct load_answer ans;
	char why[512];
	int code, st;

	st = agentconn_open(&r.conn, opts->socket != NULL ? opts->socket :
	    OPTIONS_SOCKET, opts->allow_shared_dir ? AGENTCONN_SHARED_DIR :
	    AGENTCONN_TRUSTED, why, sizeof(why));
	if (st != ST_OK)
		return unreachable(st, why);
	if ((st = loadcall_init(&r.call, &r.conn)) == ST_OK)
		st = opts->name != NULL ? loadcall(&r.call, LOAD_REMOVE,
		    slice_str(opts->name), &ans) : loadcall(&r.call,
		    LOAD_REMOVE_ALL, (struct slice){ NULL, 0 }, &ans);
	if (st != ST_OK) {
		code = unanswered(&r, st);
	} else if (ans.verdict != 0) {
		code = refused(&r, &ans);
	} else {
		print_keys(&r, ans.data);
		tell(&r);
		code = EXIT_DONE;
	}
	loadcall_fini(&r.call);
	agentconn_close(&r.conn);
	return code;
}
