# SPDX-License-Identifier: BSD-3-Clause
"""turns - what `stratos bench ab` does, where the driver is not ours: two back-ends in turns, and the ratio of each round

Order A B B A, a process for each run, medians of the rounds' ratios with their 95 % interval, rounds thrown out by the
same rule (app/bench_ab_rule.c). A run is an object: requests, ns, cpu, p50, p99 of the load, wait and together as the
rule wants them; the machine's steal is taken here.
"""
import os
import pathlib
import platform
import random
import statistics

MAX_STEAL, PLACE, LEAST, RESAMPLES = 0.02, 0.5, 6, 10000
VALUE = {"cpu": lambda r: r["cpu"] / r["requests"], "rate": lambda r: r["requests"] / r["ns"] * 1e9,
         "p50": lambda r: r["p50"], "p99": lambda r: r["p99"]}


def host():
    return {"kernel": platform.release(), "machine": platform.machine(), "cpus": os.cpu_count(), "loadavg": list(os.getloadavg())}


def ticks():
    """(of all processors, taken by the hypervisor) so far"""
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[7]


def with_steal(run):
    """run: a function; returns: its object, with the part of the machine's time that was stolen meanwhile"""
    all_before, stolen_before = ticks()
    r = run()
    all_after, stolen_after = ticks()
    return {**r, "steal": (stolen_after - stolen_before) / max(1, all_after - all_before)}


def judge(runs, max_wait):
    """runs: four, in order A B B A; returns: why the round is thrown out, or None"""
    if any(r["steal"] > MAX_STEAL for r in runs):
        return "steal"
    if any(r["wait"] / r["ns"] > max_wait for r in runs):
        return "wait"
    a, b = (runs[i]["together"] / 2 + runs[j]["together"] / 2 for i, j in ((0, 3), (1, 2)))
    return "place" if abs(a - b) > PLACE else None


def interval(ratios):
    """percentile bootstrap with fixed draws; returns: (low, high), None where they are too few"""
    if len(ratios) < LEAST:
        return None, None
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(sorted(ratios), k=len(ratios))) for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-1 - RESAMPLES // 40]


def metric(rounds, value):
    """of all rounds; as a metric of stratos-bench-ab-1 (docs/performance.md)"""
    sides = [(value(r["runs"][0]) + value(r["runs"][3]), value(r["runs"][1]) + value(r["runs"][2]), r["thrown"]) for r in rounds]
    kept = [(a, b) for a, b, thrown in sides if not thrown]
    ratios = [b / a for a, b in kept]
    low, high = interval(ratios)
    return {"a": statistics.median(a / 2 for a, _ in kept) if kept else None,
            "b": statistics.median(b / 2 for _, b in kept) if kept else None,
            "ratio": statistics.median(ratios) if ratios else None, "low": low, "high": high, "rounds": len(ratios),
            "all": statistics.median(b / a for a, b, _ in sides)}


def compare(rounds, run_a, run_b, max_wait):
    """run_a, run_b: functions, one run each; max_wait: part of a run; returns: the rounds, and the metrics by name"""
    done = []
    for _ in range(rounds):
        runs = [with_steal(run) for run in (run_a, run_b, run_b, run_a)]
        done.append({"runs": runs, "thrown": judge(runs, max_wait)})
    return done, {name: metric(done, value) for name, value in VALUE.items()}
