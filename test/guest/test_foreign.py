# SPDX-License-Identifier: BSD-3-Clause
"""A driver that is not ours: libblkio (Debian 13) drives `stratos blk` over vhost-user, without a guest."""
import os
import subprocess

import pytest

from harness import ROOT, Daemon, scratch

CACHE = os.environ.get("STRATOS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "stratos")
LIB = "usr/lib/x86_64-linux-gnu"


@pytest.fixture(scope="module")
def client():
    """The test program, linked with the library as Debian 13 ships it (it runs on this system's libc)."""
    root = os.path.join(CACHE, "libblkio")
    if not os.path.exists(f"{root}/done"):
        subprocess.run([ROOT / "tools/aptroot", "download", "--only", f"{root}/debs", "trixie", "libblkio1", "libblkio-dev"],
                       check=True)
        for deb in os.listdir(f"{root}/debs"):
            if deb.endswith(".deb"):
                subprocess.run(["dpkg-deb", "-x", f"{root}/debs/{deb}", root], check=True)
        open(f"{root}/done", "w").close()
    exe = ROOT / "build/blkio_client"
    exe.parent.mkdir(exist_ok=True)
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-o", exe, ROOT / "test/foreign/blkio_client.c",
                    "-I", f"{root}/usr/include", f"{root}/{LIB}/libblkio.so.1", f"-Wl,-rpath,{root}/{LIB}"], check=True)
    return exe


@pytest.mark.parametrize("host", [["--blk-file={tmp}/disk"], ["--host=memory", "--size=64M"]], ids=["file", "memory"])
@pytest.mark.parametrize("threads", [[], ["--threads"]], ids=["one thread", "queue threads"])
def test_libblkio(client, host, threads):
    with scratch() as tmp:
        with open(tmp / "disk", "wb") as f:
            f.truncate(64 << 20)
        argv = [ROOT / "build/stratos", "blk", f"--socket-path={tmp}/s", "--num-queues=4", *threads,
                *(h.format(tmp=tmp) for h in host)]
        with Daemon(argv, socket=tmp / "s"):
            for queues in ("1", "4"):  # the second connection finds a device as new
                done = subprocess.run([client, tmp / "s", queues], capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, done.stderr
