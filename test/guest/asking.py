# SPDX-License-Identifier: BSD-3-Clause
"""asking - ask.c in a machine: a driver that says what a test wants, and no more"""
import subprocess

from harness import ROOT


def added(initrd, tmp, arm=False):
    """A copy of this archive with ask in it. On x86 it reaches vhost-user sockets, on arm64 virtio-mmio registers."""
    out = tmp / "ask/bin/ask"
    out.parent.mkdir(parents=True)
    if arm:
        sources = ["test/guest/ask.c", "test/guest/ask_mmio.c", *(f"driver/{n}.c" for n in ("dvq", "mmio", "packed", "probe", "split"))]
        subprocess.run(["aarch64-linux-gnu-gcc", "-std=c11", "-O2", "-s", "-static", "-D_GNU_SOURCE=", "-I", "include", "-I", ".",
                        *sources, "-o", out], check=True, cwd=ROOT)
    else:
        subprocess.run(["strip", "-o", out, ROOT / "build/ask"], check=True)
    part = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], input=b"bin/ask\n", stdout=subprocess.PIPE, check=True, cwd=tmp / "ask")
    (tmp / "with-ask").write_bytes(initrd.read_bytes() + part.stdout)
    return tmp / "with-ask"


def registers(m, number):
    """The address of the virtio-mmio device of this kind, which its bus then lets go of"""
    return "0x" + m.check(f"for d in /sys/bus/virtio/devices/*; do if [ $(($(cat $d/device))) = {number} ]; then n=$(basename $(readlink -f $d/..)); "
                          "echo $n >/sys/bus/platform/drivers/virtio-mmio/unbind; echo ${n%.*}; fi; done").strip()


class Driver:
    """ask, running in the machine: on /run/NAME, or where else the device is"""

    def __init__(self, m, name, queues, features=0, where=None):
        self.m, self.name, self.asked = m, name, 0
        m.check(f"cd /run; rm -f {name}.in; mkfifo {name}.in; ask {where or '/run/' + name} {features} {queues} <{name}.in >{name}.out 2>&1 & "
                f"echo $! >/run/{name}.ask; exec sleep 99999 >/run/{name}.in </dev/null 2>&1 &")

    def line(self, text):
        self.asked += 1
        return self.m.check(f"cd /run; echo '{text}' >{self.name}.in; n=0; "
                            f"while [ $(wc -l <{self.name}.out) -lt {self.asked} ]; do n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.1; done; "
                            f"sed -n {self.asked}p {self.name}.out", timeout=90).strip()

    def ask(self, data, room, queue=0):
        """The writable part, as bytes"""
        answer = self.line(f"{queue} {data.hex() or '-'} {room}")
        assert not answer.startswith("ask:"), answer
        return bytes.fromhex(answer.split()[1])
