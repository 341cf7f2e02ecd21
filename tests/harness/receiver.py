"""An OTLP receiver that records everything it accepts, and misbehaves when told to.

It speaks HTTP/protobuf or gRPC. How it answers is a rule, a function from the request to an `Answer`:

    receiver.answers(refuse(503, retry_after=1))      # from now on
    receiver.answers(refuse(503), times=3)            # for the next three requests
    receiver.down(); receiver.up()                    # nobody listens; somebody does again, on the same port
"""

import base64
import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import zstandard
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc

from .otlp import REJECTED, REQUESTS, RESPONSES, items
from .ports import free_port
from .wait import until


@dataclass
class Answer:
    """What to do with one request."""

    status: int = 200
    retry_after: float | None = None  # seconds
    delay: float = 0.0  # seconds before the answer
    after: threading.Event | None = None  # what the answer waits for
    reject: object = None  # predicate on items: those are refused by a partial success
    hang_up: bool = False  # accept, then close the connection without an answer


def accept():
    return Answer()


def refuse(status, retry_after=None):
    return Answer(status, retry_after)


def slow(seconds):
    return Answer(delay=seconds)


def partial(reject):
    return Answer(reject=reject)


def hang_up():
    return Answer(hang_up=True)


@dataclass
class Request:
    """One export request as it came in, with what was answered."""

    signal: str
    headers: dict
    items: list
    size: int  # bytes as sent, compressed
    answer: Answer
    at: float = field(default_factory=time.monotonic)


class Receiver:
    """Common to both protocols: what came in, and the rule by which it is answered."""

    def __init__(self, tls=None, host="127.0.0.1"):
        self.host = host
        self.tls = tls  # a harness.certs.Certificate
        self.port = free_port()
        self.requests = []
        self._accepted = {"logs": [], "traces": [], "metrics": []}
        self._rule, self._times = accept(), None
        self._lock = threading.Lock()
        self._hand = None
        self.up()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def answers(self, answer, times=None):
        """How to answer from now on, or for so many requests; `answer` may be a function of the request's items."""
        with self._lock:
            self._rule, self._times = answer, times

    def answers_normally(self):
        self.answers(accept())

    def hands_to(self, hand):
        """Gives what it accepts to `hand` and keeps nothing, for more than one wants to keep."""
        self._hand = hand

    def take(self, signal, headers, message, size):
        """Records a request and says how to answer it."""
        found = items(signal, message)
        with self._lock:
            rule = self._rule
            if self._times is not None:
                self._times -= 1
                if self._times <= 0:
                    self._rule, self._times = accept(), None
            answer = rule(found) if callable(rule) else rule
            if not self._hand:
                self.requests.append(Request(signal, headers, found, size, answer))
        if answer.delay:
            time.sleep(answer.delay)
        if answer.after:
            answer.after.wait(30)
        rejected = []
        if answer.status == 200:
            rejected = [item for item in found if answer.reject and answer.reject(item)]
            kept = [item for item in found if not (answer.reject and answer.reject(item))]
            if self._hand:
                self._hand(kept)
                return answer, len(rejected)
            with self._lock:
                self._accepted[signal].extend(kept)
        return answer, len(rejected)

    @property
    def logs(self):
        with self._lock:
            return list(self._accepted["logs"])

    @property
    def spans(self):
        with self._lock:
            return list(self._accepted["traces"])

    @property
    def metrics(self):
        with self._lock:
            return list(self._accepted["metrics"])

    @property
    def lines(self):
        """Bodies of the log records, in the order of their arrival."""
        return [item.text for item in self.logs]

    def wait_logs(self, count, timeout=60):
        """Waits for so many log records and returns them."""
        until(lambda: len(self.logs) >= count, f"{count} log records at the receiver", timeout, every=0.05)
        return self.logs

    def wait_requests(self, count, timeout=30):
        until(lambda: len(self.requests) >= count, f"{count} requests at the receiver", timeout)
        return list(self.requests)


def _response(signal, rejected):
    response = RESPONSES[signal]()
    if rejected:
        setattr(response.partial_success, REJECTED[signal], rejected)
        response.partial_success.error_message = "told to reject some"
    return response


