#!/usr/bin/env python3
"""Reads a simulated cluster as a stranger would, over RPC, HTTP and the control endpoint.

  simulate_client.py RELEASE READY SCENARIO

RELEASE is master or 2.5; READY the file with what `pegflow simulate` printed until it was ready.
SCENARIO: read (no violation comes of it) or violate (one does). The last line is "N passed, N failed".
"""
import json
import os
import re
import socket
import struct
import sys
import urllib.error
import urllib.request

RELEASE, READY, SCENARIO = sys.argv[1:4]
os.environ["PEG_HP"] = "1" if RELEASE == "master" else "0"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pegrpc  # noqa: E402

passed = failed = 0


def check(what, got, wanted=True):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print("FAIL  %s: got %r, wanted %r" % (what, got, wanted))


def read_ready():
    servers, control = {}, None
    for line in open(READY):
        row = re.match(r"^([rmc]\d+) +(\w+) +(\S+:\d+)", line)
        if row:
            servers[row.group(1)] = row.group(3)
        if line.startswith("control: http://"):
            control = line.split()[1]
    return servers, control


SERVERS, CONTROL = read_ready()
REPLICAS = sorted(v for k, v in SERVERS.items() if k[0] == "r")
METAS = sorted(v for k, v in SERVERS.items() if k[0] == "m")
COLLECTORS = sorted(v for k, v in SERVERS.items() if k[0] == "c")


def rpc(address, *call):
    return pegrpc.once(address, *call)[0]


def control(method, path):
    request = urllib.request.Request(CONTROL + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 10)


def exchange(address, *parts):
    """Sends the parts, waiting for a reply between them where one comes, and reads until the end or
    until a second passes without a byte. Returns the bytes and how it ended."""
    with connect(address) as connection:
        data = b""
        for part in parts:
            connection.settimeout(0.3 if part is not parts[-1] else 1.0)
            try:
                connection.sendall(part)
                while True:
                    more = connection.recv(65536)
                    if not more:
                        return data, "closed"
                    data += more
                    if part is parts[-1] and data.endswith(b"}\n"):
                        return data, "open"
            except (ConnectionResetError, BrokenPipeError):
                return data, "closed"
            except socket.timeout:
                pass
        return data, "open"


def leader():
    leading = [m for m in METAS if rpc(m, "info")["err"] == "ERR_OK"]
    check("exactly one meta server leads", len(leading), 1)
    return leading[0]


def check_cluster(meta):
    info = rpc(meta, "info")
    check("keys of cluster info", info["keys"],
          ["meta_servers", "primary_meta_server", "zookeeper_hosts", "zookeeper_root",
           "meta_function_level", "balance_operation_count", "primary_replica_count_stddev",
           "total_replica_count_stddev", "cluster_name"])
    values = dict(zip(info["keys"], info["values"]))
    check("the meta servers listed", len(values["meta_servers"].split(",")), len(METAS))
    for standby in METAS:
        if standby != meta:
            check("a standby refuses inside", rpc(standby, "info")["err"], "ERR_FORWARD_TO_OTHERS")
            check("a standby lists no nodes", rpc(standby, "nodes")["infos"], [])
    level = rpc(meta, "level")
    check("the level is told twice alike", {400: "steady", 500: "lively"}.get(level["old_level"]),
          values["meta_function_level"])
    check("setting the level", rpc(meta, "level", "500")["err"], "ERR_OK")
    check("the level set is told", rpc(meta, "level", "400")["old_level"], 500)


def check_tables(meta):
    nodes = rpc(meta, "nodes")["infos"]
    check("nodes are the replica servers", sorted(n["node"] for n in nodes), REPLICAS)
    check("all are alive", {n["status"] for n in nodes}, {1})
    check("host names travel by release", {"hp_node" in n for n in nodes}, {RELEASE == "master"})
    apps = rpc(meta, "apps", "1")["infos"]
    check("three tables", len(apps), 3)
    check("partitions in all", sum(a["partitions"] for a in apps) >= 64)
    held = {r: set() for r in REPLICAS}
    for app in apps:
        table = rpc(meta, "table", app["name"])
        check("table %s is whole" % app["name"], len(table["partitions"]), app["partitions"])
        for partition in table["partitions"]:
            members = [partition["primary"]] + partition["secondaries"]
            check("members of %s" % partition["pid"], len(set(members)), app["rf"])
            for member in members:
                held[member].add(partition["pid"])
    for replica in REPLICAS:
        served = rpc(replica, "replicas")
        check("what %s holds" % replica, {r["pid"] for r in served["replicas"]}, held[replica])
    check("an unknown table", rpc(meta, "table", "no-such")["err"], "ERR_OBJECT_NOT_FOUND")


