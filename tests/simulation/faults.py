"""Live an order's life under each kind of fault at each venue: ``make faults``, or ``make faults VENUE=BYBIT``."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

from simulation.faulted import CASES, Lived, cases_of, differences, live_under
from simulation.scenario import MARKETS, quiet


def _try(venue: str, case: str | None) -> tuple[Lived | None, str]:
    quiet()
    try:
        return live_under(venue, case), ""
    except Exception:
        return None, traceback.format_exc()


def _cell(clean: Lived | None, lived: Lived | None) -> str:
    """Return what a life came to: as the clean one, after how many seconds; or how it is not."""
    if clean is None or lived is None:
        return "failed"
    if lived.halted:
        return f"halted after {lived.seconds:g} s"
    return "differs" if differences(clean, lived) or not lived.met else f"equal, {lived.seconds:g} s"


def main() -> int:
    """Print the table, and below it why a session halted and what differs; return whether something does."""
    parser = argparse.ArgumentParser(prog="python -m simulation.faults", description=__doc__)
    parser.add_argument("--venue", choices=list(MARKETS), help="only this one")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    venues = [given.venue] if given.venue else list(MARKETS)
    began, remarks, bad = time.monotonic(), [], 0
    with ProcessPoolExecutor(given.workers) as pool:
        asked = {(venue, case): pool.submit(_try, venue, case) for venue in venues for case in (None, *cases_of(venue))}
        print(f"{'':26}" + "".join(f"{venue:>17}" for venue in venues))
        for case in (None, *CASES):
            cells = []
            for venue in venues:
                if (venue, case) not in asked:
                    cells.append("-")
                    continue
                (lived, problem), (clean, _) = asked[venue, case].result(), asked[venue, None].result()
                cells.append(_cell(clean, lived) if case or clean is None else f"clean, {clean.seconds:g} s")
                if problem:
                    remarks.append(f"{venue}, {case}:\n{problem}")
                elif clean is not None and lived is not None and lived.halted:
                    remarks.append(f"{venue}, {case}: {lived.halted}")
                elif cells[-1] == "differs" and clean is not None and lived is not None:
                    remarks.append(f"{venue}, {case}: {lived.met} faults met; {'; '.join(differences(clean, lived))}")
                bad += cells[-1] in ("failed", "differs")
            print(f"{case or 'nothing goes wrong':26}" + "".join(f"{cell:>17}" for cell in cells), flush=True)
    print("\n".join(remarks))
    print(f"{len(asked)} lives in {time.monotonic() - began:.0f} s, {bad} not as the clean one")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
