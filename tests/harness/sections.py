"""Sections of the configuration that many tests want, as plain dicts."""


def otlp(receiver, **over):
    """An exporter that pushes to `receiver` without waiting long for a batch to fill."""
    section = {
        "name": "default",
        "endpoint": receiver.url,
        "protocol": receiver.protocol,
        "batch": {"max_delay": "20ms"},
        "retry": {"initial": "50ms", "max": "500ms"},
    }
    if receiver.tls:
        section["tls"] = {"ca_file": str(receiver.tls.ca_file)}
    return section | over


def tail(path, **over):
    """A log source on `path`, read from its beginning."""
    return {"name": "app", "include": [str(path)], "start_at": "beginning"} | over


def tailing(path, *receivers, exporter=None, **over):
    """From a file to the receivers: the whole configuration."""
    exporters = [otlp(receiver, name=f"to{number}", **(exporter or {})) for number, receiver in enumerate(receivers)]
    return {"collectors": {"logs": [tail(path, **over)]}, "exporters": {"otlp": exporters}}


def probing(*probes, **sections):
    """Probes every 200 ms unless they say otherwise."""
    quick = [{"interval": "200ms", "timeout": "2s"} | probe for probe in probes]
    return {"collectors": {"probes": quick}} | sections
