using System.Globalization;

namespace Kaji.ApiServer.Protobuf;

/// <summary>A field of a message: its JSON name, its type, and whether it is one (' '), repeated ('+'), a map ('~') or inlined ('^').</summary>
internal sealed record ProtobufField(string Name, string Type, char Shape);

/// <summary>Which number is which field: read from <c>protobuf.txt</c> at the first protobuf body.</summary>
internal static class ProtobufSchema
{
    private static readonly Lazy<Dictionary<string, Dictionary<int, ProtobufField>>> All = new(Load);
    private static readonly Dictionary<int, ProtobufField> None = [];

    /// <summary>The message of a kind, or null.</summary>
    public static string? MessageOf(string apiVersion, string kind)
    {
        var parts = apiVersion.Split('/');
        var name = parts.Length == 1 ? $"core.{parts[0]}.{kind}" : $"{parts[0].Split('.')[0]}.{parts[1]}.{kind}";
        return All.Value.ContainsKey(name) ? name : All.Value.ContainsKey($"meta.{kind}") ? $"meta.{kind}" : null;
    }

    public static IReadOnlyDictionary<int, ProtobufField> Fields(string message) => All.Value.GetValueOrDefault(message, None);

    /// <summary>Whether a message stands for a plain list: its only field is <c>items</c>, of strings.</summary>
    public static bool IsList(string message) => Fields(message) is { Count: 1 } only && only.TryGetValue(1, out var field) && field is { Name: "items", Type: "s" };

    private static Dictionary<string, Dictionary<int, ProtobufField>> Load()
    {
        var all = new Dictionary<string, Dictionary<int, ProtobufField>>(StringComparer.Ordinal);
        using var stream = typeof(ProtobufSchema).Assembly.GetManifestResourceStream("protobuf.txt") ?? throw new InvalidOperationException("protobuf.txt is not embedded.");
        using var reader = new StreamReader(stream);
        Dictionary<int, ProtobufField> fields = [];
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line[0] == '=')
            {
                all[line[1..]] = fields = [];
                continue;
            }

            var words = line.Split(' ');
            var shape = words[2][0] is '+' or '~' or '^' ? words[2][0] : ' ';
            fields[int.Parse(words[0], CultureInfo.InvariantCulture)] = new ProtobufField(words[1], shape == ' ' ? words[2] : words[2][1..], shape);
        }

        return all;
    }
}
