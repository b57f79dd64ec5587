"""A session as a service: REST, WebSocket, users and the dashboard, in the session's process but not in its way.

The session has its event loop, the server a thread with another one. Commands are handed over and done between two
inputs of the session; what is shown are snapshots that the session gives away ten times a second, and its events.
"""

__all__: list[str] = []
