#include "provision/doctor_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Longest value of a word, most paths in one finding, and most findings of
 * one kind. */
#define WORD_MAX_SEEN	2048
#define PATHS_TOLD	6
#define FINDINGS_TOLD	6
/* Most of a path in a list, with its NUL. */
#define PATH_SHOWN_MAX	121

/* --- lists of paths ------------------------------------------------------ */

/* Whether a value of that key is ${value}. */
static bool
has_value(const struct doctor_facts *f, const char *key, const char *value)
{
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(f, key, &at)) != NULL;)
		if (strcmp(v, value) == 0)
			return true;
	return false;
}

/* The values of a key, with commas, unless ${but} has them too; returns how
 * many there are, and the first. */
static size_t
list_values(const struct doctor_facts *f, const char *key,
    const struct doctor_facts *but, struct text *t, const char **first)
{
	char shown[PATH_SHOWN_MAX];
	struct text path;
	const char *v;
	size_t n = 0;

	for (size_t at = 0; (v = doctor_facts_next(f, key, &at)) != NULL;) {
		if (but != NULL && has_value(but, key, v))
			continue;
		if (n == 0)
			*first = v;
		if (n < PATHS_TOLD) {
			text_add(t, n > 0 ? ", " : "");
			/* Cut at the end of a character, where it is cut. */
			text_init(&path, shown, sizeof(shown));
			text_add(&path, v);
			text_add(t, shown);
		}
		n++;
	}
	if (n > PATHS_TOLD)
		text_addf(t, " and %zu more", n - PATHS_TOLD);
	return n;
}

/* --- other agents -------------------------------------------------------- */

/* Whether a load of ours is for the agent at that socket. */
static bool
is_of_load(const struct doctor_seen *s, const char *socket)
{
	static const char keyword[] = "IdentityAgent ";
	const char *v, *at;

	for (size_t i = 0; (v = doctor_facts_next(&s->user, "conf",
	    &i)) != NULL;) {
		at = strstr(v, keyword);
		if (at != NULL && strcmp(at + strlen(keyword), socket) == 0)
			return true;
	}
	return false;
}

/* One of them: CODE of ssh-add, number of keys, path. */
static void
judge_second(struct doctor *d, const struct doctor_seen *s, const char *v)
{
	const char *env = doctor_facts_get(&s->user, "env");
	char word[16], mend[DOCTOR_MEND_MAX];
	uint32_t n = 0;
	bool named;

	if (!doctor_facts_word(&v, word, sizeof(word)) ||
	    !doctor_facts_number(&v, &n) || is_of_load(s, v))
		return;
	named = env != NULL && strcmp(env, v) == 0;
	(void)snprintf(mend, sizeof(mend), "start the container, the editor or "
	    "ssh without agent forwarding, or have it end: nothing at %s is "
	    "needed", doctor_word(v).text);
	if (strcmp(word, "0") == 0)
		doctor_find(d, "second-agent", DOCTOR_BAD, mend, "an agent at "
		    "%s gives user %s %u key%s, by no rule of ours", v,
		    s->where->account, n, n == 1 ? "" : "s");
	else if (strcmp(word, "1") == 0)
		doctor_find(d, "second-agent", DOCTOR_WARN, mend, "an agent at "
		    "%s answers user %s; it shows no key now", v,
		    s->where->account);
	else if (strcmp(word, "124") == 0 || strcmp(word, "143") == 0)
		doctor_find(d, "second-agent", DOCTOR_WARN, mend, "something "
		    "at %s takes connections and does not answer: it may be an "
		    "agent that asks somebody", v);
	else if (strcmp(word, "-") == 0)
		doctor_find(d, "second-agent", DOCTOR_WARN, mend, "there is a "
		    "socket %s, which may be another agent's; there is no "
		    "ssh-add that could be used to ask it", v);
	else if (named)
		doctor_find(d, "second-agent", DOCTOR_WARN, "start the "
		    "container without that variable, or with the agent's "
		    "socket in it", "SSH_AUTH_SOCK is %s, where no agent "
		    "answers: programs that do not read ssh's configuration "
		    "find none", v);
}

