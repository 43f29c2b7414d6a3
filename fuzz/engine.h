#ifndef ENGINE_H_
#define ENGINE_H_

/*
 * engine - in the place of whatever bottle-provision runs: container engines,
 * and what they run in a container.
 *
 * The functions of provision/child.h that it has are to be wrapped by the
 * linker; see engine_functions in CMakeLists.txt.  What each program prints is
 * a part of the input, up to a byte 0xff: one for stdout, and one for stderr.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "provision/child.h"

struct engine {
	struct slice	 rest;		/* of the input */
	uint8_t		 codes;		/* three bits for each that ends */
	size_t		 runs;		/* programs so far */
	/* Of the last one that has ended. */
	int		 status;	/* as waitpid(2) has it */
	struct slice	 out;		/* of its stdout, all */
	/* Look at what is to be run; may be NULL. */
	void		(*look)(const struct child_spec *spec);
};

extern struct engine engine;

/**
 * engine_begin(in, codes, look):
 * Forget all that was, and take what programs print from ${in} from now on.
 */
void engine_begin(struct slice in, uint8_t codes,
    void (*look)(const struct child_spec *spec));

/**
 * engine_take():
 * The next part of the input.
 */
struct slice engine_take(void);

/**
 * engine_status():
 * How the next program ends.
 */
int engine_status(void);

#endif /* !ENGINE_H_ */
