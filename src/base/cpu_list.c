#include <config.h>

#include "base/cpu_list.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/text.h"

/* Reads a number; *AT moves behind it. Returns 0, or -1: there is none, or it is too large. */
static int
parse_number(const char **at, size_t *number)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return -1;
	*number = strtoul(*at, &end, 10);
	*at = end;
	return *number < CPU_SETSIZE ? 0 : -1;
}

/* Adds "2" or "0-3"; *AT moves behind it. */
static int
parse_range(const char **at, cpu_set_t *set)
{
	size_t first, last;

	if (parse_number(at, &first) != 0)
		return -1;
	last = first;
	if (**at == '-') {
		(*at)++;
		if (parse_number(at, &last) != 0 || last < first)
			return -1;
	}
	for (size_t cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, set);
	return 0;
}

/* Reads all of TEXT. Returns 0, or -1. */
static int
parse(const char *text, cpu_set_t *set)
{
	CPU_ZERO(set);
	while (parse_range(&text, set) == 0) {
		if (*text == '\0')
			return 0;
		if (*text++ != ',')
			break;
	}
	return -1;
}

int
cpu_list_parse(cpu_set_t *set, const char *text, struct error *error)
{
	if (parse(text, set) == 0)
		return 0;
	return error_set(error,
		"\"%.64s\" is no list of CPUs; expected numbers and ranges from 0 to %d, as in "
		"\"0-3,8\"",
		text, CPU_SETSIZE - 1);
}

/* The last of the CPUs that follow FIRST without a gap. */
static size_t
range_end(const cpu_set_t *set, size_t first)
{
	while (first + 1 < CPU_SETSIZE && CPU_ISSET(first + 1, set))
		first++;
	return first;
}

static void
print_range(struct text *list, size_t first, size_t last)
{
	const char *comma = list->size > 0 ? "," : "";

	if (first == last)
		text_printf(list, "%s%zu", comma, first);
	else
		text_printf(list, "%s%zu-%zu", comma, first, last);
}

void
cpu_list_print(const cpu_set_t *set, char text[static CPU_LIST_TEXT_MAX])
{
	struct text list = { .data = text, .room = CPU_LIST_TEXT_MAX - sizeof("...") };

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		size_t size = list.size;

		if (!CPU_ISSET(cpu, set))
			continue;
		print_range(&list, cpu, range_end(set, cpu));
		cpu = range_end(set, cpu);
		if (list.size == size) {
			list.room = CPU_LIST_TEXT_MAX - 1;
			text_add(&list, "...");
			break;
		}
	}
	text[list.size] = '\0';
}
