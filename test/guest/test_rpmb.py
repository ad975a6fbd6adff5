# SPDX-License-Identifier: BSD-3-Clause
"""rpmb in a guest: Debian's arm64 kernel has no driver for it, so ask.c is one there, on the registers of QEMU 11's generic
front-end. The frames, and what is right, are Python's: hmac and hashlib know nothing of this project."""
import hashlib
import hmac
import struct

from asking import Driver, added, registers
from harness import Guest, scratch
from test_devices import daemon

RPMB = 28
KEY = bytes(range(32))
PROGRAM_KEY, COUNTER, WRITE, READ, RESULT = 1, 2, 3, 4, 5
OK, GENERAL, AUTH, COUNT, ADDRESS, WRITE_FAILURE, NO_KEY = 0, 1, 2, 3, 4, 5, 7


class Machine(Guest):
    def __init__(self, tmp):
        self.tmp = tmp
        super().__init__("arm64-qemu11", [(RPMB, tmp / "rpmb", {"num_vqs": 1, "config_size": 3})])

    def _kernel(self):
        kernel, initrd = super()._kernel()
        return kernel, added(initrd, self.tmp, arm=True)


def mac(frames, key=KEY):
    return hmac.new(key, b"".join(f[228:] for f in frames), hashlib.sha256).digest()


def frame(kind, count=1, data=b"", nonce=b"", counter=0, address=0, auth=b""):
    return (bytes(196) + auth.ljust(32, b"\0") + data.ljust(256, b"\0") + nonce.ljust(16, b"\0") +
            struct.pack(">IHHHH", counter, address, count, 0, kind))


def writes(blocks, counter, address=0, key=KEY):
    frames = [frame(WRITE, len(blocks), b, counter=counter, address=address) for b in blocks]
    frames[-1] = frames[-1][:196] + mac(frames, key) + frames[-1][228:]
    return frames


class Rpmb(Driver):
    def told(self, frames):
        """The result of a key or a write, and the counter behind it"""
        f = self.ask(b"".join([*frames, frame(RESULT)]), 512)
        kind, = struct.unpack(">H", frames[0][510:])
        assert struct.unpack(">H", f[510:]) == (kind << 8,)
        return struct.unpack(">H", f[508:510])[0], struct.unpack(">I", f[500:504])[0]

    def counter(self):
        f = self.ask(frame(COUNTER, nonce=b"sixteen bytes of"), 512)
        assert f[484:500] == b"sixteen bytes of" and f[196:228] == mac([f])
        return struct.unpack(">I", f[500:504])[0]

    def read(self, address, n):
        whole = self.ask(frame(READ, n, nonce=b"another nonce", address=address), 512 * n)
        frames = [whole[i:i + 512] for i in range(0, len(whole), 512)]
        assert frames[-1][196:228] == mac(frames) and all(f[508:510] == b"\0\0" for f in frames)
        return [f[228:484] for f in frames]


def test_driver_in_a_guest():
    blocks = [bytes([n]) * 256 for n in (17, 34, 51)]
    with scratch() as tmp:
        with daemon(tmp, "rpmb", f"--host=file:{tmp}/store") as _, Machine(tmp) as guest:
            address = registers(guest, RPMB)
            d = Rpmb(guest, "rpmb", 1, where=address)
            assert d.line("config 0 3") == "012080"  # 128 KiB, 32 blocks a write, 128 a read
            assert d.told(writes(blocks, 0))[0] == NO_KEY
            assert d.told([frame(PROGRAM_KEY, auth=KEY)])[0] == OK
            assert d.told([frame(PROGRAM_KEY, auth=KEY[::-1])])[0] == WRITE_FAILURE
            assert d.counter() == 0
            assert d.told(writes(blocks, 0, address=7)) == (OK, 1)
            assert d.read(7, 3) == blocks
            # replayed, of another key, changed, reordered, beyond the end: nothing of it is done
            good = writes(blocks[::-1], 1, address=7)
            for wrong, result in ((writes(blocks, 0, address=7), COUNT), (writes(blocks, 1, key=KEY[::-1]), AUTH),
                                  ([good[0][:300] + b"!" + good[0][301:], *good[1:]], AUTH), ([good[1], good[0], good[2]], AUTH),
                                  (writes(blocks, 1, address=510), ADDRESS), ([frame(WRITE, 0)], GENERAL)):
                assert d.told(wrong)[0] == result
            assert d.counter() == 1 and d.read(7, 3) == blocks
            assert d.told(good) == (OK, 2)
            # the driver goes, and the next one resets the device
            guest.check("kill -9 $(cat /run/rpmb.ask)")
            d = Rpmb(guest, "again", 1, where=address)
            assert d.counter() == 2 and d.read(7, 3) == blocks[::-1]
