#include <config.h>

#include "dispatch/dispatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	STALL_US = 10000, /* a handler that takes longer holds up its equals */
	SPARE_MAX = 1024, /* requests, and jobs, that are not given back to the system */
};

void
dispatch_open(struct dispatch *dispatch, const struct config *config, struct loop *loop,
	const struct dispatch_ops *ops, void *arg)
{
	*dispatch = (struct dispatch){
		.completion = { .loop = loop },
		.ops = ops,
		.arg = arg,
		.spare = TAILQ_HEAD_INITIALIZER(dispatch->spare),
		.spare_jobs = TAILQ_HEAD_INITIALIZER(dispatch->spare_jobs),
		.watched = TAILQ_HEAD_INITIALIZER(dispatch->watched),
		.batches = TAILQ_HEAD_INITIALIZER(dispatch->batches),
	};
	kept_open(&dispatch->kept);
	pool_open(&dispatch->pool, config, &dispatch->completion);
}

int
dispatch_start(struct dispatch *dispatch, struct error *error)
{
	dispatch->has_pool = true;
	return pool_start(&dispatch->pool, error);
}

bool
dispatch_stop(struct dispatch *dispatch)
{
	return !dispatch->has_pool || pool_stop(&dispatch->pool);
}

/* Line by line: compilers make a `rep stos` of more at once, which takes its time to start. */
static void
clear(struct request *request)
{
	char *lines = (char *)request;

	memset(lines, 0, REQUEST_ALIGNMENT);
	memset(lines + REQUEST_ALIGNMENT, 0, REQUEST_ALIGNMENT);
	request->reply.size = 0;
	request->reply.count = 0;
}
static_assert(offsetof(struct request, reply.size) == (size_t)2 * REQUEST_ALIGNMENT, "two lines");

struct request *
dispatch_new_request(struct dispatch *dispatch, struct service *service)
{
	struct request *request = TAILQ_FIRST(&dispatch->spare);

	if (request != NULL) {
		TAILQ_REMOVE(&dispatch->spare, request, entry);
		dispatch->spare_count--;
	} else if ((request = aligned_alloc(REQUEST_ALIGNMENT, sizeof(*request))) == NULL) {
		return NULL;
	}
	clear(request);
	request->service = service;
	request->result = REQUEST_NONE;
	return request;
}

void
dispatch_free_request(struct dispatch *dispatch, struct request *request)
{
	reply_clear(&request->reply);
	payload_unref(&request->payload);
	if (dispatch->spare_count >= SPARE_MAX) {
		free(request);
		return;
	}
	TAILQ_INSERT_HEAD(&dispatch->spare, request, entry);
	dispatch->spare_count++;
}

struct job *
dispatch_new_job(struct dispatch *dispatch)
{
	struct job *job = TAILQ_FIRST(&dispatch->spare_jobs);

	if (job != NULL) {
		TAILQ_REMOVE(&dispatch->spare_jobs, job, entry);
		dispatch->spare_job_count--;
	} else if ((job = malloc(sizeof(*job))) == NULL) {
		return NULL;
	}
	memset(job, 0, offsetof(struct job, requests));
	job->post.kind = POST_JOB;
	return job;
}

static void
unwatch(struct dispatch *dispatch, struct job *job)
{
	TAILQ_REMOVE(&dispatch->watched, job, watched_entry);
	job->watched = false;
}

void
dispatch_free_job(struct dispatch *dispatch, struct job *job)
{
	if (job->watched)
		unwatch(dispatch, job);
	if (job->batch)
		TAILQ_REMOVE(&dispatch->batches, job, batch_entry);
	if (dispatch->spare_job_count >= SPARE_MAX) {
		free(job);
		return;
	}
	TAILQ_INSERT_HEAD(&dispatch->spare_jobs, job, entry);
	dispatch->spare_job_count++;
}

void
dispatch_submit(struct dispatch *dispatch, struct job *job)
{
	job->batch = job->count > 1;
	if (job->batch)
		TAILQ_INSERT_TAIL(&dispatch->batches, job, batch_entry);
	pool_submit(&dispatch->pool, job);
}

static int64_t
handler_time_us(struct job *job)
{
	return clock_monotonic_us() - job_begun_us(job);
}

void
dispatch_check_batches(struct dispatch *dispatch)
{
	struct job *job, *next;

	TAILQ_FOREACH_SAFE (job, &dispatch->batches, batch_entry, next) {
		if (job_has_begun(job) && handler_time_us(job) > STALL_US)
			dispatch->ops->stalled(dispatch->arg, job);
	}
}

/* The job can be posted again once its flag is gone, so it is looked at only then. */
static void
take_job(struct dispatch *dispatch, struct job *job)
{
	bool over = (atomic_fetch_and(&job->flags, ~(unsigned)JOB_POSTED) & JOB_OVER) != 0;

	dispatch->ops->returned(dispatch->arg, job, over);
	if (over) {
		pool_job_is_back(&dispatch->pool, job);
		dispatch_free_job(dispatch, job);
	}
}

static void
take_request(struct dispatch *dispatch, struct request *request)
{
	request->came_back = true;
	dispatch->ops->answered(dispatch->arg, request);
}

static void
take_letter(struct dispatch *dispatch, struct letter *letter)
{
	dispatch->ops->letter(dispatch->arg, letter);
	letter_free(dispatch, letter);
}

static void
take(struct dispatch *dispatch, struct post *post)
{
	switch (post->kind) {
	case POST_JOB:
		take_job(dispatch, container_of(post, struct job, post));
		break;
	case POST_REQUEST:
		take_request(dispatch, container_of(post, struct request, post));
		break;
	case POST_LETTER:
		take_letter(dispatch, container_of(post, struct letter, post));
		break;
	}
}

void
dispatch_collect(struct dispatch *dispatch)
{
	struct post *post = completion_take(&dispatch->completion);

	while (post != NULL) {
		struct post *next = post->next;

		take(dispatch, post);
		post = next;
	}
}

void
dispatch_watch(struct dispatch *dispatch, struct job *job, int64_t limit_ms)
{
	if (job->watched || limit_ms == 0)
		return;
	job->watched = true;
	job->limit_us = limit_ms * 1000;
	job->since_us = job_begun_is_exact(job) ? job_begun_us(job) : clock_monotonic_us();
	TAILQ_INSERT_TAIL(&dispatch->watched, job, watched_entry);
}

void
dispatch_check_watched(struct dispatch *dispatch)
{
	const int64_t now_us = clock_monotonic_us();
	struct job *job, *next;

	TAILQ_FOREACH_SAFE (job, &dispatch->watched, watched_entry, next) {
		if (now_us - job->since_us < job->limit_us)
			continue;
		unwatch(dispatch, job);
		if (pool_give_up(&dispatch->pool, job))
			log_warn("a handler hangs", log_str("service", job->service->config->name),
				log_id("connection", job->connection),
				log_uint("lost", pool_lost(&dispatch->pool)));
	}
}

static void
free_list(struct request_list *list)
{
	struct request *request;

	while ((request = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, request, entry);
		free(request);
	}
}

void
dispatch_close(struct dispatch *dispatch)
{
	struct request *request;
	struct job *job;

	while ((request = kept_take_unanswered(&dispatch->kept)) != NULL)
		dispatch_free_request(dispatch, request);
	free_list(&dispatch->spare);
	while ((job = TAILQ_FIRST(&dispatch->spare_jobs)) != NULL) {
		TAILQ_REMOVE(&dispatch->spare_jobs, job, entry);
		free(job);
	}
}
