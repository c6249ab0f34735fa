"""``mnistry serve``: HTTP for programs, and a page to draw on."""

from __future__ import annotations

import argparse
import logging
import os
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from mnistry.cli.parser import whole

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "serve",
        help="serve a page to draw on, and HTTP for programs",
        description="Serve a page to draw digits on, and HTTP for programs: the Open Inference "
        "Protocol\nunder /v2, pictures to /read, evidence from /explain; /docs tells the rest. "
        "Only this\nmachine can call it, unless --host says otherwise; a key is needed then.",
        epilog="Examples:\n"
        "  mnistry serve --open\n"
        "  mnistry serve --models my-models/ --port 9000\n"
        "  export MNISTRY_KEY=$(openssl rand -hex 20); echo $MNISTRY_KEY\n"
        "  mnistry serve --host 0.0.0.0\n",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default %(default)s")
    parser.add_argument(
        "--port",
        type=whole(0, 65_535),
        default=8000,
        help="default %(default)s; 0 for any that is free",
    )
    parser.add_argument(
        "--models",
        metavar="DIR",
        help="a folder of model files, served beside those in the package: NAME.onnx or "
        "NAME/VERSION.onnx, as they come and go",
    )
    parser.add_argument(
        "--key",
        help="what callers must send as `Authorization: Bearer KEY`; better kept in the "
        "environment variable MNISTRY_KEY, which others can't see",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="allow the pages of another site to send requests (CORS), such as "
        "https://example.org; may be given several times; '*' for all sites, which needs a key",
    )
    parser.add_argument(
        "--grace",
        type=int,
        default=20,
        metavar="SECONDS",
        help="time for running requests to finish after SIGTERM or Ctrl-C; the process ends at "
        "most 5 seconds later; default %(default)s",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from mnistry.serving.server import serve

    logging.basicConfig(format="mnistry: %(message)s")  # to standard error

    def tell(url: str) -> None:
        print(f"mnistry serves {url} (Ctrl-C stops it)", flush=True)
        if args.open:
            # It may wait for a browser, which waits for the page that only this thread serves.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    serve(
        args.host,
        args.port,
        models=None if args.models is None else Path(args.models),
        key=args.key or os.environ.get("MNISTRY_KEY") or None,
        grace=args.grace,
        origins=args.allow_origin,
        on_start=tell,
    )
    return 0
