# SPDX-License-Identifier: BSD-3-Clause
"""peer - what the comparisons of this folder share: getting a peer, running both in turns, keeping the result

A comparison is two back-end commands and one load, given to `stratos bench ab`: rounds of A B B A, the median of the
rounds' ratios with its bootstrap interval. A is the peer, B is ours: a ratio below 1 is less for us. Results go to
build/bench/peer-NAME.json; bench/report.py makes pages of them.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import meter  # noqa: E402
import turns  # noqa: E402
from meter import STRATOS  # noqa: E402

CACHE = pathlib.Path(os.environ.get("STRATOS_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stratos")
OUT = ROOT / "build/bench"
FEWER_BETTER = {"cpu": True, "rate": False, "p50": True, "p99": True, "kicks": True, "calls": True}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(cmd, **more):
    """returns: what it printed; ends the script with what it said when it fails"""
    try:
        return subprocess.run([str(c) for c in cmd], check=True, text=True, capture_output=True, **more).stdout
    except FileNotFoundError:
        sys.exit(f"bench: {cmd[0]} is missing")
    except subprocess.CalledProcessError as e:
        sys.exit(f"bench: {' '.join(map(str, cmd))} failed:\n{e.stdout}{e.stderr}")


def debian(level="bench"):
    """install what tools/setup lists for this level; it says what and why"""
    if subprocess.run([ROOT / "tools/setup", level], stdout=sys.stderr).returncode:
        sys.exit(1)


def crate(name, version):
    """a program from crates.io, compiled once into the cache; returns: its path, or None and says why"""
    root = CACHE / "peers" / f"{name}-{version}"
    program = root / "bin" / name
    if not program.exists():
        say(f"compiling {name} {version} from crates.io, once (some minutes), into {root}")
        try:
            done = subprocess.run(["cargo", "install", name, "--version", version, "--locked", "--root", root,
                                   "--target-dir", root / "target"], text=True, capture_output=True)
        except FileNotFoundError:
            say(f"{name} is left out: cargo is missing (apt-get install cargo, or rustup)")
            return None
        if done.returncode:
            say(f"{name} is left out: cargo failed:\n{done.stderr[-2000:]}")
            return None
    return str(program)


class Comparison:
    """of one script: collects results, prints them, writes them"""

    def __init__(self, name, about):
        ap = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        ap.add_argument("--rounds", type=int, default=12, help="of A B B A each (default: %(default)s)")
        ap.add_argument("--time", type=float, default=0.4, help="seconds of each of a round's four runs (default: %(default)s)")
        ap.add_argument("--max-wait", type=int, default=10,
                        help="a round counts when threads waited for a processor for at most so many per cent of it (default: %(default)s)")
        ap.add_argument("--only", metavar="TEXT", help="only comparisons whose name contains it")
        self.args, self.name, self.rows = ap.parse_args(), name, []

    def wants(self, what):
        return self.args.only is None or self.args.only in what

    def ab(self, what, peer, ours, load, metric="cpu", goal=None, only_ours=""):
        """one comparison; goal: what the ratio of `metric` must be below, or above for rates; only_ours: options of the load"""
        if not self.wants(what):
            return
        say(f"{self.name}: {what}: {self.args.rounds} rounds")
        file = OUT / "ab.json"
        a, b = (c if "exec " in c else f"exec {c}" for c in (peer, ours))  # a shell starts it, and must not stay
        command = [STRATOS, "bench", "ab", f"--a=--spawn='{a}'", f"--b=--spawn='{b}' {only_ours}".rstrip(), *load,
                   f"--rounds={self.args.rounds}", f"--time={self.args.time}", f"--metric={metric}",
                   f"--max-wait={self.args.max_wait}", "--quiet", f"--json={file}"]
        with tempfile.TemporaryDirectory() as folder:  # for what a peer leaves behind
            run(command, env={**os.environ, "TMPDIR": folder})
        j = json.loads(file.read_text())
        file.unlink()
        thrown = sum(1 for r in j["rounds"] if r["thrown"])
        self.rows.append({"what": what, "kind": "ab", "metric": metric, "goal": goal, "metrics": j["metrics"],
                          "rounds": len(j["rounds"]), "thrown": thrown, "host": j["host"], "max_wait": self.args.max_wait,
                          "command": " ".join(f"'{c}'" if " " in c else c for c in map(str, command[:-2]))})
        self._say(what, j["metrics"], [metric], thrown, len(j["rounds"]))

    def turns(self, what, peer, ours, goals, command):
        """the same where the driver is not ours (turns.py); peer, ours: functions, one run; goals: of each metric that decides"""
        if not self.wants(what):
            return
        say(f"{self.name}: {what}: {self.args.rounds} rounds")
        at = turns.host()
        rounds, metrics = turns.compare(self.args.rounds, peer, ours, self.args.max_wait / 100)
        thrown = sum(1 for r in rounds if r["thrown"])
        for metric, goal in goals.items():
            self.rows.append({"what": what + (": requests a second" if metric == "rate" else ""), "kind": "ab", "metric": metric,
                              "goal": goal, "metrics": metrics, "rounds": len(rounds), "thrown": thrown, "host": at,
                              "max_wait": self.args.max_wait, "command": command})
        self._say(what, metrics, list(goals), thrown, len(rounds))

    @staticmethod
    def _say(what, metrics, decides, thrown, rounds):
        """one line a metric"""
        for name, m in metrics.items():
            everywhere = f"; over all of them x {m['all']:.3f}, which decides nothing" if m and m.get("all") is not None else ""
            if m and m["ratio"] is not None:
                spread = "no interval" if m["low"] is None else f"[{m['low']:.3f}, {m['high']:.3f}]"
                print(f"{what:44} {name:6} {m['a']:12.4g} {m['b']:12.4g}  x {m['ratio']:.3f} {spread}"
                      f"{'  <- decides' if name in decides else ''}", flush=True)
            elif name in decides:
                print(f"{what:44} {name:6} no round counts ({thrown} of {rounds} thrown out){everywhere}", flush=True)

    def count(self, what, unit, peer, ours, goal=None):
        """a figure that is counted, not timed; peer, ours: functions"""
        if not self.wants(what):
            return
        say(f"{self.name}: {what}")
        a, b = peer(), ours()
        self.rows.append({"what": what, "kind": "count", "unit": unit, "a": a, "b": b, "goal": goal})
        print(f"{what:44} {unit:6.6} {a:12.5g} {b:12.5g}  x {b / a:.3f}", flush=True)

    def done(self, peer, version):
        OUT.mkdir(parents=True, exist_ok=True)
        file = OUT / f"peer-{self.name}.json"
        file.write_text(json.dumps({"peer": peer, "version": version, "rows": self.rows}, indent=1) + "\n")
        say(f"the result is in {os.path.relpath(file)}")
