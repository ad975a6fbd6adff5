#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench-ring: instructions per request of the ring core, and of libvhost-user and rust-vmm's virtio-queue on the same work.

Then the time that passes: rounds in which each engine has its turn, the other way round every second time, and in each
the ratio of the peer's median batch to ours. Median of the ratios and its quartiles are said; nothing is judged by them.

Counts are callgrind's for dev_process() alone, so they repeat exactly for the same compiler. The peers are compiled out of
Debian's QEMU source package (fetched through tools/aptroot) and out of crates.io (bench/ring/rust, where cargo is), kept in
the cache, never committed.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("STRATOS_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stratos")
BATCH, REQUESTS = 32, 3200
CFLAGS = ["-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE"]
CORE = ["vq", "gear", "req", "split", "packed", "collect", "mem", "map", "mem_full", "dev", "inflight", "dirty"]
# name in the result, engine, arguments of the rig behind the chain length, chain lengths
ROWS = [
    ("split", "stratos", "split", 1, [], (1, 2, 3)),
    ("packed", "stratos", "packed", 1, [], (1, 2, 3)),
    ("split_8_regions", "stratos", "split", 8, [], (1, 3)),
    ("split_32_regions", "stratos", "split", 32, [], (1, 3)),
    ("packed_32_regions", "stratos", "packed", 32, [], (1, 3)),
    ("split_event_idx", "stratos", "split", 1, ["event"], (1, 3)),
    ("split_indirect", "stratos", "split", 1, ["indirect"], (1, 3)),
    ("packed_indirect", "stratos", "packed", 1, ["indirect"], (1, 3)),
    ("libvhost-user", "peer", "split", 1, [], (1, 2, 3)),
    ("libvhost-user_8_regions", "peer", "split", 8, [], (1, 3)),
    ("libvhost-user_32_regions", "peer", "split", 32, [], (1, 3)),
    ("virtio-queue", "rust", "split", 1, [], (1, 2, 3)),
    ("virtio-queue_8_regions", "rust", "split", 8, [], (1, 3)),
    ("virtio-queue_32_regions", "rust", "split", 32, [], (1, 3)),
]
# engines that are timed: name, engine, ring
TIMED = [("split", "stratos", "split"), ("packed", "stratos", "packed"), ("libvhost-user", "peer", "split"),
         ("virtio-queue", "rust", "split")]
WALL = {1: 2.5, 8: None, 32: 5.0}  # regions: how many times as fast as the peers is wanted
RUST = ROOT / "bench/ring/rust"


def say(text):
    print(f"bench-ring: {text}", file=sys.stderr, flush=True)


def run(cmd, **kw):
    try:
        return subprocess.run(cmd, check=True, text=True, capture_output=True, **kw)
    except FileNotFoundError:
        sys.exit(f"bench-ring: {cmd[0]} is missing: run tools/setup bench")
    except subprocess.CalledProcessError as e:
        sys.exit(f"bench-ring: {' '.join(map(str, cmd))} failed:\n{e.stdout}{e.stderr}")


def peer_source():
    """libvhost-user as Debian ships it; returns (folder, version)."""
    base = CACHE / "libvhost-user"
    done = sorted(base.glob("qemu-*/subprojects/libvhost-user/libvhost-user.c"))
    if not done:
        say("fetching Debian's QEMU source package for libvhost-user (about 40 MB, once)")
        tmp = pathlib.Path(tempfile.mkdtemp(dir=CACHE if CACHE.exists() else None))
        run([ROOT / "tools/aptroot", "source", tmp, "trixie", "qemu"])
        tar = next(tmp.glob("qemu_*.orig.tar.*"))
        want = re.compile(r"/(subprojects/libvhost-user/|include/qemu/(atomic|compiler)\.h|include/standard-headers/)")
        with tarfile.open(tar) as t:
            t.extractall(tmp, [m for m in t.getmembers() if want.search(m.name)])
        base.mkdir(parents=True, exist_ok=True)
        for d in tmp.glob("qemu-*"):
            if not (base / d.name).exists():
                shutil.move(str(d), base / d.name)
        shutil.rmtree(tmp)
        done = sorted(base.glob("qemu-*/subprojects/libvhost-user/libvhost-user.c"))
    folder = done[-1].parent
    return folder, folder.parents[1].name.removeprefix("qemu-")


def build(out):
    """Both rigs with the same compiler and flags; returns the peer's version."""
    rig = ROOT / "bench/ring"
    inc = ["-I", ROOT / "include", "-I", ROOT, "-I", rig]
    run(["gcc", *CFLAGS, *inc, rig / "rig.c", rig / "eng_stratos.c", *[ROOT / f"core/{c}.c" for c in CORE],
         "-o", out / "rig-stratos"])
    src, version = peer_source()
    run(["gcc", *CFLAGS, "-w", "-I", src, "-I", rig, rig / "rig.c", rig / "eng_libvhost_user.c",
         src / "libvhost-user.c", "-pthread", "-o", out / "rig-peer"])
    return version


