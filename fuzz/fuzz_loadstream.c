/*
 * Reaches: loadstream.c as bottle-agent --load has it, on standard input; with
 *          that keytext.c, certtext.c, pem.c, der.c, seal.c; and load.c, which
 *          takes what was made.
 * Claims:  the exit code is one of a load; what fails is told of in lines that
 *          are safe to print, and what succeeds is not; the stream that was
 *          made opens whole at its receiver, or a record is refused that has a
 *          name, as none has behind the last; the vault is empty again.
 * Input:   rules for all keys; then standard input.
 */

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/load.h"
#include "agent/loadstream.h"
#include "base/log.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/keyset.h"
#include "fuzz/support/vaultuse.h"
#include "proto/loadpipe.h"

static size_t lines;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A line that was said. */
static void
take_line(void *cookie, const char *line, size_t len)
{
	char copy[2 * LOG_LINE_MAX];

	(void)cookie;
	assert(len > 1 && len <= sizeof(copy) && line[len - 1] == '\n');
	memcpy(copy, line, len - 1);
	copy[len - 1] = '\0';
	fuzz_printable(copy, sizeof(copy));
	lines++;
}

/* Standard input is a file in memory, which gets these bytes. */
static void
set_input(struct slice in)
{
	ssize_t n;

	if (ftruncate(STDIN_FILENO, 0) != 0)
		abort();
	n = in.len == 0 ? 0 : pwrite(STDIN_FILENO, in.p, in.len, 0);
	if (n != (ssize_t)in.len || lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
		abort();
}

/* The receiver takes the whole stream, or refuses a record that has a name. */
static void
check_stream(struct load *l, const struct loadstream *ls, struct slice sealed)
{
	const struct load_defaults defaults = { .service = true };
	struct load_fault fault;
	char name[256];
	struct text t;
	int st = load_chunk(l, sealed, &defaults, 0, &fault);

	assert(st >= 0);
	text_init(&t, name, sizeof(name));
	if (st == ST_OK) {
		assert(load_count(l) > 0 && load_count(l) <= ls->n_items);
	} else {
		assert(fault.item > 0);
		assert(loadstream_name(ls, fault.item, &t) && name[0] != '\0');
		fuzz_printable(name, sizeof(name));
	}
	assert(loadstream_name(ls, ls->n_items, &t));
	assert(!loadstream_name(ls, ls->n_items + 1, &t));
	assert(!loadstream_name(ls, 0, &t));
}

/* One load. */
static void
run(const struct agent_options *opts, bool bundle)
{
	uint8_t public_key[LOAD_PUBLIC_KEY];
	struct loadstream ls;
	struct slice sealed;
	struct load *l;
	bool same = false;
	int st = load_begin(&l, slice_str(""), public_key), code;

	assert(st == ST_OK);
	loadstream_init(&ls, opts);
	code = loadstream_begin(&ls, public_key);
	assert(code == EXIT_DONE && lines == 0);
	code = loadstream_peek(&ls, LOADPIPE_MAGIC, &same);
	assert(code == EXIT_DONE && same == bundle);
	if (!same && (code = loadstream_read(&ls)) == EXIT_DONE &&
	    (code = loadstream_make(&ls, &sealed)) == EXIT_DONE)
		check_stream(l, &ls, sealed);
	assert(code == EXIT_DONE || code == EXIT_FAILED || code == EXIT_MEMORY);
	assert((code == EXIT_DONE) == (lines == 0));
	loadstream_fini(&ls);
	loadstream_fini(&ls);
	load_free(l);
	(void)st;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	(void)argc;
	(void)argv;
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		abort();
	vaultuse_open(1024 * 1024);
	keyset_warm();
	log_divert(take_line, NULL);
	vaultuse_keep();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const purposes[] = { NULL, "auth", "git",
		"auth,file,*" };
	static const char *const peers[] = { NULL, "0", "0,1000", "nobody" };
	static const char magic[] = LOADPIPE_MAGIC;
	struct agent_options opts;
	struct slice in;

	if (size == 0)
		return 0;
	opts = (struct agent_options){
		.command = COMMAND_LOAD,
		.has_lifetime = (data[0] & 1) != 0,
		.lifetime_s = 60,
		.signatures = (data[0] & 2) != 0 ? 3 : 0,
		.rate_n = (data[0] & 4) != 0 ? 2 : 0,
		.rate_s = (data[0] & 4) != 0 ? 10 : 0,
		.has_expect = (data[0] & 8) != 0,
		.expect = 1,
		.purposes = purposes[data[0] >> 4 & 3],
		.peers = peers[data[0] >> 6],
	};
	in = (struct slice){ data + 1, size - 1 };
	lines = 0;
	set_input(in);
	run(&opts, in.len >= sizeof(magic) - 1 &&
	    memcmp(in.p, magic, sizeof(magic) - 1) == 0);
	assert(vaultuse_is_back());
	return 0;
}
