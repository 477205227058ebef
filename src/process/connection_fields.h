/*
 * Every field of the record of a connection that changes hands (record.h), and who writes and reads
 * it. A number is 64 bits. A tag is never used for something else.
 */
#ifndef PROCESS_CONNECTION_FIELDS_H
#define PROCESS_CONNECTION_FIELDS_H

enum connection_field {
	/* the session */
	FIELD_SERVICE = 1,  /* critical: its name */
	FIELD_FRAMING,      /* critical: struct framing_field */
	FIELD_MAX_MESSAGE,  /* number: max_message_size of a message that has begun */
	FIELD_MODULE,       /* critical: its name */
	FIELD_SAVE_FORMAT,  /* critical: number, with FIELD_MODULE_STATE */
	FIELD_MODULE_STATE, /* critical: what the module has saved; none: it has nothing to save */
	FIELD_REQUESTS,     /* critical: number of the last one */
	FIELD_LINE_END,     /* number: enum wire_end of the last line */
	/* the connection */
	FIELD_INPUT,           /* critical: read and not used */
	FIELD_OUTPUT,          /* critical: to be written */
	FIELD_QUIET_MS,        /* number: since the last traffic */
	FIELD_READ_LEFT_MS,    /* number: for the message that has begun; none: none has */
	FIELD_WRITE_LEFT_MS,   /* number: with FIELD_OUTPUT */
	FIELD_IDLE_TIMEOUT_MS, /* number: of this connection alone */
	FIELD_ASKED,           /* number: 1: a heartbeat was sent, and nothing has come since */
	FIELD_AGE_MS,          /* number: since it was accepted */
	FIELD_SILENT_MS, /* number: nothing has come from the client for so long; none: it has */
	FIELD__COUNT
};

#endif
