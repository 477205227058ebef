#include <config.h>

#include "tools/lib/framing.h"

#include <string.h>

#include "tools/lib/arguments.h"

enum {
	LENGTH_BYTES_DEFAULT = 4,
	LENGTH_ADJUST_MAX = 1 << 30, /* as of preforkd.conf(5) */
};

void
framing_init(struct framing *framing)
{
	*framing = (struct framing){
		.wire = {
			.codec = wire_codec_of(WIRE_LENGTH),
			.max_message = 16 << 20,
			.length_bytes = LENGTH_BYTES_DEFAULT,
		},
		.end_of_line = WIRE_LF,
	};
}

static const struct wire_codec *
parse_codec(const char *text)
{
	const struct wire_codec *codec = wire_codec_find(text);

	if (codec == NULL)
		arguments_refuse("--framing \"%s\": expected length or line", text);
	return codec;
}

static unsigned
parse_length_bytes(const char *text)
{
	if (strcmp(text, "varint") == 0)
		return WIRE_VARINT;
	if (strlen(text) != 1 || strchr("1248", text[0]) == NULL)
		arguments_refuse("--length-bytes \"%s\": expected 1, 2, 4, 8 or varint", text);
	return (unsigned)(text[0] - '0');
}

static enum wire_order
parse_order(const char *text)
{
	if (strcmp(text, "big") == 0)
		return WIRE_BIG_ENDIAN;
	if (strcmp(text, "little") == 0)
		return WIRE_LITTLE_ENDIAN;
	arguments_refuse("--byte-order \"%s\": expected big or little", text);
}

/* The options of a length. */
static bool
parse_length(struct wire *wire, int option, const char *value)
{
	switch (option) {
	case FRAMING_BYTE_ORDER:
		wire->order = parse_order(value);
		break;
	case FRAMING_LENGTH_ADJUST:
		wire->length_adjust = arguments_number("--length-adjust", value,
			-(WIRE_OFFSET_MAX + WIRE_FIELD_MAX), LENGTH_ADJUST_MAX);
		break;
	case FRAMING_LENGTH_BYTES:
		wire->length_bytes = parse_length_bytes(value);
		break;
	case FRAMING_LENGTH_OFFSET:
		wire->length_offset =
			(unsigned)arguments_number("--length-offset", value, 0, WIRE_OFFSET_MAX);
		break;
	default:
		return false;
	}
	return true;
}

bool
framing_parse(struct framing *framing, int option, const char *value)
{
	struct wire *wire = &framing->wire;

	switch (option) {
	case FRAMING_ALLOW_EMPTY:
		wire->allow_empty = true;
		break;
	case FRAMING_CRLF:
		framing->end_of_line = WIRE_CRLF;
		break;
	case FRAMING_FRAMING:
		wire->codec = parse_codec(value);
		break;
	case FRAMING_MAX_SIZE:
		wire->max_message = (size_t)arguments_size("--max-size", value);
		break;
	default:
		return parse_length(wire, option, value);
	}
	return true;
}

void
framing_check(const struct framing *framing)
{
	const struct wire *wire = &framing->wire;
	bool is_line = wire->codec == wire_codec_of(WIRE_LINE);

	if (!is_line && framing->end_of_line != WIRE_LF)
		arguments_refuse("--crlf has a meaning with --framing line alone");
	if (is_line &&
		(wire->length_bytes != LENGTH_BYTES_DEFAULT || wire->length_offset != 0 ||
			wire->length_adjust != 0 || wire->order != WIRE_BIG_ENDIAN))
		arguments_refuse("a line has no length: --length-bytes, --length-offset, "
				 "--length-adjust and --byte-order have no meaning with it");
}

#define FRAMING_NAME_ROW(framing, name, codec) [framing] = (name),

const char *
framing_name(const struct framing *framing)
{
	static const char *const names[] = { WIRE_FRAMINGS(FRAMING_NAME_ROW) };
	size_t i = 0;

	while (wire_codec_of((enum wire_framing)i) != framing->wire.codec)
		i++;
	return names[i];
}
