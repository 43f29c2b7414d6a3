/*
 * How an engine fails is learned from what it prints, for the exit code alone
 * is shared with the program's own: docker says 1 for a container that is not
 * there, and 126 for a program and for a user that are not.  The texts are
 * those of docker 20 to 28 and podman 3 to 5; one that is not known is shown,
 * with the engine's code where it has one of its own.
 */
#include "provision/target.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"

/* How much of a program's name is shown. */
#define SHOWN_MAX	64

/* Codes of engines: their own trouble, and the two of shells. */
#define CODE_ENGINE	125
#define CODE_CANNOT	126
#define CODE_MISSING	127
/* What podman says of a container in the wrong state. */
#define CODE_STATE	255

/* What an engine says, and what it means: a line that begins with `head` and
 * has `part` in it, in any case of letters. */
static const struct saying {
	const char	*head;
	const char	*part;
	enum target_end	 end;
} sayings[] = {
	{ "cannot connect to the docker daemon", "", TARGET_NO_ENGINE },
	{ "cannot connect to podman", "", TARGET_NO_ENGINE },
	{ "error during connect", "", TARGET_NO_ENGINE },
	{ "failed to initialize: unable to resolve docker endpoint", "",
	    TARGET_NO_ENGINE },
	{ "permission denied while trying to connect to the docker", "",
	    TARGET_NO_ACCESS },
	{ "got permission denied while trying to connect", "",
	    TARGET_NO_ACCESS },
	{ "error response from daemon", "no such container",
	    TARGET_NO_CONTAINER },
	{ "error response from daemon", "is not running", TARGET_NOT_RUNNING },
	{ "error response from daemon", "is paused", TARGET_NOT_RUNNING },
	{ "error response from daemon", "is restarting", TARGET_NOT_RUNNING },
	{ "error response from daemon", "unable to find user",
	    TARGET_NO_USER },
	{ "error response from daemon", "", TARGET_ENGINE },
	/* docker before 20 says it in lower case without a head. */
	{ "error: no such container", "", TARGET_NO_CONTAINER },
	{ "error: no container with name or id", "", TARGET_NO_CONTAINER },
	{ "error: unable to exec into", "no such container",
	    TARGET_NO_CONTAINER },
	{ "error: can only create exec sessions on running", "",
	    TARGET_NOT_RUNNING },
	{ "error: cannot exec into container that is not running", "",
	    TARGET_NOT_RUNNING },
	{ "error: container", "is not running", TARGET_NOT_RUNNING },
	{ "error: unable to find user", "", TARGET_NO_USER },
	{ "error: unable to connect to podman", "", TARGET_NO_ENGINE },
	{ "error: cannot connect to podman", "", TARGET_NO_ENGINE },
};

/* The same where a program was to be started and could not be: these may stand
 * on stdout, and are looked at with the codes 126 and 127 only. */
static const struct saying start_sayings[] = {
	{ "unable to find user", "", TARGET_NO_USER },
	{ "unable to find group", "", TARGET_NO_USER },
	{ "error: unable to find user", "", TARGET_NO_USER },
	{ "error: unable to find group", "", TARGET_NO_USER },
	{ "oci runtime exec failed", "no such file or directory",
	    TARGET_NO_PROGRAM },
	{ "oci runtime exec failed", "not found", TARGET_NO_PROGRAM },
	{ "oci runtime exec failed", "permission denied",
	    TARGET_CANNOT_RUN },
	{ "oci runtime exec failed", "exec format error",
	    TARGET_CANNOT_RUN },
	{ "oci runtime exec failed", "", TARGET_ENGINE },
	{ "error: runc", "no such file or directory", TARGET_NO_PROGRAM },
	{ "error: runc", "permission denied", TARGET_CANNOT_RUN },
	{ "error: crun", "no such file or directory", TARGET_NO_PROGRAM },
	{ "error: crun", "not found", TARGET_NO_PROGRAM },
	{ "error: crun", "permission denied", TARGET_CANNOT_RUN },
	{ "error: executable file", "not found", TARGET_NO_PROGRAM },
	{ "error: can only create exec sessions on running", "",
	    TARGET_NOT_RUNNING },
	{ "error: cannot exec into container that is not running", "",
	    TARGET_NOT_RUNNING },
};

#define N_SAYINGS	(sizeof(sayings) / sizeof(sayings[0]))
#define N_START		(sizeof(start_sayings) / sizeof(start_sayings[0]))

/* A byte, a capital as the small letter. */
static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Whether ${line} begins with ${word}, which has no capitals. */
static bool
begins(struct slice line, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0'; i++)
		if (i == line.len || lower(line.p[i]) != (uint8_t)word[i])
			return false;
	return true;
}

static bool
contains(struct slice line, const char *word)
{
	for (;; line.p++, line.len--) {
		if (begins(line, word))
			return true;
		if (line.len == 0)
			return false;
	}
}

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

/* The first line in ${text} that is one of the sayings. */
static bool
find_saying(const struct saying *s, size_t n, struct slice text,
    enum target_end *end, struct slice *line)
{
	struct slice found;
	size_t i;

