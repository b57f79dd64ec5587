"""How the dashboard keeps up on a slow processor: ``python -m benches.dashboard [SECONDS]``.

Serves ``examples/serve.toml``, which is what ``make serve`` shows, and opens its page in a Chromium of this machine, as
wide as a phone, whose processor is slowed down by the browser itself: four and six times is what is taken for phones of
the middle and of the lower class. Of each page it is counted how often what is seen changes, and which tasks hold the
page for longer than 50 ms, by the browser's own record of them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from benches.server import served

SLOWER = (1, 4, 6)
PAGES = ("trade", "portfolio", "strategies", "risk", "health", "events")
SETTLE_S = 3.0
WATCH = """
window.told = {updates: 0, tasks: [], frames: []};
new PerformanceObserver((list) => told.tasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({type: "longtask"});
const changed = new MutationObserver(() => (told.isChanged = true));
let last = performance.now();
const frame = (now) => {
  told.updates += Boolean(told.isChanged);
  told.isChanged = false;
  told.frames.push(now - last);
  last = now;
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
addEventListener("DOMContentLoaded", () =>
  changed.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true}));
"""


def watched(page: Page, browser: CDPSession, seconds: float) -> str:
    """Return what became of a page for a while."""
    page.wait_for_timeout(SETTLE_S * 1e3)
    before = _spent(browser)
    page.evaluate("Object.assign(told, {updates: 0, tasks: [], frames: []})")
    page.wait_for_timeout(seconds * 1e3)
    told: dict[str, Any] = page.evaluate("told")
    spent = _spent(browser) - before
    longest = max(told["tasks"], default=0.0)
    return (
        f"{told['updates'] / seconds:4.1f} updates a second; {len(told['tasks'])} tasks of more than 50 ms, "
        f"the longest {longest:.0f}; frames every {median(told['frames']):.0f} ms, at most {max(told['frames']):.0f}; "
        f"{spent / seconds:.0%} of a core"
    )


def _spent(browser: CDPSession) -> float:
    """Return the seconds that the page has worked."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def main(seconds: float) -> None:
    """Measure each page at each speed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    config = (Path(__file__).parents[1] / "examples" / "serve.toml").read_text().replace("port = 8080", "port = 0")
    with served(config) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
        context.add_init_script(WATCH)
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("Performance.enable")
        for slower in SLOWER:
            tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            for number, name in enumerate(PAGES):
                page.goto(f"{server.url}/#{name}") if number else page.goto(server.url)
                print(f"{slower}x slower, {name:<10} {watched(page, tools, seconds)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
