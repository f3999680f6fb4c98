#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Approves pending peers of secure tunnels whose key stands in a list, under the name that stands behind it.

    PYTHONPATH=stubs python3 approve_peers.py ALLOWED    ALLOWED: on each line a key, a space and a name

The head of approve.py says how the stubs are made.
"""

import os
import pathlib
import sys

import grpc

from udptunnel.v1 import tunnel_pb2, tunnel_pb2_grpc

TIMEOUT = 20


def names(allowed):
    """The name behind each key. Read again each time, so that the list can grow."""
    return dict(line.split(maxsplit=1) for line in allowed.read_text().splitlines() if " " in line.strip())


def follow(tunnels, allowed):
    """Approves who may come in. Each message has all tunnels, and those who wait at them then."""
    told = set()
    for seen in tunnels.WatchTunnels(tunnel_pb2.WatchTunnelsRequest()):
        known = names(allowed)
        for tunnel in seen.tunnels:
            for peer in tunnel.pending_peers:
                key = peer.public_key
                if key in known:
                    approve(tunnels, tunnel.name, key, known[key].strip())
                elif (tunnel.name, key) not in told:
                    told.add((tunnel.name, key))
                    print("waits for a person:", key, flush=True)


def approve(tunnels, tunnel, key, name):
    """Lets a peer in, unless somebody else has decided meanwhile."""
    try:
        tunnels.ApprovePeer(tunnel_pb2.ApprovePeerRequest(peer=key, tunnel=tunnel, name=name), timeout=TIMEOUT)
        print("approved", key, "as", name, flush=True)
    except grpc.RpcError as error:
        print(error.details(), file=sys.stderr, flush=True)


def main():
    socket = os.environ.get("UDPTUNNEL_SOCKET", "/run/udptunnel/udptunneld.sock")
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        follow(tunnel_pb2_grpc.TunnelServiceStub(channel), pathlib.Path(sys.argv[1]))


main()