	while (next_line(&text, &found)) {
		for (i = 0; i < n; i++) {
			if (!begins(found, s[i].head) ||
			    !contains(found, s[i].part))
				continue;
			*end = s[i].end;
			*line = found;
			return true;
		}
	}
	return false;
}

/* The first line with something in it; empty where there is none. */
static struct slice
first_line(struct slice text)
{
	struct slice line = { .len = 0 };

	while (next_line(&text, &line))
		if (line.len > 0)
			return line;
	return (struct slice){ .len = 0 };
}

/* What a code of an engine means, and the line that says so. */
static enum target_end
engine_end(int code, struct slice out, struct slice err, struct slice *line)
{
	enum target_end end = TARGET_FAILED;

	*line = first_line(err);
	if (code == CODE_CANNOT || code == CODE_MISSING) {
		if (find_saying(start_sayings, N_START, out, &end, line) ||
		    find_saying(start_sayings, N_START, err, &end, line))
			return end;
		return code == CODE_MISSING ? TARGET_NO_PROGRAM :
		    TARGET_CANNOT_RUN;
	}
	if (code != 1 && code != CODE_ENGINE && code != CODE_STATE)
		return TARGET_FAILED;
	if (find_saying(sayings, N_SAYINGS, err, &end, line))
		return end;
	return code == CODE_ENGINE ? TARGET_ENGINE : TARGET_FAILED;
}

/* The engine's program, for messages. */
static const char *
engine(const struct target *t)
{
	return t->kind == TARGET_PODMAN ? "podman" : "docker";
}

/* Where it is, as messages say it. */
static const char *
place(const struct target *t)
{
	return t->kind == TARGET_LOCAL ? "on this machine" :
	    t->kind == TARGET_EXEC ? "where the command leads" :
	    "in the container";
}

/* Put what was found into words. */
static void
describe(const struct target *t, const char *program,
    struct target_report *r)
{
	const char *eng = engine(t);
	struct text what, advice;
	char p[4 * SHOWN_MAX + 1];
	size_t len = strlen(program);

	text_init(&what, p, sizeof(p));
	text_escape(&what, program, len < SHOWN_MAX ? len : SHOWN_MAX);
	text_init(&what, r->what, sizeof(r->what));
	text_init(&advice, r->advice, sizeof(r->advice));
	switch (r->end) {
	case TARGET_DONE:
		text_addf(&what, "%s has done its work", p);
		break;
	case TARGET_FAILED:
	case TARGET_ENDS:
		text_addf(&what, "%s failed with status %d", p, r->code);
		break;
	case TARGET_SIGNALLED:
		text_addf(&what, "%s was ended by signal %d", p, r->code);
		break;
	case TARGET_NO_ENGINE:
		text_addf(&what, "%s does not answer", eng);
		text_addf(&advice, "is it started?  \"%s ps\" must work", eng);
		break;
	case TARGET_NO_ACCESS:
		text_addf(&what, "this user may not use %s", eng);
		text_addf(&advice, "use sudo, or be in its group: \"%s ps\" "
		    "must work", eng);
		break;
	case TARGET_NO_CONTAINER:
		text_addf(&what, "there is no container %s", t->name);
		text_addf(&advice, "\"%s ps\" shows those there are", eng);
		break;
	case TARGET_NOT_RUNNING:
		text_addf(&what, "container %s is not running", t->name);
		text_addf(&advice, "\"%s start %s\" starts it, \"%s unpause "
		    "%s\" one that is paused", eng, t->name, eng, t->name);
		break;
	case TARGET_NO_USER:
		text_addf(&what, "there is no such user in container %s",
		    t->name);
		text_add(&advice, "give the user by number, or add it there");
		break;
	case TARGET_NO_PROGRAM:
		text_addf(&what, "there is no %s %s", p, place(t));
		text_add(&advice, "install it there, or say where it is");
		break;
	case TARGET_CANNOT_RUN:
		text_addf(&what, "%s cannot be run %s", p, place(t));
		text_add(&advice, "is it a program for this processor, and "
		    "may it be run by that user?");
		break;
	case TARGET_ENGINE:
		text_addf(&what, "%s failed", eng);
		break;
	}
}

void
target_report(const struct target *t, const char *program, int status,
    struct slice out, struct slice err, struct target_report *report)
{
	struct slice line = first_line(err);
	struct text said;

	*report = (struct target_report){ .end = TARGET_FAILED };
	report->code = WIFSIGNALED(status) ? WTERMSIG(status) :
	    WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		report->end = TARGET_SIGNALLED;
	else if (report->code == 0)
		report->end = TARGET_DONE;
	else if (t->kind == TARGET_DOCKER || t->kind == TARGET_PODMAN)
		report->end = engine_end(report->code, out, err, &line);
	else if (t->kind == TARGET_EXEC && report->code == CODE_MISSING)
		report->end = TARGET_NO_PROGRAM;
	else if (t->kind == TARGET_EXEC && report->code == CODE_CANNOT)
		report->end = TARGET_CANNOT_RUN;
	describe(t, program, report);
	/* Cut by bytes of what is shown, between two characters. */
	text_init(&said, report->said, TARGET_SAID_MAX + 1);
	text_escape(&said, line.p, line.len);
	if (said.full)
		memcpy(report->said + said.len, "...", 4);
}
