/*
 * A module for tests of the pool: does what a message says, where it says, and keeps watch over the
 * promises of <prefork/module.h> while it does.
 *
 * A message is "WHERE-AND-ID COMMAND ARGUMENT...". It begins with the letter of its place: i for
 * inline, h, n and l for the pool with that priority, another for the service's. What stands before
 * the first blank names the request in replies: "p17 sleep 100" is answered with itself after 100
 * microseconds, "p18 get" with "p18 VALUE".
 *
 * Answered with the message itself (what is no command too):
 *	sleep US         once it has slept
 *	hold             once somebody has said `release`
 *	release, shut    opens that gate, closes it again
 *	mark LETTER US   and the letter is noted; it sleeps so long, if that is said
 *	set VALUE        for the connection
 *	log TEXT         and the server's log has TEXT; lognote TEXT the same by log_service
 *	keep US          by a thread of the module's own, so much later; keepbye also closes
 *	park             by that thread once somebody has said `unpark`
 *	waste SIZE       so much memory is reserved and not used
 *	push COUNT       and that thread sends "push 1", "push 2" ...
 *	idle MS          set_idle_timeout
 *	bye              and the connection is closed
 * Answered with a value:
 *	get, most, place, deadline, id, number
 *	held             how many handlers wait for the gate
 *	running          how many handlers run besides
 *	build SIZE       so many letters, from reserved memory
 *	twice, last      "first"; what the second reply of the last `twice` returned
 *	order, routed    all letters marked; how many messages have been routed to the pool
 *	send ID TEXT, close ID, quiet ID MS, flood ID COUNT SIZE    what the function returned
 *	answered         what `keep` returned for a request that had its reply
 * Not answered:
 *	silent; drop US, in that time; forget, kept for ever; hang, the thread never comes back
 *
 * Where there is no memory for an answer, the connection is closed.
 *
 * With STARTED_FAILS, `started` does. FLAGS, ROUTE and NOTICE are members of pf_module.
 *
 * A worker ends by abort() if two callbacks of a connection run at once that must not.
 */
#define _GNU_SOURCE
#include <prefork/module.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef FLAGS
#define FLAGS PF_MODULE_THREADS
#endif
#ifndef ROUTE
#define ROUTE route
#endif
#ifndef NOTICE
#define NOTICE notice
#endif

/* What the module's thread is to do. */
struct task {
	struct task *next;
	int64_t due_us; /* INT64_MAX: not before somebody says `unpark` */
	enum { TASK_REPLY, TASK_DROP, TASK_PUSH } action;
	struct pf_request *request;
	uint64_t connection;
	char name[32];
	int count;
};

struct work_options {
	bool greet;      /* sends "welcome" when a client comes */
	bool mute;       /* has no notices */
	int64_t padding; /* bytes that a busy or timeout reply has at least: blanks */
};

/* A service's state. */
struct work {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct task *tasks;
	bool ends;
};

/* A connection's. */
struct talk {
	atomic_int running, most, value, last;
};

struct call {
	struct pf_request *request;
	struct pf_service *service;
	struct talk *talk;
	char name[32], command[32], argument[192];
};

static const struct pf_api *api;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int waiting;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };

static struct {
	pthread_mutex_t lock;
	size_t count;
	char letters[1 << 14];
} marks = { PTHREAD_MUTEX_INITIALIZER, 0, { 0 } };

static atomic_uint routed_count;
static atomic_int running_count; /* handlers of all connections */

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
sleep_us(int64_t us)
{
	struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&pause, NULL);
}

/* What a reply returned stands in the log if it is not PF_OK. */
static enum pf_verdict
note(const struct call *call, int result)
{
	if (result != PF_OK)
		api->log(call->request, PF_LOG_INFO, "reply to %s gave %d", call->name, result);
	return result == PF_E_MEMORY ? PF_CLOSE : PF_CONTINUE;
}

