#ifndef OPTIONTABLE_H_
#define OPTIONTABLE_H_

/*
 * optiontable - every option of bottle-agent: its names, its argument, its
 * help and the commands that it goes with.
 *
 * Layer:   agent.  The parser, --help and most of the checks read it, so they
 *          cannot disagree.
 */

#include <stddef.h>

#include "agent/options.h"
#include "base/option.h"

/* The commands that an option goes with. */
#define ON_SERVE	(1u << COMMAND_SERVE)
#define ON_KILL		(1u << COMMAND_KILL)
#define ON_CLEAN	(1u << COMMAND_CLEAN)
#define ON_LOAD		(1u << COMMAND_LOAD)
#define ON_STATUS	(1u << COMMAND_STATUS)
#define ON_EXPLAIN	(1u << COMMAND_EXPLAIN)
#define ON_LOCK		(1u << COMMAND_LOCK)
#define ON_UNLOCK	(1u << COMMAND_UNLOCK)
#define ON_REMOVE	(1u << COMMAND_REMOVE)
#define ON_CHECK	(1u << COMMAND_CHECK_POLICY)
#define ON_ANY		(ON_SERVE | ON_KILL | ON_CLEAN | ON_LOAD | \
			    ON_STATUS | ON_EXPLAIN | ON_LOCK | ON_UNLOCK | \
			    ON_REMOVE | ON_CHECK)
/* What ssh-agent does; there, an option that means nothing beside -k or -u is
 * no error. */
#define ON_SSH_AGENT	(ON_SERVE | ON_KILL | ON_CLEAN)

enum option_group {
	GROUP_COMMAND,
	GROUP_SSH_AGENT,
	GROUP_SERVICE,
	GROUP_MEMORY,
	GROUP_LOAD,
	GROUP_REMOVE,
	GROUP_STATUS,
	GROUPS
};

enum option_id {
	ID_LOAD,
	ID_STATUS,
	ID_EXPLAIN,
	ID_LOCK,
	ID_UNLOCK,
	ID_REMOVE,
	ID_CHECK_POLICY,
	ID_KILL,
	ID_CLEAN,
	ID_HELP,
	ID_VERSION_ERR,
	ID_VERSION,
	ID_SOCKET,
	ID_CSH,
	ID_SH,
	ID_FOREGROUND,
	ID_DEBUG,
	ID_HASH,
	ID_SSH_OPTION,
	ID_PROVIDERS,
	ID_LIFETIME,
	ID_TMP_SOCKET,
	ID_KEEP_STALE,
	ID_PUBLIC,
	ID_ALLOW,
	ID_POLICY,
	ID_AUDIT,
	ID_AUDIT_FORMAT,
	ID_LIMIT,
	ID_ALLOW_SHARED_DIR,
	ID_LEGACY_RSA,
	ID_FORWARDED,
	ID_WORKERS,
	ID_READY_FD,
	ID_MEMORY,
	ID_MEMORY_SIZE,
	ID_ALLOW_UNLOCKED,
	ID_HARDENING,
	ID_EXPECT,
	ID_NAME,
	ID_PURPOSE,
	ID_MAX_SIGNATURES,
	ID_RATE,
	ID_PEERS,
	ID_EVERY_LOAD,
	ID_JSON,
	IDS
};

/* By enum option_id. */
extern const struct option_row optiontable[IDS];

/**
 * optiontable_label(id):
 * What to call an option: its letter where it has one.
 */
struct option_label optiontable_label(enum option_id id);

/**
 * optiontable_letter(c):
 * The option with that letter; IDS when there is none.
 */
enum option_id optiontable_letter(int c);

/**
 * optiontable_nearest(name, len):
 * The long name that was most likely meant by ${len} bytes at ${name}, or
 * NULL.
 */
const char *optiontable_nearest(const char *name, size_t len);

/**
 * optiontable_usage():
 * What --help prints.  The caller frees it; NULL when out of memory.
 */
char *optiontable_usage(void);

#endif /* !OPTIONTABLE_H_ */
