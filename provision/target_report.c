/*
 * How an engine fails is learned from what it prints, for the exit code alone
 * is shared with the program's own: docker says 1 for a container that is not
 * there, and 126 for a program and for a user that are not.  The texts are
 * those of docker 20 to 28, podman 3 to 5, nerdctl 1 and 2, and kubectl 1.20 to
 * 1.31; one that is not known is shown, with the engine's code where it has one
 * of its own.
 *
 * nerdctl ends with 1 for all troubles of its own, and says what it is in a
 * line of its log.  So does kubectl, whose last word is "command terminated
 * with exit code N" where a program ran there: what comes before that is the
 * program's.
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

/* Those of nerdctl: what a line of its log has in it. */
static const struct saying nerdctl_sayings[] = {
	{ "no such container", "", TARGET_NO_CONTAINER },
	{ "no running task found", "", TARGET_NOT_RUNNING },
	{ "is not running", "", TARGET_NOT_RUNNING },
	{ "cannot exec in a", "", TARGET_NOT_RUNNING },
	{ "no users found", "", TARGET_NO_USER },
	{ "no groups found", "", TARGET_NO_USER },
	{ "unable to find user", "", TARGET_NO_USER },
	{ "unable to find group", "", TARGET_NO_USER },
	{ "cannot access containerd socket", "permission denied",
	    TARGET_NO_ACCESS },
	{ "cannot access containerd socket", "", TARGET_NO_ENGINE },
	{ "rootless containerd not running", "", TARGET_NO_ENGINE },
	{ "failed to dial", "", TARGET_NO_ENGINE },
	{ "runtime exec failed", "no such file or directory",
	    TARGET_NO_PROGRAM },
	{ "runtime exec failed", "not found", TARGET_NO_PROGRAM },
	{ "runtime exec failed", "permission denied", TARGET_CANNOT_RUN },
	{ "runtime exec failed", "exec format error", TARGET_CANNOT_RUN },
	{ "", "", TARGET_ENGINE },
};

/* Those of kubectl; a program that cannot be run is told of in the words of
 * whatever runs containers there. */
static const struct saying kubectl_sayings[] = {
	{ "error from server (notfound): pods", "", TARGET_NO_CONTAINER },
	{ "error from server (notfound): namespaces", "",
	    TARGET_NO_CONTAINER },
	{ "error from server (badrequest): container", "is not valid for pod",
	    TARGET_NO_CONTAINER },
	{ "error from server (badrequest): a container name must be", "",
	    TARGET_NO_CONTAINER },
	{ "error: container", "not found in pod", TARGET_NO_CONTAINER },
	{ "error from server (badrequest): pod",
	    "does not have a host assigned", TARGET_NOT_RUNNING },
	{ "error: cannot exec into a container in a completed pod", "",
	    TARGET_NOT_RUNNING },
	{ "error: unable to upgrade connection", "container not found",
	    TARGET_NOT_RUNNING },
	{ "error: unable to upgrade connection", "pod does not exist",
	    TARGET_NOT_RUNNING },
	{ "error: unable to upgrade connection", "is not running",
	    TARGET_NOT_RUNNING },
	{ "error: internal error occurred", "container not found",
	    TARGET_NOT_RUNNING },
	{ "error: internal error occurred", "stopped state",
	    TARGET_NOT_RUNNING },
	{ "error: internal error occurred", "is not running",
	    TARGET_NOT_RUNNING },
	{ "error from server (forbidden)", "", TARGET_NO_ACCESS },
	{ "error from server (unauthorized)", "", TARGET_NO_ACCESS },
	{ "error: you must be logged in to the server", "",
	    TARGET_NO_ACCESS },
	{ "error: unable to upgrade connection: unauthorized", "",
	    TARGET_NO_ACCESS },
	{ "error: unable to upgrade connection: forbidden", "",
	    TARGET_NO_ACCESS },
	{ "the connection to the server", "was refused", TARGET_NO_ENGINE },
	{ "unable to connect to the server", "", TARGET_NO_ENGINE },
	{ "error from server", "error dialing backend", TARGET_NO_ENGINE },
	{ "error: dial tcp", "", TARGET_NO_ENGINE },
	{ "error: invalid configuration", "", TARGET_NO_ENGINE },
	{ "error: missing or incomplete configuration", "",
	    TARGET_NO_ENGINE },
	{ "error: error loading config file", "", TARGET_NO_ENGINE },
	{ "error in configuration", "", TARGET_NO_ENGINE },
	/* A file of configuration that is not there. */
	{ "error: stat ", "", TARGET_NO_ENGINE },
	{ "error: internal error occurred", "no such file or directory",
	    TARGET_NO_PROGRAM },
	{ "error: internal error occurred", "executable file not found",
	    TARGET_NO_PROGRAM },
	{ "error: internal error occurred", "permission denied",
	    TARGET_CANNOT_RUN },
	{ "error: internal error occurred", "exec format error",
	    TARGET_CANNOT_RUN },
	{ "error from server", "", TARGET_ENGINE },
	{ "error: ", "", TARGET_ENGINE },
};

