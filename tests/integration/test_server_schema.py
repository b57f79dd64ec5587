"""Whatever is asked of the server, by its own document or beside it, it answers with no error of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served import Served

pytestmark = pytest.mark.release

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

_EXAMPLES = 6
"""Of each operation."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served")) as served:
        yield served


def test_no_request_makes_the_server_fail(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{served.url}/api/v1/openapi.json")
    headers = {"Authorization": f"Bearer {served.tokens['admin']}"}
    asked: set[str] = set()

    for result in schema.get_all_operations():
        operation = result.ok()
        modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

        @given(case=cases)
        @settings(
            max_examples=_EXAMPLES,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case) -> None:
            response = case.call(base_url=served.url, headers=headers)
            asked.add(f"{case.method} {case.path}")
            assert response.status_code < 500 or response.status_code == 503, (case, response.text)
            if "json" in response.headers.get("content-type", ""):
                assert response.json().keys() >= {"success", "data", "error"} or "openapi" in response.json()

        ask()
    assert len(asked) > 40
