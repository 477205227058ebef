/* The configuration as text that config_load reads. */
#include <config.h>

#include "config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

/* libconfig knows no escape for other control characters than these and \x. */
static void
print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			printf("\\%c", byte);
		else if (byte < ' ' || byte == 0x7f)
			printf("\\x%02x", byte);
		else
			putchar(byte);
	}
	putchar('"');
}

static void
print_strings(const struct config_strings *strings)
{
	putchar('[');
	for (size_t i = 0; i < strings->count; i++) {
		fputs(i > 0 ? ", " : " ", stdout);
		print_string(strings->items[i]);
	}
	fputs(" ]", stdout);
}

/* What needs more than 32 bits has to say so. */
static void
print_integer(int64_t value)
{
	printf("%" PRId64 "%s", value, value > INT32_MAX || value < INT32_MIN ? "L" : "");
}

/* The number that TEXT is the only way to write. Returns 0, or -1. */
static int
plain_number(const char *text, int64_t *value)
{
	char again[VALUE_TEXT_MAX];

	errno = 0;
	*value = strtoll(text, NULL, 10);
	snprintf(again, sizeof(again), "%" PRId64, *value);
	return errno == 0 && strcmp(again, text) == 0 ? 0 : -1;
}

/* A number stands without quotes. */
static void
print_number_or_string(const char *text)
{
	int64_t number;

	if (plain_number(text, &number) == 0)
		print_integer(number);
	else
		print_string(text);
}

static void
print_word(const struct option_word *words, int value)
{
	while (words->value != value)
		words++;
	print_number_or_string(words->word);
}

static void
print_rate(int64_t value)
{
	char text[VALUE_TEXT_MAX];

	value_print_rate(value, text);
	print_number_or_string(text);
}

static void
print_text(void (*convert)(int64_t value, char text[static VALUE_TEXT_MAX]), int64_t value)
{
	char text[VALUE_TEXT_MAX];

	convert(value, text);
	print_string(text);
}

static void
print_value(const struct option *option, const void *field)
{
	switch (option->type) {
	case OPTION_BOOL:
		fputs(*(const bool *)field ? "true" : "false", stdout);
		break;
	case OPTION_INTEGER:
		print_integer(*(const int64_t *)field);
		break;
	case OPTION_SIZE:
		print_text(value_print_size, *(const int64_t *)field);
		break;
	case OPTION_DURATION:
		print_text(value_print_duration, *(const int64_t *)field);
		break;
	case OPTION_RATE:
		print_rate(*(const int64_t *)field);
		break;
	case OPTION_MODE:
		print_text(value_print_mode, *(const int64_t *)field);
		break;
	case OPTION_STRING:
		print_string(*(char *const *)field);
		break;
	case OPTION_STRINGS:
		print_strings(field);
		break;
	case OPTION_NETWORKS:
		print_strings(&((const struct config_networks *)field)->texts);
		break;
	case OPTION_WORD:
		print_word(option->words, *(const int *)field);
		break;
	}
}

static void
print_options(enum option_scope scope, const void *structure, const char *indent)
{
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].scope != scope)
			continue;
		printf("%s%s = ", indent, option_table[i].key);
		print_value(&option_table[i], (const char *)structure + option_table[i].offset);
		putchar('\n');
	}
}

/* Text of the command line goes by its looks, for only the module knows its type. */
static void
print_untyped(const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		fputs(text, stdout);
	else
		print_number_or_string(text);
}

static void
print_module_option(const struct config_module_option *option)
{
	printf("\t\t\t%s = ", option->key);
	switch (option->kind) {
	case CONFIG_VALUE_TEXT:
		print_untyped(option->text);
		break;
	case CONFIG_VALUE_BOOL:
		fputs(option->integer != 0 ? "true" : "false", stdout);
		break;
	case CONFIG_VALUE_INTEGER:
		print_integer(option->integer);
		break;
	case CONFIG_VALUE_STRING:
	case CONFIG_VALUE_OTHER:
		print_string(option->text);
		break;
	}
	putchar('\n');
}

static void
print_service(const struct config_service *service)
{
	printf("\t%s = {\n", service->name);
	print_options(OPTION_SERVICE, service, "\t\t");
	if (service->option_count > 0) {
		puts("\t\toptions = {");
		for (size_t i = 0; i < service->option_count; i++)
			print_module_option(&service->options[i]);
		puts("\t\t}");
	}
	puts("\t}");
}

void
config_print(const struct config *config)
{
	print_options(OPTION_GLOBAL, config, "");
	puts("log = {");
	print_options(OPTION_LOG, config, "\t");
	puts("}");
	puts("services = {");
	for (size_t i = 0; i < config->service_count; i++)
		print_service(&config->services[i]);
	puts("}");
}
