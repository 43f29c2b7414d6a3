/*
 * Several labels are asked for one after the other, and what is in every answer
 * is taken: engines do not agree on what two of them mean in one question.
 */
#include "provision/expand.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "provision/child.h"

/* By this label the containers of a service are known. */
#define SERVICE_LABEL	"com.docker.swarm.service.name"
/* Most that an engine may print, and that is kept of what it complains of. */
#define LIST_MAX	(1024 * 1024)
#define SAID_MAX	4096
/* Of that in a message, with its NUL. */
#define SAID_SHOWN_MAX	400
/* Longest name that an engine prints in a list of several. */
#define WORD_MAX	1024
/* How much of a word of the command line is shown. */
#define SHOWN_MAX	64
/* Most names of nodes in a message. */
#define NODES_SHOWN	4

struct expanding {
	const struct provision_options *opts;
	const char	*path;
	struct expand	*out;
	char		*why;
};

/* What an engine is asked. */
struct question {
	const char		*engine;
	enum target_kind	 kind;
	const char		*arg[8];
	size_t			 n;
};

/* Containers that were found, by name. */
struct found {
	char	**name;
	size_t	*times;		/* in how many answers */
	size_t	 n;
};

static enum session_code PRINTF_LIKE(3, 4)
fail(struct expanding *e, enum session_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->why, EXPAND_WHY_MAX, fmt, ap);
	va_end(ap);
	return code;
}

static enum session_code
no_memory(struct expanding *e)
{
	return fail(e, SESSION_FAILED, "out of memory");
}

/* Some text of somebody's, safe to show. */
struct shown {
	char	 text[4 * SHOWN_MAX + 4];
};

static struct shown
show(const char *word)
{
	size_t len = strlen(word);
	struct shown s;
	struct text t;

	text_init(&t, s.text, sizeof(s.text));
	text_escape(&t, word, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (len > SHOWN_MAX)
		text_add(&t, "...");
	return s;
}

/* --- the list ------------------------------------------------------------ */

/* One more target, called ${name}. */
static enum session_code
add(struct expanding *e, const struct target *t, const char *name)
{
	struct expand *out = e->out;
	struct target *targets;
	char **names;

	for (size_t i = 0; i < out->n; i++)
		if (target_same(&out->targets[i], t)) {
			log_debug("%s is %s once more", show(name).text,
			    show(out->names[i]).text);
			return SESSION_DONE;
		}
	if (out->n == EXPAND_MAX)
		return fail(e, SESSION_USAGE, "more than %d targets: narrow "
		    "them, with --label, or do it in several steps",
		    EXPAND_MAX);
	targets = realloc(out->targets, (out->n + 1) * sizeof(*targets));
	if (targets != NULL)
		out->targets = targets;
	names = realloc(out->names, (out->n + 1) * sizeof(*names));
	if (names != NULL)
		out->names = names;
	if (targets == NULL || names == NULL ||
	    (names[out->n] = strdup(name)) == NULL)
		return no_memory(e);
	targets[out->n++] = *t;
	return SESSION_DONE;
}

/* A word that stands for itself. */
static enum session_code
add_word(struct expanding *e, const char *word)
{
	struct target t;

	if (target_parse(word, &t, e->why, EXPAND_WHY_MAX) != ST_OK)
		return SESSION_USAGE;
	/* It is more likely that another one was meant. */
	for (size_t i = 0; i < e->out->n; i++)
		if (target_same(&e->out->targets[i], &t))
			return fail(e, SESSION_USAGE, "%s is the same target "
			    "as %s: name it once", show(word).text,
			    show(e->out->names[i]).text);
	return add(e, &t, word);
}

/* --- asking an engine ---------------------------------------------------- */

static struct slice
kept(const struct child_text *t)
{
	return (struct slice){ (const uint8_t *)t->p, t->len };
}

/* Run it; ${c} has what it says, and is the caller's to release.  On failure
 * ${why} is what it complains of. */
static enum session_code
ask(struct expanding *e, const struct question *q, struct child *c)
{
	struct child_spec spec = { .out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = LIST_MAX, .err_max = SAID_MAX,
		.time_ms = (int64_t)e->opts->time_s * 1000 };
	const struct target t = { .kind = q->kind };
	char program[PATH_MAX], *argv[10], said[EXPAND_WHY_MAX / 2];
	struct target_report r;
	struct text shown;

	*c = (struct child){ .in = -1, .out = -1, .err = -1 };
	if (child_find(q->engine, e->path, program) != ST_OK)
		return fail(e, SESSION_UNREACHABLE, "%s is not in PATH: is it "
		    "installed?", q->engine);
	/* execve(2) takes them as if it could change them. */
	argv[0] = program;
	for (size_t i = 0; i < q->n; i++)
		argv[i + 1] = (char *)(uintptr_t)q->arg[i];
	argv[q->n + 1] = NULL;
	spec.program = program;
	spec.argv = argv;
	if (child_run(c, &spec, said, sizeof(said)) != ST_OK)
		return fail(e, SESSION_UNREACHABLE, "cannot ask %s: %s",
		    q->engine, said);
	target_report(&t, q->engine, c->status, kept(&c->out_text),
	    kept(&c->err_text), &r);
	if (r.end == TARGET_DONE)
		return SESSION_DONE;
	/* Cut at the end of a character, where it is cut. */
	text_init(&shown, said, SAID_SHOWN_MAX);
	text_add(&shown, r.said);
	return fail(e, SESSION_UNREACHABLE, "%s%s%s%s%s", r.what,
	    r.said[0] != '\0' ? ": " : "", said,
	    r.advice[0] != '\0' ? "; " : "", r.advice);
}

/* Take the next line off ${rest} as a text; false at the end, and ${out} is
 * empty for one that is too long or has a NUL. */
static bool
next_line(struct slice *rest, char out[static WORD_MAX])
{
	const uint8_t *nl;
	size_t len;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->len);
	len = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
	out[0] = '\0';
	if (len < WORD_MAX && memchr(rest->p, '\0', len) == NULL) {
		memcpy(out, rest->p, len);
		out[len] = '\0';
		out[strcspn(out, "\r")] = '\0';
	}
	rest->p += len + (nl != NULL);
	rest->len -= len + (nl != NULL);
	return true;
}

