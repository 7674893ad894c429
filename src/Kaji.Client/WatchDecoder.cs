using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>Decodes a watch: a line an event, as <c>{"type":"ADDED","object":{…}}</c>.</summary>
internal static class WatchDecoder
{
    public static async IAsyncEnumerable<WatchEvent<T>> ReadAsync<T>(Stream body, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var reader = PipeReader.Create(body);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                var buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    var line = buffer.Slice(0, end);
                    if (!line.IsEmpty)
                    {
                        yield return Decode<T>(line.ToArray());
                    }

                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                {
                    yield break;
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private static WatchEvent<T> Decode<T>(byte[] line)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var type = "";
        var (start, end) = (0, 0);
        var reader = new Utf8JsonReader(line);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            reader.Read();
            if (isType)
            {
                type = reader.GetString() ?? "";
                continue;
            }

            start = (int)reader.TokenStartIndex;
            reader.Skip();
            end = (int)reader.BytesConsumed;
        }

        var obj = line.AsSpan(start, end - start);
        return type switch
        {
            "ADDED" => new WatchEvent<T>(WatchEventType.Added, ModelJson.Deserialize<T>(obj)),
            "MODIFIED" => new WatchEvent<T>(WatchEventType.Modified, ModelJson.Deserialize<T>(obj)),
            "DELETED" => new WatchEvent<T>(WatchEventType.Deleted, ModelJson.Deserialize<T>(obj)),
            "BOOKMARK" => new WatchEvent<T>(WatchEventType.Bookmark, ModelJson.Deserialize<T>(obj)),
            _ => throw new ApiException(ModelJson.Deserialize<V1Status>(obj)),
        };
    }
}
