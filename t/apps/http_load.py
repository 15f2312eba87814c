# SPDX-License-Identifier: BSD-2-Clause
"""GETs from several threads until a file appears; every body is compared. The
first that is right makes another file, UNTIL.begun.

	http_load.py HOST PORT PATH FILE THREADS UNTIL

Odd threads keep their connection; one that a server ends between two requests
is made anew, as HTTP clients do (RFC 9112, 9.3.1), and counted. Nothing else
is forgiven: a new connection always gets its whole answer.
"""
import http.client
import os
import sys
import threading
import time

HOST, PORT, PATH, FILE, THREADS, UNTIL = sys.argv[1:]
BODY = open(FILE, 'rb').read()
GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)
lock = threading.Lock()
total = {'requests': 0, 'again': 0, 'wrong': 0}


def count(what, why=None):
    with lock:
        total[what] += 1
        if what == 'requests' and total[what] == 1:
            open(UNTIL + '.begun', 'w').close()
        if why and total[what] < 10:
            print(what, repr(why), file=sys.stderr)


def get(connection, headers):
    connection.request('GET', PATH, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or body != BODY:
        raise ValueError(f'status {answer.status}, {len(body)} bytes')
    return not answer.will_close


def load(keep):
    headers = {} if keep else {'Connection': 'close'}
    connection, used = None, False
    while not os.path.exists(UNTIL):
        if not connection:
            connection = http.client.HTTPConnection(HOST, int(PORT), timeout=60)
            used = False
        try:
            kept = get(connection, headers)
            count('requests')
        except Exception as error:
            kept = False
            if used and isinstance(error, GONE):
                count('again', error)
            else:
                count('wrong', error)
        used = True
        if not kept or not keep:
            connection.close()
            connection = None
        time.sleep(0.01)


threads = [threading.Thread(target=load, args=(n % 2 == 1,))
           for n in range(int(THREADS))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total['requests'], 'requests,', total['again'], 'made again,',
      total['wrong'], 'wrong')
