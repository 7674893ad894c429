using System.Text.Json;

namespace Kaji.Engine.Images;

/// <summary>What an image's configuration says (OCI image-spec config.md), as far as running it needs.</summary>
public sealed record ImageConfig
{
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary><c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public string WorkingDir { get; init; } = "";

    public string User { get; init; } = "";

    public string? StopSignal { get; init; }

    public DateTimeOffset Created { get; init; }

    /// <summary>Digests of the uncompressed layers, lowest first.</summary>
    public IReadOnlyList<string> DiffIds { get; init; } = [];

    /// <exception cref="EngineException"><see cref="EngineFault.ImageInvalid"/>.</exception>
    public static ImageConfig Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var config = root.TryGetProperty("config", out var c) && c.ValueKind == JsonValueKind.Object ? c : default;
            return new ImageConfig
            {
                Entrypoint = Strings(config, "Entrypoint"),
                Cmd = Strings(config, "Cmd"),
                Env = Strings(config, "Env"),
                WorkingDir = Text(config, "WorkingDir") ?? "",
                User = Text(config, "User") ?? "",
                StopSignal = Text(config, "StopSignal"),
                Created = root.TryGetProperty("created", out var created) && created.ValueKind == JsonValueKind.String && created.TryGetDateTimeOffset(out var at) ? at : DateTimeOffset.UnixEpoch,
                DiffIds = root.TryGetProperty("rootfs", out var rootfs) ? Strings(rootfs, "diff_ids") : [],
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new EngineException(EngineFault.ImageInvalid, "The image's configuration is not valid JSON of the expected form.", e);
        }
    }

    internal static string? Text(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static IReadOnlyList<string> Strings(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(e => e.GetString() ?? "")]
            : [];
}
