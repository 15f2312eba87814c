# SPDX-License-Identifier: BSD-2-Clause
"""kTLS by hand: setsockopt(TCP_ULP) on both ends of a connection, and the
bytes of both directions after that.

	ktls.py serve PORT		for ever, a connection at a time
	ktls.py dial HOST PORT early|late
	ktls.py watch FILE		until SIGTERM: which clear texts are in frames

The server is told which with the first byte. `early`: before anything else is
said. `late`: after much was said in clear text, with bytes on their way.
"""
import hashlib
import os
import signal
import socket
import struct
import sys

SOL_TLS, TCP_ULP, TLS_TX, TLS_RX = 282, 31, 1, 2
TLS_1_2, AES_GCM_128 = 0x303, 51
CLEAR, SECRET = 4 << 20, 8 << 20


def bytes_of(seed, size):
    block = hashlib.sha256(seed.encode()).digest() * 2048
    return (block * (size // len(block) + 1))[:size]


def receive(s, size):
    data = bytearray()
    while len(data) < size:
        more = s.recv(min(1 << 16, size - len(data)))
        if not more:
            sys.exit(f'the end after {len(data)} of {size} bytes')
        data += more
    return bytes(data)


def say(s, seed, size):
    s.sendall(bytes_of(seed, size))


def hear(s, seed, size):
    if receive(s, size) != bytes_of(seed, size):
        sys.exit(f'{seed}: wrong bytes')


def crypt(s, tx, rx):
    s.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b'tls')
    for direction, key in (TLS_TX, tx), (TLS_RX, rx):
        s.setsockopt(SOL_TLS, direction, struct.pack(
            '=HH8s16s4s8s', TLS_1_2, AES_GCM_128, key * 8, key * 16, key * 4,
            bytes(8)))


def serve(port):
    listener = socket.create_server(('', port))
    while True:
        with listener.accept()[0] as s:
            if receive(s, 1) == b'l':
                hear(s, 'clear there', CLEAR)
                say(s, 'clear back', CLEAR)
                receive(s, 1)
            else:
                s.sendall(b'k')
            crypt(s, b'S', b'C')
            hear(s, 'secret there', SECRET)
            say(s, 'secret back', SECRET)


def dial(host, port, when):
    with socket.create_connection((host, port)) as s:
        s.sendall(when[:1].encode())
        if when == 'late':
            say(s, 'clear there', CLEAR)
            hear(s, 'clear back', CLEAR)
            s.sendall(b'.')     # on its way, while the lane is left
        else:
            receive(s, 1)
        crypt(s, b'C', b'S')
        say(s, 'secret there', SECRET)
        hear(s, 'secret back', SECRET)
    print('same')


def watch(path):
    """All interfaces, TCP and RoCE: a line per text that a frame has. What is
    there when it is told to end is looked at as well."""
    def end(*_):
        s.setblocking(False)
    texts = {seed: bytes_of(seed, 64) for seed in
             ('clear there', 'clear back', 'secret there', 'secret back')}
    seen = set()
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)   # SO_RCVBUFFORCE
    signal.signal(signal.SIGTERM, end)
    print('watching', flush=True)
    try:
        while True:
            frame = s.recv(1 << 17)
            seen |= {seed for seed, text in texts.items() if text in frame}
    except BlockingIOError:
        pass
    with open(path + '.new', 'w', encoding='ascii') as file:
        file.write('\n'.join(sorted(seen)) + '\n')
    os.rename(path + '.new', path)


if sys.argv[1] == 'serve':
    serve(int(sys.argv[2]))
elif sys.argv[1] == 'watch':
    watch(sys.argv[2])
else:
    dial(sys.argv[2], int(sys.argv[3]), sys.argv[4])
