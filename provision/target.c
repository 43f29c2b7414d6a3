#include "provision/target.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/num.h"
#include "base/text.h"

/* How much of a bad word is shown. */
#define SHOWN_MAX	64
/* Words before the program's: docker exec -i -u USER -w / NAME, or kubectl exec
 * -i -n NAMESPACE POD -c CONTAINER --. */
#define ENGINE_WORDS	9
/* Room for what is known of a user of this machine: at first, and at most. */
#define ACCOUNT_FIRST	1024
#define ACCOUNT_MAX	(1024 * 1024)
/* Most groups that a user of this machine is in. */
#define GROUPS_MAX	1024
/* What a program gets that is run as somebody else. */
#define LOCAL_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:" \
			"/sbin:/bin"

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

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, whylen, fmt, ap);
	va_end(ap);
	return st;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* Whether ${s} is a name as engines and systems have them. */
static bool
is_name(const char *s, bool underscore_first)
{
	if (!is_alnum(s[0]) && !(underscore_first && s[0] == '_'))
		return false;
	for (s++; *s != '\0'; s++)
		if (!is_alnum(*s) && strchr("_.-", *s) == NULL)
			return false;
	return true;
}

/* A container's name. */
static int
parse_name(const char *name, struct target *out, char *why, size_t whylen)
{
	size_t len = strlen(name);

	if (len == 0)
		return fail(ST_MALFORMED, why, whylen, "the name of the "
		    "container is missing");
	if (len > TARGET_NAME_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "the name of the "
		    "container is %zu bytes long; it has %d at most", len,
		    TARGET_NAME_MAX);
	if (!is_name(name, false))
		return fail(ST_MALFORMED, why, whylen, "\"%s\" is no name of a "
		    "container: it has letters, digits, '_', '.' and '-', and "
		    "begins with a letter or digit", show(name).text);
	memcpy(out->name, name, len + 1);
	return ST_OK;
}

bool
target_is_name(const char *s)
{
	return strlen(s) <= TARGET_NAME_MAX && is_name(s, false);
}

/* A label of DNS: small letters, digits and, within it, '-'. */
static bool
is_label(const char *s, size_t len)
{
	if (len == 0 || len > TARGET_LABEL_MAX || s[0] == '-' ||
	    s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') &&
		    !(s[i] >= '0' && s[i] <= '9') && s[i] != '-')
			return false;
	return true;
}

/* A name of a pod: as long as all of it may be, for each of its labels is one
 * of DNS, but may be longer. */
static bool
is_pod(const char *s, size_t len)
{
	bool inside = false;

	if (len == 0 || len > TARGET_POD_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool edge = !inside || i + 1 == len || s[i + 1] == '.';

		if (s[i] == '.' && inside)
			inside = false;
		else if ((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= '0' && s[i] <= '9') || (s[i] == '-' && !edge))
			inside = true;
		else
			return false;
	}
	return inside;
}

/* What is between two slashes. */
struct part {
	const char	*p;
	size_t		 len;
};

/* Copy one that is good; false if it is not. */
static bool
take_label(struct part part, char out[static TARGET_LABEL_MAX + 1])
{
	if (!is_label(part.p, part.len))
		return false;
	memcpy(out, part.p, part.len);
	out[part.len] = '\0';
	return true;
}

static bool
take_pod(struct part part, char out[static TARGET_POD_MAX + 1])
{
	if (!is_pod(part.p, part.len))
		return false;
	memcpy(out, part.p, part.len);
	out[part.len] = '\0';
	return true;
}

/* What is behind kubectl:. */
static int
parse_pod(const char *text, struct target *out, char *why, size_t whylen)
{
	struct target_pod *pod = &out->pod;
	struct part part[4] = { { text, 0 } };
	const char *wrong = NULL;
	size_t n = 0, at;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '/')
			part[n].len++;
		else if (++n < 4)
			part[n].p = p + 1;
		else
			break;
	}
	if (n == 4 || text[0] == '\0')
		return fail(ST_MALFORMED, why, whylen, "\"kubectl:%s\" is no "
		    "target: write kubectl:[NAMESPACE/]POD, or "
		    "kubectl:NAMESPACE/POD/AGENT[/USER] with the containers "
		    "of the agent and of who uses it", show(text).text);
	/* Without a slash it is the pod alone. */
	at = n > 0 ? 1 : 0;
	if (at > 0 && part[0].len > 0 && !take_label(part[0], pod->space))
		wrong = "namespace";
	else if (!take_pod(part[at], pod->name))
		wrong = "pod";
	else if ((n > 1 && !take_label(part[2], pod->agent)) ||
	    (n > 2 && !take_label(part[3], pod->user)))
		wrong = "container";
	return wrong == NULL ? ST_OK : fail(ST_MALFORMED, why, whylen,
	    "\"kubectl:%s\": that is no name of a %s: it has small letters, "
	    "digits and '-'%s, begins and ends with a letter or digit, and is "
	    "at most %d bytes long", show(text).text, wrong,
	    strcmp(wrong, "pod") == 0 ? ", with dots between such parts" : "",
	    strcmp(wrong, "pod") == 0 ? TARGET_POD_MAX : TARGET_LABEL_MAX);
}

