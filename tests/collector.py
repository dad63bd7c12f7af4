"""A collector of traces on loopback: it takes OTLP over HTTP and keeps the spans that came."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    """What came, span by span."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    status: int = 200

    def attributes(self, span: Any) -> dict[str, Any]:
        """The attributes of a span as plain values."""
        return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        """Takes what is posted."""

        def do_POST(self) -> None:
            """Keep the spans, or refuse as told."""
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            if kept.status == 200 and self.path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                kept.spans += [
                    span
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
            self.send_response(kept.status)
            self.send_header("content-length", "0")
            self.end_headers()
            kept.came.set()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
