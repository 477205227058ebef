#include <config.h>

#include "admin/exporter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "admin/otlp.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"

enum {
	QUEUE_MAX = 4096,       /* records */
	BATCH_MAX = 512,        /* of them in one request */
	GATHER_MS = 1000,       /* for a batch to fill */
	EXCHANGE_MS = 10000,    /* for a request and its answer, whole */
	FINISH_MS = 1000,       /* for all that is left at the end */
	BACKOFF_MS = 1000,      /* doubled with each try */
	TRIES_MAX = 5,          /* of one batch */
	HEADERS_MAX = 8192,     /* bytes of an answer's */
	ANSWER_MAX = 64 * 1024, /* bytes of an answer */
	BODY_ROOM = OTLP_HEAD_MAX + BATCH_MAX * OTLP_RECORD_MAX,
};

enum exporter_state {
	EXPORTER_IDLE,
	EXPORTER_SENDING,
	EXPORTER_WAITING,
};

/* What an answer makes of a batch. */
enum verdict {
	VERDICT_TAKEN,
	VERDICT_AGAIN,
	VERDICT_REFUSED,
};

struct exporter {
	struct loop *loop;
	const struct exporter_ops *ops;
	void *arg;
	char *url; /* what `endpoint` borrows */
	struct endpoint endpoint;
	enum exporter_state state;
	struct event *timer;  /* IDLE: until the batch is due; SENDING: too late; WAITING: again */
	struct event *settle; /* an answer is there, and its connection can be freed */
	struct event *end;    /* finishing takes too long */
	struct event *tick;   /* counts are told */
	struct evhttp_connection *connection; /* SENDING */
	enum verdict verdict;                 /* `settle` */
	int status;                           /* of the answer, for the log; 0: there was none */
	uint64_t rejected;                    /* spans, of a batch that was taken */
	unsigned tries;
	bool failing; /* and the log says so */
	bool finishing;
	struct exporter_counts counts;
	size_t first, count, batch; /* of the queue, and how much of it is in the batch */
	struct otlp_item queue[QUEUE_MAX];
	uint8_t body[BODY_ROOM];
};

static void begin(struct exporter *exporter);

static const struct otlp_item *
item_at(const struct exporter *exporter, size_t index)
{
	return &exporter->queue[(exporter->first + index) % QUEUE_MAX];
}

static uint32_t
spans_in_batch(const struct exporter *exporter)
{
	uint32_t spans = 0;

	for (size_t i = 0; i < exporter->batch; i++)
		spans += span_record_spans(&item_at(exporter, i)->record);
	return spans;
}

static void
tell(struct exporter *exporter)
{
	static const struct exporter_counts none;

	if (memcmp(&exporter->counts, &none, sizeof(none)) != 0 &&
		exporter->ops->counted(exporter->arg, &exporter->counts))
		exporter->counts = none;
}

static void
finished(struct exporter *exporter)
{
	tell(exporter);
	event_del(exporter->end);
	event_del(exporter->timer);
	exporter->finishing = false;
	exporter->ops->finished(exporter->arg);
}

/* The batch is done with. Goes on with the next one once that is due. */
static void
leave_batch(struct exporter *exporter)
{
	exporter->first = (exporter->first + exporter->batch) % QUEUE_MAX;
	exporter->count -= exporter->batch;
	exporter->batch = 0;
	exporter->tries = 0;
	exporter->state = EXPORTER_IDLE;
	if (exporter->finishing && exporter->count == 0)
		finished(exporter);
	else if (exporter->finishing || exporter->count >= BATCH_MAX)
		begin(exporter);
	else if (exporter->count > 0)
		loop_start_timer(exporter->timer, GATHER_MS);
}

static void
say_failing(struct exporter *exporter)
{
	if (exporter->failing)
		return;
	exporter->failing = true;
	if (exporter->status != 0)
		log_warn("traces cannot be exported", log_str("endpoint", exporter->url),
			log_int("status", exporter->status));
	else
		log_warn("traces cannot be exported", log_str("endpoint", exporter->url),
			log_str("reason", "nobody answers there, or not in time"));
}

static void
drop_batch(struct exporter *exporter, enum segment_spans reason)
{
	say_failing(exporter);
	exporter->counts.dropped[reason] += spans_in_batch(exporter);
	leave_batch(exporter);
}

