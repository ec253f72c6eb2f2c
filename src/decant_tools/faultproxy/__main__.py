"""``python -m decant_tools.faultproxy --listen 127.0.0.1:0 --to 127.0.0.1:8101 --profile chaos --seed 7``."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime

import click

from decant.errors import SetupError
from decant_tools.faultproxy.control import control
from decant_tools.faultproxy.profiles import PROFILES, Profile, parse_profile
from decant_tools.faultproxy.proxy import FaultProxy
from decant_tools.faultproxy.tally import Tally

LOGGER = "decant.faultproxy"
TELL_EVERY_S = 1.0


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, int] | None:  # noqa: ARG001
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise click.BadParameter(f"{value!r} is no address: write HOST:PORT, for instance 127.0.0.1:0.")
    return host.strip("[]"), int(port)


def _profile(ctx: click.Context, param: click.Parameter, value: str) -> Profile:  # noqa: ARG001
    try:
        return parse_profile(value)
    except SetupError as error:
        raise click.BadParameter(f"{error.detail} {error.hint or ''}".strip()) from error


@click.command()
@click.option("--listen", callback=_address, default="127.0.0.1:0", help="Where to listen; port 0 takes a free one.")
@click.option("--to", callback=_address, required=True, help="The service.")
@click.option("--profile", callback=_profile, default="none", help=f"{', '.join(PROFILES)}, a TOML file, or fields.")
@click.option("--seed", type=int, default=0, help="The same seed does the same to the same request.")
@click.option("--control", "asked", callback=_address, help="Where GET / answers with what was done.")
def main(
    listen: tuple[str, int], to: tuple[str, int], profile: Profile, seed: int, asked: tuple[str, int] | None
) -> None:
    """Pass HTTP/1.1 on to a service, and delay, lose and repeat some of it on purpose.

    One line of JSON says where it listens; others, at most one a second and one at the end, say what it has done.
    """
    try:
        asyncio.run(_serve(FaultProxy(*to, profile, seed), listen, asked))
    except OSError as error:
        raise click.ClickException(f"{listen[0]}:{listen[1]} cannot be listened on: {error}.") from error


async def _serve(proxy: FaultProxy, listen: tuple[str, int], asked: tuple[str, int] | None) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    controlled = await control(proxy.tally, *asked) if asked else None
    where = {"listening": _text(await proxy.listen(*listen))}
    if controlled is not None:
        where["control"] = _text(controlled.sockets[0].getsockname()[:2])
    click.echo(json.dumps({"schema": 1, **where}))
    telling = asyncio.create_task(_tell(proxy.tally))
    await over.wait()
    telling.cancel()
    await proxy.close()
    if controlled is not None:
        controlled.close()
    _say(proxy.tally)


async def _tell(tally: Tally) -> None:
    """Say what was done whenever there is more to say."""
    said = 0
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        if tally.requests != said:
            said = tally.requests
            _say(tally)


def _say(tally: Tally) -> None:
    """Print the tally as a line of a log."""
    done = ", ".join(f"{count} {name}" for name, count in sorted(tally.faults.items())) or "no faults"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": now, "level": "debug", "logger": LOGGER, "message": f"{tally.requests} requests: {done}"}
    click.echo(json.dumps({**line, **tally.document()}))


def _text(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    main(prog_name="decant_tools.faultproxy")
