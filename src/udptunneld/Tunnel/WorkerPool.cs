// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The workers that tunnels share: at most one for each processor, made when there are tunnels for them. A tunnel stays
/// with its worker, so that its packets keep their order and its state has one owner.
/// </summary>
/// <param name="supervised">What stands behind their threads.</param>
internal sealed class WorkerPool(Supervised supervised) : IDisposable
{
    // Protects the list and its numbers.
    private readonly Lock _gate = new();
    private readonly List<(Worker Worker, int Tunnels)> _workers = [];

    /// <summary>Numbers of the devices of the tunnels, and whose they are.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<int, string> Devices { get; } = new();

    /// <summary>UDP ports of the tunnels, and whose they are.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<int, string> Ports { get; } = new();

    /// <summary>The workers that there are.</summary>
    public IReadOnlyList<Worker> Workers
    {
        get
        {
            lock (_gate)
            {
                return [.. _workers.Select(w => w.Worker)];
            }
        }
    }

    /// <summary>A worker for one more tunnel: the one that has the fewest.</summary>
    /// <exception cref="Linux.LinuxException">The system has no descriptors left for another worker.</exception>
    public Worker Take()
    {
        lock (_gate)
        {
            var index = _workers.FindIndex(w => w.Tunnels == 0 && !w.Worker.HasFailed);
            if (index < 0 && _workers.Count(w => !w.Worker.HasFailed) < Environment.ProcessorCount)
            {
                index = _workers.Count;
                _workers.Add((new Worker($"worker {index}", supervised), 0));
            }
            else if (index < 0)
            {
                index = _workers.IndexOf(_workers.Where(w => !w.Worker.HasFailed).MinBy(w => w.Tunnels));
            }

            _workers[index] = _workers[index] with { Tunnels = _workers[index].Tunnels + 1 };
            return _workers[index].Worker;
        }
    }

    /// <summary>A tunnel no longer needs its worker.</summary>
    public void Return(Worker worker)
    {
        lock (_gate)
        {
            var index = _workers.FindIndex(w => w.Worker == worker);
            _workers[index] = _workers[index] with { Tunnels = _workers[index].Tunnels - 1 };
            if (worker.HasFailed && _workers[index].Tunnels == 0)
            {
                _workers.RemoveAt(index);
                worker.Dispose();
            }
        }
    }

    /// <summary>Ends the workers. No tunnel may use one any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _workers.ForEach(w => w.Worker.Dispose());
            _workers.Clear();
        }
    }
}
