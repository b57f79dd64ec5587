"""What goes wrong at a local venue, by a script: the same seed and script make the same faults."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradecore.config import load_model

__all__ = ["Fault", "Faults", "load_faults"]

_OF_MESSAGES: Final = ("drop", "duplicate", "reorder", "delay", "corrupt", "split", "half_open", "disconnect")
_OF_REQUESTS: Final = ("status", "lose", "swallow", "stale_snapshot", "lag")


class Fault(BaseModel):
    """One row of a script.

    Parameters
    ----------
    kind : str
        Of what a connection sends: ``drop``, ``duplicate``, ``reorder`` (behind the next one), ``delay``, ``corrupt``
        (cut in half), ``split`` (in several frames), ``half_open`` (nothing more is sent, pings are not answered,
        nothing is closed), ``disconnect``.
        Of requests: ``status`` (refused with it, not carried out), ``lose`` (not carried out, the connection dies),
        ``swallow`` (carried out, the connection dies in place of the answer), ``lag`` (the answer is late),
        ``stale_snapshot`` (a book numbered before all that streams still tell). Of the venue: ``clock_step`` (its clock
        is ``step_ms`` ahead), ``lost_sequence`` (it restarts: connections end, books begin again at another id),
        ``expire_keys`` (private streams end with ``listenKeyExpired`` or ``eventStreamTerminated``).
    on : str
        A pattern with ``*`` and ``?``: of messages the stream, such as ``btcusdt@depth*``, ``user`` for private ones,
        ``ack`` for answers to subscriptions; of requests ``POST /api/v3/order`` or ``order.place``.
    after_s, until_s : float
        When it may come, in seconds from the start of the server.
    skip : int
        So many that would meet it pass before.
    count : int, optional
        At most so many meet it.
    probability : float
        Of each to meet it.
    delay_ms, step_ms : int
    status : int
        Of HTTP: 429 and 418 come with ``Retry-After``; any other, such as 503, says that the outcome is unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[
        "drop", "duplicate", "reorder", "delay", "corrupt", "split", "half_open", "disconnect", "status", "lose",
        "swallow", "stale_snapshot", "lag", "clock_step", "lost_sequence", "expire_keys",
    ]  # fmt: skip
    on: str = "*"
    after_s: Annotated[float, Field(ge=0)] = 0.0
    until_s: float | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    delay_ms: Annotated[int, Field(ge=0)] = 0
    step_ms: int = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503

    @model_validator(mode="after")
    def _says_how_much(self) -> Fault:
        if self.kind in ("delay", "lag") and self.delay_ms == 0:
            raise ValueError(f"{self.kind} needs delay_ms")
        if self.kind == "clock_step" and self.step_ms == 0:
            raise ValueError("clock_step needs step_ms")
        return self


class _Script(BaseModel):
    model_config = ConfigDict(extra="forbid")

    faults: tuple[Fault, ...]


def load_faults(path: str | Path) -> tuple[Fault, ...]:
    """Read a script: TOML with a table ``[[faults]]`` a row.

    Raises
    ------
    ConfigError
        Naming the file and the key that is wrong.
    """
    return load_model(path, _Script).faults


class Faults:
    """A script at work.

    Parameters
    ----------
    script : sequence of Fault
    seed : int
        Of what is drawn.
    """

    def __init__(self, script: Sequence[Fault] = (), *, seed: int = 0) -> None:
        self._script = tuple(script)
        self._random = Random(seed)
        self._seen = [0] * len(self._script)
        self._met = [0] * len(self._script)
        self._began_s: float | None = None

    def begin(self, now_s: float) -> None:
        """Count seconds from now on."""
        self._began_s = now_s

    @property
    def met(self) -> dict[str, int]:
        """How many times each row was met, by its place and kind."""
        return {f"{at} {fault.kind}": met for at, (fault, met) in enumerate(zip(self._script, self._met, strict=True))}

    def of_message(self, stream: str, now_s: float) -> list[Fault]:
        """Return what a message meets on its way out."""
        return self._meet(_OF_MESSAGES, stream, now_s) if self._script else []

    def of_request(self, name: str, now_s: float) -> list[Fault]:
        """Return what a request meets."""
        return self._meet(_OF_REQUESTS, name, now_s) if self._script else []

    def clock_ahead_ms(self, now_s: float) -> int:
        """Return how far the venue's clock is ahead."""
        steps = (fault for fault in self._script if fault.kind == "clock_step" and self._is_time(fault, now_s))
        return sum(fault.step_ms for fault in steps)

    def is_due(self, kind: Literal["lost_sequence", "expire_keys"], now_s: float) -> bool:
        """Return whether something of the venue happens now; each row does it once."""
        due = [
            at
            for at, fault in enumerate(self._script)
            if fault.kind == kind and self._met[at] == 0 and self._is_time(fault, now_s)
        ]
        for at in due:
            self._met[at] = 1
        return bool(due)

    def _is_time(self, fault: Fault, now_s: float) -> bool:
        since = now_s - (now_s if self._began_s is None else self._began_s)
        return fault.after_s <= since and (fault.until_s is None or since < fault.until_s)

    def _meet(self, kinds: tuple[str, ...], name: str, now_s: float) -> list[Fault]:
        met = []
        for at, fault in enumerate(self._script):
            if fault.kind not in kinds or not self._is_time(fault, now_s) or not fnmatchcase(name, fault.on):
                continue
            self._seen[at] += 1
            is_over = fault.count is not None and self._met[at] >= fault.count
            if self._seen[at] <= fault.skip or is_over or self._random.random() >= fault.probability:
                continue
            self._met[at] += 1
            met.append(fault)
        return met
