#include <config.h>

#include "admin/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "admin/clients.h"
#include "admin/page.h"
#include "admin/rest.h"
#include "metrics/prometheus.h"
#include "metrics/status.h"

enum {
	HEADERS_MAX = 8192, /* bytes of a request's */
	BODY_MAX = 1024,    /* nothing here wants one */
	TIMEOUT_S = 10,     /* in which nothing comes, or can be sent */
	OK = 200,
	NOT_FOUND = 404,
	ERROR = 500,
	UNAVAILABLE = 503,
};

struct http {
	struct evhttp *server;
	struct clients clients;
	const struct segment *segment;
};

/*
 * Answers with BODY, which it takes, and nothing more on that connection: what a client sends ahead
 * of its replies is not kept. NULL: there is no memory for it.
 */
static void
answer_body(struct evhttp_request *request, int status, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	if (body == NULL) {
		evhttp_send_error(request, ERROR, NULL);
		return;
	}
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_send_reply(request, status, NULL, body);
	evbuffer_free(body);
}

/* The body, or NULL if FAILED. */
static struct evbuffer *
body_unless(bool failed, struct evbuffer *body)
{
	if (!failed)
		return body;
	if (body != NULL)
		evbuffer_free(body);
	return NULL;
}

static void
answer(struct evhttp_request *request, int status, const char *type, const char *text, size_t size)
{
	struct evbuffer *body = evbuffer_new();
	const bool failed = body == NULL || evbuffer_add(body, text, size) != 0;

	answer_body(request, status, type, body_unless(failed, body));
}

static void
answer_line(struct evhttp_request *request, int status, const char *line)
{
	answer(request, status, "text/plain; charset=utf-8", line, strlen(line));
}

/* Answers with what PRINT writes. */
static void
answer_printed(struct evhttp_request *request, const char *type, const struct segment *segment,
	void (*print)(const struct segment *segment, FILE *out))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out != NULL)
		print(segment, out);
	if (out == NULL || fclose(out) != 0)
		evhttp_send_error(request, ERROR, NULL);
	else
		answer(request, OK, type, text, size);
	free(text);
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	const struct http *http = arg;

	answer_printed(request, PROMETHEUS_TYPE, http->segment, prometheus_print);
}

static void
on_status(struct evhttp_request *request, void *arg)
{
	const struct http *http = arg;

	answer_printed(request, "application/json", http->segment, status_print);
}

static void
on_page(struct evhttp_request *request, void *arg PF_UNUSED)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	char policy[PAGE_POLICY_SIZE];
	const bool failed = body == NULL || page_add(body, policy) != 0;

	if (!failed) {
		evhttp_add_header(headers, "Content-Security-Policy", policy);
		evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
		evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	}
	answer_body(request, OK, "text/html; charset=utf-8", body_unless(failed, body));
}

/* The process answers; that is all it takes to be alive. */
static void
on_livez(struct evhttp_request *request, void *arg PF_UNUSED)
{
	answer_line(request, OK, "alive\n");
}

static void
on_readyz(struct evhttp_request *request, void *arg)
{
	const struct http *http = arg;
	const char *why = status_why_not_ready(http->segment);

	if (why == NULL)
		answer_line(request, OK, "ready\n");
	else
		answer_line(request, UNAVAILABLE, why);
}

static void
on_other(struct evhttp_request *request, void *arg PF_UNUSED)
{
	answer_line(request, NOT_FOUND, "expected /, /metrics, /livez, /readyz or /status\n");
}

static struct bufferevent *
on_client(struct event_base *base, void *arg)
{
	struct http *http = arg;

	return clients_add(&http->clients, base);
}

static int
listen_on(struct evhttp *server, int fd)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(server, fd);

	if (bound == NULL)
		return -1;
	rest_on_error(evhttp_bound_socket_get_listener(bound));
	return 0;
}

static int
set_up(struct http *http, const struct inheritance *inheritance)
{
	struct evhttp *server = http->server;

	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(server, HEADERS_MAX);
	evhttp_set_max_body_size(server, BODY_MAX);
	evhttp_set_timeout(server, TIMEOUT_S);
	evhttp_set_bevcb(server, on_client, http);
	evhttp_set_gencb(server, on_other, http);
	if (evhttp_set_cb(server, "/", on_page, http) != 0 ||
		evhttp_set_cb(server, "/metrics", on_metrics, http) != 0 ||
		evhttp_set_cb(server, "/status", on_status, http) != 0 ||
		evhttp_set_cb(server, "/livez", on_livez, http) != 0 ||
		evhttp_set_cb(server, "/readyz", on_readyz, http) != 0)
		return -1;
	for (size_t i = 0; i < inheritance->listener_count; i++) {
		const struct inherited_listener *listener = &inheritance->listeners[i];

		if (listener->service == CONFIG_ADMIN_HTTP && listen_on(server, listener->fd) != 0)
			return -1;
	}
	return 0;
}

struct http *
http_open(struct loop *loop, const struct inheritance *inheritance, struct error *error)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http != NULL) {
		http->segment = inheritance->segment;
		http->server = evhttp_new(loop->base);
		if (clients_open(&http->clients, loop->base) == 0 && http->server != NULL &&
			set_up(http, inheritance) == 0)
			return http;
	}
	error_errno(error, "cannot set up HTTP");
	http_close(&http);
	return NULL;
}

void
http_close(struct http **http)
{
	if (*http == NULL)
		return;
	if ((*http)->server != NULL)
		evhttp_free((*http)->server);
	clients_close(&(*http)->clients);
	free(*http);
	*http = NULL;
}
