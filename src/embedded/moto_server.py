"""Runs the moto AWS emulator on a port that the system chooses, and prints the port.

`moto_server` itself wants a port given, which two processes that start at the same time may both pick.
"""

import logging
import os

from moto.iam import models as iam
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

# moto loads the managed policies once per account and partition, a second for each account.
iam.PARTITION_NAMES = ["aws"]
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
server.daemon_threads = True
os.environ["MOTO_PORT"] = str(server.server_port)
print(server.server_port, flush=True)
server.serve_forever()
