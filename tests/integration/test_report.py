"""The page of a run: what it says, that it stands by itself, and that a browser shows it."""

from __future__ import annotations

import io
import itertools
import json
import pickle
import re
import shutil
import subprocess
from decimal import ROUND_HALF_EVEN, ROUND_UP, localcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tradecore as tc
from conftest import CLEAR, LAST, SET, Quoter, Row, cli, cli_json, columns
from tradecore.backtest.comparison import paired_difference
from tradecore.backtest.text import percent
from tradecore.errors import CatalogError, InvalidValueError, UnknownInstrumentError
from tradecore.report.charts import Chart, Layer, decimated, number, time_ticks, value_ticks

EVIL = '<script>alert("x")</script>'
SECTIONS = {
    "figures": "Figures",
    "equity": "Equity and drawdown",
    "attribution": "Where the profit came from",
    "market": "Price, quotes and fills",
    "inventory": "Inventory",
    "markouts": "After the fills",
    "quality": "Fills and queue",
    "latency": "Latencies",
    "tables": "Strategies and instruments",
    "settings": "Settings",
}


def run(market: Path, name: str = EVIL, **settings: str) -> tc.Result:
    venue = tc.SimVenue("SYNTH", **settings)  # type: ignore[arg-type]
    return tc.Backtest([Quoter(name, ["BTCUSDT.SYNTH"])], market, [venue], candles="5s").run()


@pytest.fixture(scope="module")
def result(market: Path) -> tc.Result:
    return run(market)


