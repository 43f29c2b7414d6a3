#ifndef OPSTACK_H_
#define OPSTACK_H_

/*
 * opstack - run a function on a stack of one's own choice, and clean up the
 * registers.
 *
 * Layer:   agent; for vault.c only.
 *
 * libcrypto and libsodium leave pieces of keys on the stack and in vector
 * registers.  Neither can be told not to, so the stack is memory of the vault
 * and is wiped afterwards, and so are the registers.
 */

#include <stddef.h>

typedef int opstack_fn(void *arg);

/**
 * opstack_switches():
 * Whether this build changes stacks: x86-64 and aarch64 do, but not under a
 * sanitizer or in the build for valgrind, which must know where the stack is.
 */
int opstack_switches(void);

/**
 * opstack_call(stack, size, fn, arg):
 * Call ${fn} on the ${size} bytes at ${stack}, which are aligned to 16, and
 * return what it returns.  ${fn} must return: no longjmp(3), no exception.
 * Where stacks are not changed it is called on the present one.
 */
int opstack_call(void *stack, size_t size, opstack_fn *fn, void *arg);

/**
 * opstack_wipe_registers():
 * Clear every vector register, those that only AVX-512 has included.
 */
void opstack_wipe_registers(void);

#endif /* !OPSTACK_H_ */
