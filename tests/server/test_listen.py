"""The application on its port."""

import subprocess
import sys

LISTENS = """
import gc, threading, time, uvicorn
from server.listen import Server

async def app(scope, receive, send): pass

server = Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
threading.Thread(target=server.run, daemon=True).start()
while not gc.get_freeze_count():
    time.sleep(0.01)
print(gc.get_freeze_count())
"""


def test_a_full_collection_does_not_go_through_what_was_loaded_before_the_port_opened() -> None:
    done = subprocess.run([sys.executable, "-c", LISTENS], capture_output=True, text=True, timeout=120)
    assert int(done.stdout) > 10_000, done.stderr
