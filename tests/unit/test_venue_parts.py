"""What connectors are made of, without a socket: signatures, limits, waits, clocks, silences, queues, feeds."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from random import Random

import keyring
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from keyring.errors import KeyringLocked

from tradecore.errors import CredentialsError, DataError, InvalidValueError, VenueError
from tradecore.types import BookState
from tradecore.venues import Credentials, Feed, FeedState, Frame, Secret, Stream, VenueQueue, VirtualClock
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import ClockOffset, within
from tradecore.venues.limits import Limit, RateLimiter
from tradecore.venues.signing import Ed25519Signer, HmacSigner, JwtSigner, signer_of
from tradecore.venues.silence import Watchdog
from tradecore.venues.snapshots import Snapshots
from tradecore.venues.tasks import Tasks

SECOND = 1_000_000_000

# Published with the venue's documentation.
BINANCE_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
BINANCE = Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
BYBIT = Secret("TESTSECRET00000000000000000000001")
EXCHANGE = Secret("dHJhZGVjb3JlLWV4Y2hhbmdlLXRlc3Qtc2VjcmV0LTA=")


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
        (
            f"apiKey={BINANCE_KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT"
            "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT",
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            f"apiKey={BINANCE_KEY}&timestamp=1747385641636",
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
    ],
)
def test_binance_signatures_are_the_published_ones(payload: str, signature: str) -> None:
    assert HmacSigner(BINANCE).sign(payload.encode()) == signature


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            "1700000000000TESTKEY00000000015000category=linear&symbol=BTCUSDT",
            "98361493e94e0c44f7112b3a4d6185444534b396bf81f6e862d5bd8bbe496b2b",
        ),
        (
            '1700000000000TESTKEY00000000015000{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit",'
            '"qty":"0.001","price":"30000","timeInForce":"PostOnly","orderLinkId":"t-1"}',
            "4c8691a38586692d2057e240329c57527907aef15365ed37b9351a7be4390eb4",
        ),
        ("GET/realtime1700000010000", "a0093dcd948bba020d84c0ca6734f4a4213dfb01bc7626dde56629e70313ad89"),
    ],
)
def test_bybit_signatures(payload: str, signature: str) -> None:
    assert HmacSigner(BYBIT).sign(payload.encode()) == signature


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        ("1700000000GET/accounts", "MnBYnnCKZLarZIIur+n1PcqCIapDQFbYl014x5J0v+s="),
        ("1700000000GET/users/self/verify", "yN2gZyvcfJnIFN0ErIUMsu8vdOpjSvyTa3RpCqCMvtI="),
    ],
)
def test_signatures_in_base64(payload: str, signature: str) -> None:
    assert HmacSigner(EXCHANGE, in_base64=True).sign(payload.encode()) == signature


JWT_INPUT = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9yZ2FuaXphdGlvbnMvMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAxL2FwaUtleXMvMDAwMDA"
    "wMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAyIiwibm9uY2UiOiIwMTIzNDU2Nzg5YWJjZGVmIiwidHlwIjoiSldUIn0.eyJzdWIiOiJvcmdhbml"
    "6YXRpb25zLzAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMS9hcGlLZXlzLzAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDA"
    "wMiIsImlzcyI6ImNkcCIsIm5iZiI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMTIwLCJ1cmkiOiJHRVQgYXBpLmNvaW5iYXNlLmNvbS9hcGkvdjMvYnJ"
    "va2VyYWdlL2FjY291bnRzIn0"
)
KEY_NAME = "organizations/00000000-0000-0000-0000-000000000001/apiKeys/00000000-0000-0000-0000-000000000002"


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_token_is_the_published_one_and_its_signature_holds() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = JwtSigner("COINBASE", Credentials(key=KEY_NAME, secret=Secret(pem(key))), issuer="cdp", lifetime_s=120)
    token = signer.token(1_700_000_000, "0123456789abcdef", "GET api.coinbase.com/api/v3/brokerage/accounts")
    signed, _, signature = token.rpartition(".")
    assert signed == JWT_INPUT
    raw = base64.urlsafe_b64decode(signature + "==")
    assert len(raw) == 64
    halves = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key.public_key().verify(encode_dss_signature(*halves), signed.encode(), ec.ECDSA(SHA256()))


def test_tokens_of_ed25519_keys_by_seed_or_pem() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key()
    seeds = [bytes(range(32)), bytes(range(32)) + public.public_bytes_raw()]
    for secret in [pem(key), *(base64.b64encode(seed).decode() for seed in seeds)]:
        signer = JwtSigner("COINBASE", Credentials(key="k", secret=Secret(secret)), issuer="cdp", lifetime_s=120)
        signed, _, signature = signer.token(1, "00").rpartition(".")
        public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
        assert head["alg"] == "EdDSA"
        assert "uri" not in claims


def test_ed25519_signs_requests() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = signer_of("BINANCE", Credentials(key="k", secret=Secret(pem(key))))
    assert isinstance(signer, Ed25519Signer)
    key.public_key().verify(base64.b64decode(signer.sign(b"timestamp=1")), b"timestamp=1")


@pytest.mark.parametrize("secret", ["-----BEGIN PRIVATE KEY-----\nAAAAdeadbeef\n-----END PRIVATE KEY-----", "c2hvcnQ="])
def test_a_bad_key_is_told_without_showing_it(secret: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        JwtSigner("COINBASE", Credentials(key="k", secret=Secret(secret)), issuer="cdp", lifetime_s=120)
    assert "deadbeef" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_shows_a_secret() -> None:
    secret = Secret("hunter2")
    credentials = Credentials(key="abcdefgh", secret=secret)
    shown = f"{secret} {secret!r} {credentials} {credentials!r} {[secret]} %s" % secret
    assert "hunter2" not in shown
    assert "efgh" not in shown
    assert secret.reveal() == "hunter2"
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copied(secret)  # type: ignore[operator]
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            pickle.dumps(credentials)
    assert not hasattr(secret, "__dict__")


def test_credentials_come_from_the_environment_both_or_none() -> None:
    assert Credentials.from_environment("BINANCE", {}) is None
    both = {"TRADECORE_BINANCE_KEY": " k ", "TRADECORE_BINANCE_SECRET": "a\\nb"}
    found = Credentials.from_environment("BINANCE", both)
    assert found is not None
    assert (found.key, found.secret.reveal()) == ("k", "a\nb")
    with pytest.raises(CredentialsError, match="TRADECORE_BINANCE_KEY is set and TRADECORE_BINANCE_SECRET is not"):
        Credentials.from_environment("BINANCE", {"TRADECORE_BINANCE_KEY": "k"})


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what has the system's keyring hold something, by service and name, or fail."""

    def hold(held: dict[str, str], failure: Exception | None = None) -> None:
        def get_password(service: str, username: str) -> str | None:
            if failure is not None:
                raise failure
            return held.get(f"{service} {username}")

        monkeypatch.setattr(keyring, "get_password", get_password)

    return hold


