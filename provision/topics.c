#include "provision/topics.h"

#include <string.h>

#include "base/nearest.h"
#include "provision/topictexts.h"

/* A name this many edits away is offered as the one that was meant. */
#define NEAR_MAX	2

const struct topic topics[] = {
	{ "load", NULL, text_load },
	{ "doctor", NULL, text_doctor },
	{ "status", NULL, text_status },
	{ "lock", NULL, text_lock },
	{ "unlock", NULL, text_lock },
	{ "explain", NULL, text_explain },
	{ "watch", NULL, text_watch },
	{ "remove", NULL, text_remove },
	{ "targets", "what TARGET can be", text_targets },
	{ "manifest", "the file with hosts, keys and rules", text_manifest },
	{ "rules", "what a key may be used for, and how that is said",
	    text_rules },
	{ "files", "what is written in a target, and where", text_files },
	{ "exit-codes", "what this program exits with", text_exit_codes },
};

const size_t topics_n = sizeof(topics) / sizeof(*topics);

const struct topic *
topics_find(const char *name)
{
	for (size_t i = 0; i < topics_n; i++)
		if (strcmp(topics[i].name, name) == 0)
			return &topics[i];
	return NULL;
}

const char *
topics_nearest(const char *name)
{
	const char *found = NULL;
	size_t best = NEAR_MAX + 1;

	for (size_t i = 0; i < topics_n; i++) {
		size_t d = nearest_edits(name, strlen(name), topics[i].name,
		    strlen(topics[i].name));

		if (d < best) {
			best = d;
			found = topics[i].name;
		}
	}
	return found;
}
