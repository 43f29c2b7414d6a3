#ifndef CALLFILTER_H_
#define CALLFILTER_H_

/*
 * callfilter - the seccomp filters of our processes.
 *
 * Layer:   agent; for harden.c only.
 *
 * Which calls a filter lets through is said in callfilter_make.c, which runs
 * when this is built: by libseccomp it makes a program for the kernel out of
 * each set of rows.  They are the same wherever they are installed, but for the
 * process that may abort itself, so nobody has to wait for them at each start.
 */

/* Whose rows: one of the first two, and what a server does besides. */
#define CALLFILTER_SERVER	1u	/* serves connections */
#define CALLFILTER_CLIENT	2u	/* speaks over one that is open */
#define CALLFILTER_FILE		4u	/* opens its audit file anew */
#define CALLFILTER_SYSLOG	8u	/* talks to the syslog daemon */
#define CALLFILTER_BEATS	16u	/* did beat_start() */
#define CALLFILTER_ALL		32u	/* above each set of these */

/**
 * callfilter_install(who):
 * Install the filter of ${who} on every thread of this process, which has
 * no_new_privs, or CAP_SYS_ADMIN.  Returns 0 or an errno: what seccomp(2) said,
 * or ESRCH where a thread has another filter.
 */
int callfilter_install(unsigned who);

#endif /* !CALLFILTER_H_ */
