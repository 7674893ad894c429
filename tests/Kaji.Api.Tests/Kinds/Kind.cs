using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tests.Kinds;

/// <summary>A kind as the registry uses it, without I/O.</summary>
internal static class Kind
{
    public static ResourceInfo Resource(string name) => BuiltInResources.All.First(r => r.Kind == name && r.Group != "events.k8s.io");

    public static JsonObject Parse(string kind, string json)
    {
        var obj = JsonNode.Parse(json)!.AsObject();
        var resource = Resource(kind);
        obj["kind"] = resource.Kind;
        obj["apiVersion"] = resource.ApiVersion;
        var metadata = obj.Ensure("metadata");
        metadata.Default("name", "thing");
        metadata.Default("uid", "11111111-2222-3333-4444-555555555555");
        if (resource.Namespaced)
        {
            metadata.Default("namespace", "default");
        }

        return obj;
    }

    /// <summary>The object as it would be stored, and what is wrong with it.</summary>
    public static (JsonObject Object, string[] Causes) Create(string kind, string json)
    {
        var obj = Parse(kind, json);
        var behavior = KindRegistry.BehaviorFor(Resource(kind));
        var errors = new List<FieldError>();
        behavior.Default(obj);
        behavior.PrepareForCreate(obj);
        MetadataValidation.Validate(obj, Resource(kind), errors);
        behavior.Validate(obj, errors);
        behavior.ValidateCreate(obj, errors);
        return (obj, [.. errors.Select(Text)]);
    }

    /// <summary>What is wrong with a change of an accepted object.</summary>
    public static string[] Update(string kind, string before, string after)
    {
        var behavior = KindRegistry.BehaviorFor(Resource(kind));
        var (old, wrong) = Create(kind, before);
        Assert.Empty(wrong);
        var obj = Parse(kind, after);
        var errors = new List<FieldError>();
        behavior.Default(obj);
        behavior.PrepareForUpdate(obj, old);
        behavior.ValidateUpdate(obj, old, errors);
        return [.. errors.Select(Text)];
    }

    public static string[] Warnings(string kind, string json)
    {
        var obj = Parse(kind, json);
        var behavior = KindRegistry.BehaviorFor(Resource(kind));
        var warnings = new List<string>();
        behavior.Default(obj);
        behavior.Warn(obj, null, warnings.Add);
        return [.. warnings];
    }

    private static string Text(FieldError error) => $"{error.Reason["FieldValue".Length..]} {error.Field}: {error.Message}";
}
