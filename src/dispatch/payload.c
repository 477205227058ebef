#include <config.h>

#include "dispatch/payload.h"

#include <stdlib.h>
#include <string.h>

struct payload *
payload_make(struct span bytes)
{
	struct payload *payload = malloc(sizeof(*payload) + bytes.size);

	if (payload == NULL)
		return NULL;
	payload->size = bytes.size;
	payload->refs = 1;
	if (bytes.size > 0)
		memcpy(payload->data, bytes.data, bytes.size);
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
	if (*payload != NULL && --(*payload)->refs == 0)
		free(*payload);
	*payload = NULL;
}
