#ifndef LIES_H_
#define LIES_H_

/*
 * lies - ways of not being ssh-agent, to see that the comparison finds them.
 *
 * A lie stands between the test and one of two honest agents: it changes what
 * that agent is asked, or what it answers, as an agent with one mistake would.
 */

#include "differential/side.h"

struct lie {
	const char	*name;
	/* The body that is sent instead; room has as many bytes as the largest
	 * frame.  Equal to the request: nothing is changed. */
	struct slice	(*request)(struct slice request, uint8_t *room);
	/* Change the answer; whether it did. */
	bool		(*reply)(struct slice request, struct answer *a);
	bool		 twice;		/* each request is sent twice */
};

extern const struct lie lies[];
extern const size_t n_lies;

/* What the side does with its lie, if it has one. */
struct slice lie_request(struct side *s, struct slice request);
void lie_reply(struct side *s, struct slice request, struct answer *a);

#endif /* !LIES_H_ */
