"""A process of its own in which many tasks want a newer token at the same moment; says how many got which."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from bot.app import utc_now
from bot.transports.zalo_oa_client import ZaloClient
from bot.transports.zalo_oa_tokens import ZaloTokenKeeper
from db.keys import load_key_file
from db.session import Database
from tests.standins.zalo_oa import APP_ID, APP_SECRET, OA_ID


async def main(database_url: str, key_file: str, zalo_url: str, tasks: str) -> None:
    """Refresh version 1 from so many tasks once a line comes in. Half of them share a keeper, as in one process; the
    others have one each, as if each were a process."""
    database = Database(database_url, load_key_file(Path(key_file)))
    client = ZaloClient(APP_ID, APP_SECRET, zalo_url, zalo_url, zalo_url)
    keepers = [
        ZaloTokenKeeper(f"zalo_oa:{OA_ID}", OA_ID, client, database, utc_now) for _ in range(int(tasks) // 2 + 1)
    ]
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    wanting = [keepers[0]] * (int(tasks) - len(keepers)) + keepers
    got = await asyncio.gather(*(keeper.renew(1) for keeper in wanting))
    say(json.dumps(Counter(f"{held.version}:{held.token}" for held in got)))
    await client.close()
    database.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
