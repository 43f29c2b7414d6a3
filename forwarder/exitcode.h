#ifndef EXITCODE_H_
#define EXITCODE_H_

/*
 * exitcode - what bottle-forward's exit codes say.  1, 2, 3 and 5 mean what
 * they mean in bottle-agent.
 *
 * Layer:   forwarder.
 */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	/* here: no memory, no descriptor, cannot print;
				 * place: cannot write, the host went away */
	EXIT_USAGE = 2,		/* command line, variables, credentials file;
				 * place: no such user, no home is known */
	EXIT_DENIED = 3,	/* the proxy's policy; place: what lies in the
				 * home is not what it has to be */
	EXIT_UNREACHABLE = 5,	/* the proxy; without one, the host */
	EXIT_LOGIN = 6,		/* the proxy wants credentials, or other ones */
	EXIT_TARGET = 7,	/* the proxy cannot reach the host */
	EXIT_LATER = 8,		/* the proxy says: not now */
	EXIT_ANSWER = 9,	/* the proxy's answer is none */
	EXIT_NOT_SSH = 10,	/* no SSH server at the end of the tunnel */
};

#endif /* !EXITCODE_H_ */
