#include <config.h>

#include "process/span_record.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

static bool
is_flag(uint8_t value)
{
	return value <= 1;
}

static bool
is_family(uint16_t family)
{
	return family == 0 || family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

/* Times in order; all children lie within the request. */
static bool
is_in_order(const struct span_record *record)
{
	if (record->framed_us <= 0 || record->over_us < record->framed_us ||
		record->over_us > INT64_MAX / 4000)
		return false;
	if (!span_record_has_handler(record))
		return record->ended_us == 0;
	return record->framed_us <= record->begun_us && record->begun_us <= record->ended_us &&
		record->ended_us <= record->over_us;
}

/* What the configuration allows for a name; the end is there, and nothing behind it. */
static bool
is_name(const char *name)
{
	const size_t size = strnlen(name, CONFIG_SERVICE_NAME_MAX + 1);

	if (size == 0 || size > CONFIG_SERVICE_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	}
	return true;
}

bool
span_record_is_sane(const struct span_record *record, unsigned results)
{
	return record->magic == SPAN_RECORD_MAGIC && record->result < results &&
		is_flag(record->has_parent) && is_flag(record->pooled) &&
		is_family(record->family) && is_in_order(record) && is_name(record->service);
}
