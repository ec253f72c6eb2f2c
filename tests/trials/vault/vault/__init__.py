"""Notes that each belong to one user: the smallest thing that is worth breaking into."""

import os

if "VAULT_WATCH" in os.environ:
    from vault.watch import watch

    watch(os.environ["VAULT_WATCH"])
