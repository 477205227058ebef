#include <config.h>

#include "wire/varint.h"

enum {
	PAYLOAD = 0x7f,
	CONTINUES = 0x80,
};

enum varint_status
varint_get(struct span input, uint64_t *value, size_t *size)
{
	*value = 0;
	for (size_t i = 0; i < input.size && i < VARINT_MAX; i++) {
		unsigned char byte = (unsigned char)input.data[i];

		/* The tenth byte holds the 64th bit. */
		if (i == VARINT_MAX - 1 && byte > 1)
			break;
		*value |= (uint64_t)(byte & PAYLOAD) << (7 * i);
		*size = i + 1;
		if ((byte & CONTINUES) == 0)
			return byte == 0 && i > 0 ? VARINT_OVERLONG : VARINT_DONE;
	}
	return input.size < VARINT_MAX ? VARINT_MORE : VARINT_TOO_WIDE;
}

size_t
varint_put(uint64_t value, char bytes[static VARINT_MAX])
{
	size_t size = 0;

	while (value > PAYLOAD) {
		bytes[size++] = (char)(unsigned char)(value | CONTINUES);
		value >>= 7;
	}
	bytes[size++] = (char)(unsigned char)value;
	return size;
}