static void
judge_seconds(struct doctor *d, const struct doctor_seen *s)
{
	const char *v;
	int told = 0;

	if (!s->has_user) {
		doctor_find(d, "second-agent", DOCTOR_SKIPPED, NULL, "nothing "
		    "could be looked at as user %s", s->where->account);
		return;
	}
	for (size_t at = 0; told < FINDINGS_TOLD &&
	    (v = doctor_facts_next(&s->user, "second", &at)) != NULL; told++)
		judge_second(d, s, v);
	if (doctor_worst(d, "second-agent") == DOCTOR_SKIPPED)
		doctor_find(d, "second-agent", DOCTOR_OK, NULL, "no other "
		    "agent answers user %s", s->where->account);
}

/* --- keys that lie about ------------------------------------------------- */

static void
judge_stray(struct doctor *d, const struct doctor_seen *s)
{
	char list[1024], mend[DOCTOR_MEND_MAX];
	const char *first = "";
	struct text t;
	size_t n;

	text_init(&t, list, sizeof(list));
	n = list_values(&s->user, "stray", NULL, &t, &first);
	if (n > 0)
		doctor_find(d, "stray-keys", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "rm -i %s", doctor_word(first).text),
		    "private keys that user %s can read are in the target: %s; "
		    "give them to the agent instead, and take them away",
		    s->where->account, list);
	text_init(&t, list, sizeof(list));
	n = list_values(&s->root, "stray", &s->user, &t, &first);
	if (n > 0)
		doctor_find(d, "stray-keys", DOCTOR_WARN, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "rm -i %s", doctor_word(first).text),
		    "private keys that only root can read are in the target: "
		    "%s", list);
	if (doctor_worst(d, "stray-keys") != DOCTOR_SKIPPED)
		return;
	if (!s->has_user)
		doctor_find(d, "stray-keys", DOCTOR_SKIPPED, NULL, "nothing "
		    "could be looked at as user %s", s->where->account);
	else
		doctor_find(d, "stray-keys", DOCTOR_OK, NULL, "no private key "
		    "is in .ssh, /run/secrets or /tmp");
}

/* --- becoming root ------------------------------------------------------- */

/* A number of /proc/self/status; false if it is not known. */
static bool
status_number(const struct doctor_facts *f, const char *name, int base,
    uint64_t *out)
{
	char word[64], *end;
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(f, "status",
	    &at)) != NULL;) {
		if (!doctor_facts_word(&v, word, sizeof(word)) ||
		    strcmp(word, name) != 0 ||
		    !doctor_facts_word(&v, word, sizeof(word)))
			continue;
		*out = strtoull(word, &end, base);
		return *end == '\0';
	}
	return false;
}

/* Capabilities that lead out of a container, or to the memory of others. */
static const struct {
	unsigned	 bit;
	const char	*name;
} caps[] = {
	{ 2, "CAP_DAC_READ_SEARCH" }, { 16, "CAP_SYS_MODULE" },
	{ 17, "CAP_SYS_RAWIO" }, { 19, "CAP_SYS_PTRACE" },
	{ 21, "CAP_SYS_ADMIN" }, { 12, "CAP_NET_ADMIN" },
	{ 38, "CAP_PERFMON" }, { 39, "CAP_BPF" },
};

static void
list_caps(uint64_t set, struct text *t)
{
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if ((set >> caps[i].bit & 1) != 0) {
			text_add(t, t->len > 0 ? ", " : "");
			text_add(t, caps[i].name);
		}
}

static bool
is_container(const struct doctor_seen *s)
{
	return s->where->target->kind != TARGET_LOCAL &&
	    s->where->target->kind != TARGET_EXEC;
}

static bool
is_privileged(const struct doctor_seen *s)
{
	return json_is_true(json_object_get(json_object_get(s->inspect,
	    "HostConfig"), "Privileged"));
}

