#include <config.h>

#include "tools/bench/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tools/bench/client.h"

enum {
	READ_SIZE = 256 * 1024,
	EVENTS = 256,  /* of one wake */
	SETUP_MS = 1,  /* between looks whether the run has begun */
	CHECK_MS = 50, /* between looks at all connections, and whether the run is to stop */
};

struct worker {
	struct context context;
	struct board *board;
	unsigned number;
	struct client *clients; /* those that send, active of them, then those that idle */
	size_t client_count;
	size_t active;
	uint64_t due_round;     /* open loop: the next request to be due is this one */
	size_t due_client;      /* of this client */
	struct flight *flights; /* of all clients */
	int64_t checked_ns;     /* when all connections were looked at */
	int64_t window_ns;      /* when the window is to begin */
	int64_t cpu_ns;         /* of this thread, when the window began */
	uint64_t share;         /* requests to be finished, or 0 */
	bool measuring;
};

static size_t
buffer_size(const struct plan *plan)
{
	const struct wire *wire = plan->rules.wire;

	/* What is held is the start of a length, or a line without its end. */
	if (wire->codec == wire_codec_of(WIRE_LINE))
		return READ_SIZE + wire->max_message + WIRE_FIELD_MAX;
	return READ_SIZE + wire->length_offset + WIRE_FIELD_MAX;
}

static void
set_up_client(struct worker *worker, size_t index, uint64_t number, bool idle)
{
	const struct plan *plan = worker->context.plan;
	struct client *client = &worker->clients[index];

	client->fd = -1;
	client->idle = idle;
	client->number = number;
	client->address = &plan->addresses[number % plan->options->address_count];
	client->source =
		plan->source_count > 0 ? &plan->sources[number % plan->source_count] : NULL;
	client->flights.limit = plan->pipeline;
	if (!idle)
		client->flights.ring = worker->flights + index * plan->pipeline;
}

/* Returns 0, or -1 with errno. */
static int
set_up_clients(struct worker *worker)
{
	const struct plan *plan = worker->context.plan;
	const struct options *options = plan->options;
	size_t active = plan_share(plan, options->connections, worker->number);
	size_t idle = plan_share(plan, options->idle, worker->number);
	uint64_t first = plan_before(plan, options->connections, worker->number);
	uint64_t first_idle = plan_before(plan, options->idle, worker->number);

	worker->active = active;
	worker->client_count = active + idle;
	worker->clients = calloc(active + idle + 1, sizeof(worker->clients[0]));
	worker->flights = calloc(active * plan->pipeline + 1, sizeof(worker->flights[0]));
	if (worker->clients == NULL || worker->flights == NULL)
		return -1;
	for (size_t i = 0; i < active; i++)
		set_up_client(worker, i, first + i, false);
	for (size_t i = 0; i < idle; i++)
		set_up_client(worker, active + i, first_idle + i, true);
	return 0;
}

static int
set_up(struct worker *worker)
{
	struct context *context = &worker->context;

	context->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	context->buffer_size = buffer_size(context->plan);
	context->buffer = malloc(context->buffer_size);
	if (context->epoll_fd < 0 || context->buffer == NULL)
		return -1;
	return set_up_clients(worker);
}

struct worker *
worker_open(const struct plan *plan, struct board *board, unsigned number, struct error *error)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker != NULL) {
		worker->board = board;
		worker->number = number;
		worker->share = plan_requests(plan, number);
		worker->context = (struct context){
			.plan = plan,
			.tally = &board->tallies[number],
			.epoll_fd = -1,
			.from_ns = INT64_MAX,
			.until_ns = INT64_MAX,
			.budget = INT64_MAX,
		};
	}
	if (worker == NULL || set_up(worker) != 0) {
		error_errno(error, "cannot set up the connections");
		worker_close(&worker);
	}
	return worker;
}

static bool
all_attempted(const struct worker *worker)
{
	for (size_t i = 0; i < worker->client_count; i++)
		if (!worker->clients[i].attempted)
			return false;
	return true;
}

/* All that may be sent is. */
static void
send_all(struct worker *worker, int64_t now_ns)
{
	for (size_t i = 0; i < worker->active; i++)
		client_send(&worker->clients[i], &worker->context, now_ns);
}

/* The window begins: of a number of requests, those in flight are the first. */
static void
begin_window(struct worker *worker, int64_t now_ns)
{
	struct context *context = &worker->context;

	worker->measuring = true;
	worker->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	context->from_ns = context->plan->options->requests > 0 ? now_ns : worker->window_ns;
	context->tally->from_ns = context->from_ns;
	if (context->plan->options->requests == 0)
		return;
	context->finished = 0;
	context->budget = (int64_t)worker->share - (int64_t)context->in_flight;
	send_all(worker, now_ns);
}

/* The run begins. */
static void
begin(struct worker *worker, int64_t begin_ns, int64_t now_ns)
{
	const struct options *options = worker->context.plan->options;
	struct context *context = &worker->context;

	context->running = true;
	context->begin_ns = begin_ns;
	worker->window_ns = begin_ns + options->warmup_ms * CLOCK_NS_PER_MS;
	if (options->requests == 0)
		context->until_ns = worker->window_ns + options->duration_ms * CLOCK_NS_PER_MS;
	if (options->warmup_ms == 0)
		begin_window(worker, now_ns);
	send_all(worker, now_ns);
}

