#ifndef CHILD_H_
#define CHILD_H_

/*
 * child - run a program, talk with it over pipes, and be rid of it in time.
 *
 * Layer:   provision.  Plain POSIX.
 * Memory:  what a child says is kept up to a cap that is set at the start.
 * Secrets: none are kept here.  What passes through CHILD_PIPE is the
 *          caller's.
 * Threads: several may each have children of their own at the same time.  A
 *          child_call is made in a copy of the process that has none of the
 *          other threads, and perhaps locks that they held: where there are
 *          any, it may do only what a handler of a signal may.
 *
 * No shell has a part in it.  A child has descriptors 0 to 2 and no others,
 * no signal blocked, none ignored.  It stays in our process group: what it
 * runs may ask for a passphrase at the terminal, and ^C is for all.
 *
 * A child that is driven is asked for again and again:
 *
 *	child_fds(&c, fds);
 *	(void)poll(fds, CHILD_FDS, child_wait_ms(&c));
 *	st = child_turn(&c, fds);
 *
 * until st is not ST_MORE; several are driven at once by one array that has
 * CHILD_FDS places for each.  child_signals() comes first.
 */

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

/* Places of child_fds(): stdin, stdout, stderr. */
#define CHILD_FDS	3

/* Nobody is told when a process ends, so it is looked at this often; more
 * often once it has closed what it writes to. */
#define CHILD_TICK_MS	200
#define CHILD_END_MS	10

/* What one of the child's descriptors is. */
enum child_stream {
	CHILD_NULL,		/* /dev/null */
	CHILD_PIPE,		/* a pipe; the caller reads or writes */
	CHILD_KEEP,		/* a pipe; child_turn() reads and keeps */
	CHILD_INHERIT,		/* ours, whatever it is */
	CHILD_TTY,		/* the controlling terminal; /dev/null where
				 * there is none */
	CHILD_SOCKET,		/* stdin and stdout together: one socket, whose
				 * other end child_take_socket() gives */
	CHILD_GIVEN,		/* stdin: what ${in_fd} is open on */
};

struct child_user {
	uid_t		 uid;
	gid_t		 gid;
	const gid_t	*groups;	/* all of the supplementary ones */
	size_t		 n;
};

/* What a child does that is no other program; its result is what it exits
 * with, at most 255. */
typedef int (*child_call)(void *arg);

struct child_spec {
	const char		*program;	/* absolute path */
	char *const		*argv;
	char *const		*envp;		/* NULL: ours */
	child_call		 call;		/* NULL, or: instead of all
						 * this, in a copy of our
						 * process; ${program} is then
						 * its name in messages */
	void			*arg;
	const struct child_user	*user;		/* NULL: as we are */
	enum child_stream	 in;		/* all but CHILD_KEEP */
	int			 in_fd;		/* stays the caller's */
	enum child_stream	 out;
	enum child_stream	 err;
	size_t			 out_max;	/* most bytes that are kept */
	size_t			 err_max;
	int64_t			 time_ms;	/* for all of it; 0: no end */
	bool			 with_us;	/* SIGTERM for it when the thread
						 * that started it ends, where
						 * the system can do that */
};

/* What was kept of one stream: the first bytes of it. */
struct child_text {
	char	*p;		/* a NUL is behind its end; NULL when empty */
	size_t	 len;
	size_t	 cap, max;
	bool	 over;		/* there was more than ${max} */
};

struct child {
	int			 in, out, err;	/* our ends; -1: none */
	struct child_text	 out_text, err_text;
	int			 status;	/* as waitpid(2) has it */

	pid_t			 pid;		/* private from here; 0: gone */
	bool			 keep_out, keep_err;
	int64_t			 deadline_ms;	/* 0: none */
};

/**
 * child_signals():
 * Ignore SIGPIPE from now on: a child may end while we write to it.  Whoever
 * started us may have had SIGCHLD ignored, which stays so: then the kernel
 * would keep nothing of a child that ended, and give its number to another
 * process.  So it is not.
 */
void child_signals(void);

/**
 * child_find(name, path, out):
 * The program ${name} in the directories of ${path}, a list as the variable
 * PATH has it, or NULL.  Only absolute directories count: what lies where we
 * happen to stand is not run.  A ${name} with a slash is taken as it is and
 * must be absolute.
 *
 * Errors: ST_NOT_FOUND   none that can be run
 *         ST_MALFORMED   a relative path, or empty
 *         ${out} is then an empty string.
 */
