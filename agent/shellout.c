#include "agent/shellout.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/text.h"
#include "base/unixsock.h"

/* Whether a csh is to read it: -c, or no -s and a shell with such a name. */
static bool
for_csh(const struct agent_options *opts)
{
	const char *shell = getenv("SHELL");
	size_t len;

	if (opts->csh || opts->sh || shell == NULL)
		return opts->csh;
	len = strlen(shell);
	return len >= 3 && strcmp(shell + len - 3, "csh") == 0;
}

/* One variable to be set. */
static void
set(bool csh, const char *name, const char *value)
{
	char room[4 * UNIXSOCK_PATH_MAX + 4];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_shell(&t, value);
	if (csh)
		(void)printf("setenv %s %s;\n", name, room);
	else
		(void)printf("%s=%s; export %s;\n", name, room, name);
}

/* Whether all that was printed has gone out. */
static int
flush(void)
{
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? ST_OK : ST_SYSTEM;
}

int
shellout_started(const struct agent_options *opts, const char *path,
    pid_t pid, bool background)
{
	bool csh = for_csh(opts);
	char num[32];

	(void)snprintf(num, sizeof(num), "%ld", (long)pid);
	set(csh, "SSH_AUTH_SOCK", path);
	if (background)
		set(csh, "SSH_AGENT_PID", num);
	(void)printf("echo Agent pid %s;\n", num);
	return flush();
}

int
shellout_kill(const struct agent_options *opts)
{
	const char *text = getenv("SSH_AGENT_PID");
	const char *unset = for_csh(opts) ? "unsetenv" : "unset";
	uint64_t pid;

	if (text == NULL) {
		log_error("SSH_AGENT_PID not set, cannot kill agent");
		return EXIT_FAILED;
	}
	if (num_u64(text, 2, INT32_MAX, &pid) != ST_OK) {
		log_error("SSH_AGENT_PID=\"%.*s\", which is not a good PID",
		    text_cut(text, 32), text);
		return EXIT_FAILED;
	}
	if (kill((pid_t)pid, SIGTERM) != 0) {
		log_error_sys("cannot end process %s", text);
		return EXIT_FAILED;
	}
	(void)printf("%s SSH_AUTH_SOCK;\n%s SSH_AGENT_PID;\n"
	    "echo Agent pid %s killed;\n", unset, unset, text);
	if (flush() == ST_OK)
		return EXIT_DONE;
	log_error_sys("process %s was ended, and that cannot be printed",
	    text);
	return EXIT_FAILED;
}
