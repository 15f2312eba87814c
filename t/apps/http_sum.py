# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/1.1 with keep-alive: GET gives the file or a range; PUT and POST answer
with the SHA-256 of the body."""
import hashlib
import http.server
import re
import sys

BODY = open(sys.argv[3], 'rb').read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        found = re.match(r'bytes=(\d+)-(\d+)$', self.headers.get('Range', ''))
        if found:
            first, last = map(int, found.groups())
            self.answer(BODY[first:last + 1], 206)
        else:
            self.answer(BODY)

    def do_PUT(self):
        left, digest = int(self.headers['Content-Length']), hashlib.sha256()
        while left > 0:
            data = self.rfile.read(min(left, 50000))
            if not data:
                return
            digest.update(data)
            left -= len(data)
        self.answer(digest.hexdigest().encode())

    do_POST = do_PUT


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])),
                                Handler).serve_forever()
