using System.IO.Compression;

namespace Kaji.Api.OpenApi;

/// <summary>What Kubernetes says of its types and fields, for the documents that tell clients. Read when a document is made and forgotten with it: an idle server holds none of it.</summary>
internal sealed class Descriptions
{
    private readonly Dictionary<string, string> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Type, string Field), string> _fields = [];

    private Descriptions()
    {
    }

    public static Descriptions Load()
    {
        var made = new Descriptions();
        using var stream = typeof(Descriptions).Assembly.GetManifestResourceStream("descriptions.br") ?? throw new InvalidOperationException("descriptions.br is not embedded.");
        using var reader = new StreamReader(new BrotliStream(stream, CompressionMode.Decompress));
        var type = "";
        while (reader.ReadLine() is { } line)
        {
            var tab = line.IndexOf('\t', StringComparison.Ordinal);
            var text = line[(tab + 1)..].Replace("\\n", "\n", StringComparison.Ordinal);
            if (line[0] == '=')
            {
                type = line[1..tab];
                made._types[type] = text;
            }
            else
            {
                made._fields[(type, line[..tab])] = text;
            }
        }

        return made;
    }

    public string? Of(string type) => _types.GetValueOrDefault(type) is { Length: > 0 } text ? text : null;

    public string? Of(string type, string field) => _fields.GetValueOrDefault((type, field));
}
