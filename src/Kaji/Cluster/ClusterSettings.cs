using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaji.Cluster;

/// <summary>What a cluster was made with, and keeps: written once to <c>cluster.json</c>, read at each start.</summary>
internal sealed record ClusterSettings
{
    /// <summary>Raised when the layout of the data directory changes; a server refuses a directory with a higher one.</summary>
    public const int CurrentLayout = 1;

    public int Layout { get; init; } = CurrentLayout;

    public required string PodCidr { get; init; }

    public required string ServiceCidr { get; init; }

    /// <summary>This node's part of the Pods' range; null where it has all of it (clusters made before nodes could join).</summary>
    public string? NodeCidr { get; init; }

    public required string NodeName { get; init; }

    /// <summary>The settings, or null when the directory is new.</summary>
    /// <exception cref="UserError">Unreadable, damaged or of a newer Kaji.</exception>
    public static ClusterSettings? Load(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        ClusterSettings settings;
        try
        {
            settings = JsonSerializer.Deserialize(File.ReadAllBytes(path), ClusterSettingsJson.Default.ClusterSettings) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path} can't be read ({e.Message}). Restore it from a backup, or start with another --data-dir.");
        }

        return settings.Layout <= CurrentLayout
            ? settings
            : throw new UserError($"{path} was written by a newer Kaji (layout {settings.Layout}; this one knows {CurrentLayout}). Upgrade Kaji, or use another --data-dir.");
    }

    public void Save(string path)
    {
        var next = path + ".new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, this, ClusterSettingsJson.Default.ClusterSettings);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterSettings))]
internal sealed partial class ClusterSettingsJson : JsonSerializerContext;
