#ifndef MANIFEST_H_
#define MANIFEST_H_

/*
 * manifest - the list of keys that a bottle gets, with hosts and rules.
 *
 * Layer:   provision.  No I/O, no environment: text, home and folder come from
 *          the caller.
 * Source:  provision/bottle-manifest.5.
 * Memory:  a manifest owns all that it holds, and nothing of the text.
 * Secrets: a proxy's URL may hold a password.  No message here shows any of
 *          it, and manifest_fini() wipes it; the parser's own copies lie in
 *          ordinary memory until they are used for something else.
 *
 * The text is one of
 *
 *	{ "bottles": { NAME: { "ssh": [ ENTRY, ... ] }, ... } }
 *	[ ENTRY, ... ]
 *
 * Objects around the entries may have other members, which belong to other
 * tools, and so are the bottles that were not asked for: they must be JSON and
 * have no key twice.  Nothing else is let pass: an unknown or misspelt field of
 * an entry could be a limit that its writer relies on.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/wire.h"
#include "provision/jsonpos.h"
#include "provision/manifestvalue.h"

/* Most bytes of a manifest, entries in it, and keys of one host. */
#define MANIFEST_MAX		(1024 * 1024)
#define MANIFEST_ENTRIES_MAX	256
#define MANIFEST_HOSTKEYS_MAX	16
/* Room for any message, but for the file's name. */
#define MANIFEST_WHY_MAX	2048

/* What to read, and from whose point of view. */
struct manifest_source {
	const char	*name;		/* of the file, for messages */
	const char	*text;
	size_t		 len;
	const char	*bottle;	/* NULL: the only one there is */
	const char	*home;		/* the operator's, for ~; or NULL */
	const char	*folder;	/* of the file, for relative paths */
};

enum manifest_unbound {
	MANIFEST_UNBOUND_UNSAID,
	MANIFEST_UNBOUND_ALLOW,
	MANIFEST_UNBOUND_DENY,
};

struct manifest_hostkey {
	const char	*text;		/* "TYPE BASE64", without a comment */
	struct slice	 blob;		/* a plain key, as on the wire */
};

/* Words; NULL and 0 where nothing was said, and at least one where it was. */
struct manifest_words {
	const char	**words;
	size_t		  n;
};

/* An entry.  What is not said is NULL, 0 or false. */
struct manifest_entry {
	struct jsonpos_place place;	/* of its {, for messages */
	const char	*host;		/* Host: unique, also but for case */
	const char	*identity;	/* IdentityFile: ~ expanded; absolute
					 * if home and folder are */
	const char	*certificate;	/* CertificateFile: likewise */
	const char	*hostname;	/* Hostname */
	const char	*user;		/* User: there */
	uint16_t	 port;		/* Port */
	struct manifest_hostkey *keys;	/* KnownHostKey */
	size_t		 n_keys;
	struct manifest_words purposes;	/* purposes and namespaces: at most
					 * CONSTRAINT_PURPOSES_MAX, none twice;
					 * "any" alone */
	uint32_t	 lifetime_s;
	bool		 confirm;
	uint32_t	 signatures;	/* maxSignatures */
	uint32_t	 rate_n, rate_s;
	enum manifest_unbound unbound;
	const char	*proxy;		/* an URL, or "direct" */
	const char	*account;	/* user: in the container */
	const char	*home;		/* in the container */
	struct manifest_words peers;	/* at most CONSTRAINT_PEERS_MAX, none
					 * twice */
};

struct manifest {
	const char		*bottle;	/* whose it is; NULL: nobody's,
						 * of a bare array */
	struct manifest_entry	*entries;	/* in the order of the text */
	size_t			 n;
	void			*kept;		/* the memory of it all */
};

/**
 * manifest_parse(source, out, why, whylen):
 * Read a manifest.  One that has no ssh entries, or no bottles where none was
 * asked for, is good and has none.
 *
 * Owns:   ${out} is empty after an error.
 * Errors: ST_MALFORMED  ${why} is one line that is safe to print:
 *                       "NAME:LINE:COLUMN: FIELD: what would be right"
 *         ST_TOO_LARGE  likewise: above one of the limits
 *         ST_NOT_FOUND  likewise: no such bottle, or several and none was
 *                       asked for; it lists those that are there
 *         ST_NOMEM      ${why} is empty
 */
int manifest_parse(const struct manifest_source *source, struct manifest *out,
    char *why, size_t whylen) MUST_USE;

/**
 * manifest_fini(m):
 * Wipe and release.  May be called twice.
 */
void manifest_fini(struct manifest *m);

#endif /* !MANIFEST_H_ */