static enum pf_verdict
answer(const struct call *call, const char *format, ...)
{
	char text[512];
	struct pf_span part = { text, 0 };
	va_list args;
	int head = snprintf(text, sizeof(text), "%s ", call->name);

	va_start(args, format);
	part.size = (size_t)(head + vsnprintf(text + head, sizeof(text) - 64, format, args));
	va_end(args);
	return note(call, api->reply(call->request, &part, 1));
}

static enum pf_verdict
echo(const struct call *call)
{
	return note(call, api->reply(call->request, &call->request->message, 1));
}

/* The module's own thread */

static void
task_push(struct pf_service *service, const struct task *task)
{
	for (int i = 1; i <= task->count; i++) {
		char text[32];
		struct pf_span part = { text, 0 };

		part.size = (size_t)snprintf(text, sizeof(text), "push %d", i);
		if (api->send(service, task->connection, &part, 1) != PF_OK)
			api->log_service(service, task->connection, PF_LOG_INFO, "push failed");
	}
}

/* The request is still the module's. */
static void
give_up(struct pf_service *service, const struct task *task)
{
	while (api->close(service, task->connection) == PF_E_MEMORY)
		sleep_us(1000);
	api->drop(task->request);
}

static void
task_run(struct pf_service *service, struct task *task)
{
	int result = PF_OK;

	switch (task->action) {
	case TASK_REPLY:
		result = api->reply(task->request, &task->request->message, 1);
		if (result == PF_E_MEMORY)
			give_up(service, task);
		break;
	case TASK_DROP:
		api->drop(task->request);
		break;
	case TASK_PUSH:
		task_push(service, task);
		break;
	}
	if (result != PF_OK)
		api->log_service(service, task->connection, PF_LOG_INFO, "kept reply to %s gave %d",
			task->name, result);
	free(task);
}

/* The task that is due first, NULL if there is none. */
static struct task **
first_task(struct work *work)
{
	struct task **first = &work->tasks;

	for (struct task **at = &work->tasks; *at != NULL; at = &(*at)->next) {
		if ((*at)->due_us < (*first)->due_us)
			first = at;
	}
	return first;
}

/* Waits for a task to be due, and takes it out. NULL: the end. */
static struct task *
next_task(struct work *work)
{
	struct task *task = NULL;

	pthread_mutex_lock(&work->lock);
	while (!work->ends) {
		struct task **first = first_task(work);

		if (*first == NULL || (*first)->due_us == INT64_MAX) {
			pthread_cond_wait(&work->changed, &work->lock);
		} else if ((*first)->due_us <= now_us()) {
			task = *first;
			*first = task->next;
			break;
		} else {
			const struct timespec due = { (*first)->due_us / 1000000,
				(*first)->due_us % 1000000 * 1000 };

			pthread_cond_clockwait(&work->changed, &work->lock, CLOCK_MONOTONIC, &due);
		}
	}
	pthread_mutex_unlock(&work->lock);
	return task;
}

static void *
thread_run(void *arg)
{
	struct pf_service *service = arg;
	struct task *task;

	while ((task = next_task(service->state)) != NULL)
		task_run(service, task);
	return NULL;
}

static void
add_task(struct task *task, const struct call *call, int action, int64_t due_us,
	struct pf_request *request, int count)
{
	struct work *work = call->service->state;

