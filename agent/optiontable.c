#include "agent/optiontable.h"

static const char *const group_title[GROUPS] = {
	[GROUP_COMMAND]   = "What to do (without one of these: serve)",
	[GROUP_SSH_AGENT] = "As in ssh-agent",
	[GROUP_SERVICE]   = "Serving others",
	[GROUP_MEMORY]    = "Protection of keys",
	[GROUP_LOAD]      = "With --load",
	[GROUP_REMOVE]    = "With --remove",
	[GROUP_STATUS]    = "With --status, --explain and --remove",
};

const struct option_row optiontable[IDS] = {
	[ID_LOAD] = { 0, "load", NULL, GROUP_COMMAND, ON_LOAD,
	    "take private keys from stdin into the agent, all\n"
	    "or none; start an agent if none serves the socket" },
	[ID_STATUS] = { 0, "status", NULL, GROUP_COMMAND, ON_STATUS,
	    "ask the agent how it is" },
	[ID_EXPLAIN] = { 0, "explain", NULL, GROUP_COMMAND, ON_EXPLAIN,
	    "ask the agent what it refused lately, and what to\n"
	    "change if that was wrong" },
	[ID_LOCK] = { 0, "lock", NULL, GROUP_COMMAND, ON_LOCK,
	    "lock the agent with a passphrase, from the first\n"
	    "line of stdin or the terminal" },
	[ID_UNLOCK] = { 0, "unlock", NULL, GROUP_COMMAND, ON_UNLOCK,
	    "unlock it with the same passphrase" },
	[ID_REMOVE] = { 0, "remove", NULL, GROUP_COMMAND, ON_REMOVE,
	    "take the keys of a load out of the agent: see\n"
	    "--name and --every-load" },
	[ID_CHECK_POLICY] = { 0, "check-policy", "FILE", GROUP_COMMAND,
	    ON_CHECK, "say what a policy file means, or what is wrong" },
	[ID_KILL] = { 'k', NULL, NULL, GROUP_COMMAND, ON_KILL,
	    "end the agent whose pid is in $SSH_AGENT_PID" },
	[ID_CLEAN] = { 'u', NULL, NULL, GROUP_COMMAND, ON_CLEAN | ON_KILL,
	    "remove dead sockets of this host in ~/.ssh/agent;\n"
	    "-uu: of any host" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_COMMAND, ON_ANY,
	    "print this" },
	[ID_VERSION_ERR] = { 'V', NULL, NULL, GROUP_COMMAND, ON_ANY,
	    "print the version on stderr" },
	[ID_VERSION] = { 0, "version", NULL, GROUP_COMMAND, ON_ANY,
	    "print the version on stdout" },

	[ID_SOCKET] = { 'a', "socket", "PATH", GROUP_SSH_AGENT,
	    ON_ANY & ~ON_CHECK,
	    "the agent's socket" },
	[ID_CSH] = { 'c', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "print commands for csh" },
	[ID_SH] = { 's', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "print commands for a Bourne shell" },
	[ID_FOREGROUND] = { 'D', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "stay in the foreground" },
	[ID_DEBUG] = { 'd', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "as -D, and log more" },
	[ID_HASH] = { 'E', NULL, "HASH", GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "of fingerprints in the log and in questions:\n"
	    "md5, sha1, sha256 (the default), sha384, sha512" },
	[ID_SSH_OPTION] = { 'O', NULL, "OPTION", GROUP_SSH_AGENT,
	    ON_SSH_AGENT,
	    "allow-remote-pkcs11: FIDO keys with a library also\n"
	    "over bound connections; no-restrict-websafe and\n"
	    "websafe-allow=LIST: taken, and mean nothing here" },
	[ID_PROVIDERS] = { 'P', NULL, "LIST", GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "libraries that FIDO keys may be added with; none is\n"
	    "ever loaded" },
	[ID_LIFETIME] = { 't', NULL, "LIFE", GROUP_SSH_AGENT,
	    ON_SSH_AGENT | ON_LOAD,
	    "lifetime of keys added without one (--load: of\n"
	    "those loaded): seconds, or like 1h30m; 0: no end" },
	[ID_TMP_SOCKET] = { 'T', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "put the socket in a new directory in $TMPDIR" },
	[ID_KEEP_STALE] = { 'U', NULL, NULL, GROUP_SSH_AGENT, ON_SSH_AGENT,
	    "leave dead sockets in ~/.ssh/agent at the start" },

	[ID_PUBLIC] = { 0, "public", NULL, GROUP_SERVICE, ON_SERVE | ON_LOAD,
	    "a socket that every user can connect to (mode 666);\n"
	    "who may do what is said by --allow" },
	[ID_ALLOW] = { 0, "allow", "PEER=OPS", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "what a peer may do; may be given more than once.\n"
	    "PEER: user name, uid or @group; OPS: some of\n"
	    "list,sign,add,remove,lock,admin, or none" },
	[ID_POLICY] = { 0, "policy", "FILE", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "more such rules, one on a line; SIGHUP reads it\n"
	    "again" },
	[ID_AUDIT] = { 0, "audit", "WHERE", GROUP_SERVICE, ON_SERVE | ON_LOAD,
	    "record each decision: -, syslog or a file, which\n"
	    "SIGHUP opens again" },
	[ID_AUDIT_FORMAT] = { 0, "audit-format", "FORM", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD, "json (the default) or text" },
	[ID_LIMIT] = { 0, "limit", "NAME=N", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "change a limit; may be given more than once.  They\n"
	    "are in --status" },
	[ID_ALLOW_SHARED_DIR] = { 0, "allow-shared-dir", NULL, GROUP_SERVICE,
	    ON_SERVE | ON_LOAD | ON_LOCK | ON_UNLOCK | ON_REMOVE,
	    "accept a socket directory that others can change" },
	[ID_LEGACY_RSA] = { 0, "legacy-rsa", NULL, GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "make RSA signatures with SHA-1 where they are asked\n"
	    "for" },
	[ID_FORWARDED] = { 0, "forwarded", "HOW", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "deny: no commit signature and no change for a\n"
	    "connection that comes through ssh -A; or allow" },
	[ID_WORKERS] = { 0, "workers", "N", GROUP_SERVICE, ON_SERVE | ON_LOAD,
	    "threads for RSA, P-384 and P-521 (one for each\n"
	    "processor, at most 4)" },
	[ID_READY_FD] = { 0, "ready-fd", "N", GROUP_SERVICE, ON_SERVE,
	    "write a newline to descriptor N when serving" },

	[ID_MEMORY] = { 0, "memory", "KIND", GROUP_MEMORY,
	    ON_SERVE | ON_LOAD | ON_LOCK | ON_UNLOCK,
	    "auto (the better that can be had), secret\n"
	    "(memfd_secret) or mlock" },
	[ID_MEMORY_SIZE] = { 0, "memory-size", "BYTES", GROUP_MEMORY,
	    ON_SERVE | ON_LOAD,
	    "how much to lock, also as 512K or 2M (half of\n"
	    "RLIMIT_MEMLOCK, at most 4M)" },
	[ID_ALLOW_UNLOCKED] = { 0, "allow-unlocked-memory", NULL, GROUP_MEMORY,
	    ON_SERVE | ON_LOAD | ON_LOCK | ON_UNLOCK,
	    "go on where no memory can be locked" },

	[ID_HARDENING] = { 0, "hardening", "HOW", GROUP_MEMORY,
	    ON_SERVE | ON_LOAD,
	    "strict: do not start where the system refuses a\n"
	    "step of protection; best-effort: go on without" },

	[ID_EXPECT] = { 0, "expect", "N", GROUP_LOAD, ON_LOAD,
	    "load nothing unless there are exactly N keys" },
	[ID_NAME] = { 0, "name", "NAME", GROUP_LOAD, ON_LOAD | ON_REMOVE,
	    "replace what was loaded under this name; with\n"
	    "--remove: take that away" },
	[ID_PURPOSE] = { 0, "purpose", "LIST", GROUP_LOAD, ON_LOAD,
	    "what these keys may sign: some of auth (logins),\n"
	    "git, file or any namespace of ssh-keygen -Y, any" },
	[ID_MAX_SIGNATURES] = { 0, "max-signatures", "N", GROUP_LOAD,
	    ON_LOAD,
	    "each of these keys makes N signatures and no more" },
	[ID_RATE] = { 0, "rate", "N/TIME", GROUP_LOAD, ON_LOAD,
	    "each of these keys makes at most N signatures in\n"
	    "any TIME: 5/1m" },
	[ID_PEERS] = { 0, "peers", "LIST", GROUP_LOAD, ON_LOAD,
	    "these keys are there for some peers only: user\n"
	    "names, uids and @groups" },
	[ID_EVERY_LOAD] = { 0, "every-load", NULL, GROUP_REMOVE, ON_REMOVE,
	    "the keys of all loads that had a name" },
	[ID_JSON] = { 0, "json", NULL, GROUP_STATUS,
	    ON_STATUS | ON_EXPLAIN | ON_REMOVE, "print JSON" },
};

