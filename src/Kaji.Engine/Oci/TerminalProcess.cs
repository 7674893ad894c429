using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Engine.Oci;

/// <summary>The OCI process of a command executed with a terminal: the container's own, with another command line. A file is the only way to give crun the terminal's first size.</summary>
internal static class TerminalProcess
{
    /// <param name="specFile"><c>config.json</c> of the container.</param>
    public static async Task<byte[]> WriteAsync(string specFile, IReadOnlyList<string> command, (int Columns, int Rows)? size, CancellationToken cancellationToken)
    {
        var spec = JsonNode.Parse(await File.ReadAllBytesAsync(specFile, cancellationToken).ConfigureAwait(false))!;
        var process = spec["process"]!.AsObject();
        process["args"] = new JsonArray([.. command.Select(word => (JsonNode)word)]);
        process["terminal"] = true;
        process.Remove("consoleSize");
        if (size is { } known)
        {
            process["consoleSize"] = new JsonObject { ["width"] = known.Columns, ["height"] = known.Rows };
        }

        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            process.WriteTo(json);
        }

        return buffer.ToArray();
    }
}