def test_credentials_come_from_a_keyring_where_the_environment_has_none(ring: Callable[..., None]) -> None:
    held = {"desk BINANCE_KEY": "ring", "desk BINANCE_SECRET": "hunter2\\nline"}
    ring(held)
    assert Credentials.find("BINANCE", environment={}) is None
    assert Credentials.find("BINANCE", "other", {}) is None
    found = Credentials.find("BINANCE", "desk", {})
    assert found is not None
    assert (found.key, found.secret.reveal()) == ("ring", "hunter2\nline")
    assert "hunter2" not in f"{found!r}"
    first = {"TRADECORE_BINANCE_KEY": "k", "TRADECORE_BINANCE_SECRET": "s"}
    chosen = Credentials.find("BINANCE", "desk", first)
    assert chosen is not None
    assert (chosen.key, chosen.secret.reveal()) == ("k", "s")
    ring({"desk BINANCE_SECRET": "hunter2"})
    with pytest.raises(CredentialsError, match="BINANCE_SECRET is set and BINANCE_KEY is not") as half:
        Credentials.find("BINANCE", "desk", {})
    assert "hunter2" not in str(half.value)


def test_a_keyring_that_cannot_be_read_is_said_without_its_words(
    ring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ring({}, KeyringLocked("hunter2 is locked"))
    with pytest.raises(CredentialsError, match=r"BINANCE_KEY of desk cannot .* \(KeyringLocked\)") as locked:
        Credentials.find("BINANCE", "desk", {})
    assert "hunter2" not in str(locked.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialsError, match=r"tradecore\[keyring\]"):
        Credentials.from_keyring("BINANCE", "desk")


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5), st.booleans()), max_size=60),
    st.integers(5, 20),
    st.integers(10, 500),
    st.integers(0, 4),
)
def test_no_interval_holds_more_than_a_limit(
    requests: list[tuple[int, int, bool]], most: int, interval: int, reserve: int
) -> None:
    limiter = RateLimiter([Limit(name="w", most=most, interval_ns=interval, reserve=reserve)])
    now, passed = 0, []
    for pause, cost, urgent in requests:
        now += pause
        wait = limiter.take({"w": cost}, now, urgent=urgent)
        if wait:  # what is asked again when told so passes then
            now += wait
            assert limiter.take({"w": cost}, now, urgent=urgent) == 0
        passed.append((now, cost, urgent))
    for end, _, _ in passed:
        inside = [(cost, urgent) for at, cost, urgent in passed if end - interval < at <= end]
        assert sum(cost for cost, _ in inside) <= most
        if not any(urgent for _, urgent in inside):
            assert sum(cost for cost, _ in inside) <= max(most - reserve, max(cost for cost, _ in inside))


