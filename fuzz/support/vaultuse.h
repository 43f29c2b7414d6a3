#ifndef VAULTUSE_H_
#define VAULTUSE_H_

/*
 * vaultuse - the vault of a fuzz target, and that an input leaves nothing in
 * it.
 *
 *	vaultuse_open(0);			once, in LLVMFuzzerInitialize()
 *	(void)LLVMFuzzerTestOneInput(once, ..);	what libcrypto keeps is made
 *	vaultuse_keep();
 *	assert(vaultuse_is_back());		at the end of each input
 */

#include <stdbool.h>
#include <stddef.h>

/* Open it, with so many bytes, 0: as many as tests have; and what verifies
 * signatures of others. */
void vaultuse_open(size_t size);

/* Bytes in use. */
size_t vaultuse_bytes(void);

/* What is in use now, is so for good. */
void vaultuse_keep(void);

/* Whether nothing else is in use; true before vaultuse_keep(). */
bool vaultuse_is_back(void);

#endif /* !VAULTUSE_H_ */
