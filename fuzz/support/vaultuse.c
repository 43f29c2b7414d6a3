#include "fuzz/support/vaultuse.h"

#include <stdlib.h>

#include "agent/vault.h"
#include "agent/verify.h"
#include "tests/support/testkeys.h"

static size_t kept;
static bool known;

void
vaultuse_open(size_t size)
{
	testkeys_vault_sized(size);
	if (verify_init() != ST_OK)
		abort();
}

size_t
vaultuse_bytes(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

void
vaultuse_keep(void)
{
	kept = vaultuse_bytes();
	known = true;
}

bool
vaultuse_is_back(void)
{
	return !known || vaultuse_bytes() == kept;
}
