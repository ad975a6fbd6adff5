#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rng - our entropy device beside vhost-device-rng of rust-vmm (crates.io), over vhost-user

Both read /dev/urandom or its like, so the kernel's random numbers are the larger part of what is measured.
"""
from peer import STRATOS, Comparison, crate, debian, meter

VERSION = "0.1.0"


def main():
    c = Comparison("rng", __doc__)
    debian()
    theirs = crate("vhost-device-rng", VERSION)
    if theirs:
        # it appends the number of the device to the path
        a = f"ln -s {{sock}}0 {{sock}}; exec {theirs} --socket-path={{sock}}"
        b = f"{STRATOS} rng --quiet --socket-path={{sock}}"
        for size, depth in ((64, 8), (4096, 8), (64, 1)):
            load = ["--dev=rng", f"--block-size={size}", f"--depth={depth}"]
            c.ab(f"{size} bytes, depth {depth}", a, b, load, "cpu", 1.0)
        c.done("vhost-device-rng", VERSION)


if __name__ == "__main__":
    main()