def check_commands(meta):
    limit = "meta.lb.add_secondary_max_count_for_one_node"
    before = rpc(meta, "cli", limit)
    wanted = {"master": '"%s": "20"' % limit, "2.5": "20"}[RELEASE]
    check("a setting is told as the release does", wanted in before)
    check("a setting is set", "ok" in rpc(meta, "cli", limit, "0").lower())
    rpc(meta, "cli", limit, "20")
    check("it is back", rpc(meta, "cli", limit), before)
    check("an unknown command", rpc(meta, "cli", "xyzzy"), "unknown command 'xyzzy'")
    check("server-info of a replica server", "tarted" in rpc(REPLICAS[0], "cli", "server-info")
          or "start_time" in rpc(REPLICAS[0], "cli", "server-info"))
    check("a collector has no commands", rpc(COLLECTORS[0], "cli", "help")["rpc_error"],
          "ERR_HANDLER_NOT_FOUND")
    check("a replica server is no meta", rpc(REPLICAS[0], "nodes")["rpc_error"],
          "ERR_HANDLER_NOT_FOUND")


def check_http(meta):
    get = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    for address in METAS + REPLICAS:
        data, end = exchange(address, get)
        head, _, body = data.partition(b"\r\n\r\n")
        check("version of %s" % address, "Version" in json.loads(body))
        check("the head, byte for byte", head, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
              b"Content-Length: %d" % len(body))
        check("the connection stays open", end, "open")
    data, end = exchange(meta, get + get + get)
    check("requests in one piece are all answered", data.count(b"HTTP/1.1 200 OK"), 3)
    check("a request in two pieces", exchange(meta, get[:20], get[20:]), (b"", "closed"))
    check("HEAD", exchange(meta, b"HEAD /version HTTP/1.1\r\n\r\n"), (b"", "closed"))
    check("PUT", exchange(meta, b"PUT /version HTTP/1.1\r\n\r\n"), (b"", "closed"))
    data, end = exchange(meta, b"POST /version HTTP/1.1\r\nContent-Length: 2\r\n\r\nxy")
    check("POST is GET", (data[:15], end), (b"HTTP/1.1 200 OK", "open"))
    data, _ = exchange(meta, b"GET /no/such HTTP/1.1\r\n\r\n")
    check("a wrong path", data.endswith(b'service not found for "no/such"'))
    standby = [m for m in METAS if m != meta][0]
    data, _ = exchange(standby, b"GET /meta/nodes HTTP/1.1\r\n\r\n")
    check("a standby redirects", data.startswith(b"HTTP/1.1 307 Temporary Redirect\r\n"))
    check("to the leader", b"Location: http://" in data and data.endswith(b"\r\n\r\n"))
    metrics, _ = exchange(REPLICAS[0], b"GET /metrics HTTP/1.1\r\n\r\n")
    check("metrics by release", metrics[9:12], b"200" if RELEASE == "master" else b"404")


def check_hostile(meta):
    good = pegrpc.struct.pack(">IIIIIiiii", 0, 48, 0, 0, 0, 0, 0, 5000, 0)
    cases = {
        "noise": bytes(range(256)),
        "a hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "the servers' own protocol": b"RDSN" + bytes(100),
        "a header of version 7": b"THFT" + struct.pack(">II", 7, 48) + bytes(40),
        "a header length of 49": b"THFT" + struct.pack(">II", 0, 49) + bytes(40),
        "2 GB announced": b"THFT" + struct.pack(">IIII", 0, 48, 0, 0x7fffffff) + bytes(28),
        "4 GB announced": b"THFT" + struct.pack(">IIII", 0, 48, 0, 0xffffffff) + bytes(28),
        "an empty body": b"THFT" + good + bytes(8),
        "a reply as request": b"THFT" + struct.pack(">IIIII", 0, 48, 0, 12, 0) +
                              struct.pack(">iiii", 0, 0, 5000, 0) + bytes(8) +
                              b"\x80\x01\x00\x02" + bytes(8),
        "HTTP without an end of line": b"GET " + b"a" * 100000,
        "HTTP of another age": b"GET /version HTTP/0.9\r\n\r\n",
    }
    for name, payload in cases.items():
        check(name, exchange(meta, payload), (b"", "closed"))
    with connect(meta) as connection:
        rpc_first = pegrpc.Conn(meta)
        rpc_first.call(*pegrpc.body("info", []))
        rpc_first.k.sendall(b"GET /version HTTP/1.1\r\n\r\n")
        check("HTTP on a connection of RPC", rpc_first.k.recv(100), b"")
        check("others go on", rpc(meta, "info")["err"], "ERR_OK")
        connection.sendall(b"TH")
    check("all goes on", rpc(meta, "nodes")["err"], "ERR_OK")


