"""OTLP messages, decoded by the official definitions into what tests ask about."""

from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE as CUMULATIVE

REQUESTS = {
    "logs": logs.ExportLogsServiceRequest,
    "traces": traces.ExportTraceServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
}
RESPONSES = {
    "logs": logs.ExportLogsServiceResponse,
    "traces": traces.ExportTraceServiceResponse,
    "metrics": metrics.ExportMetricsServiceResponse,
}
REJECTED = {"logs": "rejected_log_records", "traces": "rejected_spans", "metrics": "rejected_data_points"}


@dataclass
class Item:
    """A log record, span or metric with the resource and the scope it came under. `raw` is the message itself."""

    raw: object
    resource: dict
    scope: str
    attributes: dict = field(default_factory=dict)

    @property
    def body(self):
        """The record's body as a Python value."""
        return value(self.raw.body)

    @property
    def text(self):
        """The line the record was made from: the body where it is the whole line, as without a parser."""
        return self.raw.body.string_value

    @property
    def name(self):
        return self.raw.name


def value(any_value):
    """A Python value from an AnyValue."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(any_value, kind)
    if kind == "array_value":
        return [value(item) for item in inner.values]
    if kind == "kvlist_value":
        return dictionary(inner.values)
    return inner


def dictionary(pairs):
    """A dict from key-value pairs; a key that stands there twice breaks the protocol's rule and is an error."""
    result = {pair.key: value(pair.value) for pair in pairs}
    assert len(result) == len(pairs), f"a key stands twice in {[pair.key for pair in pairs]}"
    return result


def items(signal, message):
    """Every log record, span or metric of an export request."""
    if signal == "logs":
        outer, inner, leaf = "resource_logs", "scope_logs", "log_records"
    elif signal == "traces":
        outer, inner, leaf = "resource_spans", "scope_spans", "spans"
    else:
        outer, inner, leaf = "resource_metrics", "scope_metrics", "metrics"
    found = []
    for group in getattr(message, outer):
        resource = dictionary(group.resource.attributes)
        for scope in getattr(group, inner):
            for raw in getattr(scope, leaf):
                attributes = dictionary(raw.attributes) if signal != "metrics" else {}
                found.append(Item(raw, resource, scope.scope.name, attributes))
    return found


def kind(metric):
    """The instrument that a metric's data tell of."""
    data = metric.WhichOneof("data")
    if data != "sum":
        return data
    assert metric.sum.aggregation_temporality == CUMULATIVE
    return "counter" if metric.sum.is_monotonic else "up_down"


def points(metric):
    """Values by attributes of a gauge or a sum; two points with the same attributes are an error."""
    found = {}
    for point in getattr(metric, metric.WhichOneof("data")).data_points:
        attributes = frozenset(dictionary(point.attributes).items())
        assert attributes not in found, f"{metric.name} has two points with {dict(attributes)}"
        found[attributes] = getattr(point, point.WhichOneof("value"))
    return found
