using System.Text.Json.Nodes;
using Kaji.Api.Apply;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.Apply;

/// <summary>Objects and writes of these tests.</summary>
internal static class Objects
{
    public static readonly DateTimeOffset Then = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static Atom ConfigMap { get; } = BuiltInAtoms.Of(BuiltInSchemas.NameOf("", "v1", "ConfigMap"));

    public static Atom Deployment { get; } = BuiltInAtoms.Of(BuiltInSchemas.NameOf("apps", "v1", "Deployment"));

    public static Atom Service { get; } = BuiltInAtoms.Of(BuiltInSchemas.NameOf("", "v1", "Service"));

    public static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    public static FieldWrite By(string manager, string apiVersion = "v1", string subresource = "", int seconds = 0, ResetFields? reset = null) =>
        new(manager, apiVersion, subresource, Then.AddSeconds(seconds), reset ?? ResetFields.None);

    public static JsonObject Map(string data) => Json($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"},"data":{{{data}}}}""");

    public static JsonObject Deploy(string spec) => Json($$$"""{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n"},"spec":{{{spec}}}}""");

    public static JsonObject Applied(JsonObject? live, JsonObject applied, Atom atom, string manager, bool force = false, string apiVersion = "v1", int seconds = 0)
    {
        var result = FieldManager.Apply(live, applied, atom, By(manager, apiVersion, seconds: seconds), force);
        return result.Object ?? throw new InvalidOperationException(result.Refusal!.Message);
    }

    public static ApiError Refused(JsonObject? live, JsonObject applied, Atom atom, string manager, string apiVersion = "v1") =>
        FieldManager.Apply(live, applied, atom, By(manager, apiVersion), force: false).Refusal ?? throw new InvalidOperationException("it was applied");

    public static JsonObject Created(JsonObject obj, Atom atom, string manager, string apiVersion = "v1")
    {
        FieldManager.TrackUpdate(null, obj, atom, By(manager, apiVersion));
        return obj;
    }

    public static JsonObject Updated(JsonObject old, JsonObject now, Atom atom, FieldWrite write)
    {
        FieldManager.TrackUpdate(old, now, atom, write);
        return now;
    }

    public static JsonObject? Fields(JsonObject obj, string manager) => Entry(obj, manager)?["fieldsV1"] as JsonObject;

    public static JsonObject? Entry(JsonObject obj, string manager) =>
        (obj["metadata"]!["managedFields"] as JsonArray ?? []).OfType<JsonObject>().FirstOrDefault(e => (string?)e["manager"] == manager);

    public static string[] Managers(JsonObject obj) => [.. (obj["metadata"]!["managedFields"] as JsonArray ?? []).Select(e => (string)e!["manager"]!)];

    public static void Same(string expected, JsonNode? actual) => Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), actual?.ToJsonString());

    /// <summary>Equal whatever the order of properties.</summary>
    public static void Alike(JsonNode? expected, JsonNode? actual) => Assert.True(JsonNode.DeepEquals(expected, actual), $"expected {expected?.ToJsonString()}, is {actual?.ToJsonString()}");
}
