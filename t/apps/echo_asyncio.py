# SPDX-License-Identifier: BSD-2-Clause
"""An echo server and its clients on asyncio."""
import asyncio
import hashlib
import os
import sys


async def echo(reader, writer):
    while data := await reader.read(30000):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
    writer.close()


async def serve(host, port):
    server = await asyncio.start_server(echo, host, port)
    async with server:
        await server.serve_forever()


async def send(writer, size):
    sent = hashlib.sha256()
    while size > 0:
        data = os.urandom(min(size, 1 + size % 20011))
        sent.update(data)
        writer.write(data)
        await writer.drain()
        size -= len(data)
    writer.write_eof()
    return sent.digest()


async def receive(reader):
    got, total = hashlib.sha256(), 0
    while data := await reader.read(65536):
        got.update(data)
        total += len(data)
    return got.digest(), total


async def talk(host, port, size):
    reader, writer = await asyncio.open_connection(host, port)
    sent, (got, total) = await asyncio.gather(send(writer, size), receive(reader))
    writer.close()
    await writer.wait_closed()
    return total if sent == got else -1


async def talk_all(host, port, connections, size):
    totals = await asyncio.gather(*(talk(host, port, size)
                                    for _ in range(connections)))
    wrong = sum(total != size for total in totals)
    print(f'{connections} connections, {sum(totals)} bytes,',
          f'{wrong} wrong' if wrong else 'all right')

role, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if role == 'server':
    asyncio.run(serve(host, port))
else:
    asyncio.run(talk_all(host, port, int(sys.argv[4]), int(sys.argv[5])))
