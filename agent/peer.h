#ifndef PEER_H_
#define PEER_H_

/*
 * peer - who asks: what the kernel said at accept, and what policy made of it.
 *
 * Layer:   agent.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct peer {
	uid_t		 uid;
	gid_t		 gid;
	pid_t		 pid;		/* 0: in another PID namespace */
	unsigned	 ops;		/* POLICY_* */
	uint64_t	 rules;		/* those of the policy that name it: a
					 * bit for each */
	size_t		 ngroups;	/* supplementary ones */
	gid_t		*groups;	/* of the connection's owner */
};

#endif /* !PEER_H_ */
