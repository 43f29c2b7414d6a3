#include "differential/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "differential/side.h"

/* The version in what a program prints; 0: it says nothing of it. */
static unsigned
read_version(const char *program)
{
	char command[512], line[256];
	unsigned major, minor, version = 0;
	const char *at;
	FILE *f;

	(void)snprintf(command, sizeof(command), "'%s' -V 2>&1", program);
	if ((f = popen(command, "re")) == NULL)
		die("%s: %s", program, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if ((at = strstr(line, "OpenSSH_")) != NULL &&
		    sscanf(at, "OpenSSH_%u.%u", &major, &minor) == 2)
			version = major * 100 + minor;
	(void)pclose(f);
	return version;
}

unsigned
version_of(const char *agent)
{
	unsigned version = read_version(agent);
	const char *slash = strrchr(agent, '/');
	char path[256];

	if (version != 0)
		return version;
	(void)snprintf(path, sizeof(path), "%.*sssh",
	    slash != NULL ? (int)(slash - agent + 1) : 0, agent);
	if ((version = read_version(path)) == 0)
		die("%s does not say which version it is; use --version",
		    path);
	return version;
}
