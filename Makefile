# SPDX-License-Identifier: BSD-3-Clause
# Thin: meson builds, the tools do the work. Each target installs what it needs first (tools/setup, Debian).

BUILD ?= build

help:
	@echo 'make setup       install all build, demo and test packages (apt)'
	@echo 'make demo        boot a stock Linux guest on all devices; report in build/demo/report.json'
	@echo 'make demo-control  guests on clocks, an SPI bus, a platform, and others; report in build/demo-control/report.json'
	@echo 'make demo-xen    the same on real Xen, emulated; report in build/demo-xen/report.json'
	@echo 'make demo-xen-domu  one of its domains serves another, without privilege; report in build/demo-xen-domu/report.json'
	@echo 'make demo-confined  a guest that shares one window of its memory; report in build/demo-confined/report.json'
	@echo 'make demo-two-vms  one machine serves another through a window; report in build/demo-two-vms/report.json'
	@echo 'make demo-amp    Linux and our firmware, on two cores and in two domains of Xen; report in build/demo-amp/report.json'
	@echo 'make lab-xen     make all that the tests on real Xen boot, and say how to use it'
	@echo 'make lab-amp     the same for Linux beside firmware'
	@echo 'make test-lab    of these, the ones on real Xen, firmware and two machines'
	@echo 'make test        all tests; last line: N passed, N failed'
	@echo 'make check       static checks and unit tests, in under two minutes'
	@echo 'make bench       all measurements, beside their peers; report in build/bench/report.html and report.json'
	@echo '                 ROUNDS=3: fewer rounds of what is timed, so most of it is not decided'
	@echo 'make bench-figures  what the daemon costs, counted; build/bench/figures.json'
	@echo 'make bench-ring  instructions per request; build/bench/ring.json'
	@echo 'make bench-memory  what each way to a guest'"'"'s memory costs; build/bench/memory.json'
	@echo 'make bench-xen   crossings per request on real Xen, emulated; build/bench/xen.json'
	@echo 'make size        text, memory and stack of the firmware, against its goals'
	@echo 'make fmt         format the sources'

setup:
	@tools/setup test

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

demo:
	@tools/setup demo
	@$(MAKE) --no-print-directory build
	@tools/demo --build $(BUILD)

demo-control:
	@tools/setup test
	@$(MAKE) --no-print-directory build
	@tools/demo-control --build $(BUILD)

demo-xen:
	@tools/setup lab
	@tools/demo-xen --build $(BUILD)

demo-xen-domu:
	@tools/setup lab
	@tools/demo-xen-domu --build $(BUILD)

demo-confined:
	@tools/setup lab
	@$(MAKE) --no-print-directory build
	@tools/demo-confined --build $(BUILD)

demo-two-vms:
	@tools/setup demo
	@$(MAKE) --no-print-directory build
	@tools/demo-two-vms --build $(BUILD)

demo-amp:
	@tools/setup lab
	@tools/demo-amp --build $(BUILD)

size:
	@tools/setup test
	@tools/firmware --size --out $(BUILD)/firmware

lab-xen:
	@tools/setup lab
	@tools/lab prepare-lab
	@python3 test/lab/xenlab.py

lab-amp:
	@tools/setup lab
	@tools/lab prepare arm64 kernel
	@python3 test/lab/amp.py

test:
	@tools/setup lab
	@tools/run-tests

test-lab:
	@tools/setup lab
	@tools/run-tests --only lab

check:
	@tools/setup test
	@tools/check

# a peer that cannot be had is said to be missing; the page shows what ran
bench: build
	@tools/setup bench
	@bench/figures.py
	@python3 bench/ring/run.py $(ROUNDS:%=--rounds=%)
	@bench/memory/run.py
	@bench/peer/qsd.py $(ROUNDS:%=--rounds=%)
	@bench/peer/libblkio.py $(ROUNDS:%=--rounds=%)
	@bench/peer/rng.py $(ROUNDS:%=--rounds=%)
	@bench/report.py

bench-figures: build
	@tools/setup bench
	@bench/figures.py

bench-ring:
	@tools/setup bench
	@python3 bench/ring/run.py

bench-memory:
	@tools/setup bench
	@bench/memory/run.py

bench-xen:
	@tools/setup lab
	@bench/xen/crossings.py

fmt:
	@git ls-files -co --exclude-standard '*.[ch]' | xargs clang-format-14 -i

.PHONY: help setup build demo demo-control demo-xen demo-xen-domu demo-confined demo-two-vms demo-amp size lab-xen lab-amp test test-lab check bench-ring bench-memory bench-xen fmt
