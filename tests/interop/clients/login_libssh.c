/*
 * login_libssh HOST USER KNOWN_HOSTS COMMAND - run it there, with the agent's
 * keys and no others, and print what it prints.
 */
#include <libssh/libssh.h>
#include <stdio.h>

/* Connected, to the host that we know, and let in. */
static int
log_in(ssh_session session, char *argv[])
{
	int process = 0;

	if (ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &process) ||
	    ssh_options_set(session, SSH_OPTIONS_HOST, argv[1]) ||
	    ssh_options_set(session, SSH_OPTIONS_USER, argv[2]) ||
	    ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, argv[3]))
		return -1;
	if (ssh_connect(session) != SSH_OK)
		return -1;
	if (ssh_session_is_known_server(session) != SSH_KNOWN_HOSTS_OK)
		return -1;
	return ssh_userauth_agent(session, NULL) == SSH_AUTH_SUCCESS ? 0 : -1;
}

/* What the command prints, to stdout. */
static int
run(ssh_session session, const char *command)
{
	ssh_channel channel;
	char text[256];
	int n = -1;

	if ((channel = ssh_channel_new(session)) == NULL)
		return -1;
	if (ssh_channel_open_session(channel) != SSH_OK ||
	    ssh_channel_request_exec(channel, command) != SSH_OK)
		goto out;
	while ((n = ssh_channel_read(channel, text, sizeof(text), 0)) > 0)
		fwrite(text, 1, (size_t)n, stdout);
out:
	ssh_channel_free(channel);
	return n;
}

int
main(int argc, char *argv[])
{
	ssh_session session;
	int failed;

	if (argc != 5 || (session = ssh_new()) == NULL)
		return 2;
	failed = log_in(session, argv) != 0 || run(session, argv[4]) != 0;
	if (failed)
		fprintf(stderr, "%s\n", ssh_get_error(session));
	ssh_disconnect(session);
	ssh_free(session);
	return failed;
}
