#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Starts a tunnel, then approves pending senders whose fingerprint stands in a list.

    protos=/usr/share/udptunnel/protos    # the package's; in a clone: protos
    mkdir -p stubs
    protoc -I $protos --python_out=stubs --grpc_out=stubs --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin $protos/udptunnel/v1/*.proto
    PYTHONPATH=stubs python3 approve.py TUNNEL.json ALLOWED
"""

import os
import pathlib
import sys

import grpc

from udptunnel.v1 import relay_pb2, relay_pb2_grpc, tunnel_pb2, tunnel_pb2_grpc

TIMEOUT = 20


def start(tunnels, path):
    """Starts what a file describes; a tunnel of that name that is there already is as good."""
    request = tunnel_pb2.StartTunnelRequest(name=path.stem, configuration=path.read_text())
    try:
        tunnels.StartTunnel(request, timeout=TIMEOUT)
    except grpc.RpcError as error:
        # Not the code: ALREADY_EXISTS is also a UDP port that another program has.
        if reason(error) != "NAME_TAKEN":
            raise


def reason(error):
    """The stable reason of a failed call: a name of ErrorReason (error.proto) without its prefix."""
    return dict(error.trailing_metadata() or ()).get("udptunnel-reason")


def follow(relays, allowed):
    """Approves who may come in. The first message has all senders, and so has each further one, whenever something has changed."""
    for seen in relays.WatchSenders(relay_pb2.WatchSendersRequest()):
        for sender in seen.senders:
            if sender.state != relay_pb2.SENDER_STATE_PENDING:
                continue
            # Read again each time, so that the list can grow. A sender of the classic protocol has no fingerprint.
            if sender.fingerprint in allowed.read_text().split():
                relays.ApproveSender(relay_pb2.ApproveSenderRequest(sender=sender.fingerprint), timeout=TIMEOUT)
                print("approved", sender.fingerprint, flush=True)
            else:
                print("waits for a person:", sender.fingerprint or sender.address, flush=True)


def main():
    config, allowed = map(pathlib.Path, sys.argv[1:])
    socket = os.environ.get("UDPTUNNEL_SOCKET", "/run/udptunnel/udptunneld.sock")
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        start(tunnel_pb2_grpc.TunnelServiceStub(channel), config)
        follow(relay_pb2_grpc.RelayServiceStub(channel), allowed)


main()