/* A command that is being split: it is copied to t, which is as long. */
struct splitter {
	const char	*p;
	size_t		 len;		/* in text */
};

/* What is between quotes, and the one that ends it.  What is wrong, or NULL. */
static const char *
split_quoted(struct splitter *s, char quote, struct target *out)
{
	for (; *s->p != '\0'; s->p++) {
		if (*s->p == quote) {
			s->p++;
			return NULL;
		}
		if (quote == '"' && (*s->p == '$' || *s->p == '`'))
			return "nothing is expanded: put $ and ` in single "
			    "quotes";
		/* Before anything else a backslash is one. */
		if (quote == '"' && *s->p == '\\' &&
		    (s->p[1] == '"' || s->p[1] == '\\' || s->p[1] == '$' ||
		    s->p[1] == '`'))
			s->p++;
		out->text[s->len++] = *s->p;
	}
	return "a quote is not closed";
}

/* One word, parts of which may be quoted.  What is wrong with it, or NULL. */
static const char *
split_word(struct splitter *s, struct target *out)
{
	const char *wrong;
	char c;

	if (*s->p == '#' || *s->p == '~')
		return "# and ~ mean something to a shell: put them in quotes";
	while ((c = *s->p) != '\0' && c != ' ' && c != '\t') {
		s->p++;
		if (c == '\'' || c == '"') {
			if ((wrong = split_quoted(s, c, out)) != NULL)
				return wrong;
			continue;
		}
		if (c == '\\') {
			if (*s->p == '\0')
				return "a backslash is at its end";
			c = *s->p++;
		} else if (strchr("$`*?[]{}()<>&|;!", c) != NULL) {
			return "there is no shell: put what means something to "
			    "one in single quotes";
		}
		out->text[s->len++] = c;
	}
	return NULL;
}

