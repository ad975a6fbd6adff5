#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""figures - what the daemon costs, beside its goals: counted, so that it repeats

usage: bench/figures.py [--only NAME]... [--out FILE]

Instructions, notifications, system calls, allocations and memory of a daemon with a null disk, loaded by `stratos bench`.
All but `ready` are the same on a busy machine. STRATOS names the program; default: build/stratos. docs/performance.md
says what each figure is.
"""
import argparse
import json
import sys
import time

import meter
from meter import BLK, ROOT, STRATOS

NULL = f"{STRATOS} blk --host=null:64M --quiet --sandbox=off --socket-path={{sock}}"  # valgrind knows no seccomp
# How often a ring is looked at in vain is chance, and under valgrind and strace it is another: what is counted is counted without.
COUNTED = NULL + " --poll-us=0"
DEEP = [*BLK, "--depth=32"]
WAIT = [*DEEP, "--event-idx", "--client=wait"]


def devices(n, more=""):
    """a daemon with n null disks; the first is at {sock}"""
    each = "".join(f" --device blk,host=null:64M,name=d{i},socket-path={{sock}}.{i}{more}" for i in range(1, n))
    return f"{STRATOS} serve --quiet --sandbox=off --device blk,host=null:64M,name=d0,socket-path={{sock}}{more}{each}"


def daemon(command):
    return meter.Daemon(command.replace("{sock}", "{dir}/sock").split())


def memory_of(command, *args):
    """without load, and then, if args, after it"""
    with daemon(command) as d:
        before = meter.settled(d).memory()
        if args:
            meter.bench(f"--attach={d.sock}", args)
        return (before, meter.settled(d).memory()) if args else before


def flat(variants):
    """{name: instructions a request} and how far the most is above the least"""
    got = {name: meter.instructions(command, args) for name, command, args in variants}
    return {**got, "spread": max(got.values()) / min(got.values()) - 1}


def instructions():
    return {name: meter.instructions(COUNTED, [*DEEP, *more]) for name, more in {
        "polling client": ["--client=poll"], "sleeping client": ["--client=wait"],
        "sleeping client, event-idx": ["--client=wait", "--event-idx"],
        "packed": ["--client=wait", "--event-idx", "--ring=packed"],
        "indirect": ["--client=wait", "--event-idx", "--indirect"],
        "writes": ["--client=wait", "--event-idx", "--rw=randwrite"]}.items()}


def notifications():
    j = meter.load(NULL, [*WAIT, "--count=200000"])
    return {"kicks": meter.per_request(j, "kicks"), "calls": meter.per_request(j, "calls")}


def syscalls():
    return {"polling client": meter.syscalls(COUNTED, [*DEEP, "--client=poll"]),
            "sleeping client, event-idx": meter.syscalls(COUNTED, WAIT)}


def allocations():
    return {"a request": meter.allocations(NULL, WAIT)}


def memory():
    idle, loaded = memory_of(NULL.replace(" --sandbox=off", ""), *WAIT, "--count=50000")
    one, more = memory_of(devices(1)), memory_of(devices(33))
    return {"idle": idle, "after load": loaded, "each further device": {k: (v - one[k]) / 32 for k, v in more.items()}}


def idle_wakeups():
    with daemon(NULL) as d:
        before = meter.settled(d).switches()
        time.sleep(3)
        return {"a second": (d.switches() - before) / 3}


def ready():
    return {"seconds": meter.ready(NULL.replace(" --sandbox=off", "").replace("{sock}", "{dir}/sock").split())}


def queues():
    return flat([(str(n), COUNTED + f" --num-queues={n}", [*DEEP, "--client=poll", f"--queues={n}"]) for n in (1, 16, 64)])


def many_devices():
    return flat([(str(n), devices(n, ",poll-us=0"), [*DEEP, "--client=poll"]) for n in (1, 8, 32)])


def regions():
    return flat([(str(n), COUNTED, [*DEEP, "--client=poll", f"--regions={n}"]) for n in (1, 8, 64, 509)])


FIGURES = {f.__name__: f for f in (instructions, notifications, syscalls, allocations, memory, idle_wakeups, ready, queues,
                                   many_devices, regions)}


def show(name, value, indent=0):
    if isinstance(value, dict):
        print(f"{'  ' * indent}{name}")
        for k, v in value.items():
            show(k, v, indent + 1)
    else:
        print(f"{'  ' * indent}{name:40} {value:.6g}", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--only", action="append", choices=FIGURES, default=[])
    ap.add_argument("--out", default=str(ROOT / "build/bench/figures.json"), help="result (default: %(default)s)")
    args = ap.parse_args()
    result = {}
    for name in args.only or FIGURES:
        try:
            result[name] = FIGURES[name]()
        except (meter.Failed, FileNotFoundError) as e:
            sys.exit(f"figures: {name}: {e}")
        show(name, result[name])
    ROOT.joinpath("build/bench").mkdir(parents=True, exist_ok=True)
    with open(args.out, "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
