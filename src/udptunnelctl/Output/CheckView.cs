// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// What the doctor has found, for a person: what concerns the host first, then each tunnel and relay.
/// </summary>
internal static class CheckView
{
    private const int ResultWidth = 6;
    private const int TextWidth = 28;

    /// <summary>One entry for each check, and below it what mends it.</summary>
    public static void Render(Screen screen, IEnumerable<Check> checks)
    {
        foreach (var group in checks.GroupBy(c => c.Subject))
        {
            if (group.Key.Length > 0)
            {
                screen.Line().Line(group.Key, Style.Strong);
            }

            foreach (var check in group)
            {
                screen.Hanging(
                    Short(check.Result).PadRight(ResultWidth) + check.Id,
                    TextWidth,
                    check.Message,
                    StyleOf(check.Result)
                );
                if (check.Remedy.Length > 0)
                {
                    screen.Hanging("", TextWidth, $"-> {check.Remedy}", Style.Strong);
                }
            }
        }
    }

    private static string Short(CheckResult result) =>
        result switch
        {
            CheckResult.Ok => "ok",
            CheckResult.Warning => "warn",
            CheckResult.Failure => "fail",
            _ => "?",
        };

    private static Style StyleOf(CheckResult result) =>
        result switch
        {
            CheckResult.Ok => Style.Plain,
            CheckResult.Failure => Style.Bad,
            _ => Style.Warning,
        };
}