/* The words of exec:. */
static int
parse_command(const char *command, struct target *out, char *why,
    size_t whylen)
{
	struct splitter s = { .p = command };
	size_t len = strlen(command);
	const char *wrong;

	if (len > TARGET_COMMAND_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "the command is %zu "
		    "bytes long; it has %d at most", len, TARGET_COMMAND_MAX);
	for (const char *p = command; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return fail(ST_MALFORMED, why, whylen, "the command "
			    "has a control byte in it");
	for (;;) {
		s.p += strspn(s.p, " \t");
		if (*s.p == '\0')
			break;
		if (out->n == TARGET_WORDS_MAX)
			return fail(ST_TOO_LARGE, why, whylen, "the command "
			    "has more than %d words", TARGET_WORDS_MAX);
		out->word[out->n++] = s.len;
		if ((wrong = split_word(&s, out)) != NULL)
			return fail(ST_MALFORMED, why, whylen, "the command "
			    "\"%s\": %s", show(command).text, wrong);
		/* There is room: a blank or the end was read, not copied. */
		out->text[s.len++] = '\0';
	}
	if (out->n == 0 || out->text[0] == '\0')
		return fail(ST_MALFORMED, why, whylen, "exec: needs a command "
		    "behind it, as in \"exec:sudo machinectl shell web\"");
	if (out->text[0] != '/' && strchr(out->text, '/') != NULL)
		return fail(ST_MALFORMED, why, whylen, "\"%s\" is neither an "
		    "absolute path nor a name to look for in PATH",
		    show(out->text).text);
	return ST_OK;
}

/* What is behind ${prefix}, or NULL. */
static const char *
behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

int
target_parse(const char *text, struct target *out, char *why, size_t whylen)
{
	const char *rest;

	*out = (struct target){ .kind = TARGET_DOCKER };
	if (strcmp(text, "local") == 0) {
		out->kind = TARGET_LOCAL;
		return ST_OK;
	}
	if ((rest = behind(text, "docker:")) != NULL)
		return parse_name(rest, out, why, whylen);
	if ((rest = behind(text, "podman:")) != NULL) {
		out->kind = TARGET_PODMAN;
		return parse_name(rest, out, why, whylen);
	}
	if ((rest = behind(text, "nerdctl:")) != NULL) {
		out->kind = TARGET_NERDCTL;
		return parse_name(rest, out, why, whylen);
	}
	if ((rest = behind(text, "kubectl:")) != NULL) {
		out->kind = TARGET_KUBECTL;
		return parse_pod(rest, out, why, whylen);
	}
	if ((rest = behind(text, "exec:")) != NULL) {
		out->kind = TARGET_EXEC;
		return parse_command(rest, out, why, whylen);
	}
	if (strchr(text, ':') != NULL)
		return fail(ST_MALFORMED, why, whylen, "\"%s\" is no target: "
		    "write docker:NAME, podman:NAME, nerdctl:NAME, "
		    "kubectl:NAMESPACE/POD/AGENT, swarm:SERVICE, local, or "
		    "exec:COMMAND",
		    show(text).text);
	return parse_name(text, out, why, whylen);
}

const char *
target_engine(const struct target *t)
{
	static const char *const engines[] = {
		[TARGET_DOCKER] = "docker",
		[TARGET_PODMAN] = "podman",
		[TARGET_NERDCTL] = "nerdctl",
		[TARGET_KUBECTL] = "kubectl",
		[TARGET_LOCAL] = NULL,
		[TARGET_EXEC] = NULL,
	};

	return engines[t->kind];
}

static bool
is_same_pod(const struct target_pod *a, const struct target_pod *b)
{
	return strcmp(a->space, b->space) == 0 &&
	    strcmp(a->name, b->name) == 0 &&
	    strcmp(a->agent, b->agent) == 0 && strcmp(a->user, b->user) == 0;
}

bool
target_same(const struct target *a, const struct target *b)
{
	if (a->kind != b->kind || a->n != b->n ||
	    strcmp(a->name, b->name) != 0 || !is_same_pod(&a->pod, &b->pod))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->text + a->word[i], b->text + b->word[i]) != 0)
			return false;
	return true;
}

bool
target_may_ask(const struct target *targets, size_t n, unsigned jobs)
{
	if (jobs > 1 && n > 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (targets[i].kind == TARGET_EXEC)
			return true;
	return false;
}

void
target_label(const struct target *t, char *out, size_t cap)
{
	switch (t->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
		(void)snprintf(out, cap, "container %s", t->name);
		break;
	case TARGET_KUBECTL:
		(void)snprintf(out, cap, "pod %s%s%s", t->pod.space,
		    t->pod.space[0] != '\0' ? "/" : "", t->pod.name);
		break;
	case TARGET_LOCAL:
		(void)snprintf(out, cap, "this machine");
		break;
	case TARGET_EXEC:
		(void)snprintf(out, cap, "exec:%s", show(t->text).text);
		break;
	}
}

/* The container of a pod that a program runs in, or "" for the one that it has
 * for those who name none. */
static const char *
container_of(const struct target *t, const char *user)
{
	return user == NULL ? t->pod.agent : t->pod.user;
}

void
target_where(const struct target *t, const char *user, char *out, size_t cap)
{
	char label[TARGET_SHOWN_MAX];

	target_label(t, label, sizeof(label));
	if (t->kind == TARGET_KUBECTL && container_of(t, user)[0] != '\0')
		(void)snprintf(out, cap, "container %s of %s",
		    container_of(t, user), label);
	else
		(void)snprintf(out, cap, "%s", label);
}

/* --- how to run something there ------------------------------------------ */

/* Whether an engine can be told that name: USER, UID, and a group to both. */
static bool
is_user(const char *user)
{
	char name[TARGET_USER_MAX + 1];
	const char *colon = strchr(user, ':');
	size_t len = strlen(user);

	if (len > TARGET_USER_MAX)
		return false;
	if (colon == NULL)
		return is_name(user, true);
	len = (size_t)(colon - user);
	memcpy(name, user, len);
	name[len] = '\0';
	return is_name(name, true) && is_name(colon + 1, true);
}

/* A list of words for execve(2) that is being made. */
struct words {
	char	**item;
	size_t	 n, cap;
	bool	 failed;
};

static void
words_init(struct words *w, size_t cap)
{
	*w = (struct words){ .cap = cap };
	if ((w->item = calloc(cap + 1, sizeof(*w->item))) == NULL)
		w->failed = true;
}

static void
words_add(struct words *w, const char *word)
{
	if (w->failed)
		return;
	if (w->n == w->cap || (w->item[w->n] = strdup(word)) == NULL)
		w->failed = true;
	else
		w->n++;
}

static void
words_free(char **item)
{
	size_t i;

	for (i = 0; item != NULL && item[i] != NULL; i++)
		free(item[i]);
	free(item);
}

/* "NAME=VALUE". */
static void
words_add_pair(struct words *w, const char *name, const char *value)
{
	char *pair;

	if (w->failed)
		return;
	if (asprintf(&pair, "%s=%s", name, value) < 0) {
		w->failed = true;
		return;
	}
	words_add(w, pair);
	free(pair);
}

/* Its numbers and groups. */
static int
set_user(const struct passwd *pw, struct target_command *out, char *why,
    size_t whylen)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0 || n < 0)
		return fail(ST_TOO_LARGE, why, whylen, "user %s is in more "
		    "than %d groups", show(pw->pw_name).text, GROUPS_MAX);
	if ((out->groups = calloc((size_t)n + 1, sizeof(gid_t))) == NULL)
		return fail(ST_NOMEM, why, whylen, "out of memory");
	memcpy(out->groups, groups, (size_t)n * sizeof(gid_t));
	out->user = (struct child_user){ pw->pw_uid, pw->pw_gid, out->groups,
		(size_t)n };
	out->switch_user = true;
	return ST_OK;
}

