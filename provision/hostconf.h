#ifndef HOSTCONF_H_
#define HOSTCONF_H_

/*
 * hostconf - what the operator's own ssh says about a host: its configuration,
 * and the keys that it is known by.
 *
 * Layer:   provision.  Runs ssh -G and ssh-keygen -F; the parsers of what they
 *          print are functions over text.
 * Source:  ssh(1) -G, ssh_config(5), ssh-keygen(1) -F, sshd(8)
 *          "SSH_KNOWN_HOSTS FILE FORMAT".
 * Memory:  everything in the results is owned by them.
 *
 * ssh -G runs what "Match exec" says, as ssh does; nothing else is run, and no
 * connection is made.  ssh finds its files by the home directory that the
 * system has for the user, not by HOME.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/hostkey.h"

/* Most that is read of what a program prints, and how long it may take. */
#define HOSTCONF_OUTPUT_MAX	(256 * 1024)
#define HOSTCONF_TIME_MS	10000
/* Longest line, longest host name, and most files of one kind: ssh itself
 * takes up to 100 identities and 32 files of known hosts. */
#define HOSTCONF_LINE_MAX	(32 * 1024)
#define HOSTCONF_HOST_MAX	253
#define HOSTCONF_FILES_MAX	100
/* Most keys that a host is known by, in all files together. */
#define HOSTCONF_KEYS_MAX	64

/* The programs; found by hostconf_find(). */
struct hostconf_tools {
	char		 ssh[PATH_MAX];
	char		 keygen[PATH_MAX];
	const char	*config;	/* -F FILE; NULL: what ssh takes */
	const char	*home;		/* the operator's; NULL: not known */
	int64_t		 time_ms;	/* for each program */
};

struct hostconf_list {
	char	**item;
	size_t	 n;
};

/* NULL is what was not said, or is "none". */
struct hostconf {
	char			*hostname;	/* never NULL after a read */
	char			*user;		/* nor this */
	uint16_t		 port;
	char			*alias;		/* HostKeyAlias */
	char			*proxy_jump;
	char			*proxy_command;
	char			*keys_command;	/* KnownHostsCommand */
	char			*agent;		/* IdentityAgent */
	bool			 no_agent;	/* IdentityAgent none */
	bool			 identities_only;
	/* As they are written: hostconf_expand() makes paths of them. */
	struct hostconf_list	 identities;
	struct hostconf_list	 certificates;
	struct hostconf_list	 user_known_hosts;
	struct hostconf_list	 global_known_hosts;
};

enum hostconf_mark {
	HOSTCONF_KEY,		/* the host's */
	HOSTCONF_CA,		/* @cert-authority: signs keys of hosts */
	HOSTCONF_REVOKED,	/* @revoked: must never be accepted */
};

struct hostconf_key {
	enum hostconf_mark	 mark;
	enum key_type		 type;
	bool			 hashed;	/* the names in the line */
	uint8_t			*blob;
	size_t			 len;
};

struct hostconf_keys {
	struct hostconf_key	 key[HOSTCONF_KEYS_MAX];
	size_t			 n;
	size_t			 revoked;	/* that were taken out */
	size_t			 unusable;	/* lines: broken, unknown */
};

/**
 * hostconf_find(tools, path, why, whylen):
 * Find ssh and ssh-keygen: /usr/bin has precedence over ${path}, a list as the
 * variable PATH has it, or NULL.  The other fields become defaults.
 *
 * Errors: ST_NOT_FOUND  ${why} says which
 */
int hostconf_find(struct hostconf_tools *tools, const char *path, char *why,
    size_t whylen) MUST_USE;

/**
 * hostconf_parse(text, len, out, why, whylen):
 * What ssh -G printed: lines of a keyword and a value.  Keywords that are not
 * ours are passed over.  ssh prints a list of files of known hosts with blanks
 * between them and no quotes: a word that begins with / or ~ begins a file, any
 * other one goes on with the name before it.
 *
 * Errors: ST_MALFORMED  not of this form; hostname, user or port is missing,
 *                       or there twice
 *         ST_TOO_LARGE  a line, or a count
 *         ST_NOMEM
 *         ${why} is one line; ${out} is empty.
 */
