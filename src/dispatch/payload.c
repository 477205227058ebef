#include <config.h>

#include "dispatch/payload.h"

#include <stdlib.h>
#include <string.h>

struct payload *
payload_copy(struct span bytes)
{
	struct payload *payload = malloc(sizeof(*payload) + bytes.size);

	if (payload == NULL)
		return NULL;
	*payload = (struct payload){ .refs = 1, .data = (char *)(payload + 1) };
	if (bytes.size > 0)
		memcpy(payload + 1, bytes.data, bytes.size);
	return payload;
}

struct payload *
payload_around(struct span bytes)
{
	struct payload *payload = malloc(sizeof(*payload));

	if (payload != NULL)
		*payload = (struct payload){ .refs = 1, .data = bytes.data };
	return payload;
}

void
payload_ref(struct payload *payload)
{
	payload->refs++;
}

void
payload_unref(struct payload **payload)
{
	if (*payload != NULL && --(*payload)->refs == 0) {
		free((*payload)->memory);
		free(*payload);
	}
	*payload = NULL;
}
