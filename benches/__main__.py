"""Run the benchmarks, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benches.harness import Outcome, loop_turn_ns, machine, race
from benches.jobs import jobs

HERE = Path(__file__).parent


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the synthetic market")
    parser.add_argument(
        "--rounds", type=int, default=5, help="measured runs of each contender; 1 is a trial of every job"
    )
    parser.add_argument("--only", default="", help="jobs whose name contains this")
    parser.add_argument("--data", type=Path, default=HERE / "results" / "data", help="where the market is kept")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="where the JSON goes")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 140)
    console.print(f"{machine()}", highlight=False, style="dim")
    console.print(f"empty loop turn {loop_turn_ns():.1f} ns; {arguments.rows:,} rows, {arguments.rounds} rounds")
    outcomes = []
    for name, prepare in jobs(arguments.data, arguments.rows).items():
        if arguments.only in name:
            outcomes.append(race(name, prepare(), arguments.rounds))
            show(console, outcomes[-1])
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    report = {
        "machine": machine(),
        "rows": arguments.rows,
        "jobs": [{**vars(outcome), "state": outcome.state} for outcome in outcomes],
    }
    path.write_text(json.dumps(report, indent=2))
    verdicts = [verdict["reached"] for outcome in outcomes for verdict in outcome.verdicts]
    console.print(f"{sum(verdicts)} of {len(verdicts)} targets reached; written to {path}")


def show(console: Console, outcome: Outcome) -> None:
    """Print one job."""
    turns = " and ".join(f"{turn:.0f}" for turn in outcome.loop_turn_ns)
    table = Table(title=f"{outcome.job} [{outcome.state}: loop turn {turns} ns]", title_justify="left")
    for name in ("contender", outcome.unit, "min .. max", "first call, s", "ratio", "asked for", ""):
        table.add_column(name, justify="left" if name == "contender" else "right")
    for name, figure in outcome.figures.items():
        low, high = outcome.spread[name]
        cells = [name, f"{figure:.4g}", f"{low:.4g} .. {high:.4g}", f"{outcome.first_call_s[name]:.2f}"]
        verdicts = [v for v in outcome.verdicts if name in (v.get("peer"), v.get("name"))]
        for verdict in verdicts or [None]:
            if verdict is None:
                table.add_row(*cells, "", "", "")
            elif "peer" in verdict:
                asked = f">= {verdict['times']:.3g}x by {verdict['ours']}"
                table.add_row(*cells, f"{verdict['ratio']:.2f}x", asked, "yes" if verdict["reached"] else "NO")
            else:
                table.add_row(*cells, "", f"<= {verdict['value']:g}", "yes" if verdict["reached"] else "NO")
            cells = ["", "", "", ""]
    console.print(table)
    if outcome.note:
        console.print(f"  {outcome.note}\n", style="dim", highlight=False)


if __name__ == "__main__":
    main()
