# SPDX-License-Identifier: BSD-3-Clause
"""The checks can fail: each is fed a small tree with one fault."""
import importlib.util
import subprocess
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tree(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def arrows(root, build=None):
    argv = [ROOT / "tools/check-arrows", "--root", root] + (["--build", build] if build else [])
    r = subprocess.run(argv, capture_output=True, text=True)
    return r.returncode, r.stdout


GOOD = {
    "include/vio/dev.h": "#include <stdint.h>\n",
    "include/vio/rng.h": '#include "dev.h"\n',
    "hosted/loop.h": '#include "vio/dev.h"\n',
    "core/dev.c": '#include <string.h>\n#include "vio/dev.h"\n',
    "device/rng.c": '#include "vio/rng.h"\n',
    "driver/dvq.c": '#include "vio/dev.h"\n',
    "host/linux/rng.c": '#include <errno.h>\n#include "hosted/loop.h"\n#include "vio/rng.h"\n',
    "port/vhost_user/a.c": '#include "hosted/loop.h"\n#include "port/vhost_user/a.h"\n',
    "port/vhost_user/a.h": "#include <sys/socket.h>\n",
    "port/loopback/l.c": '#include "vio/dev.h"\n',
    "app/main.c": '#include "device/../port/vhost_user/a.h"\n',
}


def test_good_tree(tmp_path):
    tree(tmp_path, GOOD)
    assert arrows(tmp_path) == (0, "")


@pytest.mark.parametrize("file, line, says", [
    ("core/dev.c", "#include <stdio.h>", "<stdio.h>"),
    ("device/rng.c", "#include <unistd.h>", "<unistd.h>"),
    ("driver/dvq.c", "#  include  <errno.h>", "<errno.h>"),
    ("include/vio/dev.h", "#include <sys/uio.h>", "<sys/uio.h>"),
    ("port/loopback/l.c", "#include <pthread.h>", "<pthread.h>"),
    ("core/dev.c", '#include "hosted/loop.h"', "core/ may not include hosted/loop.h"),
    ("device/rng.c", '#include "../core/dev.c"', "device/ may not include core/dev.c"),
    ("device/rng.c", '#include "port/vhost_user/a.h"', "device/ may not include port"),
    ("driver/dvq.c", '#include "core/dev.c"', "driver/ may not include core"),
    ("host/linux/rng.c", '#include "port/vhost_user/a.h"', "host/ may not include port"),
    ("port/vhost_user/a.c", '#include "vio/rng.h"', "may not know a device class"),
    ("port/vhost_user/a.c", '#include "../loopback/l.c"', "port/ may not include port/loopback"),
    ("core/dev.c", '#include "vio/rng.h"', "may not know a device class"),
    ("hosted/loop.h", '#include "app/main.c"', "hosted/ may not include app"),
    ("core/dev.c", '#include "vio/nowhere.h"', "not found"),
])
def test_include_across(tmp_path, file, line, says):
    tree(tmp_path, {**GOOD, file: GOOD[file] + line + "\n"})
    code, out = arrows(tmp_path)
    assert code == 1
    assert says in out and out.count("\n") == 1 and out.startswith(file)


@pytest.mark.parametrize("file, line, word", [
    ("core/dev.c", "#ifdef __linux__", "__linux__"),
    ("device/rng.c", "#if defined(BARE_METAL) && VIO_CFG_TRACK", "BARE_METAL"),
    ("driver/dvq.c", "# ifndef HOSTED", "HOSTED"),
    ("include/vio/dev.h", "#if UINTPTR_MAX > 0xffffffffu\n#elif __arm__", "__arm__"),
])
def test_condition(tmp_path, file, line, word):
    """Core and devices are the same sources for a program and for firmware."""
    tree(tmp_path, {**GOOD, file: GOOD[file] + "#if VIO_CFG_TRACK /* BARE */\n#endif\n" + line + "\n#endif\n"})
    code, out = arrows(tmp_path)
    assert code == 1 and out.count("\n") == 1 and f"may not ask for {word}" in out and out.startswith(file)


def archive(folder, name, source):
    tree(folder, {f"{name}.c": source})
    subprocess.run(["gcc", "-c", f"{name}.c", "-o", f"{name}.o"], cwd=folder, check=True)
    subprocess.run(["ar", "rc", f"lib{name}.a", f"{name}.o"], cwd=folder, check=True)


LIBRARIES = {
    "core": "void core_a(void) {}",
    "device": "void core_a(void); void device_a(void) { core_a(); }",
    "driver": "void driver_a(void) {}",
    "hosted": "void hosted_a(void) {}",
    "host": "void hosted_a(void); void host_a(void) { hosted_a(); }",
    "port_loopback": "void core_a(void); void lb_a(void) { core_a(); }",
    "port_bare": "void core_a(void); void bare_a(void) { core_a(); }",
    "port_vhost_user": "void hosted_a(void); void vhu_a(void) { hosted_a(); }",
    "port_window": "void hosted_a(void); void window_a(void) { hosted_a(); }",
    "port_xen": "void hosted_a(void); void xen_a(void) { hosted_a(); }",
    "conform": "void vhu_a(void); void driver_a(void); void cf_a(void) { vhu_a(); driver_a(); }",
    "app": "void app_a(void) {}",
}


@pytest.mark.parametrize("library, calls, says", [
    (None, None, None),
    ("core", "device_a", "device_a of device"),
    ("core", "malloc", "malloc"),
    ("device", "hosted_a", "hosted_a of hosted"),
    ("device", "printf", "printf"),
    ("driver", "core_a", "core_a of core"),
    ("host", "vhu_a", "vhu_a of port_vhost_user"),
    ("port_vhost_user", "device_a", "device_a of device"),
    ("hosted", "app_a", "app_a of app"),
])
def test_call_across(tmp_path, library, calls, says):
    for name, source in LIBRARIES.items():
        more = f"void x_{calls}(void); extern void {calls}(); void bad(void) {{ {calls}(); }}" if name == library else ""
        archive(tmp_path, name, source + more)
    code, out = arrows(tmp_path / "nothing", tmp_path)
    assert code == (1 if says else 0), out
    assert not says or says in out


def free(root):
    r = subprocess.run([ROOT / "tools/check-freestanding", "--root", root], capture_output=True, text=True)
    return r.returncode, r.stdout


@pytest.mark.parametrize("source, says", [
    ("int f(int a) { return a + 1; }", None),
    ("#include <string.h>\nvoid f(char *a) { memset(a, 0, 9999); }", None),
    ("void g(int); void f(void) { g(1); }", "g is undefined (used by cortex-m4.core.a.o)"),
    ("#include <stdio.h>\n", "stdio.h"),
    ("void f(volatile char *p); void f(volatile char *p) { volatile char a[600]; a[*p] = 1; *p = a[1]; }", "stack usage"),
    ("float f(float a, float b) { return a * b; }", "__aeabi_fmul"),
])
def test_freestanding(tmp_path, source, says):
    tree(tmp_path, {"core/a.c": source, "tools/freestanding/string.h": (ROOT / "tools/freestanding/string.h").read_text()})
    code, out = free(tmp_path)
    assert code == (1 if says else 0), out
    assert not says or says in out


def test_text_budget(tmp_path):
    body = "".join(f"unsigned f{i}(unsigned a) {{ return a * {i * 7919 + 65537}u + {i}u; }}\n" for i in range(300))
    tree(tmp_path, {"device/i2c.c": body})
    code, out = free(tmp_path)
    assert code == 1 and "i2c device takes" in out


def firmware_tool():
    loader = SourceFileLoader("firmware", str(ROOT / "tools/firmware"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("firmware", loader))
    loader.exec_module(module)
    return module


def test_size_goals(tmp_path):
    """An image keeps its goals, and one byte more than a goal is missed."""
    tool = firmware_tool()
    image = tool.Image("zcu102_r5", "msg", tmp_path)
    image.build()
    assert (list(tool.measure(image)), image.queue, image.spec["text"]) == ([], 128, 16384)
    queue, text = image.of_queue(), image.sections()[".text"]
    image.queue = queue - 1
    assert list(tool.measure(image)) == [f"msg: a queue takes {queue} bytes, the goal is {queue - 1}"]
    image.queue, image.spec["text"] = queue, text - 1
    assert list(tool.measure(image)) == [f"msg: {text} bytes of text, the goal is {text - 1}"]
