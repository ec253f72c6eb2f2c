"""The monorepo: what there is, what depends on what, what a change affects, and doing only that.

Works on plain Flask services that never heard of Decant as on a workspace of modules.
"""
