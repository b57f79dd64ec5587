"""The routes of the server, by what they are about."""

from tradecore.server.routes import health, market, operate, orders, people

__all__ = ["ROUTERS"]

ROUTERS = (health.router, orders.router, market.router, operate.router, people.router)
