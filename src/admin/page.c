#include <config.h>

#include "admin/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char html[] = {
#include "admin/page.inc"
};

enum {
	NONCE_BYTES = 16,
	NONCE_SIZE = 2 * NONCE_BYTES + 1,
};

static const char place[] = "@NONCE@";

static const char policy_format[] =
	"default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'";

static void
make_nonce(char nonce[static NONCE_SIZE])
{
	unsigned char random[NONCE_BYTES];

	arc4random_buf(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
}

/* The page itself is not copied. */
int
page_add(struct evbuffer *body, char policy[static PAGE_POLICY_SIZE])
{
	const unsigned char *from = html, *const end = html + sizeof(html), *at;
	char nonce[NONCE_SIZE];

	make_nonce(nonce);
	snprintf(policy, PAGE_POLICY_SIZE, policy_format, nonce, nonce);
	while ((at = memmem(from, (size_t)(end - from), place, strlen(place))) != NULL) {
		if (evbuffer_add_reference(body, from, (size_t)(at - from), NULL, NULL) != 0 ||
			evbuffer_add(body, nonce, strlen(nonce)) != 0)
			return -1;
		from = at + strlen(place);
	}
	return evbuffer_add_reference(body, from, (size_t)(end - from), NULL, NULL);
}
