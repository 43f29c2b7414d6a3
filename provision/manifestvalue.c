#include "provision/manifestvalue.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "proto/constraint.h"

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* Whether ${s} is letters, digits and those of ${others}. */
static bool
is_made_of(const char *s, const char *others)
{
	for (; *s != '\0'; s++)
		if (!is_alnum(*s) && strchr(others, *s) == NULL)
			return false;
	return true;
}

/* Whether there is a control byte, or one of U+0080 to U+009F. */
static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 &&
		    (unsigned char)s[1] < 0xa0))
			return true;
	}
	return false;
}

const char *
manifestvalue_host(const char *s)
{
	if (s[0] == '\0')
		return "must not be empty";
	if (strlen(s) > MANIFEST_HOST_MAX)
		return "must be a name of a host, of at most 253 bytes";
	if (s[0] == '-')
		return "must be a name of a host, which does not begin with -";
	if (strpbrk(s, "*?!") != NULL)
		return "must be one host: patterns (*, ?, !) do not work here";
	if (s[0] == '[')
		return "must be a name of a host, or an address without "
		    "brackets; a port belongs in Port";
	if (strchr(s, '@') != NULL)
		return "must be a name of a host; a user belongs in User";
	if (!is_made_of(s, ".-_:"))
		return "must be a name of a host: letters, digits and . - _ : "
		    "(write a name with other letters as its xn-- form)";
	return NULL;
}

const char *
manifestvalue_user(const char *s)
{
	size_t len = strlen(s);

	if (len == 0)
		return "must not be empty";
	if (len > MANIFEST_USER_MAX)
		return "must be a name of a user, of at most 255 bytes";
	if (s[0] == '-')
		return "must be a name of a user, which does not begin with -";
	if (!is_made_of(s, ".-_+@\\") || s[len - 1] == '\\')
		return "must be a name of a user: letters, digits and . - _ + "
		    "@ \\";
	return NULL;
}

const char *
manifestvalue_account(const char *s)
{
	if (s[0] == '\0')
		return "must not be empty";
	if (strlen(s) > CONSTRAINT_PEER_MAX)
		return "must be a user in the container, of at most 255 bytes";
	if (s[0] == '-')
		return "must be a user in the container, which does not begin "
		    "with -";
	if (!is_made_of(s, ".-_"))
		return "must be the name or number of a user in the "
		    "container: letters, digits and . - _";
	return NULL;
}

const char *
manifestvalue_path(const char *s)
{
	if (s[0] == '\0')
		return "must not be empty";
	if (strlen(s) > MANIFEST_PATH_MAX)
		return "must be a path of at most 1024 bytes";
	if (has_control(s))
		return "must be a path without control characters";
	return NULL;
}

/* Whether a component of a path is "..". */
static bool
climbs(const char *s)
{
	for (; s != NULL; s = strchr(s, '/')) {
		s += strspn(s, "/");
		if (s[0] == '.' && s[1] == '.' &&
		    (s[2] == '/' || s[2] == '\0'))
			return true;
	}
	return false;
}

const char *
manifestvalue_home(const char *s)
{
	const char *what = manifestvalue_path(s);

	if (what != NULL)
		return what;
	if (s[0] != '/')
		return "must be an absolute path in the container, such as "
		    "/home/node";
	if (climbs(s))
		return "must be an absolute path without ..";
	return NULL;
}

const char *
manifestvalue_proxy(const char *s)
{
	static const char *const schemes[] = {
		"http://", "socks5://", "socks5h://",
	};
	size_t len;

	if (strcmp(s, "direct") == 0)
		return NULL;
	if (strlen(s) > MANIFEST_PROXY_MAX)
		return "must be a URL of at most 1024 bytes";
	for (size_t i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return "must be a URL of printable ASCII; all else is "
			    "written as %XX";
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i]);
		if (strncmp(s, schemes[i], len) == 0 && s[len] != '\0')
			return NULL;
	}
	return "must be \"direct\", or a proxy's URL that begins with http://, "
	    "socks5:// or socks5h://";
}

/* What is wrong with a word of a list as the agent takes them. */
static const char *
check_word(const char *s)
{
	if (s[0] == '\0')
		return "must not be empty";
	if (has_control(s) || strpbrk(s, " ,") != NULL)
		return "must be one word, without blanks, commas and control "
		    "characters";
	return NULL;
}

const char *
manifestvalue_purpose(const char *s)
{
	if (strlen(s) > CONSTRAINT_PURPOSE_MAX)
		return "must be a purpose of at most 255 bytes";
	return check_word(s);
}

const char *
manifestvalue_namespace(const char *s)
{
	if (strcmp(s, "auth") == 0 || strcmp(s, "any") == 0)
		return "must be a namespace of signatures, such as git or "
		    "file; auth and any belong in purposes";
	if (strlen(s) > CONSTRAINT_PURPOSE_MAX)
		return "must be a namespace of at most 255 bytes";
	return check_word(s);
}

const char *
manifestvalue_peer(const char *s)
{
	const char *name = s + (s[0] == '@');

	if (strlen(s) > CONSTRAINT_PEER_MAX)
		return "must be a user or @group of at most 255 bytes";
	if (name[0] == '\0' || name[0] == '-' || !is_made_of(name, ".-_"))
		return "must be the name or number of a user in the "
		    "container, or @ and a group's: letters, digits and "
		    ". - _";
	return NULL;
}

const char *
manifestvalue_plain(const char *s)
{
	return has_control(s) ? "must have no control characters" : NULL;
}

int
manifestvalue_rate(const char *s, uint32_t *n, uint32_t *seconds)
{
	size_t len = strcspn(s, "/");
	char digits[8];
	uint32_t time;
	uint64_t count;

	if (s[len] == '\0' || len >= sizeof(digits))
		return ST_MALFORMED;
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (num_u64(digits, 1, CONSTRAINT_RATE_N_MAX, &count) != ST_OK ||
	    num_duration_s(s + len + 1, &time) != ST_OK || time == 0 ||
	    time > CONSTRAINT_RATE_MAX)
		return ST_MALFORMED;
	*n = (uint32_t)count;
	*seconds = time;
	return ST_OK;
}
