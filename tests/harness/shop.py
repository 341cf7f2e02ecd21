"""A real application, Flask, instrumented by OpenTelemetry: its server spans go to an OTLP/HTTP receiver.

    Shop(directory, receiver, certificate=None)     # or the fixture `shop`
    shop.url + "/"                       # {"trace_id": "…"}: that of the request's span
    shop.url + "/orders/7"               # with a span `look up` of its own below
    shop.url + "/fail"                   # 500, an exception in the span
    shop.url + "/slow/0.5"
    shop.spans                           # what came at the receiver from it, the items of harness/otlp.py

Its resource has `service.name` `shop`; spans are exported within 50 ms.
"""

from .program import Program
from .wait import until


class Shop(Program):
    """See the module. The receiver is one of HTTP."""

    def __init__(self, directory, receiver, certificate=None):
        self.receiver = receiver
        ca_file = str(receiver.tls.ca_file) if receiver.tls else None
        super().__init__(directory, "shop", certificate, endpoint=f"{receiver.url}/v1/traces", ca_file=ca_file)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address}"

    @property
    def spans(self):
        return [span for span in self.receiver.spans if span.resource.get("service.name") == "shop"]

    def wait_spans(self, count, timeout=15):
        return until(lambda: len(self.spans) >= count and self.spans, f"{count} spans of the application", timeout)