	task->due_us = due_us;
	task->action = action;
	task->request = request;
	task->connection = call->request->connection->id;
	task->count = count;
	strcpy(task->name, call->name);
	pthread_mutex_lock(&work->lock);
	task->next = work->tasks;
	work->tasks = task;
	pthread_cond_signal(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

/* Only memory may be lacking. */
static bool
is_kept(const struct call *call)
{
	const int result = api->keep(call->request);

	if (result != PF_OK && result != PF_E_MEMORY)
		abort();
	return result == PF_OK;
}

static enum pf_verdict
keep(const struct call *call, int action, int64_t due_us, enum pf_verdict verdict)
{
	struct task *task = calloc(1, sizeof(*task));

	if (task == NULL || !is_kept(call)) {
		free(task);
		return PF_CLOSE;
	}
	add_task(task, call, action, due_us, call->request, 0);
	return verdict;
}

static void
unpark(struct work *work)
{
	pthread_mutex_lock(&work->lock);
	for (struct task *task = work->tasks; task != NULL; task = task->next)
		task->due_us = task->due_us == INT64_MAX ? 0 : task->due_us;
	pthread_cond_signal(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

/* Commands */

static enum pf_verdict
do_sleep(const struct call *call)
{
	sleep_us(atoll(call->argument));
	call->request->state = call->talk; /* late or not, the request is its own */
	return echo(call);
}

static enum pf_verdict
do_hold(const struct call *call)
{
	pthread_mutex_lock(&gate.lock);
	gate.waiting++;
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.waiting--;
	pthread_mutex_unlock(&gate.lock);
	return echo(call);
}

static enum pf_verdict
do_gate(const struct call *call)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = strcmp(call->command, "release") == 0;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	return echo(call);
}

/* Without the one that says so. */
static enum pf_verdict
do_running(const struct call *call)
{
	return answer(call, "%d", atomic_load(&running_count) - 1);
}

static enum pf_verdict
do_held(const struct call *call)
{
	int waiting;

	pthread_mutex_lock(&gate.lock);
	waiting = gate.waiting;
	pthread_mutex_unlock(&gate.lock);
	return answer(call, "%d", waiting);
}

static enum pf_verdict
do_hang(const struct call *call)
{
	while (call != NULL)
		pause();
	return PF_CONTINUE;
}

static enum pf_verdict
do_mark(const struct call *call)
{
	pthread_mutex_lock(&marks.lock);
	if (marks.count < sizeof(marks.letters))
		marks.letters[marks.count++] = call->argument[0];
	pthread_mutex_unlock(&marks.lock);
	sleep_us(atoll(call->argument + 1));
	return echo(call);
}

static enum pf_verdict
do_order(const struct call *call)
{
	char head[64], letters[sizeof(marks.letters)];
	struct pf_span parts[] = {
		{ head, (size_t)snprintf(head, sizeof(head), "%s ", call->name) },
		{ letters, 0 },
	};

	pthread_mutex_lock(&marks.lock);
	parts[1].size = marks.count;
	memcpy(letters, marks.letters, marks.count);
	pthread_mutex_unlock(&marks.lock);
	return note(call, api->reply(call->request, parts, 2));
}

static enum pf_verdict
do_routed(const struct call *call)
{
	return answer(call, "%u", atomic_load(&routed_count));
}

static enum pf_verdict
do_set(const struct call *call)
{
	atomic_store(&call->talk->value, atoi(call->argument));
	return echo(call);
}

static enum pf_verdict
do_get(const struct call *call)
{
	return answer(call, "%d", atomic_load(&call->talk->value));
}

static enum pf_verdict
do_most(const struct call *call)
{
	return answer(call, "%d", atomic_load(&call->talk->most));
}

static enum pf_verdict
do_place(const struct call *call)
{
	return answer(call, "%s", gettid() == getpid() ? "inline" : "pool");
}

static enum pf_verdict
do_deadline(const struct call *call)
{
	if (call->request->deadline_ms == 0)
		return answer(call, "none");
	return answer(call, "%" PRId64, call->request->deadline_ms - now_us() / 1000);
}

static enum pf_verdict
do_id(const struct call *call)
{
	return answer(call, "%" PRIu64, call->request->connection->id);
}

static enum pf_verdict
do_number(const struct call *call)
{
	return answer(call, "%" PRIu64, call->request->number);
}

static enum pf_verdict
do_log(const struct call *call)
{
	if (strcmp(call->command, "log") == 0)
		api->log(call->request, PF_LOG_INFO, "%s", call->argument);
	else
		api->log_service(call->service, call->request->connection->id, PF_LOG_WARN, "%s",
			call->argument);
	return echo(call);
}

static enum pf_verdict
do_keep(const struct call *call)
{
	bool closes = strcmp(call->command, "keepbye") == 0;

	return keep(call, TASK_REPLY, now_us() + atoll(call->argument),
		closes ? PF_CLOSE : PF_CONTINUE);
}

static enum pf_verdict
do_park(const struct call *call)
{
	return keep(call, TASK_REPLY, INT64_MAX, PF_CONTINUE);
}

static enum pf_verdict
do_unpark(const struct call *call)
{
	unpark(call->service->state);
	return echo(call);
}

static enum pf_verdict
do_drop(const struct call *call)
{
	return keep(call, TASK_DROP, now_us() + atoll(call->argument), PF_CONTINUE);
}

static enum pf_verdict
do_forget(const struct call *call)
{
	return is_kept(call) ? PF_CONTINUE : PF_CLOSE;
}

/* The upper half of the reply is built before the lower one, and sent behind it. */
static enum pf_verdict
do_build(const struct call *call)
{
	size_t size = strtoul(call->argument, NULL, 10), half = size / 2;
	char *data = api->reserve(call->request, size), head[64];
	struct pf_span parts[3];

	if (data == NULL)
		return PF_CLOSE;
	if ((uintptr_t)data % _Alignof(max_align_t) != 0)
		abort();
	parts[0].data = head;
	parts[0].size = (size_t)snprintf(head, sizeof(head), "%s ", call->name);
	parts[1] = (struct pf_span){ data + (size - half), half };
	parts[2] = (struct pf_span){ data, size - half };
	for (size_t i = 0; i < size; i++)
		data[(i + size - half) % size] = (char)('a' + i % 26);
	return note(call, api->reply(call->request, parts, 3));
}

static enum pf_verdict
do_waste(const struct call *call)
{
	size_t size = strtoul(call->argument, NULL, 10);
	char *data = api->reserve(call->request, size);

	if (data == NULL)
		return PF_CLOSE;
	memset(data, 'w', size);
	return echo(call);
}

static enum pf_verdict
do_twice(const struct call *call)
{
	answer(call, "first");
	atomic_store(&call->talk->last, api->reply(call->request, &call->request->message, 1));
	return PF_CONTINUE;
}

static enum pf_verdict
do_answered(const struct call *call)
{
	int result;

	answer(call, "first");
	result = api->keep(call->request);
	atomic_store(&call->talk->last, result);
	if (result == PF_OK) /* nobody was there to have the answer */
		api->drop(call->request);
	return PF_CONTINUE;
}

static enum pf_verdict
do_last(const struct call *call)
{
	return answer(call, "%d", atomic_load(&call->talk->last));
}

static enum pf_verdict
do_push(const struct call *call)
{
	struct task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		return PF_CLOSE;
	add_task(task, call, TASK_PUSH, 0, NULL, atoi(call->argument));
	return echo(call);
}

static enum pf_verdict
do_send(const struct call *call)
{
	char *text;
	uint64_t id = strtoull(call->argument, &text, 10);
	const struct pf_span part = { text + (*text == ' '), strlen(text + (*text == ' ')) };

	return answer(call, "%d", api->send(call->service, id, &part, 1));
}

/*
 * How a flood of unasked messages ends: what `send` returned at last, "0" if it took all. In the
 * pool, PF_E_FULL is no end, since the loop goes on.
 */
static enum pf_verdict
do_flood(const struct call *call)
{
	uint64_t id;
	size_t count, size;
	int result = PF_OK;
	struct pf_span part;

	if (sscanf(call->argument, "%" SCNu64 " %zu %zu", &id, &count, &size) != 3)
		return PF_CLOSE;
	part = (struct pf_span){ calloc(1, size), size };
	while (count > 0 && (result == PF_OK || (result == PF_E_FULL && gettid() != getpid()))) {
		result = api->send(call->service, id, &part, 1);
		if (result == PF_OK)
			count--;
		else
			sleep_us(1000);
	}
	free((void *)part.data);
	return answer(call, "%d", result);
}

static enum pf_verdict
do_close(const struct call *call)
{
	return answer(call, "%d", api->close(call->service, strtoull(call->argument, NULL, 10)));
}

static enum pf_verdict
do_idle(const struct call *call)
{
	if (api->set_idle_timeout(
		    call->service, call->request->connection->id, atoll(call->argument)) != PF_OK)
		return PF_CLOSE;
	return echo(call);
}

static enum pf_verdict
do_quiet(const struct call *call)
{
	char *text;
	uint64_t id = strtoull(call->argument, &text, 10);

	return answer(call, "%d", api->set_idle_timeout(call->service, id, atoll(text)));
}

static enum pf_verdict
do_silent(const struct call *call)
{
	(void)call;
	return PF_CONTINUE;
}

static enum pf_verdict
do_bye(const struct call *call)
{
	echo(call);
	return PF_CLOSE;
}

static const struct command {
	const char *name;
	enum pf_verdict (*run)(const struct call *);
} commands[] = {
	{ "answered", do_answered },
	{ "build", do_build },
	{ "bye", do_bye },
	{ "close", do_close },
	{ "deadline", do_deadline },
	{ "drop", do_drop },
	{ "flood", do_flood },
	{ "forget", do_forget },
	{ "get", do_get },
	{ "hang", do_hang },
	{ "held", do_held },
	{ "hold", do_hold },
	{ "id", do_id },
	{ "idle", do_idle },
	{ "keep", do_keep },
	{ "keepbye", do_keep },
	{ "last", do_last },
	{ "log", do_log },
	{ "lognote", do_log },
	{ "mark", do_mark },
	{ "most", do_most },
	{ "running", do_running },
	{ "number", do_number },
	{ "order", do_order },
	{ "park", do_park },
	{ "place", do_place },
	{ "push", do_push },
	{ "quiet", do_quiet },
	{ "release", do_gate },
	{ "routed", do_routed },
	{ "send", do_send },
	{ "set", do_set },
	{ "shut", do_gate },
	{ "silent", do_silent },
	{ "sleep", do_sleep },
	{ "twice", do_twice },
	{ "unpark", do_unpark },
	{ "waste", do_waste },
};

static enum pf_verdict
call_run(const struct call *call)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, call->command) == 0)
			return commands[i].run(call);
	}
	return echo(call);
}

