using System.Text.Json.Nodes;

namespace Kaji.Api.Tests.Apply;

/// <summary>Deployments with something of every sort of field: structs, maps, sets, lists that are maps, atomic ones.</summary>
internal static class RandomObjects
{
    /// <param name="only">Limits what may be set, so that two objects share no field.</param>
    public static JsonObject Deployment(Random random, int only = 0)
    {
        var obj = Objects.Deploy("{}");
        var names = only switch { 0 => "abcdef", 1 => "abc", _ => "def" };
        var metadata = obj["metadata"]!.AsObject();
        var spec = obj["spec"]!.AsObject();
        if (random.Next(2) == 0)
        {
            metadata["labels"] = Map(random, names);
        }

        if (random.Next(3) == 0)
        {
            metadata["finalizers"] = new JsonArray([.. Pick(random, names).Select(n => (JsonNode)$"x/{n}")]);
        }

        if (only != 2)
        {
            Maybe(random, spec, "replicas", () => random.Next(5));
            Maybe(random, spec, "selector", () => new JsonObject { ["matchLabels"] = Map(random, names) });
        }

        if (only != 1)
        {
            Maybe(random, spec, "paused", () => random.Next(2) == 0);
            Maybe(random, spec, "strategy", () => new JsonObject { ["type"] = "RollingUpdate" });
        }

        if (random.Next(4) > 0)
        {
            var containers = new JsonArray();
            foreach (var name in Pick(random, names))
            {
                var container = new JsonObject { ["name"] = name.ToString() };
                Maybe(random, container, "image", () => $"i{random.Next(3)}");
                Maybe(random, container, "args", () => new JsonArray("x", random.Next(3)));
                Maybe(random, container, "env", () => new JsonArray([.. Pick(random, names).Select(n => (JsonNode)new JsonObject { ["name"] = n.ToString(), ["value"] = $"{random.Next(3)}" })]));
                Maybe(random, container, "ports", () => new JsonArray([.. Pick(random, names).Select(n => (JsonNode)new JsonObject { ["containerPort"] = (int)n })]));
                Maybe(random, container, "resources", () => random.Next(2) == 0 ? [] : new JsonObject { ["limits"] = Map(random, names) });
                Maybe(random, container, "securityContext", () => new JsonObject());
                containers.Add((JsonNode)container);
            }

            spec["template"] = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = Map(random, names) }, ["spec"] = new JsonObject { ["containers"] = containers } };
        }

        return obj;
    }

    private static void Maybe(Random random, JsonObject into, string name, Func<JsonNode> value)
    {
        if (random.Next(2) == 0)
        {
            into[name] = value();
        }
    }

    private static JsonObject Map(Random random, string names) => new(Pick(random, names).Select(n => KeyValuePair.Create(n.ToString(), (JsonNode?)$"{random.Next(3)}")));

    /// <summary>Not none: a map that its entries leave goes itself, and so nobody can count on an empty one.</summary>
    private static char[] Pick(Random random, string names) => [.. names.Where(n => n == names[0] || random.Next(2) == 0)];
}
