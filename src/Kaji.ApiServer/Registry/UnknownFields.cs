using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Registry;

/// <summary>Takes fields that a kind does not have out of an object, as decoding into a Go type would.</summary>
internal static class UnknownFields
{
    /// <param name="findings">As <c>unknown field "spec.containers[0].foo"</c>.</param>
    public static void Remove(JsonObject obj, IReadOnlyList<string> findings)
    {
        foreach (var finding in findings)
        {
            var path = finding["unknown field \"".Length..^1];
            JsonNode? at = obj;
            var steps = Steps(path);
            for (var i = 0; i < steps.Count - 1 && at is not null; i++)
            {
                at = steps[i] is int index ? (at as JsonArray)?[index] : (at as JsonObject)?[(string)steps[i]];
            }

            (at as JsonObject)?.Remove((string)steps[^1]);
        }
    }

    private static List<object> Steps(string path)
    {
        var steps = new List<object>();
        foreach (var part in path.Split('.'))
        {
            var bracket = part.IndexOf('[', StringComparison.Ordinal);
            steps.Add(bracket < 0 ? part : part[..bracket]);
            if (bracket >= 0)
            {
                steps.Add(int.Parse(part[(bracket + 1)..^1], CultureInfo.InvariantCulture));
            }
        }

        return steps;
    }
}
