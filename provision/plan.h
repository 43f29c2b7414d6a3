#ifndef PLAN_H_
#define PLAN_H_

/*
 * plan - what a bottle is to get: hosts, and the keys for them, each with its
 * rules.
 *
 * Layer:   provision.  plan_add_manifest() has no I/O; plan_add_host() asks
 *          ssh and ssh-keygen, by hostconf.h.
 * Memory:  a plan owns all that it holds.
 * Secrets: none, but for passwords in URLs of proxies, which plan_fini() wipes.
 *          Keys are read by keyfile.h, into locked memory.
 *
 * A key file that several hosts name is one key: the agent knows keys by their
 * public halves, so the rules of its entries are put together.  What must be
 * the same in all of them (lifetime, counts, rates, confirm, unbound, peers)
 * is compared; purposes and destinations are united.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/keyblob.h"
#include "proto/wire.h"
#include "provision/hostconf.h"
#include "provision/manifest.h"

/* Most hosts and keys; room for any message. */
#define PLAN_HOSTS_MAX	MANIFEST_ENTRIES_MAX
#define PLAN_KEYS_MAX	MANIFEST_ENTRIES_MAX
#define PLAN_KEYS_PER_HOST	16
#define PLAN_WHY_MAX	MANIFEST_WHY_MAX

struct plan_hostkey {
	char		*text;		/* "TYPE BASE64" */
	uint8_t		*blob;
	size_t		 len;
	bool		 is_ca;
};

struct plan_host {
	char		*where;		/* for messages: "web.json:12:3", "web" */
	char		*host;		/* what the user types; unique but for
					 * case */
	char		*hostname;	/* what is connected to; never NULL */
	char		*user;		/* there; NULL: nobody said */
	uint16_t	 port;		/* 22 where nobody said */
	char		*alias;		/* HostKeyAlias; or NULL */
	char		*proxy;		/* URL or "direct"; NULL: nobody said */
	struct plan_hostkey *keys;	/* that it is known by */
	size_t		 n_keys;
	size_t		 key[PLAN_KEYS_PER_HOST];	/* of the plan */
	size_t		 n_key;
};

struct plan_words {
	char		**word;
	size_t		  n;
};

struct plan_key {
	char		*where;		/* of the first entry that names it */
	char		*path;		/* of the private half, here; unique */
	char		*certificate;	/* named for it; NULL: look beside it */
	bool		 optional;	/* a default of ssh's: it need not be
					 * there, see plan_drop_key() */
	struct plan_words purposes;	/* at least one */
	struct plan_words peers;	/* none: whoever the agent serves */
	uint32_t	 lifetime_s;	/* 0: for good */
	bool		 confirm;
	uint32_t	 signatures;	/* 0: no limit */
	uint32_t	 rate_n, rate_s;
	enum manifest_unbound unbound;

	/* Filled by keyfile.h. */
	char		*comment;	/* anybody's text */
	char		*fingerprint;	/* "SHA256:..." */
	char		*pub;		/* "TYPE BASE64", without comment */
	struct plan_words certs;	/* "TYPE BASE64" each */
};

struct plan {
	struct plan_host *hosts;	/* in the order they were named */
	size_t		  n_hosts;
	struct plan_key	 *keys;		/* in the order they were named */
	size_t		  n_keys;
	char		 *account;	/* in the container; NULL: not said */
	char		 *home;		/* there; NULL: not said */
};

/* What goes for all that is added. */
struct plan_defaults {
	const char	*manifest;	/* its name, for messages */
	bool		 sign;		/* keys whose purposes nobody said are
					 * for commits, too */
};

void plan_init(struct plan *p);

/**
 * plan_add_manifest(p, m, defaults, why, whylen):
 * Add the entries of a manifest.
 *
 * Errors: ST_MALFORMED  two entries contradict each other: about one key file,
 *                       or about user or home in the container
 *         ST_TOO_LARGE  too many
 *         ST_NOMEM
 *         ${why} is one line that names the entries.
 */
int plan_add_manifest(struct plan *p, const struct manifest *m,
    const struct plan_defaults *defaults, char *why, size_t whylen) MUST_USE;

/**
 * plan_add_host(p, tools, host, user, defaults, why, whylen):
 * Add a host as the operator's own ssh knows it; ${user} is the operator's
 * name.
 *
 * Errors: those of hostconf_read(), hostconf_expand() and hostconf_keys_read()
 *         ST_UNSUPPORTED  ProxyJump or ProxyCommand: ${why} says what to do
 *         ST_MALFORMED, ST_TOO_LARGE, ST_NOMEM as above
 */
int plan_add_host(struct plan *p, const struct hostconf_tools *tools,
    const char *host, const char *user, const struct plan_defaults *defaults,
    char *why, size_t whylen) MUST_USE;

/**
 * plan_drop_key(p, key):
 * Take out a key, which is not there; hosts lose it.
 */
void plan_drop_key(struct plan *p, size_t key);

/**
 * plan_pin(p, host, text, blob, is_ca):
 * Add a key that the host is known by from now on.
 *
 * Errors: ST_TOO_LARGE, ST_NOMEM
 */
int plan_pin(struct plan *p, size_t host, const char *text, struct slice blob,
    bool is_ca) MUST_USE;

/**
 * plan_label(p, key, out, cap):
 * The hosts of a key, for messages: "web, build-box", cut.
 */
void plan_label(const struct plan *p, size_t key, char *out, size_t cap);

/**
 * plan_is_bound(p, key):
 * Whether the key can be restricted to its hosts: all of them are known by a
 * key.
 */
bool plan_is_bound(const struct plan *p, size_t key);

/**
 * plan_put_constraints(p, key, account, w):
 * Append the constraints of a key, as ADD_ID_CONSTRAINED has them.  Where no
 * user is said for a host it is ${account}, as ssh has it, or any if that is
 * NULL or a number.
 */
void plan_put_constraints(const struct plan *p, size_t key,
    const char *account, struct wire_writer *w);

/**
 * plan_fini(p):
 * Wipe and release.  May be called twice.
 */
void plan_fini(struct plan *p);

#endif /* !PLAN_H_ */
