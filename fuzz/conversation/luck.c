#include "fuzz/conversation/luck.h"

#include "faults/fault.h"
#include "fuzz/conversation/program.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/support/stage.h"

struct luck luck;

void
luck_make(void)
{
	static const unsigned groups[] = { FAULT_ALL & ~FAULT_LIBCRYPTO,
		FAULT_MEMORY | FAULT_VAULT, FAULT_SYSTEM, FAULT_CRYPTO };
	uint8_t how;

	luck.wanted = true;
	luck.seed = program_byte() * UINT64_C(1000003);
	how = program_byte();
	/* Not all of them: what is interrupted is tried again. */
	luck.one_in = 2 + how % 64;
	/* What libcrypto itself does without memory is not ours to see. */
	luck.groups = groups[how / 64];
}

void
luck_begin(void)
{
	if (luck.armed)
		fault_seed(luck.seed++, luck.one_in, luck.groups);
}

void
luck_over(void)
{
	if (!luck.armed || !fault_off())
		return;
	luck.met = true;
	tell("  failed first: %s\n", fault_name(fault_first()));
}

void
luck_advance(int64_t ms)
{
	luck_begin();
	stage_advance(ms);
	luck_over();
}
