#!/usr/bin/python3
"""login_paramiko.py HOST USER KNOWN_HOSTS COMMAND - run it there, with the
agent's keys and no others, and print what it prints."""
import sys

import paramiko


def main(host, user, known_hosts, command):
    client = paramiko.SSHClient()
    client.load_host_keys(known_hosts)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(host, username=user, look_for_keys=False, timeout=20)
    _, out, _ = client.exec_command(command)
    sys.stdout.write(out.read().decode())
    status = out.channel.recv_exit_status()
    client.close()
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
