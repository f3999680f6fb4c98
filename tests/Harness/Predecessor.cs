// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>The original Go program, as one end of a tunnel.</summary>
internal sealed class Predecessor : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ChildProcess _process;

    private Predecessor(Host home, TunnelFile file)
    {
        // It needs no name and knows none; else its file is ours.
        var path = _directory["config.json"];
        File.WriteAllText(path, file.ToJson());
        _process = home.Namespace.Start("predecessor", Programs.Predecessor!, path);
    }

    /// <summary>What it wrote.</summary>
    public string Log => _process.Text;

    /// <summary>Skips the test where the program is not there.</summary>
    public static void Require()
    {
        if (Programs.Predecessor is null)
        {
            Assert.Skip("needs the original program: UDPTUNNEL_DSNET=/path/of/udptunnel");
        }
    }

    /// <summary>Starts it and waits until its device is there.</summary>
    public static async Task<Predecessor> StartAsync(Host home, TunnelFile file)
    {
        var result = new Predecessor(home, file);
        try
        {
            await WaitFor.TrueAsync(
                () => result.Log.Contains("created tun device", StringComparison.Ordinal),
                "the predecessor's device"
            );
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>Ends it by SIGKILL: asked politely, it first pings its whole network.</summary>
    public void Dispose()
    {
        _process.Dispose();
        _directory.Dispose();
    }
}
