/* preforkcat: a client for framed protocols, as nc is for plain ones. */
#include <config.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "tools/lib/connect.h"
#include "tools/cat/exchange.h"
#include "tools/cat/options.h"
#include "tools/cat/source.h"

/*
 * A standard descriptor that is closed would become the socket. Without one that is needed there
 * is nothing to do; the others are opened on /dev/null.
 */
static int
check_standard(bool reads, bool prints, struct error *error)
{
	if (reads && fcntl(STDIN_FILENO, F_GETFD) < 0)
		return error_errno(error, "cannot read standard input");
	if (prints && fcntl(STDOUT_FILENO, F_GETFD) < 0)
		return error_errno(error, "cannot write standard output");
	if (fd_open_standard() != 0)
		return error_errno(error, "cannot open /dev/null");
	return 0;
}

static int
converse(struct source *source, const struct options *options, struct error *error)
{
	char text[ADDRESS_TEXT_MAX];
	struct address address;
	enum connect_result connected;
	int fd, status;

	if (address_resolve(&address, options->address, error) != 0)
		return EX_UNAVAILABLE;
	connected = connect_open(&fd, &address, options->connect_timeout_ms, error);
	if (connected != CONNECT_DONE)
		return connected == CONNECT_RESET ? EXCHANGE_INCOMPLETE : EX_UNAVAILABLE;
	if (options->verbose) {
		address_print(&address, text);
		warnx("connected to %s", text);
	}
	status = exchange_run(fd, source, options, error);
	fd_close(&fd);
	return status;
}

static int
run(const struct options *options, struct error *error)
{
	bool reads = options->message_count == 0 && options->file_count == 0;
	bool prints = !options->quiet && !options->no_reply;
	struct source source;
	int status;

	if (check_standard(reads, prints, error) != 0)
		return EX_IOERR;
	status = source_open(&source, options, error);
	if (status == 0)
		status = converse(&source, options, error);
	source_close(&source);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct error error;
	int status;

	signal(SIGPIPE, SIG_IGN);
	options_parse(&options, argc, argv);
	status = run(&options, &error);
	if (status != 0)
		warnx("%s", error.text);
	options_free(&options);
	return status;
}
