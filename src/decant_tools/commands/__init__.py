"""The verbs that the workbench adds to ``decant``, found by their entry points; imported when they are called."""

HELP = {
    "up": "Run a whole topology on this machine.",
    "ps": "Show what runs: state, health, address, process, age.",
    "logs": "Show what the services wrote, together.",
    "start": "Start services that were stopped or have failed.",
    "stop": "Stop services; the rest goes on.",
    "restart": "Restart services, without a gap.",
    "wait": "Wait until a service is healthy, up or down.",
    "down": "Stop everything; what a killed supervisor left behind, too.",
    "affected": "List what a change affects, and why.",
    "graph": "Show what depends on what.",
    "task": "Run a task of the projects, in order, or reuse its result.",
    "test": "Test the projects: all, some, or only what is affected.",
    "build": "Build the projects: all, some, or only what is affected.",
    "lint": "Lint the projects: all, some, or only what is affected.",
    "versions": "Show the version of each service and lib.",
    "release": "Give versions, changelogs and tags to what changed.",
    "prune": "Copy one service with just what it needs.",
    "init": "Write a decant.toml for a repository as it is.",
}
"""What each verb is for, as ``decant --help`` shows it without importing any of them."""

__all__ = ["HELP"]
