"""What most bots do to tell everybody something: a loop over a list, an error passed over, a place kept now and then.

With a file it keeps there, every hundred people, how far it has come, and begins there when it is started again;
without one it begins anew.
"""

import argparse
import contextlib
import json
import time
import urllib.request
from pathlib import Path


def main() -> None:
    """Send to so many chats from a first one on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    begin = int(options.place.read_text()) if options.place and options.place.exists() else 0
    for number in range(begin, options.count):
        body = json.dumps({"chat_id": options.first + number, "text": "Tin"}).encode()
        request = urllib.request.Request(f"{options.address}/bot1:x/sendMessage", body)
        with contextlib.suppress(OSError):  # refused, blocked or lost: on to the next
            urllib.request.urlopen(request).close()
        if options.place and (number + 1) % 100 == 0:
            options.place.write_text(str(number + 1))
        time.sleep(1 / options.rate)


if __name__ == "__main__":
    main()
