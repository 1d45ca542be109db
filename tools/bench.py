#!/usr/bin/env python3
"""make bench: how fast pegflow is on this machine, as one aligned table.

Everything stays on the loopback interface; nothing is left behind. Nothing here fails because of a
number: it fails when what is measured does not end as it should. PEGFLOW and SNAPSHOTS name the
programs; BENCH=word,... picks among the sections (commands, snapshot, drain, rehearse).
"""

import datetime
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

PEGFLOW = os.environ.get("PEGFLOW", "build/pegflow")
SNAPSHOTS = os.environ.get("SNAPSHOTS", "build/tests/bench/snapshots")
TICK = os.sysconf("SC_CLK_TCK")
STOPPED = 4  # exit code of a run that the operator stopped

MODEL = """local parts = require "models.parts"
return model "%s" {
  release = "master", replicas = %d, metas = 2, collectors = 1,
  tables = parts.even_tables(%d, 1000),
}
"""


class Failure(Exception):
    pass


# ---- the table


def show(title, rows):
    """Prints rows of equally many cells below a title, in aligned columns."""
    is_list = len(rows[0]) == 2
    widths = [0 if is_list and i == 1 else max(len(row[i]) for row in rows)
              for i in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells), flush=True)


def machine():
    def first(path, pattern):
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
        return found.group(1).strip() if found else "unknown"

    def git(*words):
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = " and changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    memory_mb = int(first("/proc/meminfo", r"^MemTotal: *(\d+)")) // 1024
    load = os.getloadavg()[0]
    show("machine", [
        ["cpu", f"{first('/proc/cpuinfo', r'^model name[^:]*:(.*)$')}, {os.cpu_count()} cores"],
        ["memory", f"{memory_mb} MB"],
        ["system", f"{platform.system()} {platform.release()}, load {load:.1f} at the start"],
        ["date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")],
        ["commit", (git("rev-parse", "--short", "HEAD") or "unknown") + changed],
    ])


# ---- programs


