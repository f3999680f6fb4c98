// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Harness;

/// <summary>One end: a namespace, its address on the network, and a daemon.</summary>
internal sealed class Host(NetworkNamespace home, string address) : IAsyncDisposable
{
    // The first is for a busy machine; the second is what a test loses where silence is right.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SilencePatience = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan RepeatPatience = TimeSpan.FromMilliseconds(200);

    private readonly List<Daemon> _daemons = [];

    /// <summary>Where it is.</summary>
    public NetworkNamespace Namespace { get; } = home;

    /// <summary>Its address on the network below the tunnel.</summary>
    public string Address { get; } = address;

    /// <summary>Its daemon; the first one if there are more.</summary>
    public Daemon Daemon => _daemons.Count > 0 ? _daemons[0] : AddDaemon();

    /// <summary>Asks its daemon things.</summary>
    public Control Control => Daemon.Control;

    /// <summary>One more daemon, not yet started.</summary>
    /// <param name="launcher">As for <see cref="Harness.Daemon"/>.</param>
    public Daemon AddDaemon(params string[] launcher)
    {
        var daemon = new Daemon(Namespace, launcher);
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>Pings, and waits for each answer before the next.</summary>
    /// <param name="target">An address.</param>
    /// <param name="count">How many times.</param>
    /// <param name="size">Bytes behind the ICMP header.</param>
    /// <param name="mayFragment">Whether packets may be fragmented.</param>
    /// <returns>How many were answered.</returns>
    public async Task<int> PingAsync(string target, int count = 1, int size = 56, bool mayFragment = false)
    {
        using var pinger = new Pinger(Namespace, target, mayFragment);
        var answered = 0;
        for (var i = 0; i < count; i++)
        {
            answered += await pinger.PingAsync(size, AnswerPatience) ? 1 : 0;
        }

        return answered;
    }

    /// <summary>
    /// Has the tunnel t and this host find out what the path carries: until then a long packet may be refused.
    /// </summary>
    public async Task LearnPathAsync(string target, int size)
    {
        _ = await PingAsync(target, size: size, mayFragment: true);
        await Control.WaitForAsync("t", s => s.PathMtu.Path > 0, "the path's MTU");
        _ = await PingAsync(target, size: size, mayFragment: true);
    }

    /// <summary>Pings that nobody should answer.</summary>
    /// <returns>Whether nobody did.</returns>
    public async Task<bool> IsSilentAsync(string target, int count = 1, int size = 56)
    {
        using var pinger = new Pinger(Namespace, target);
        for (var i = 0; i < count; i++)
        {
            if (await pinger.PingAsync(size, SilencePatience))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits until a ping is answered.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> WaitForPingAsync(string target, TimeSpan? deadline = null)
    {
        using var pinger = new Pinger(Namespace, target);
        return await WaitFor.TrueAsync(
            () => pinger.PingAsync(56, RepeatPatience),
            $"a ping from {Namespace.Name} to {target}",
            deadline
        );
    }

    /// <summary>A socket in its namespace.</summary>
    public Socket Open(SocketType type, AddressFamily family = AddressFamily.InterNetwork) =>
        Namespace.Open(family, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var daemon in _daemons)
        {
            daemon.Dispose();
        }

        await Namespace.DisposeAsync();
    }
}
