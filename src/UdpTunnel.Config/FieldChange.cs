// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>One field in which two configurations differ.</summary>
/// <param name="Field">The field's name, as in a file.</param>
/// <param name="Before">The value before, for a person; <c>(hidden)</c> for a secret.</param>
/// <param name="After">The value after, for a person; <c>(hidden)</c> for a secret.</param>
/// <param name="Effect">What it takes to apply the change.</param>
public sealed record FieldChange(string Field, string Before, string After, ChangeEffect Effect);
