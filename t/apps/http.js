// SPDX-License-Identifier: BSD-2-Clause
// An HTTP server that echoes bodies, and clients with keep-alive that check.
'use strict';
const http = require('http');
const crypto = require('crypto');

const [role, host, port, connections, count] = process.argv.slice(2);

function serve()
{
	http.createServer((request, response) => {
		response.writeHead(200);
		request.pipe(response);
	}).listen({ host, port: +port });
}

function ask(agent, body)
{
	return new Promise((resolve, reject) => {
		const request = http.request({ host, port, agent, method: 'PUT' }, (response) => {
			const got = [];
			response.on('data', (data) => got.push(data));
			response.on('end', () => resolve(Buffer.concat(got).equals(body)));
			response.on('error', reject);
		});
		request.on('error', reject);
		request.end(body);
	});
}

async function talk()
{
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	let right = 0;

	for (let i = 0; i < +count; i++)
		right += await ask(agent, crypto.randomBytes((i * i * 53) % 60000));
	agent.destroy();
	return right;
}

async function main()
{
	const all = await Promise.all(Array.from({ length: +connections }, talk));
	const right = all.reduce((a, b) => a + b);

	console.log(`${connections} connections, ${right} echoes, ` +
		(right === connections * count ? 'all right' : 'some wrong'));
}

if (role === 'server')
	serve();
else
	main();
