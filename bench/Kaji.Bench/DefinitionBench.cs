using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Bench;

/// <summary>
/// A bundle of CustomResourceDefinitions as operators ship them, some 700 KB, applied with kubectl until each is established; the floor is kubectl itself,
/// which reads the same bundle and prints it back (<c>--dry-run=client</c>).
/// </summary>
internal static class DefinitionBench
{
    private const int Definitions = 10;
    private const int Rounds = 3;

    public static async Task RunAsync()
    {
        await using var cluster = await ClusterUnderTest.StartAsync();
        var kubectl = ClusterUnderTest.Kubectl;
        string[] config = ["--kubeconfig", Path.Combine(cluster.Data, "kubeconfig")];
        var (apply, wait, floor, size) = (new List<double>(), new List<double>(), new List<double>(), 0L);
        for (var round = 0; round < Rounds; round++)
        {
            var file = Path.Combine(cluster.Data, $"bundle-{round}.json");
            await File.WriteAllTextAsync(file, Bundle($"g{round}.example.com"));
            size = new FileInfo(file).Length;
            floor.Add(await TimeAsync([.. config, "apply", "--dry-run=client", "--validate=false", "-o", "name", "-f", file]));
            apply.Add(await TimeAsync([.. config, "apply", "--server-side", "-f", file]));
            wait.Add(await TimeAsync([.. config, "wait", "--for=condition=Established", "-f", file, "--timeout=30s"]));
        }

        Console.WriteLine($"{Definitions} definitions, {size / 1000} KB: kubectl apply --server-side {Median(apply):0.00} s, then wait for Established {Median(wait):0.00} s; kubectl alone (dry run) {Median(floor):0.00} s   (goal: 2 s)");

        async Task<double> TimeAsync(string[] arguments)
        {
            var clock = Stopwatch.StartNew();
            await ClusterUnderTest.RunAsync(kubectl, arguments);
            return clock.Elapsed.TotalSeconds;
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Bundle(string group) => new JsonObject
    {
        ["apiVersion"] = "v1", ["kind"] = "List",
        ["items"] = new JsonArray([.. Enumerable.Range(0, Definitions).Select(n => Definition(group, n))]),
    }.ToJsonString();

    private static JsonNode Definition(string group, int n) => new JsonObject
    {
        ["apiVersion"] = "apiextensions.k8s.io/v1", ["kind"] = "CustomResourceDefinition",
        ["metadata"] = new JsonObject { ["name"] = $"things{n}.{group}" },
        ["spec"] = new JsonObject
        {
            ["group"] = group, ["scope"] = "Namespaced",
            ["names"] = new JsonObject { ["plural"] = $"things{n}", ["singular"] = $"thing{n}", ["kind"] = $"Thing{n}", ["listKind"] = $"Thing{n}List" },
            ["versions"] = new JsonArray((JsonNode)new JsonObject
            {
                ["name"] = "v1", ["served"] = true, ["storage"] = true, ["subresources"] = new JsonObject { ["status"] = new JsonObject() },
                ["schema"] = new JsonObject
                {
                    ["openAPIV3Schema"] = new JsonObject
                    {
                        ["type"] = "object",
                        ["properties"] = new JsonObject { ["spec"] = Schema(4, "spec"), ["status"] = new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true } },
                    },
                },
            }),
        },
    };

    /// <summary>Objects in lists in objects, each field described, with limits, defaults, enums and rules, as controller-gen writes them.</summary>
    private static JsonObject Schema(int depth, string path)
    {
        var properties = new JsonObject();
        for (var i = 0; i < 5; i++)
        {
            properties[$"name{i}"] = new JsonObject { ["type"] = "string", ["maxLength"] = 63, ["pattern"] = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", ["description"] = Text(path, $"name{i}") };
        }

        properties["mode"] = new JsonObject { ["type"] = "string", ["enum"] = new JsonArray("Auto", "Manual"), ["default"] = "Auto", ["description"] = Text(path, "mode") };
        properties["min"] = new JsonObject { ["type"] = "integer", ["format"] = "int32", ["minimum"] = 0, ["description"] = Text(path, "min") };
        properties["max"] = new JsonObject { ["type"] = "integer", ["format"] = "int32", ["minimum"] = 0, ["description"] = Text(path, "max") };
        if (depth > 0)
        {
            properties["nested"] = Schema(depth - 1, path + ".nested");
            properties["items"] = new JsonObject
            {
                ["type"] = "array", ["maxItems"] = 8, ["items"] = Schema(depth - 1, path + ".items"), ["description"] = Text(path, "items"),
            };
        }

        return new JsonObject
        {
            ["type"] = "object", ["description"] = Text(path, "it"), ["properties"] = properties,
            ["x-kubernetes-validations"] = depth == 4 ? new JsonArray((JsonNode)new JsonObject { ["rule"] = "!has(self.min) || !has(self.max) || self.min <= self.max", ["message"] = "min must not exceed max" }) : null,
        }.WithoutNulls();
    }

    private static JsonObject WithoutNulls(this JsonObject obj)
    {
        foreach (var name in obj.Where(p => p.Value is null).Select(p => p.Key).ToArray())
        {
            obj.Remove(name);
        }

        return obj;
    }

    private static string Text(string path, string field) => new StringBuilder("The field ").Append(field).Append(" of ").Append(path).Append(" says how the thing is to be made, in words as long as those of real definitions, which tell much.").ToString();
}