/* When the next request is due; never in a closed loop. */
static int64_t
next_due_ns(const struct worker *worker)
{
	const struct context *context = &worker->context;

	if (!context_is_open_loop(context) || !context->running || worker->active == 0)
		return INT64_MAX;
	return context_due_ns(
		context, worker->due_round, worker->clients[worker->due_client].number);
}

/* What is due by NOW_NS is sent, unless the run is ending. */
static void
send_due(struct worker *worker, int64_t now_ns)
{
	while (next_due_ns(worker) <= now_ns) {
		client_make_due(&worker->clients[worker->due_client], &worker->context, now_ns);
		if (++worker->due_client == worker->active) {
			worker->due_client = 0;
			worker->due_round++;
		}
	}
}

static bool
is_over(const struct worker *worker, int64_t now_ns)
{
	const struct context *context = &worker->context;

	if (worker->board->stop)
		return true;
	if (!context->running)
		return false;
	if (context->plan->options->requests > 0)
		return worker->measuring && context->finished >= worker->share;
	return now_ns >= context->until_ns;
}

/* Now and then: what has not come, and what is to be opened once more. */
static void
check_clients(struct worker *worker, int64_t now_ns)
{
	if (now_ns - worker->checked_ns < (int64_t)CHECK_MS * CLOCK_NS_PER_MS)
		return;
	worker->checked_ns = now_ns;
	for (size_t i = 0; i < worker->client_count; i++) {
		struct client *client = &worker->clients[i];

		client_expire(client, &worker->context, now_ns);
		if (client_is_wanted(client, &worker->context))
			client_connect(client, &worker->context);
	}
}

/* What comes by time. */
static void
advance(struct worker *worker, int64_t now_ns)
{
	struct context *context = &worker->context;
	int64_t begin_ns = worker->board->begin_ns;

	if (!context->tally->ready && all_attempted(worker))
		board_ready(worker->board, context->tally);
	if (!context->running && begin_ns != 0)
		begin(worker, begin_ns, now_ns);
	if (context->running && !worker->measuring && now_ns >= worker->window_ns)
		begin_window(worker, now_ns);
	if (!context->ending)
		send_due(worker, now_ns);
	check_clients(worker, now_ns);
}

/* Nanoseconds up to the next thing that comes by time. */
static int64_t
time_to_wait(const struct worker *worker, int64_t now_ns)
{
	const struct context *context = &worker->context;
	int64_t next_ns = worker->checked_ns + CHECK_MS * CLOCK_NS_PER_MS;

	if (!context->running)
		return SETUP_MS * CLOCK_NS_PER_MS;
	if (context->ending)
		return MAX(next_ns - now_ns, 0);
	if (!worker->measuring)
		next_ns = MIN(next_ns, worker->window_ns);
	next_ns = MIN(next_ns, context->until_ns);
	next_ns = MIN(next_ns, next_due_ns(worker));
	return MAX(next_ns - now_ns, 0);
}

static void
wait_for_events(struct worker *worker, int64_t now_ns)
{
	int64_t wait_ns = time_to_wait(worker, now_ns);
	struct timespec timeout = { wait_ns / (1000 * CLOCK_NS_PER_MS),
		wait_ns % (1000 * CLOCK_NS_PER_MS) };
	struct epoll_event events[EVENTS];
	int count = epoll_pwait2(worker->context.epoll_fd, events, EVENTS, &timeout, NULL);

	for (int i = 0; i < count; i++)
		client_event(events[i].data.ptr, &worker->context, events[i].events);
}

/* The window has ended. */
static void
end_window(struct worker *worker, int64_t now_ns)
{
	struct context *context = &worker->context;

	context->ending = true;
	context->until_ns = MIN(now_ns, context->until_ns);
	context->tally->end_ns = context->until_ns;
	if (worker->measuring)
		context->tally->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - worker->cpu_ns;
	/* What became due since the last look is too late to be sent. */
	send_due(worker, context->until_ns - 1);
	for (size_t i = 0; context->budget > 0 && i < worker->active; i++)
		context->tally->unsent += worker->clients[i].due - worker->clients[i].begun;
}

/* Waits for replies to what was sent at its time, and counts how late they are. */
static void
await_late(struct worker *worker, int64_t now_ns)
{
	struct context *context = &worker->context;
	int64_t end_ns = now_ns + context->plan->options->timeout_ms * CLOCK_NS_PER_MS;

	while (context->in_flight > 0 && now_ns < end_ns && !worker->board->stop) {
		wait_for_events(worker, now_ns);
		now_ns = clock_monotonic_ns();
		check_clients(worker, now_ns);
	}
}

void
worker_run(struct worker *worker)
{
	int64_t now_ns = clock_monotonic_ns();

	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* nanoseconds, not 50 microseconds */
	worker->checked_ns = now_ns;
	for (size_t i = 0; i < worker->client_count; i++)
		client_connect(&worker->clients[i], &worker->context);
	while (!is_over(worker, now_ns)) {
		advance(worker, now_ns);
		wait_for_events(worker, now_ns);
		now_ns = clock_monotonic_ns();
	}
	end_window(worker, now_ns);
	if (context_is_open_loop(&worker->context))
		await_late(worker, now_ns);
}

void
worker_close(struct worker **worker)
{
	struct worker *closed = *worker;

	*worker = NULL;
	if (closed == NULL)
		return;
	for (size_t i = 0; closed->clients != NULL && i < closed->client_count; i++)
		client_destroy(&closed->clients[i]);
	free(closed->clients);
	free(closed->flights);
	free(closed->context.buffer);
	fd_close(&closed->context.epoll_fd);
	free(closed);
}
