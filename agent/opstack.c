#include "agent/opstack.h"

#include <stdint.h>

/*
 * The switch is done by hand and not by swapcontext(3), which makes two system
 * calls for the signal mask each time: signals are blocked in this program, or
 * come on the very stack that is changed to (vault_signals).  Calls and returns
 * stay paired, so a shadow stack is content.
 */

#if defined(OPSTACK_STAY) || defined(__SANITIZE_ADDRESS__) || \
    defined(__SANITIZE_THREAD__)
#define STAY	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STAY	1
#endif
#endif
#if !defined(STAY) && !defined(__x86_64__) && !defined(__aarch64__)
#define STAY	1
#endif
#ifndef STAY
#define STAY	0
#endif

int
opstack_switches(void)
{
	return !STAY;
}

#if STAY

int
opstack_call(void *stack, size_t size, opstack_fn *fn, void *arg)
{
	(void)stack;
	(void)size;
	return fn(arg);
}

#elif defined(__x86_64__)

int
opstack_call(void *stack, size_t size, opstack_fn *fn, void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	int rc;

	/* rbx survives the call, and with it the old stack pointer. */
	__asm__ volatile(
	    "movq %%rsp, %%rbx\n\t"
	    "movq %[top], %%rsp\n\t"
	    "call *%[fn]\n\t"
	    "movq %%rbx, %%rsp"
	    : "=a"(rc), "+D"(arg)
	    : [top] "r"(top), [fn] "r"(fn)
	    : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc",
	      "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
	      "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
	      "xmm13", "xmm14", "xmm15");
	return rc;
}

#else /* aarch64 */

int
opstack_call(void *stack, size_t size, opstack_fn *fn, void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	register void *x0 __asm__("x0") = arg;

	/* x19 survives the call, and with it the old stack pointer. */
	__asm__ volatile(
	    "mov x19, sp\n\t"
	    "mov sp, %[top]\n\t"
	    "blr %[fn]\n\t"
	    "mov sp, x19"
	    : "+r"(x0)
	    : [top] "r"(top), [fn] "r"(fn)
	    : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
	      "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19",
	      "x30", "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5",
	      "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",
	      "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
	      "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
	return (int)(intptr_t)x0;
}

#endif

#if defined(__x86_64__)

/* zmm0 to zmm31. */
__attribute__((__target__("avx512f"))) static void
wipe_avx512(void)
{
#define Z(n)	"vpxorq %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
	__asm__ volatile(
	    Z(16) Z(17) Z(18) Z(19) Z(20) Z(21) Z(22) Z(23) Z(24) Z(25)
	    Z(26) Z(27) Z(28) Z(29) Z(30) Z(31)
	    "vzeroall"
	    ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
	    "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
	    "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
	    "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
	    "xmm28", "xmm29", "xmm30", "xmm31");
#undef Z
}

/* ymm0 to ymm15. */
__attribute__((__target__("avx"))) static void
wipe_avx(void)
{
	__asm__ volatile("vzeroall"
	    ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
	    "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
	    "xmm14", "xmm15");
}

/* xmm0 to xmm15. */
static void
wipe_sse(void)
{
#define X(n)	"pxor %%xmm" #n ", %%xmm" #n "\n\t"
	__asm__ volatile(
	    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
	    X(12) X(13) X(14) X(15)
	    ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
	    "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
	    "xmm14", "xmm15");
#undef X
}

void
opstack_wipe_registers(void)
{
	/* libcrypto looks at the CPU itself, so what it used is there. */
	if (__builtin_cpu_supports("avx512f"))
		wipe_avx512();
	else if (__builtin_cpu_supports("avx"))
		wipe_avx();
	else
		wipe_sse();
}

#elif defined(__aarch64__)

void
opstack_wipe_registers(void)
{
#define V(n)	"movi v" #n ".2d, #0\n\t"
	__asm__ volatile(
	    V(0) V(1) V(2) V(3) V(4) V(5) V(6) V(7) V(8) V(9) V(10) V(11)
	    V(12) V(13) V(14) V(15) V(16) V(17) V(18) V(19) V(20) V(21)
	    V(22) V(23) V(24) V(25) V(26) V(27) V(28) V(29) V(30) V(31)
	    ::: "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
	    "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
	    "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
	    "v28", "v29", "v30", "v31");
#undef V
}

#else

void
opstack_wipe_registers(void)
{
}

#endif
