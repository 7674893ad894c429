using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>
/// A CustomResourceDefinition as the server uses it. Only its head is parsed; a version's schema is read from the stored bytes when it is first needed.
/// </summary>
public sealed class CustomDefinition
{
    /// <param name="stored">The stored object; kept.</param>
    /// <param name="behaviors">Makes what a version of it does.</param>
    /// <param name="patterns">Compiles patterns of schemas.</param>
    public CustomDefinition(ReadOnlyMemory<byte> stored, Func<CustomVersion, KindBehavior> behaviors, PatternCompiler patterns)
    {
        (Stored, Patterns) = (stored, patterns);
        var crd = Parse();
        var (metadata, spec, status) = (crd.Obj("metadata"), crd.Obj("spec"), crd.Obj("status"));
        Name = metadata.Str("name");
        Uid = metadata.Str("uid");
        IsTerminating = metadata?["deletionTimestamp"] is not null;
        Generation = metadata.Int("generation") ?? 0;
        Group = spec.Str("group");
        Namespaced = spec.Str("scope") == "Namespaced";
        var accepted = status.Obj("acceptedNames");
        var names = accepted.Str("kind").Length > 0 ? accepted! : spec.Obj("names") ?? [];
        Plural = names.Str("plural");
        Kind = names.Str("kind");
        ListKind = names.Str("listKind") is { Length: > 0 } list ? list : Kind + "List";
        Singular = names.Str("singular") is { Length: > 0 } one ? one : Kind.ToLowerInvariant();
        ShortNames = Strings(names, "shortNames");
        Categories = Strings(names, "categories");
        IsEstablished = status.Items("conditions").Any(c => c.Str("type") == "Established" && c.Str("status") == "True");
        PreservesUnknown = spec.Bool("preserveUnknownFields") == true;
        Conversion = (JsonObject?)spec.Obj("conversion")?.DeepClone() ?? new JsonObject { ["strategy"] = "None" };
        Versions = [.. spec.Items("versions").Select((v, i) => new CustomVersion(this, v, i, behaviors))];
        Storage = Versions.FirstOrDefault(v => v.IsStorage) ?? Versions[0];
    }

    public string Name { get; }

    public string Uid { get; }

    public string Group { get; }

    public string Plural { get; }

    public string Kind { get; }

    public string ListKind { get; }

    public string Singular { get; }

    public IReadOnlyList<string> ShortNames { get; }

    public IReadOnlyList<string> Categories { get; }

    public bool Namespaced { get; }

    public bool IsEstablished { get; }

    public bool IsTerminating { get; }

    /// <summary>Its spec is as it was created: so every stored object has been pruned and defaulted by this very schema.</summary>
    public bool NeverChanged => Generation == 1;

    /// <summary>Grows with each change of the spec.</summary>
    public long Generation { get; }

    /// <summary>The old <c>spec.preserveUnknownFields</c>.</summary>
    public bool PreservesUnknown { get; }

    /// <summary>spec.conversion.</summary>
    public JsonObject Conversion { get; }

    /// <summary>Served or not, in the order of the spec.</summary>
    public IReadOnlyList<CustomVersion> Versions { get; }

    /// <summary>The version that is stored.</summary>
    public CustomVersion Storage { get; }

    internal PatternCompiler Patterns { get; }

    private ReadOnlyMemory<byte> Stored { get; }

    /// <summary>The version of a name, or null.</summary>
    public CustomVersion? Version(string name) => Versions.FirstOrDefault(v => v.Name == name);

    /// <summary>A version as the spec has it, parsed anew.</summary>
    internal JsonObject VersionJson(int index) => (JsonObject)Parse()["spec"]!["versions"]![index]!;

    private JsonObject Parse() => JsonNode.Parse(Stored.Span)!.AsObject();

    private static string[] Strings(JsonObject json, string field) => [.. (json[field] as JsonArray ?? []).Select(s => s.Text())];
}
