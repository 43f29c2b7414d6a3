#ifndef EXTENSION_H_
#define EXTENSION_H_

/*
 * extension - the extension requests that we serve, and our own bodies.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Extension mechanism"; OpenSSH's PROTOCOL.agent; the ones
 *          that end in @bottle-agent are ours: docs/PROTOCOL.md.
 */

#include "proto/wire.h"

#define EXT_QUERY		"query"
#define EXT_SESSION_BIND	"session-bind@openssh.com"
#define EXT_LOAD		"load@bottle-agent"
#define EXT_STATUS		"status@bottle-agent"
#define EXT_EXPLAIN		"explain@bottle-agent"

/* session-bind@openssh.com: a client tells which host it speaks to. */
struct bind_request {
	struct slice	 hostkey;	/* blob: plain or certificate */
	struct slice	 session_id;
	struct slice	 signature;	/* of the id, by the host key */
	bool		 forwarding;
};

/**
 * bind_request_decode(body, out), bind_request_put(w, req):
 * The body after the extension's name.  Bytes after the fields are ignored, as
 * OpenSSH does; nothing is said of what the fields hold.
 *
 * Errors: ST_MALFORMED  a field is missing or cut short
 */
int bind_request_decode(struct slice body, struct bind_request *out) MUST_USE;
void bind_request_put(struct wire_writer *w, const struct bind_request *req);

/*
 * load@bottle-agent: a set of keys, staged and then swapped in at once.
 * The request's body is one byte LOAD_*, then what belongs to it.
 */
enum load_op {
	LOAD_BEGIN = 1,		/* string name */
	LOAD_CHUNK = 2,		/* string bytes of the bundle */
	LOAD_COMMIT = 3,	/* nothing */
	/* No steps: what an earlier load of that name, or any that had one,
	 * has brought goes. */
	LOAD_REMOVE = 4,	/* string name, not empty */
	LOAD_REMOVE_ALL = 5,	/* nothing */
	/* Two steps in one: a chunk, and if that is good, the commit. */
	LOAD_FINISH = 6,	/* string bytes of the bundle */
};

/* Longest name of a load, in bytes; empty is a name too: see docs. */
#define LOAD_NAME_MAX		64
/* Most bytes in one chunk. */
#define LOAD_CHUNK_MAX		(64 * 1024)
/* Most bytes of data in one answer. */
#define LOAD_DATA_MAX		(255 * 1024)
/* Bytes of the one-time X25519 public key that BEGIN answers with. */
#define LOAD_PUBLIC_KEY		32

struct load_request {
	enum load_op	 op;
	struct slice	 arg;		/* name, or bytes of the bundle */
};

/*
 * Its answer, in an EXTENSION_RESPONSE.  Verdict 0: done; else the load is
 * over and nothing of it is kept.
 */
struct load_answer {
	uint8_t		 verdict;	/* 0 done, 1 refused */
	uint32_t	 item;		/* 1-based key it is about; 0: none */
	struct slice	 text;		/* reason, one line for people */
	struct slice	 data;		/* BEGIN: the public key; COMMIT and
					 * FINISH: the keys, by
					 * reply_put_identity();
					 * REMOVE, REMOVE_ALL: those that went,
					 * as many as fit */
};

/**
 * load_request_decode(body, out), load_request_put(w, req):
 * The body after the extension's name.
 *
 * Errors: ST_MALFORMED, ST_UNSUPPORTED (an op unknown to us), ST_TOO_LARGE
 */
int load_request_decode(struct slice body, struct load_request *out) MUST_USE;
void load_request_put(struct wire_writer *w, const struct load_request *req);

/**
 * load_answer_decode(r, out), load_answer_put(w, ans):
 * The contents of the response after the extension's name.
 *
 * Errors: ST_MALFORMED
 */
int load_answer_decode(struct wire_reader *r, struct load_answer *out)
    MUST_USE;
void load_answer_put(struct wire_writer *w, const struct load_answer *ans);

#endif /* !EXTENSION_H_ */
