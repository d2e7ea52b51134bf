"""Messages, delivered to a web server and a mail server on loopback by the unmodified library."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from marketmill.notifications import CONNECTION, Topic, notify, notify_failure

SECRET = "s3cr3t-token"


@pytest.fixture
def hook_server():
    """Notes the JSON that it is sent; answers with ``server.status``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.taken.append((self.path, body))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.taken, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def mail_server():
    """Takes every mail; ``server.taken`` holds their texts."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (line := self.rfile.readline()) != b".\r\n":
                        text += line
                    self.server.taken.append(text.decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.taken, server.daemon_threads = [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def connect(monkeypatch, *services: dict) -> None:
    connection = {"conn_type": "apprise", "extra": {"config": list(services)}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", json.dumps(connection))


def at(server, path: str = "hook") -> str:
    return f"json://user:{SECRET}@127.0.0.1:{server.server_address[1]}/{path}"


def test_without_a_connection_nothing_is_said(monkeypatch, caplog):
    monkeypatch.delenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", raising=False)
    notify(Topic.DRIFT, "one champion drifted", "volatility_garch")
    assert "was not sent" not in caplog.text


def test_a_service_hears_of_its_topic_only(monkeypatch, hook_server, caplog):
    connect(monkeypatch, {"path": at(hook_server, "all")}, {"path": at(hook_server, "drift"), "tag": "drift"})
    notify(Topic.PROMOTION, "volatility_garch version 3 serves", "better by 2 %")
    notify(Topic.DRIFT, "one champion drifted", "volatility_garch: loss")
    told = [(path, body["title"]) for path, body in hook_server.taken]
    assert sorted(told) == [
        ("/all", "Marketmill: one champion drifted"),
        ("/all", "Marketmill: volatility_garch version 3 serves"),
        ("/drift", "Marketmill: one champion drifted"),
    ]
    assert not [record for record in caplog.records if record.name == "marketmill.notifications"]


def test_nobody_who_asked_for_a_topic_is_no_failure(monkeypatch, hook_server, caplog):
    connect(monkeypatch, {"path": at(hook_server), "tag": "drift"})
    notify(Topic.QUARANTINE, "9 of 10 rows were refused", "")
    assert hook_server.taken == []
    assert not [record for record in caplog.records if record.name == "marketmill.notifications"]


def test_mail_arrives(monkeypatch, mail_server):
    port = mail_server.server_address[1]
    connect(monkeypatch, {"path": f"mailto://127.0.0.1:{port}?from=mill@example.org&to=desk@example.org"})
    notify(Topic.FAILURE, "predict.predict failed", "too old")
    (text,) = mail_server.taken
    assert "To: desk@example.org" in text
    assert "Marketmill: predict.predict failed" in text


@pytest.mark.parametrize("status", [500, 403])
def test_what_is_not_taken_is_logged_without_the_address(monkeypatch, hook_server, caplog, status):
    hook_server.status = status
    connect(monkeypatch, {"path": at(hook_server)}, {"path": f"nonsense://{SECRET}"})
    notify(Topic.FAILURE, "predict.predict failed", "too old")
    said = [record.getMessage() for record in caplog.records if record.name == "marketmill.notifications"]
    assert said == [
        f"connection {CONNECTION}: service 2 is no address that Apprise knows",
        f"connection {CONNECTION}: not every service took the message 'predict.predict failed'",
    ]


def test_a_broken_connection_fails_nothing(monkeypatch, caplog):
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", json.dumps({"conn_type": "apprise", "extra": {"config": f"{SECRET}"}}))
    notify(Topic.FAILURE, "predict.predict failed", "too old")
    said = [record.getMessage() for record in caplog.records if record.name == "marketmill.notifications"]
    assert said == ["the message 'predict.predict failed' was not sent: JSONDecodeError"]


def test_a_failed_task_says_which_and_why(monkeypatch, hook_server):
    connect(monkeypatch, {"path": at(hook_server)})
    instance = SimpleNamespace(task_id="train", map_index=2, log_url="http://127.0.0.1:8080/log")
    dag = SimpleNamespace(dag_id="train_models")
    notify_failure({"ti": instance, "dag": dag, "run_id": "manual__1", "exception": ValueError("too little data")})
    ((_, body),) = hook_server.taken
    assert body["title"] == "Marketmill: train_models.train [2] failed"
    assert body["message"] == "too little data\nmanual__1\nhttp://127.0.0.1:8080/log"
    assert body["type"] == "warning"
