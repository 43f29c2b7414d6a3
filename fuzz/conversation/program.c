#include "fuzz/conversation/program.h"

#include "fuzz/support/choice.h"

static struct wire_reader rest;

void
program_open(struct slice input)
{
	rest = wire_reader(input);
}

bool
program_is_over(void)
{
	return wire_end(&rest);
}

uint8_t
program_byte(void)
{
	return choice_byte(&rest);
}

unsigned
program_of(size_t n)
{
	return choice_of(&rest, n);
}
