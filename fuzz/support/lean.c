/*
 * lean - what a target does without when its input is a list of choices, for
 * the sake of its speed.  Only with libFuzzer.
 *
 * Comparisons: what the code compares is told to libFuzzer, which would put it
 * into the input (--wrap).  There it would be a choice like any other, and the
 * telling costs a sixth of all time.  Which edges are reached does not come
 * from here.
 *
 * Quarantine: what was freed is kept from being used again by the sanitizer, up
 * to 256 MiB, which no cache holds.  All that an input frees is still kept for
 * longer than the input lasts.
 */

#include <stdint.h>

const char *__asan_default_options(void);
void __wrap___sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b);
void __wrap___sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b);
void __wrap___sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b);
void __wrap___sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b);
void __wrap___sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b);
void __wrap___sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b);
void __wrap___sanitizer_cov_trace_switch(uint64_t a, uint64_t *cases);

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=16";
}

#define SILENT(name, type)				\
	void						\
	__wrap___sanitizer_cov_trace_##name(type a, type b) \
	{						\
		(void)a;				\
		(void)b;				\
	}

SILENT(cmp1, uint8_t)
SILENT(cmp2, uint16_t)
SILENT(cmp4, uint32_t)
SILENT(cmp8, uint64_t)
SILENT(const_cmp1, uint8_t)
SILENT(const_cmp2, uint16_t)
SILENT(const_cmp4, uint32_t)
SILENT(const_cmp8, uint64_t)

void
__wrap___sanitizer_cov_trace_switch(uint64_t a, uint64_t *cases)
{
	(void)a;
	(void)cases;
}
