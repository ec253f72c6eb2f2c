"""What the gateway knows of a workspace: its routes, its documents and its health."""
