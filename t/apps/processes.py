# SPDX-License-Identifier: BSD-2-Clause
"""Echoes that change hands once the connection has carried much.

	processes.py server|client HOST PORT

The client's first byte says how the server goes on after FIRST bytes: `f`, in
a forked process; `e`, as cat(1); `p`, in a process that it is passed to; `k`,
in this one, which starts programs and forks meanwhile.
"""
import multiprocessing
import multiprocessing.reduction
import os
import socket
import subprocess
import sys
import threading

FIRST, PIECE, REST = 200000, 10000, 1000000


def receive(s, size):
    got = bytearray()
    while len(got) < size and (some := s.recv(min(20000, size - len(got)))):
        got += some
    return bytes(got)


def echo(s):
    with s:
        while data := s.recv(20000):
            s.sendall(data)


def idle():
    pass


def start_others():
    for _ in range(3):
        subprocess.run(['true'], check=True)
        child = multiprocessing.Process(target=idle)
        child.start()
        child.join()
        if child.exitcode:
            sys.exit(f'a child ends with {child.exitcode}')


def heir(pipe, others):
    others.close()  # so that the end of its process is seen
    while True:
        try:
            fd = multiprocessing.reduction.recv_handle(pipe)
        except EOFError:
            break
        echo(socket.socket(fileno=fd))


def serve(s, pipe, process):
    how = s.recv(1)
    for _ in range(FIRST // PIECE):
        s.sendall(receive(s, PIECE))
    if how == b'f':
        child = multiprocessing.Process(target=echo, args=(s,))
        child.start()
        s.close()
        child.join()
    elif how == b'e':
        child = subprocess.Popen(['cat'], stdin=s, stdout=s)
        s.close()
        child.wait()
    elif how == b'p':
        multiprocessing.reduction.send_handle(pipe, s.fileno(), process.pid)
        s.close()
    else:
        thread = threading.Thread(target=echo, args=(s,))
        thread.start()
        start_others()
        thread.join()


def server(listener):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=heir, args=(theirs, ours))
    process.start()
    theirs.close()
    while True:
        try:
            serve(listener.accept()[0], ours, process)
        except ConnectionResetError:
            pass  # a client that greeted in vain, and dials again


def talk(how, address):
    first, rest = os.urandom(FIRST), os.urandom(REST)
    with socket.create_connection(address) as s:
        s.sendall(how)
        for at in range(0, FIRST, PIECE):
            s.sendall(first[at:at + PIECE])
            if receive(s, PIECE) != first[at:at + PIECE]:
                sys.exit(f'{how}: wrong before')
        writer = threading.Thread(target=s.sendall, args=(rest,))
        writer.start()
        start_others()
        if receive(s, REST) != rest:
            sys.exit(f'{how}: wrong after')
        writer.join()
        s.shutdown(socket.SHUT_WR)
        if s.recv(1):
            sys.exit(f'{how}: more than was sent')


ADDRESS = sys.argv[2], int(sys.argv[3])
if sys.argv[1] == 'server':
    server(socket.create_server(ADDRESS))
count = 0
for manner in (b'f', b'e', b'p', b'k') * 2:
    talk(manner, ADDRESS)
    count += 1
print(count, 'connections, all right')
