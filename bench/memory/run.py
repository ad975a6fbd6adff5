#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench-memory: what a request costs the device's side, by the way in which it reaches the guest's memory.

Instructions are callgrind's, of the core and the memory kind alone: a block read of 16 bytes out and so many in, whose
payload nobody touches, so what depends on the size is copying, or mapping. Calls of Xen's libraries are counted by
number; what they execute is not, since a model stands for Xen here. Two lengths of run are subtracted, so set-up and
what is mapped once do not count. The counts repeat exactly for the same compiler and C library.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES, BATCHES, REQUESTS = (64, 4096, 65536), (1, 8), 400
KINDS = {"full": "full: all of the guest's memory is mapped",
         "window": "window: one pre-shared region",
         "messages": "message FIFO: the window, and each notification is a message",
         "bounce": "bounce: every byte is copied",
         "foreign": "foreign pages, mapped for each request",
         "foreign-cached": "foreign pages, cached",
         "grants": "grants, mapped for each request"}
CORE = ["vq", "gear", "req", "split", "packed", "collect", "mem", "map", "mem_full", "mem_window", "mem_bounce", "dev",
        "inflight", "dirty", "ctl", "msg", "msg_bus", "msgq"]
SOURCES = [*(f"core/{n}.c" for n in CORE), *(f"driver/{n}.c" for n in ("dvq", "split", "packed", "probe", "msg")),
           "port/xen/mem.c", "port/xen/chunk.c", "hosted/log.c",
           *(f"test/xenmodel/{n}.c" for n in ("call", "io", "model", "priv", "store")), "bench/memory/memory.c"]
XEN = ("fm_map", "fm_unmap", "gt_map", "gt_unmap")  # of the model: not counted


def say(text):
    print(f"bench-memory: {text}", file=sys.stderr, flush=True)


def run(cmd, **more):
    try:
        return subprocess.run([str(c) for c in cmd], check=True, text=True, capture_output=True, **more)
    except FileNotFoundError:
        sys.exit(f"bench-memory: {cmd[0]} is missing: run tools/setup bench")
    except subprocess.CalledProcessError as e:
        sys.exit(f"bench-memory: {' '.join(map(str, cmd))} failed:\n{e.stdout}{e.stderr}")


def once(binary, kind, size, batch, requests):
    """(instructions, counters) of a whole run"""
    # one way of copying for all sizes: "rep movsb" counts as one instruction for each byte
    env = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000"}
    with tempfile.NamedTemporaryFile() as f:
        done = run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={f.name}", "--toggle-collect=dev_process",
                    *(f"--toggle-collect={name}" for name in XEN), binary, kind, size, batch, requests], env=env)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1]), json.loads(done.stdout)


def measure(binary, kind, size, batch):
    short, more = (once(binary, kind, size, batch, n * REQUESTS) for n in (1, 2))
    result = {k: round((v - short[1][k]) / REQUESTS, 3) for k, v in more[1].items()}
    return {"instructions": round((more[0] - short[0]) / REQUESTS, 1), **result}


def table(result, batch):
    print(f"\n{f'{batch} request' + ('s' if batch > 1 else '') + ' at once':62}{'instructions each':>24}{'map, unmap':>12}"
          f"{'notifications':>15}")
    print(f"{'':62}" + "".join(f"{n:>8}" for n in ("64 B", "4 KiB", "64 KiB")))
    for kind, text in KINDS.items():
        rows = [result[kind][str(size)][str(batch)] for size in SIZES]
        calls = [f"{r['map'] + r['unmap']:.3g}" for r in rows]
        bells = max(r["messages"] or r["kicks"] + r["signals"] for r in rows)
        print(f"{text:62}" + "".join(f"{r['instructions']:>8.0f}" for r in rows) +
              f"{calls[0] if len(set(calls)) == 1 else ' '.join(calls):>12}" +
              f"{bells:>8.3g} {'messages' if rows[0]['messages'] else ''}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench/memory.json", help="result (default: %(default)s)")
    args = ap.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        binary = pathlib.Path(folder) / "memory"
        run(["gcc", "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-I", "include", "-I", ".", *SOURCES, "-o", binary], cwd=ROOT)
        for n, kind in enumerate(KINDS):
            say(f"{n + 1} of {len(KINDS)}: {kind}")
            result[kind] = {str(s): {str(b): measure(binary, kind, s, b) for b in BATCHES} for s in SIZES}
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    for batch in BATCHES:
        table(result, batch)
    print(f"\nWhat is counted, and what not: docs/memory.md. The result is in {os.path.relpath(args.out)}")


if __name__ == "__main__":
    main()
