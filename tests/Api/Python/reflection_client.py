# SPDX-License-Identifier: BSD-3-Clause
"""A client that knows nothing of the daemon but its socket: it asks for everything else by server reflection."""

import importlib.util
import pathlib
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

# By its path: the package grpc is the library's.
SPEC = importlib.util.spec_from_file_location("reflection_pb2", pathlib.Path(__file__).parent / "grpc/reflection/v1/reflection_pb2.py")
reflection_pb2 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reflection_pb2)

TIMEOUT = 20
PACKAGE = sys.argv[2]


def ask(**question):
    call = channel.stream_stream(
        f"/{PACKAGE}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    return next(call(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=TIMEOUT))


def method(service, name):
    """The method's descriptor, from files that the daemon gave; an imported file may come after the one that needs it."""
    answer = ask(file_containing_symbol=f"{service}.{name}")
    files = [descriptor_pb2.FileDescriptorProto.FromString(f) for f in answer.file_descriptor_response.file_descriptor_proto]
    pool = descriptor_pool.DescriptorPool()
    added = set()
    while len(added) < len(files):
        ready = [f for f in files if f.name not in added and added.issuperset(f.dependency)]
        assert ready, "a file imports one that did not come with it"
        for file in ready:
            pool.Add(file)
            added.add(file.name)
    return pool.FindServiceByName(service).methods_by_name[name]


def call(service, name, request):
    found = method(service, name)
    factory = message_factory.MessageFactory()
    request_type, response_type = factory.GetPrototype(found.input_type), factory.GetPrototype(found.output_type)
    streams = next(m for m in proto_of(found.containing_service).method if m.name == name).server_streaming
    kind = channel.unary_stream if streams else channel.unary_unary
    answer = kind(f"/{service}/{name}", request_type.SerializeToString, response_type.FromString)(
        json_format.ParseDict(request, request_type()), timeout=TIMEOUT)
    return json_format.MessageToDict(next(answer) if streams else answer)


def proto_of(service):
    proto = descriptor_pb2.ServiceDescriptorProto()
    service.CopyToProto(proto)
    return proto


channel = grpc.insecure_channel(f"unix://{sys.argv[1]}")
for name in sorted(s.name for s in ask(list_services="").list_services_response.service):
    print("service:", name)

print("udptunnel.v1.DaemonService.GetDaemon: pid", call("udptunnel.v1.DaemonService", "GetDaemon", {})["pid"])
print("udptunnel.v1.EventService.WatchEvents:", call("udptunnel.v1.EventService", "WatchEvents", {})["events"][0]["kind"])
print("grpc.health.v1.Health.Check:", call("grpc.health.v1.Health", "Check", {})["status"])
