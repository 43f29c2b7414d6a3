/*
 * What the engines print, each in a line of JSON:
 *
 * docker   {"Type": "container", "Action": "start", "Actor": {"ID": "...",
 *          "Attributes": {"name": "web", "image": "...", LABELS}}}
 * podman   {"Type": "container", "Status": "start", "ID": "...",
 *          "Name": "web", "Attributes": {LABELS}}
 * nerdctl  {"Topic": "/tasks/start", "Event": "{\"container_id\": ...}"}
 *
 * nerdctl tells neither names nor labels, and of the end of any process: that
 * of a container's first one has the container's ID.
 */
#include "provision/events.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* What is read at once, and how much of it in one turn: others want theirs. */
#define READ_MAX	(16 * 1024)
#define TURN_MAX	(256 * 1024)
/* How much is kept of what the program says, and shown. */
#define ERR_MAX		4096
#define SAID_MAX	200
/* How long it may take to end when its stdout has, and when it is told to. */
#define END_MS		300
#define STOP_MS		500

static const char *const names[EVENTS_ENGINES] = {
	[EVENTS_DOCKER] = "docker",
	[EVENTS_PODMAN] = "podman",
	[EVENTS_NERDCTL] = "nerdctl",
};

const char *
events_engine_name(enum events_engine engine)
{
	return names[engine];
}

/* --- what is in a line ---------------------------------------------------- */

/* A member that is a text, or NULL. */
static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool
is_hex(const char *s)
{
	return s[0] != '\0' && strspn(s, "0123456789abcdef") == strlen(s);
}

static int
take_id(const char *id, struct events_event *out)
{
	size_t len;

	if (id == NULL)
		return ST_MALFORMED;
	len = strlen(id);
	if (len < EVENTS_ID_MIN || len > EVENTS_ID_MAX || !is_hex(id))
		return ST_MALFORMED;
	memcpy(out->id, id, len + 1);
	return ST_OK;
}

/* A name that no target can have is as good as none. */
static void
take_name(const char *name, struct events_event *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len;

	if (name == NULL)
		return;
	if (name[0] == '/')
		name++;
	len = strlen(name);
	if (len == 0 || len > TARGET_NAME_MAX || strchr("_.-", name[0]) ||
	    strspn(name, letters) != len)
		return;
	memcpy(out->name, name, len + 1);
}

static json_t *
object_of(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}

static json_t *
load_object(const char *p, size_t len)
{
	json_error_t error;
	json_t *root = json_loadb(p, len, 0, &error);

	if (root != NULL && !json_is_object(root)) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

/* Which kind of event a word means; whether it is one that matters. */
static bool
take_word(const char *word, struct events_event *out)
{
	static const struct {
		const char	*word;
		enum events_kind kind;
	} words[] = {
		{ "start", EVENTS_STARTED },
		{ "die", EVENTS_STOPPED },
		{ "died", EVENTS_STOPPED },
		{ "exited", EVENTS_STOPPED },
		{ "rename", EVENTS_RENAMED },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i].word) == 0) {
			out->kind = words[i].kind;
			return true;
		}
	return false;
}

static int
parse_docker(struct events_event *out)
{
	const char *type = text_of(out->root, "Type");
	const char *action = text_of(out->root, "Action");
	const json_t *actor = object_of(out->root, "Actor");

	if (type == NULL || action == NULL)
		return ST_MALFORMED;
	if (strcmp(type, "container") != 0 || !take_word(action, out))
		return ST_NOT_FOUND;
	if (actor == NULL)
		return ST_MALFORMED;
	out->labels = object_of(actor, "Attributes");
	take_name(text_of(out->labels, "name"), out);
	return take_id(text_of(actor, "ID"), out);
}

static int
parse_podman(struct events_event *out)
{
	const char *type = text_of(out->root, "Type");
	const char *status = text_of(out->root, "Status");

	if (type == NULL || status == NULL)
		return ST_MALFORMED;
	if (strcmp(type, "container") != 0 || !take_word(status, out))
		return ST_NOT_FOUND;
	take_name(text_of(out->root, "Name"), out);
	out->labels = object_of(out->root, "Attributes");
	return take_id(text_of(out->root, "ID"), out);
}

static int
parse_nerdctl(struct events_event *out)
{
	const char *topic = text_of(out->root, "Topic");
	const char *text = text_of(out->root, "Event");
	const char *id, *process;
	json_t *event;
	int st;

	if (topic == NULL)
		return ST_MALFORMED;
	if (strcmp(topic, "/tasks/start") == 0)
		out->kind = EVENTS_STARTED;
	else if (strcmp(topic, "/tasks/exit") == 0)
		out->kind = EVENTS_STOPPED;
	else
		return ST_NOT_FOUND;
	event = text != NULL ? load_object(text, strlen(text)) : NULL;
	id = text_of(event, "container_id");
	process = text_of(event, "id");
	if (id != NULL && out->kind == EVENTS_STOPPED && process != NULL &&
	    strcmp(id, process) != 0)
		st = ST_NOT_FOUND;
	else
		st = take_id(id, out);
	json_decref(event);
	return st;
}

