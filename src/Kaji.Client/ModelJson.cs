using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s;

namespace Kaji.Client;

/// <summary>The models' own serializer (generated, no reflection), on UTF-8 bytes.</summary>
public static class ModelJson
{
    private static readonly JsonSerializerOptions Options = Capture();

    public static T Deserialize<T>(ReadOnlySpan<byte> utf8)
        where T : class => JsonSerializer.Deserialize(utf8, TypeInfo<T>()) ?? throw new JsonException($"null is not a {typeof(T).Name}");

    public static byte[] Serialize<T>(T obj)
        where T : class => JsonSerializer.SerializeToUtf8Bytes(obj, TypeInfo<T>());

    /// <summary>A copy that the caller may change: objects of informers are shared.</summary>
    public static T Clone<T>(T obj)
        where T : class => Deserialize<T>(Serialize(obj));

    private static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Capture()
    {
        JsonSerializerOptions? options = null;
        KubernetesJson.AddJsonOptions(o => options = o);
        return options ?? throw new InvalidOperationException("KubernetesClient gave no serializer options.");
    }
}
