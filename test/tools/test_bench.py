# SPDX-License-Identifier: BSD-3-Clause
"""The measurements of bench/: a goal is judged as it is meant, a page shows what ran and says what did not"""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
sys.path.insert(0, str(ROOT / "bench/peer"))
import meter  # noqa: E402
import report  # noqa: E402
import turns  # noqa: E402


def ab(metric, ratio, low, high, goal, everywhere=None):
    return {"what": "<disk>", "kind": "ab", "metric": metric, "goal": goal, "rounds": 10, "thrown": 1, "command": "a < b",
            "metrics": {metric: {"a": 100.0, "b": 100.0 * (ratio or 1), "ratio": ratio, "low": low, "high": high, "all": everywhere}},
            "host": {"machine": "x86_64", "cpus": 2, "kernel": "6", "loadavg": [1.5, 1, 1]}}


@pytest.mark.parametrize("row, expected", [
    (ab("cpu", 0.4, 0.3, 0.45, 0.5), ("ok", "ratio at most 0.5")),
    (ab("cpu", 0.4, 0.3, 0.55, 0.5), ("ok", "ratio at most 0.5 (the interval holds it)")),
    (ab("cpu", 0.6, 0.55, 0.7, 0.5), ("miss", "ratio at most 0.5")),
    (ab("rate", 1.6, 1.55, 1.7, 1.5), ("ok", "ratio at least 1.5")),
    (ab("rate", 1.4, 1.3, 1.6, 1.5), ("miss", "ratio at least 1.5 (the interval holds it)")),
    (ab("p50", 0.9, None, None, 1.0), ("none", "ratio at most 1: too few rounds count, the machine was busy")),
    (ab("p50", None, None, None, 1.0, 0.83), ("none", "ratio at most 1: too few rounds count, the machine was busy; over all of them x 0.83")),
    ({"kind": "count", "b": 5, "goal": 5}, ("ok", "at most 5")),
    ({"kind": "count", "b": 6, "goal": 5}, ("miss", "at most 5")),
    ({"kind": "count", "b": 6, "goal": None}, ("none", "")),
])
def test_goals(row, expected):
    assert report.verdict(row) == expected


def test_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "OUT", tmp_path)
    rows = [ab("rate", 2.0, 1.5, 2.5, 1.5), {"what": "memory", "kind": "count", "unit": "KiB", "a": 8000.0, "b": 800.0, "goal": 900}]
    (tmp_path / "peer-qsd.json").write_text(json.dumps({"peer": "qsd", "version": "7 & more", "rows": rows}))
    (tmp_path / "ring.json").write_text(json.dumps({"split": {"3": 245.3}, "libvhost-user": {"3": 867.8, "version": "10"},
                                                     "wall": {"rounds": 9, "regions": {"32": {
                                                         "split": {"ns": 15.3, "ratio": 1.0, "low": 1.0, "high": 1.0},
                                                         "libvhost-user": {"ns": 118.3, "ratio": 7.69, "low": 7.4, "high": 7.8}}}}}))
    report.main()
    page = (tmp_path / "report.html").read_text()
    assert "&lt;disk&gt;" in page and "<disk>" not in page and "7 &amp; more" in page
    assert "libvhost-user, x 7.69 (7.40 to 7.80)" in page
    assert "Did not run: peer-libblkio, peer-rng, figures, memory." in page
    pictures = [xml.fromstring(p.split("</svg>")[0].join(["<svg", "</svg>"])) for p in page.split("<svg")[1:]]
    assert len(pictures) == 3  # and each is well-formed
    circles = [float(c.get("cx")) for c in pictures[0].iter("circle")]
    one = [float(line.get("x1")) for line in pictures[0].iter("line") if line.get("stroke") == "#444"][0]
    assert all(c < one for c in circles)  # twice the rate and a tenth of the memory: both are better
    assert json.loads((tmp_path / "report.json").read_text())["ring"]["split"]["3"] == 245.3


def a_run(**other):
    return {"requests": 100, "ns": 1e9, "cpu": 5e4, "p50": 9, "p99": 20, "wait": 0, "together": 0.0, "steal": 0.0, **other}


@pytest.mark.parametrize("what, runs, expected", [
    ("quiet", {}, None),
    ("one run waited for a processor", {2: {"wait": 1.1e8}}, "wait"),
    ("just below", {2: {"wait": 0.99e8}}, None),
    ("the hypervisor took time", {3: {"steal": 0.03}, 2: {"wait": 1.1e8}}, "steal"),
    ("both runs of B on one processor", {1: {"together": 1.0}, 2: {"together": 1.0}}, "place"),
    ("one run of each side on one processor", {0: {"together": 1.0}, 1: {"together": 1.0}}, None),
])
def test_rule_of_turns(what, runs, expected):
    """as of `stratos bench ab` (t_bench_ab.c): by what happened to a round, never by its result"""
    assert turns.judge([a_run(**runs.get(i, {})) for i in range(4)], 0.1) == expected, what


def test_turns(monkeypatch):
    """order A B B A, sums of a side, the median of ratios; a round that is thrown out is only in `all`"""
    monkeypatch.setattr(turns, "ticks", lambda: (100, 0))
    order, slow = [], [0]

    def side(name, cpu):
        def run():
            order.append(name)
            slow[0] += 1
            return a_run(cpu=cpu, wait=5e8 if slow[0] == 3 else 0, requests=100 if name == "a" else 200)
        return run
    rounds, metrics = turns.compare(9, side("a", 6e4), side("b", 6e4), 1.0)
    assert "".join(order) == "abba" * 9 and not any(r["thrown"] for r in rounds)
    order.clear()
    slow[0] = 0
    rounds, metrics = turns.compare(9, side("a", 6e4), side("b", 6e4), 0.1)
    assert [r["thrown"] for r in rounds] == ["wait"] + [None] * 8
    assert metrics["cpu"] == {"a": 600.0, "b": 300.0, "ratio": 0.5, "low": 0.5, "high": 0.5, "rounds": 8, "all": 0.5}
    assert metrics["rate"]["all"] == 2.0


@pytest.mark.parametrize("ratios, low, high", [
    ([1.0] * 5, None, None),  # five are too few
    ([0.5] * 6, 0.5, 0.5),
    ([0.5, 0.6, 0.7, 0.8, 0.9, 5.0], 0.5, 3.0),  # an outlier widens it, and moves the median little
])
def test_interval(ratios, low, high):
    got = turns.interval(ratios)
    assert got == (None, None) if low is None else low <= got[0] < 0.75 and 0.5 <= got[1] <= high and got == turns.interval(ratios[::-1])


def test_nothing_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "OUT", tmp_path)
    with pytest.raises(SystemExit, match="make bench"):
        report.main()


def test_difference_leaves_start_and_end_out():
    cost = {10: 1070, 30: 1210}  # 1000 to begin and end, 7 each
    assert meter.difference(10, 30, lambda n: (n, cost[n])) == 7
