"""The table of what venues are like, ``specs/venues.toml``: where the settings of simulated venues may begin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from tradecore.errors import InvalidValueError
from tradecore.hints import did_you_mean

__all__ = ["ABOUT", "profile_settings", "profiles"]

ABOUT = ("title", "assumed")
"""Keys of a profile that say something of it; all others are settings."""


@cache
def profiles() -> Mapping[str, Mapping[str, Any]]:
    """Return all profiles by name, as they stand in the table."""
    text = resources.files("tradecore").joinpath("specs", "venues.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def profile_settings(name: str) -> dict[str, Any]:
    """Return the settings of a profile, those of latency as a mapping.

    Raises
    ------
    InvalidValueError
        For a name there is no profile of.
    """
    known = profiles()
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(name, known) if isinstance(name, str) else ""
        raise InvalidValueError("profile", f"{name!r} is none of {', '.join(known)}{hint}")
    return {key: value for key, value in known[name].items() if key not in ABOUT}
