# SPDX-License-Identifier: BSD-3-Clause
"""The console device in a stock guest: bytes both ways without a loss, ports by name, resize."""
import hashlib
import os
import socket
import threading
import time

import pytest

from harness import ROOT, Daemon, Guest, scratch

STRATOS = os.environ.get("STRATOS", str(ROOT / "build/stratos"))
MIB = 1 << 20


def console(tmp, *options):
    return Daemon([STRATOS, "console", f"--socket-path={tmp}/console", *options], socket=tmp / "console")


def client(path):
    s = socket.socket(socket.AF_UNIX)
    end = time.monotonic() + 10
    while True:
        try:
            s.connect(str(path))
            s.settimeout(120)
            return s
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Reader(threading.Thread):
    """Takes `size` bytes from a socket in the background."""

    def __init__(self, s, size):
        super().__init__(daemon=True)
        self.s, self.size, self.data, self.error = s, size, bytearray(), None
        self.start()

    def run(self):
        try:
            while len(self.data) < self.size:
                part = self.s.recv(65536)
                if not part:
                    break
                self.data += part
        except OSError as e:
            self.error = e

    def result(self, timeout=240):
        self.join(timeout)
        assert not self.error and len(self.data) == self.size, f"{len(self.data)} of {self.size} bytes came ({self.error})"
        return bytes(self.data)


def devices(vehicle, tmp, ports=1):
    return [("console", tmp / "console", {} if vehicle == "uml" else {"num_vqs": 2 if ports == 1 else 2 + 2 * ports})]


def port_path(guest, name):
    """The character device of a named port."""
    out = guest.check(f"for p in /sys/class/virtio-ports/*; do [ \"$(cat $p/name)\" = {name} ] && echo /dev/${{p##*/}}; done; true")
    assert out.strip().startswith("/dev/"), f"no port named {name}: {out}"
    return out.strip()


@pytest.mark.parametrize("vehicle", ["uml", "qemu11"])
def test_16_mib_each_way(vehicle):
    """A byte channel (port 1): 16 MiB to the guest and 16 MiB back, at the same time."""
    down = os.urandom(16 * MIB)
    with scratch() as tmp, console(tmp, f"--host=unix:{tmp}/c", "--ports=2", "--port-names=main,data", "--no-client=drop"), \
         Guest(vehicle, devices(vehicle, tmp, 2)) as guest:
        port = port_path(guest, "data")
        with client(f"{tmp}/c.1") as s:
            guest.check("dd if=/dev/urandom of=/tmp/up bs=1M count=16 status=none")
            reader = Reader(s, 16 * MIB)
            sender = threading.Thread(target=s.sendall, args=(down,), daemon=True)
            sender.start()
            got = guest.check(f"exec 3<>{port}; cat /tmp/up >&3 & head -c {16 * MIB} <&3 | sha256sum; wait; sha256sum </tmp/up",
                              timeout=240).split()
            assert got[0] == hashlib.sha256(down).hexdigest()
            assert got[2] == hashlib.sha256(reader.result()).hexdigest()
            sender.join(10)


@pytest.mark.parametrize("vehicle", ["uml", "qemu11"])
def test_terminal(vehicle):
    """One port without MULTIPORT is the guest's hvc0: a terminal, both ways."""
    with scratch() as tmp, console(tmp, f"--host=unix:{tmp}/c", "--cols=132", "--rows=43"), \
         Guest(vehicle, devices(vehicle, tmp)) as guest, client(f"{tmp}/c") as s:
        if vehicle == "uml":  # 6.12 reads the size of a single port only when it changes, 7.2 at once
            assert guest.check("stty size </dev/hvc0") == "43 132\n"
        want = b"".join(b"%d\n" % n for n in range(1, 20001))
        back = Reader(s, len(want))
        there = threading.Thread(target=s.sendall, args=(want,), daemon=True)
        # raw mode holds as long as somebody has the terminal open
        guest.check("(exec 3<>/dev/hvc0; stty raw -echo <&3; : >/tmp/open; sleep 600) >/dev/null 2>&1 & "
                    "while [ ! -e /tmp/open ]; do sleep 0.1; done")
        guest.check("seq 1 20000 >/dev/hvc0")
        assert back.result() == want
        there.start()
        got = guest.check(f"head -c {len(want)} </dev/hvc0 | sha256sum").split()[0]
        assert got == hashlib.sha256(want).hexdigest()


def test_client_comes_and_goes():
    with scratch() as tmp, console(tmp, f"--host=unix:{tmp}/c", "--ports=2", "--port-names=main,data"), \
         Guest("uml", devices("uml", tmp, 2)) as guest:
        port = port_path(guest, "data")
        for n in range(3):
            with client(f"{tmp}/c.1") as s:
                reader = Reader(s, 6)
                guest.check(f"echo hello >{port}")
                assert reader.result() == b"hello\n"
