"""Servers on loopback that take alerts: one of HTTP, one of mail."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(server):
    with server:
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Web:
    """Takes what is posted; `status` is its answer, once `may_answer` is set."""

    def __init__(self):
        self.messages = []
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def titles(self):
        return [message["title"] for message in self.messages]

    @contextmanager
    def open(self):
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                web.may_answer.wait()
                if web.status == 200:
                    web.messages.append(json.loads(body))
                self.send_response(web.status)
                self.end_headers()

            def log_message(self, *_): ...

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
            yield f"json://user:hush-hush@127.0.0.1:{port}/path"
            self.may_answer.set()


class Mail:
    """Takes letters."""

    def __init__(self):
        self.letters = []

    @contextmanager
    def open(self):
        mail = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.say("220 here")
                while words := self.rfile.readline().decode().split():
                    if words[0].upper() == "DATA":
                        self.say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        mail.letters.append(b"".join(lines).decode())
                    if words[0].upper() == "QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 fine")

            def say(self, line):
                self.wfile.write(f"{line}\r\n".encode())

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        with serving(server) as port:
            yield f"mailto://127.0.0.1:{port}/?from=a@example.org&to=b@example.org&mode=insecure"
