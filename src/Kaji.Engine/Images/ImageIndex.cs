using System.Text.Json.Serialization;

namespace Kaji.Engine.Images;

/// <summary>What <c>images/index.json</c> holds.</summary>
internal sealed record ImageIndex
{
    public int Version { get; init; } = 1;

    public IReadOnlyList<ImageRecord> Images { get; init; } = [];
}

/// <summary>One image in the index.</summary>
internal sealed record ImageRecord
{
    public required string Id { get; init; }

    public IReadOnlyList<string> Names { get; init; } = [];

    public IReadOnlyList<string> Digests { get; init; } = [];

    public long Size { get; init; }

    public string User { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>diffIDs, lowest first.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    public ImageInfo ToInfo() => new(Id, Names, Digests, Size, User, CreatedAt);
}

/// <summary>What a container holds on to (<c>images/uses/ID</c>), so that removing its image's name leaves its layers.</summary>
internal sealed record ImageUse(string ImageId, IReadOnlyList<string> Layers);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(ImageUse))]
internal sealed partial class ImageJson : JsonSerializerContext;
