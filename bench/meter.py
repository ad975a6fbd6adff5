# SPDX-License-Identifier: BSD-3-Clause
"""meter - what the scripts of bench/ and test/figures share: load a back-end, and count what it costs

A back-end is a command with {sock} in it; `exec` is put before it, so that the process that is ended is the back-end.
Everything here but ready() counts; nothing that is counted depends on how fast or busy the machine is.

Counts a request are differences: the same run twice, with FEW and with MANY requests, so that start and end fall out.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STRATOS = os.environ.get("STRATOS", str(ROOT / "build" / "stratos"))
FEW, MANY = 4000, 24000  # requests of the two runs
BLK = ["--dev=blk", "--verify=status"]


class Failed(Exception):
    pass


def bench(target, args):
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/result.json"
        done = subprocess.run([STRATOS, "bench", target, "--quiet", f"--json={out}", *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise Failed(f"stratos bench {target} {' '.join(args)}\n{done.stdout}{done.stderr}")
        return json.loads(pathlib.Path(out).read_text())


def load(command, args, wrap=""):
    """run `stratos bench` on a back-end that it starts; wrap: a command before it; returns: the result (JSON)"""
    return bench(f"--spawn=exec {wrap} {command}", args)


def per_request(j, name):
    return j["result"][name] / j["result"]["requests"]


def difference(few, many, counter):
    """counter: of one run, by its two results: number of requests and what was counted"""
    (n, a), (m, b) = counter(few), counter(many)
    return (b - a) / (m - n)


def counted(command, args, wrap, read, few=FEW, many=MANY):
    """a request: the number that `read` matches in the file that the wrapping tool wrote"""
    def one(count):
        for _ in range(3):  # a back-end that takes too long to end is killed, and the tool with it
            with tempfile.TemporaryDirectory() as folder:
                file = f"{folder}/count"
                j = load(command, [*args, f"--count={count}"], wrap.format(file=file))
                found = read(pathlib.Path(file).read_text())
                if found:
                    return j["result"]["requests"], int(found[1].replace(",", ""))
        raise Failed(f"{wrap.split()[0]} counted nothing: {command}")
    return difference(few, many, one)


def instructions(command, args, few=FEW, many=MANY):
    """instructions of the whole back-end, in user space, a request (valgrind's callgrind)"""
    return counted(command, args, "valgrind --quiet --tool=callgrind --callgrind-out-file={file}",
                   lambda text: re.search(r"^(?:summary|totals): (\d+)", text, re.M), few, many)


def allocations(command, args, few=FEW, many=MANY):
    """calls of malloc and its like, a request (valgrind's memcheck)"""
    return counted(command, args, "valgrind --tool=memcheck --leak-check=no --log-file={file}",
                   lambda text: re.search(r"total heap usage: ([\d,]+) allocs", text), few, many)


def syscalls(command, args, few=FEW, many=MANY):
    """{system call: how many a request}, of all threads of the back-end (strace)"""
    def one(count):
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/count"
            j = load(command, [*args, f"--count={count}"], f"strace -f -qq -c -U calls,name -o {file}")
            rows = re.findall(r"^\s*(\d+) (\w+)$", pathlib.Path(file).read_text(), re.M)
            return j["result"]["requests"], {name: int(n) for n, name in rows if name != "total"}
    (n, a), (m, b) = one(few), one(many)
    return {name: (b[name] - a.get(name, 0)) / (m - n) for name in sorted(b) if b[name] != a.get(name, 0)}


class Daemon:
    """a back-end that runs without load; command: argv, {dir} in it becomes a folder"""

    def __init__(self, argv, sock="sock"):
        self.folder = tempfile.TemporaryDirectory()
        self.argv = [a.replace("{dir}", self.folder.name) for a in argv]
        self.sock = f"{self.folder.name}/{sock}"

    def __enter__(self):
        self.begin = time.monotonic()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL)
        while True:
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(self.sock)
                    break
                except OSError:
                    if self.process.poll() is not None or time.monotonic() > self.begin + 30:
                        raise Failed(f"no socket: {' '.join(self.argv)}") from None
                    time.sleep(0.0001)
        self.ready = time.monotonic() - self.begin
        return self

    def __exit__(self, *what):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # as of some peers that are told to end while they start
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def memory(self):
        """bytes that are mapped: of program and libraries, of its own, of the guest"""
        kinds = {"file": 0, "own": 0, "guest": 0}
        kind = None
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps").read_text().splitlines():
            head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)", line)
            if head:
                kind = "guest" if "memfd:" in head[1] else "file"
            value = re.match(r"(Rss|Anonymous):\s+(\d+) kB", line)
            if value and value[1] == "Rss":
                kinds[kind] += int(value[2]) * 1024
            elif value and kind == "file":
                kinds["own"] += int(value[2]) * 1024
                kinds["file"] -= int(value[2]) * 1024
        return {**kinds, "all but the guest's": kinds["file"] + kinds["own"]}

    def switches(self):
        """times that any of its threads went to sleep, so far"""
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read_text(), re.M)[1])
                   for f in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/status"))


def settled(daemon):
    """wait until the daemon has slept for 0.2 s"""
    last = -1
    while last != daemon.switches():
        last = daemon.switches()
        time.sleep(0.2)
    return daemon


def ready(argv, rounds=15):
    """seconds from starting to the first connection, median; a wall-clock figure"""
    times = []
    for _ in range(rounds):
        with Daemon(argv) as d:
            times.append(d.ready)
    return sorted(times)[rounds // 2]
