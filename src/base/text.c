#include <config.h>

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void
add_bytes(struct text *text, const char *bytes, size_t size)
{
	if (size > text->room - text->size)
		return;
	memcpy(text->data + text->size, bytes, size);
	text->size += size;
}

void
text_add(struct text *text, const char *string)
{
	add_bytes(text, string, strlen(string));
}

void
text_printf(struct text *text, const char *format, ...)
{
	char piece[128];
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	text_add(text, piece);
}

/* The size of the UTF-8 sequence at AT (RFC 3629), 0 if none stands there. */
static size_t
utf8_size(const unsigned char *at)
{
	size_t size = at[0] < 0x80 ? 1
		: at[0] < 0xc2     ? 0
		: at[0] < 0xe0     ? 2
		: at[0] < 0xf0     ? 3
		: at[0] < 0xf5     ? 4
				   : 0;

	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
		(at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

static void
add_escaped(struct text *text, unsigned char byte)
{
	switch (byte) {
	case '"':
		text_add(text, "\\\"");
		break;
	case '\\':
		text_add(text, "\\\\");
		break;
	case '\n':
		text_add(text, "\\n");
		break;
	case '\r':
		text_add(text, "\\r");
		break;
	case '\t':
		text_add(text, "\\t");
		break;
	default:
		text_printf(text, "\\u%04x", byte);
	}
}

static bool
needs_escape(unsigned char byte)
{
	return byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\';
}

void
text_add_quoted(struct text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;

	if (text->room - text->size < 2)
		return;
	text->data[text->size++] = '"';
	text->room--;
	while (*at != '\0') {
		size_t size = utf8_size(at);

		if (size == 0)
			text_add(text, REPLACEMENT);
		else if (needs_escape(*at))
			add_escaped(text, *at);
		else
			add_bytes(text, (const char *)at, size);
		at += size == 0 ? 1 : size;
	}
	text->room++;
	text->data[text->size++] = '"';
}

void
text_add_line(struct text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;

	while (*at != '\0') {
		const size_t size = utf8_size(at);

		if (size == 0)
			text_add(text, REPLACEMENT);
		else if (*at < 0x20 || *at == 0x7f)
			text_add(text, "?");
		else
			add_bytes(text, (const char *)at, size);
		at += size == 0 ? 1 : size;
	}
}

bool
text_is_bare(const char *string)
{
	if (*string == '\0')
		return false;
	for (const unsigned char *at = (const unsigned char *)string; *at != '\0'; at++) {
		if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\')
			return false;
	}
	return true;
}
