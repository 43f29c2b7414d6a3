#!/usr/bin/python3
"""login_asyncssh.py HOST USER KNOWN_HOSTS COMMAND - run it there, with the
agent's keys and no others, and print what it prints."""
import asyncio
import sys

import asyncssh


async def main(host, user, known_hosts, command):
    # The user's home has no key, so what is left is the agent.
    async with asyncssh.connect(
        host, username=user, known_hosts=known_hosts, config=None
    ) as client:
        result = await client.run(command)
    sys.stdout.write(result.stdout)
    return result.exit_status


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
