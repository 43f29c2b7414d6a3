#ifndef PEERCOMM_H_
#define PEERCOMM_H_

/*
 * peercomm - what the process at the other end says that it is called.
 *
 * Layer:   agent.  For records only: a process chooses its name as it likes.
 * Source:  proc(5), /proc/PID/comm; unix(7), SO_PEERPIDFD (Linux 6.5).
 */

#include <sys/types.h>

/* As long as the kernel keeps it, with its NUL. */
#define PEERCOMM_MAX	16

/**
 * peercomm(fd, pid, out):
 * The name of the process *${pid} that connected ${fd}; empty when it cannot be
 * told.  When that process has ended, *${pid} becomes 0, for the number may be
 * another one's by now.  Kernels without SO_PEERPIDFD cannot tell that.
 */
void peercomm(int fd, pid_t *pid, char out[static PEERCOMM_MAX]);

#endif /* !PEERCOMM_H_ */