/* Callbacks */

static void
enter(struct talk *talk)
{
	int running = atomic_fetch_add(&talk->running, 1) + 1;
	int most = atomic_load(&talk->most);

	atomic_fetch_add(&running_count, 1);
	if (running > 1 && ((FLAGS)&PF_MODULE_CONCURRENT) == 0)
		abort();
	while (running > most && !atomic_compare_exchange_weak(&talk->most, &most, running))
		;
}

static void
leave(struct talk *talk)
{
	atomic_fetch_sub(&running_count, 1);
	atomic_fetch_sub(&talk->running, 1);
}

static enum pf_verdict
message(struct pf_request *request)
{
	struct call call = {
		.request = request,
		.service = request->connection->service,
		.talk = request->connection->state,
	};
	char text[256];
	enum pf_verdict verdict;

	snprintf(text, sizeof(text), "%.*s", (int)request->message.size,
		(const char *)request->message.data);
	sscanf(text, "%31s %31s %191[^\n]", call.name, call.command, call.argument);
	enter(call.talk);
	verdict = call_run(&call);
	leave(call.talk);
	return verdict;
}

__attribute__((unused)) static struct pf_route
route(const struct pf_request *request)
{
	char letter = request->message.size > 0 ? *(const char *)request->message.data : 'p';

	if (letter == 'i')
		return (struct pf_route){ PF_INLINE, PF_PRIORITY_SERVICE };
	atomic_fetch_add(&routed_count, 1);
	switch (letter) {
	case 'h':
		return (struct pf_route){ PF_POOL, PF_PRIORITY_HIGH };
	case 'n':
		return (struct pf_route){ PF_POOL, PF_PRIORITY_NORMAL };
	case 'l':
		return (struct pf_route){ PF_POOL, PF_PRIORITY_LOW };
	default:
		return (struct pf_route){ PF_POOL, PF_PRIORITY_SERVICE };
	}
}