static void
batch_taken(struct exporter *exporter)
{
	const uint32_t spans = spans_in_batch(exporter);
	const uint32_t rejected = (uint32_t)MIN(exporter->rejected, spans);

	if (exporter->failing)
		log_info("traces are exported again", log_str("endpoint", exporter->url));
	exporter->failing = false;
	exporter->counts.exported += spans - rejected;
	exporter->counts.dropped[SPANS_REJECTED] += rejected;
	leave_batch(exporter);
}

/* One that may be taken later waits for that, the longer the more often it was tried. */
static void
try_again(struct exporter *exporter)
{
	if (exporter->finishing || exporter->tries == TRIES_MAX) {
		drop_batch(exporter, SPANS_UNREACHABLE);
		return;
	}
	say_failing(exporter);
	exporter->state = EXPORTER_WAITING;
	loop_start_timer(exporter->timer, BACKOFF_MS << (exporter->tries - 1));
}

static void
disconnect(struct exporter *exporter)
{
	if (exporter->connection != NULL)
		evhttp_connection_free(exporter->connection);
	exporter->connection = NULL;
}

static void
on_settle(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct exporter *exporter = arg;

	event_del(exporter->timer);
	disconnect(exporter);
	switch (exporter->verdict) {
	case VERDICT_TAKEN:
		batch_taken(exporter);
		break;
	case VERDICT_AGAIN:
		try_again(exporter);
		break;
	case VERDICT_REFUSED:
		drop_batch(exporter, SPANS_REJECTED);
		break;
	}
}

/* What OTLP says of HTTP's answers. */
static enum verdict
verdict_of(int status)
{
	if (status >= 200 && status < 300)
		return VERDICT_TAKEN;
	if (status == 0 || status == 429 || status == 502 || status == 503 || status == 504)
		return VERDICT_AGAIN;
	return VERDICT_REFUSED;
}

/* Without an answer there is no request, or one without a status. */
static void
on_answer(struct evhttp_request *request, void *arg)
{
	struct exporter *exporter = arg;
	struct evbuffer *body;

	exporter->status = request != NULL ? evhttp_request_get_response_code(request) : 0;
	exporter->verdict = verdict_of(exporter->status);
	exporter->rejected = 0;
	if (exporter->verdict == VERDICT_TAKEN) {
		body = evhttp_request_get_input_buffer(request);
		exporter->rejected =
			otlp_rejected(evbuffer_pullup(body, -1), evbuffer_get_length(body));
	}
	event_active(exporter->settle, EV_TIMEOUT, 0);
}

static struct evhttp_request *
make_request(struct exporter *exporter)
{
	const struct otlp_item *items[BATCH_MAX];
	struct evhttp_request *request = evhttp_request_new(on_answer, exporter);
	struct evkeyvalq *headers;
	size_t size;

	if (request == NULL)
		return NULL;
	for (size_t i = 0; i < exporter->batch; i++)
		items[i] = item_at(exporter, i);
	size = otlp_write(items, exporter->batch, exporter->body, sizeof(exporter->body));
	headers = evhttp_request_get_output_headers(request);
	if (size > 0 && evhttp_add_header(headers, "Host", exporter->endpoint.authority) == 0 &&
		evhttp_add_header(headers, "User-Agent", PACKAGE_NAME "/" PACKAGE_VERSION) == 0 &&
		evhttp_add_header(headers, "Content-Type", "application/x-protobuf") == 0 &&
		evhttp_add_header(headers, "Connection", "close") == 0 &&
		evbuffer_add(evhttp_request_get_output_buffer(request), exporter->body, size) == 0)
		return request;
	evhttp_request_free(request);
	return NULL;
}

static int
connect_to(struct exporter *exporter)
{
	const struct endpoint *endpoint = &exporter->endpoint;

	exporter->connection = evhttp_connection_base_new(
		exporter->loop->base, NULL, endpoint->host, endpoint->port);
	if (exporter->connection == NULL)
		return -1;
	evhttp_connection_set_max_headers_size(exporter->connection, HEADERS_MAX);
	evhttp_connection_set_max_body_size(exporter->connection, ANSWER_MAX);
	evhttp_connection_set_retries(exporter->connection, 0);
	return 0;
}

