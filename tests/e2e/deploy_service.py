#!/usr/bin/env python3
"""A deployment service with jobs, in front of a simulated cluster: deploy_service.py CONTROL

Listens on a free port of the loopback interface and prints it.
  POST /jobs {"server": "ip:port", "action": ..., "version": ...}   202, Location: /jobs/N; wants a token
  GET  /jobs/N   {"state": "queued" | "running" | "done" | "failed", "why": ...}; every other time 503
  POST /hook     keeps the body; GET /hook gives what was kept, a line each
  GET  anything else   404, and the path
A job with the action "start" fails, one with "stop" takes the service with it."""
import http.server
import json
import os
import sys
import threading
import urllib.request

CONTROL = sys.argv[1]
jobs = []
hooks = []


def work(job, order):
    job["state"] = "running"
    path = "/servers/%s/%s" % (order["server"], order["action"])
    if order["action"] == "update":
        path += "?version=" + order["version"]
    try:
        request = urllib.request.Request(CONTROL + path, data=b"", method="POST")
        urllib.request.urlopen(request, timeout=60).read()
        job["state"] = "done"
    except OSError as error:
        job.update(state="failed", why=str(error))


class Service(http.server.BaseHTTPRequestHandler):
    def answer(self, status, value, headers=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/hook":
            hooks.append(body)
            self.answer(204, b"")
            return
        if self.headers.get("Token") != "5f1c":
            self.answer(403, {"error": "no token"})
            return
        if self.headers.get("Content-Type") != "application/json":
            self.answer(415, {"error": "not JSON"})
            return
        order = json.loads(body)
        job = {"state": "queued", "asked": 0}
        jobs.append(job)
        self.answer(202, {"id": len(jobs)}, [("Location", "/jobs/%d" % len(jobs))])
        if order["action"] == "stop":
            os._exit(0)
        if order["action"] == "start":
            job.update(state="failed", why="no space left on device")
        else:
            threading.Thread(target=work, args=(job, order), daemon=True).start()

    def do_GET(self):
        if self.path == "/hook":
            self.answer(200, b"\n".join(hooks))
            return
        if not self.path.startswith("/jobs/"):
            self.answer(404, ("no " + self.path).encode())
            return
        job = jobs[int(self.path.rpartition("/")[2]) - 1]
        job["asked"] += 1
        if self.headers.get("Token") != "5f1c" or job["asked"] % 2 == 1:
            self.answer(503, b"busy")
        else:
            self.answer(200, job)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_address[1], flush=True)
server.serve_forever()