int
events_parse(enum events_engine engine, const char *line, size_t len,
    struct events_event *out)
{
	int st;

	*out = (struct events_event){ .engine = engine };
	if (len > EVENTS_LINE_MAX ||
	    (out->root = load_object(line, len)) == NULL)
		return ST_MALFORMED;
	switch (engine) {
	case EVENTS_DOCKER:
		st = parse_docker(out);
		break;
	case EVENTS_PODMAN:
		st = parse_podman(out);
		break;
	default:
		st = parse_nerdctl(out);
		break;
	}
	if (st != ST_OK)
		events_fini(out);
	return st;
}

int
events_parse_runs(enum events_engine engine, const char *line, size_t len,
    struct events_event *out)
{
	const char *began;
	json_t *runs, *pid;
	int n, st;

	*out = (struct events_event){ .engine = engine, .kind = EVENTS_RUNS };
	if (len > EVENTS_LINE_MAX ||
	    (out->root = load_object(line, len)) == NULL)
		return ST_MALFORMED;
	runs = json_object_get(out->root, "Running");
	pid = json_object_get(out->root, "Pid");
	began = text_of(out->root, "StartedAt");
	out->labels = object_of(out->root, "Labels");
	take_name(text_of(out->root, "Name"), out);
	st = take_id(text_of(out->root, "Id"), out);
	if (st == ST_OK && (!json_is_boolean(runs) || !json_is_integer(pid) ||
	    (began != NULL && strlen(began) > EVENTS_START_MAX / 2)))
		st = ST_MALFORMED;
	/* One that waits to be restarted has no process. */
	if (st == ST_OK && (!json_is_true(runs) ||
	    json_integer_value(pid) <= 0))
		st = ST_NOT_FOUND;
	if (st != ST_OK) {
		events_fini(out);
		return st;
	}
	n = snprintf(out->start, sizeof(out->start), "%lld %s",
	    (long long)json_integer_value(pid), began != NULL ? began : "");
	assert(n > 0 && (size_t)n < sizeof(out->start));
	/* One without any has null there. */
	if (out->labels == NULL)
		out->labels = json_object_get(out->root, "Labels");
	return ST_OK;
}

/* Whether docker has put something of its own in the place of a label with that
 * name. */
static bool
is_docker_own(const struct events_event *e, const char *key, size_t len)
{
	static const char *const own[] = { "name", "image", "exitCode",
		"execDuration", "signal", "oldName" };

	if (e->engine != EVENTS_DOCKER || e->kind == EVENTS_RUNS)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strlen(own[i]) == len && memcmp(own[i], key, len) == 0)
			return true;
	return false;
}

enum events_has
events_has_label(const struct events_event *e, const char *label)
{
	const char *equal = strchr(label, '='), *value;
	size_t len = equal != NULL ? (size_t)(equal - label) : strlen(label);
	const json_t *found = NULL;
	const char *key;
	json_t *each;

	if (e->labels == NULL || is_docker_own(e, label, len))
		return EVENTS_UNKNOWN;
	json_object_foreach(e->labels, key, each)
		if (strlen(key) == len && memcmp(key, label, len) == 0)
			found = each;
	value = json_string_value(found);
	if (value == NULL)
		return EVENTS_HAS_NOT;
	return equal == NULL || strcmp(equal + 1, value) == 0 ? EVENTS_HAS :
	    EVENTS_HAS_NOT;
}

void
events_fini(struct events_event *e)
{
	json_decref(e->root);
	*e = (struct events_event){ .engine = e->engine };
}

/* --- lines ---------------------------------------------------------------- */

/* A piece of a line that is not whole yet. */
static int
keep_piece(struct events_lines *l, const char *p, size_t n)
{
	if (l->skipped == 0 && n <= sizeof(l->line) - l->len) {
		memcpy(l->line + l->len, p, n);
		l->len += n;
		return ST_OK;
	}
	l->skipped += l->len + n;
	l->len = 0;
	return l->skipped > EVENTS_SKIP_MAX ? ST_TOO_LARGE : ST_OK;
}

int
events_lines_put(struct events_lines *l, const char *p, size_t n,
    events_line each, void *arg)
{
	const char *end;
	size_t len;
	int st;

	while (n > 0) {
		end = memchr(p, '\n', n);
		len = end != NULL ? (size_t)(end - p) : n;
		if ((st = keep_piece(l, p, len)) != ST_OK)
			return st;
		if (end == NULL)
			return ST_OK;
		if (l->skipped > 0)
			l->lost++;
		else if (l->len > 0)
			each(l->line, l->len, arg);
		l->len = l->skipped = 0;
		p += len + 1;
		n -= len + 1;
	}
	return ST_OK;
}