/* A user of this machine, and the memory that his texts are in. */
struct account {
	struct passwd	 pw;
	char		*text;
	size_t		 cap;
};

/* Look for one, by name or, where that is NULL, by number; an errno, or 0.
 * Whether there is one says ${found}. */
static int
look_for_user(struct account *a, const char *name, uid_t uid, bool *found)
{
	struct passwd *pw = NULL;
	int err = ERANGE;
	char *more;

	for (size_t cap = ACCOUNT_FIRST; err == ERANGE && cap <= ACCOUNT_MAX;
	    cap *= 2) {
		if (cap > a->cap) {
			if ((more = realloc(a->text, cap)) == NULL)
				return ENOMEM;
			a->text = more;
			a->cap = cap;
		}
		err = name != NULL ?
		    getpwnam_r(name, &a->pw, a->text, a->cap, &pw) :
		    getpwuid_r(uid, &a->pw, a->text, a->cap, &pw);
	}
	*found = pw != NULL;
	return err;
}

/* By name or, as engines take them, by number. */
static int
find_user(const char *name, struct account *a, bool *found)
{
	int err = look_for_user(a, name, 0, found);
	uint64_t n;

	if (*found || num_u64(name, 0, UINT32_MAX - 1, &n) != ST_OK)
		return err;
	return look_for_user(a, NULL, (uid_t)n, found);
}

/* What a program has that is run as that user. */
static int
become_user(const struct passwd *pw, struct target_command *out, char *why,
    size_t whylen)
{
	struct words env;
	int st;

	out->user_known = true;
	/* Who it is already has what belongs to it. */
	if (pw->pw_uid == geteuid() && pw->pw_uid == getuid())
		return ST_OK;
	if (geteuid() != 0)
		return fail(ST_DENIED, why, whylen, "only root can run a "
		    "program as user %s: use sudo", show(pw->pw_name).text);
	if ((st = set_user(pw, out, why, whylen)) != ST_OK)
		return st;
	words_init(&env, 5);
	words_add_pair(&env, "HOME", pw->pw_dir);
	words_add_pair(&env, "USER", pw->pw_name);
	words_add_pair(&env, "LOGNAME", pw->pw_name);
	words_add_pair(&env, "SHELL", pw->pw_shell[0] != '\0' ? pw->pw_shell :
	    "/bin/sh");
	words_add_pair(&env, "PATH", LOCAL_PATH);
	out->envp = env.item;
	return env.failed ? fail(ST_NOMEM, why, whylen, "out of memory") :
	    ST_OK;
}

/* As whom a program is run on this machine. */
static int
local_user(const char *user, struct target_command *out, char *why,
    size_t whylen)
{
	const char *name = user != NULL ? user : "root";
	struct account a = { .text = NULL };
	bool found = false;
	int err, st;

	err = find_user(name, &a, &found);
	if (found)
		st = become_user(&a.pw, out, why, whylen);
	else if (err != 0 && err != ENOENT)
		st = fail(ST_SYSTEM, why, whylen, "cannot look for user %s: %s",
		    show(name).text, errtext(err));
	else
		st = fail(ST_NOT_FOUND, why, whylen, "there is no user %s on "
		    "this machine: name one with --user", show(name).text);
	free(a.text);
	return st;
}

