#ifndef SERVE_H_
#define SERVE_H_

/*
 * serve - who serves what: one function for each kind of request.
 *
 * Layer:   agent; for dispatch.c, which has decoded the request and seen to it
 *          that the peer may send such a one, and not while locked, unless it
 *          is said here.
 * Source:  as dispatch.h.
 *
 * All but the last write a reply and return ST_OK; or they give the rest to a
 * job and return ST_MORE, and then serve_signed() or serve_bound() writes it.
 */

#include "agent/call.h"

struct bind_request;
struct job;

/**
 * serve_list(c):
 * 11: what this connection can use; nothing while locked, which is no failure.
 */
int serve_list(struct call *c);

/**
 * serve_add(c):
 * 17 and 25: nothing is stored unless every part of it was good.
 */
int serve_add(struct call *c);

/**
 * serve_remove(c), serve_remove_all(c):
 * 18; 19, and 9 which ssh-add -D sends after it: all that is there for this
 * peer.  Where it is bound to does not matter, as in OpenSSH.
 */
int serve_remove(struct call *c);
int serve_remove_all(struct call *c);

/**
 * serve_sign(c), serve_signed(c, j):
 * 13; and the reply, when its job has run.  Of a key that went meanwhile there
 * is none any more; one that was replaced by itself is there.
 */
int serve_sign(struct call *c);
int serve_signed(struct call *c, const struct job *j);

/**
 * serve_bind(c), serve_bound(c, req, st, text):
 * session-bind@openssh.com: also while locked, so that nobody can get at keys
 * by having a lock in the way of a bind.  And the reply to one that was
 * verified (${st} is ST_OK) or not: ${text} says why not, or is NULL.
 */
int serve_bind(struct call *c);
int serve_bound(struct call *c, const struct bind_request *req, int st,
    const char *text);

/**
 * serve_load(c):
 * load@bottle-agent, of an admin; while locked it is refused step by step.
 */
int serve_load(struct call *c);

/**
 * serve_status(c), serve_explain(c):
 * status@bottle-agent and explain@bottle-agent, of an admin; also while locked.
 */
int serve_status(struct call *c);
int serve_explain(struct call *c);

/**
 * serve_load_end(conn):
 * Give up a load that is under way.
 */
void serve_load_end(struct conn *conn);

#endif /* !SERVE_H_ */
