#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Carry a file over TCP and say what each end saw of it.

	transfer.py serve ADDRESS PORT TO [HEADER]	the client's file
	transfer.py send ADDRESS PORT FROM [HEADER]
	transfer.py offer ADDRESS PORT FROM [HEADER]	the server speaks first
	transfer.py fetch ADDRESS PORT TO [HEADER]

A plain program that knows nothing of shunt. A header of HEADER bytes (4) has
the length; the receiver answers with its SHA-256 and waits for the end. A
server goes on until one transfer is whole: like any server it survives
callers who talk nonsense. With a header of 4 bytes nonsense is refused at
once, as a length that cannot be; with a long one it waits for the rest.

Prints "BYTES SHA256" as this end has seen them, or "error NAME".
"""
import errno
import hashlib
import socket
import sys

CHUNK = 1 << 20
MOST = 1 << 30


class Nonsense(Exception):
	pass


def receive_all(s, size):
	data = bytearray()
	while len(data) < size:
		part = s.recv(size - len(data))
		if not part:
			raise Nonsense("the stream ended early")
		data += part
	return bytes(data)


def load(path):
	with open(path, "rb") as file:
		data = file.read()
	return data, hashlib.sha256(data)


def send_file(s, data, digest, header):
	s.sendall(len(data).to_bytes(header, "big"))
	for at in range(0, len(data), CHUNK):
		s.sendall(data[at:at + CHUNK])
	if receive_all(s, digest.digest_size) != digest.digest():
		raise Nonsense("the other end has another SHA-256")
	s.shutdown(socket.SHUT_WR)
	if s.recv(1):
		raise Nonsense("bytes after the end")
	return len(data), digest.hexdigest()


def receive_file(s, path, header):
	size = left = int.from_bytes(receive_all(s, header), "big")
	if size > MOST:
		raise Nonsense("a length that cannot be")
	digest = hashlib.sha256()
	with open(path, "wb") as file:
		while left:
			part = s.recv(min(CHUNK, left))
			if not part:
				raise Nonsense("the stream ended early")
			digest.update(part)
			file.write(part)
			left -= len(part)
	s.sendall(digest.digest())
	if s.recv(1):
		raise Nonsense("bytes after the end")
	return size, digest.hexdigest()


def family(address):
	return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(address, port, work):
	with socket.create_server((address, port), family=family(address)) as s:
		while True:
			connection, peer = s.accept()
			with connection:
				try:
					return work(connection)
				except (Nonsense, OSError) as e:
					print(f"{peer}: {e}", file=sys.stderr)


def call(address, port, work):
	with socket.create_connection((address, port)) as s:
		return work(s)


def main(how, address, port, path, header=4):
	end = serve if how in ("serve", "offer") else call
	if how in ("serve", "fetch"):
		work = lambda s: receive_file(s, path, int(header))
	else:
		data, digest = load(path)	# a peer should not wait for it
		work = lambda s: send_file(s, data, digest, int(header))
	try:
		size, sum256 = end(address, int(port), work)
	except OSError as e:
		print("error", errno.errorcode.get(e.errno, e))
		return 1
	except Nonsense as e:
		print("error", e)
		return 1
	print(size, sum256)
	return 0


sys.exit(main(*sys.argv[1:]))
