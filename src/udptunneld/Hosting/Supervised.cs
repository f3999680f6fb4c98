// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Hosting;

/// <summary>
/// Stands behind every tick and every thread of tunnels and relays: an exception that nobody expected is logged with
/// its stack and ends the one tunnel or relay that it belongs to, which is tried again, and not the daemon with all the
/// others.
/// </summary>
internal sealed partial class Supervised(ILogger<Supervised> logger)
{
    /// <summary>Does something for one tunnel or relay.</summary>
    /// <param name="name">Whose it is, for the log.</param>
    /// <param name="work">What is done.</param>
    /// <param name="failed">
    /// What becomes of the tunnel or relay if that fails; an exception of its own is logged as well.
    /// </param>
    public void Run(string name, Action work, Action<Exception> failed)
    {
        try
        {
            work();
        }
        catch (Exception e)
        {
            OnUnexpected(name, e, failed);
        }
    }

    /// <summary>
    /// What <see cref="Run"/> does about an exception, for a path of packets, which catches by itself because a closure
    /// for each call would be garbage.
    /// </summary>
    /// <param name="name">Whose it is, for the log.</param>
    /// <param name="e">What nobody expected.</param>
    /// <param name="failed">
    /// What becomes of the tunnel or relay; an exception of its own is logged as well.
    /// </param>
    public void OnUnexpected(string name, Exception e, Action<Exception> failed)
    {
        LogUnexpected(e, name);
        try
        {
            failed(e);
        }
        catch (Exception second)
        {
            LogUnexpected(second, name);
        }
    }

    /// <summary>Starts a thread that ends the same way.</summary>
    /// <param name="name">Its name, for the log and for debuggers.</param>
    /// <param name="work">All that it does.</param>
    /// <param name="failed">What becomes of its tunnel or relay if that fails.</param>
    /// <exception cref="OutOfMemoryException">The system has no thread to give; nothing has started.</exception>
    public Thread Start(string name, Action work, Action<Exception> failed)
    {
        var thread = new Thread(() => Run(name, work, failed)) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>Does something again and again until it is cancelled, also after it has failed.</summary>
    /// <param name="name">What it is, for the log.</param>
    /// <param name="interval">From one time to the next.</param>
    /// <param name="time">The clock.</param>
    /// <param name="work">What is done.</param>
    /// <param name="stop">Ends it, behind the time that it is at.</param>
    public async Task TickAsync(
        string name,
        TimeSpan interval,
        TimeProvider time,
        Func<Task> work,
        CancellationToken stop
    )
    {
        using var timer = new PeriodicTimer(interval, time);
        while (true)
        {
            try
            {
                await timer.WaitForNextTickAsync(stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                await work();
            }
            catch (Exception e)
            {
                LogUnexpected(e, name);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "{Name}: an unexpected error, please report it")]
    private partial void LogUnexpected(Exception e, string name);
}
