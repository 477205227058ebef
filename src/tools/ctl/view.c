#include <config.h>

#include "tools/ctl/view.h"

#include <sysexits.h>

int
view_open(struct view *view, struct link *link, struct error *error)
{
	const struct control_request request = { .command = CONTROL_STATUS };
	struct answer answer;
	int status = link_ask(link, &request, &answer, error);

	*view = VIEW_NONE;
	view->server = answer.reply;
	if (status == EX_OK &&
		segment_view(&view->segment, answer.files[0], answer.files[1], error) != 0) {
		error_prefix(error, "version %s of the server", answer.reply.program);
		status = EX_PROTOCOL;
	}
	answer_close(&answer);
	return status;
}

void
view_close(struct view *view)
{
	segment_destroy(&view->segment);
}

const char *
view_service(const struct view *view, unsigned id)
{
	return id < segment_service_count(&view->segment) ? view->segment.head->services[id] : "?";
}
