"""Tasks that belong to somebody and end with it."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

__all__ = ["Tasks", "begin"]

_T = TypeVar("_T")


def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Do some work up to where it first has to wait, and return the task that does the rest; None if it is done.

    What a task does only in the next turn of the loop is so done in this one, in a call from where it is asked for.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_rest(work, waits_for))


@types.coroutine
def _rest(work: Coroutine[Any, Any, _T], waits_for: Any) -> Generator[Any, Any, _T]:
    """Go on with work that has been begun and waits for something."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # it is cancelled where it waits
            try:
                waits_for = work.throw(error)
            except StopIteration as end:
                result: _T = end.value
                return result
        else:
            return (yield from work.__await__())


class Tasks:
    """Starts tasks, reports those that fail to the event loop, and ends them all.

    A task that fails does so aloud: nobody awaits it.
    """

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], None] = {}  # in the order they began, so that runs are alike

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task."""
        task = asyncio.create_task(work, name=name)
        self._running[task] = None
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": f"task {task.get_name()} failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)

    async def close(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
