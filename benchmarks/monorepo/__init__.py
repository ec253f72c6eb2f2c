"""``make bench ARGS=monorepo``: what a change affects in a large repository, beside git, Turborepo and Nx."""
