#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""spy - a back-end that takes what the front-end hands out, and tries to get at the rest of the guest

usage: spy.py SOCKET REPORT

Serves one vhost-user front-end just far enough that it starts its device. When the rings are set up it becomes
another user, tries every way out of the regions that it was given, and writes REPORT (JSON):
  regions   what the front-end shared: guest address, bytes, bytes of the file
  rings     where the driver put the parts of ring 0, as guest addresses; null: in no region
  attempts  what, whether it got anything, and what happened instead
source: vhost-user protocol, "Front-end message types"
"""
import array
import ctypes
import json
import mmap
import os
import signal
import socket
import struct
import sys

NOBODY = 65534
PAGE, MIB = mmap.PAGESIZE, 1 << 20
GET_FEATURES, SET_MEM_TABLE, SET_VRING_ADDR, SET_VRING_KICK, GET_VRING_BASE = 1, 5, 9, 12, 11
GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_MAX_MEM_SLOTS, ADD_MEM_REG, GET_STATUS = 15, 17, 36, 37, 40
NEED_REPLY, REPLY = 8, 4 | 1
FEATURES = 1 << 28 | 1 << 29 | 1 << 30 | 1 << 32 | 1 << 33  # indirect, event-idx, protocol, version 1, access platform
PROTOCOL = 1 << 3 | 1 << 5  # acknowledgements, back channel: QEMU insists with access platform


class Region:
    def __init__(self, wire, fd):
        self.gpa, self.size, self.uva, self.offset = struct.unpack("<QQQQ", wire)
        self.fd, self.file_size = fd, os.fstat(fd).st_size

    def show(self):
        return {"guest_address": self.gpa, "bytes": self.size, "offset": self.offset, "file_bytes": self.file_size}


def in_child(act):
    """What a child process makes of it: text of a success or None, and what happened. Signals end the child only."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = act()
            os.write(w, b"+" + str(text).encode())
        except OSError as e:
            os.write(w, b"-" + (e.strerror or str(e)).encode())
        except BaseException as e:  # a fault of this program is no proof of anything
            os.write(w, b"+" + repr(e).encode())
        os._exit(0)
    os.close(w)
    answer = os.read(r, 4096)
    os.close(r)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return None, signal.Signals(os.WTERMSIG(status)).name
    return (answer[1:].decode(), "succeeded") if answer[:1] == b"+" else (None, answer[1:].decode())


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def fail():
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def touch(fd, offset, length):
    """Through the C library: Python's own mmap looks at the file's size first."""
    p = LIBC.mmap(None, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, offset)
    if p == ctypes.c_void_p(-1).value:
        fail()
    return f"{len(ctypes.string_at(p, PAGE))} bytes"


def pread(fd, offset):
    got = os.pread(fd, PAGE, offset)
    if not got:
        raise OSError(0, "end of file")
    return f"{len(got)} bytes"


def resize(fd, size):
    os.ftruncate(fd, size)
    return f"{size} bytes"


def proc_mem(pid, address):
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    return f"{len(os.pread(fd, PAGE, address))} bytes"


def vm_read(pid, address):
    here = ctypes.create_string_buffer(PAGE)
    iov = (ctypes.c_size_t * 2)
    local, remote = iov(ctypes.addressof(here), PAGE), iov(address, PAGE)
    if LIBC.process_vm_readv(pid, local, 1, remote, 1, 0) < 0:
        fail()
    return f"{PAGE} bytes"


def attempts(regions, peer):
    """(what, does it count as a way out, act)"""
    for r in regions:
        end = r.offset + r.size
        yield "control: read and write the first page of the region", False, lambda r=r: touch(r.fd, r.offset, PAGE)
        yield "map and touch what follows the region in its file", True, lambda r=r, e=end: touch(r.fd, e, MIB)
        yield "map and touch the file 1 GiB further", True, lambda r=r, e=end: touch(r.fd, e + (1 << 30), PAGE)
        yield "read the file behind the region", True, lambda r=r, e=end: pread(r.fd, e)
        yield "make the file longer", True, lambda r=r: resize(r.fd, r.file_size + MIB)
        yield "cut the file off under the front-end", True, lambda r=r: resize(r.fd, 0)
    if os.geteuid() == NOBODY:
        at = regions[0].uva
        here = ctypes.create_string_buffer(PAGE)
        yield "control: read this program's own memory with process_vm_readv", False, \
            lambda: vm_read(os.getpid(), ctypes.addressof(here))
        yield "read the front-end's memory through /proc", True, lambda: proc_mem(peer, at)
        yield "read the front-end's memory with process_vm_readv", True, lambda: vm_read(peer, at - PAGE)
        yield "list the front-end's descriptors", True, lambda: f"{len(os.listdir(f'/proc/{peer}/fd'))}"
        yield "list the front-end's mappings", True, lambda: f"{len(open(f'/proc/{peer}/maps').read())} bytes"


def drop():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


class Spy:
    def __init__(self, path, report):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        self.report, self.fds = open(report, "w"), []  # before it is nobody
        self.s = listener.accept()[0]
        self.peer = struct.unpack("iii", self.s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self.regions, self.rings, self.done = [], None, False

    def receive(self, n):
        data = b""
        while len(data) < n:
            part, control, _, _ = self.s.recvmsg(n - len(data), socket.CMSG_SPACE(64))
            if not part:
                sys.exit(0)
            for level, kind, body in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", body[:len(body) // 4 * 4])
            data += part
        return data

    def guest_address(self, uva):
        return next((r.gpa + uva - r.uva for r in self.regions if r.uva <= uva < r.uva + r.size), None)

    def take(self, request, body):
        """Act on a message; returns the reply, or None."""
        if request == SET_MEM_TABLE:
            n = struct.unpack("<I", body[:4])[0]
            self.regions = [Region(body[8 + 32 * i:40 + 32 * i], fd) for i, fd in enumerate(self.fds[:n])]
        elif request == ADD_MEM_REG:
            self.regions.append(Region(body[8:40], self.fds[0]))
        elif request == SET_VRING_ADDR and struct.unpack("<I", body[:4])[0] == 0:
            desc, used, avail = struct.unpack("<QQQ", body[8:32])
            self.rings = {k: self.guest_address(v) for k, v in (("desc", desc), ("used", used), ("avail", avail))}
        return {GET_FEATURES: struct.pack("<Q", FEATURES), GET_PROTOCOL_FEATURES: struct.pack("<Q", PROTOCOL),
                GET_QUEUE_NUM: struct.pack("<Q", 1), GET_MAX_MEM_SLOTS: struct.pack("<Q", 8),
                GET_STATUS: struct.pack("<Q", 0), GET_VRING_BASE: body}.get(request)

    def spy(self):
        drop()
        tried = []
        for what, counts, act in attempts(self.regions, self.peer):
            got, how = in_child(act)
            tried.append({"what": what, "way_out": counts, "got": got, "happened": how})
        json.dump({"user": os.geteuid(), "regions": [r.show() for r in self.regions], "rings": self.rings, "attempts": tried},
                  self.report, indent=1)
        self.report.close()
        self.done = True

    def run(self):
        while True:
            request, flags, size = struct.unpack("<III", self.receive(12))
            body = self.receive(size)
            reply = self.take(request, body)
            self.fds = []
            if reply is None and flags & NEED_REPLY:
                reply = struct.pack("<Q", 0)
            if reply is not None:
                self.s.sendall(struct.pack("<III", request, REPLY, len(reply)) + reply)
            if request == SET_VRING_KICK and self.rings and not self.done:
                self.spy()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    Spy(sys.argv[1], sys.argv[2]).run()
