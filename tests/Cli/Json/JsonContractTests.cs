// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Json;

/// <summary>What programs rely on: docs/json/schema.json says it, docs/json.md shows it.</summary>
public sealed class JsonContractTests
{
    /// <summary>Commands that have no JSON of their own, and say so.</summary>
    private static readonly string[] WithoutJson = ["top", "help", "dial-stdio"];

    private static readonly string SchemaText = File.ReadAllText(Path.Combine(JsonPage.Directory, "json/schema.json"));

    public static TheoryData<string, string> Examples => JsonExamples.All;

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task The_output_keeps_to_the_schema(string command, string line) =>
        Validate(command, await JsonExamples.OutputAsync(line));

    /// <summary>Set <c>UDPTUNNEL_WRITE_DOCS=1</c> to put today's output into the page.</summary>
    [Theory]
    [MemberData(nameof(Examples))]
    public async Task The_page_shows_what_the_command_writes(string command, string line)
    {
        var output = JsonExamples.Pretty(await JsonExamples.OutputAsync(line));
        if (command == "completion")
        {
            // A page of shell script would tell nobody anything.
            output = string.Join(
                '\n',
                output
                    .Split('\n')
                    .Select(l => l.Contains("\"script\"", StringComparison.Ordinal) ? "  \"script\": \"...\"" : l)
            );
        }

        // The page does not change with every release.
        output = output.Replace(ControlProgram.Version, "0.1.0", StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("UDPTUNNEL_WRITE_DOCS") == "1")
        {
            JsonPage.Replace(line, output);
        }

        Assert.Equal(output, JsonPage.Examples().GetValueOrDefault(line));
    }

    [Fact]
    public void Every_command_has_a_schema_and_an_example()
    {
        var commands = Leaves(CommandTree.Root, "").Except(WithoutJson).Order().ToList();
        var schemas = JsonNode.Parse(SchemaText)!["$defs"]!.AsObject().Select(d => d.Key).ToHashSet();

        Assert.All(commands, c => Assert.Contains(c, schemas));
        Assert.Equal(commands, JsonExamples.All.Select(e => e.Data.Item1).Where(c => c != "error").Distinct().Order());
    }

    [Fact]
    public void Every_kind_of_event_is_in_the_schema()
    {
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            using var text = new StringWriter();
            JsonOutput.Write(text, writer =>
            {
                writer.WriteString("bootId", "b");
                writer.WriteNumber("forgotten", 0);
                EventJson.WriteAll(writer, "events", [new Event { Kind = kind, Message = "m" }]);
            });
            Validate("events", text.ToString());
        }

        foreach (var limit in Enum.GetValues<Limit>())
        {
            using var text = new StringWriter();
            JsonOutput.Write(text, writer =>
            {
                writer.WriteString("bootId", "b");
                EventJson.WriteMembers(
                    writer,
                    new Event
                    {
                        Kind = EventKind.LimitReached,
                        Limit = limit,
                        Message = "m",
                    }
                );
            });
            Validate("events", text.ToString());
        }
    }

    [Fact]
    public void Whatever_a_daemon_sends_the_output_keeps_to_the_schema() =>
        Property.ForAll<int>(
            seed =>
            {
                var random = new Random(seed);
                using var text = new StringWriter();
                JsonOutput.Write(text, writer =>
                {
                    writer.WriteTime("time", Samples.Now);
                    TunnelJson.WriteAll(writer, "tunnels", [Samples.Any(seed), Samples.Any(seed + 1)]);
                    RelayJson.WriteAll(writer, "relays", [RelaySamples.Any(random)]);
                    if (random.Next(2) == 0)
                    {
                        RelayJson.WriteFlows(writer, "flows", [RelaySamples.AnyFlow(random)]);
                    }
                    else
                    {
                        TunnelJson.WriteFlows(writer, "flows", [Samples.AnyFlow(random)]);
                    }
                });
                Validate("status", text.ToString());
                return true;
            },
            cases: 200
        );

    private static void Validate(string command, string json)
    {
        var schema = JsonSchema.FromText(
            SchemaText.Replace(
                "\"$defs\":",
                $"\"$ref\": \"#/$defs/{command.Replace(" ", "%20", StringComparison.Ordinal)}\",\n\"$defs\":",
                StringComparison.Ordinal
            )
        );
        using var document = JsonDocument.Parse(json);
        var result = schema.Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        var mistakes = result
            .Details?.Where(d => d.Errors is not null)
            .SelectMany(d => d.Errors!.Select(e => $"{d.InstanceLocation}: {e.Value}"));
        Assert.True(result.IsValid, $"{json}\n{string.Join('\n', mistakes ?? [])}");
    }

    private static IEnumerable<string> Leaves(CommandNode node, string path) =>
        node is CommandGroup group
            ? group.SelectMany(n => Leaves(n, path.Length == 0 ? n.Name : $"{path} {n.Name}"))
            : [path];
}
