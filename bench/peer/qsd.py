#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""qsd - a disk of ours beside qemu-storage-daemon's (Debian: qemu-system-common), over vhost-user

Null disks: what the daemon itself costs. Files in the page cache: with the I/O, io_uring on both sides. Both poll as they do
unless told: theirs up to 32 us, ours up to 100 us where that is cheaper than sleeping. Depth 1: latency, as they come, then both
without polling, then both with the same budget.
"""
import pathlib
import tempfile

from peer import OUT, STRATOS, Comparison, debian, meter, run

GOALS = {"instructions": 900, "cpu": 0.5, "rate": 1.5, "file": 0.8, "latency": 1.0}


def qsd(disk, poll_us=None):
    poll = "" if poll_us is None else f",poll-max-ns={poll_us * 1000}"
    return (f"qemu-storage-daemon --object iothread,id=t{poll} --blockdev {disk},node-name=d "
            "--export vhost-user-blk,id=e,node-name=d,writable=on,iothread=t,addr.type=unix,addr.path={sock}")


def stratos(host, poll_us=None):
    poll = "" if poll_us is None else f" --poll-us={poll_us}"
    return f"{STRATOS} blk --host={host} --quiet{poll} --socket-path={{sock}}"


def null(c):
    def both(poll_us=None):
        return qsd("null-co,size=67108864", poll_us), stratos("null:64M", poll_us)

    a, b = both()
    still = both(0)
    load = ["--dev=blk", "--verify=status", "--depth=32"]
    c.count("null, 4K, depth 32: instructions", "instructions a request",
            lambda: meter.instructions(still[0], [*load, "--client=poll"], 4000, 12000),
            lambda: meter.instructions(still[1] + " --sandbox=off", [*load, "--client=poll"], 4000, 12000), GOALS["instructions"])
    c.ab("null, 4K, depth 32, sleeping client", a, b, [*load, "--event-idx"], "cpu", GOALS["cpu"])
    c.ab("null, 4K, depth 32, polling client", a, b, [*load, "--client=poll"], "rate", GOALS["rate"])
    c.ab("null, 4K, depth 32, ours packed", a, b, [*load, "--event-idx"], "cpu", GOALS["cpu"], "--ring=packed")
    one = ["--dev=blk", "--verify=status", "--depth=1", "--event-idx"]
    c.ab("null, 4K, depth 1", a, b, one, "p50", GOALS["latency"])
    c.ab("null, 4K, depth 1, no polling", *still, one, "p50", GOALS["latency"])
    c.ab("null, 4K, depth 1, 100 us of polling", *both(100), one, "p50", GOALS["latency"])
    c.ab("null, 4K, depth 1, 100 us of polling: tail", *both(100), one, "p99", GOALS["latency"])


def picture(folder):
    """a disk of 64 MiB, of 00 01 .. ff over and over"""
    image = folder / "disk.img"
    with open(image, "wb") as f:
        for _ in range(64):
            f.write(bytes(range(256)) * 4096)
    return image


def files(c, folder):
    image = picture(folder)
    a = qsd(f"driver=file,filename={image},aio=io_uring,locking=off")
    b = stratos(f"file:{image}")
    load = ["--dev=blk", "--event-idx"]
    c.ab("file in page cache, 4K, depth 32", a, b, [*load, "--depth=32"], "cpu", GOALS["file"])
    c.ab("file in page cache, 128K, depth 8", a, b, [*load, "--depth=8", "--block-size=128K", "--verify=status"], "rate", 1.0)
    c.ab("file, 4K, depth 1", a, b, [*load, "--depth=1"], "p50", GOALS["latency"])


def main():
    c = Comparison("qsd", __doc__)
    debian()
    OUT.mkdir(parents=True, exist_ok=True)
    null(c)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:  # not in /tmp, which may be memory
        files(c, pathlib.Path(folder))
    argv = ["qemu-storage-daemon", *qsd("null-co,size=67108864").replace("{sock}", "{dir}/sock").split()[1:]]
    ours = stratos("null:64M").replace("{sock}", "{dir}/sock").split()

    def memory(command):
        with meter.Daemon(command) as d:
            return meter.settled(d).memory()["all but the guest's"] / 1024

    c.count("one null disk, idle: resident memory", "KiB", lambda: memory(argv), lambda: memory(ours), 1536)
    c.count("start to first connection", "ms", lambda: meter.ready(argv) * 1000, lambda: meter.ready(ours) * 1000, 5)
    c.done("qemu-storage-daemon", run(["qemu-storage-daemon", "--version"]).splitlines()[0])


if __name__ == "__main__":
    main()