/* What the container as a whole may. */
static void
judge_container(struct doctor *d, const struct doctor_seen *s)
{
	const json_t *host = json_object_get(s->inspect, "HostConfig");
	const char *pid = json_string_value(json_object_get(host, "PidMode"));
	char list[512];
	struct text t;
	uint64_t n;

	if (is_privileged(s)) {
		doctor_find(d, "root", DOCTOR_BAD, "start it without "
		    "--privileged", "the container is privileged: its root is "
		    "this machine's");
		return;
	}
	text_init(&t, list, sizeof(list));
	if (is_container(s) && status_number(&s->root, "CapBnd:", 16, &n))
		list_caps(n, &t);
	if (t.len > 0)
		doctor_find(d, "root", DOCTOR_WARN, "start it without these: "
		    "--cap-drop, or no --cap-add", "root in the container has "
		    "%s", list);
	if (is_container(s) && ((pid != NULL && strcmp(pid, "host") == 0) ||
	    doctor_facts_get(&s->root, "hostpid") != NULL))
		doctor_find(d, "root", DOCTOR_WARN, "start it without "
		    "--pid=host", "the container sees the processes of this "
		    "machine");
	if (is_container(s) && status_number(&s->user, "Seccomp:", 10, &n) &&
	    n == 0)
		doctor_find(d, "root", DOCTOR_WARN, "start it without "
		    "--security-opt seccomp=unconfined", "no filter of system "
		    "calls is in force: user %s can try all of the kernel",
		    s->where->account);
}

/* Folders of this machine that are in the container. */
static void
judge_mounts(struct doctor *d, const struct doctor_seen *s)
{
	json_t *mounts = json_object_get(s->inspect, "Mounts"), *m;
	const char *source, *dest;
	size_t i;

	json_array_foreach(mounts, i, m) {
		source = json_string_value(json_object_get(m, "Source"));
		dest = json_string_value(json_object_get(m, "Destination"));
		if (i == FINDINGS_TOLD)
			break;
		if (source == NULL || dest == NULL ||
		    (strcmp(source, "/") != 0 && strcmp(source, "/etc") != 0 &&
		    strcmp(source, "/root") != 0 && strcmp(source, "/proc") !=
		    0 && strcmp(source, "/var/run") != 0 &&
		    strcmp(source, "/run") != 0))
			continue;
		doctor_find(d, "root", DOCTOR_WARN, "start it without that "
		    "mount", "%s of this machine is in the container, at %s",
		    source, dest);
	}
}

/* --- sudo and the like --- */

/* Whether the user can get privileges by a program at all. */
static bool
can_gain(const struct doctor_seen *s)
{
	uint64_t n;

	return !status_number(&s->user, "NoNewPrivs:", 10, &n) || n == 0;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), len = strlen(end);

	return n >= len && strcmp(s + n - len, end) == 0;
}

static void
judge_sudo(struct doctor *d, const struct doctor_seen *s)
{
	const char *code = doctor_facts_get(&s->user, "sudocode"), *v;
	bool free = false, some = false;
	char what[512] = "";

	if (code == NULL || strcmp(code, "0") != 0)
		return;
	for (size_t at = 0; (v = doctor_facts_next(&s->user, "sudo",
	    &at)) != NULL;) {
		free = free || strstr(v, "!authenticate") != NULL;
		v += strspn(v, " \t");
		if (v[0] != '(')
			continue;
		if (strstr(v, "NOPASSWD:") == NULL && !free)
			continue;
		if (what[0] == '\0')
			(void)snprintf(what, sizeof(what), "%s", v);
		some = true;
		if (ends_with(v, " ALL")) {
			doctor_find(d, "root", DOCTOR_BAD, "take the line out "
			    "of /etc/sudoers or /etc/sudoers.d in the image",
			    "user %s becomes root by sudo, without a password: "
			    "%s", s->where->account, v);
			return;
		}
	}
	if (some)
		doctor_find(d, "root", DOCTOR_WARN, "make sure that none of "
		    "these can be made to run something else", "user %s may "
		    "run some programs as root by sudo, without a password: "
		    "%s", s->where->account, what);
}

