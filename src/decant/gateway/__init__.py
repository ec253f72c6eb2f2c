"""The edge of a workspace: one asynchronous process that checks, routes and forwards HTTP."""
