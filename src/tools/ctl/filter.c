#include <config.h>

#include "tools/ctl/filter.h"

#include <string.h>

#include "config/config.h"
#include "tools/lib/arguments.h"

/* The value of WORD if it begins with KEY and "=", or NULL. */
static const char *
value_of(const char *word, const char *key)
{
	const size_t size = strlen(key);

	return strncmp(word, key, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static void
parse_state(struct filter *filter, const char *word)
{
	for (uint32_t i = 0; i < CONTROL_STATE__COUNT; i++) {
		const struct control_row row = { .state = i };

		if (strcmp(roster_state(&row), word) == 0)
			filter->state = word;
	}
	if (filter->state == NULL)
		arguments_refuse(
			"connections: state \"%s\": expected open, closing or moving", word);
}

static void
parse(struct filter *filter, const char *word)
{
	const char *value;

	if ((value = value_of(word, "service")) != NULL)
		filter->service = value;
	else if ((value = value_of(word, "peer")) != NULL)
		filter->peer = value;
	else if ((value = value_of(word, "state")) != NULL)
		parse_state(filter, value);
	else if ((value = value_of(word, "worker")) != NULL)
		filter->worker = (uint32_t)arguments_number(
			"connections: worker", value, 1, CONFIG_WORKERS_MAX);
	else if ((value = value_of(word, "older")) != NULL)
		filter->older_ms = arguments_duration("connections: older", value);
	else if ((value = value_of(word, "quiet")) != NULL)
		filter->quiet_ms = arguments_duration("connections: quiet", value);
	else
		arguments_refuse("connections: \"%s\" is no filter: expected service=, peer=, "
				 "state=, worker=, older= or quiet=",
			word);
}

void
filter_parse(struct filter *filter, char **words, bool *json)
{
	*filter = (struct filter){ 0 };
	for (; *words != NULL; words++) {
		if (strcmp(*words, "--json") == 0)
			*json = true;
		else
			parse(filter, *words);
	}
}

/* With or without its port. */
static bool
is_peer(const struct control_row *row, const char *wanted)
{
	char text[ADDRESS_TEXT_MAX];
	char *colon;

	roster_peer(row, text);
	if (strcmp(text, wanted) == 0)
		return true;
	colon = strrchr(text, ':');
	if (colon != NULL)
		*colon = '\0';
	return strcmp(text, wanted) == 0;
}

bool
filter_takes(const struct filter *filter, const struct control_row *row, const struct view *view)
{
	return (filter->worker == 0 || filter->worker == row->worker) &&
		row->age_ms >= filter->older_ms && row->quiet_ms >= filter->quiet_ms &&
		(filter->state == NULL || strcmp(filter->state, roster_state(row)) == 0) &&
		(filter->service == NULL ||
			strcmp(filter->service, view_service(view, row->service)) == 0) &&
		(filter->peer == NULL || is_peer(row, filter->peer));
}