/* --- containers ---------------------------------------------------------- */

/* Its name, of "ID NAME[,NAME]..."; those of links have a slash, and one that
 * has no name goes by its number.  NULL where there is neither. */
static const char *
name_in(char line[static WORD_MAX])
{
	char *blank = strchr(line, ' '), *next = NULL;

	if (blank == NULL)
		return target_is_name(line) ? line : NULL;
	*blank = '\0';
	for (char *name = strtok_r(blank + 1, ",", &next); name != NULL;
	    name = strtok_r(NULL, ",", &next))
		if (target_is_name(name))
			return name;
	return blank[1] == '\0' && target_is_name(line) ? line : NULL;
}

/* One of the ${nth} answer: in the first it is new, then it is counted. */
static enum session_code
note(struct expanding *e, struct found *f, size_t nth, const char *name)
{
	char **names;
	size_t *times;

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->name[i], name) != 0)
			continue;
		if (f->times[i] == nth)
			f->times[i]++;
		return SESSION_DONE;
	}
	if (nth > 0)
		return SESSION_DONE;
	if ((names = realloc(f->name, (f->n + 1) * sizeof(*names))) != NULL)
		f->name = names;
	if ((times = realloc(f->times, (f->n + 1) * sizeof(*times))) != NULL)
		f->times = times;
	if (names == NULL || times == NULL ||
	    (names[f->n] = strdup(name)) == NULL)
		return no_memory(e);
	times[f->n++] = 1;
	return SESSION_DONE;
}

static void
found_fini(struct found *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->name[i]);
	free(f->name);
	free(f->times);
	*f = (struct found){ .n = 0 };
}

/* Those that run and have a label; NULL: all that run. */
static enum session_code
list(struct expanding *e, const char *engine, enum target_kind kind,
    const char *label, size_t nth, struct found *f)
{
	struct question q = { .engine = engine, .kind = kind,
		.arg = { "ps", "--format={{.ID}} {{.Names}}" }, .n = 2 };
	char filter[PROVISION_LABEL_MAX + 32], line[WORD_MAX];
	enum session_code code;
	struct slice rest;
	const char *name;
	struct child c;

	if (label != NULL) {
		(void)snprintf(filter, sizeof(filter), "--filter=label=%s",
		    label);
		q.arg[q.n++] = filter;
	}
	code = ask(e, &q, &c);
	rest = kept(&c.out_text);
	while (code == SESSION_DONE && next_line(&rest, line)) {
		if ((name = name_in(line)) != NULL)
			code = note(e, f, nth, name);
		else
			code = fail(e, SESSION_UNREACHABLE, "\"%s ps\" prints "
			    "something that is no container", engine);
	}
	child_fini(&c);
	return code;
}

