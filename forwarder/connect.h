#ifndef CONNECT_H_
#define CONNECT_H_

/*
 * connect - bottle-forward connect: from the options to the end of the tunnel.
 *
 * Layer:   forwarder.
 */

#include "forwarder/exitcode.h"
#include "forwarder/options.h"

/**
 * connect_main(opts):
 * Find the proxy, ask it for a tunnel, and carry bytes, pass the descriptor on
 * or look at the server.  What went wrong was logged.
 */
enum exit_code connect_main(const struct forward_options *opts);

#endif /* !CONNECT_H_ */
