#ifndef JUDGELOAD_H_
#define JUDGELOAD_H_

/*
 * judgeload - the model's rules of loads.
 */

struct ask;
struct side;

/* Serve a request of ${s} that is about a load. */
void judgeload_serve(struct side *s, const struct ask *a);

#endif /* !JUDGELOAD_H_ */