/* Take those that were in every one of ${n} answers. */
static enum session_code
add_found(struct expanding *e, const char *engine, enum target_kind kind,
    const struct found *f, size_t n)
{
	char word[TARGET_NAME_MAX + 16];
	struct target t = { .kind = kind };
	enum session_code code = SESSION_DONE;

	for (size_t i = 0; i < f->n && code == SESSION_DONE; i++) {
		if (f->times[i] < n)
			continue;
		(void)snprintf(t.name, sizeof(t.name), "%s", f->name[i]);
		(void)snprintf(word, sizeof(word), "%s:%s", engine, t.name);
		code = add(e, &t, word);
	}
	return code;
}

/* --all */
static enum session_code
add_all(struct expanding *e)
{
	const struct provision_options *o = e->opts;
	const char *engine = o->engine != NULL ? o->engine : "docker";
	const enum target_kind kind = strcmp(engine, "podman") == 0 ?
	    TARGET_PODMAN : strcmp(engine, "nerdctl") == 0 ? TARGET_NERDCTL :
	    TARGET_DOCKER;
	const size_t n = o->n_labels > 0 ? o->n_labels : 1;
	enum session_code code = SESSION_DONE;
	struct found f = { .n = 0 };

	for (size_t i = 0; i < n && code == SESSION_DONE; i++)
		code = list(e, engine, kind, o->n_labels > 0 ? o->labels[i] :
		    NULL, i, &f);
	if (code == SESSION_DONE)
		code = add_found(e, engine, kind, &f, n);
	found_fini(&f);
	if (code != SESSION_DONE || e->out->n > 0)
		return code;
	return o->n_labels > 0 ?
	    fail(e, SESSION_UNREACHABLE, "no container that runs in %s has "
	    "%s%s: \"%s ps --format '{{.Names}} {{.Labels}}'\" shows which "
	    "have what", engine, o->n_labels > 1 ? "all of these labels, " :
	    "the label ", show(o->labels[0]).text, engine) :
	    fail(e, SESSION_UNREACHABLE, "no container runs in %s: \"%s ps\" "
	    "shows those that do", engine, engine);
}

/* --- services ------------------------------------------------------------ */

/* Where tasks of a service are. */
struct nodes {
	size_t	 n;		/* tasks elsewhere */
	char	 names[(4 * SHOWN_MAX + 8) * NODES_SHOWN];	/* or "" */
};

/* Count the lines of an answer, and have them in ${out}, which is of SAID_MAX
 * bytes, each between two LF. */
static size_t
count(struct slice rest, char *out)
{
	char line[WORD_MAX];
	struct text t;
	size_t n = 0;

	text_init(&t, out, SAID_MAX);
	text_addc(&t, '\n');
	while (next_line(&rest, line)) {
		text_addf(&t, "%s\n", line);
		n++;
	}
	return n;
}

/* The names in ${all} that are not in ${here}, each once. */
static void
name_others(const char *all, const char *here, struct nodes *out)
{
	char seen[SAID_MAX + 2], line[WORD_MAX], pattern[WORD_MAX + 2];
	struct slice rest = slice_str(all);
	struct text names, known;
	size_t n = 0;

	text_init(&names, out->names, sizeof(out->names));
	text_init(&known, seen, sizeof(seen));
	text_add(&known, here);
	while (next_line(&rest, line)) {
		(void)snprintf(pattern, sizeof(pattern), "\n%s\n", line);
		if (line[0] == '\0' || strstr(seen, pattern) != NULL)
			continue;
		text_addf(&known, "%s\n", line);
		if (++n <= NODES_SHOWN)
			text_addf(&names, "%s%s", n > 1 ? ", " : "",
			    show(line).text);
	}
	if (n > NODES_SHOWN)
		text_add(&names, ", ...");
}

/* Ask where a service's tasks should run; SESSION_DONE, or the engine does not
 * tell: on a node that manages nothing it cannot. */
