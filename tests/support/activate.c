/*
 * activate - start a program as a supervisor does that listens for it.
 *
 * usage: activate [-p] SOCKET COMMAND [ARG...]
 *
 * SOCKET is made with mode 600; COMMAND takes the place of this process and
 * has it as descriptor 3, with LISTEN_FDS and LISTEN_PID to tell so.  What is
 * given for SOCKET after an @ is a name without a file.  With -p it tells who
 * sends what (SO_PASSCRED).
 * Exit status: that of COMMAND; 125 when it was not got as far as that.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Say what failed, and the exit status. */
static int
fail(const char *what)
{
	perror(what);
	return 125;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const int on = 1;
	char pid[32];
	bool senders;
	size_t len;
	int fd;

	if ((senders = argc > 1 && strcmp(argv[1], "-p") == 0)) {
		argc--;
		argv++;
	}
	if (argc < 3 || (len = strlen(argv[1])) >= sizeof(sun.sun_path)) {
		(void)fprintf(stderr, "usage: activate SOCKET COMMAND ...\n");
		return 125;
	}
	memcpy(sun.sun_path, argv[1], len);
	if (sun.sun_path[0] == '@')
		sun.sun_path[0] = '\0';
	(void)umask(0177);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 ||
	    (senders && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof(on)) != 0) ||
	    bind(fd, (const struct sockaddr *)&sun, (socklen_t)(len +
	    offsetof(struct sockaddr_un, sun_path))) != 0 ||
	    listen(fd, 128) != 0)
		return fail(argv[1]);
	(void)umask(022);
	if (fd != 3 && (dup2(fd, 3) != 3 || close(fd) != 0))
		return fail("descriptor 3");
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (setenv("LISTEN_PID", pid, 1) != 0 ||
	    setenv("LISTEN_FDS", "1", 1) != 0)
		return fail("environment");
	(void)execvp(argv[2], argv + 2);
	return fail(argv[2]);
}
