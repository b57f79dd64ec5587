"""Ctrl-C at the right moment: not while files move into place, and not before what a run owes is done.

Python handles signals in the main thread, between any two of its steps. While one of the blocks here is open there,
SIGINT is handled by the block, which holds it back, or hands it to whoever handled it before. All that is known of a
block hangs on that one handler, so that a signal finds it there as a whole or not at all. In other threads, where
nothing is ever interrupted, the blocks do nothing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

__all__ = ["Hold", "Interrupts", "as_ctrl_c", "held_back", "patience"]


_EDGES = (__file__, contextmanager.__code__.co_filename, signal.__file__)
"""The code that begins and ends blocks: to raise in it would leave half of one."""


class Hold:
    """What holds Ctrl-C back; see :func:`held_back`."""

    def __init__(self) -> None:
        self.is_closed = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let Ctrl-C act in a part of the block, once: what has to be done after it is held together again."""
        self.is_closed = False
        try:
            if (interrupts := _current()) is not None:
                interrupts._deliver()
            yield
        finally:
            self.is_closed = True


class Interrupts:
    """The interrupts of a block; see :func:`patience`."""

    def __init__(self, *holds: Hold) -> None:
        self._before = signal.getsignal(signal.SIGINT)
        self._holds = list(holds)
        self._is_patient = False
        self._came = 0
        self._waiting: int | None = None
        self.have_acted = False
        """Whether one was raised in the block."""

    def wait(self) -> None:
        """From now on hold the first one back until the block ends. After the first none waits any more."""
        self._is_patient = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._came += 1
        if self._is_held() or (frame is not None and frame.f_code.co_filename in _EDGES):
            self._waiting = number
            return
        self._hand_on(number, frame)

    def _deliver(self) -> None:
        """Let act what need not wait any more."""
        if self._waiting is not None and not self._is_held():
            number, self._waiting = self._waiting, None
            self._hand_on(number, None)

    def _is_held(self) -> bool:
        return any(hold.is_closed for hold in self._holds) or (self._is_patient and self._came == 1)

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        self.have_acted = True
        for hold in self._holds:
            hold.is_closed = True
        if number == signal.SIGINT and callable(self._before):
            self._before(number, frame)
        elif number != signal.SIGINT:
            signal.default_int_handler(number, frame)

    @contextmanager
    def _holding(self, hold: Hold) -> Iterator[None]:
        self._holds.append(hold)
        try:
            yield
        finally:
            self._holds.remove(hold)
            self._deliver()

    @contextmanager
    def _open(self) -> Iterator[None]:
        try:
            signal.signal(signal.SIGINT, self._handle)
            yield
        finally:
            signal.signal(signal.SIGINT, self._before)
            if self._waiting is not None:
                signal.raise_signal(self._waiting)


def _is_here() -> bool:
    """Whether signals are handled in this thread, and a handler can be put back."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) not in (None, signal.SIG_DFL)


def _current() -> Interrupts | None:
    """Return the interrupts of the outermost block that is open."""
    owner = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    return owner if isinstance(owner, Interrupts) else None


@contextmanager
def held_back() -> Iterator[Hold]:
    """Let a block end whole: Ctrl-C in it acts right behind it, but for parts of it that let it."""
    hold = Hold()
    if not _is_here():
        yield hold
        return
    outer = _current()
    with Interrupts(hold)._open() if outer is None else outer._holding(hold):
        yield hold


@contextmanager
def patience() -> Iterator[Interrupts]:
    """Let a block end if Ctrl-C comes once, not if it comes twice.

    From when :meth:`Interrupts.wait` is called the first Ctrl-C of the block acts right behind it; others, and one
    from before, act at once. A block within another one changes nothing. Ctrl-C that a library has made an error of its
    own of is Ctrl-C all the same.
    """
    interrupts = Interrupts()
    if not _is_here() or _current() is not None:
        yield interrupts
        return
    with interrupts._open():
        try:
            yield interrupts
        except Exception as error:
            if interrupts.have_acted and not isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise


@contextmanager
def as_ctrl_c(*names: str) -> Iterator[None]:
    """Take other signals for Ctrl-C in a block, by their names, as far as this system has them.

    One that is ignored stays so, as SIGHUP does under nohup. Only the main thread can do this.
    """
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
                if (before := signal.getsignal(number)) == signal.SIG_DFL:
                    stack.callback(signal.signal, number, before)
                    signal.signal(number, _end)
        yield


def _end(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C is handled."""
    interrupts = _current()
    if interrupts is None:
        signal.default_int_handler(number, frame)
    else:
        interrupts._handle(number, frame)
