#include <config.h>

#include "config/bare_value.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* TEXT is a sign and digits, or 0x and digits. Sets *WIDE if it needs more than 32 bits. */
static int
check_magnitude(const char *text, bool *wide)
{
	bool hex = strncasecmp(text, "0x", 2) == 0;
	unsigned long long bits;
	long long number;

	errno = 0;
	if (hex) {
		bits = strtoull(text, NULL, 16);
		*wide = bits > INT32_MAX;
		return errno == ERANGE || bits > INT64_MAX ? -1 : 0;
	}
	number = strtoll(text, NULL, 10);
	*wide = number > INT32_MAX || number < INT32_MIN;
	return errno == ERANGE ? -1 : 0;
}

/* WORD is a whole number, with L behind it or not. */
static int
check_whole(const char *word, struct error *error)
{
	bool is_long = word[strlen(word) - 1] == 'L', wide;

	if (check_magnitude(word, &wide) != 0)
		return error_set(error,
			"%.64s is out of range; expected a number of at most 64 "
			"bits",
			word);
	if (wide && !is_long)
		return error_set(error,
			"%.64s is too large to stand alone; expected L behind a "
			"number of more than 32 bits, as in %.64sL",
			word, word);
	return 0;
}

/* Whether libconfig reads WORD as a whole number. */
static bool
is_whole(const char *word)
{
	size_t size = strlen(word), sign = strspn(word, "+-"), digits;

	if (size > 1 && word[size - 1] == 'L')
		size--;
	if (size > 1 && word[size - 1] == 'L')
		size--;
	if (strncasecmp(word, "0x", 2) == 0)
		return size > 2 && strspn(word + 2, "0123456789abcdefABCDEF") == size - 2;
	digits = strspn(word + sign, "0123456789");
	return sign <= 1 && digits > 0 && sign + digits == size;
}

static bool
is_float(const char *word)
{
	return strspn(word, "0123456789.eE+-") == strlen(word) &&
		strchr(word, '.') == strrchr(word, '.');
}

static bool
is_bool(const char *word)
{
	return strcasecmp(word, "true") == 0 || strcasecmp(word, "false") == 0;
}

int
bare_value_check(const char *word, struct error *error)
{
	if (is_whole(word))
		return check_whole(word, error);
	if (is_float(word) || is_bool(word))
		return 0;
	return error_set(error, "%.64s lacks quotes; expected \"%.64s\"", word, word);
}
