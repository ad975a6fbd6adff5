# SPDX-License-Identifier: BSD-3-Clause
"""What the daemon costs stays what it is. Counts only, never time; the limits leave room for other compilers and libraries."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import figures  # noqa: E402
import meter  # noqa: E402

KIB = 1024


@pytest.mark.parametrize("more, limit", [
    (["--client=poll"], 900),
    (["--client=wait", "--event-idx"], 900),
    (["--client=wait", "--event-idx", "--ring=packed"], 940),
    (["--client=wait", "--event-idx", "--indirect"], 970),
    (["--client=wait", "--event-idx", "--rw=randwrite"], 900),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_instructions(more, limit):
    """of the whole daemon, a request"""
    assert 400 < meter.instructions(figures.COUNTED, [*figures.DEEP, *more]) < limit


@pytest.mark.parametrize("what", ["queues", "many_devices", "regions"])
def test_flat(what):
    """instructions a request do not grow with the number of queues, devices or memory regions"""
    for _ in range(3):  # a busy machine makes smaller batches, and those cost more a request
        got = figures.FIGURES[what]()
        if got["spread"] < 0.02:
            return
    pytest.fail(f"instructions a request: {got}")


def test_notifications():
    """a batch of 32 needs one of each; a busy machine may split some"""
    got = figures.notifications()
    assert 0 < got["kicks"] < 0.05 and 0 < got["calls"] < 0.10, got


def test_system_calls():
    """only notifications cause system calls: waiting for a kick, which is not read, and writing a call"""
    got = meter.syscalls(figures.COUNTED, figures.WAIT, 4000, 40000)
    assert sum(n for n in got.values() if n > 0) < 0.15, got
    assert not {name for name, n in got.items() if n > 0.002} - {"epoll_wait", "epoll_pwait", "write"}, got


def test_no_allocation_after_set_up():
    assert meter.allocations(figures.NULL, figures.WAIT) == 0


def test_no_wake_up_when_idle():
    assert figures.idle_wakeups()["a second"] == 0


def test_memory():
    got = figures.memory()
    assert got["idle"]["all but the guest's"] < 1500 * KIB, got
    assert got["idle"]["own"] < 320 * KIB, got
    assert got["after load"]["own"] < 384 * KIB, got
    assert got["each further device"]["all but the guest's"] < 64 * KIB, got


@pytest.fixture(scope="module")
def static():
    """the program, linked statically"""
    build = ROOT / "build-static"
    for cmd in ([["meson", "setup", build, "-Dstatic=true", "-Dtests=disabled"]] if not (build / "build.ninja").exists() else []) + \
            [["ninja", "-C", build, "stratos"]]:
        done = subprocess.run(cmd, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "stratos"


def test_static_memory(static):
    command = figures.NULL.replace(meter.STRATOS, str(static)).replace(" --sandbox=off", "")
    idle, loaded = figures.memory_of(command, *figures.WAIT, "--count=50000")
    assert idle["all but the guest's"] < 1000 * KIB, idle
    assert loaded["all but the guest's"] < 1000 * KIB, loaded
    assert loaded["own"] < 256 * KIB, loaded


def test_static_program_serves_every_device(static):
    done = subprocess.run([static, "demo"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_static_program_knows_users(static):
    """without the libraries by which other programs look for them: root is a user, and may stay so"""
    with meter.Daemon([str(static), "rng", "--host=sim", "--quiet", "--user=nobody", "--socket-path={dir}/sock"]) as d:
        status = pathlib.Path(f"/proc/{meter.settled(d).process.pid}/status").read_text()
        assert "Uid:\t65534\t65534" in status
