# SPDX-License-Identifier: BSD-3-Clause
"""A driver that is not ours: libblkio (Debian 13) drives `stratos blk` over vhost-user, without a guest."""
import subprocess

import pytest

from harness import ROOT, Daemon, scratch


@pytest.fixture(scope="module")
def client():
    """The test program, linked with the library."""
    exe = ROOT / "build/blkio_client"
    exe.parent.mkdir(exist_ok=True)
    subprocess.run([ROOT / "tools/libblkio", ROOT / "test/foreign/blkio_client.c", "-o", exe], check=True)
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
