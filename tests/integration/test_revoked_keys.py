"""Keys that are taken away while a session runs, at venues that end private streams with that."""

from __future__ import annotations

import pytest

from tradecore.errors import CredentialsError
from venue_live import run, until
from venue_sandbox import keys_of, serving, trading
from venue_servers import FastClock

pytestmark = pytest.mark.release


@pytest.mark.parametrize("venue", ["BINANCE", "BINANCE_USDM", "COINBASE"])
def test_a_private_stream_ends_with_its_key_and_that_of_another_goes_on(venue: str) -> None:
    async def work() -> None:
        clock = FastClock(1.0)
        async with serving(venue, clock) as server, trading(server, venue, clock) as made:
            async with trading(server, venue, clock, client=1, session="T2") as other:
                server.revoke(server.clients[0])
                # Nothing was asked: the stream ends, and its connection is not let in again.
                await until(lambda: made.refusals)
                assert isinstance(made.refusals[0].error, CredentialsError)
                assert keys_of(server.clients[0]).secret.reveal() not in str(made.events)
                with pytest.raises(CredentialsError):
                    await made.connector.open_orders()
                await other.bid()
                await until(lambda: other.reports("accepted"))
                assert other.refusals == []
            server.revoke(server.clients[0])  # nothing happens the second time

    run(work)
