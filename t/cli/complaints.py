#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The client's part of t/cli/complaints: one connection to a server that echoes.

	complaints.py DEED ADDRESS PORT FOLDER

says something, so that the connection may get a lane; waits for FOLDER/go;
does the deed; prints "same", or what went wrong; waits for FOLDER/end. What a
deed has to tell beside that it prints before.
"""
import ctypes
import os
import select
import socket
import stat
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def wait_for(name):
    while not os.path.exists(f'{FOLDER}/{name}'):
        time.sleep(0.02)


def dial():
    return socket.create_connection((ADDRESS, PORT))


def echo(s, size=1000):
    sent, got = os.urandom(size), b''
    s.sendall(sent)
    while len(got) < size:
        part = s.recv(size - len(got))
        if not part:
            sys.exit(f'the stream ends after {len(got)} of {size} bytes')
        got += part
    if got != sent:
        sys.exit('other bytes came back')


def must(value, what):
    if value < 0:
        sys.exit(f'{what}: {os.strerror(ctypes.get_errno())}')
    return value


def talk(s):
    for _ in range(20):
        echo(s)


def sets(s):
    """One connection in two epoll sets, by edge and by level; one in another."""
    edge, level, outer = select.epoll(), select.epoll(), select.epoll()
    edge.register(s, select.EPOLLIN | select.EPOLLET)
    level.register(s, select.EPOLLIN)
    outer.register(level.fileno(), select.EPOLLIN)
    for _ in range(20):
        s.sendall(b'x' * 1000)
        for one in edge, level, outer:
            if not one.poll(20):
                sys.exit('an epoll set does not wake up')
        while level.poll(0):
            s.recv(1000)
        if outer.poll(0):
            sys.exit('an epoll set in another does not go to sleep')
    for one in outer, level, edge:
        one.close()
    time.sleep(0.3)
    s.setblocking(False)
    try:
        while s.recv(100000):
            pass
    except BlockingIOError:
        s.setblocking(True)
    echo(s)


def fork(s):
    pid = os.fork()
    if pid == 0:
        echo(s)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit('the child has failed')
    echo(s)


def closefrom(s):
    """Close all numbers, those of the library as well, and go on."""
    s.detach()
    must(libc.close_range(3, ctypes.c_uint(-1), 0), 'close_range')
    another = dial()
    talk(another)
    wait_for('end')
    echo(another)


def names(s):
    """What the connection is for those who look at its number."""
    talk(s)
    fd = s.fileno()
    link = os.readlink(f'/proc/self/fd/{fd}')
    print('fd', fd, 'is a socket' if stat.S_ISSOCK(os.fstat(fd).st_mode)
          else 'is none', link.split(':')[0])
    if not select.select([s], [s], [], 0)[1]:
        sys.exit('select() does not know it')


def calls(s):
    """Entry points of large files and of newer releases of glibc."""
    fd, event = s.fileno(), ctypes.create_string_buffer(12)
    flags = must(libc.fcntl64(fd, 3, 0), 'fcntl64')
    must(libc.fcntl64(fd, 4, flags | os.O_NONBLOCK), 'fcntl64')
    with select.epoll() as epoll, open(__file__, 'rb') as file:
        text = file.read()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        epoll.register(s, select.EPOLLIN)
        must(libc.sendfile64(fd, file.fileno(), None, len(text)), 'sendfile64')
        got = b''
        while len(got) < len(text):
            limit = (ctypes.c_long * 2)(20, 0)
            if must(libc.epoll_pwait2(epoll.fileno(), event, 1, limit, None),
                    'epoll_pwait2') != 1:
                sys.exit('epoll_pwait2 does not wake up')
            got += s.recv(100000)
    if got != text:
        sys.exit('sendfile64 has sent other bytes')
    must(libc.fcntl64(fd, 4, flags), 'fcntl64')


def io_uring(s):
    """Set a ring up as liburing does not: by the C library's syscall(3)."""
    if libc.syscall(425, 8, ctypes.create_string_buffer(120)) < 0:
        print('none here')
        return
    echo(s)
    echo(dial())


def idle(s):
    talk(s)


def memory(s):
    talk(s)
    with open('/proc/self/status', encoding='ascii') as file:
        for line in file:
            if line.startswith('VmRSS'):
                print(line.split()[1])


DEED, ADDRESS, PORT, FOLDER = *sys.argv[1:3], int(sys.argv[3]), sys.argv[4]
connection = dial()
echo(connection)
wait_for('go')
globals()[DEED](connection)
print('same', flush=True)
wait_for('end')