/* What is run here, as a name or a path. */
static const char *
launcher(const struct target *t, const struct target_run *run)
{
	if (target_engine(t) != NULL)
		return target_engine(t);
	return t->kind == TARGET_EXEC ? t->text : run->program;
}

/* Those of kubectl, up to the program's. */
static void
add_kubectl(struct words *w, const struct target *t,
    const struct target_run *run)
{
	const char *container = container_of(t, run->user);

	words_add(w, launcher(t, run));
	words_add(w, "exec");
	words_add(w, "-i");
	if (t->pod.space[0] != '\0') {
		words_add(w, "-n");
		words_add(w, t->pod.space);
	}
	words_add(w, t->pod.name);
	if (container[0] != '\0') {
		words_add(w, "-c");
		words_add(w, container);
	}
	words_add(w, "--");
}

/* All words, the launcher's own first. */
static int
make_words(const struct target *t, const struct target_run *run,
    struct target_command *out)
{
	struct words w;
	size_t i;

	words_init(&w, ENGINE_WORDS + TARGET_WORDS_MAX + 1 + run->nargs);
	switch (t->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
		words_add(&w, launcher(t, run));
		words_add(&w, "exec");
		words_add(&w, "-i");
		words_add(&w, "-u");
		words_add(&w, run->user != NULL ? run->user : "0");
		/* The image's own one need not be there, nor be for this
		 * user. */
		words_add(&w, "-w");
		words_add(&w, "/");
		words_add(&w, t->name);
		break;
	case TARGET_KUBECTL:
		add_kubectl(&w, t, run);
		break;
	case TARGET_EXEC:
		for (i = 0; i < t->n; i++)
			words_add(&w, t->text + t->word[i]);
		break;
	case TARGET_LOCAL:
		break;
	}
	words_add(&w, run->program);
	for (i = 0; i < run->nargs; i++)
		words_add(&w, run->args[i]);
	out->argv = w.item;
	return w.failed ? ST_NOMEM : ST_OK;
}

/* Find what is run here. */
static int
find_launcher(const struct target *t, const struct target_run *run,
    const char *path, struct target_command *out, char *why, size_t whylen)
{
	char found[PATH_MAX];
	const char *name = launcher(t, run);

	if (t->kind != TARGET_LOCAL && child_find(name, path, found) != ST_OK)
		return fail(ST_NOT_FOUND, why, whylen, name[0] == '/' ?
		    "%s is no program that can be run" :
		    "%s is not in PATH: is it installed?", show(name).text);
	out->program = strdup(t->kind == TARGET_LOCAL ? name : found);
	return out->program != NULL ? ST_OK :
	    fail(ST_NOMEM, why, whylen, "out of memory");
}

int
target_command(const struct target *t, const struct target_run *run,
    const char *path, struct target_command *out, char *why, size_t whylen)
{
	int st = ST_OK;

	*out = (struct target_command){ .program = NULL };
	if (run->program[0] != '/')
		return fail(ST_MALFORMED, why, whylen, "\"%s\" is not an "
		    "absolute path", show(run->program).text);
	if (run->nargs > TARGET_ARGS_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "more than %d "
		    "arguments", TARGET_ARGS_MAX);
	if (run->user != NULL && !is_user(run->user))
		return fail(ST_MALFORMED, why, whylen, "\"%s\" is no user",
		    show(run->user).text);
	if (t->kind == TARGET_LOCAL)
		st = local_user(run->user, out, why, whylen);
	else
		out->user_known = t->kind != TARGET_EXEC &&
		    t->kind != TARGET_KUBECTL;
	if (st == ST_OK)
		st = find_launcher(t, run, path, out, why, whylen);
	if (st == ST_OK && (st = make_words(t, run, out)) != ST_OK)
		(void)fail(st, why, whylen, "out of memory");
	if (st != ST_OK)
		target_command_fini(out);
	return st;
}

void
target_command_spec(const struct target_command *cmd, struct child_spec *spec)
{
	spec->program = cmd->program;
	spec->argv = cmd->argv;
	spec->envp = cmd->envp;
	spec->user = cmd->switch_user ? &cmd->user : NULL;
}

void
target_command_fini(struct target_command *cmd)
{
	free(cmd->program);
	words_free(cmd->argv);
	words_free(cmd->envp);
	free(cmd->groups);
	*cmd = (struct target_command){ .program = NULL };
}
