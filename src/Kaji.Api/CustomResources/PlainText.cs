using System.Text.Json.Serialization;

namespace Kaji.Api.CustomResources;

/// <summary>Strings as JSON, without reflection.</summary>
[JsonSerializable(typeof(string))]
internal sealed partial class PlainText : JsonSerializerContext;