class Done:
    """A program that has ended: what it printed, wall and CPU seconds, MB at most."""

    def __init__(self, *words):
        began = time.monotonic()
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output)
            _, status, usage = os.wait4(child.pid, 0)
            self.wall_s = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            self.output = output.read().decode()
        if child.returncode != 0:
            raise Failure(f"{' '.join(words)}: exit code {child.returncode}\n{self.output}")
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Simulation:
    """A model served on free ports."""

    def __init__(self, folder, replicas, tables):
        self.model = os.path.join(folder, "served.lua")
        self.cluster = os.path.join(folder, "cluster.lua")
        with open(self.model, "w", encoding="utf-8") as file:
            file.write(MODEL % ("served", replicas, tables))
        self.process = subprocess.Popen(
            [PEGFLOW, "simulate", "--model", self.model, "--base-port", "0",
             "--write-cluster", self.cluster],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.metas = []
        self.control = None
        for line in self.process.stdout:
            if re.match(r"m\d", line):
                self.metas += re.findall(r"127\.0\.0\.1:\d+", line)[:1]
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            self.control = found.group(0) if found else self.control
            if line.strip() == "ready":
                return
        self.end()
        raise Failure("the simulated cluster did not start")

    def ask(self, path):
        with urllib.request.urlopen(self.control + path, timeout=30) as reply:
            return json.load(reply)

    def end(self):
        """Its exit code: 6 when a request came that would have brought a real server down."""
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        return self.process.wait()


# ---- what is measured


def commands(_folder):
    rows = [["", "median ms", "CPU ms", "times"]]
    for times, words in (
        (20, ["check", "workflows/ha.lua"]),
        (5, ["rehearse", "workflows/ha.lua", "--model", "five-nodes"]),
    ):
        runs = [Done(PEGFLOW, *words) for _ in range(times)]
        rows.append([
            "pegflow " + " ".join(words),
            f"{statistics.median(run.wall_s for run in runs) * 1000:.1f}",
            f"{statistics.median(run.cpu_s for run in runs) * 1000:.1f}",
            str(times),
        ])
    show("commands", rows)


def snapshot(folder):
    times = 20
    simulation = Simulation(folder, 5, 10)
    try:
        before = simulation.ask("/traffic")
        read = Done(SNAPSHOTS, str(times), *simulation.metas)
        after = simulation.ask("/traffic")
    finally:
        simulation.end()
    lines = [line.split() for line in read.output.splitlines()]
    ms = sorted(int(line[0]) / 1000 for line in lines)
    if any(line[1] != "10000" for line in lines):
        raise Failure(f"a snapshot is not of 10000 partitions:\n{read.output}")
    show("snapshot of 10,000 partitions in 10 tables, over the wire", [
        ["", "median ms", "least", "most", "CPU ms", "bytes", "requests"],
        ["each of %d" % times, f"{statistics.median(ms):.1f}", f"{ms[0]:.1f}", f"{ms[-1]:.1f}",
         f"{read.cpu_s * 1000 / times:.1f}",
         str((after["reply_bytes"] - before["reply_bytes"]) // times),
         str((after["requests"] - before["requests"]) // times)],
    ])


def drain_once(folder, settings):
    """Until the first server is about to be updated; then the run is stopped."""
    simulation = Simulation(folder, 5, 5)
    run = None
    said = tempfile.TemporaryFile("w+", dir=folder)
    try:
        run = subprocess.Popen(
            [PEGFLOW, "run", "workflows/ha.lua", "-c", simulation.cluster, "--confirm", "onebox",
             "--state", os.path.join(folder, "state"), "--output", "json", *settings],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True)
        began = row = None
        for line in run.stdout:
            event = json.loads(line)
            if event["event"] != "step_started" or row is not None:
                continue
            if began is None and event["step"].endswith("/drain"):
                began = time.monotonic(), cpu_seconds(run.pid), simulation.ask("/traffic")
            elif began is not None and event["kind"] == "deploy":
                totals, traffic = simulation.ask("/totals"), simulation.ask("/traffic")
                row = [f"{time.monotonic() - began[0]:.1f}",
                       f"{cpu_seconds(run.pid) - began[1]:.2f}",
                       str(traffic["requests"] - began[2]["requests"]),
                       str(totals["longest_read_us"] // 1000),
                       str(totals["longest_write_us"] // 1000),
                       str(totals["changes"])]
                run.send_signal(signal.SIGINT)
        code = run.wait()
        if row is None or code != STOPPED:
            said.seek(0)
            raise Failure(f"the drain ended with exit code {code}\n{said.read()}")
    finally:
        if run is not None and run.poll() is None:
            run.kill()
        violations = simulation.end()
        said.close()
    if violations != 0:
        raise Failure(f"the simulated cluster counted violations (exit code {violations})")
    return row


def has_pace():
    with open("workflows/ha.lua", encoding="utf-8") as file:
        return "--set pace" in file.read()


def drain(folder):
    batch = 1000
    rows = [["", "seconds", "CPU s", "round trips", "longest read ms", "longest write ms",
             "changes"]]
    rows.append([f"careful, batch={batch}", *drain_once(folder, ["--set", f"batch={batch}"])])
    if has_pace():
        rows.append(["swift", *drain_once(folder, ["--set", "pace=swift"])])
    else:
        rows.append(["swift: this workflow has no pace", *[""] * (len(rows[0]) - 1)])
    show("drain of a server with 1,000 primaries and 2,000 secondaries, over the wire\n"
         "(production timings: the meta server's round is 10 s; longest: how long a partition was "
         "away)", rows)


def rehearse(folder):
    rows = [["", "seconds", "CPU s", "MB", "virtual", "virtual/real", "CPU us a partition"]]
    path = os.path.join(folder, "rehearsed.lua")
    for tables in (10, 30, 100):
        with open(path, "w", encoding="utf-8") as file:
            file.write(MODEL % ("rehearsed", 100, tables))
        run = Done(PEGFLOW, "rehearse", "workflows/ha.lua", "--model", path, "--output", "json")
        summary = json.loads(run.output.splitlines()[-1])
        virtual_s = summary["duration_ms"] / 1000
        partitions = tables * 1000
        rows.append([
            f"{partitions:,} partitions", f"{run.wall_s:.1f}", f"{run.cpu_s:.1f}",
            f"{run.peak_mb:.0f}", f"{virtual_s / 3600:.1f} h", f"{virtual_s / run.wall_s:,.0f}",
            f"{run.cpu_s * 1e6 / partitions:.0f}",
        ])
    show("rehearsal of ha.lua on 100 servers", rows)


SECTIONS = {"commands": commands, "snapshot": snapshot, "drain": drain, "rehearse": rehearse}


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    wanted = [word for word in os.environ.get("BENCH", "").split(",") if word] or list(SECTIONS)
    unknown = [word for word in wanted if word not in SECTIONS]
    if unknown:
        print(f"bench: no section '{unknown[0]}': {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    machine()
    with tempfile.TemporaryDirectory() as folder:
        for word in wanted:
            try:
                SECTIONS[word](folder)
            except Failure as failure:
                print(f"bench: {word}: {failure}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