int child_find(const char *name, const char *path, char out[static PATH_MAX])
    MUST_USE;

/**
 * child_start(c, spec, why, whylen):
 * Run the program.  Our ends of the pipes do not block and are closed on exec;
 * that of a socket blocks.
 *
 * A call has no exec to wipe the memory: of a secret region nothing is in a
 * copy of the process, of all else everything.
 *
 * Errors: ST_NOT_FOUND  there is no such program, or its interpreter is missing
 *         ST_DENIED     it may not be run, or the user may not be changed
 *         ST_SYSTEM
 *         ${why} says what could not be done.  Nothing is left of it, and
 *         child_fini(${c}) does nothing.
 */
int child_start(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen) MUST_USE;

/**
 * child_take_socket(c):
 * Our end of CHILD_SOCKET, which is the caller's from now on.  May be called
 * once.
 */
int child_take_socket(struct child *c);

/**
 * child_fds(c, fds):
 * What to wait for: what is kept, and the caller's own ends with no events
 * set, for him to set POLLIN or POLLOUT.  A place without a descriptor has -1.
 */
void child_fds(const struct child *c, struct pollfd fds[static CHILD_FDS]);

/**
 * child_wait_ms(c):
 * How long poll(2) may wait: never longer than CHILD_TICK_MS.
 */
int child_wait_ms(const struct child *c);

/**
 * child_turn(c, fds):
 * Take what there is of what is kept, and look whether it has ended.  ${fds}
 * is as poll(2) left it, or NULL: look at all.
 *
 * A child has ended when its process has, whoever else may still hold its
 * pipes; what it had written by then is kept.  What is in a CHILD_PIPE can
 * still be read.
 *
 * Errors: ST_OK         ended; ${c}->status says how
 *         ST_MORE       it runs
 *         ST_BUSY       its time is over: it was killed
 *         ST_TOO_LARGE  stdout is kept and has passed its cap: it was killed
 *         ST_NOMEM, ST_SYSTEM; it was killed, if it was there at all
 */
int child_turn(struct child *c, const struct pollfd *fds) MUST_USE;

/**
 * child_write(c, p, n, done):
 * Write to its stdin as much as it takes now; ${done} is how much that was.
 *
 * Errors: ST_OK      all of it
 *         ST_MORE    it takes no more now
 *         ST_CLOSED  it does not read; our end is closed
 *         ST_SYSTEM
 */
int child_write(struct child *c, const void *p, size_t n, size_t *done)
    MUST_USE;

/**
 * child_read(c, p, cap, got):
 * Read from its stdout, a CHILD_PIPE.
 *
 * Errors: ST_OK      ${got} bytes, at least one
 *         ST_MORE    nothing now
 *         ST_CLOSED  that was all; our end is closed
 *         ST_SYSTEM
 */
int child_read(struct child *c, void *p, size_t cap, size_t *got) MUST_USE;

/**
 * child_close_in(c):
 * It reads the end of the file next.  May be called twice.
 */
void child_close_in(struct child *c);

/**
 * child_kill(c):
 * End it now (SIGKILL) and reap it.  What was kept stays; ${c}->status says
 * how it ended.  Nothing happens if it has ended.
 */
void child_kill(struct child *c);

/**
 * child_stop(c, grace_ms):
 * Ask it to end (SIGTERM, now and again), so that it can clean up behind
 * itself: a program that reads a passphrase has the terminal's echo to turn on
 * again.  Kill it if it is there after that time.
 */
void child_stop(struct child *c, int grace_ms);

/**
 * child_fini(c):
 * Kill it if it runs, close and release everything.  May be called twice.
 */
void child_fini(struct child *c);

/**
 * child_heed(stopping):
 * From now on child_run() asks this now and again, in whatever thread it is
 * called, and gives its program up when it is not 0.
 */
void child_heed(int (*stopping)(void));

/**
 * child_run(c, spec, why, whylen):
 * Start one whose stdin is CHILD_NULL or CHILD_GIVEN and whose output is kept
 * or nothing, and drive it to its end, or ours: it does not outlive us.
 *
 * Errors: those of child_start() and child_turn(), and ST_CLOSED: given up, see
 *         child_heed(), also where it has just ended; ${why} then says what
 *         happened.  The caller calls child_fini() in any case.
 */
int child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen) MUST_USE;

#endif /* !CHILD_H_ */
