#ifndef REMOVE_H_
#define REMOVE_H_

/*
 * remove - `bottle-forward remove`: the files of a load leave the home.
 *
 * Layer:   forwarder.
 * Source:  docs/PROTOCOL.md section 12.
 *
 * It runs in the container, as the user whose home it is: bottle-provision
 * remove starts it, or the user.  Once it has begun to change something it goes
 * on to the end, whoever goes away.
 */

#include "forwarder/exitcode.h"
#include "forwarder/options.h"

/**
 * remove_main(opts):
 * What became of it is on stdout, in lines of proto/placepipe.h; what is wrong,
 * in one line on stderr.
 */
enum exit_code remove_main(const struct forward_options *opts);

#endif /* !REMOVE_H_ */
