#include <config.h>

#include "dispatch/kept.h"

enum {
	LONG_MS = 60000, /* kept for so long, a request is worth a line */
};

void
kept_open(struct kept *kept)
{
	TAILQ_INIT(&kept->recent);
	TAILQ_INIT(&kept->overdue);
}

void
kept_add(struct kept *kept, struct request *request, int64_t now_ms)
{
	request->kept_ms = now_ms;
	request->overdue = false;
	TAILQ_INSERT_TAIL(&kept->recent, request, kept_entry);
}

void
kept_remove(struct kept *kept, struct request *request)
{
	TAILQ_REMOVE(request->overdue ? &kept->overdue : &kept->recent, request, kept_entry);
}

static void
log_kept(const struct request *request, const char *text)
{
	log_warn(text, log_str("service", request->service->config->name),
		log_id("connection", request->connection),
		log_uint("request", request->public.number));
}

void
kept_check(struct kept *kept, int64_t now_ms)
{
	static const char text[] = "a request is kept for a minute without an answer";
	struct request *request;

	log_limit_report(&kept->limit, now_ms);
	while ((request = TAILQ_FIRST(&kept->recent)) != NULL &&
		now_ms - request->kept_ms >= LONG_MS) {
		if (log_limit_pass(&kept->limit, now_ms, text, NULL))
			log_kept(request, text);
		kept_remove(kept, request);
		request->overdue = true;
		TAILQ_INSERT_TAIL(&kept->overdue, request, kept_entry);
	}
}

struct request *
kept_take_unanswered(struct kept *kept)
{
	struct request *request = TAILQ_FIRST(&kept->overdue);

	if (request == NULL)
		request = TAILQ_FIRST(&kept->recent);
	if (request == NULL)
		return NULL;
	log_kept(request, "a kept request was never answered");
	kept_remove(kept, request);
	return request;
}
