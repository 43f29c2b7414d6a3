#include "provision/launch.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/text.h"
#include "provision/launch_sh.h"
#include "version.h"

/* What the script calls itself, and its lines begin with. */
#define MARK		"bottle-launch"
/* Exit codes of a shell, which the script has, too. */
#define CODE_CANNOT	126
#define CODE_MISSING	127
/* Longest list of links that is followed; as in trust.sh. */
#define LINKS_MAX	40
/* Most parts of a version. */
#define PARTS_MAX	8

/* One program in each of the folders where it can be. */
struct places {
	char	 path[LAUNCH_N_BINS][LAUNCH_BIN_MAX + 64];
	size_t	 n;
};

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

/* Whether ${s} has nothing in it but letters, digits, and bytes of ${more}. */
static bool
is_plain(const char *s, const char *more)
{
	for (; *s != '\0'; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9')) && strchr(more, *s) == NULL)
			return false;
	return true;
}

/* Whether there is a component ".." in it. */
static bool
has_parent(const char *path)
{
	const char *p = path;

	while ((p = strstr(p, "/..")) != NULL) {
		p += 3;
		if (*p == '/' || *p == '\0')
			return true;
	}
	return false;
}

int
launch_bin_check(const char *bin, char *why, size_t whylen)
{
	if (strlen(bin) > LAUNCH_BIN_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "the folder of the "
		    "programs has a path of %zu bytes; it has %d at most",
		    strlen(bin), LAUNCH_BIN_MAX);
	if (bin[0] != '/' || !is_plain(bin, "/._+-") || has_parent(bin))
		return fail(ST_MALFORMED, why, whylen, "the folder of the "
		    "programs must be an absolute path of letters, digits, "
		    "and / . _ + -, without ..");
	return ST_OK;
}

/* --- this machine -------------------------------------------------------- */

/* The same in C as trust.sh: what is wrong with one component, or how it goes
 * on.  ST_MORE: it is a link. */
static int
trust_step(const char *at, bool last, char *why, size_t whylen)
{
	struct stat sb;

	if (lstat(at, &sb) != 0)
		return fail(errno == ENOENT || errno == ENOTDIR ? ST_NOT_FOUND :
		    ST_SYSTEM, why, whylen, "%s: cannot be looked at: %s", at,
		    errtext(errno));
	if (sb.st_uid != 0)
		return fail(ST_UNTRUSTED, why, whylen, "%s: belongs to uid "
		    "%lu, not to root", at, (unsigned long)sb.st_uid);
	if (S_ISLNK(sb.st_mode))
		return ST_MORE;
	if ((sb.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fail(ST_UNTRUSTED, why, whylen, "%s: can be written by "
		    "others than root (mode %04o)", at,
		    (unsigned)(sb.st_mode & 07777));
	if (last && !S_ISREG(sb.st_mode))
		return fail(ST_UNTRUSTED, why, whylen, "%s: is not a plain "
		    "file", at);
	return ST_OK;
}

/* A path that is being walked: what was looked at, and what was not yet. */
struct walk {
	char	*real;			/* PATH_MAX; "" is the root */
	size_t	 len;
	char	 left[PATH_MAX];
};

/* Leave the last component. */
static void
walk_up(struct walk *w)
{
	while (w->len > 0 && w->real[--w->len] != '/')
		;
	w->real[w->len] = '\0';
}

/* Take the next component; false at the end, or when it is too long. */
static bool
walk_down(struct walk *w)
{
	const char *next = w->left + strspn(w->left, "/");
	size_t n = strcspn(next, "/");

	if (n == 0 || w->len + n + 2 > PATH_MAX)
		return false;
	/* All that is in real are folders. */
	if (n == 2 && memcmp(next, "..", 2) == 0) {
		walk_up(w);
	} else if (n != 1 || next[0] != '.') {
		w->real[w->len++] = '/';
		memcpy(w->real + w->len, next, n);
		w->len += n;
		w->real[w->len] = '\0';
	}
	memmove(w->left, next + n, strlen(next + n) + 1);
	return true;
}

/* Go where the link at its end leads. */
static int
walk_follow(struct walk *w, char *why, size_t whylen)
{
	char to[PATH_MAX], rest[PATH_MAX];
	ssize_t n;

	if ((n = readlink(w->real, to, sizeof(to) - 1)) < 0)
		return fail(ST_SYSTEM, why, whylen, "%s: cannot be read: %s",
		    w->real, errtext(errno));
	to[n] = '\0';
	memcpy(rest, w->left, strlen(w->left) + 1);
	n = snprintf(w->left, PATH_MAX, "%s/%s", to, rest);
	if (n < 0 || n >= PATH_MAX)
		return fail(ST_UNTRUSTED, why, whylen, "%s: leads to a path "
		    "that is too long", w->real);
	walk_up(w);
	if (to[0] == '/')
		w->len = 0;
	w->real[w->len] = '\0';
	return ST_OK;
}

int
launch_trust(const char *path, char real[static PATH_MAX], char *why,
    size_t whylen)
{
	struct walk w = { .real = real };
	int links = 0, st;

	assert(path[0] == '/' && strlen(path) < sizeof(w.left));
	memcpy(w.left, path, strlen(path) + 1);
	real[0] = '\0';
	if ((st = trust_step("/", false, why, whylen)) != ST_OK)
		return st;
	while (walk_down(&w)) {
		st = trust_step(w.len > 0 ? real : "/",
		    w.left[strspn(w.left, "/")] == '\0', why, whylen);
		if (st == ST_MORE && ++links > LINKS_MAX)
			return fail(ST_UNTRUSTED, why, whylen, "%s: too many "
			    "links", real);
		if (st == ST_MORE)
			st = walk_follow(&w, why, whylen);
		if (st != ST_OK)
			return st;
	}
	return w.left[strspn(w.left, "/")] == '\0' ? ST_OK :
	    fail(ST_UNTRUSTED, why, whylen, "%s: leads to a path that is too "
	    "long", path);
}

/* The first of the places that is there and, for root, is trusted. */
static int
find_here(const struct places *places, bool trusted, char out[static PATH_MAX],
    char *why, size_t whylen)
{
	bool seen = false;
	char said[1024];
	size_t i;
	int st;

	for (i = 0; i < places->n; i++) {
		if (access(places->path[i], F_OK) != 0)
			continue;
		(void)snprintf(out, PATH_MAX, "%s", places->path[i]);
		st = !trusted ? ST_OK : launch_trust(places->path[i], out,
		    said, sizeof(said));
		if (st == ST_OK && access(out, X_OK) != 0)
			st = fail(ST_UNTRUSTED, said, sizeof(said), "%s: "
			    "cannot be executed", out);
		if (st == ST_OK)
			return ST_OK;
		if (!seen)
			(void)fail(st, why, whylen, "%s; it is not run: give "
			    "it, and all folders above it, to root alone",
			    said);
		seen = true;
	}
	if (seen)
		return ST_UNTRUSTED;
	return fail(ST_NOT_FOUND, why, whylen, "there is no %s%s: install it, "
	    "or say where it is with --bin", places->path[0], places->n > 1 ?
	    ", nor is it in another of the folders for it" : "");
}

/* --- what is run --------------------------------------------------------- */

/* All the places of a program. */
static int
make_places(const struct launch *run, struct places *places, char *why,
    size_t whylen)
{
	static const char *const bins[LAUNCH_N_BINS] = LAUNCH_BINS;
	size_t i;
	int st;

	assert(strlen(run->program) < 32 && strchr(run->program, '/') == NULL);
	if (run->bin != NULL &&
	    (st = launch_bin_check(run->bin, why, whylen)) != ST_OK)
		return st;
	for (i = 0; i < LAUNCH_N_BINS; i++)
		(void)snprintf(places->path[i], sizeof(places->path[i]),
		    "%s/%s", run->bin != NULL ? run->bin : bins[i],
		    run->program);
	/* The one that is given is the only one. */
	places->n = run->bin != NULL ? 1 : LAUNCH_N_BINS;
	return ST_OK;
}

/* Arguments that a shell leaves alone. */
static int
check_exec_args(const struct launch *run, char *why, size_t whylen)
{
	size_t i;

	for (i = 0; i < run->nargs; i++)
		if (run->args[i][0] == '\0' ||
		    !is_plain(run->args[i], "@%+=:,./_-"))
			return fail(ST_MALFORMED, why, whylen, "an argument of "
			    "%s has a character that a shell behind exec: "
			    "might do something about: letters, digits, and "
			    "@ %% + = : , . / _ - can be given", run->program);
	return ST_OK;
}

/* Whether it takes a script to find a program in a container, or to see whether
 * it is root's.  Who has a container to himself can put nothing into the
 * agent's. */
static bool
needs_script(const struct target *t, const struct launch *run)
{
	const struct target_pod *pod = &t->pod;

	if (target_engine(t) == NULL)
		return false;
	if (run->bin == NULL)
		return true;
	return run->user == NULL && (t->kind != TARGET_KUBECTL ||
	    pod->agent[0] == '\0' || pod->user[0] == '\0' ||
	    strcmp(pod->agent, pod->user) == 0);
}

/* How a program is found in a container: by a script. */
static int
script_command(const struct target *t, const struct launch *run,
    const struct places *places, const char *path, struct target_command *out,
    char *why, size_t whylen)
{
	const char *args[TARGET_ARGS_MAX];
	struct target_run sh = { "/bin/sh", args, 0, run->user };
	size_t i;

	args[sh.nargs++] = "-c";
	args[sh.nargs++] = launch_sh;
	args[sh.nargs++] = MARK;
	args[sh.nargs++] = run->user == NULL ? "root" : "user";
	for (i = 0; i < places->n; i++)
		args[sh.nargs++] = places->path[i];
	args[sh.nargs++] = "--";
	for (i = 0; i < run->nargs; i++)
		args[sh.nargs++] = run->args[i];
	return target_command(t, &sh, path, out, why, whylen);
}

int
launch_command(const struct target *t, const struct launch *run,
    const char *path, struct target_command *out, char *why, size_t whylen)
{
	struct target_run plain = { NULL, run->args, run->nargs, run->user };
	struct places places = { .n = 0 };
	char found[PATH_MAX];
	int st;

	static_assert(LAUNCH_ARGS_MAX + 5 + LAUNCH_N_BINS == TARGET_ARGS_MAX,
	    "-c, the script, its name, for whom, the places, --");
	*out = (struct target_command){ .program = NULL };
	if (run->nargs > LAUNCH_ARGS_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "more than %d "
		    "arguments", LAUNCH_ARGS_MAX);
	if ((st = make_places(run, &places, why, whylen)) != ST_OK)
		return st;
	plain.program = places.path[0];
	switch (t->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
	case TARGET_KUBECTL:
		if (needs_script(t, run))
			return script_command(t, run, &places, path, out, why,
			    whylen);
		break;
	case TARGET_LOCAL:
		st = find_here(&places, run->user == NULL, found, why, whylen);
		plain.program = found;
		break;
	case TARGET_EXEC:
		st = check_exec_args(run, why, whylen);
		break;
	}
	return st == ST_OK ? target_command(t, &plain, path, out, why,
	    whylen) : st;
}

/* --- how it ended -------------------------------------------------------- */

/* Take the next line off ${rest}; false at the end. */
static bool
next_line(struct slice *rest, struct slice *line)
{
	const uint8_t *nl;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->len);
	line->p = rest->p;
	line->len = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
	rest->p += line->len + (nl != NULL);
	rest->len -= line->len + (nl != NULL);
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* What is behind ${head} in the first line of ${text} that begins with it. */
static bool
find_line(struct slice text, const char *head, struct slice *rest)
{
	size_t len = strlen(head);

	while (next_line(&text, rest)) {
		if (rest->len < len || memcmp(rest->p, head, len) != 0)
			continue;
		rest->p += len;
		rest->len -= len;
		return true;
	}
	return false;
}

/* What a launch that did not come to the program says. */
static enum launch_end
script_end(struct slice out, struct slice err, struct target_report *r)
{
	struct slice line;
	struct text said;

	if (find_line(out, MARK ": ", &line)) {
		text_init(&said, r->said, TARGET_SAID_MAX + 1);
		text_escape(&said, line.p, line.len);
		r->end = r->code == CODE_MISSING ? TARGET_NO_PROGRAM :
		    TARGET_CANNOT_RUN;
		return r->code == CODE_MISSING ? LAUNCH_NO_PROGRAM :
		    LAUNCH_UNTRUSTED;
	}
	/* A shell that cannot become the program says so by this name. */
	if (find_line(err, MARK ":", &line))
		return LAUNCH_CANNOT_RUN;
	return LAUNCH_NO_SHELL;
}

/* What there is to do about it, in the words of an image. */
static void
describe(const struct target *t, const struct launch *run,
    enum launch_end end, struct target_report *r)
{
	const char *bin = run->bin != NULL ? run->bin : "/usr/local/bin";
	struct text what, advice;
	char label[TARGET_SHOWN_MAX];

	if (end == LAUNCH_RAN || end == LAUNCH_UNREACHED)
		return;
	target_where(t, run->user, label, sizeof(label));
	text_init(&what, r->what, sizeof(r->what));
	text_init(&advice, r->advice, sizeof(r->advice));
	switch (end) {
	case LAUNCH_NO_PROGRAM:
		text_addf(&what, "there is no %s in %s", run->program, label);
		text_addf(&advice, "put it into the image, \"COPY bottle-agent "
		    "bottle-forward bottle-ssh-keygen %s/\", or say where it "
		    "is with --bin", bin);
		break;
	case LAUNCH_UNTRUSTED:
		text_addf(&what, "%s in %s is not run as %s: %s", run->program,
		    label, run->user == NULL ? "root" : "the user", r->said);
		text_add(&advice, run->user == NULL ? "it and all folders "
		    "above it must be root's, and writable by nobody else; "
		    "elsewhere: --bin" : "it must be executable");
		break;
	case LAUNCH_NO_SHELL:
		text_addf(&what, "there is no /bin/sh in %s, to see whether "
		    "%s can be trusted there", label, run->program);
		text_add(&advice, "a shell and ls must be in the image: "
		    "\"COPY --from=busybox:musl /bin/busybox /bin/sh\", and "
		    "once more for /bin/ls");
		break;
	default:
		text_addf(&what, "%s cannot be run in %s", run->program,
		    label);
		text_add(&advice, "is it for this processor, and is what it is "
		    "on not mounted noexec?");
		break;
	}
}

enum launch_end
launch_report(const struct target *t, const struct launch *run, int status,
    struct slice out, struct slice err, struct target_report *report)
{
	enum launch_end end;

	target_report(t, run->program, status, out, err, report);
	switch (report->end) {
	case TARGET_DONE:
	case TARGET_FAILED:
	case TARGET_SIGNALLED:
	case TARGET_ENDS:
		return LAUNCH_RAN;
	case TARGET_NO_PROGRAM:
	case TARGET_CANNOT_RUN:
		break;
	default:
		return LAUNCH_UNREACHED;
	}
	if (needs_script(t, run))
		end = script_end(out, err, report);
	else
		end = report->end == TARGET_NO_PROGRAM ? LAUNCH_NO_PROGRAM :
		    LAUNCH_CANNOT_RUN;
	describe(t, run, end, report);
	return end;
}

/* --- versions ------------------------------------------------------------ */

/* The numbers of a version, and whether there is something behind them; false
 * if there are none. */
static bool
parse_version(struct slice text, uint32_t part[static PARTS_MAX], bool *more)
{
	size_t i = 0, n = 0;

	memset(part, 0, PARTS_MAX * sizeof(*part));
	for (;;) {
		if (i == text.len || text.p[i] < '0' || text.p[i] > '9' ||
		    n == PARTS_MAX)
			return false;
		for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9';
		    i++) {
			if (part[n] > UINT32_MAX / 10 - 1)
				return false;
			part[n] = part[n] * 10 + (uint32_t)(text.p[i] - '0');
		}
		n++;
		if (i == text.len || text.p[i] != '.')
			break;
		i++;
	}
	*more = i < text.len;
	return true;
}

bool
launch_is_older(struct slice hello)
{
	uint32_t theirs[PARTS_MAX], ours[PARTS_MAX];
	bool theirs_more, ours_more;
	const uint8_t *blank;
	size_t i;

	if (hello.len > 0 && (blank = memchr(hello.p, ' ', hello.len)) != NULL)
		hello.len = (size_t)(blank - hello.p);
	if (!parse_version(hello, theirs, &theirs_more) ||
	    !parse_version(slice_str(BOTTLE_VERSION), ours, &ours_more))
		return false;
	for (i = 0; i < PARTS_MAX; i++)
		if (theirs[i] != ours[i])
			return theirs[i] < ours[i];
	return theirs_more && !ours_more;
}
