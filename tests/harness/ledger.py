"""The books of a page of metrics: `read = delivered + filtered + dropped + in flight`, of everything that flows."""

OUTCOMES = ("read", "delivered", "filtered", "dropped")
SPOOL_OUTCOMES = ("written", "recovered", "delivered", "dropped")


def unbalanced(page):
    """What does not balance, in words; empty where all does."""
    return sources(page) + destinations(page) + spools(page)


def book(page, **labels):
    """The columns of all events that carry these labels."""
    columns = {outcome: page.total("vigie_events_total", outcome=outcome, **labels) for outcome in OUTCOMES}
    return columns | {"in_flight": page.total("vigie_events_in_flight", **labels)}


def sources(page):
    wrong = []
    books = {(s.labels["source"], s.labels["signal"]) for s in page.series("vigie_events_total")}
    for source, signal in sorted(books):
        columns = book(page, source=source, signal=signal)
        if columns["read"] != sum(columns[c] for c in ("delivered", "filtered", "dropped", "in_flight")):
            wrong.append(f"{source} {signal}: {columns}")
    return wrong


def destinations(page):
    """A destination had every event that was offered, no more and, when nothing is in flight, no less.

    What was dropped before it reached a destination is known by signal, not by destination: it is the tolerance.
    """
    wrong = []
    reloaded = page.total("vigie_config_reloads_total") > 0
    for series in page.series("vigie_export_events_total", outcome="delivered"):
        exporter, signal = series.labels["exporter"], series.labels["signal"]
        if signal == "metrics":
            continue  # state: nothing is offered
        columns = book(page, signal=signal)
        # What one that lags behind reads again comes besides what the others had.
        again = page.total("vigie_events_read_again_total", exporter=exporter) if signal == "logs" else 0
        # What a route sends elsewhere is not offered here.
        elsewhere = page.total("vigie_events_routed_elsewhere_total", exporter=exporter) if signal == "logs" else 0
        offered = columns["read"] - columns["filtered"] - elsewhere + again
        before = columns["dropped"] - page.total(
            "vigie_events_total", signal=signal, outcome="dropped", reason="rejected"
        )
        done = sum(
            page.total("vigie_export_events_total", exporter=exporter, signal=signal, outcome=outcome)
            for outcome in ("delivered", "dropped")
        )
        # A spool has what was there before, and keeps what sources take for delivered.
        spooled = spool(page, exporter, signal)
        offered += spooled["recovered"]
        kept = spooled["waiting"]
        # One that came later, by a reload, had only what came since.
        short = columns["in_flight"] == 0 and not reloaded and not again and done + kept < offered - before
        if done > offered or short:
            wrong.append(
                f"{exporter} {signal}: {done} of {offered} offered, {before} dropped before; {columns}, {spooled}"
            )
    return wrong


def spool(page, exporter, signal):
    """The columns of a spool; all 0 where there is none."""
    labels = {"exporter": exporter, "signal": signal}
    columns = {outcome: page.total("vigie_spool_events_total", outcome=outcome, **labels) for outcome in SPOOL_OUTCOMES}
    return columns | {"waiting": page.total("vigie_spool_waiting_events", **labels)}


def spools(page):
    """`written + recovered = delivered + dropped + waiting`, of every spool."""
    wrong = []
    for series in page.series("vigie_spool_waiting_events"):
        columns = spool(page, series.labels["exporter"], series.labels["signal"])
        came = columns["written"] + columns["recovered"]
        if came != columns["delivered"] + columns["dropped"] + columns["waiting"]:
            wrong.append(f"spool of {series.labels}: {columns}")
    return wrong