static const char usage_head[] =
    "usage: bottle-agent [-c | -s] [-DdTU] [-a PATH] [-E HASH] [-O OPTION]\n"
    "                    [-P LIST] [-t LIFE] [OPTION ...]\n"
    "       bottle-agent [-TU] [-a PATH] [-E HASH] [-O OPTION] [-P LIST]\n"
    "                    [-t LIFE] [OPTION ...] COMMAND [ARG ...]\n"
    "       bottle-agent [-c | -s] -k\n"
    "       bottle-agent -u\n"
    "       bottle-agent --load [-a PATH] [OPTION ...] < KEYS\n"
    "       bottle-agent --status | --explain [-a PATH] [--json]\n"
    "       bottle-agent --lock | --unlock [-a PATH] < PASSPHRASE\n"
    "       bottle-agent --remove [-a PATH] {--name NAME | --every-load}\n"
    "       bottle-agent --check-policy FILE\n";

static const struct option_table table = {
	.rows = optiontable,
	.n = IDS,
	.head = usage_head,
	.titles = group_title,
	.groups = GROUPS,
};

struct option_label
optiontable_label(enum option_id id)
{
	return option_label(&optiontable[id]);
}

enum option_id
optiontable_letter(int c)
{
	return (enum option_id)option_letter(&table, c);
}

const char *
optiontable_nearest(const char *name, size_t len)
{
	return option_nearest(&table, name, len);
}

char *
optiontable_usage(void)
{
	return option_usage(&table);
}
