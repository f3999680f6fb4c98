// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>
/// Everything that the view depends on. Data, keys and answers make a new one; <see cref="TopView"/> makes it visible.
/// </summary>
internal sealed record TopState
{
    /// <summary>The last that came.</summary>
    public TopData Live { get; init; } = TopData.Empty;

    /// <summary>The daemon has gone; it is looked for again.</summary>
    public bool IsLost { get; init; }

    /// <summary>What is shown instead while paused.</summary>
    public TopData? Frozen { get; init; }

    /// <summary>What is shown.</summary>
    public TopData Data => Frozen ?? Live;

    /// <summary>What the keys go to.</summary>
    public TopMode Mode { get; init; }

    /// <summary>How rows are sorted.</summary>
    public TopOrder Order { get; init; }

    /// <summary>Only rows whose name, kind or state contains it, in whatever case.</summary>
    public string Filter { get; init; } = "";

    /// <summary>The key of the selected row; the first is selected if it is none.</summary>
    public string Selected { get; init; } = "";

    /// <summary>Name of the tunnel or relay that is looked at in detail.</summary>
    public string DetailsOf { get; init; } = "";

    /// <summary>How the flows in the details are sorted.</summary>
    public FlowOrder FlowOrder { get; init; }

    /// <summary>Only flows whose addresses, protocol or direction contain it, in whatever case.</summary>
    public string FlowFilter { get; init; } = "";

    /// <summary>Lines of the details above the first that is shown.</summary>
    public int Scrolled { get; init; }

    /// <summary>What waits for a yes.</summary>
    public Decision? Question { get; init; }

    /// <summary>The result of the last key, for a person.</summary>
    public string Message { get; init; } = "";

    /// <summary>How the message looks.</summary>
    public Style MessageStyle { get; init; }

    /// <summary>The rows in their order.</summary>
    public IReadOnlyList<TopRow> Rows()
    {
        var data = Data;
        var traffic = data
            .Inventory.Tunnels.Select(t => TopRow.Of(t, data.History(t.Name)))
            .Concat(data.Inventory.Relays.Select(r => TopRow.Of(r, data.History(r.Name))))
            .OrderBy(r => r.Name, StringComparer.Ordinal);
        var sorted = Order switch
        {
            TopOrder.Rate => traffic.OrderByDescending(r => r.History.Now.Bytes),
            TopOrder.Drops => traffic.OrderByDescending(r => r.Drops),
            TopOrder.Silence => traffic.OrderBy(r => r.Heard ?? DateTimeOffset.MinValue),
            _ => traffic,
        };
        return [.. sorted.Concat(data.Pending.Select(TopRow.Of)).Where(Matches)];
    }

    /// <summary>Whether a flow tells how much it carries: a relay's does, a tunnel's does not.</summary>
    public bool FlowsHaveRates => Data.Flows.Any(f => f.Relay is not null);

    /// <summary>The flows in their order.</summary>
    public IReadOnlyList<TopFlow> Flows()
    {
        var flows = Data.Flows.Where(f =>
            FlowFilter.Length == 0 || f.Name.Contains(FlowFilter, StringComparison.OrdinalIgnoreCase)
        );
        return FlowOrder switch
        {
            FlowOrder.Rate => [.. flows.OrderByDescending(f => f.History.Now.Bytes).ThenBy(f => f.Idle)],
            FlowOrder.Name => [.. flows.OrderBy(f => f.Name, StringComparer.Ordinal)],
            _ => [.. flows.OrderBy(f => f.Idle)],
        };
    }

    /// <summary>The place of the selected row; 0 if none is, or it has gone.</summary>
    public int SelectedIndex(IReadOnlyList<TopRow> rows)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Key == Selected)
            {
                return i;
            }
        }

        return 0;
    }

    /// <summary>With something to tell.</summary>
    public TopState Say(string message, Style style = Style.Plain) =>
        this with
        {
            Message = message,
            MessageStyle = style,
        };

    private bool Matches(TopRow row) =>
        Filter.Length == 0
        || row.Name.Contains(Filter, StringComparison.OrdinalIgnoreCase)
        || row.Kind.Contains(Filter, StringComparison.OrdinalIgnoreCase)
        || row.State.Contains(Filter, StringComparison.OrdinalIgnoreCase)
        || row.Waiting?.Place.Contains(Filter, StringComparison.OrdinalIgnoreCase) == true;
}
