using System.ComponentModel;
using System.Diagnostics;

namespace Grpc.Tests;

/// <summary>
/// A client in another language. It needs Debian's packages python3-grpcio, protobuf-compiler and
/// protobuf-compiler-grpc, and is skipped, with the reason, where they are missing.
/// </summary>
public sealed class PythonClientTests
{
    private const string Python = "/usr/bin/python3";
    private const string Protoc = "/usr/bin/protoc";
    private const string Plugin = "/usr/bin/grpc_python_plugin";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task A_Python_client_gets_the_same_answers()
    {
        await SkipWhereSomethingIsMissing();
        await using var server = await EchoServer.StartAsync();
        var directory = Directory.CreateTempSubdirectory("grpc-tests-python-");
        try
        {
            var protos = Path.Combine(AppContext.BaseDirectory, "Protos");
            var (compiled, complaint) = await RunAsync(
                Protoc,
                [
                    $"--proto_path={protos}",
                    $"--python_out={directory.FullName}",
                    $"--plugin=protoc-gen-grpc={Plugin}",
                    $"--grpc_out={directory.FullName}",
                    "echo.proto",
                ]);
            Assert.True(compiled, complaint);
            var script = Path.Combine(directory.FullName, "echo_client.py");
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Python", "echo_client.py"), script);

            var (ended, output) = await RunAsync(Python, [script, server.SocketPath]);

            Assert.True(ended, output);
            TestContext.Current.TestOutputHelper?.WriteLine(output);
            Assert.Equal(
                [
                    "unary: ok",
                    "client_streaming: ok",
                    "server_streaming: ok",
                    "duplex: ok",
                    "headers_and_trailers: ok",
                    "status_and_trailers: ok",
                    "unhandled_exception: ok",
                    "gzip_request: ok",
                    "deflate_request: ok",
                    "request_of_5_megabytes: ok",
                    "deadline: ok",
                ],
                output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            await server.Service.Cancelled.WaitAsync(Token);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task SkipWhereSomethingIsMissing()
    {
        if (!File.Exists(Protoc))
        {
            Assert.Skip($"{Protoc} is missing: install Debian's package protobuf-compiler.");
        }

        if (!File.Exists(Plugin))
        {
            Assert.Skip($"{Plugin} is missing: install Debian's package protobuf-compiler-grpc.");
        }

        var (works, complaint) = await RunAsync(Python, ["-c", "import grpc"]);
        if (!works)
        {
            Assert.Skip($"{Python} has no module grpc: install Debian's package python3-grpcio. {complaint}");
        }
    }

    private static async Task<(bool Succeeded, string Output)> RunAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PYTHONIOENCODING"] = "utf-8";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                var output = process.StandardOutput.ReadToEndAsync(Token);
                var errors = process.StandardError.ReadToEndAsync(Token);
                await process.WaitForExitAsync(Token);
                return (process.ExitCode == 0, await output + await errors);
            }
            finally
            {
                process.Kill(entireProcessTree: true);
            }
        }
        catch (Win32Exception error)
        {
            return (false, $"{program}: {error.Message}");
        }
    }
}
