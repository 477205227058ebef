// A collector of traces for tests, around the official decoder of OTLP.
//
//     node collector.js DECODER-FOLDER MODE ADDRESS PORT PORT-FILE SPANS-FILE
//
// Writes each span that it accepts to SPANS-FILE as a line of JSON. PORT 0 is any; the one it has is
// written to PORT-FILE. MODE is how it answers: "ok"; "later": 503 twice, then as ok; "partial": ok,
// and one span of each request was rejected; "refuse": 400; "slow": never; "garbage": what is no
// HTTP; "endless": a body, or "endless-head": headers, that never end; "drip": a byte now and then.
const fs = require("fs");
const http = require("http");
const net = require("net");
const path = require("path");

const [decoder, mode, host, port, portFile, spansFile] = process.argv.slice(2);
const root = require(path.resolve(
	decoder, "node_modules/@opentelemetry/otlp-transformer/build/src/generated/root.js"));
const { ExportTraceServiceRequest, ExportTraceServiceResponse } =
	root.opentelemetry.proto.collector.trace.v1;
let requests = 0;

function plain(attributes) {
	const object = {};
	for (const { key, value } of attributes) {
		if (key in object)
			throw new Error(`twice: ${key}`);
		object[key] = value.stringValue ?? Number(value.intValue);
	}
	return object;
}

function record(body) {
	const decoded = ExportTraceServiceRequest.decode(body);
	let lines = "";
	for (const { resource, scopeSpans } of decoded.resourceSpans) {
		for (const { scope, spans } of scopeSpans) {
			for (const span of spans) {
				lines += JSON.stringify({
					trace: Buffer.from(span.traceId).toString("hex"),
					id: Buffer.from(span.spanId).toString("hex"),
					parent: Buffer.from(span.parentSpanId ?? []).toString("hex"),
					name: span.name,
					kind: span.kind,
					start: String(span.startTimeUnixNano),
					end: String(span.endTimeUnixNano),
					status: span.status?.code ?? 0,
					attributes: plain(span.attributes),
					resource: plain(resource.attributes),
					scope: scope.name,
				}) + "\n";
			}
		}
	}
	fs.appendFileSync(spansFile, lines);
}

function endlessly(write) {
	while (write())
		continue;
	setImmediate(() => endlessly(write));
}

const answers = {
	ok(body, response) {
		record(body);
		response.end();
	},
	later(body, response) {
		if (requests > 2)
			return answers.ok(body, response);
		response.writeHead(503).end();
	},
	partial(body, response) {
		record(body);
		response.end(ExportTraceServiceResponse.encode(
			{ partialSuccess: { rejectedSpans: 1, errorMessage: "no" } }).finish());
	},
	refuse(body, response) {
		response.writeHead(400).end("no");
	},
	slow() {
	},
	garbage(body, response) {
		response.socket.end(Buffer.from("\0\xff HTTP/9.9 \r\n\r\n\r\n", "latin1"));
	},
	endless(body, response) {
		response.writeHead(200);
		response.on("error", () => {});
		const timer = setInterval(() => response.write(Buffer.alloc(65536)), 1);
		response.on("close", () => clearInterval(timer));
	},
	"endless-head"(body, response) {
		const socket = response.socket;
		socket.write("HTTP/1.1 200 OK\r\n");
		const timer = setInterval(() => socket.write("X: " + "x".repeat(4096) + "\r\n"), 1);
		socket.on("close", () => clearInterval(timer));
	},
	drip(body, response) {
		response.writeHead(200, { "Content-Length": 1000 });
		const timer = setInterval(() => response.write("x"), 100);
		response.on("close", () => clearInterval(timer));
	},
};

const server = http.createServer((request, response) => {
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		requests++;
		if (request.method !== "POST" || request.url !== "/v1/traces" ||
				request.headers["content-type"] !== "application/x-protobuf")
			throw new Error(`bad request: ${request.method} ${request.url}`);
		fs.appendFileSync(spansFile + ".requests", `${mode} ${requests}\n`);
		answers[mode](Buffer.concat(chunks), response);
	});
});
server.on("clientError", (error, socket) => socket.destroy());
server.listen(Number(port), host, () => {
	fs.writeFileSync(portFile + ".new", String(server.address().port));
	fs.renameSync(portFile + ".new", portFile);
});
