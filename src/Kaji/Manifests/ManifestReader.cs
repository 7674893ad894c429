using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaji.Manifests;

/// <summary>Where an object of a manifest was written.</summary>
internal sealed record Manifest(JsonObject Object, string File, long Line)
{
    public string Kind => (string?)Object["kind"] ?? "";

    public string ApiVersion => (string?)Object["apiVersion"] ?? "";

    public string Name => (string?)Object["metadata"]?["name"] ?? "";

    public string? Namespace => (string?)Object["metadata"]?["namespace"];
}

/// <summary>
/// Reads manifests as kubectl does: files or directories of YAML or JSON, several documents a file, <c>List</c> kinds opened up. Scalars are resolved
/// by YAML 1.1's rules as kubectl's reader has them (<c>yes</c> is true, <c>017</c> is 15). What is wrong is told with file and line.
/// </summary>
internal static partial class ManifestReader
{
    /// <summary>Bound of one document, so that nested aliases can't fill the memory.</summary>
    private const int MaxNodes = 1_000_000;

    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    public static IReadOnlyList<Manifest> Read(IEnumerable<string> paths)
    {
        var result = new List<Manifest>();
        foreach (var path in paths)
        {
            foreach (var file in Files(path))
            {
                ReadFile(file, result);
            }
        }

        return result;
    }

    private static IEnumerable<string> Files(string path)
    {
        if (Directory.Exists(path))
        {
            var files = Directory.EnumerateFiles(path).Where(f => Extensions.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).ToArray();
            return files.Length > 0 ? files : throw new UserError($"{path} holds no .yaml, .yml or .json file.");
        }

        return File.Exists(path) ? [path] : throw new UserError($"{path}: no such file or directory.");
    }

    private static void ReadFile(string file, List<Manifest> into)
    {
        try
        {
            using var reader = new StreamReader(file);
            var yaml = new YamlStream();
            yaml.Load(new MergingParser(new Parser(reader)));
            foreach (var document in yaml.Documents)
            {
                var budget = MaxNodes;
                Take(Node(document.RootNode, file, ref budget), file, document.RootNode.Start.Line, into);
            }
        }
        catch (YamlException e)
        {
            throw new UserError($"{file} line {e.Start.Line}: not valid YAML: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{file}: {e.Message}");
        }
    }

    private static void Take(JsonNode? node, string file, long line, List<Manifest> into)
    {
        switch (node)
        {
            case null:
                return;
            case JsonObject obj when ((string?)obj["kind"])?.EndsWith("List", StringComparison.Ordinal) == true && obj["items"] is JsonArray items:
                foreach (var item in items)
                {
                    Take(item?.DeepClone(), file, line, into);
                }

                return;
            case JsonObject obj:
                foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind"])
                {
                    if (obj[field] is not JsonValue value || !value.TryGetValue<string>(out var text) || text.Length == 0)
                    {
                        throw new UserError($"{file} line {line}: {field} is not set: each document is a Kubernetes object.");
                    }
                }

                into.Add(new Manifest(obj, file, line));
                return;
            default:
                throw new UserError($"{file} line {line}: a Kubernetes object is a mapping, this is not.");
        }
    }

    private static JsonNode? Node(YamlNode node, string file, ref int budget)
    {
        if (--budget < 0)
        {
            throw new UserError($"{file} line {node.Start.Line}: the document has more than {MaxNodes} values once its aliases are followed.");
        }

        switch (node)
        {
            case YamlScalarNode scalar:
                return scalar.Style == ScalarStyle.Plain ? Resolve(scalar.Value ?? "") : JsonValue.Create(scalar.Value);
            case YamlSequenceNode sequence:
                var array = new JsonArray();
                foreach (var item in sequence.Children)
                {
                    array.Add(Node(item, file, ref budget));
                }

                return array;
            case YamlMappingNode mapping:
                var obj = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    obj[(key as YamlScalarNode)?.Value ?? throw new UserError($"{file} line {key.Start.Line}: a key must be a plain word.")] = Node(value, file, ref budget);
                }

                return obj;
            default:
                throw new UserError($"{file} line {node.Start.Line}: unexpected {node.NodeType}.");
        }
    }

    private static JsonNode? Resolve(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N":
                return JsonValue.Create(false);
        }

        if (Integer().IsMatch(text))
        {
            var digits = text.Replace("_", "", StringComparison.Ordinal);
            var negative = digits[0] == '-';
            var bare = digits.TrimStart('-', '+');
            try
            {
                var value = bare switch
                {
                    ['0', 'x' or 'X', .. var hex] => Convert.ToInt64(hex, 16),
                    ['0', 'b' or 'B', .. var bits] => Convert.ToInt64(bits, 2),
                    ['0', 'o' or 'O', .. var octal] => Convert.ToInt64(octal, 8),
                    ['0', _, ..] when bare.All(c => c is >= '0' and <= '7') => Convert.ToInt64(bare, 8),
                    _ => long.Parse(bare, CultureInfo.InvariantCulture),
                };
                return JsonValue.Create(negative ? -value : value);
            }
            catch (OverflowException)
            {
                return JsonValue.Create(double.Parse(digits, CultureInfo.InvariantCulture));
            }
        }

        return Float().IsMatch(text) ? JsonValue.Create(double.Parse(text.Replace("_", "", StringComparison.Ordinal), CultureInfo.InvariantCulture)) : JsonValue.Create(text);
    }

    [GeneratedRegex("^[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Float();
}
