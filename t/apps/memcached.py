# SPDX-License-Identifier: BSD-2-Clause
"""Set values of many sizes over several connections at once; read them back."""
import socket
import sys
import threading


class Client:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=60)
        self.buffer = b''

    def line(self):
        while b'\r\n' not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b'\r\n', 1)
        return line

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError('the server has closed')
        self.buffer += got

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def set(self, key, value):
        self.socket.sendall(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(value), value))
        assert self.line() == b'STORED'

    def get(self, key):
        self.socket.sendall(b'get %s\r\n' % key)
        _, name, _, size = self.line().split()
        assert name == key
        value = self.exactly(int(size))
        assert self.exactly(7) == b'\r\nEND\r\n'
        return value


def value_of(client, i):
    size = 1000000 if i < 0 else (i * i * 7) % 20000
    return bytes((client * 31 + i + j) % 251 for j in range(97)) * (size // 97 + 1)


def work(address, number, count, right):
    client = Client(address)
    for i in range(-1, count):
        key = b'k%d.%d' % (number, i)
        client.set(key, value_of(number, i))
        if client.get(key) == value_of(number, i) and i >= 0:
            right[number] += 1


host, port, connections, count = sys.argv[1], *map(int, sys.argv[2:5])
right = [0] * connections
threads = [threading.Thread(target=work, args=((host, port), i, count, right))
           for i in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
wrong = connections * count - sum(right)
print(f'{connections} connections, {sum(right)} values,',
      f'{wrong} wrong' if wrong else 'all right')