/* A connection a batch: what is wrong with one is over with it. */
static void
send_batch(struct exporter *exporter)
{
	struct evhttp_request *request = make_request(exporter);

	exporter->state = EXPORTER_SENDING;
	exporter->status = 0;
	exporter->tries++;
	loop_start_timer(exporter->timer, EXCHANGE_MS);
	if (request != NULL && connect_to(exporter) == 0) {
		if (evhttp_make_request(exporter->connection, request, EVHTTP_REQ_POST,
			    exporter->endpoint.path) == 0)
			return;
	} else if (request != NULL) {
		evhttp_request_free(request);
	}
	exporter->verdict = VERDICT_AGAIN;
	event_active(exporter->settle, EV_TIMEOUT, 0);
}

static void
begin(struct exporter *exporter)
{
	exporter->batch = MIN(exporter->count, BATCH_MAX);
	send_batch(exporter);
}

static void
on_timer(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct exporter *exporter = arg;

	switch (exporter->state) {
	case EXPORTER_IDLE:
		begin(exporter);
		break;
	case EXPORTER_SENDING:
		event_del(exporter->settle);
		disconnect(exporter);
		try_again(exporter);
		break;
	case EXPORTER_WAITING:
		send_batch(exporter);
		break;
	}
}

static void
on_tick(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	tell(arg);
}

/* What has not gone out by now never will. */
static void
on_end(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct exporter *exporter = arg;

	disconnect(exporter);
	event_del(exporter->settle);
	exporter->batch = exporter->count;
	drop_batch(exporter, SPANS_UNREACHABLE);
}

struct exporter *
exporter_open(struct loop *loop, const char *endpoint, const struct exporter_ops *ops, void *arg,
	struct error *error)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	const struct timeval second = { .tv_sec = 1 };

	if (exporter == NULL) {
		error_errno(error, "cannot export traces");
		return NULL;
	}
	exporter->loop = loop;
	exporter->ops = ops;
	exporter->arg = arg;
	exporter->url = strdup(endpoint);
	exporter->timer = evtimer_new(loop->base, on_timer, exporter);
	exporter->settle = evtimer_new(loop->base, on_settle, exporter);
	exporter->end = evtimer_new(loop->base, on_end, exporter);
	exporter->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, exporter);
	if (exporter->url == NULL || exporter->timer == NULL || exporter->settle == NULL ||
		exporter->end == NULL || exporter->tick == NULL ||
		event_add(exporter->tick, &second) != 0)
		error_errno(error, "cannot export traces");
	else if (endpoint_parse(&exporter->endpoint, exporter->url, error) == 0)
		return exporter;
	exporter_close(&exporter);
	return NULL;
}

static void
free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void
exporter_close(struct exporter **exporter)
{
	struct exporter *old = *exporter;

	if (old == NULL)
		return;
	disconnect(old);
	free_event(old->timer);
	free_event(old->settle);
	free_event(old->end);
	free_event(old->tick);
	free(old->url);
	free(old);
	*exporter = NULL;
}

void
exporter_add(struct exporter *exporter, const struct span_record *record)
{
	struct otlp_item *item;

	if (exporter->count == QUEUE_MAX) {
		exporter->counts.dropped[SPANS_QUEUE] += span_record_spans(record);
		return;
	}
	item = &exporter->queue[(exporter->first + exporter->count++) % QUEUE_MAX];
	item->record = *record;
	item->epoch_ns = clock_ns(CLOCK_REALTIME) - clock_monotonic_ns();
	if (exporter->state != EXPORTER_IDLE)
		return;
	if (exporter->count >= BATCH_MAX)
		begin(exporter);
	else if (exporter->count == 1)
		loop_start_timer(exporter->timer, GATHER_MS);
}

void
exporter_add_malformed(struct exporter *exporter)
{
	exporter->counts.dropped[SPANS_MALFORMED]++;
}

void
exporter_finish(struct exporter *exporter)
{
	exporter->finishing = true;
	loop_start_timer(exporter->end, FINISH_MS);
	if (exporter->count == 0)
		finished(exporter);
	else if (exporter->state == EXPORTER_IDLE)
		begin(exporter);
	else if (exporter->state == EXPORTER_WAITING)
		send_batch(exporter);
}
