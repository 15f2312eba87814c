#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""N requests and responses over one TCP connection, by every usual call.

	exchange.py serve FILE		writes its port to FILE
	exchange.py call PORT N
"""
import os
import select
import socket
import sys

SIZE = 64
ADDRESS = "127.0.0.1"


def receive_poll(s):
	poll = select.poll()
	poll.register(s, select.POLLIN)
	poll.poll()
	return s.recv(SIZE, socket.MSG_WAITALL)


def receive_select(s):
	select.select([s], [], [])
	return os.read(s.fileno(), SIZE)


def receive_epoll(s):
	with select.epoll() as epoll:
		epoll.register(s, select.EPOLLIN)
		epoll.poll()
	return s.recvmsg(SIZE)[0]


SEND = (lambda s, data: s.sendall(data),
	lambda s, data: os.write(s.fileno(), data),
	lambda s, data: s.sendmsg([data[:1], data[1:]]))
RECEIVE = (receive_poll, receive_select, receive_epoll,
	   lambda s: s.recv(SIZE))


def serve(path):
	with socket.create_server((ADDRESS, 0)) as listener:
		with open(path + ".new", "w") as file:
			file.write(str(listener.getsockname()[1]))
		os.rename(path + ".new", path)
		s, _ = listener.accept()
	with s:
		for n in range(1 << 30):
			data = RECEIVE[n % len(RECEIVE)](s)
			if not data:
				return
			SEND[n % len(SEND)](s, data)


def call(port, count):
	data = bytes(SIZE)
	with socket.create_connection((ADDRESS, int(port))) as s:
		for n in range(int(count)):
			SEND[n % len(SEND)](s, data)
			if RECEIVE[n % len(RECEIVE)](s) != data:
				raise SystemExit("a wrong answer")


if sys.argv[1] == "serve":
	serve(sys.argv[2])
else:
	call(sys.argv[2], sys.argv[3])
