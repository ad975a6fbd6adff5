# SPDX-License-Identifier: BSD-3-Clause
"""The measurements of bench/: a goal is judged as it is meant, a page shows what ran and says what did not"""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import meter  # noqa: E402
import report  # noqa: E402


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
    assert "Did not run: peer-rng, figures, memory." in page
    pictures = [xml.fromstring(p.split("</svg>")[0].join(["<svg", "</svg>"])) for p in page.split("<svg")[1:]]
    assert len(pictures) == 3  # and each is well-formed
    circles = [float(c.get("cx")) for c in pictures[0].iter("circle")]
    one = [float(line.get("x1")) for line in pictures[0].iter("line") if line.get("stroke") == "#444"][0]
    assert all(c < one for c in circles)  # twice the rate and a tenth of the memory: both are better
    assert json.loads((tmp_path / "report.json").read_text())["ring"]["split"]["3"] == 245.3


def test_nothing_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "OUT", tmp_path)
    with pytest.raises(SystemExit, match="make bench"):
        report.main()


def test_difference_leaves_start_and_end_out():
    cost = {10: 1070, 30: 1210}  # 1000 to begin and end, 7 each
    assert meter.difference(10, 30, lambda n: (n, cost[n])) == 7
