"""The shop in FastAPI, as uvicorn serves it: `uvicorn harness.producers.fastapi_app:app`."""

import logging

from fastapi import FastAPI

from . import charge, restock

app = FastAPI()


@app.get("/orders/{order}")
def order(order: int):
    return {"order": order}


@app.get("/low/{name}")
def low(name: str):
    logging.getLogger("uvicorn.error").warning("stock of %s is low", name)
    return {"low": name}


@app.get("/pay/{order}")
def pay(order: int):
    return {"charged": charge(order)}


@app.get("/restock/{name}")
def restocked(name: str):
    return {"stock": restock(name)}