def test_what_the_venue_counts_goes_before_our_count() -> None:
    limiter = RateLimiter([Limit(name="w", most=10, interval_ns=60 * SECOND)])
    assert limiter.take({"w": 2}, 0) == 0
    limiter.observe("w", 9, SECOND)
    assert limiter.used("w", SECOND) == 9
    assert limiter.take({"w": 2}, 2 * SECOND) == 58 * SECOND
    limiter.observe("w", 1, 3 * SECOND)  # an answer that was overtaken
    assert limiter.used("w", 3 * SECOND) == 9


def test_a_stop_holds_for_everything_and_until_its_end() -> None:
    limiter = RateLimiter([])
    limiter.stop(5 * SECOND, "429")
    limiter.stop(3 * SECOND, "an older one")
    assert limiter.take({}, SECOND, urgent=True) == 4 * SECOND
    assert limiter.take({}, 5 * SECOND) == 0
    assert limiter.stopped_by == "429"


def test_a_limit_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="w: 1 in 1 ns, 1 of it kept, is no limit"):
        Limit(name="w", most=1, interval_ns=1, reserve=1)


def test_waits_grow_to_their_most_spread_and_repeat_by_seed() -> None:
    backoff = Backoff(Random(7), first_s=0.5, most_s=8.0)
    waits = [backoff.next_s() for _ in range(12)]
    for number, wait in enumerate(waits):
        longest = min(8.0, 0.5 * 2**number)
        assert longest / 2 <= wait <= longest
    again = Backoff(Random(7), first_s=0.5, most_s=8.0)
    assert [again.next_s() for _ in range(12)] == waits
    assert len(set(waits)) == 12
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_a_clock_offset_is_the_median_of_midpoints() -> None:
    offset = ClockOffset(keep=3)
    assert offset.ns is None
    for sent, venue, received in [(0, 150, 100), (1_000, 1_150, 1_100), (2_000, 9_000, 2_100)]:
        offset.measured(sent, venue, received)
    assert offset.ns == 100
    for sent in (3_000, 4_000):
        offset.measured(sent, sent + 350, sent + 100)
    assert offset.ns == 300
    offset.restart()
    assert offset.ns is None