int hostconf_parse(const char *text, size_t len, struct hostconf *out,
    char *why, size_t whylen) MUST_USE;

/**
 * hostconf_read(tools, host, out, why, whylen):
 * What ssh would do with ${host}: an alias or a name.
 *
 * Errors: ST_MALFORMED  no name of a host (empty, begins with -, has a user or
 *                       a URL in it, blanks, control bytes), or ssh says so;
 *                       or what it printed
 *         ST_TOO_LARGE  as above
 *         ST_BUSY       no answer in time
 *         ST_NOT_FOUND, ST_DENIED  ssh cannot be run
 *         ST_NOMEM, ST_SYSTEM
 *         ${why} is one line; ${out} is empty.
 */
int hostconf_read(const struct hostconf_tools *tools, const char *host,
    struct hostconf *out, char *why, size_t whylen) MUST_USE;

/**
 * hostconf_fini(c):
 * May be called twice.
 */
void hostconf_fini(struct hostconf *c);

/**
 * hostconf_name(c, out, cap):
 * What the host is called in files of known hosts: its alias, or its name, as
 * [NAME]:PORT if the port is not 22.
 *
 * Errors: ST_TOO_LARGE
 */
int hostconf_name(const struct hostconf *c, char *out, size_t cap) MUST_USE;

/* Who asks, and for what. */
struct hostconf_who {
	const char	*host;		/* as hostconf_read() was given it */
	const char	*home;		/* of the operator */
	const char	*user;		/* the operator's name */
};

/**
 * hostconf_expand(c, who, word, out, why, whylen):
 * The path that an item of identities or certificates means: "~/" is the home
 * directory, and %%, %d, %h, %k, %n, %p, %r and %u are what ssh_config(5) says
 * under TOKENS.
 *
 * Errors: ST_UNSUPPORTED  ~USER, ${VARIABLE} or another token
 *         ST_TOO_LARGE    longer than a path can be
 *         ${why} is one line; ${out} is an empty string.
 */
int hostconf_expand(const struct hostconf *c, const struct hostconf_who *who,
    const char *word, char out[static PATH_MAX], char *why, size_t whylen)
    MUST_USE;

/**
 * hostconf_keys_parse(text, len, out):
 * Append what ssh-keygen -F printed.  Lines that are no known key are counted,
 * and those that are there already are not taken again.
 *
 * Errors: ST_TOO_LARGE  more keys than HOSTCONF_KEYS_MAX
 *         ST_NOMEM
 */
int hostconf_keys_parse(const char *text, size_t len,
    struct hostconf_keys *out) MUST_USE;

/**
 * hostconf_keys_settle(keys):
 * Take out the revoked ones, and all that are the same key, whatever they are
 * marked as; to be called when all files were read.
 */
void hostconf_keys_settle(struct hostconf_keys *keys);

/**
 * hostconf_keys_read(tools, c, out, why, whylen):
 * The keys that the host is known by in its files, without revoked ones.  A
 * file that is not there has none; one that cannot be read is an error, for it
 * could say that a key is revoked.
 *
 * Errors: those of hostconf_keys_parse()
 *         ST_UNTRUSTED  a file cannot be read
 *         ST_BUSY       no answer in time
 *         ST_NOT_FOUND, ST_DENIED  ssh-keygen cannot be run
 *         ST_SYSTEM
 *         ${why} is one line; ${out} is empty.
 */
int hostconf_keys_read(const struct hostconf_tools *tools,
    const struct hostconf *c, struct hostconf_keys *out, char *why,
    size_t whylen) MUST_USE;

/**
 * hostconf_keys_fini(keys):
 * May be called twice.
 */
void hostconf_keys_fini(struct hostconf_keys *keys);

#endif /* !HOSTCONF_H_ */
