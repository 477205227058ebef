// node: an echo server with Node.js net, frames of a 4-byte big-endian length of at most 1 MiB.
//
//	node node.js PORT WORKERS
//
// A process a worker by the cluster module, which hands connections out in turn. The whole frames of
// a chunk go back in one write.
'use strict';
const cluster = require('node:cluster');
const net = require('node:net');

const HEADER_SIZE = 4;
const MESSAGE_MAX = 1 << 20;

class Connection {
	constructor(socket) {
		this.socket = socket;
		this.chunks = []; // the start of a frame
		this.have = 0; // bytes of it
		this.wanted = HEADER_SIZE; // bytes of it, before it can be looked at again
		socket.on('data', (chunk) => this.take(chunk));
		socket.on('drain', () => socket.resume());
		socket.on('error', () => socket.destroy());
	}

	take(chunk) {
		if (this.have === 0) {
			this.answer(chunk);
			return;
		}
		this.chunks.push(chunk);
		this.have += chunk.length;
		if (this.have === this.wanted && this.wanted > HEADER_SIZE)
			this.answerWhole();
		else if (this.have >= this.wanted)
			this.answer(Buffer.concat(this.chunks, this.have));
	}

	// The chunks are one frame, which is likely if it is large: they need not be put together.
	answerWhole() {
		this.socket.cork();
		for (const chunk of this.chunks)
			this.socket.write(chunk);
		this.socket.uncork();
		this.have = 0;
		this.chunks = [];
		if (this.socket.writableNeedDrain)
			this.socket.pause();
	}

	answer(bytes) {
		let at = 0;
		let wanted = HEADER_SIZE;

		while (bytes.length - at >= HEADER_SIZE) {
			wanted = HEADER_SIZE + bytes.readUInt32BE(at);
			if (wanted > HEADER_SIZE + MESSAGE_MAX || wanted > bytes.length - at)
				break;
			at += wanted;
			wanted = HEADER_SIZE;
		}
		this.have = bytes.length - at;
		this.wanted = wanted;
		this.chunks = this.have > 0 ? [bytes.subarray(at)] : [];
		if (at > 0 && !this.socket.write(at === bytes.length ? bytes : bytes.subarray(0, at)))
			this.socket.pause();
		if (wanted > HEADER_SIZE + MESSAGE_MAX)
			this.socket.destroySoon();
	}
}

const [port, workers] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
	for (let i = 0; i < workers; i++)
		cluster.fork();
	process.on('SIGTERM', () => {
		for (const worker of Object.values(cluster.workers))
			worker.process.kill('SIGKILL');
		process.exit(0);
	});
	cluster.on('exit', () => process.exit(70));
} else {
	const server = net.createServer({ noDelay: true }, (socket) => new Connection(socket));

	server.listen({ host: '127.0.0.1', port, backlog: 4096 });
}
