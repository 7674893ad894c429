using System.Text.Json;

namespace Kaji.Api.OpenApi;

/// <summary>Definitions without fields: scalars with a form of their own, and what may be anything.</summary>
internal static class ScalarDefinitions
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    private const string Extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

    private static readonly Dictionary<string, (string Name, string? Type, string? Format, string Text)> All = new(StringComparer.Ordinal)
    {
        ["Time"] = (Meta + "Time", "string", "date-time", "Time is a wrapper around time.Time which supports correct marshaling to YAML and JSON.  Wrappers are provided for many of the factory methods that the time package offers."),
        ["MicroTime"] = (Meta + "MicroTime", "string", "date-time", "MicroTime is version of Time with microsecond level precision."),
        ["Duration"] = (Meta + "Duration", "string", null, "Duration is a wrapper around time.Duration which supports correct marshaling to YAML and JSON. In particular, it marshals into strings, which can be used as map keys in json."),
        ["Quantity"] = ("io.k8s.apimachinery.pkg.api.resource.Quantity", "string", null, "Quantity is a fixed-point representation of a number: a signed decimal with an optional suffix (Ki, Mi, Gi, Ti, Pi, Ei; n, u, m, k, M, G, T, P, E; or an exponent)."),
        ["IntOrString"] = ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "string", "int-or-string", "IntOrString is a type that can hold an int32 or a string.  When used in JSON or YAML marshalling and unmarshalling, it produces or consumes the inner type.  This allows you to have, for example, a JSON field that can accept a name or number."),
        ["RawExtension"] = ("io.k8s.apimachinery.pkg.runtime.RawExtension", "object", null, "RawExtension is used to hold extensions in external versions."),
        ["FieldsV1"] = (Meta + "FieldsV1", "object", null, "FieldsV1 stores a set of fields in a data structure like a Trie, in JSON format."),
        ["Patch"] = (Meta + "Patch", "object", null, "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body."),
        ["JSON"] = (Extensions + "JSON", null, null, "JSON represents any valid JSON value. These types are supported: bool, int64, float64, string, []interface{}, map[string]interface{} and nil."),
        ["JSONSchemaPropsOrBool"] = (Extensions + "JSONSchemaPropsOrBool", null, null, "JSONSchemaPropsOrBool represents JSONSchemaProps or a boolean value. Defaults to true for the boolean property."),
        ["JSONSchemaPropsOrArray"] = (Extensions + "JSONSchemaPropsOrArray", null, null, "JSONSchemaPropsOrArray represents a value that can either be a JSONSchemaProps or an array of JSONSchemaProps. Mainly here for serialization purposes."),
        ["JSONSchemaPropsOrStringArray"] = (Extensions + "JSONSchemaPropsOrStringArray", null, null, "JSONSchemaPropsOrStringArray represents a JSONSchemaProps or a string array."),
    };

    /// <summary>Full name of a scalar's definition, or null.</summary>
    public static string? NameOf(string reference) => All.TryGetValue(reference, out var found) ? found.Name : null;

    public static void Write(Utf8JsonWriter w, string reference, bool v3)
    {
        var (_, type, format, text) = All[reference];
        w.WriteString("description", text);
        if (v3 && reference == "IntOrString")
        {
            w.WriteStartArray("oneOf");
            foreach (var one in (ReadOnlySpan<string>)["integer", "string"])
            {
                w.WriteStartObject();
                w.WriteString("type", one);
                w.WriteEndObject();
            }

            w.WriteEndArray();
        }
        else if (type is not null)
        {
            w.WriteString("type", type);
        }

        if (format is not null)
        {
            w.WriteString("format", format);
        }
    }
}
