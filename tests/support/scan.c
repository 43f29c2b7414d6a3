/*
 * scan TIME_MS HOST PORT, scan TIME_MS --by PROGRAM [ARG]...
 *
 * Asks a host for its keys, over connections of its own or by a program that
 * has one at its stdin and stdout.  Prints "TYPE BASE64 FINGERPRINT" for each,
 * or the status; what was said goes to stderr.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provision/child.h"
#include "provision/hostscan.h"

struct by {
	char		**argv;
	struct child	  child;
};

static int
open_by(void *arg, int *fd, char *why, size_t whylen)
{
	struct by *by = arg;
	const struct child_spec spec = { .program = by->argv[0],
		.argv = by->argv, .in = CHILD_SOCKET, .out = CHILD_SOCKET };
	int st = child_start(&by->child, &spec, why, whylen);

	if (st == ST_OK)
		*fd = child_take_socket(&by->child);
	return st;
}

static void
close_by(void *arg, int fd)
{
	struct by *by = arg;

	(void)close(fd);
	child_fini(&by->child);
}

int
main(int argc, char **argv)
{
	struct by by = { .argv = argv + 3 };
	const struct hostscan_way way = { .name = "the program",
		.open = open_by, .close = close_by, .arg = &by };
	struct hostscan s;
	char why[512] = "";
	int st, time_ms;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: scan TIME_MS HOST PORT, "
		    "scan TIME_MS --by PROGRAM [ARG]...\n");
		return 2;
	}
	child_signals();
	time_ms = atoi(argv[1]);
	if (strcmp(argv[2], "--by") == 0)
		st = hostscan_run_by(&way, time_ms, &s, why, sizeof(why));
	else
		st = hostscan_run(argv[2], (uint16_t)atoi(argv[3]), time_ms,
		    &s, why, sizeof(why));
	for (size_t i = 0; i < s.n; i++)
		(void)printf("%s %s\n", s.key[i].text, s.key[i].fingerprint);
	if (st != ST_OK)
		(void)printf("%s\n", status_name(st));
	if (why[0] != '\0')
		(void)fprintf(stderr, "%s\n", why);
	hostscan_fini(&s);
	return st != ST_OK;
}
