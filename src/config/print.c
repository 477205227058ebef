/* The configuration as text that config_load reads. */
#include <config.h>

#include "config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/options.h"
#include "config/value.h"

/* libconfig knows no escape for other control characters than these and \x. */
static void
print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < ' ' || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			putc(byte, out);
	}
	putc('"', out);
}

static void
print_strings(FILE *out, const struct config_strings *strings)
{
	putc('[', out);
	for (size_t i = 0; i < strings->count; i++) {
		fputs(i > 0 ? ", " : " ", out);
		print_string(out, strings->items[i]);
	}
	fputs(" ]", out);
}

/* What needs more than 32 bits has to say so. */
static void
print_integer(FILE *out, int64_t value)
{
	fprintf(out, "%" PRId64 "%s", value, value > INT32_MAX || value < INT32_MIN ? "L" : "");
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
print_number_or_string(FILE *out, const char *text)
{
	int64_t number;

	if (plain_number(text, &number) == 0)
		print_integer(out, number);
	else
		print_string(out, text);
}

static void
print_word(FILE *out, const struct option_word *words, int value)
{
	while (words->value != value)
		words++;
	print_number_or_string(out, words->word);
}

static void
print_rate(FILE *out, int64_t value)
{
	char text[VALUE_TEXT_MAX];

	value_print_rate(value, text);
	print_number_or_string(out, text);
}

static void
print_text(
	FILE *out, void (*convert)(int64_t value, char text[static VALUE_TEXT_MAX]), int64_t value)
{
	char text[VALUE_TEXT_MAX];

	convert(value, text);
	print_string(out, text);
}

void
option_print(const struct option *option, const void *field, FILE *out)
{
	char text[VALUE_TEXT_MAX];

	switch (option->type) {
	case OPTION_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case OPTION_INTEGER:
		print_integer(out, *(const int64_t *)field);
		break;
	case OPTION_SIZE:
		print_text(out, value_print_size, *(const int64_t *)field);
		break;
	case OPTION_DURATION:
		print_text(out, value_print_duration, *(const int64_t *)field);
		break;
	case OPTION_RATE:
		print_rate(out, *(const int64_t *)field);
		break;
	case OPTION_SHARE:
		value_print_share(*(const int64_t *)field, text);
		fputs(text, out);
		break;
	case OPTION_MODE:
		print_text(out, value_print_mode, *(const int64_t *)field);
		break;
	case OPTION_STRING:
		print_string(out, *(char *const *)field);
		break;
	case OPTION_STRINGS:
		print_strings(out, field);
		break;
	case OPTION_NETWORKS:
		print_strings(out, &((const struct config_networks *)field)->texts);
		break;
	case OPTION_WORD:
		print_word(out, option->words, *(const int *)field);
		break;
	}
}

static void
print_options(FILE *out, enum option_scope scope, const void *structure, const char *indent)
{
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].scope != scope)
			continue;
		fprintf(out, "%s%s = ", indent, option_table[i].key);
		option_print(
			&option_table[i], (const char *)structure + option_table[i].offset, out);
		putc('\n', out);
	}
}

/* Text of the command line goes by its looks, for only the module knows its type. */
static void
print_untyped(FILE *out, const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		fputs(text, out);
	else
		print_number_or_string(out, text);
}

static void
print_module_option(FILE *out, const struct config_module_option *option)
{
	fprintf(out, "\t\t\t%s = ", option->key);
	switch (option->kind) {
	case CONFIG_VALUE_TEXT:
		print_untyped(out, option->text);
		break;
	case CONFIG_VALUE_BOOL:
		fputs(option->integer != 0 ? "true" : "false", out);
		break;
	case CONFIG_VALUE_INTEGER:
		print_integer(out, option->integer);
		break;
	case CONFIG_VALUE_STRING:
	case CONFIG_VALUE_OTHER:
		print_string(out, option->text);
		break;
	}
	putc('\n', out);
}

static void
print_service(FILE *out, const struct config_service *service)
{
	fprintf(out, "\t%s = {\n", service->name);
	print_options(out, OPTION_SERVICE, service, "\t\t");
	if (service->option_count > 0) {
		fputs("\t\toptions = {\n", out);
		for (size_t i = 0; i < service->option_count; i++)
			print_module_option(out, &service->options[i]);
		fputs("\t\t}\n", out);
	}
	fputs("\t}\n", out);
}

void
config_print(const struct config *config, FILE *out)
{
	print_options(out, OPTION_GLOBAL, config, "");
	fputs("log = {\n", out);
	print_options(out, OPTION_LOG, config, "\t");
	fputs("}\n", out);
	fputs("admin = {\n", out);
	print_options(out, OPTION_ADMIN, config, "\t");
	fputs("}\n", out);
	fputs("traces = {\n", out);
	print_options(out, OPTION_TRACES, config, "\t");
	fputs("}\n", out);
	fputs("services = {\n", out);
	for (size_t i = 0; i < config->service_count; i++)
		print_service(out, &config->services[i]);
	fputs("}\n", out);
}

int
config_print_file(const struct config *config)
{
	int fd = memfd_create("preforkd: configuration", 0);
	FILE *out = fd >= 0 ? fdopen(dup(fd), "w") : NULL;

	if (out == NULL) {
		fd_close(&fd);
		return -1;
	}
	config_print(config, out);
	if (fclose(out) != 0)
		fd_close(&fd);
	return fd;
}