def test_virtual_time_passes_in_order() -> None:
    async def run() -> list[tuple[str, int]]:
        clock = VirtualClock(0)
        seen: list[tuple[str, int]] = []

        async def every(name: str, seconds: float) -> None:
            while True:
                await clock.sleep(seconds)
                seen.append((name, clock.now_ns() // SECOND))

        tasks = [asyncio.create_task(every("a", 2)), asyncio.create_task(every("b", 3))]
        await clock.advance(6)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return seen

    # At one time in the order in which they began to wait.
    assert asyncio.run(run()) == [("a", 2), ("b", 3), ("a", 4), ("b", 6), ("a", 6)]


def test_a_deadline_cancels_what_is_late_and_lets_a_cancel_through() -> None:
    async def run() -> None:
        clock = VirtualClock()
        cancelled = []

        async def slow() -> str:
            try:
                await clock.sleep(10)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return "done"

        late = asyncio.create_task(within(clock, 5, slow()))
        await clock.advance(5)
        with pytest.raises(TimeoutError, match="no answer within 5 s"):
            await late
        in_time = asyncio.create_task(within(clock, 20, slow()))
        await clock.advance(10)
        assert await in_time == "done"
        ended = asyncio.create_task(within(clock, 20, slow()))
        await clock.advance(1)
        ended.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ended
        assert cancelled == [True, True]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_a_stream_is_there_when_acknowledged_and_delivering() -> None:
    dog: Watchdog[str] = Watchdog(acknowledge_s=5)
    dog.requested("mark", 0, patience_s=10)
    dog.acknowledged("mark", SECOND)
    assert not dog.is_there("mark")
    assert dog.check(10 * SECOND) == []
    (silent,) = dog.check(11 * SECOND)
    assert (silent.key, silent.reason) == ("mark", "acknowledged and never delivered")
    assert dog.check(20 * SECOND) == []  # told once
    assert dog.silent == ("mark",)
    dog.requested("mark", 20 * SECOND, patience_s=10)  # on another connection
    dog.acknowledged("mark", 20 * SECOND)
    assert (dog.check(40 * SECOND), dog.silent) == ([], ("mark",))
    assert dog.seen("mark", 41 * SECOND)
    assert dog.is_there("mark")
    assert not dog.seen("mark", 42 * SECOND)
    assert dog.check(51 * SECOND) == []
    assert [found.reason for found in dog.check(52 * SECOND)] == ["silent"]
    assert dog.seen("mark", 53 * SECOND)
    dog.forget("mark")
    assert dog.check(99 * SECOND) == []
    assert not dog.seen("mark", 99 * SECOND)


def test_a_quiet_stream_has_to_be_acknowledged_only() -> None:
    dog: Watchdog[str] = Watchdog(acknowledge_s=5)
    dog.requested("trades", 0, patience_s=None)
    dog.requested("lost", 0, patience_s=None)
    dog.seen("lost", SECOND)  # data before the acknowledgement is not one
    dog.acknowledged("trades", SECOND)
    assert [(found.key, found.reason) for found in dog.check(10 * SECOND)] == [("lost", "silent")]
    assert dog.check(9_999 * SECOND) == []


class Asked:
    """Stands for a connector: remembers for which books it was asked."""

    def __init__(self) -> None:
        self.books: list[tuple[str, str]] = []

    def resync(self, instrument: str, reason: str) -> None:
        self.books.append((instrument, reason))


def frame(stream: Stream | None, number: int, instrument: str | None = "A.V") -> Frame:
    return Frame("V", number, b"%d" % number, instrument, stream)


def test_a_full_queue_drops_books_whole_and_never_trades() -> None:
    async def run() -> None:
        asked = Asked()
        queue = VenueQueue(asked, limit=4)
        for number in range(4):
            queue.put(frame(Stream.TRADES, number))
        queue.put(frame(Stream.BOOK, 4))
        queue.put(frame(Stream.BOOK, 5))
        queue.put(frame(Stream.QUOTES, 6))
        queue.put(frame(Stream.TRADES, 7))
        assert (len(queue), queue.dropped, queue.lag_ns(10)) == (6, 3, 10)
        got = [await queue.get() for _ in range(6)]
        assert [event.ts_recv for event in got] == [0, 1, 2, 3, 4, 7]
        state = got[4]
        assert isinstance(state, FeedState)
        assert (state.instrument, state.state) == ("A.V", BookState.GAP)
        # Once there is room again, and from then on its frames are taken.
        assert asked.books == [("A.V", "frames were dropped")]
        queue.put(frame(Stream.BOOK, 8))
        assert (await queue.get()).ts_recv == 8

    asyncio.run(run())


def test_an_empty_queue_is_waited_for() -> None:
    async def run() -> int:
        queue = VenueQueue(Asked())
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.put(frame(Stream.TRADES, 3))
        return (await waiting).ts_recv

    assert asyncio.run(run()) == 3


class Scripted:
    """A decoder whose book goes through given states, one a frame; None is a malformed frame."""

    def __init__(self, states: list[BookState | None]) -> None:
        self.states: Iterator[BookState | None] = iter(states)
        self.now = BookState.EMPTY
        self.ended: list[tuple[int, str | None]] = []

    def feed(self, frame: bytes, ts_recv: int) -> str:
        state = next(self.states)
        if state is None:
            raise DataError("V", ts_recv, "no JSON")
        self.now = state
        return "depth"

    def disconnect(self, ts_recv: int, instrument: str | None = None) -> None:
        self.ended.append((ts_recv, instrument))
        self.now = BookState.EMPTY

    def state(self, instrument: str) -> BookState:
        return self.now


def test_a_feed_tells_changes_and_asks_for_snapshots() -> None:
    asked, told = Asked(), []
    synced, gap, buffering = BookState.SYNCED, BookState.GAP, BookState.BUFFERING
    decoder = Scripted([buffering, synced, synced, gap, synced, None, synced, synced])
    feed = Feed(asked, decoder, ["A.V"], lambda state: told.append((state.state, state.reason)))
    for number in range(5):
        assert feed.frame(frame(Stream.BOOK, number)) == "depth"
    assert told == [
        (buffering, "waiting for a snapshot"),
        (synced, "synced"),
        (gap, "sequence gap"),
        (synced, "synced"),
    ]
    assert [reason for _, reason in asked.books] == ["waiting for a snapshot", "sequence gap"]
    assert feed.frame(frame(Stream.BOOK, 5)) == "malformed"
    assert (feed.malformed, told[-1], asked.books[-1]) == (
        1,
        (gap, "malformed frame: no JSON"),
        ("A.V", "malformed frame"),
    )
    assert feed.frame(frame(Stream.BOOK, 6)) == "depth"
    assert told[-1] == (synced, "synced")
    # What the connector does not vouch for is the venue's again with the next frame of the book.
    stale = BookState.STALE
    feed.state(FeedState("V", 7, "A.V", stale, "silent"))
    assert (told[-1], decoder.ended) == ((stale, "silent"), [])
    feed.frame(frame(Stream.BOOK, 8))
    assert told[-1] == (synced, "synced")
    # Of a lost connection every book of it is told, and no other one is void.
    feed.state(FeedState("V", 9, "A.V", gap, "connection lost", is_disconnected=True))
    assert (told[-1], decoder.ended) == ((gap, "connection lost"), [(9, "A.V")])
    feed.state(FeedState("V", 9, "B.V", gap, "connection lost", is_disconnected=True))
    assert decoder.ended == [(9, "A.V")]


def test_a_book_that_waits_for_its_snapshot_says_why_and_stays_in_its_state() -> None:
    gap = BookState.GAP
    told: list[tuple[BookState, str]] = []
    feed = Feed(
        Asked(), Scripted([gap, BookState.SYNCED]), ["A.V"], lambda state: told.append((state.state, state.reason))
    )

    async def run() -> None:
        clock, tasks, answers = VirtualClock(), Tasks(), iter([VenueError("V", "book", "401", "no such key")])

        async def fetch(_: str) -> None:
            if (error := next(answers, None)) is not None:
                raise error

        snapshots = Snapshots(
            "V", fetch, tell=lambda event: feed.state(event), clock=clock, random=Random(1), tasks=tasks
        )
        feed.frame(frame(Stream.BOOK, 0))
        snapshots.ask("A.V")
        while not snapshots.fetched:
            await clock.advance(1.0)

    asyncio.run(run())
    assert [(state, reason.partition(" (")[0]) for state, reason in told] == [
        (gap, "sequence gap"),
        (gap, "no snapshot: V: book: no such key"),
    ]
    feed.frame(frame(Stream.BOOK, 1))
    feed.state(FeedState("V", 2, "A.V", BookState.BUFFERING, "no snapshot: late"))
    assert told[2:] == [(BookState.SYNCED, "synced")]


def test_what_is_of_a_whole_connection_asks_for_books_it_breaks_and_for_no_others() -> None:
    asked = Asked()
    buffering, gap = BookState.BUFFERING, BookState.GAP
    feed = Feed(asked, Scripted([buffering, buffering, gap, gap]), ["A.V"], lambda state: None)
    feed.frame(frame(Stream.BOOK, 0))
    feed.frame(frame(None, 1, None))  # an acknowledgement, and the snapshot right behind it
    assert [reason for _, reason in asked.books] == ["waiting for a snapshot"]
    feed.frame(frame(None, 2, None))  # one whose number says that messages were lost
    feed.frame(frame(None, 3, None))
    assert [reason for _, reason in asked.books] == ["waiting for a snapshot", "sequence gap"]
