using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Kaji.Engine.Images;

/// <summary>Writes the configuration of a built image: the base's, with what was asked on top. No times, so the same input gives the same id.</summary>
internal static class ImageBuilder
{
    public static byte[] Configure(ImageBuildSpec spec, byte[]? baseConfig, string? diffId)
    {
        var root = baseConfig is null ? Scratch() : JsonNode.Parse(baseConfig)!.AsObject();
        var config = root["config"] as JsonObject;
        if (config is null)
        {
            root["config"] = config = [];
        }

        if (spec.Entrypoint.Count > 0)
        {
            config["Entrypoint"] = List(spec.Entrypoint);
            // As Docker: a new entry point drops the base's arguments.
            config.Remove("Cmd");
        }

        if (spec.Cmd.Count > 0)
        {
            config["Cmd"] = List(spec.Cmd);
        }

        if (spec.Env.Count > 0)
        {
            var env = (config["Env"] as JsonArray)?.Select(e => e!.GetValue<string>()).ToList() ?? [];
            foreach (var (name, value) in spec.Env)
            {
                env.RemoveAll(e => e.StartsWith(name + "=", StringComparison.Ordinal));
                env.Add($"{name}={value}");
            }

            config["Env"] = List(env);
        }

        if (spec.WorkingDir is not null)
        {
            config["WorkingDir"] = spec.WorkingDir;
        }

        if (spec.User is not null)
        {
            config["User"] = spec.User;
        }

        if (diffId is not null)
        {
            ((JsonArray)root["rootfs"]!["diff_ids"]!).Add((JsonNode)diffId);
            // History lists a step a layer; a list that does not match is worse than none.
            root.Remove("history");
        }

        return System.Text.Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    private static JsonObject Scratch() => new()
    {
        ["architecture"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64",
        ["os"] = "linux",
        ["created"] = "1970-01-01T00:00:00Z",
        ["config"] = new JsonObject { ["Env"] = List(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]) },
        ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray() },
    };

    private static JsonArray List(IEnumerable<string> items) => [.. items.Select(i => (JsonNode)i)];
}