static enum session_code
find_others(struct expanding *e, const char *service, struct nodes *out)
{
	struct question q = { .engine = "docker", .kind = TARGET_DOCKER,
		.arg = { "service", "ps", "--filter=desired-state=running",
		    "--format={{.Node}}", service }, .n = 5 };
	char all[SAID_MAX], here[SAID_MAX];
	enum session_code code;
	struct child c;
	size_t n_here;

	*out = (struct nodes){ .n = 0 };
	code = ask(e, &q, &c);
	if (code == SESSION_DONE)
		out->n = count(kept(&c.out_text), all);
	child_fini(&c);
	if (code != SESSION_DONE)
		return code;
	q.arg[4] = "--filter=node=self";
	q.arg[q.n++] = service;
	code = ask(e, &q, &c);
	if (code == SESSION_DONE) {
		n_here = count(kept(&c.out_text), here);
		out->n -= n_here < out->n ? n_here : out->n;
		if (out->n > 0)
			name_others(all, here, out);
	}
	child_fini(&c);
	return code;
}

/* Say what of a service is not here; ${n} tasks are. */
static enum session_code
tell_others(struct expanding *e, const char *service, size_t n)
{
	struct nodes others;
	enum session_code code = find_others(e, service, &others);

	if (n == 0 && code != SESSION_DONE &&
	    strstr(e->why, "no such service") != NULL)
		return fail(e, SESSION_UNREACHABLE, "there is no service %s: "
		    "\"docker service ls\" shows those there are", service);
	if (n == 0)
		return fail(e, SESSION_UNREACHABLE, "no task of service %s "
		    "runs on this node%s%s: \"docker service ps %s\", on a "
		    "manager, shows where they are; run this there", service,
		    others.names[0] != '\0' ? ", but on " : "", others.names,
		    service);
	if (code != SESSION_DONE) {
		log_debug("swarm:%s: whether there are tasks on other nodes "
		    "is not known: %s", service, e->why);
		e->why[0] = '\0';
		return SESSION_DONE;
	}
	if (others.n > 0)
		log_warn("swarm:%s: %zu of its tasks %s on other nodes (%s) "
		    "and not reached from here: run the same there", service,
		    others.n, others.n == 1 ? "is" : "are", others.names);
	return SESSION_DONE;
}

/* swarm:SERVICE */
static enum session_code
add_service(struct expanding *e, const char *service)
{
	char label[sizeof(SERVICE_LABEL) + EXPAND_SERVICE_MAX + 1];
	struct found f = { .n = 0 };
	enum session_code code;

	if (strlen(service) > EXPAND_SERVICE_MAX || !target_is_name(service))
		return fail(e, SESSION_USAGE, "\"swarm:%s\": a service has a "
		    "name of letters, digits, '_', '.' and '-', which begins "
		    "with a letter or digit and is at most %d bytes long",
		    show(service).text, EXPAND_SERVICE_MAX);
	(void)snprintf(label, sizeof(label), "%s=%s", SERVICE_LABEL, service);
	code = list(e, "docker", TARGET_DOCKER, label, 0, &f);
	if (code == SESSION_DONE)
		code = add_found(e, "docker", TARGET_DOCKER, &f, 1);
	if (code == SESSION_DONE)
		code = tell_others(e, service, f.n);
	found_fini(&f);
	return code;
}

/* --- all of it ----------------------------------------------------------- */

enum session_code
expand(const struct provision_options *opts, const char *path,
    struct expand *out, char why[static EXPAND_WHY_MAX])
{
	static const char swarm[] = "swarm:";
	struct expanding e = { .opts = opts, .path = path, .out = out,
		.why = why };
	enum session_code code = SESSION_DONE;

	*out = (struct expand){ .n = 0 };
	why[0] = '\0';
	if (opts->all)
		return add_all(&e);
	for (size_t i = 0; i < opts->n_targets && code == SESSION_DONE; i++) {
		const char *word = opts->targets[i];

		if (strncmp(word, swarm, sizeof(swarm) - 1) == 0)
			code = add_service(&e, word + sizeof(swarm) - 1);
		else
			code = add_word(&e, word);
	}
	return code;
}

void
expand_fini(struct expand *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->names[i]);
	free(e->names);
	free(e->targets);
	*e = (struct expand){ .n = 0 };
}