/* What kubectl says besides, of no use to anybody. */
static const char *const kubectl_chatter[] = {
	"defaulting container name to",
	"defaulted container",
	"use 'kubectl describe",
	"unable to use a tty",
	"command terminated with exit code",
};

/* The last word of kubectl, where a program ran. */
#define KUBECTL_RAN	"command terminated with exit code "

#define N_NERDCTL	(sizeof(nerdctl_sayings) / sizeof(nerdctl_sayings[0]))
#define N_KUBECTL	(sizeof(kubectl_sayings) / sizeof(kubectl_sayings[0]))
#define N_CHATTER	(sizeof(kubectl_chatter) / sizeof(kubectl_chatter[0]))
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

/* Whether a line is one of kubectl's that nobody needs. */
static bool
is_chatter(struct slice line)
{
	for (size_t i = 0; i < N_CHATTER; i++)
		if (begins(line, kubectl_chatter[i]))
			return true;
	return false;
}

/* The first line with something in it; empty where there is none. */
static struct slice
first_line(const struct target *t, struct slice text)
{
	struct slice line = { .len = 0 };

	while (next_line(&text, &line))
		if (line.len > 0 && (t->kind != TARGET_KUBECTL ||
		    !is_chatter(line)))
			return line;
	return (struct slice){ .len = 0 };
}

/* A program that could not be started: the two codes of shells. */
static enum target_end
start_end(int code, struct slice out, struct slice err, struct slice *line)
{
	enum target_end end;

	if (find_saying(start_sayings, N_START, out, &end, line) ||
	    find_saying(start_sayings, N_START, err, &end, line))
		return end;
	return code == CODE_MISSING ? TARGET_NO_PROGRAM : TARGET_CANNOT_RUN;
}

/* The first line of nerdctl's log that says why it ends: to a terminal it is
 * written in another way. */
static bool
find_fatal(struct slice text, enum target_end *end, struct slice *line)
{
	struct slice found;

	while (next_line(&text, &found)) {
		if (!begins(found, "fata[") && (!begins(found, "time=") ||
		    !contains(found, " level=fatal ")))
			continue;
		for (size_t i = 0; i < N_NERDCTL; i++) {
			if (!contains(found, nerdctl_sayings[i].head) ||
			    !contains(found, nerdctl_sayings[i].part))
				continue;
			*end = nerdctl_sayings[i].end;
			*line = found;
			return true;
		}
	}
	return false;
}

/* Whether kubectl says that a program ran, whatever came of that. */
static bool
has_run(struct slice text)
{
	struct slice line;

	while (next_line(&text, &line))
		if (begins(line, KUBECTL_RAN))
			return true;
	return false;
}

/* What a code of an engine means, and the line that says so. */
static enum target_end
engine_end(const struct target *t, int code, struct slice out,
    struct slice err, struct slice *line)
{
	const bool shells = code == CODE_CANNOT || code == CODE_MISSING;
	enum target_end end = TARGET_FAILED;