/* --- a child that is followed --------------------------------------------- */

/* podman calls the end of a container by one name and filters by another, so
 * there nothing is filtered but the type; nerdctl can filter nothing that would
 * help. */
static const char *const docker_args[] = { "docker", "events", "--format",
	"{{json .}}", "--filter", "type=container", "--filter", "event=start",
	"--filter", "event=die", "--filter", "event=rename", NULL };
static const char *const podman_args[] = { "podman", "events", "--format",
	"json", "--filter", "type=container", NULL };
static const char *const nerdctl_args[] = { "nerdctl", "events", "--format",
	"{{json .}}", NULL };
static const char *const *const follow_args[EVENTS_ENGINES] = {
	[EVENTS_DOCKER] = docker_args,
	[EVENTS_PODMAN] = podman_args,
	[EVENTS_NERDCTL] = nerdctl_args,
};

int
events_follow(struct events_follow *f, enum events_engine engine,
    const char *path, char *why, size_t whylen)
{
	char program[PATH_MAX];
	const struct child_spec spec = { .program = program,
		.argv = (char *const *)(uintptr_t)follow_args[engine],
		.in = CHILD_NULL, .out = CHILD_PIPE, .err = CHILD_KEEP,
		.err_max = ERR_MAX };
	int st;

	*f = (struct events_follow){ .engine = engine };
	st = child_find(names[engine], path, program);
	if (st != ST_OK) {
		(void)snprintf(why, whylen, "%s is not in PATH: is it "
		    "installed?", names[engine]);
		return st;
	}
	st = child_start(&f->child, &spec, why, whylen);
	f->runs = st == ST_OK;
	return st;
}

void
events_follow_fds(const struct events_follow *f,
    struct pollfd fds[static CHILD_FDS])
{
	if (f->runs) {
		child_fds(&f->child, fds);
		fds[1].events = POLLIN;
		return;
	}
	for (size_t i = 0; i < CHILD_FDS; i++)
		fds[i] = (struct pollfd){ .fd = -1 };
}

/* The last line that it said. */
static void
tell_end(const struct events_follow *f, char *why, size_t whylen)
{
	const struct child_text *said = &f->child.err_text;
	const char *p = said->p, *line = p;
	size_t len = said->len, n;
	struct text t;

	text_init(&t, why, whylen);
	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\n')
			line = p + i + 1;
	n = len - (size_t)(line - p);
	if (n == 0) {
		text_addf(&t, "%s events has ended", names[f->engine]);
		return;
	}
	text_escape(&t, line, n < SAID_MAX ? n : SAID_MAX);
}

/* Read what there is, but no more than a turn's worth. */
static int
take(struct events_follow *f, events_line each, void *arg)
{
	char buf[READ_MAX];
	size_t got, sum = 0;
	int st = ST_OK;

	while (st == ST_OK && sum < TURN_MAX) {
		st = child_read(&f->child, buf, sizeof(buf), &got);
		if (st != ST_OK)
			break;
		sum += got;
		st = events_lines_put(&f->lines, buf, got, each, arg);
	}
	return st == ST_OK ? ST_MORE : st;
}

int
events_follow_turn(struct events_follow *f, const struct pollfd *fds,
    events_line each, void *arg, char *why, size_t whylen)
{
	int st = ST_MORE, ended;

	if (!f->runs)
		return ST_CLOSED;
	ended = child_turn(&f->child, fds);
	if (fds == NULL || fds[1].revents != 0 || ended != ST_MORE)
		st = take(f, each, arg);
	if (st == ST_MORE && ended == ST_MORE)
		return ST_MORE;
	/* Nothing comes any more; what it says of that may come later. */
	for (int ms = 0; ended == ST_MORE && st == ST_CLOSED && ms < END_MS;
	    ms += CHILD_END_MS) {
		(void)poll(NULL, 0, CHILD_END_MS);
		ended = child_turn(&f->child, NULL);
	}
	child_stop(&f->child, STOP_MS);
	(void)!child_turn(&f->child, NULL);
	if (st == ST_MORE)
		st = ended == ST_OK ? ST_CLOSED : ended;
	if (st == ST_TOO_LARGE)
		(void)snprintf(why, whylen, "%s events prints a line without "
		    "an end", names[f->engine]);
	else
		tell_end(f, why, whylen);
	events_follow_end(f);
	return st;
}

void
events_follow_end(struct events_follow *f)
{
	if (f->runs)
		child_fini(&f->child);
	f->runs = false;
}
