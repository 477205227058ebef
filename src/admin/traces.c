#include <config.h>

#include "admin/traces.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "admin/exporter.h"
#include "base/log.h"
#include "dispatch/request_result.h"

enum {
	TURN_MAX = 64,      /* datagrams in one turn of the loop */
	FINISH_MAX = 10000, /* at the end: more than the socket holds */
};

struct traces {
	struct loop *loop;
	struct exporter *exporter;
	struct event *readable;
	const struct channel *channel;
	void (*finished)(void *arg);
	void *arg;
	int fd; /* borrowed */
};

static bool
on_counted(void *arg, const struct exporter_counts *counts)
{
	const struct traces *traces = arg;
	struct message message = { .type = MESSAGE_SPANS };

	message.spans.exported = counts->exported;
	memcpy(message.spans.dropped, counts->dropped, sizeof(message.spans.dropped));
	return channel_send(traces->channel, &message) == 0;
}

static void
on_finished(void *arg)
{
	const struct traces *traces = arg;

	traces->finished(traces->arg);
}

static const struct exporter_ops exporter_ops = {
	.counted = on_counted,
	.finished = on_finished,
};

static void
take(struct traces *traces, const struct span_record *record)
{
	if (span_record_is_sane(record, REQUEST_RESULT__COUNT))
		exporter_add(traces->exporter, record);
	else
		exporter_add_malformed(traces->exporter);
}

/* A worker that was broken into can end what all share; else it ends with the master. */
static bool
is_over(const struct traces *traces)
{
	struct pollfd state = { .fd = traces->fd, .events = POLLRDHUP };

	return poll(&state, 1, 0) > 0;
}

static void
give_up(struct traces *traces)
{
	log_warn("no traces come any more: their channel has ended");
	event_del(traces->readable);
}

/* A datagram is some whole records. Returns whether there was one. */
static bool
receive(struct traces *traces)
{
	struct span_record records[SPAN_RECORDS_MAX];
	const ssize_t got = recv(traces->fd, records, sizeof(records), MSG_DONTWAIT | MSG_TRUNC);

	if (got < 0)
		return errno == EINTR;
	if (got == 0 && is_over(traces)) {
		give_up(traces);
		return false;
	}
	if (got == 0 || (size_t)got > sizeof(records) || (size_t)got % sizeof(records[0]) != 0) {
		exporter_add_malformed(traces->exporter);
		return true;
	}
	for (size_t i = 0; i < (size_t)got / sizeof(records[0]); i++)
		take(traces, &records[i]);
	return true;
}

static void
on_readable(evutil_socket_t fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	for (unsigned i = 0; i < TURN_MAX && receive(arg); i++)
		continue;
}

struct traces *
traces_open(struct loop *loop, const struct inheritance *inheritance, const struct channel *channel,
	void (*finished)(void *arg), void *arg, struct error *error)
{
	struct traces *traces = calloc(1, sizeof(*traces));

	if (traces == NULL) {
		error_errno(error, "cannot export traces");
		return NULL;
	}
	*traces = (struct traces){
		.loop = loop,
		.channel = channel,
		.finished = finished,
		.arg = arg,
		.fd = inheritance->traces,
	};
	traces->exporter = exporter_open(
		loop, inheritance->config->traces_endpoint, &exporter_ops, traces, error);
	if (traces->exporter != NULL) {
		traces->readable = event_new(
			loop->base, traces->fd, EV_READ | EV_PERSIST, on_readable, traces);
		if (traces->readable != NULL && event_add(traces->readable, NULL) == 0)
			return traces;
		error_set(error, "cannot watch for traces");
	}
	traces_close(&traces);
	return NULL;
}

void
traces_close(struct traces **traces)
{
	struct traces *old = *traces;

	if (old == NULL)
		return;
	if (old->readable != NULL)
		event_free(old->readable);
	exporter_close(&old->exporter);
	free(old);
	*traces = NULL;
}

void
traces_finish(struct traces *traces)
{
	event_del(traces->readable);
	for (unsigned i = 0; i < FINISH_MAX && receive(traces); i++)
		continue;
	exporter_finish(traces->exporter);
}
