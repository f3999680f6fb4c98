// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Doctor;

/// <summary>
/// The rules of nftables, as far as they can be judged from outside: which chain drops what comes in for a port. Sets,
/// maps and other conditions than the port are taken for a yes, so that nothing is blamed that may be right. Format:
/// libnftables-json(5).
/// </summary>
internal sealed class NftRuleset
{
    private readonly List<(string Family, string Table, string Name)> _chains = [];
    private readonly List<(string Family, string Table, string Name, bool Drops)> _inputs = [];
    private readonly List<(string Family, string Table, string Chain, JsonElement[] Statements)> _rules = [];

    private NftRuleset() { }

    /// <summary>Reads all chains, and the rules of each.</summary>
    /// <param name="list">Answers nft's questions.</param>
    /// <exception cref="IOException">An answer is not understood.</exception>
    public static NftRuleset Read(Func<string, string> list)
    {
        var rules = Parse(list("list chains"));
        foreach (var (family, table, name) in rules._chains.Where(c => IsPlain(c.Table) && IsPlain(c.Name)).ToList())
        {
            rules.Add(list($"list chain {family} {table} {name}"), onlyRules: true);
        }

        return rules;
    }

    /// <summary>Reads one answer.</summary>
    /// <exception cref="IOException">It is not understood.</exception>
    public static NftRuleset Parse(string json)
    {
        var rules = new NftRuleset();
        rules.Add(json, onlyRules: false);
        return rules;
    }

    /// <summary>
    /// Whoever made it may have named it anything, such as a command; what nft takes without quotes is a name for sure.
    /// </summary>
    private static bool IsPlain(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    private void Add(string json, bool onlyRules)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var item in document.RootElement.GetProperty("nftables").EnumerateArray())
            {
                if (!onlyRules || item.TryGetProperty("rule", out _))
                {
                    Add(item);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new IOException($"nftables answers what is not understood: {e.Message}");
        }
    }

    /// <summary>
    /// The chain that drops what comes for a port, as "FAMILY TABLE CHAIN"; null if none does for sure.
    /// </summary>
    /// <param name="isTcp">Of TCP, else of UDP.</param>
    /// <param name="port">The port.</param>
    /// <param name="device">The device by which it comes; null if that may be any.</param>
    /// <exception cref="IOException">A rule is not as libnftables-json(5) says.</exception>
    public string? BlockerOf(bool isTcp, int port, string? device = null)
    {
        try
        {
            return FindBlocker(isTcp, port, device);
        }
        catch (InvalidOperationException e)
        {
            throw new IOException($"nftables has a rule that is not understood: {e.Message}");
        }
    }

    private string? FindBlocker(bool isTcp, int port, string? device)
    {
        foreach (var (family, table, name, drops) in _inputs)
        {
            var own = _rules.Where(r => (r.Family, r.Table) == (family, table)).ToList();
            var verdicts = own.Where(r => r.Chain == name)
                .Select(r => VerdictFor(r.Statements, isTcp, port, device))
                .OfType<bool>();
            bool? first = verdicts.Select(v => (bool?)v).FirstOrDefault();
            var isBlocked = first is { } accepted
                ? !accepted
                // Chains that the input jumps to may let it in as well.
                : drops && !own.Any(r => VerdictFor(r.Statements, isTcp, port, device) == true);
            if (isBlocked)
            {
                return $"{family} {table} {name}";
            }
        }

        return null;
    }

    /// <summary>What a rule says about a port for sure: true accept, false drop, null nothing.</summary>
    private static bool? VerdictFor(JsonElement[] statements, bool isTcp, int port, string? device)
    {
        bool? verdict = null;
        var isSure = true;
        foreach (var statement in statements)
        {
            if (statement.TryGetProperty("match", out var match))
            {
                switch (Matches(match, isTcp, port, device))
                {
                    case false:
                        return null;
                    case null:
                        isSure = false;
                        break;
                }
            }
            else if (statement.TryGetProperty("accept", out _))
            {
                verdict = true;
            }
            else if (statement.TryGetProperty("drop", out _) || statement.TryGetProperty("reject", out _))
            {
                verdict = false;
            }
        }

        return isSure ? verdict : null;
    }

