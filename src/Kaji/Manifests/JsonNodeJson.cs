using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kaji.Manifests;

/// <summary>Serializes JSON trees without reflection.</summary>
[JsonSerializable(typeof(JsonNode))]
internal sealed partial class JsonNodeJson : JsonSerializerContext;
