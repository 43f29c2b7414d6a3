#ifndef SECRETS_H_
#define SECRETS_H_

/*
 * secrets - that nothing of a key or passphrase is in what others may read.
 */

#include <stddef.h>

/* After keys_init(); once. */
void secrets_init(void);

/* Nothing of this is secret. */
void secrets_check(const void *p, size_t len);

#endif /* !SECRETS_H_ */