    /// <summary>Whether a condition holds for datagrams to a port; null if it depends on more.</summary>
    private static bool? Matches(JsonElement match, bool isTcp, int port, string? device)
    {
        if (!match.TryGetProperty("left", out var left))
        {
            return null;
        }

        if (device is not null && left.TryGetProperty("meta", out var meta))
        {
            return
                meta.TryGetProperty("key", out var key)
                && key.GetString() is "iif" or "iifname"
                && match.TryGetProperty("right", out var name)
                && IsOf(name, device) is { } isOf
                ? isOf != IsNegated(match)
                : null;
        }

        if (
            !left.TryGetProperty("payload", out var payload)
            || !payload.TryGetProperty("protocol", out var protocol)
            || !payload.TryGetProperty("field", out var field)
        )
        {
            return null;
        }

        var other = isTcp ? "udp" : "tcp";
        if (protocol.GetString() == other)
        {
            return false;
        }

        if (field.GetString() != "dport" || !match.TryGetProperty("right", out var right))
        {
            return null;
        }

        var isIn = Contains(right, port);
        return IsNegated(match) ? !isIn : isIn;
    }

    private static bool IsNegated(JsonElement match) =>
        match.TryGetProperty("op", out var operation) && operation.GetString() == "!=";

    /// <summary>Whether a device is among those that a value names; null if that is not known.</summary>
    private static bool? IsOf(JsonElement value, string device)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String when value.GetString() is { Length: > 0 } name && name[0] != '@':
                return name[^1] == '*' ? device.StartsWith(name[..^1], StringComparison.Ordinal) : name == device;
            case JsonValueKind.Object
                when value.TryGetProperty("set", out var set) && set.ValueKind == JsonValueKind.Array:
                var members = set.EnumerateArray().Select(m => IsOf(m, device)).ToList();
                return members.Contains(true) ? true
                    : members.Contains(null) ? null
                    : false;
            default:
                return null;
        }
    }

    private static bool? Contains(JsonElement value, int port)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                return value.TryGetInt32(out var number) && number == port;
            case JsonValueKind.Object
                when value.TryGetProperty("range", out var range)
                    && range.GetArrayLength() == 2
                    && range[0].ValueKind == JsonValueKind.Number
                    && range[1].ValueKind == JsonValueKind.Number:
                return port >= range[0].GetInt64() && port <= range[1].GetInt64();
            case JsonValueKind.Object
                when value.TryGetProperty("set", out var set) && set.ValueKind == JsonValueKind.Array:
                var members = set.EnumerateArray().Select(m => Contains(m, port)).ToList();
                return members.Contains(true) ? true
                    : members.Contains(null) ? null
                    : false;
            default:
                // A named set, whose elements may change at any time, or the name of a service.
                return null;
        }
    }

    private void Add(JsonElement item)
    {
        if (item.TryGetProperty("chain", out var chain))
        {
            _chains.Add((Text(chain, "family"), Text(chain, "table"), Text(chain, "name")));
            if (chain.TryGetProperty("hook", out var hook) && hook.GetString() == "input")
            {
                var drops = chain.TryGetProperty("policy", out var policy) && policy.GetString() == "drop";
                var (family, table, name) = _chains[^1];
                _inputs.Add((family, table, name, drops));
            }
        }
        else if (item.TryGetProperty("rule", out var rule))
        {
            _rules.Add(
                (
                    Text(rule, "family"),
                    Text(rule, "table"),
                    Text(rule, "chain"),
                    [.. rule.GetProperty("expr").EnumerateArray().Select(e => e.Clone())]
                )
            );
        }

        static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";
    }
}
