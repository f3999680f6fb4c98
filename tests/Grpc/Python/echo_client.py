"""Calls the Echo service with grpcio: a client that shares no code with ours.

Usage: echo_client.py SOCKET. Prints one line "NAME: ok" or "NAME: what went wrong" for each scenario.
"""

import sys
import threading

import grpc

import echo_pb2
import echo_pb2_grpc

SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def expect(expected, actual):
    if expected != actual:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def error_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def request(text="x", **fields):
    return echo_pb2.EchoRequest(text=text, **fields)


@scenario
def unary(echo):
    expect("hello", echo.Say(request("hello")).text)


@scenario
def client_streaming(echo):
    expect("a,b,ü", echo.Collect(iter([request(text) for text in "abü"])).text)


@scenario
def server_streaming(echo):
    expect(["x0", "x1", "x2"], [reply.text for reply in echo.Repeat(request(times=3))])


@scenario
def duplex(echo):
    answered = threading.Semaphore(1)

    def requests():
        for text in "abc":
            answered.acquire()
            yield request(text)

    got = []
    for reply in echo.Chat(requests()):
        got.append(reply.text)
        answered.release()
    expect(["re: a", "re: b", "re: c"], got)


@scenario
def headers_and_trailers(echo):
    reply, call = echo.Say.with_call(request("hello"), metadata=(("own", "1"), ("own-bin", b"\x00\xff")))
    headers, trailers = dict(call.initial_metadata()), dict(call.trailing_metadata())
    expect("hello", headers["said"])
    expect(bytes([0, 255, 10, 13]), headers["said-bin"])
    expect("/grpctests.v1.Echo/Say", trailers["method"])
    expect(bytes([1, 2, 3, 254]), trailers["trail-bin"])


@scenario
def status_and_trailers(echo):
    error = error_of(lambda: echo.Fail(echo_pb2.FailRequest(status_code=5, detail="no tunnel 'ä' 100%")))
    expect(grpc.StatusCode.NOT_FOUND, error.code())
    expect("no tunnel 'ä' 100%", error.details())
    trailers = dict(error.trailing_metadata())
    expect("asked for", trailers["reason"])
    expect(bytes([9, 8, 7]), trailers["reason-bin"])


@scenario
def unhandled_exception(echo):
    error = error_of(lambda: echo.Crash(request()))
    expect(grpc.StatusCode.UNKNOWN, error.code())
    expect(False, "secret" in error.details())


@scenario
def gzip_request(echo):
    expect("z" * 1000, echo.Say(request("z" * 1000), compression=grpc.Compression.Gzip).text)


@scenario
def deflate_request(echo):
    expect("z" * 1000, echo.Say(request("z" * 1000), compression=grpc.Compression.Deflate).text)


@scenario
def request_of_5_megabytes(echo):
    error = error_of(lambda: echo.Say(request(payload=bytes(5 * 1024 * 1024))))
    expect(grpc.StatusCode.RESOURCE_EXHAUSTED, error.code())


@scenario
def deadline(echo):
    error = error_of(lambda: echo.Wait(request(), timeout=1))
    expect(grpc.StatusCode.DEADLINE_EXCEEDED, error.code())


def main():
    with grpc.insecure_channel(f"unix://{sys.argv[1]}") as channel:
        echo = echo_pb2_grpc.EchoStub(channel)
        for function in SCENARIOS:
            try:
                function(echo)
                print(f"{function.__name__}: ok")
            except grpc.RpcError as error:
                print(f"{function.__name__}: {error.code()}: {error.details()}")
            except Exception as error:
                print(f"{function.__name__}: {error!r}")


main()