def pipeline(meta, count):
    """Many requests in one segment: all are answered, each under its own number."""
    connection = pegrpc.Conn(meta)
    frames = b""
    for sequence in range(1, count + 1):
        code, body = pegrpc.body("nodes", [])
        payload = (struct.pack(">I", 0x80010001) + pegrpc.s(code) + pegrpc.i32(sequence) +
                   pegrpc.fld(12, 1) + body + b"\0")
        frames += (b"THFT" + struct.pack(">IIIII", 0, 48, 0, len(payload), 0) +
                   struct.pack(">iiii", 0, 0, 5000, 0) + bytes(8) + payload)
    connection.k.sendall(frames)
    numbers = set()
    for _ in range(count):
        size = struct.unpack(">i", connection.rx(4))[0]
        reader = pegrpc.R(connection.rx(size - 4))
        error, _, _, number = reader.st(), reader.u("I"), reader.st(), reader.u("i")
        numbers.add((error, number))
    check("%d requests in a row" % count, numbers,
          {("ERR_OK", n) for n in range(1, count + 1)})


def check_control():
    status, servers = control("GET", "/servers")
    check("servers listed", (status, len(servers)), (200, len(SERVERS)))
    check("all are up", {s["process"] for s in servers}, {"up"})
    victim = SERVERS["r2"]
    old = pegrpc.Conn(victim)
    check("a kill", control("POST", "/servers/r2/kill")[0], 200)
    try:
        ended = old.k.recv(1) == b""
    except ConnectionResetError:
        ended = True
    check("connections of a killed server end", ended)
    try:
        connect(victim)
        refused = False
    except ConnectionRefusedError:
        refused = True
    check("a killed server refuses connections", refused)
    check("a second kill makes no sense", control("POST", "/servers/r2/kill")[0], 409)
    check("an update starts it", control("POST", "/servers/%s/start" % victim)[0], 200)
    check("no such server", control("POST", "/servers/r99/stop")[0], 404)
    check("no such path", control("GET", "/xyzzy")[0], 404)
    check("the wrong method", control("GET", "/break-updates")[0], 405)
    check("a word that is none", control("POST", "/break-updates?broken=maybe")[0], 400)
    check("updates break", control("POST", "/break-updates?broken=true"), (200, {"broken": True}))
    check("and work", control("POST", "/break-updates?broken=false"), (200, {"broken": False}))
    status, totals = control("GET", "/totals")
    check("totals", (status, sorted(totals)[0]), (200, "changes"))
    check("no violations", control("GET", "/violations"), (200, []))


def violate(meta):
    """An app id in the header of an admin call: upstream's process aborts."""
    connection = pegrpc.Conn(meta)
    code, body = pegrpc.body("nodes", [])
    payload = (struct.pack(">I", 0x80010001) + pegrpc.s(code) + pegrpc.i32(1) +
               pegrpc.fld(12, 1) + body + b"\0")
    connection.k.sendall(b"THFT" + struct.pack(">IIIII", 0, 48, 0, len(payload), 0) +
                         struct.pack(">iiii", 1, 0, 5000, 0) + bytes(8) + payload)
    try:
        connection.k.recv(1)
        while connection.k.recv(4096):
            pass
    except ConnectionResetError:
        pass
    status, violations = control("GET", "/violations")
    check("one violation is counted", (status, len(violations)), (200, 1))
    states = {s["server"]: s["process"] for s in control("GET", "/servers")[1]}
    check("the process is gone", states[meta], "down")


if SCENARIO == "read":
    LEADER = leader()
    check_cluster(LEADER)
    check_tables(LEADER)
    check_commands(LEADER)
    check_http(LEADER)
    check_hostile(LEADER)
    pipeline(LEADER, 500)
    check_control()
else:
    violate(leader())
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
