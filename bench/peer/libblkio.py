#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""libblkio - a disk of ours beside qemu-storage-daemon's, both driven by libblkio (Debian 13), a driver of neither

The same disks and the same order of runs as in qsd.py; the load is bench/peer/blkio_load.c, random reads over one queue.
What our own driver does for our own back-end, and how it measures, has no part in this.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from peer import OUT, ROOT, Comparison, debian, meter, run
from qsd import GOALS, picture, qsd, stratos

LOAD = ROOT / "build/bench/blkio_load"


def main():
    c = Comparison("libblkio", __doc__)
    debian()
    OUT.mkdir(parents=True, exist_ok=True)
    if subprocess.run([ROOT / "tools/libblkio", "bench/peer/blkio_load.c", "app/bench_hist.c", "-o", LOAD]).returncode:
        sys.exit(1)

    def load(command, options):
        """returns: a function, one run: the back-end anew, the load, the end"""
        def go():
            with meter.Daemon(command.replace("{sock}", "{dir}/sock").split()) as d:
                return json.loads(run([LOAD, d.sock, d.process.pid, *options]))
        return go

    def turns(what, disks, goals, block, depth, data, client="wait"):
        options = [block, depth, c.args.time, client, data]
        c.turns(what, load(disks[0], options), load(disks[1], options), goals,
                " ".join(map(str, [LOAD.relative_to(ROOT), "SOCKET PID", *options])))

    null = qsd("null-co,size=67108864"), stratos("null:64M")
    turns("null, 4K, depth 32", null, {"cpu": GOALS["cpu"], "rate": GOALS["rate"]}, 4096, 32, "null")
    turns("null, 4K, depth 32, polling driver", null, {"rate": GOALS["rate"]}, 4096, 32, "null", "poll")
    turns("null, 4K, depth 1", null, {"p50": GOALS["latency"]}, 4096, 1, "null")
    with tempfile.TemporaryDirectory(dir=OUT) as folder:  # not in /tmp, which may be memory
        image = picture(pathlib.Path(folder))
        files = qsd(f"driver=file,filename={image},aio=io_uring,locking=off"), stratos(f"file:{image}")
        turns("file in page cache, 4K, depth 32", files, {"cpu": GOALS["file"], "rate": 1.0}, 4096, 32, "bytes")
        turns("file in page cache, 4K, depth 1", files, {"p50": GOALS["latency"]}, 4096, 1, "bytes")
        turns("file in page cache, 128K, depth 8", files, {"rate": 1.0}, 131072, 8, "bytes")
    c.done("qemu-storage-daemon, driven by libblkio", run(["qemu-storage-daemon", "--version"]).splitlines()[0])


if __name__ == "__main__":
    main()
