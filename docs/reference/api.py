"""The reference of the public names, from the stub of the core and the docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import griffe
from text import cell, code, fence, markdown, table

import tradecore

_Named: TypeAlias = griffe.Object | griffe.Alias

_TITLES = {
    "runs": "Runs and results",
    "strategies": "Strategies and what they see",
    "events": "Events",
    "data": "Data and instruments",
    "bars": "Bars",
    "tools": "Books, queues, ledgers, formulas",
    "models": "Models",
    "venues": "Connectors",
    "vocabulary": "Vocabulary",
    "errors": "Errors",
}
_INTROS = {
    "runs": "Names are those of `import tradecore as tc`.",
    "strategies": "When each hook runs, and how often, is said in [Strategies](../strategies.md).",
    "events": "How they are listened to is said in [Events](../events.md). Their names are those of `tc.events`.",
    "data": "What the columns and files are is said in [Data and catalogs](../data.md).",
    "models": "Names are those of `tc.ml`. How they go together is said in [Models](../models.md).",
    "venues": "Names are those of `tc.venues`. What they hold to is said in [Connectors](../connectors.md).",
    "bars": "Which bars there are, and when they end, is said in [Bars](../bars.md). Names are those of `tc.bars`.",
    "tools": "The parts of the engine by themselves, for research and for tests of your own.",
    "vocabulary": "The words of orders, books and events. Where an enum is taken its name in lower case is taken too.",
    "errors": "All errors are rooted in `TradecoreError`, keep their fields as attributes and pickle.",
}
_PAGES = {
    "tradecore.errors": "errors",
    "tradecore.types": "vocabulary",
    "tradecore.bars": "bars",
    "tradecore.bus": "events",
    "tradecore._core.BarBuilder": "bars",
    "tradecore._core.BarSpec": "bars",
    "tradecore.data": "data",
    "tradecore.ml": "models",
    "tradecore.features": "data",
    "tradecore.instruments": "data",
    "tradecore.reconcile": "tools",
    "tradecore.strategies": "strategies",
    "tradecore.strategy": "strategies",
    "tradecore.validation": "strategies",
    "tradecore.venues": "venues",
    "tradecore._core.Instrument": "data",
    "tradecore._core.RiskBreach": "strategies",
    "tradecore._core.RiskView": "strategies",
    "tradecore._core": "tools",
}
"""The page of what is defined somewhere, the longest prefix first; what is defined elsewhere is about runs."""

_SEEN = ("Context", "BookView", "PositionView", "Order", "Fill", "TradeView", "QuoteView")
_PUBLISHED = ("Bar", "ReferencePrice", "FundingRate", "OpenInterest", "Liquidation", "Payment")
_EXTRA = (
    *(f"_core.{name}" for name in _PUBLISHED),
    "_core.Kernel",
    "_core.Command",
    "bus.EventCounts",
    "bus.EventFailure",
    "bus.EventQueue",
    "bus.Subscription",
    "data.catalog.CatalogWriter",
    "data.catalog.Part",
    "features.available",
    "features.compute",
    "features.FeatureComputer",
    "_core.FeatureEngine",
    "_core.FeatureVector",
    "_core.fit_microprice",
)
"""What hooks and methods hand out without its being asked for by name."""

_FIRST = ("Backtest", "Result", "SimVenue", "Latency", "Strategy", *_SEEN, "Catalog", "Instrument", "L2Book")
"""What a page begins with; the rest is in the order of the alphabet."""


def api_pages(package: griffe.Module) -> dict[str, str]:
    """Return the pages by name."""
    pages: dict[str, dict[str, _Named]] = {name: {} for name in _TITLES}
    for name in _names(package):
        documented = package[name]
        target = documented.final_target if documented.is_alias else documented
        pages[_page(target)].setdefault(target.name, target)
    links = {}
    for page, contents in pages.items():
        for name, target in contents.items():
            links[name] = f"{page}.md#{name}"
            for member, inner in _members(target).items():
                links[f"{name}.{member}"] = f"{page}.md#{name}" + (f".{member}" if _has_heading(inner) else "")
    writer = _Writer(package, links)
    return {
        page: "\n".join([f"# {_TITLES[page]}\n\n{_INTROS[page]}\n", *writer.contents(contents.values())])
        for page, contents in pages.items()
    }


def _names(package: griffe.Module) -> Iterator[str]:
    """Yield public names, of modules their own, and what comes with them."""
    for name in (*_FIRST, *sorted(set(tradecore.__all__).difference(_FIRST), key=str.lower)):
        module = package[name]
        if module.is_module:
            yield from (f"{name}.{inner}" for inner in module.exports or ())
        else:
            yield name
    yield from _EXTRA


def _page(target: _Named) -> str:
    if target.path.startswith("tradecore._core.") and target.name in (*_SEEN, *_PUBLISHED):
        return "strategies"
    fitting = [prefix for prefix in _PAGES if f"{target.path}.".startswith(f"{prefix}.")]
    return _PAGES[max(fitting, key=len)] if fitting else "runs"


def _members(target: _Named) -> dict[str, _Named]:
    """Return what stands in a class, then what it has of bases that have no place of their own."""
    bases = target.mro() if isinstance(target, griffe.Class) else []
    found: dict[str, _Named] = {}
    for part in (target, *(base for base in bases if base.name not in tradecore.__all__)):
        found |= {name: member for name, member in part.members.items() if not member.is_alias and name not in found}
    return found


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _has_heading(member: _Named) -> bool:
    """Whether a member has a heading of its own: methods, and properties of which there is much to say."""
    if not _is_public(member.name) or member.is_alias:
        return False
    if member.is_function:
        return True
    return member.docstring is not None and len(_sections(member)) > 1


def _sections(documented: _Named) -> list[griffe.DocstringSection]:
    return documented.docstring.parse("numpy", warnings=False) if documented.docstring else []


class _Writer:
    """Writes what is documented, with links between it."""

    def __init__(self, package: griffe.Module, links: Mapping[str, str]) -> None:
        self._aliases = {
            name: str(member.value)
            for name, member in package["_core"].members.items()
            if name.startswith("_") and member.is_attribute and member.value is not None
        }
        self._links = links

    def contents(self, targets: Iterable[_Named]) -> Iterator[str]:
        """Yield the text of a page."""
        for target in targets:
            yield f"## `{target.name}` {{ #{target.name} }}\n"
            if target.is_class:
                yield from self._class(target)
            elif target.is_function:
                yield fence(self._signature(target.name, target.parameters, target.returns))
                yield from self._body(target, "")
            else:
                yield fence(f"{target.name} = {target.value}")
                yield from self._body(target, "")

    def _class(self, target: _Named) -> Iterator[str]:
        own = {name: member for name, member in _members(target).items() if _is_public(name)}
        bases = [str(base) for base in target.bases]
        if any(base.endswith("Enum") or base.endswith("Flag") for base in bases):
            yield from self._body(target, target.name)
            yield self._enum(own.values())
            return
        if makes := self._constructor(target):
            yield fence(makes)
        if target.name.endswith("Error") and bases:
            yield f"Is a {' and a '.join(self._linked(base) for base in bases)}.\n"
        yield from self._body(target, target.name)
        described = {item.name for section in _sections(target) for item in _items(section)}
        rows = [
            (code(name), code(self._type(member.annotation)), cell(self._text(member, target.name)))
            for name, member in own.items()
            if member.is_attribute
            and not _has_heading(member)
            and name not in described
            and ("property" in member.labels or member.docstring)
        ]
        if rows:
            yield table(("attribute", "type", "meaning"), rows)
        for name, member in own.items():
            if _has_heading(member):
                yield f"### `{target.name}.{name}` {{ #{target.name}.{name} }}\n"
                if member.is_function:
                    yield fence(self._signature(name, member.parameters, member.returns))
                else:
                    yield f"{code(self._type(member.annotation))}\n"
                yield from self._body(member, target.name)

    def _enum(self, members: Iterable[_Named]) -> str:
        rows = (
            (code(member.name), code(str(member.value)), cell(self._text(member, "")))
            for member in members
            if member.is_attribute and "property" not in member.labels
        )
        return table(("name", "value", "meaning"), rows)

    def _constructor(self, target: _Named) -> str:
        """Return how an object is made; nothing for what is only handed out."""
        kinds = {section.kind for section in _sections(target)}
        if griffe.DocstringSectionKind.attributes in kinds and griffe.DocstringSectionKind.parameters not in kinds:
            return ""
        made = target.members.get("__new__") or target.members.get("__init__")
        parameters = made.parameters if made is not None else target.parameters
        if made is None and not any(parameter.name != "self" for parameter in parameters):
            return ""
        return self._signature(target.name, parameters, None)

    def _signature(self, name: str, parameters: griffe.Parameters, returns: object) -> str:
        kinds = griffe.ParameterKind
        words: list[str] = []
        given = [parameter for parameter in parameters if parameter.name not in ("self", "cls")]
        for index, parameter in enumerate(given):
            stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
            if parameter.kind is kinds.keyword_only and not any(word.startswith("*") for word in words):
                words.append("*")
            word = stars + parameter.name
            if parameter.annotation is not None:
                word += f": {self._type(parameter.annotation)}"
            if parameter.default is not None and not stars:
                word += f" = {parameter.default}" if parameter.annotation is not None else f"={parameter.default}"
            words.append(word)
            following = given[index + 1].kind if index + 1 < len(given) else None
            if parameter.kind is kinds.positional_only and following is not kinds.positional_only:
                words.append("/")
        tail = f" -> {self._type(returns)}" if returns is not None else ""
        line = f"{name}({', '.join(words)}){tail}"
        if len(line) <= 88:
            return line
        return f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){tail}"

    def _type(self, annotation: object) -> str:
        """Return a type with the aliases of the stub said in full."""
        text = "" if annotation is None else str(annotation)
        return re.sub(r"\b_[A-Z]\w*", lambda found: self._aliases.get(found[0], found[0]), text)

    def _text(self, documented: _Named, within: str) -> str:
        return markdown(documented.docstring.value, self._links, within) if documented.docstring else ""

    def _body(self, documented: _Named, within: str) -> Iterator[str]:
        """Yield a docstring, its sections as tables."""
        kinds = griffe.DocstringSectionKind
        for section in _sections(documented):
            match section.kind:
                case kinds.text:
                    yield markdown(section.value, self._links, within) + "\n"
                case kinds.parameters | kinds.attributes | kinds.other_parameters:
                    rows = [
                        (code(item.name), cell(self._item_type(item)), self._described(item, within))
                        for item in section.value
                    ]
                    yield table(
                        ("parameter" if section.kind is kinds.parameters else "attribute", "type", "meaning"), rows
                    )
                case kinds.returns | kinds.yields:
                    word = "Returns" if section.kind is kinds.returns else "Yields"
                    rows = [
                        (
                            cell(
                                " ".join(filter(None, (f"`{item.name}`:" if item.name else "", self._item_type(item))))
                            ),
                            self._described(item, within),
                        )
                        for item in section.value
                    ]
                    yield table((word, ""), rows)
                case kinds.raises | kinds.warns:
                    rows = [
                        (
                            ", ".join(self._linked(name) for name in str(item.annotation).strip("()").split(", ")),
                            self._described(item, within),
                        )
                        for item in section.value
                    ]
                    yield table(("Raises" if section.kind is kinds.raises else "Warns", ""), rows)
                case kinds.examples:
                    for kind, text in section.value:
                        yield (
                            fence(text, "pycon")
                            if kind is kinds.examples
                            else markdown(text, self._links, within) + "\n"
                        )
                case _:
                    yield (
                        markdown(getattr(section.value, "description", str(section.value)), self._links, within) + "\n"
                    )

    def _described(self, item: griffe.DocstringElement, within: str) -> str:
        return cell(markdown(item.description, self._links, within))

    def _item_type(self, item: griffe.DocstringElement) -> str:
        text = self._type(item.annotation)
        if text.startswith("(") and text.endswith(")"):
            text = text[1:-1]
        return f"`{text}`" if text else ""

    def _linked(self, name: str) -> str:
        return f"[{code(name)}]({self._links[name]})" if name in self._links else code(name)


def _items(section: griffe.DocstringSection) -> Iterable[griffe.DocstringElement]:
    kinds = griffe.DocstringSectionKind
    return section.value if section.kind in (kinds.parameters, kinds.attributes) else ()
