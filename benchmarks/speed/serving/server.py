"""The service under load: a bundle, and an endpoint beside it that answers a constant of the same size.

python server.py BUNDLE PORT STORE
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastapi import Response

from palate.bundle import Bundle
from palate.data.store import Store
from palate.serving import ServingSettings
from palate.serving.app import create_app
from palate.serving.server import listen, server_of, settle


def main() -> None:
    bundle, port, store = sys.argv[1:]
    with listen("127.0.0.1", int(port)) as listener:
        app = create_app(Bundle.open(Path(bundle)), ServingSettings(cache_mb=0), Store(store))
        engine = app.state.deck.engine
        answer = engine.recommend(engine.users.ids[0], 20, reasons=False).model_dump_json().encode()

        async def constant() -> Response:
            return Response(answer, media_type="application/json")

        app.add_api_route("/constant", constant)
        settle()
        server_of(app).run(sockets=[listener])


if __name__ == "__main__":
    main()