/* Groups that are as good as root. */
static void
judge_groups(struct doctor *d, const struct doctor_seen *s)
{
	static const char *const powerful[] = { "root", "sudo", "wheel",
	    "admin", "docker", "podman", "containerd", "lxd", "disk",
	    "shadow", "kmem" };
	const char *list = doctor_facts_get(&s->user, "groups");
	char word[64], mend[DOCTOR_MEND_MAX];

	while (list != NULL && doctor_facts_word(&list, word, sizeof(word)))
		for (size_t i = 0; i < sizeof(powerful) / sizeof(*powerful);
		    i++)
			if (strcmp(word, powerful[i]) == 0)
				doctor_find(d, "root", DOCTOR_WARN,
				    doctor_mend(s->where, DOCTOR_AS_ROOT,
				    mend, "gpasswd -d %s %s",
				    doctor_word(s->where->account).text, word),
				    "user %s is in the group %s",
				    s->where->account, word);
}

/* Setuid programs that systems have. */
static bool
is_usual(const char *name)
{
	static const char *const usual[] = { "su", "sudo", "sudoedit", "mount",
	    "umount", "passwd", "chsh", "chfn", "gpasswd", "newgrp", "sg",
	    "ping", "ping6", "pkexec", "doas", "fusermount", "fusermount3",
	    "ssh-keysign", "unix_chkpwd", "expiry", "chage", "crontab", "at",
	    "dbus-daemon-launch-helper", "bwrap", "newuidmap", "newgidmap",
	    "polkit-agent-helper-1", "Xorg.wrap", "exim4", "pppd", "vlock",
	    "ntfs-3g", "mount.nfs", "mount.cifs", "traceroute6.iputils",
	    "pam_timestamp_check", "userhelper", "sudo-rs", "su-rs", "bbsuid",
	    "sendmail", "procmail", "unix2_chkpwd", "chrome-sandbox",
	    "snap-confine" };

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (strcmp(name, usual[i]) == 0)
			return true;
	return false;
}

/* Those that run whatever they are told. */
static bool
runs_anything(const char *name)
{
	static const char *const any[] = { "sh", "bash", "dash", "ash", "zsh",
	    "ksh", "busybox", "find", "env", "python", "python3", "perl",
	    "vim", "vi", "nano", "less", "more", "awk", "gawk", "mawk", "cp",
	    "mv", "dd", "tee", "tar", "cat", "docker", "nsenter", "unshare",
	    "gdb", "strace", "node", "ruby", "php", "make" };

	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++)
		if (strcmp(name, any[i]) == 0)
			return true;
	return false;
}

static void
judge_setuid(struct doctor *d, const struct doctor_seen *s)
{
	char mend[DOCTOR_MEND_MAX];
	const char *v, *name;
	int told = 0;

	for (size_t at = 0; told < FINDINGS_TOLD &&
	    (v = doctor_facts_next(&s->root, "setuid", &at)) != NULL;) {
		if ((name = strrchr(v, '/')) == NULL)
			continue;
		name++;
		if (is_usual(name) && (strncmp(v, "/usr/", 5) == 0 ||
		    strncmp(v, "/bin/", 5) == 0 ||
		    strncmp(v, "/sbin/", 6) == 0 ||
		    strncmp(v, "/opt/", 5) == 0))
			continue;
		doctor_find(d, "root", runs_anything(name) ? DOCTOR_BAD :
		    DOCTOR_WARN, doctor_mend(s->where, DOCTOR_AS_ROOT, mend,
		    "chmod u-s %s", doctor_word(v).text), runs_anything(name) ?
		    "%s is run as root by whoever starts it, and does whatever "
		    "it is told" : "%s is run as root by whoever starts it, "
		    "and is no program that is known to need that", v);
		told++;
	}
}