class Outline(HTMLParser):
    """Headings by section, and what a page would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.loads: list[str] = []
        self.open: list[str] = []
        self._section = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "section":
            self._section = named["id"] or ""
        self.loads += [value or "" for key, value in attributes if key in ("src", "href", "data", "action")]
        if tag not in ("meta", "link", "img", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["h2"]:
            self.sections[self._section] = data


def test_a_page_has_its_parts_and_loads_nothing(result: tc.Result, tmp_path: Path) -> None:
    page = result.report(tmp_path / "report.html", title=EVIL)
    assert page == tmp_path / "report.html"
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    assert not outline.open, "every element ends"
    assert SECTIONS.items() <= outline.sections.items()
    assert outline.sections["candles"] == "Candles"
    assert all(address.startswith(("#", "data:")) for address in outline.loads), outline.loads
    assert "http" not in re.sub(r"https?://www.w3.org/\S+", "", text).replace("http-equiv", "")
    assert EVIL not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in text
    assert result.digest in text
    assert f"{float(result.net_pnl):,.4f} USDT" in text
    assert len(text) < 400_000


def test_a_span_of_seconds_shows_no_ratio(result: tc.Result, tmp_path: Path) -> None:
    text = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    why = result.stats.why["sharpe"]
    assert re.fullmatch(r"0 changes of 1m in [\d.]+ s: at least 30 needed", why)
    assert f"Sharpe ratio</dt><dd>n/a ({why})" in text
    assert re.search(rf"Sharpe ratio +n/a \({re.escape(why)}\)", str(result))


def test_the_same_run_gives_the_same_page(market: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        again = run(market)
        again.wall_s = 1.0
        pages.append(again.report(tmp_path / f"{name}.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]


def test_what_is_told_does_not_depend_on_how_others_round_decimals(market: Path, tmp_path: Path) -> None:
    """Some libraries set a rounding for the whole process: figures, texts and pages stay what they are."""
    told = []
    for rounding in (ROUND_HALF_EVEN, ROUND_UP):
        with localcontext(prec=5, rounding=rounding):
            first, second = run(market), run(market, queue="power(2)")
            for each in (first, second):
                each.wall_s = 1.0
            page = first.report(tmp_path / "r.html", against={"second": second}).read_text(encoding="utf-8")
            told.append((page, str(first), first.stats.net_pnl_bps, first.notes))
    assert told[0] == told[1]


def test_a_run_without_orders_has_a_page(market: Path, tmp_path: Path) -> None:
    class Idle(tc.Strategy):
        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            """Never called."""

    result = tc.Backtest([Idle("idle", ["BTCUSDT.SYNTH"])], market).run()
    outline = Outline(result.report(tmp_path / "report.html").read_text(encoding="utf-8"))
    assert {"figures", "warnings", "settings"} <= outline.sections.keys()
    assert not {"markouts", "quality", "latency", "inventory"} & outline.sections.keys()


def test_queues_have_units_and_strategies_their_share_of_the_market(market: Path, tmp_path: Path) -> None:
    coin = tc.Instrument(
        "BTCUSD.SYNTH", kind="inverse", base="BTC", quote="USD", price_increment="0.1", qty_increment="0.001"
    )
    ids = ["BTCUSDT.SYNTH", coin.id]
    frame = tc.Catalog(market).scan(ids[0]).collect()
    makers = [Quoter("both", ids), Quoter("one", ids[:1], every="1s")]
    specs = [tc.Catalog(market).instrument(ids[0]), coin]
    result = tc.Backtest(
        makers, dict.fromkeys(ids, frame), [tc.SimVenue("SYNTH", accounts="isolated")], specs=specs
    ).run()
    text = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    for name in ids:
        assert f"Queue ahead of {name} at entry, contracts" in text
    volumes = {(row["strategy"], row["instrument"]): row["volume"] for row in result.pnl.to_dicts()}
    traded = float(result.volumes[ids[0]]["traded"])
    shares = [volumes[strategy, ids[0]] / traded for strategy in ("both", "one")]
    assert shares[0] > 2 * shares[1] > 0
    assert sum(shares) == pytest.approx(result.volumes[ids[0]]["share"])
    assert all(f">{percent(share)}</td>" in text for share in shares)


def test_a_run_that_is_long_enough_but_flat_says_that_it_is_flat(instrument: tc.Instrument, tmp_path: Path) -> None:
    class Idle(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.buy(self.instruments[0], 1)

    hour = 3_600_000_000_000
    rows = [(ms * hour, SET, side, LAST, 1000 + (side < 0), 5000) for ms in range(5) for side in (1, -1)]
    result = tc.Backtest([Idle("i", [instrument.id])], {instrument.id: columns(rows)}, specs=[instrument]).run()
    text = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert result.stats.sharpe is None
    assert f"Sharpe ratio</dt><dd>n/a ({result.stats.why['sharpe']})" in text


def test_a_page_that_cannot_be_written_is_an_error(result: tc.Result, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        result.report(tmp_path / "nowhere" / "report.html")


# The book


def shades(picture: tc.BookPicture) -> np.ndarray[Any, Any]:
    """The pixels of a picture, as any reader of PNG sees them."""
    image = Image.open(io.BytesIO(picture.png))
    assert image.size == (picture.columns, picture.rows)
    return np.asarray(image)


def still(tmp_path: Path, instrument: tc.Instrument) -> tc.Catalog:
    """Bids 5 @ 99.0, asks 1 @ 101.0; a second later the bids are gone and 5 @ 98.0 are there."""
    rows = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 5_000), (0, SET, -1, LAST | 2, 1010, 1_000)]
    rows += [(10**9, SET, 1, 0, 990, 0), (10**9, SET, 1, LAST, 980, 5_000), (2 * 10**9, SET, 1, LAST, 1, 1)]
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(instrument) as writer:
        writer.write(columns(rows))
    return catalog


def test_a_level_is_bright_where_it_rested(tmp_path: Path, instrument: tc.Instrument) -> None:
    picture = tc.plot_book(still(tmp_path, instrument), instrument, low=97, high=102)
    assert (picture.start_ns, picture.end_ns) == (0, 2 * 10**9)
    pixels, half = shades(picture), picture.columns // 2

    def row(price: float) -> int:
        return int((picture.high - price) / (picture.high - picture.low) * picture.rows)

    assert set(pixels[row(99.0), 2 : half - 2]) == {255}
    assert set(pixels[row(99.0), half + 2 :]) == {0}
    assert set(pixels[row(98.0), : half - 2]) == {0}
    assert set(pixels[row(98.0), half + 2 : -2]) == {255}
    (ask,) = set(pixels[row(101.0), 2:-2])
    assert 1 < ask < 255
    assert (picture.bid[10], picture.bid[-10], picture.ask[10], picture.brightest) == (99.0, 98.0, 101.0, 5.0)


def test_a_picture_is_a_page_and_shown_in_a_notebook(market: Path, tmp_path: Path) -> None:
    picture = tc.plot_book(market, "BTCUSDT.SYNTH", "2026-01-01T00:00:05", "2026-01-01T00:00:06")
    text = picture.save(tmp_path / "book.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in text
    assert "best bid" in text
    shown = picture._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count('"') == 4, "the page inside has none"
    assert picture.low < np.nanmin(picture.bid) < np.nanmax(picture.ask) < picture.high


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"start": "2031-01-01"}, CatalogError),
        ({"start": "soon"}, InvalidValueError),
        ({"low": 5, "high": 4}, InvalidValueError),
        ({"instrument": "ETHUSDT.SYNTH"}, UnknownInstrumentError),
    ],
)
def test_what_cannot_be_drawn_is_named(market: Path, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        tc.plot_book(market, **{"instrument": "BTCUSDT.SYNTH", **arguments})


def test_a_picture_is_read_from_the_last_clear_on_and_its_stale_levels_go(
    tmp_path: Path, instrument: tc.Instrument
) -> None:
    catalog, day = tc.Catalog(tmp_path), 86_400 * 10**9

    def book(ts: int) -> list[Row]:
        return [(ts, CLEAR, 0, 2, 0, 0), (ts, SET, 1, 2, 990, 5), (ts, SET, -1, LAST | 2, 1010, 5)]

    second, later = 10**9, 2 * day
    crossed = [(later + second, SET, 1, LAST, 1020, 5), (later + 5 * second, SET, -1, LAST, 1030, 5)]
    for rows in (book(0), book(day), [*crossed, (later + 9 * second, SET, 1, LAST, 900, 1)]):
        with catalog.writer(instrument) as writer:
            writer.write(columns(rows))
    first, *_ = catalog.parts(instrument)
    next(tmp_path.rglob(Path(first.path).name)).unlink()
    picture = tc.plot_book(tmp_path, instrument, "1970-01-03T00:00:04", "1970-01-03T00:00:09")
    assert (picture.bid[-5], picture.ask[-5]) == (102.0, 103.0), "the ask at 101 was passed by and is gone"


def test_the_book_is_on_the_page_while_its_data_is_there(market: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "market"
    shutil.copytree(market, catalog)
    made = run(catalog)
    zoom = ("2026-01-01T00:00:05", "2026-01-01T00:00:07")
    text = made.report(tmp_path / "a.html", zoom=zoom).read_text(encoding="utf-8")
    assert 'id="book"' in text
    assert "busiest" not in text
    made.save(tmp_path / "run.tcr")
    for again in (tc.load_result(tmp_path / "run.tcr"), pickle.loads(pickle.dumps(made))):
        assert 'id="book"' in again.report(tmp_path / "b.html").read_text(encoding="utf-8")
    shutil.rmtree(catalog)
    assert 'id="book"' not in made.report(tmp_path / "c.html").read_text(encoding="utf-8")


def test_the_book_of_columns_in_memory_is_on_the_page(tmp_path: Path, instrument: tc.Instrument) -> None:
    class Bids(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.buy(self.instruments[0], 2, 98)

    rows = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 5_000), (0, SET, -1, LAST | 2, 1010, 1_000)]
    data = {instrument.id: columns([*rows, (10**10, SET, 1, LAST, 980, 1)])}
    made = tc.Backtest([Bids("b", [instrument.id])], data, specs=[instrument]).run()
    text = made.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="book"' in text
    assert "own buy orders" in text


# Two runs


def test_runs_are_held_against_each_other(result: tc.Result, market: Path, tmp_path: Path) -> None:
    other = run(market, queue="power(2)")
    assert other.digest != result.digest
    text = result.report(tmp_path / "r.html", title="first", against={"second": other}).read_text(encoding="utf-8")
    assert Outline(text).sections["comparison"] == "Compared"
    assert "second - first" in text
    assert other.digest[:12] in text


def test_a_paired_difference_is_over_the_periods_both_share(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=100_000, seed=1)
    result, other = run(tmp_path), run(tmp_path, queue="power(2)")
    found = paired_difference(result, other, "USDT")
    assert found is not None
    assert found.period_ns == 1_000_000_000
    assert found.low < found.total < found.high
    back = paired_difference(other, result, "USDT")
    assert back is not None
    assert (back.total, back.probability) == (pytest.approx(-found.total), pytest.approx(1 - found.probability))
    same = paired_difference(result, result, "USDT")
    assert same is not None
    assert (same.total, same.low, same.high, same.probability) == (0.0, 0.0, 0.0, 0.5)
    assert paired_difference(result, other, "EUR") is None


# The command


CONFIG = """
[data]
catalog = "{market}"
[output]
dir = "{out}"
[[strategies]]
kind = "touch_maker"
params = {{ quote_qty = "0.01", max_position = "0.05" }}
"""


def test_the_command_takes_a_folder_its_newest_run_and_saved_results(
    market: Path, result: tc.Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(market=market, out=tmp_path / "runs"))
    first = cli_json("backtest", "--config", config, capsys=capsys)
    second = cli_json("backtest", "--config", config, "--seed", 5, capsys=capsys)
    assert Path(f"{first['output']}_result.tcr").is_file()
    told = cli_json("report", tmp_path / "runs", capsys=capsys)
    assert told["runs"] == [f"{second['output']}_result.tcr"]
    assert told["page"] == f"{second['output']}_report.html"
    assert Path(told["page"]).stat().st_size == told["bytes"]
    result.save(tmp_path / "saved.tcr")
    code, out, err = cli(
        "report", first["output"], tmp_path / "saved.tcr", "--output", tmp_path / "both.html", capsys=capsys
    )
    assert (code, out) == (0, f"the page is {tmp_path / 'both.html'}\n")
    assert err.count("note: read") == 2
    assert 'id="comparison"' in (tmp_path / "both.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nothing"], "nothing: is neither a folder of a run's files"),
        (["."], "holds no saved result"),
        ([".", "--zoom", "2026-01-01"], "--zoom"),
        ([".", "--capital", "-1"], "expected an amount above 0"),
    ],
)
def test_what_is_no_run_is_named(
    words: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = cli("report", *words, capsys=capsys)
    assert code == 2
    assert problem in err


# Charts


def test_decimated_lines_keep_every_extreme() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(size=100_000))
    kept = decimated(values, 1_000)
    assert len(kept) <= 1_000
    assert {0, len(values) - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())
    edges = np.linspace(0, len(values), 500).astype(int)
    for begin, end in itertools.pairwise(edges):
        inside = values[kept[(kept >= begin) & (kept < end)]]
        assert (inside.min(), inside.max()) == (values[begin:end].min(), values[begin:end].max())
    few = np.arange(5.0)
    assert decimated(few, 1_000).tolist() == [0, 1, 2, 3, 4]
    values[70_000] = np.nan
    assert decimated(values, 1_000).tolist() == kept.tolist(), "a value that is none hides no other one"
    assert decimated(np.full(5_000, np.nan), 1_000).tolist() == [0, 4_999]


def test_labels_are_round() -> None:
    assert [text for _, text in value_ticks(59_995.1, 60_004.2)] == ["59,996", "59,998", "60,000", "60,002", "60,004"]
    assert [text for _, text in value_ticks(-0.00031, 0.00012)] == ["-0.0003", "-0.0002", "-0.0001", "0", "0.0001"]
    second = 1_000_000_000
    assert [text for _, text in time_ticks(59 * second, 90 * second)] == [
        "00:01:00",
        "00:01:10",
        "00:01:20",
        "00:01:30",
    ]
    assert [text for _, text in time_ticks(0, second)] == [
        "00:00.0",
        "00:00.2",
        "00:00.4",
        "00:00.6",
        "00:00.8",
        "00:01.0",
    ]
    assert (number(0.000123456), number(12_345.678), number(3.0)) == ("0.0001235", "12,346", "3")


def test_a_chart_of_one_point_is_drawn() -> None:
    html = Chart("<t>", [Layer(np.array([1_767_225_600_000_000_000]), np.array([7.0]), name="<n>")]).html()
    assert "&lt;t&gt;" in html
    assert "&lt;n&gt;" in html
    assert "nan" not in html
    assert Chart("none", [Layer(np.array([]), np.array([]))]).html() == ""


# A browser

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_it_without_an_error(width: int, result: tc.Result, tmp_path: Path) -> None:
    page = result.report(tmp_path / "report.html")
    wide = "document.title = document.documentElement.scrollWidth + ' ' + document.querySelectorAll('svg path').length"
    text = page.read_text(encoding="utf-8").replace("</body>", f"<script>{wide}</script></body>")
    page.write_text(text, encoding="utf-8")
    assert BROWSER is not None
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in done.stderr
    shown = Outline(done.stdout[done.stdout.index("<html") :])
    assert SECTIONS.items() <= shown.sections.items()
    title = re.search("<title>(.*?)</title>", done.stdout)
    assert title is not None
    scrolled, paths = map(int, title[1].split())
    assert scrolled <= max(width, 500), "nothing hangs out on the right; a window of Chrome is 500 wide at least"
    assert paths > 20


def test_json_of_the_command_is_one_object(
    result: tc.Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result.save(tmp_path / "a.tcr")
    zoom = ["--zoom", "2026-01-01T00:00:05", "2026-01-01T00:00:06"]
    code, out, err = cli("report", tmp_path / "a.tcr", "--json", "--quiet", *zoom, capsys=capsys)
    assert (code, err) == (0, "")
    assert "busiest" not in (tmp_path / "a_report.html").read_text(encoding="utf-8")
    code, _, err = cli("report", tmp_path / "a.tcr", "--zoom", "soon", "later", capsys=capsys)
    assert code == 2
    assert "soon" in err
    assert json.loads(out)["page"] == str(tmp_path / "a_report.html")