def build_rust(out):
    """rust-vmm's engine, if this machine has cargo; returns: the version of its crate, or None"""
    if not shutil.which("cargo"):
        say("virtio-queue is left out: cargo is missing (apt-get install cargo, or rustup)")
        return None
    target = CACHE / "virtio-queue"
    if not target.exists():
        say("compiling virtio-queue from crates.io (a minute, once)")
    work = out / "rust"  # cargo writes beside its manifest
    shutil.copytree(RUST, work)
    run(["cargo", "build", "--release", "--quiet", "--manifest-path", work / "Cargo.toml", "--target-dir", target])
    run(["gcc", *[f for f in CFLAGS if f != "-D_GNU_SOURCE"], "-I", ROOT / "bench/ring", ROOT / "bench/ring/rig.c",
         target / "release/libeng_virtio_queue.a", "-pthread", "-ldl", "-lm", "-o", out / "rig-rust"])
    return re.search(r'virtio-queue = "=([\d.]+)"', (RUST / "Cargo.toml").read_text())[1]


def count(binary, form, chain, regions, extra):
    with tempfile.NamedTemporaryFile() as f:
        cmd = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={f.name}", "--toggle-collect=dev_process",
               binary, form, str(chain), str(regions), str(BATCH), str(REQUESTS), *extra]
        text = run(cmd).stderr
    return round(int(re.search(r"Collected : (\d+)", text).group(1)) / REQUESTS, 1)


def wall(out, rust, rounds):
    """time a request, 3 descriptors; {regions: {engine: {"ns", "ratio", "low", "high"}}}"""
    engines = [e for e in TIMED if rust or e[1] != "rust"]
    ns = {(n, e[0]): [] for n in WALL for e in engines}
    for k in range(rounds):
        say(f"time: round {k + 1} of {rounds}")
        for n in WALL:
            for name, engine, form in engines if k % 2 == 0 else engines[::-1]:
                text = run([out / f"rig-{engine}", form, "3", str(n), str(BATCH), "96000", "time"]).stdout
                ns[n, name].append(float(text))
    result = {}
    for n in WALL:
        result[str(n)] = {}
        for name, *_ in engines:
            ratio = [b / a for a, b in zip(ns[n, "split"], ns[n, name])]
            quart = statistics.quantiles(ratio, n=4) if len(ratio) > 1 else ratio * 3
            result[str(n)][name] = {"ns": round(statistics.median(ns[n, name]), 2), "ratio": round(statistics.median(ratio), 3),
                                    "low": round(quart[0], 3), "high": round(quart[2], 3)}
    return result


def print_wall(result, rounds):
    print(f"\ntime that passes a request, ns, 3 descriptors; behind it times ours (split), quartiles of {rounds} rounds; no verdict")
    names = list(next(iter(result.values())))
    print(f"{'regions':28}" + "".join(f"{n:>30}" for n in names))
    for n, row in result.items():
        cells = [f"{r['ns']:.1f}" + ("" if name == "split" else f"  x {r['ratio']:.2f} ({r['low']:.2f} to {r['high']:.2f})")
                 for name, r in row.items()]
        goal = WALL[int(n)]
        print(f"{n:28}" + "".join(f"{c:>30}" for c in cells) + (f"   goal {goal:g}" if goal else ""))


def judge(r):
    """The promises of the issue; returns [(text, kept)]."""
    s, p = r["split"], r["packed"]
    flat = max(abs(r[k]["3"] / s["3"] - 1) for k in ("split_8_regions", "split_32_regions"))
    peers = [(k, r[k]["3"] / s["3"]) for k in ("libvhost-user", "virtio-queue") if k in r]
    return [
        *[(f"{k}, 3 descriptors: {more:.2f} times as many >= 3", more >= 3) for k, more in peers],
        (f"split, 1 descriptor: {s['1']} <= 145", s["1"] <= 145),
        (f"split, 3 descriptors: {s['3']} <= 260", s["3"] <= 260),
        (f"packed / split, 3 descriptors: {p['3'] / s['3']:.3f} <= 1.1", p["3"] <= 1.1 * s["3"]),
        (f"packed / split, 1 descriptor: {p['1'] / s['1']:.3f} <= 1.2", p["1"] <= 1.2 * s["1"]),
        (f"8 and 32 regions differ by {flat:.1%} <= 2 %", flat <= 0.02),
    ]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench/ring.json", help="result (default: %(default)s)")
    ap.add_argument("--rounds", type=int, default=11, help="of time; 0: none (default: %(default)s)")
    args = ap.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    result = {}
    with tempfile.TemporaryDirectory() as d:
        out = pathlib.Path(d)
        version, rust = build(out), build_rust(out)
        rows = [r for r in ROWS if rust or r[1] != "rust"]
        for n, (name, engine, form, regions, extra, chains) in enumerate(rows):
            say(f"{n + 1} of {len(rows)}: {name}")
            result[name] = {str(c): count(out / f"rig-{engine}", form, c, regions, extra) for c in chains}
        times = wall(out, rust, args.rounds) if args.rounds else None
    result["libvhost-user"]["version"] = version
    if rust:
        result["virtio-queue"]["version"] = rust
    if times:
        result["wall"] = {"rounds": args.rounds, "regions": times}
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"instructions per request (callgrind; batch {BATCH}, 256 entries, full validation, harness loop included)")
    print(f"{'':28}" + "".join(f"{c + ' desc':>10}" for c in ("1", "2", "3")))
    for name, *_ in rows:
        print(f"{name:28}" + "".join(f"{result[name].get(c, ''):>10}" for c in ("1", "2", "3")))
    if times:
        print_wall(times, args.rounds)
    ok = True
    for text, kept in judge(result):
        print(f"  {'ok  ' if kept else 'MISS'} {text}")
        ok = ok and kept
    print(f"libvhost-user is QEMU's {version}{f', virtio-queue {rust}' if rust else ''}; the result is in {os.path.relpath(args.out)}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
