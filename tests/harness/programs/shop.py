"""A Flask application whose requests OpenTelemetry traces, and sends to an OTLP receiver. Option: `endpoint`."""

import time

from flask import Flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from werkzeug.serving import WSGIRequestHandler, make_server

from . import OPTIONS, obey, tell, tls_context

app = Flask("shop")


@app.get("/")
def home():
    return {"trace_id": format(trace.get_current_span().get_span_context().trace_id, "032x")}


@app.get("/orders/<int:number>")
def order(number):
    with trace.get_tracer("shop").start_as_current_span("look up"):
        return {"order": number}


@app.get("/fail")
def fail():
    raise RuntimeError("told to fail")


@app.get("/slow/<float:seconds>")
def slow(seconds):
    time.sleep(seconds)
    return {"slept": seconds}


class Handler(WSGIRequestHandler):
    """HTTP/1.1, so that connections stay."""

    protocol_version = "HTTP/1.1"


def main():
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    exporter = OTLPSpanExporter(endpoint=OPTIONS["endpoint"], certificate_file=OPTIONS["ca_file"])
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=50))
    trace.set_tracer_provider(provider)
    FlaskInstrumentor().instrument_app(app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler, ssl_context=tls_context())
    obey()
    tell("listening", port=server.server_port)
    server.serve_forever()


main()
