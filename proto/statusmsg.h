#ifndef STATUSMSG_H_
#define STATUSMSG_H_

/*
 * statusmsg - the contents of status@bottle-agent.
 *
 * Layer:   proto.
 * Source:  docs/PROTOCOL.md.
 *
 * Shape:   u32 STATUSMSG_VERSION, the head, u32 number of rules, each a
 *          string; u32 number of limits, each as struct statusmsg_limit; u32
 *          number of uids that are connected, at most STATUSMSG_UIDS_MAX,
 *          each as struct statusmsg_uid; u32 number of keys that the agent
 *          holds, and one string that contains as many of them, each as
 *          struct statusmsg_key, as fit into the reply; one string with a u32
 *          for each key in the one before, in the same order: seconds since
 *          it was used last, or STATUSMSG_NEVER.  An older agent ends before
 *          that string.  A reader must ignore bytes that follow.
 */

#include "proto/wire.h"

#define STATUSMSG_VERSION	2
/* Most uids that are told of. */
#define STATUSMSG_UIDS_MAX	64
/* Of remaining_s: the key does not expire; of a use: there was none. */
#define STATUSMSG_NEVER		UINT32_MAX
/* Bytes of the string that says when n keys were used. */
#define STATUSMSG_USES_SIZE(n)	(4 + 4 * (n))

struct statusmsg_head {
	struct slice	 version;	/* of the program */
	struct slice	 socket;	/* path */
	struct slice	 mode;		/* "service" or "ssh-agent" */
	struct slice	 backing;	/* of the key memory */
	struct slice	 policy;	/* file with rules; empty: none */
	struct slice	 audit;		/* where records go; empty: nowhere */
	uint32_t	 pid;
	uint32_t	 uid;
	uint32_t	 uptime_s;
	uint32_t	 locked;	/* 0 or 1 */
	uint32_t	 memory_size;	/* bytes */
	uint32_t	 memory_used;
	uint32_t	 memory_largest;
	uint32_t	 room_ed25519;	/* more keys of a kind that find room */
	uint32_t	 room_ecdsa;	/* of 256 bits */
	uint32_t	 room_rsa3072;
	uint32_t	 room_rsa4096;
	uint32_t	 connections;	/* open now */
	uint32_t	 connections_max;
	uint32_t	 connections_uid_max;	/* 0: no such limit */
	uint32_t	 signatures;	/* made since the start */
	uint32_t	 refusals;	/* requests refused since the start */
	uint32_t	 policy_old;	/* 1: the file was broken at the last
					 * reload, older rules are in force */
	uint32_t	 audit_records;	/* made since the start */
	uint32_t	 audit_lost;	/* of these, not written */
};

/* A limit, and what one uid has of what is limited. */
struct statusmsg_limit {
	struct slice	 name;
	uint64_t	 value;
};

struct statusmsg_uid {
	uint32_t	 uid;
	uint32_t	 connections;
	uint64_t	 bytes;		/* kept in its name */
	uint64_t	 cpu_ms;	/* spent for it since it connected */
};

struct statusmsg_key {
	struct slice	 type;		/* "ssh-ed25519" */
	struct slice	 fingerprint;
	struct slice	 comment;
	struct slice	 load;		/* name; empty: none */
	struct slice	 rules;		/* in words; empty: none */
	uint32_t	 bits;
	uint32_t	 confirm;	/* 0 or 1 */
	uint32_t	 remaining_s;	/* or STATUSMSG_NEVER */
	uint32_t	 signatures;
	uint32_t	 refusals;
};

void statusmsg_put_head(struct wire_writer *w,
    const struct statusmsg_head *head);
void statusmsg_put_limit(struct wire_writer *w,
    const struct statusmsg_limit *limit);
void statusmsg_put_uid(struct wire_writer *w, const struct statusmsg_uid *u);
void statusmsg_put_key(struct wire_writer *w,
    const struct statusmsg_key *key);

/**
 * statusmsg_get_head(r, out), statusmsg_get_limit(r, out),
 * statusmsg_get_uid(r, out), statusmsg_get_key(r, out):
 *
 * Errors: ST_MALFORMED
 *         ST_UNSUPPORTED  (head) another version
 */
int statusmsg_get_head(struct wire_reader *r, struct statusmsg_head *out)
    MUST_USE;
int statusmsg_get_limit(struct wire_reader *r, struct statusmsg_limit *out)
    MUST_USE;
int statusmsg_get_uid(struct wire_reader *r, struct statusmsg_uid *out)
    MUST_USE;
int statusmsg_get_key(struct wire_reader *r, struct statusmsg_key *out)
    MUST_USE;

#endif /* !STATUSMSG_H_ */
