// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.V1;

namespace UdpTunnel.Access;

/// <summary>Which role a caller has. Pure: the ids are looked up before.</summary>
/// <param name="daemonUser">The user that the daemon runs as; may operate it.</param>
/// <param name="operateGroup">Members may operate; null if the group does not exist.</param>
/// <param name="lookGroup">Members may look; null if there is none.</param>
internal sealed class AccessPolicy(uint daemonUser, UnixGroup? operateGroup, UnixGroup? lookGroup)
{
    private const uint Root = 0;

    /// <summary>Members may operate; null if the group does not exist.</summary>
    public UnixGroup? OperateGroup => operateGroup;

    /// <summary>Members may look; null if there is none.</summary>
    public UnixGroup? LookGroup => lookGroup;

    /// <summary>The caller's role and, in one sentence, why.</summary>
    public (Role Role, string Reason) RoleOf(Caller caller)
    {
        if (caller.User == Root)
        {
            return (Role.Operate, "root may operate the daemon");
        }

        if (caller.User == daemonUser)
        {
            return (Role.Operate, "the daemon runs as this user");
        }

        if (operateGroup is not null && caller.IsIn(operateGroup.Id))
        {
            return (Role.Operate, $"a member of group {operateGroup.Name}");
        }

        if (lookGroup is not null && caller.IsIn(lookGroup.Id))
        {
            return (Role.Look, $"a member of group {lookGroup.Name}");
        }

        return (Role.Connect, $"neither root nor a member of {Groups()}");
    }

    /// <summary>The caller, with its rank.</summary>
    public RankedCaller RankOf(Caller caller) =>
        RankOf(caller.User) is { Rank: CallerRank.Other } other && RoleOf(caller).Role == Role.Operate
            ? other with
            {
                Rank = CallerRank.Operator,
            }
            : RankOf(caller.User);

    /// <summary>A user whose groups are not known, with its rank.</summary>
    public RankedCaller RankOf(uint user) =>
        new(user, user == Root || user == daemonUser ? CallerRank.Daemon : CallerRank.Other);

    /// <summary>What would give a caller a role, for the message that denies it.</summary>
    public string Needed(Role role) =>
        role switch
        {
            Role.Operate => $"root or group {operateGroup?.Name ?? "udptunnel (which does not exist)"}",
            Role.Look => $"root or {Groups()}",
            _ => "nobody may call this",
        };

    private string Groups() =>
        (operateGroup, lookGroup) switch
        {
            (null, null) => "group udptunnel (which does not exist)",
            ({ } operate, null) => $"group {operate.Name}",
            (null, { } look) => $"group {look.Name}",
            ({ } operate, { } look) => $"group {operate.Name} or {look.Name}",
        };
}
