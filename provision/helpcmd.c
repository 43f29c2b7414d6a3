#include "provision/helpcmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/option.h"
#include "provision/session.h"
#include "provision/topics.h"

static int
flush(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return SESSION_DONE;
	log_error_sys("cannot print");
	return SESSION_FAILED;
}

/* What a command's --help says, or with PROVISION_COMMANDS the program's. */
static int
print_usage(enum provision_command command, unsigned have)
{
	char *usage = provision_options_usage(command, have);

	if (usage == NULL) {
		log_error("out of memory");
		return SESSION_FAILED;
	}
	(void)fputs(usage, stdout);
	free(usage);
	return SESSION_DONE;
}

/* The command of that name, if there is one. */
static enum provision_command
command_of(const char *name, unsigned have)
{
	for (unsigned i = 0; i < PROVISION_COMMANDS; i++)
		if ((have == 0 || (have & 1u << i) != 0) &&
		    strcmp(provision_options_command(
		    (enum provision_command)i), name) == 0)
			return (enum provision_command)i;
	return PROVISION_COMMANDS;
}

static int
print_topics(unsigned have)
{
	if (print_usage(PROVISION_COMMANDS, have) != SESSION_DONE)
		return SESSION_FAILED;
	(void)printf("\nTopics of bottle-provision help, with each "
	    "command:\n");
	for (size_t i = 0; i < topics_n; i++)
		if (topics[i].what != NULL)
			(void)printf("  %-12s%s\n", topics[i].name,
			    topics[i].what);
	return flush();
}

static int
unknown(const char *word)
{
	const char *near = topics_nearest(word);
	const struct option_shown shown = option_show(word, strlen(word));

	if (near != NULL)
		log_error("no topic %s; did you mean %s?", shown.text, near);
	else
		log_error("no topic %s; bottle-provision help lists them",
		    shown.text);
	return SESSION_USAGE;
}

int
helpcmd_main(const struct provision_options *opts)
{
	const struct topic *topic;
	enum provision_command command;

	if (opts->topic == NULL)
		return print_topics(opts->have);
	topic = topics_find(opts->topic);
	command = command_of(opts->topic, opts->have);
	if (command == PROVISION_COMMANDS &&
	    (topic == NULL || topic->what == NULL))
		return unknown(opts->topic);
	if (command != PROVISION_COMMANDS &&
	    print_usage(command, opts->have) != SESSION_DONE)
		return SESSION_FAILED;
	if (command != PROVISION_COMMANDS && topic != NULL)
		(void)fputs("\n", stdout);
	if (topic != NULL)
		(void)fputs(topic->text, stdout);
	return flush();
}