__attribute__((unused)) static ptrdiff_t
notice(struct pf_service *service, enum pf_notice which, struct pf_span message, void *buffer,
	size_t size)
{
	static const char *const names[] = { "busy", "timeout", "heartbeat", "goodbye" };
	const struct work_options *options = service->options;
	const char *blank = message.size > 0 ? memchr(message.data, ' ', message.size) : NULL;
	ptrdiff_t length;

	if (options->mute)
		return -1;
	if (blank == NULL)
		return snprintf(buffer, size, "%s", names[which]);
	length = snprintf(buffer, size, "%s %.*s", names[which],
		(int)(blank - (const char *)message.data), (const char *)message.data);
	if (length < options->padding)
		memset((char *)buffer + length, ' ', (size_t)(options->padding - length));
	return length > options->padding ? length : options->padding;
}

static enum pf_verdict
opened(struct pf_connection *connection)
{
	static const struct pf_span welcome = { "welcome", 7 };
	const struct work_options *options = connection->service->options;

	connection->state = calloc(1, sizeof(struct talk));
	if (connection->state == NULL)
		return PF_CLOSE;
	enter(connection->state);
	if (options->greet)
		api->send(connection->service, connection->id, &welcome, 1);
	leave(connection->state);
	return PF_CONTINUE;
}

