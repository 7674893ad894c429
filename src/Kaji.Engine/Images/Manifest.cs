using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kaji.Engine.Images;

/// <summary>A piece of content that a manifest names.</summary>
internal sealed record ContentDescriptor(string Digest, long Size, string MediaType);

/// <summary>An image manifest, or an index of manifests by platform: OCI image-spec and Docker's schema 2.</summary>
internal sealed record Manifest(ContentDescriptor? Config, IReadOnlyList<ContentDescriptor> Layers, IReadOnlyList<IndexEntry> Entries)
{
    public const string Accept =
        "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
        "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

    public static Manifest Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.TryGetProperty("manifests", out var manifests))
            {
                return new Manifest(null, [], [.. manifests.EnumerateArray().Select(Entry)]);
            }

            if (root.TryGetProperty("schemaVersion", out var version) && version.GetInt32() != 2)
            {
                throw new EngineException(EngineFault.ImageInvalid, "The image has a manifest of Docker's schema 1, which is no longer supported: push it again with a current tool.");
            }

            return new Manifest(Descriptor(root.GetProperty("config")), [.. root.GetProperty("layers").EnumerateArray().Select(Descriptor)], []);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new EngineException(EngineFault.ImageInvalid, "The image's manifest is not valid JSON of the expected form.", e);
        }
    }

    /// <summary>The entry for this machine.</summary>
    public IndexEntry Select(string what)
    {
        var architecture = RuntimeInformation.OSArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString().ToLowerInvariant() };
        return Entries.FirstOrDefault(e => e.Os == "linux" && e.Architecture == architecture)
            ?? Entries.FirstOrDefault(e => e.Os is null && e.Architecture is null)
            ?? throw new EngineException(EngineFault.ImageNotFound, $"{what} has no image for linux/{architecture}; it has {string.Join(", ", Entries.Select(e => $"{e.Os}/{e.Architecture}"))}.");
    }

    private static ContentDescriptor Descriptor(JsonElement e) =>
        new(Digests.Check(e.GetProperty("digest").GetString() ?? ""), e.TryGetProperty("size", out var size) ? size.GetInt64() : 0, ImageConfig.Text(e, "mediaType") ?? "");

    private static IndexEntry Entry(JsonElement e)
    {
        var platform = e.TryGetProperty("platform", out var p) ? p : default;
        var annotations = e.TryGetProperty("annotations", out var a) ? a : default;
        var name = ImageConfig.Text(annotations, "io.containerd.image.name") ?? ImageConfig.Text(annotations, "org.opencontainers.image.ref.name");
        return new IndexEntry(Descriptor(e), ImageConfig.Text(platform, "os"), ImageConfig.Text(platform, "architecture"), name);
    }
}

/// <summary>A manifest in an index; <paramref name="Name"/> is what an OCI layout calls it.</summary>
internal sealed record IndexEntry(ContentDescriptor Descriptor, string? Os, string? Architecture, string? Name);

/// <summary>Digests are <c>sha256:</c> and 64 hexadecimal digits; nothing else may become a file name.</summary>
internal static class Digests
{
    public static string Check(string digest) =>
        digest.Length == 71 && digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.AsSpan(7).IndexOfAnyExcept("0123456789abcdef") < 0
            ? digest
            : throw new EngineException(EngineFault.ImageInvalid, $"\"{digest}\" is not a sha256 digest.");

    public static string Hex(string digest) => Check(digest)[7..];

    public static string Of(ReadOnlySpan<byte> content) => "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
}
