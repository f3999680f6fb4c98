# SPDX-License-Identifier: BSD-3-Clause
"""Drives a daemon through its control socket with the published protos, as a script of an administrator would."""

import json
import sys

import grpc
from google.protobuf import duration_pb2

from udptunnel.v1 import access_pb2, daemon_pb2, daemon_pb2_grpc, error_pb2, event_pb2, event_pb2_grpc, tunnel_pb2, tunnel_pb2_grpc

TIMEOUT = 20


def details(error):
    """Reason and diagnostics of an error, read with no more than the protos: google.rpc.Status is fields 1 to 3."""
    trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
    reason, diagnostics = "", []
    for number, status_field in fields(trailer):
        if number == 3:
            packed = dict(fields(status_field))
            kind = packed[1].decode().rpartition("/")[2]
            if kind == "google.rpc.ErrorInfo":
                reason = dict(fields(packed[2]))[1].decode()
            elif kind == "udptunnel.v1.Diagnostic":
                diagnostics.append(error_pb2.Diagnostic.FromString(packed[2]))
    return reason, diagnostics


def fields(message):
    """The fields of a message of which only length-delimited ones matter."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        value, at = varint(message, at)
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        yield key >> 3, value


def varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def failure(call, request):
    try:
        call(request, timeout=TIMEOUT)
    except grpc.RpcError as error:
        reason, diagnostics = details(error)
        return " ".join([error.code().name, reason] + [d.field for d in diagnostics[:1]])
    return "no failure"


def config(**more):
    return json.dumps({"TunnelAddress": "10.98.0.1", "NetworkAddress": ":19000", "AllowedPorts": [22], **more})


def check(name, condition):
    print(f"{name}: {'ok' if condition else 'WRONG'}")


channel = grpc.insecure_channel(f"unix://{sys.argv[1]}")
daemon = daemon_pb2_grpc.DaemonServiceStub(channel)
tunnels = tunnel_pb2_grpc.TunnelServiceStub(channel)
events = event_pb2_grpc.EventServiceStub(channel)

me = daemon.WhoAmI(daemon_pb2.WhoAmIRequest(), timeout=TIMEOUT)
print("whoami:", access_pb2.Role.Name(me.role))

started = tunnels.StartTunnel(tunnel_pb2.StartTunnelRequest(name="py", configuration=config()), timeout=TIMEOUT)
print("start:", tunnel_pb2.TunnelState.Name(started.tunnel.state))

listed = tunnels.ListTunnels(tunnel_pb2.ListTunnelsRequest(names=["py"]), timeout=TIMEOUT)
check("list", [t.local_port for t in listed.tunnels] == [19000])

watch = tunnels.WatchTunnels(tunnel_pb2.WatchTunnelsRequest(interval=duration_pb2.Duration(nanos=100_000_000)), timeout=TIMEOUT)
check("watch", all("py" in [t.name for t in next(watch).tunnels] for _ in range(3)))
watch.cancel()

snapshot = next(events.WatchEvents(event_pb2.WatchEventsRequest(tunnel="py"), timeout=TIMEOUT))
check("events", event_pb2.EVENT_KIND_TUNNEL_STARTED in [e.kind for e in snapshot.events])

ports = tunnels.UpdatePorts(
    tunnel_pb2.UpdatePortsRequest(name="py", allow=[tunnel_pb2.PortRange(first=80, last=81)]), timeout=TIMEOUT)
check("ports", [(r.first, r.last) for r in ports.allowed_ports] == [(22, 22), (80, 81)])

reloaded = tunnels.ReloadTunnel(
    tunnel_pb2.ReloadTunnelRequest(name="py", configuration=config(HeartbeatInterval=5)), timeout=TIMEOUT)
check("reload", reloaded.applied and sorted(c.field for c in reloaded.changes) == ["AllowedPorts", "HeartbeatInterval"])

nonsense = config(**{f"Nonsense{i:02}": i for i in range(100)})
print("mistakes:", failure(tunnels.StartTunnel, tunnel_pb2.StartTunnelRequest(name="wrong", configuration=nonsense)))
print("unknown:", failure(tunnels.StopTunnel, tunnel_pb2.StopTunnelRequest(name="nobody")))

packed = tunnels.ListTunnels(tunnel_pb2.ListTunnelsRequest(), timeout=TIMEOUT, compression=grpc.Compression.Gzip)
check("compressed", "py" in [t.name for t in packed.tunnels])

stopped = tunnels.StopTunnel(tunnel_pb2.StopTunnelRequest(name="py"), timeout=TIMEOUT)
check("stop", stopped.tunnel.name == "py")