	if (shells)
		return start_end(code, out, err, line);
	if (t->kind == TARGET_KUBECTL) {
		if (code == 1 && !has_run(err))
			(void)find_saying(kubectl_sayings, N_KUBECTL, err,
			    &end, line);
		return end;
	}
	if (t->kind == TARGET_NERDCTL) {
		if (code == 1)
			(void)find_fatal(err, &end, line);
		return end;
	}
	if (code != 1 && code != CODE_ENGINE && code != CODE_STATE)
		return TARGET_FAILED;
	if (find_saying(sayings, N_SAYINGS, err, &end, line))
		return end;
	return code == CODE_ENGINE ? TARGET_ENGINE : TARGET_FAILED;
}

/* Where it is, as messages say it. */
static const char *
place(const struct target *t)
{
	return t->kind == TARGET_LOCAL ? "on this machine" :
	    t->kind == TARGET_EXEC ? "where the command leads" :
	    t->kind == TARGET_KUBECTL ? "in that container of the pod" :
	    "in the container";
}

/* What is wrong with a cluster or a pod, and what to do; false where the words
 * for containers will do. */
static bool
describe_pod(const struct target *t, enum target_end end, struct text *what,
    struct text *advice)
{
	const char *n = t->pod.space[0] != '\0' ? " -n " : "";
	char label[TARGET_SHOWN_MAX];

	target_label(t, label, sizeof(label));
	switch (end) {
	case TARGET_NO_ENGINE:
		text_add(what, "kubectl does not reach the cluster");
		text_addf(advice, "is it the right one?  \"kubectl config "
		    "current-context\" shows it, and \"kubectl get pod%s%s "
		    "%s\" must work", n, t->pod.space, t->pod.name);
		return true;
	case TARGET_NO_ACCESS:
		text_addf(what, "this user may not run programs in %s", label);
		text_addf(advice, "\"kubectl auth can-i create pods/exec%s%s\" "
		    "must say yes: log in, or ask who runs the cluster", n,
		    t->pod.space);
		return true;
	case TARGET_NO_CONTAINER:
		text_addf(what, "there is no %s, or it has no such container",
		    label);
		text_addf(advice, "\"kubectl get pods%s%s\" shows those there "
		    "are, and \"kubectl describe pod%s%s %s\" its "
		    "containers", n, t->pod.space, n, t->pod.space,
		    t->pod.name);
		return true;
	case TARGET_NOT_RUNNING:
		text_addf(what, "%s is not running, or its container is not",
		    label);
		text_addf(advice, "\"kubectl describe pod%s%s %s\" says why",
		    n, t->pod.space, t->pod.name);
		return true;
	default:
		return false;
	}
}

/* Put what was found into words. */
static void
describe(const struct target *t, const char *program,
    struct target_report *r)
{
	const char *eng = target_engine(t);
	struct text what, advice;
	char p[4 * SHOWN_MAX + 1];
	size_t len = strlen(program);

	text_init(&what, p, sizeof(p));
	text_escape(&what, program, len < SHOWN_MAX ? len : SHOWN_MAX);
	text_init(&what, r->what, sizeof(r->what));
	text_init(&advice, r->advice, sizeof(r->advice));
	if (t->kind == TARGET_KUBECTL &&
	    describe_pod(t, r->end, &what, &advice))
		return;
	/* Only of those that have one is it said how it fails. */
	if (eng == NULL)
		eng = "";
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
	struct slice line = first_line(t, err);
	struct text said;

	*report = (struct target_report){ .end = TARGET_FAILED };
	report->code = WIFSIGNALED(status) ? WTERMSIG(status) :
	    WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		report->end = TARGET_SIGNALLED;
	else if (report->code == 0)
		report->end = TARGET_DONE;
	else if (target_engine(t) != NULL)
		report->end = engine_end(t, report->code, out, err, &line);
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
