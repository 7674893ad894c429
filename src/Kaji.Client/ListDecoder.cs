using System.Text.Json;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>Decodes a list item by item, so that no list type is needed for a kind. Items of built-in lists need not repeat kind and apiVersion: they are filled in.</summary>
internal static class ListDecoder
{
    public static ObjectList<T> Decode<T>(ResourceKind<T> kind, byte[] utf8)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var items = new List<T>();
        string version = "", next = "";
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var isVersion = reader.ValueTextEquals("resourceVersion"u8);
                    var isNext = reader.ValueTextEquals("continue"u8);
                    reader.Read();
                    if (isVersion)
                    {
                        version = reader.GetString() ?? "";
                    }
                    else if (isNext)
                    {
                        next = reader.GetString() ?? "";
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.StartArray)
                {
                    continue;
                }

                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    var item = ModelJson.Deserialize<T>(utf8.AsSpan(start, (int)reader.BytesConsumed - start));
                    item.Kind ??= kind.Kind;
                    item.ApiVersion ??= kind.ApiVersion;
                    items.Add(item);
                }
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return new ObjectList<T>(items, version, next.Length == 0 ? null : next);
    }
}
