#include <config.h>

#include "tools/ctl/options.h"

#include <getopt.h>
#include <stdlib.h>

#include "tools/lib/arguments.h"

enum {
	OPTION_JSON = 256,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "socket", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char help[] =
	"usage: preforkctl [-c FILE | -s SOCKET] COMMAND [ARGUMENT ...]\n"
	"\n"
	"  status [--json]         what the server does\n"
	"  top                     the same, live\n"
	"  connections [FILTER ...] [--json]\n"
	"                          lists them; FILTER is service=NAME, worker=N, peer=ADDRESS,\n"
	"                          state=WORD, older=DURATION or quiet=DURATION\n"
	"  kill ID                 closes a connection\n"
	"  reload                  reads the configuration again; waits for the outcome\n"
	"  check [FILE]            what is wrong with it, and what a reload would do\n"
	"  upgrade                 runs the program anew in the same process; waits\n"
	"  workers N|+N|-N         changes how many there are, until a reload\n"
	"  move --from N [--to M]  moves the connections of a worker to others\n"
	"  rebalance               evens connections out\n"
	"  log-level LEVEL         debug, info, warn or error, until a reload\n"
	"  drain                   finishes what is under way and ends the server; waits\n"
	"  stop                    ends it at once; waits\n"
	"\n"
	"  -c, --config FILE       the server's configuration, which names its control socket\n"
	"                          (default " DEFAULT_CONFIG ")\n"
	"  -s, --socket PATH       the control socket\n"
	"  -h, --help              print this and exit\n"
	"  -V, --version           print the version and exit\n";

static void
take_option(struct options *options, int letter)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		break;
	case 's':
		options->socket = optarg;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case 'h':
		arguments_print(help);
	case 'V':
		arguments_print("preforkctl " PACKAGE_VERSION "\n");
	default:
		arguments_refuse_option();
	}
}

/* Stops at the command, whose own arguments may begin with a dash; --json may stand anywhere. */
void
options_parse(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){ 0 };
	while ((letter = getopt_long(argc, argv, "+c:hs:V", long_options, NULL)) != -1)
		take_option(options, letter);
	if (options->config != NULL && options->socket != NULL)
		arguments_refuse("-c and -s exclude each other");
	if (optind == argc)
		arguments_refuse("expected a command");
	options->words = argv + optind;
	options->count = argc - optind;
}
