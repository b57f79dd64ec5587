"""Predictors beside an event loop: each on a thread of its own, and every answer in time or not at all."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradecore.errors import InvalidValueError
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    from tradecore._core import Kernel, Question
    from tradecore.strategy import Predictor

__all__ = ["Inference"]


@dataclass(slots=True)
class _Job:
    """A question on its way; who takes it out of the waiting ones answers it."""

    question: Question
    due_ns: int
    opinion: tuple[int, float, float] | None = None
    problem: str | None = None
    is_over: bool = False


class Inference:
    """Answers what the strategies of a kernel ask, on threads of its own.

    The driver of a kernel calls :meth:`take` after each input, :meth:`deliver` when ``on_ready`` was called or
    :meth:`next_due_ns` has come, and goes on with its event loop meanwhile. A question that is not answered within the
    deadline is answered without a signal, and what its predictor says later is dropped. Each predictor has one thread
    and is asked one question at a time; of an instrument only the youngest question waits, for an older one would be
    overtaken anyway. Threads are daemons: a predictor that hangs does not keep the process.

    Parameters
    ----------
    predictors : mapping of str to Predictor
        By the name of their strategies.
    deadline : duration
        From a question to its answer at the latest.
    on_ready : callable, optional
        Called on a predictor's thread when there is something to deliver, such as
        ``lambda: loop.call_soon_threadsafe(event.set)``.

    Raises
    ------
    InvalidValueError
        For a deadline that is none, or 0.

    Examples
    --------
    ::

        inference = tc.ml.Inference({"f": strategy.predictor}, deadline="200ms", on_ready=wake_the_loop)
        kernel.due(now)
        inference.take(kernel)
        ...
        inference.deliver(kernel, now)
    """

    def __init__(
        self,
        predictors: Mapping[str, Predictor],
        *,
        deadline: DurationLike = "500ms",
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._deadline_ns = to_ns("deadline", deadline)
        if not self._deadline_ns:
            raise InvalidValueError("deadline", "is 0: nothing could be answered in it")
        self._on_ready = on_ready
        self._waiting: deque[_Job] = deque()
        """Unanswered questions, oldest first."""
        self._workers = {name: _Worker(name, predictor, self._ready) for name, predictor in predictors.items()}

    def __enter__(self) -> Inference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, kernel: Kernel) -> int:
        """Take the questions of a kernel and return how many there were."""
        questions = kernel.questions()
        for question in questions:
            job = _Job(question, question.ts + self._deadline_ns)
            worker = self._workers.get(question.strategy)
            if worker is None:
                job.problem = "the strategy has no predictor here"
            elif (overtaken := worker.put(job)) is not None:
                overtaken.problem = "overtaken by a younger question"
            self._waiting.append(job)
        return len(questions)

    def deliver(self, kernel: Kernel, now_ns: int) -> int:
        """Deliver the answers there are, and that there is none where the deadline has come; return how many.

        In the order of the questions, as far as they are answered.
        """
        ready = [job for job in self._waiting if job.is_over or job.problem is not None or job.due_ns <= now_ns]
        for job in ready:
            self._waiting.remove(job)
            if job.problem is not None:
                kernel.answer(now_ns, job.question, problem=job.problem)
            elif job.opinion is not None:
                worker = self._workers[job.question.strategy]
                try:
                    kernel.answer(now_ns, job.question, *job.opinion, model_id=worker.model_id)
                except (InvalidValueError, TypeError) as error:
                    kernel.answer(now_ns, job.question, problem=f"{type(error).__name__}: {error}")
            else:
                kernel.answer(now_ns, job.question, problem="no answer by the deadline")
        return len(ready)

    def next_due_ns(self) -> int | None:
        """Return when :meth:`deliver` has to be called at the latest, ns UTC; None while nothing waits."""
        return min((job.due_ns for job in self._waiting), default=None)

    def close(self) -> None:
        """End the threads, each after what it is at; nothing more is answered."""
        for worker in self._workers.values():
            worker.put(None)
        self._waiting.clear()

    def _ready(self) -> None:
        if self._on_ready is not None:
            self._on_ready()


class _Worker:
    """A predictor and its thread."""

    def __init__(self, name: str, predictor: Predictor, ready: Callable[[], None]) -> None:
        self.model_id = str(predictor.model_id)
        self._predictor = predictor
        self._ready = ready
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        """The question that waits, by instrument; in the order they came."""
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=f"predictor of {name}", daemon=True).start()

    def put(self, job: _Job | None) -> _Job | None:
        """Give it a question, or None to end it; return the one that it need not look at any more."""
        if job is None:
            self._wake.put(False)
            return None
        with self._lock:
            overtaken = self._jobs.pop(job.question.instrument, None)
            self._jobs[job.question.instrument] = job
        self._wake.put(True)
        return overtaken

    def _run(self) -> None:
        while self._wake.get():
            with self._lock:
                if not self._jobs:
                    continue
                job = self._jobs.pop(next(iter(self._jobs)))
            question = job.question
            try:
                opinion = self._predictor.opinion(question.instrument, question.ts, question.features)
                action, confidence, value = opinion
                job.opinion = (action, confidence, value)
            except Exception as error:
                job.problem = f"{type(error).__name__}: {error}"
            job.is_over = True
            self._ready()