def from_json(kind, body):
    """An OTLP/JSON request: its ids are hex, where the JSON of protobuf has base64."""

    def ids(value):
        if isinstance(value, list):
            return [ids(item) for item in value]
        if not isinstance(value, dict):
            return value
        hexed = {"traceId", "spanId", "parentSpanId"}
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in hexed else ids(v) for k, v in value.items()}

    return json_format.ParseDict(ids(json.loads(body)), kind())


PARSERS = {"application/x-protobuf": lambda kind, body: kind.FromString(body), "application/json": from_json}


class HttpReceiver(Receiver):
    """OTLP/HTTP with protobuf bodies; JSON too, from other tools."""

    protocol = "http/protobuf"

    def up(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver._post(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

            def process_request(self, connection, address):
                receiver._connections.add(connection)
                super().process_request(connection, address)

            def handle_error(self, *_):
                pass  # a client that goes away in the middle is part of some tests

        self._connections = set()
        self._server = Server((self.host, self.port), Handler)
        if self.tls:
            self._server.socket = self.tls.server_context().wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self):
        """Stops listening and cuts the connections that stand."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def _post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        signal = handler.path.removeprefix("/v1/")
        if signal not in REQUESTS or handler.headers["Content-Type"] not in PARSERS:
            handler.send_error(404)
            return
        size = len(body)
        encoding = handler.headers.get("Content-Encoding", "identity")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        message = PARSERS[handler.headers["Content-Type"]](REQUESTS[signal], body)
        headers = {name.lower(): text for name, text in handler.headers.items()}
        answer, rejected = self.take(signal, headers, message, size)
        if answer.hang_up:
            handler.close_connection = True
            return
        payload = _response(signal, rejected).SerializeToString() if answer.status == 200 else b""
        handler.send_response(answer.status)
        if answer.retry_after is not None:
            handler.send_header("Retry-After", str(answer.retry_after))
        handler.send_header("Content-Type", "application/x-protobuf")
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)


# What a gRPC receiver says where an HTTP one has a status.
GRPC_CODES = {
    503: code_pb2.UNAVAILABLE,
    429: code_pb2.RESOURCE_EXHAUSTED,
    400: code_pb2.INVALID_ARGUMENT,
    413: code_pb2.RESOURCE_EXHAUSTED,
    401: code_pb2.UNAUTHENTICATED,
}


class GrpcReceiver(Receiver):
    """OTLP/gRPC."""

    protocol = "grpc"

    def up(self):
        receiver = self

        def servicer(base, signal):
            class Servicer(base):
                def Export(self, request, context):
                    return receiver._export(signal, request, context)

            return Servicer()

        self._server = grpc.server(
            ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20)]
        )
        logs_grpc.add_LogsServiceServicer_to_server(servicer(logs_grpc.LogsServiceServicer, "logs"), self._server)
        traces_grpc.add_TraceServiceServicer_to_server(
            servicer(traces_grpc.TraceServiceServicer, "traces"), self._server
        )
        metrics_grpc.add_MetricsServiceServicer_to_server(
            servicer(metrics_grpc.MetricsServiceServicer, "metrics"), self._server
        )
        address = f"{self.host}:{self.port}"
        if self.tls:
            bound = self._server.add_secure_port(address, self.tls.grpc_credentials())
        else:
            bound = self._server.add_insecure_port(address)
        assert bound == self.port
        self._server.start()

    def down(self):
        self._server.stop(0).wait()

    def _export(self, signal, request, context):
        headers = {key: text for key, text in context.invocation_metadata()}
        answer, rejected = self.take(signal, headers, request, request.ByteSize())
        if answer.hang_up:
            context.abort(grpc.StatusCode.UNAVAILABLE, "told to hang up")
        if answer.status != 200:
            status = status_pb2.Status(code=GRPC_CODES[answer.status], message=f"told to answer {answer.status}")
            if answer.retry_after is not None:
                nanos = round(answer.retry_after * 1e9)
                delay = duration_pb2.Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
                detail = any_pb2.Any()
                detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
                status.details.append(detail)
            context.abort_with_status(rpc_status.to_status(status))
        return _response(signal, rejected)
