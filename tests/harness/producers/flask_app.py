"""The shop in Flask, as gunicorn serves it: `gunicorn harness.producers.flask_app:app`."""

from flask import Flask

from . import charge, restock

app = Flask("shop")


@app.get("/orders/<int:order>")
def order(order):
    return {"order": order}


@app.get("/low/<name>")
def low(name):
    app.logger.warning("stock of %s is low", name)
    return {"low": name}


@app.get("/pay/<int:order>")
def pay(order):
    return {"charged": charge(order)}


@app.get("/restock/<name>")
def restocked(name):
    return {"stock": restock(name)}
