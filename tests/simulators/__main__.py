"""Run a simulated CRM alone: `python -m tests.simulators salesforce --port 0`.

It prints its address on one line, then serves until it is interrupted. The default credentials are
client_id "client", client_secret "secret", refresh_token "refresh-0"; for HubSpot also the private
token "pat-na1-private".
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import threading

from tests.simulators import population, server
from tests.simulators.hubspot import application as hubspot
from tests.simulators.hubspot import login as hubspot_login
from tests.simulators.salesforce import application as salesforce
from tests.simulators.salesforce import login as salesforce_login


def main(words: list[str]) -> None:
    """Serve until interrupted."""
    options = _options(words)
    with server.Server(_application(options), port=options.port) as simulator:
        sys.stdout.write(f"{simulator.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("provider", choices=("salesforce", "hubspot"))
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--deals", type=int, default=60, help="how many deals it holds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--as-of",
        type=dt.datetime.fromisoformat,
        default=None,
        help="the day on which its past ends; today unless told",
    )
    parser.add_argument("--rotates", action="store_true", help="refresh tokens work once")
    return parser.parse_args(words)


def _application(options: argparse.Namespace) -> server.Application:
    past = {"deal_count": options.deals, "seed": options.seed}
    until = options.as_of.replace(tzinfo=dt.UTC) if options.as_of else None
    if options.provider == "salesforce":
        org = salesforce.Application(app=salesforce_login.App(rotates=options.rotates))
        population.fill_salesforce(org, **past, until=until)
        return org
    portal = hubspot.Application(app=hubspot_login.App(rotates=options.rotates))
    population.fill_hubspot(portal, **past, until=until)
    return portal


if __name__ == "__main__":
    main(sys.argv[1:])
