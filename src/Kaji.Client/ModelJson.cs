using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>
/// The models' own serializer (generated, no reflection), on UTF-8 bytes. Objects come without managedFields: controllers don't read them, informers need not hold them, and a
/// write that names none leaves them to the server.
/// </summary>
public static class ModelJson
{
    private static readonly Lock Gate = new();
    private static volatile JsonSerializerOptions _options = Capture();

    /// <summary>Teaches the serializer types that are not Kubernetes' own, from generated metadata. Call it before such types are used; again is harmless.</summary>
    public static void Extend(IJsonTypeInfoResolver types)
    {
        lock (Gate)
        {
            if (!_options.TypeInfoResolverChain.Contains(types))
            {
                var extended = new JsonSerializerOptions(_options);
                extended.TypeInfoResolverChain.Add(types);
                _options = extended;
            }
        }
    }

    public static T Deserialize<T>(ReadOnlySpan<byte> utf8)
        where T : class => JsonSerializer.Deserialize(utf8, TypeInfo<T>()) ?? throw new JsonException($"null is not a {typeof(T).Name}");

    public static byte[] Serialize<T>(T obj)
        where T : class => JsonSerializer.SerializeToUtf8Bytes(obj, TypeInfo<T>());

    /// <summary>A copy that the caller may change: objects of informers are shared.</summary>
    public static T Clone<T>(T obj)
        where T : class => Deserialize<T>(Serialize(obj));

    private static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)_options.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Capture()
    {
        JsonSerializerOptions? options = null;
        KubernetesJson.AddJsonOptions(o => options = o);
        var resolver = options?.TypeInfoResolver ?? throw new InvalidOperationException("KubernetesClient gave no serializer options.");
        return new JsonSerializerOptions(options) { TypeInfoResolver = resolver.WithAddedModifier(WithoutManagedFields) };
    }

    private static void WithoutManagedFields(JsonTypeInfo type)
    {
        if (type.Type != typeof(V1ObjectMeta))
        {
            return;
        }

        foreach (var property in type.Properties.Where(p => p.Name == "managedFields").ToArray())
        {
            type.Properties.Remove(property);
        }
    }
}
