"""Runs pip where Python came without it, as on Debian without python3-pip: fetches pip's own wheel, checks it, runs it.

Usage: bootstrap_pip.py FOLDER PIP-ARGUMENT…; the wheel is put into FOLDER.
"""

import hashlib
import os
import re
import runpy
import sys
import urllib.parse
import urllib.request

WHEEL = "pip-25.3-py3-none-any.whl"
SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"


def fetch() -> bytes:
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    with urllib.request.urlopen(index, timeout=60) as answer:
        page, base = answer.read().decode(), answer.geturl()
    link = re.search(r'href="([^"#]*' + re.escape(WHEEL) + r')[#"]', page)
    if link is None:
        sys.exit(f"{index} does not offer {WHEEL}")
    with urllib.request.urlopen(urllib.parse.urljoin(base, link.group(1)), timeout=120) as answer:
        return answer.read()


folder, arguments = sys.argv[1], sys.argv[2:]
content = fetch()
if hashlib.sha256(content).hexdigest() != SHA256:
    sys.exit(f"{WHEEL} is not the one expected: its SHA-256 differs")
wheel = os.path.join(folder, WHEEL)
with open(wheel, "wb") as file:
    file.write(content)
# pip calls itself anew for packages that it must build, so the wheel has to be found there too.
os.environ["PYTHONPATH"] = wheel
sys.path.insert(0, wheel)
sys.argv = ["pip", *arguments]
runpy.run_module("pip", run_name="__main__")
