"""The tables: Markdown from the results, into the README between its markers, and printed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import machine
from compare import RESULTS

START, END = "<!-- tables -->", "<!-- /tables -->"


def main() -> int:
    """Write all tables; 2 if the README has no place for them or a result is a smoke run's."""
    parser = argparse.ArgumentParser(description=str(__doc__))
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder of JSON files")
    parser.add_argument("--readme", type=Path, default=RESULTS.with_name("README.md"))
    args = parser.parse_args()
    results = [json.loads(path.read_text("utf-8")) for path in sorted(args.results.glob("*.json"))]
    for result in results:
        if result["smoke"]:
            print(f"{result['benchmark']} is a smoke run's result; delete it.", file=sys.stderr)
            return 2
    text = args.readme.read_text("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        print(f"{args.readme} lacks {START} and {END}.", file=sys.stderr)
        return 2
    tables = "\n".join(render(result) for result in results) or "No results yet.\n"
    args.readme.write_text(f"{before}{START}\n{tables}{END}{after}", "utf-8")
    print(tables, end="")
    return 0


def render(result: dict[str, Any]) -> str:
    """Give one result as Markdown: the question, the peers, the claims, the conditions."""
    if "kinds" in result:
        return _kinds(result)
    if result["benchmark"] == "trust":
        return _trust(result)
    warning = "**A smoke run: these numbers mean nothing.**\n\n" if result["smoke"] else ""
    table, middle = (_race, "mean") if "race" in result else (_peers, "median")
    parts = [f"### {result['question']}\n\n{warning}{table(result)}"]
    if result.get("targets"):
        parts.append(_targets(result))
    if result.get("sets"):
        parts.append(_sets(result))
    parts += [
        f"Void: {peer['name']} ({peer['void']}).\n" for peer in result["peers"] if peer["void"]
    ]
    if result["claims"] and not result["smoke"]:
        parts.append("".join(f"- {_claim(claim)}\n" for claim in result["claims"]))
    if result["not_installed"]:
        parts.append(f"Not installed: {', '.join(result['not_installed'])}.\n")
    gpu = result.get("settings", {}).get("gpu")
    parts.append(
        f"Rounds: {result['repeats']}; {middle} (least to largest). "
        f"{f'{gpu}; ' if gpu else ''}{machine.line(result['machine'])}.\n"
    )
    return "\n".join(parts)


def _kinds(result: dict[str, Any]) -> str:
    """Give the accuracy of each model under each distortion."""
    rows = [["", *(f"{name}, %" for name in result["models"])]]
    for kind, found in result["kinds"].items():
        cells = []
        for name in result["models"]:
            low, high = (100 * end for end in found[name]["interval"])
            cells.append(f"{100 * found[name]['accuracy']:.2f} ({low:.2f} to {high:.2f})")
        rows.append([kind, *cells])
    return (
        f"### {result['question']}\n\n{_markdown(rows)}\n"
        f"With exact 95% intervals. {machine.line(result['machine'])}.\n"
    )


def _trust(result: dict[str, Any]) -> str:
    """Give what probabilities, sets and refusals are worth, a table a question."""
    models = result["models"]
    head = ["on MNIST's test split", *models]
    sheets = [model["mnist"] for model in models.values()]
    rows = [
        head,
        ["right, %", *(f"{100 * one['accuracy']:.2f}" for one in sheets)],
        ["NLL, nats", *(f"{one['nll']:.4f}" for one in sheets)],
        ["ECE; as noise", *(f"{one['ece']:.4f}; {one['ece_floor']:.4f}" for one in sheets)],
    ]
    for alpha in sheets[0]["coverage"]:
        found = [one["coverage"][alpha] for one in sheets]
        rows.append([f"sets of alpha {alpha} hold the truth, %; classes", *map(_held, found)])
    rows.append(["refused at 0.01, %", *(f"{100 * one['refused']['0.01']:.2f}" for one in sheets)])
    kinds = [["refused at 0.01, %; AUROC", "pictures", *models]]
    for name in next(iter(models.values()))["others"]:
        found = [model["others"][name] for model in models.values()]
        cells = [f"{_of_100(one['refused'], one['interval'])}; {one['auroc']:.4f}" for one in found]
        kinds.append([name, f"{found[0]['pictures']:,}", *cells])
    told = "right, %; ECE; refused, %; of the others: right, %; ECE"
    worse = [["corrupted by", *(f"{name}: {told}" for name in models)]]
    families = list(next(iter(models.values()))["corrupted"])
    for family in families:
        found = [model["corrupted"][family] for model in models.values()]
        worse.append([family, *map(_unsure, found)])
    means = [
        {key: sum(model["corrupted"][f][key] for f in families) / len(families)
         for key in ("accuracy", "ece", "refused")}
        for model in models.values()
    ]  # fmt: skip
    worse.append(["mean", *map(_unsure, means)])
    parts = [rows, kinds, worse]
    if result["strangers"]:
        real = [["strangers' digits", "pictures", "right, %", "ECE; as noise",
                 "sets of alpha 0.01 hold the truth, %; classes", "refused, %"]]  # fmt: skip
        for name, one in result["strangers"].items():
            held = {**one, "interval": one["coverage_interval"]}
            real.append([
                name, f"{one['pictures']:,}", f"{100 * one['accuracy']:.1f}",
                f"{one['ece']:.3f}; {one['ece_floor']:.3f}", _held(held),
                f"{100 * one['refused']:.1f}",
            ])  # fmt: skip
        parts.append(real)
    tables = "\n".join(map(_markdown, parts))
    return (
        f"### {result['question']}\n\n{tables}\n"
        f"With exact 95% intervals. {machine.line(result['machine'])}.\n"
    )


def _held(found: dict[str, Any]) -> str:
    return f"{_of_100(found['coverage'], found['interval'])}; {found['size']:.3f}"


def _of_100(share: float, interval: list[float]) -> str:
    low, high = (100 * end for end in interval)
    return f"{100 * share:.2f} ({low:.2f} to {high:.2f})"


def _unsure(found: dict[str, float]) -> str:
    told = f"{100 * found['accuracy']:.1f}; {found['ece']:.3f}; {100 * found['refused']:.0f}"
    if "ece_kept" not in found:  # few are not refused
        return told
    return f"{told}; {100 * found['accuracy_kept']:.1f}; {found['ece_kept']:.3f}"


def _peers(result: dict[str, Any]) -> str:
    measures = {
        key: measure
        for key, measure in result["measures"].items()
        if any(key in peer for peer in result["peers"])
    }
    ours = [peer["name"] for peer in result["peers"] if peer["key"] == result["ours"]]
    if isinstance(result["ours"], dict):  # each peer has its own of ours
        ours = ["ours"]
    titles = [f"{m['title']}{_UNITS[m['unit']][0]}" for m in measures.values()]
    rows = [["", "on", *titles, *(f"× {name}" for name in ours)]]
    for peer in result["peers"]:
        row = [peer["name"], peer["library"]]
        row += [
            _spread(peer[key], measure["unit"]) if key in peer else ""
            for key, measure in measures.items()
        ]
        if ours:
            row.append(_spread(peer["ratio"], "ratio") if "ratio" in peer else "")
        rows.append(row)
    return _markdown(rows)


def _targets(result: dict[str, Any]) -> str:
    names = {peer["key"]: peer["name"] for peer in result["peers"]}
    rows = [["objective, nats", *(f"{name}, s" for name in names.values()), "ratio"]]
    for target in result["targets"]:
        row = [f"{target['objective']:.5f}"]
        row += [_spread(target[key], "s") if target.get(key) else "not reached" for key in names]
        row.append(_spread(target["ratio"], "ratio") if target.get("ratio") else "")
        rows.append(row)
    return _markdown(rows)


def _sets(result: dict[str, Any]) -> str:
    """Give what each peer reads of each set, then its intervals by writers, then its ways."""
    names = {peer["key"]: peer["name"] for peer in result["peers"]}
    table = [["read exactly, % (95% interval)", "pictures", *names.values()]]
    writers, ways = [], dict[tuple[str, str], list[str]]()
    for one in result["sets"]:
        for part in dict.fromkeys(row["part"] for row in one["rows"]):
            rows = {row["peer"]: row for row in one["rows"] if row["part"] == part}
            title = f"{one['title']}; {part}" if part else one["title"]
            most = max(row["n"] for row in rows.values())
            cells = [_share(rows[key], most) if key in rows else "" for key in names]
            table.append([title, f"{most:,}", *cells])
            grouped = [row for row in rows.values() if row["clustered"]]
            if grouped:
                found = [f"{names[r['peer']]} {_interval(r['clustered'])}" for r in grouped]
                hands = max(row["writers"] for row in grouped)
                writers.append(f"- {title}, {hands} writers drawn as wholes: {', '.join(found)}\n")
            for row in rows.values() if not part else ():
                way = row["way"] + ", letters taken for digits" * row["letters"]
                if way:
                    ways.setdefault((names[row["peer"]], way.removeprefix(", ")), []).append(title)
    told = [f"- {name}, {way}: {' · '.join(titles)}\n" for (name, way), titles in ways.items()]
    return "\n".join(filter(None, (_markdown(table), "".join(writers), "".join(told))))


def _share(row: dict[str, Any], most: int) -> str:
    few = f", of {row['n']:,}" if row["n"] < most else ""
    return f"{100 * row['share']:.1f} ({_interval(row['interval'])}){few}"


def _interval(ends: list[float]) -> str:
    low, high = (f"{100 * end:.1f}" for end in ends)
    return f"{low} to {high}"


def _race(result: dict[str, Any]) -> str:
    peers = {peer["key"]: peer for peer in result["peers"]}
    # One row's peer is another's yardstick; each that got to the first target has a column.
    yardsticks = list(dict.fromkeys(key for row in result["race"] for key in row["ratios"]))
    first = min((row["target"] for row in result["race"]), default=0)
    rows = [["", "on", "to", "epochs", "test accuracy, % ± sd (seeds)", "training, s"]]
    rows[0] += [f"{peers[key]['name']} to {first:.1%}, ÷" for key in yardsticks]
    for row in result["race"]:
        peer, found = peers[row["key"]], row["accuracy"]
        reached = _spread(row["seconds"], "s", "mean") if row["reached"] else "not reached"
        rows.append(
            [
                peer["name"], peer["library"], f"{row['target']:.1%}", f"{row['epochs']}",
                f"{100 * found['mean']:.2f} ± {100 * found['sd']:.2f} ({found['n']})", reached,
                *(_number(row["ratios"][k], "ratio") if row["reached"] else "" for k in yardsticks),
            ]
        )  # fmt: skip
    return _markdown(rows)


def _claim(claim: dict[str, Any]) -> str:
    least, most = claim["at_least"], claim["at_most"]
    wanted = f"at least {least:.3g}" if most is None else f"at most {most:.3g}"
    if claim.get("aim") is not None:
        wanted += f" (aim: {claim['aim']:.3g})"
    text = claim["claim"].format(f"{claim['found']:.3g}")
    verdict = "met" if claim["met"] else "**not met**"
    return f"{text}; wanted {wanted}: {verdict}"


_UNITS = {
    "s": (", s", 1.0),
    "bytes": (", MB", 1e-6),
    "share": (", %", 100.0),
    "nats": (", nats", 1.0),
    "ratio": ("", 1.0),
    "ms": (", ms", 1e3),
    "us": (", µs", 1e6),
    "count": ("", 1.0),
}


def _spread(found: dict[str, float], unit: str, middle: str = "median") -> str:
    scale = _UNITS[unit][1]
    value, low, high = (_number(found[key] * scale, unit) for key in (middle, "min", "max"))
    return value if low == high else f"{value} ({low} to {high})"


def _number(value: float, unit: str) -> str:
    if unit == "nats":
        return f"{value:.6f}" if value >= 1e-3 else f"{value:.1e}"
    if unit == "share":
        return f"{value:.2f}"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "bytes":
        return f"{value:.0f}"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _markdown(rows: list[list[str]]) -> str:
    head, *body = (f"| {' | '.join(row)} |\n" for row in rows)
    rule = "|" + " --- |" * len(rows[0]) + "\n"
    return head + rule + "".join(body)


if __name__ == "__main__":
    sys.exit(main())
