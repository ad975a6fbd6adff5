#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""crossings - how often a request of a Xen guest crosses into Xen or the daemon, for each kind of memory

usage: crossings.py [--build DIR]

Real Xen 4.20 in an emulated arm64 machine; guest and control domain run the lab's kernel, which knows grants. Counts
are the daemon's own (SIGUSR1) and Xen's (xenperf), taken before and after a series of requests one at a time; the
emulator decides how long each takes, so there are no times. Writes DIR/bench/xen.json and prints the table.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "guest"), str(ROOT / "test" / "lab")]
import harness  # noqa: E402
import serving  # noqa: E402
import xenlab  # noqa: E402

DISK = "/var/disk"
# name: (requests, what the guest runs)
FIO = "fio --name=x --filename=/dev/vda --rw=randread --bs={} --size=32M --number_ios={} --iodepth=1 --direct=1 --minimal >/dev/null"
WORK = {
    "blk 4 KiB": (200, FIO.format("4k", 200)),
    "blk 128 KiB": (100, FIO.format("128k", 100)),
    "rng 64 bytes": (100, "dd if=/dev/hwrng of=/dev/null bs=64 count=100 2>/dev/null"),
    "i2c": (50, "b=$(basename $(ls -d /sys/bus/virtio/devices/virtio2/i2c-*) | cut -c5-); "
                "for i in $(seq 50); do i2ctransfer -y $b w1@0x50 0 r14 >/dev/null || exit 1; done"),
}
# name: (grants, options of the daemon)
KINDS = {
    "foreign": (False, "--xen-cache=0"),
    "foreign, cached": (False, ""),
    "foreign, cached, ioeventfd": (False, "--xen-ioeventfd"),
    "grant": (True, ""),
}
OURS = {"accesses": "accesses", "answers": "answers", "interrupts": "interrupts", "map calls": "maps", "unmap calls": "unmaps"}
XENS = {"dm_op": "dm_op", "event_channel_op": "event_channel_op", "grant_table_op": "grant_table_op",
        "memory_op": "memory_op"}


def hypercalls(xen):
    """How often each hypercall was made so far, by anybody, as Xen counts"""
    out = xen.check("xenperf -p")
    found = {name: int(n) for name, n in re.findall(r"^(\w+)\s+(\d+)\s*$", out.partition("\nhypercalls ")[2], re.M)}
    if "memory_op" not in found:
        raise AssertionError(f"xenperf printed\n{out[-4000:]}")
    return found


def ours(stratos, domid):
    stratos.clear_log()
    stratos.xen.check(f"kill -USR1 {stratos.pid}")
    return stratos.counters(domid)


def measure(xen, stratos, guest, command, requests):
    for _ in range(2):
        guest.check(command, 120)  # caches fill, drivers settle
    before = ours(stratos, guest.domid), hypercalls(xen)
    guest.check(command, 120)
    after = ours(stratos, guest.domid), hypercalls(xen)
    row = {short: (after[0][name] - before[0][name]) / requests for name, short in OURS.items()}
    row["xen"] = {name: (after[1].get(name, 0) - before[1].get(name, 0)) / requests for name in XENS}
    return row


def run(say):
    result = {}
    devices = [serving.blk(DISK), serving.rng(), ("i2c", 0x22, {})]
    with xenlab.Xen("4.20", lab_kernel="dom0") as xen:
        serving.random_file(xen, DISK, 32)
        for kind, (grants, options) in KINDS.items():
            say(f"{kind}")
            with serving.Stratos(xen, {"g": devices}, grants=grants, options=options) as stratos:
                with stratos.guest("g", vcpus=1) as guest:
                    result[kind] = {name: measure(xen, stratos, guest, command, n) for name, (n, command) in WORK.items()}
                stratos.signal("TERM")
    return result


def table(result):
    head = ["memory", "request", *OURS.values(), *(f"xen: {n}" for n in XENS)]
    lines = [head, ["-" * len(h) for h in head]]
    for kind, rows in result.items():
        for name, row in rows.items():
            values = [row[n] for n in OURS.values()] + [row["xen"][n] for n in XENS]
            lines.append([kind, name, *(f"{v:.2f}" for v in values)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    args = parser.parse_args()
    if subprocess.run([ROOT / "tools/lab", "prepare", "arm64", "xen420", "cross", "dom0-420", "kernel"],
                      stdout=sys.stderr).returncode:
        print("crossings: the lab could not be prepared, see above", file=sys.stderr)
        return 1
    try:
        result = run(lambda text: print(f"crossings: {text}", file=sys.stderr))
    except (harness.GuestError, AssertionError) as e:
        print(f"crossings: {e}", file=sys.stderr)
        return 1
    out = args.build / "bench" / "xen.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    print(f"crossings: {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
