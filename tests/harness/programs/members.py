"""A Flask application with a login as many have it: a form with a token, a session in a cookie, JSON behind it.

| path | answer |
|---|---|
| GET `/login` | a form with the token `csrf`, and the cookie `session` |
| POST `/login` | 302 to `/home` if the token is that of the session, and user and password are `probe` and `p&ss`; else 403 |
| GET `/home` | 200 with a session that is logged in, else 401; the header `X-Basket` |
| GET `/api/token` | JSON with a `token` and the `user`, for a session that is logged in |
| POST `/api/baskets/NAME` | JSON; 401 but for `Authorization: Bearer` with the token, 400 but for a body of JSON with the user |
"""

import base64
import os

from flask import Flask, jsonify, make_response, redirect, request
from werkzeug.serving import make_server

from . import obey, tell

app = Flask("members")
sessions = {}


def secret():
    # With what a form has to escape.
    return base64.b64encode(os.urandom(16)).decode() + "+/="


def session():
    return sessions.get(request.cookies.get("session", ""))


@app.get("/login")
def form():
    name, csrf = os.urandom(8).hex(), secret()
    sessions[name] = {"csrf": csrf, "member": False, "token": secret()}
    answer = make_response(f'<form method="post"><input type="hidden" name="csrf" value="{csrf}"></form>')
    answer.set_cookie("session", name, httponly=True, path="/", max_age=60)
    return answer


@app.post("/login")
def login():
    mine = session()
    asked = (request.form.get("csrf"), request.form.get("user"), request.form.get("password"))
    if not mine or asked != (mine["csrf"], "probe", "p&ss"):
        return "wrong", 403
    mine["member"] = True
    return redirect("/home")


@app.get("/home")
def home():
    mine = session()
    if not mine or not mine["member"]:
        return "who are you?", 401
    return "welcome", 200, {"X-Basket": "fruit & nuts"}


@app.get("/api/token")
def token():
    mine = session()
    if not mine or not mine["member"]:
        return "who are you?", 401
    return jsonify({"token": mine["token"], "user": {"name": 'the "probe"'}})


@app.post("/api/baskets/<name>")
def basket(name):
    tokens = {f"Bearer {mine['token']}" for mine in sessions.values() if mine["member"]}
    if request.headers.get("Authorization") not in tokens:
        return "no", 401
    if request.get_json(silent=True) != {"user": 'the "probe"'}:
        return "what?", 400
    return jsonify({"basket": name, "items": 3})


def main():
    server = make_server("127.0.0.1", 0, app, threaded=True)
    obey()
    tell("listening", port=server.server_port)
    server.serve_forever()


main()
