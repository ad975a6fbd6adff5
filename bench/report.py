#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""report - one page of what the scripts of bench/ left in build/bench: build/bench/report.html and report.json

The page needs nothing else: pictures are in it. What did not run is said to be missing.
"""
import html
import json
import math
import pathlib
import sys

OUT = pathlib.Path(__file__).resolve().parents[1] / "build/bench"
UNIT = {"cpu": "ns of processor a request", "rate": "requests a second", "p50": "ns, median latency", "p99": "ns, 99 % latency",
        "kicks": "kicks a request", "calls": "calls a request"}
STYLE = """body{font:15px/1.45 sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}table{border-collapse:collapse}
td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}
.ok{color:#176b2c}.miss{color:#a11}.none{color:#777}code{font-size:12px}details{margin:.3em 0}svg text{font:12px sans-serif}"""


def esc(x):
    return html.escape(str(x))


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def verdict(row):
    """(class, words): the goal, and whether the figure keeps it"""
    goal = row["goal"]
    if goal is None:
        return "none", ""
    if row["kind"] == "count":
        return ("ok" if row["b"] <= goal else "miss"), f"at most {goal:g}"
    m, more = row["metrics"].get(row["metric"]), row["metric"] == "rate"
    words = f"ratio at {'least' if more else 'most'} {goal:g}"
    if not m or m["ratio"] is None or m["low"] is None:
        everywhere = f"; over all of them x {m['all']:.2f}" if m and m.get("all") is not None else ""
        return "none", words + ": too few rounds count, the machine was busy" + everywhere
    kept = m["ratio"] >= goal if more else m["ratio"] <= goal
    sure = (m["low"] >= goal or m["high"] < goal) if more else (m["high"] <= goal or m["low"] > goal)
    return ("ok" if kept else "miss"), words + ("" if sure else " (the interval holds it)")


def forest(rows):
    """ratios and their intervals on a logarithmic axis; left of the line: we are better"""
    marks = []
    for r in rows:
        m = r["metrics"].get(r["metric"]) if r["kind"] == "ab" else {"ratio": r["b"] / r["a"], "low": None, "high": None}
        if m and m["ratio"]:
            flip = r["kind"] == "ab" and r["metric"] == "rate"
            values = [m["ratio"], m["low"] or m["ratio"], m["high"] or m["ratio"]]
            values = [1 / v for v in values] if flip else values
            marks.append((r["what"] + (" (1 / rate)" if flip else ""), values[0], min(values), max(values)))
    if not marks:
        return ""
    low, high = min(0.1, *(m[2] for m in marks)), max(2.0, *(m[3] for m in marks))

    def x(v):
        return 330 + 480 * (math.log(v) - math.log(low)) / (math.log(high) - math.log(low))
    out = [f'<svg viewBox="0 0 840 {40 + 24 * len(marks)}" role="img" aria-label="ratios">']
    for v in (0.05, 0.1, 0.2, 0.5, 1, 2, 5):
        if low <= v <= high:
            out.append(f'<line x1="{x(v):.1f}" x2="{x(v):.1f}" y1="6" y2="{16 + 24 * len(marks)}" stroke="{"#444" if v == 1 else "#ddd"}"/>'
                       f'<text x="{x(v):.1f}" y="{32 + 24 * len(marks)}" text-anchor="middle">{v:g}</text>')
    for i, (what, ratio, a, b) in enumerate(marks):
        y = 20 + 24 * i
        out.append(f'<text x="320" y="{y + 4}" text-anchor="end">{esc(what)}</text><line x1="{x(a):.1f}" x2="{x(b):.1f}" y1="{y}" y2="{y}" '
                   f'stroke="#2a6fb0" stroke-width="3"/><circle cx="{x(ratio):.1f}" cy="{y}" r="4.5" fill="#2a6fb0"/>')
    return "".join(out) + "</svg>"


def bars(title, values, unit):
    """[(name, value)]"""
    top = max(v for _, v in values)
    out = [f"<h3>{esc(title)}</h3>", f'<svg viewBox="0 0 840 {8 + 24 * len(values)}" role="img" aria-label="{esc(title)}">']
    for i, (name, v) in enumerate(values):
        y, w = 4 + 24 * i, 400 * v / top
        ours = not name.startswith(("libvhost", "virtio-queue"))
        out.append(f'<text x="270" y="{y + 14}" text-anchor="end">{esc(name)}</text><rect x="280" y="{y}" width="{w:.1f}" height="18" '
                   f'fill="{"#2a6fb0" if ours else "#c08a3e"}"/><text x="{288 + w:.1f}" y="{y + 14}">{number(v)} {esc(unit)}</text>')
    return "".join(out) + "</svg>"


def interval(m):
    return "-" if m["low"] is None else f"{m['low']:.3f} to {m['high']:.3f}"


def peer(j):
    out = [f"<h2>Beside {esc(j['peer'])}</h2><p>{esc(j['version'])}. Ratio: ours to theirs, median of the rounds' ratios and its 95 % "
           f"interval. Left of 1: less for us.</p>", forest(j["rows"]),
           "<table><tr><th>what</th><th>unit</th><th>theirs</th><th>ours</th><th>ratio</th><th>interval</th><th>goal</th></tr>"]
    for r in j["rows"]:
        cls, words = verdict(r)
        if r["kind"] == "count":
            cells = [r["unit"], number(r["a"]), number(r["b"]), f"{r['b'] / r['a']:.3f}", "counted" if "instr" in r["unit"] else ""]
        else:
            m = r["metrics"].get(r["metric"]) or {k: None for k in ("a", "b", "ratio", "low", "high")}
            cells = [UNIT[r["metric"]], number(m["a"]), number(m["b"]), number(m["ratio"]), interval(m)]
        out.append(f"<tr><td>{esc(r['what'])}</td>" + "".join(f"<td>{esc(c)}</td>" for c in cells) + f'<td class="{cls}">{esc(words)}</td></tr>')
    out.append("</table>")
    for r in j["rows"]:
        if r["kind"] == "ab":
            out.append(f"<details><summary>{esc(r['what'])}: {r['rounds'] - r['thrown']} of {r['rounds']} rounds count; all metrics, command"
                       f"</summary><table><tr><th></th><th>theirs</th><th>ours</th><th>ratio</th><th>interval</th></tr>")
            for name, m in r["metrics"].items():
                if m and m["ratio"] is not None:
                    cells = [UNIT[name], number(m["a"]), number(m["b"]), f"{m['ratio']:.3f}", interval(m)]
                    out.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
            out.append(f"</table><code>{esc(r['command'])}</code></details>")
    return "".join(out)


def figures(j):
    out = ["<h2>What the daemon costs</h2><p>Counted; the same on a busy machine. <code>bench/figures.py</code></p><table>"]

    def rows(prefix, value):
        for k, v in value.items():
            if isinstance(v, dict):
                rows(f"{prefix}{k}, ", v)
            else:
                out.append(f"<tr><td>{esc(prefix + k)}</td><td>{number(v)}</td></tr>")
    for name, value in j.items():
        rows(name.replace("_", " ") + ": ", value)
    return "".join(out) + "</table>"


def main():
    found = {f.stem: json.loads(f.read_text()) for f in sorted(OUT.glob("*.json")) if f.stem not in ("report", "ab")}
    if not found:
        sys.exit(f"report: nothing in {OUT}: run make bench")
    body = ["<h1>stratos: measurements</h1>"]
    hosts = [r["host"] for j in found.values() if isinstance(j, dict) for r in j.get("rows", []) if isinstance(r, dict) and "host" in r]
    if hosts:
        h = hosts[0]
        body.append(f"<p>{esc(h['machine'])}, {h['cpus']} processors, Linux {esc(h['kernel'])}; load average at the first comparison "
                    f"{h['loadavg'][0]:.1f}. docs/performance.md says what the figures mean, and what is not claimed.</p>")
    body += [peer(j) for name, j in found.items() if name.startswith("peer-")]
    if "ring" in found:
        three = [(k, v["3"]) for k, v in found["ring"].items() if isinstance(v, dict) and "3" in v]
        body.append("<h2>The ring core</h2>" + bars("Three descriptors, instructions a request", three, ""))
        for n, engines in found["ring"].get("wall", {}).get("regions", {}).items():
            times = [(f"{name}, x {e['ratio']:.2f} ({e['low']:.2f} to {e['high']:.2f})", e["ns"]) for name, e in engines.items()]
            body.append(bars(f"Time that passes, {n} region{'s' * (n != '1')}", times, "ns a request"))
    if "figures" in found:
        body.append(figures(found["figures"]))
    missing = [n for n in ("peer-qsd", "peer-libblkio", "peer-rng", "ring", "figures", "memory") if n not in found]
    if missing:
        body.append(f"<p>Did not run: {', '.join(missing)}.</p>")
    (OUT / "report.html").write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><title>stratos: measurements</title>'
                                     f"<style>{STYLE}</style>{''.join(body)}</html>\n")
    (OUT / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"report: {OUT / 'report.html'}")


if __name__ == "__main__":
    main()
