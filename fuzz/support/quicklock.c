/*
 * quicklock - in the place of PKCS5_PBKDF2_HMAC() (--wrap): a lock takes a
 * millisecond on purpose, which is more than all of a run of a fuzz target.
 */

#include <openssl/evp.h>

#include "faults/fault.h"

int __wrap_PKCS5_PBKDF2_HMAC(const char *pass, int passlen,
    const unsigned char *salt, int saltlen, int rounds, const EVP_MD *digest,
    int len, unsigned char *out);
int __real_PKCS5_PBKDF2_HMAC(const char *pass, int passlen,
    const unsigned char *salt, int saltlen, int rounds, const EVP_MD *digest,
    int len, unsigned char *out);

int
__wrap_PKCS5_PBKDF2_HMAC(const char *pass, int passlen,
    const unsigned char *salt, int saltlen, int rounds, const EVP_MD *digest,
    int len, unsigned char *out)
{
	(void)rounds;
	if (fault_fails(FAULT_PKCS5_PBKDF2_HMAC))
		return 0;
	return __real_PKCS5_PBKDF2_HMAC(pass, passlen, salt, saltlen, 1,
	    digest, len, out);
}
