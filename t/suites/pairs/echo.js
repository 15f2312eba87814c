// SPDX-License-Identifier: BSD-2-Clause
// pairs/run says what is spoken. Events; half-open connections allowed.
const crypto = require('crypto');
const net = require('net');

function serve()
{
	const server = net.createServer({ allowHalfOpen: true }, (peer) => {
		let count = 0;
		peer.on('data', (data) => {
			count += data.length;
			if (!peer.write(data)) {
				peer.pause();
				peer.once('drain', () => peer.resume());
			}
		});
		peer.on('end', () => peer.end(`${count}\n`));
	});
	server.listen(0, '127.0.0.1',
		      () => console.log(server.address().port));
}

async function talk(port, small, large)
{
	const peer = net.connect({ port, host: '127.0.0.1', noDelay: true });
	const parts = peer[Symbol.asyncIterator]();
	let held = Buffer.alloc(0), total = 0;

	async function more()
	{
		const { value, done } = await parts.next();
		if (!done)
			held = Buffer.concat([held, value]);
		return !done;
	}

	for (let i = 0; i < small + large; i++) {
		const size = i < small ? 1 + i % 97 : 65536;
		const data = crypto.randomBytes(size);
		peer.write(data);
		while (held.length < size)
			if (!await more())
				throw new Error(`the end at ${total}`);
		if (!held.subarray(0, size).equals(data))
			throw new Error(`wrong bytes at ${total}`);
		held = held.subarray(size);
		total += size;
	}
	peer.end();
	while (await more())
		;
	if (held.toString() !== `${total}\n`)
		throw new Error('wrong count');
	console.log(`ok ${total}`);
}

if (process.argv[2] === 'serve')
	serve();
else
	talk(...process.argv.slice(3).map(Number));
