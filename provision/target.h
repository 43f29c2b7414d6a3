#ifndef PROVISION_TARGET_H_
#define PROVISION_TARGET_H_

/*
 * target - where programs are run: in a container, on this machine, or behind
 * a command; and what it means when that does not work.
 *
 * Layer:   provision.
 *
 * Nothing goes through a shell of ours.  What an engine or a program says is a
 * stranger's: it is cut and escaped before it is in a message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"
#include "proto/wire.h"
#include "provision/child.h"

/* Longest name of a container; longest COMMAND, and most words in it. */
#define TARGET_NAME_MAX		128
#define TARGET_COMMAND_MAX	4096
#define TARGET_WORDS_MAX	64
/* Longest name of a user, with a group behind it. */
#define TARGET_USER_MAX		128
/* Most arguments of a program. */
#define TARGET_ARGS_MAX		64
/* How much is shown of what an engine or a program says. */
#define TARGET_SAID_MAX		600
/* Longest name of a namespace or container of Kubernetes, and of a pod. */
#define TARGET_LABEL_MAX	63
#define TARGET_POD_MAX		253
/* Room for target_label() and target_where(). */
#define TARGET_SHOWN_MAX	512

/* The user of a program that runs as whoever it is there: with kubectl, which
 * cannot be told. */
#define TARGET_WHOEVER		"whoever"

enum target_kind {
	TARGET_DOCKER,
	TARGET_PODMAN,
	TARGET_NERDCTL,
	TARGET_KUBECTL,
	TARGET_LOCAL,
	TARGET_EXEC,
};

/* Two containers of a pod: in one the agent is, in the other its user.  What is
 * empty is kubectl's to choose. */
struct target_pod {
	char		 space[TARGET_LABEL_MAX + 1];	/* its namespace */
	char		 name[TARGET_POD_MAX + 1];
	char		 agent[TARGET_LABEL_MAX + 1];
	char		 user[TARGET_LABEL_MAX + 1];
};

struct target {
	enum target_kind kind;
	char		 name[TARGET_NAME_MAX + 1];	/* of the container */
	struct target_pod pod;				/* of kubectl: */
	size_t		 n;				/* words of exec: */
	size_t		 word[TARGET_WORDS_MAX];	/* begin in text */
	char		 text[TARGET_COMMAND_MAX + 1];	/* each with a NUL */
};

/* What to run there. */
struct target_run {
	const char		*program;	/* absolute path */
	const char *const	*args;		/* behind the program's name */
	size_t			 nargs;
	const char		*user;		/* NULL: root */
};

/* How to run it here; everything is owned. */
struct target_command {
	char			*program;	/* absolute path */
	char			**argv;
	char			**envp;		/* NULL: ours */
	bool			 switch_user;	/* to user; see child */
	struct child_user	 user;
	gid_t			*groups;	/* of user */
	/* Whether it runs as who was asked for.  With exec: it runs as whoever
	 * COMMAND makes it, with kubectl as whom the pod says. */
	bool			 user_known;
};

/* What a child's end says. */
enum target_end {
	TARGET_DONE,		/* the program ran; status 0 */
	TARGET_FAILED,		/* the program ran and says that it failed */
	TARGET_SIGNALLED,	/* what ran here was ended by a signal */
	TARGET_NO_ENGINE,	/* the engine does not answer */
	TARGET_NO_ACCESS,	/* we may not use the engine */
	TARGET_NO_CONTAINER,
	TARGET_NOT_RUNNING,
	TARGET_NO_USER,		/* no such user there */
	TARGET_NO_PROGRAM,
	TARGET_CANNOT_RUN,	/* the program is there, and cannot be run */
	TARGET_ENGINE,		/* the engine failed in another way */
	TARGET_ENDS
};

struct target_report {
	enum target_end	 end;
	int		 code;		/* exit status or signal */
	char		 what[512];	/* "there is no container web" */
	char		 advice[512];	/* what to do; or empty */
	char		 said[TARGET_SAID_MAX + 4];	/* a line, escaped */
};

