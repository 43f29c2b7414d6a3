#ifndef BEAT_H_
#define BEAT_H_

/*
 * beat - nothing that a peer has sent along holds the first thread up for long.
 *
 * Layer:   agent; for the thread that receives from peers and closes their
 *          connections, which opened the vault and runs the loop.
 * Secrets: a signal's frame has the registers in it, so it is written to the
 *          vault, see vault_signals().
 *
 * Descriptors that a peer has sent are closed by the kernel in the name of who
 * receives, or closes, what they came with, before that system call returns;
 * and to close a TCP socket takes as long as who sent it likes (SO_LINGER).
 * Such a wait ends when a signal is there, and with it all others of the same
 * call.  So a timer sends one to the thread every BEAT_US.  The loop keeps it
 * out of its own wait, and the kernel does not set the timer again before the
 * signal was taken: an agent that waits is not woken, and one that serves makes
 * no call for it.
 *
 * For kernels on which peers can send descriptors, see
 * unixsock_no_descriptors().
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* What such a wait lasts at most; and right after one. */
#define BEAT_US		2000
#define BEAT_QUICK_US	100
/* That many beats are quick: on a virtual machine each takes up to 30 us, and
 * this time is nobody's. */
#define BEAT_QUICK	20
/* What took less was no such wait, or none that matters. */
#define BEAT_HELD_US	30

/**
 * beat_start(loop):
 * Let it beat, for the calling thread, which will run ${loop} and does not yet.
 * Before harden_calls(), which is to know of it.
 *
 * Errors: ST_SYSTEM       no timer; errno is set, and nothing beats
 *         ST_UNSUPPORTED  this is the build for valgrind, which lets no signal
 *                         into a close(2), and takes what is on a stack of its
 *                         own for out of bounds afterwards
 */
int beat_start(struct loop *loop) MUST_USE;

/**
 * beat_stop():
 * Before vault_close().  Nothing, if it was not started.
 */
void beat_stop(void);

/**
 * beat_runs():
 * Whether it does.
 */
bool beat_runs(void);

/**
 * beat_close(fd):
 * close(2).  True: it held the thread up, because of what was sent to ${fd}, so
 * that its time is the peer's.
 */
bool beat_close(int fd);

/**
 * beat_held(since_ns):
 * Something came along with what was received; whether that has held the thread
 * up since ${since_ns}, as clock_ns() has it.
 */
bool beat_held(int64_t since_ns);

#endif /* !BEAT_H_ */
