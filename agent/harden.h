#ifndef HARDEN_H_
#define HARDEN_H_

/*
 * harden - what a process gives up before it touches a key.
 *
 * Layer:   agent.
 */

#include "base/status.h"

/**
 * harden_untraceable():
 * No core dump, no ptrace(2) and no /proc/PID/mem for anybody without
 * CAP_SYS_PTRACE, not even another process of the same uid.  execve(2) takes
 * it back, so it is the first thing that main() does.  Builds with a
 * sanitizer leave it out: the leak checker is a tracer.
 *
 * Errors: ST_SYSTEM
 */
int harden_untraceable(void) MUST_USE;

/**
 * harden_process():
 * For a process that will hold keys: core size limit 0, umask 077, SIGPIPE
 * ignored.  Not for one that runs a command of the user's afterwards.
 *
 * Errors: ST_SYSTEM
 */
int harden_process(void) MUST_USE;

#endif /* !HARDEN_H_ */