/* What he may write to, and what he can ask. */
static void
judge_writable(struct doctor *d, const struct doctor_seen *s)
{
	char list[1024], mend[DOCTOR_MEND_MAX];
	const char *first = "", *v;
	struct text t;

	text_init(&t, list, sizeof(list));
	if (list_values(&s->user, "writable", NULL, &t, &first) > 0)
		doctor_find(d, "root", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "sh -c 'chown root:root %s && chmod "
		    "go-w %s'", doctor_word(first).text,
		    doctor_word(first).text), "user %s may write to what root "
		    "runs or believes: %s", s->where->account, list);
	text_init(&t, list, sizeof(list));
	if (list_values(&s->user, "pathdir", NULL, &t, &first) > 0)
		doctor_find(d, "root", DOCTOR_WARN, "leave it out of PATH "
		    "where root is run, or put it last", "PATH in the target "
		    "has folders that user %s may write to: %s; what root "
		    "starts there by its name alone may be his",
		    s->where->account, list);
	for (size_t at = 0; (v = doctor_facts_next(&s->user, "engine",
	    &at)) != NULL;)
		if (strcmp(v, "/var/run/docker.sock") != 0 ||
		    !has_value(&s->user, "engine", "/run/docker.sock"))
			doctor_find(d, "root", DOCTOR_BAD, "start it without "
			    "that mount", "user %s can give orders to the "
			    "container engine, at %s: that is to be root on "
			    "its machine", s->where->account, v);
}

static void
judge_user(struct doctor *d, const struct doctor_seen *s)
{
	char list[512], mend[DOCTOR_MEND_MAX];
	const char *v;
	struct text t;
	uint64_t n;

	if (status_number(&s->user, "CapEff:", 16, &n) && n != 0) {
		text_init(&t, list, sizeof(list));
		list_caps(n, &t);
		doctor_find(d, "root", DOCTOR_BAD, "start it without --cap-add "
		    "for that user", "processes of user %s have capabilities "
		    "(%s)", s->where->account, t.len > 0 ? list : "minor ones");
	}
	if (can_gain(s)) {
		judge_sudo(d, s);
		judge_setuid(d, s);
		v = doctor_facts_get(&s->root, "doas");
		if (v != NULL)
			doctor_find(d, "root", DOCTOR_WARN, "take the line out "
			    "of /etc/doas.conf", "doas lets somebody become "
			    "root without a password: %s", v);
		if (doctor_facts_get(&s->root, "nopass") != NULL)
			doctor_find(d, "root", DOCTOR_BAD, doctor_mend(
			    s->where, DOCTOR_AS_ROOT, mend, "passwd -l root"),
			    "root has an empty password: su asks for nothing");
	}
	for (size_t at = 0; (v = doctor_facts_next(&s->root, "uid0",
	    &at)) != NULL;)
		doctor_find(d, "root", DOCTOR_WARN, "take it out of "
		    "/etc/passwd", "user %s there is root, too (uid 0)", v);
	judge_groups(d, s);
	judge_writable(d, s);
}

static void
judge_root(struct doctor *d, const struct doctor_seen *s)
{
	judge_container(d, s);
	judge_mounts(d, s);
	if (!s->has_user) {
		doctor_find(d, "root", DOCTOR_SKIPPED, NULL, "it is not known "
		    "what user %s may do there", s->where->account);
		return;
	}
	if (s->where->uid == 0) {
		doctor_find(d, "root", DOCTOR_BAD, "run the container's work as "
		    "another user, and say which with --user", "the user of "
		    "the keys is root, from whom an agent in the same place "
		    "keeps nothing");
		return;
	}
	judge_user(d, s);
	if (doctor_worst(d, "root") == DOCTOR_SKIPPED)
		doctor_find(d, "root", DOCTOR_OK, NULL, "no way was found for "
		    "user %s to become root", s->where->account);
}

void
doctor_guard(struct doctor *d, const struct doctor_seen *seen)
{
	judge_seconds(d, seen);
	judge_stray(d, seen);
	judge_root(d, seen);
}
