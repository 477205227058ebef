#include <config.h>

#include "config/setting.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/options.h"

/* Whether it is text that may be read as a size, a duration, a rate or a mode. */
static bool
is_text(const struct setting *setting)
{
	return setting->kind == CONFIG_VALUE_TEXT || setting->kind == CONFIG_VALUE_STRING;
}

static int
wrong_type(const struct setting *setting, const char *expected, struct error *error)
{
	switch (setting->kind) {
	case CONFIG_VALUE_TEXT:
		return error_set(error, "got \"%.64s\"; expected %s", setting->text, expected);
	case CONFIG_VALUE_STRING:
		return error_set(
			error, "got the string \"%.64s\"; expected %s", setting->text, expected);
	case CONFIG_VALUE_INTEGER:
		return error_set(error, "got the number %" PRId64 "; expected %s", setting->integer,
			expected);
	case CONFIG_VALUE_BOOL:
		return error_set(error, "got %s; expected %s",
			setting->integer != 0 ? "true" : "false", expected);
	case CONFIG_VALUE_OTHER:
		break;
	}
	return error_set(error, "got %s; expected %s", setting->text, expected);
}

int
setting_bool(const struct setting *setting, bool *value, struct error *error)
{
	bool is_true = setting->kind == CONFIG_VALUE_TEXT && strcmp(setting->text, "true") == 0;
	bool is_false = setting->kind == CONFIG_VALUE_TEXT && strcmp(setting->text, "false") == 0;

	if (setting->kind == CONFIG_VALUE_BOOL)
		*value = setting->integer != 0;
	else if (is_true || is_false)
		*value = is_true;
	else
		return wrong_type(setting, "true or false, without quotes", error);
	return 0;
}

int
setting_integer(const struct setting *setting, struct value_range range, int64_t *value,
	struct error *error)
{
	if (setting->kind == CONFIG_VALUE_TEXT)
		return value_integer(setting->text, range, value, error);
	if (setting->kind != CONFIG_VALUE_INTEGER)
		return wrong_type(setting, "a whole number, without quotes", error);
	*value = setting->integer;
	return value_check_integer(*value, range, error);
}

int
setting_size(const struct setting *setting, struct value_range range, int64_t *value,
	struct error *error)
{
	if (is_text(setting))
		return value_size(setting->text, range, value, error);
	if (setting->kind != CONFIG_VALUE_INTEGER)
		return wrong_type(setting, "a size, such as \"64K\" or \"1M\"", error);
	*value = setting->integer;
	return value_check_size(*value, range, error);
}

int
setting_duration(const struct setting *setting, struct value_range range, int64_t *value,
	struct error *error)
{
	if (!is_text(setting))
		return wrong_type(setting,
			"a duration with its unit, such as \"500ms\", \"10s\" or \"5m\"", error);
	return value_duration(setting->text, range, value, error);
}

int
setting_rate(const struct setting *setting, struct value_range range, int64_t *value,
	struct error *error)
{
	if (is_text(setting))
		return value_rate(setting->text, range, value, error);
	if (setting->kind != CONFIG_VALUE_INTEGER)
		return wrong_type(setting, "\"off\", \"on\" or a number", error);
	*value = setting->integer;
	return value_check_rate(*value, range, error);
}

/* libconfig has a kind for numbers with a fraction, which is one more way to write a share. */
int
setting_share(const struct setting *setting, int64_t *value, struct error *error)
{
	char text[VALUE_TEXT_MAX];

	if (is_text(setting))
		return value_share(setting->text, value, error);
	if (setting->kind == CONFIG_VALUE_INTEGER)
		snprintf(text, sizeof(text), "%" PRId64, setting->integer);
	else if (setting->has_fraction)
		snprintf(text, sizeof(text), "%.9g", setting->fraction);
	else
		return wrong_type(setting, "a number from 0 to 1, such as 0.01", error);
	return value_share(text, value, error);
}

int
setting_mode(const struct setting *setting, struct value_range range, int64_t *value,
	struct error *error)
{
	if (!is_text(setting)) /* without quotes, 0660 would be a decimal number */
		return wrong_type(setting, "octal digits in quotes, as in \"0660\"", error);
	return value_mode(setting->text, range, value, error);
}

int
setting_string(const struct setting *setting, const char **value, struct error *error)
{
	if (!is_text(setting))
		return wrong_type(setting, "a string in quotes", error);
	*value = setting->text;
	return 0;
}

/* Lists the words as in: "debug", "info" or "warn". */
static void
print_words(const struct option_word *words, char *list, size_t room)
{
	struct text text = { .data = list, .room = room - 1 };

	for (size_t i = 0; words[i].word != NULL; i++) {
		bool digits = isdigit((unsigned char)words[i].word[0]);

		if (i > 0)
			text_add(&text, words[i + 1].word == NULL ? " or " : ", ");
		text_printf(&text, digits ? "%s" : "\"%s\"", words[i].word);
	}
	list[text.size] = '\0';
}

int
setting_word(const struct setting *setting, const struct option_word *words, int *value,
	struct error *error)
{
	char list[128], digits[VALUE_TEXT_MAX];
	const char *given = digits;

	if (is_text(setting))
		given = setting->text;
	else if (setting->kind == CONFIG_VALUE_INTEGER)
		snprintf(digits, sizeof(digits), "%" PRId64, setting->integer);
	else
		given = "";
	for (const struct option_word *word = words; word->word != NULL; word++) {
		if (strcmp(word->word, given) == 0) {
			*value = word->value;
			return 0;
		}
	}
	print_words(words, list, sizeof(list));
	return wrong_type(setting, list, error);
}
