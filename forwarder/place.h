#ifndef PLACE_H_
#define PLACE_H_

/*
 * place - `bottle-forward place`: files for a user's home from stdin.
 *
 * Layer:   forwarder.
 * Source:  docs/PROTOCOL.md section 12; see proto/placepipe.h.
 *
 * It runs in the container, as the user whose home it is, and is the other
 * half of a load: the first is the agent's keys.  Only together are they of
 * use.  So what was switched is undone when the host goes away, but not if the
 * agent has the keys: then the host has committed them, and could not say so.
 */

#include "forwarder/exitcode.h"
#include "forwarder/options.h"

/**
 * place_main(opts):
 * Whatever is wrong after the magic line is said in the line that ends it, on
 * stdout, and so is a user that it cannot become; what else is wrong before, on
 * stderr.
 */
enum exit_code place_main(const struct forward_options *opts);

#endif /* !PLACE_H_ */