/* No handler may be running, whatever the module is. */
static void
closed(struct pf_connection *connection)
{
	struct talk *talk = connection->state;

	if (talk != NULL && atomic_load(&talk->running) != 0)
		abort();
	api->log_service(connection->service, connection->id, PF_LOG_DEBUG, "work: closed");
	free(talk);
}

static int
init(const struct pf_api *given, struct pf_service *service)
{
	struct work *work = calloc(1, sizeof(*work));

	if (work == NULL)
		return given->fail(service, "out of memory");
	api = given;
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->changed, NULL);
	service->state = work;
	return 0;
}

static int
started(struct pf_service *service)
{
	struct work *work = service->state;

#ifdef STARTED_FAILS
	return api->fail(service, "no %s today", "thread");
#endif
	if (pthread_create(&work->thread, NULL, thread_run, service) != 0)
		return api->fail(service, "cannot start a thread");
	return 0;
}

static void
finish(struct pf_service *service)
{
	struct work *work = service->state;

	pthread_mutex_lock(&work->lock);
	work->ends = true;
	pthread_cond_signal(&work->changed);
	pthread_mutex_unlock(&work->lock);
	if (work->thread != 0)
		pthread_join(work->thread, NULL);
	while (work->tasks != NULL) {
		struct task *task = work->tasks;

		work->tasks = task->next;
		task_run(service, task);
	}
	api->log_service(service, 0, PF_LOG_INFO, "work: exit");
	free(work);
}

static const struct pf_option options[] = {
	{ .key = "greet",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct work_options, greet),
		.fallback = "false" },
	{ .key = "mute",
		.type = PF_OPTION_BOOL,
		.offset = offsetof(struct work_options, mute),
		.fallback = "false" },
	{ .key = "padding",
		.type = PF_OPTION_SIZE,
		.offset = offsetof(struct work_options, padding),
		.fallback = "0",
		.max = PF_NOTICE_MAX },
	{ .key = NULL },
};

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "work",
	.options = options,
	.options_size = sizeof(struct work_options),
	.flags = FLAGS,
	.init = init,
	.started = started,
	.exit = finish,
	.opened = opened,
	.closed = closed,
	.route = ROUTE,
	.message = message,
	.notice = NOTICE,
};
