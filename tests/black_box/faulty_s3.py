"""An HTTP proxy on loopback in front of an S3 server. It forwards each request or injects the fault that a rule returns.

In: the server's address and a rule. Out: responses, and the number of requests and of injected faults. The server must not
verify signatures, because the client signs the proxy's address.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

FRAMING = {"connection", "content-length", "host", "transfer-encoding"}  # headers that a proxy sets itself
SECONDS_MAX = 60  # timeout of both connections


class Exchange(BaseHTTPRequestHandler):
    """One request and its response; a fault may change either."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = SECONDS_MAX
    server: "Proxy"

    def exchange(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, self.bucket, *key = unquote(urlsplit(self.path).path).split("/", 2)
        self.key = "".join(key)
        fault = self.server.decide(self)
        if fault is None:
            self.send(*self.forward())
        elif fault(self):
            self.server.count_fault()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = exchange

    @property
    def kind(self) -> str:
        """The kind of request, such as `GET source` or `PUT log`."""
        if not self.key:
            return f"{self.command} listing"
        if self.bucket != "lake":
            return f"{self.command} source"
        return f"{self.command} {'log' if '/_delta_log/' in self.key else 'parquet'}"

    @property
    def is_commit(self) -> bool:
        return self.kind == "PUT log" and self.key.endswith(".json")

    @property
    def is_commit_of_first_batch(self) -> bool:
        return self.is_commit and self.key.endswith("1.json")  # 0 creates the empty lake

    def forward(self, method: str | None = None) -> tuple[HTTPResponse, bytes]:
        with contextlib.closing(HTTPConnection(self.server.upstream, timeout=SECONDS_MAX)) as upstream:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in FRAMING}
            upstream.request(method or self.command, self.path, self.body, headers)
            answer = upstream.getresponse()
            return answer, answer.read()

    def send(self, answer: HTTPResponse, body: bytes, bytes_max: int | None = None) -> None:
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in FRAMING}
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(body)
        self.write(answer.status, headers, length, body[:bytes_max])

    def refuse(self, status: int, code: str) -> None:
        """An error in the format of S3, including the line break after the XML declaration."""
        xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>injected</Message></Error>'
        self.write(status, {"Content-Type": "application/xml"}, len(xml), xml.encode())

    def write(self, status: int, headers: dict[str, str], length: object, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items() if status == 204 else [*headers.items(), ("Content-Length", str(length or 0))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, *_: object) -> None:
        pass


Fault = Callable[[Exchange], bool]  # true when it was injected
Rule = Callable[[Exchange], Fault | None]


class Proxy(ThreadingHTTPServer):
    """Forwards to moto, and injects the fault that `rule` returns for a request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.upstream = urlsplit(upstream).netloc
        self.rule: Rule = lambda _: None
        self.lock = threading.Lock()
        self.requests = self.injected = 0

    def decide(self, exchange: Exchange) -> Fault | None:
        with self.lock:
            self.requests += 1
            return self.rule(exchange)

    def count_fault(self) -> None:
        with self.lock:
            self.injected += 1

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), (OSError, ValueError)):  # the client or this proxy closed the connection
            super().handle_error(request, client_address)


def refused(status: int, code: str, exchange: Exchange) -> bool:
    exchange.refuse(status, code)
    return True


def answer_lost(how: str, exchange: Exchange) -> bool:
    """The request takes effect, but the client gets no success response."""
    answer, body = exchange.forward()
    if answer.status != 200:
        exchange.send(answer, body)
    elif how == "dropped":
        exchange.close_connection = True
    else:
        exchange.refuse(500, "InternalError")
    return answer.status == 200


def body_cut(exchange: Exchange) -> bool:
    answer, body = exchange.forward()
    exchange.send(answer, body, bytes_max=len(body) // 2)
    exchange.close_connection = True
    return bool(body)


def first_byte_slow(exchange: Exchange) -> bool:
    time.sleep(2)
    exchange.send(*exchange.forward())
    return True


def vanished(exchange: Exchange) -> bool:
    exchange.forward("DELETE")
    exchange.send(*exchange.forward())
    return True