/**
 * target_parse(text, out, why, whylen):
 * "docker:NAME", "podman:NAME", "nerdctl:NAME", "kubectl:[NAMESPACE/]POD",
 * "kubectl:NAMESPACE/POD/AGENT[/USER]", "local", "exec:COMMAND", or a bare
 * NAME, which is docker's.  A NAME is [a-zA-Z0-9][a-zA-Z0-9_.-]*; "local" is
 * the word, and "docker:local" a container.  COMMAND is split into words as a
 * shell does it, quotes and backslashes included; nothing is expanded, and what
 * a shell would do something about is refused unless it is quoted.
 *
 * Kubernetes: NAMESPACE, AGENT and USER are labels of DNS (RFC 1123), POD such
 * ones with dots between them, all in small letters.  NAMESPACE may be empty.
 *
 * Errors: ST_MALFORMED  ${why} says what is wrong, in one line
 *         ST_TOO_LARGE  the same, of a length or a count
 */
int target_parse(const char *text, struct target *out, char *why,
    size_t whylen) MUST_USE;

/**
 * target_is_name(s):
 * Whether it is a NAME, and not too long: what engines print is looked at, too.
 */
bool target_is_name(const char *s);

/**
 * target_engine(t):
 * The program that is asked to run things there: "docker"; or NULL, where none
 * is.
 */
const char *target_engine(const struct target *t);

/**
 * target_same(a, b):
 * Whether both name the same place: "web" and "docker:web" do, and commands of
 * the same words.  Two names of one container are not known to be.
 */
bool target_same(const struct target *a, const struct target *b);

/**
 * target_may_ask(targets, n, jobs):
 * Whether a COMMAND may ask for something at the terminal, such as a password:
 * there is one, and no more than one target has its turn at a time.
 */
bool target_may_ask(const struct target *targets, size_t n, unsigned jobs);

/**
 * target_label(t, out, cap):
 * What to call it in a message: "container web", "pod team/web", "this
 * machine", "exec:sudo".
 */
void target_label(const struct target *t, char *out, size_t cap);

/**
 * target_where(t, user, out, cap):
 * The same of where a program of ${user} runs (NULL: root): "container agent of
 * pod team/web".
 */
void target_where(const struct target *t, const char *user, char *out,
    size_t cap);

/**
 * target_command(t, run, path, out, why, whylen):
 * How to run a program there.  ${path} is the operator's PATH, where the
 * engine's program, or that of COMMAND, is looked for.
 *
 * Engines: PROGRAM exec -i -u USER NAME ARGUMENTS..., with 0 for root.
 * kubectl: it cannot be told as whom.  What is for root runs in AGENT, as
 *          whoever the agent is there; what is for any user in USER.
 * Local:   the program itself; as another user, by name or by a number that
 *          the machine knows, only root can run it, with the user's groups, and
 *          HOME, USER, LOGNAME, SHELL and PATH alone.
 * Exec:    the words of COMMAND, then the program and its arguments as they
 *          are.  A command such as "ssh host" has them split once more by a
 *          shell on the other side.
 *
 * Errors: ST_NOT_FOUND  there is no such program or user here
 *         ST_DENIED     we cannot become that user
 *         ST_MALFORMED  the program is not absolute; a user that is no name
 *         ST_TOO_LARGE  too many arguments
 *         ST_NOMEM, ST_SYSTEM
 *         ${why} says what is wrong and what to do; ${out} is empty.
 */
int target_command(const struct target *t, const struct target_run *run,
    const char *path, struct target_command *out, char *why, size_t whylen)
    MUST_USE;

/**
 * target_command_spec(cmd, spec):
 * Fill in who and what is run; the streams and the time are the caller's.
 * ${spec} borrows from ${cmd}.
 */
void target_command_spec(const struct target_command *cmd,
    struct child_spec *spec);

/**
 * target_command_fini(cmd):
 * May be called twice.
 */
void target_command_fini(struct target_command *cmd);

/**
 * target_report(t, program, status, out, err, report):
 * What the end of a child says: ${status} is waitpid(2)'s, ${out} and ${err}
 * are the first bytes of its stdout, where docker has what it says of a program
 * that cannot be run, and of its stderr.
 *
 * An engine's own trouble is told from the program's by the exit code and by
 * how a line begins.  A program that means to deceive can say what an engine
 * says; that changes the words of a message and which way of failing it is,
 * never that it has failed.
 */
void target_report(const struct target *t, const char *program, int status,
    struct slice out, struct slice err, struct target_report *report);

#endif /* !PROVISION_TARGET_H_ */
