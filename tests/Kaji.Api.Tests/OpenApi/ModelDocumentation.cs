using System.Reflection;
using System.Text;
using System.Text.Json.Serialization;
using System.Xml;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.OpenApi;

/// <summary>Kubernetes' descriptions of its types and fields, read from the documentation file of the KubernetesClient package: the summaries of its models are those descriptions.</summary>
internal static class ModelDocumentation
{
    private static readonly Type[] Models = [.. typeof(k8s.Models.V1Pod).Assembly.GetExportedTypes().Where(t => t.Namespace == "k8s.Models" && t.IsClass)];

    /// <summary>The lines of <c>descriptions</c>: <c>=DEFINITION</c>, tab, its text; then a line a field: name, tab, text. Line breaks are written \n.</summary>
    public static string Lines()
    {
        var file = typeof(ModelDocumentation).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(a => a.Key == "KubernetesClientDocumentation").Value!;
        var summaries = Summaries(file);
        var lines = new StringBuilder();
        foreach (var name in BuiltInSchemas.Names.Order(StringComparer.Ordinal))
        {
            var definition = BuiltInSchemas.Find(name)!;
            var model = ModelOf(definition);
            lines.Append('=').Append(name).Append('\t').Append(model is null ? "" : Text(summaries.GetValueOrDefault("T:" + model.FullName))).Append('\n');
            if (model is null)
            {
                continue;
            }

            foreach (var property in model.GetProperties())
            {
                if (JsonName(property) is { } field && definition.Field(field) is not null && Text(summaries.GetValueOrDefault($"P:{model.FullName}.{property.Name}")) is { Length: > 0 } text)
                {
                    lines.Append(field).Append('\t').Append(text).Append('\n');
                }
            }
        }

        return lines.ToString();
    }

    /// <summary>The model whose name ends in the version (or another version, where the package has left an older one out) and the definition's name, and whose fields are the definition's.</summary>
    private static Type? ModelOf(Definition definition)
    {
        var parts = definition.Name.Split('.');
        var (name, version) = (parts[^1], parts[^2] == "version" ? "" : parts[^2]);
        var group = parts[^3];
        return Models.Where(t => t.Name.EndsWith(name, StringComparison.Ordinal) && (t.Name.Length == name.Length || char.IsAsciiDigit(t.Name[^(name.Length + 1)])))
            .Select(t => (Type: t, Known: t.GetProperties().Count(p => JsonName(p) is { } f && definition.Field(f) is not null), All: t.GetProperties().Count(p => JsonName(p) is not null)))
            .Where(c => c.Known == definition.Fields.Count || c.Known * 10 > definition.Fields.Count * 7)
            .OrderByDescending(c => c.Type.Name[..^name.Length].EndsWith(version, StringComparison.OrdinalIgnoreCase))
            .ThenByDescending(c => (2 * c.Known) - c.All).ThenByDescending(c => c.Type.Name.StartsWith(group, StringComparison.OrdinalIgnoreCase)).ThenBy(c => c.Type.Name.Length)
            .Select(c => c.Type).FirstOrDefault();
    }

    private static string? JsonName(PropertyInfo property) => property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name;

    private static Dictionary<string, string> Summaries(string file)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        using var reader = XmlReader.Create(file);
        var member = "";
        while (reader.Read())
        {
            if (reader is { NodeType: XmlNodeType.Element, Name: "member" })
            {
                member = reader.GetAttribute("name")!;
            }
            else if (reader is { NodeType: XmlNodeType.Element, Name: "summary" } && member.Length > 2 && member[0] is 'T' or 'P' && member.StartsWith("k8s.Models.", StringComparison.Ordinal) is false && member[2..].StartsWith("k8s.Models.", StringComparison.Ordinal))
            {
                all[member] = reader.ReadElementContentAsString();
            }
        }

        return all;
    }

    /// <summary>Wrapped lines joined; paragraphs and list items keep theirs.</summary>
    private static string Text(string? summary)
    {
        var text = new StringBuilder();
        var blank = false;
        foreach (var line in (summary ?? "").Split('\n').Select(l => l.Trim()))
        {
            if (line.Length == 0)
            {
                blank = text.Length > 0;
                continue;
            }

            text.Append(text.Length == 0 ? "" : blank ? "\\n\\n" : line.StartsWith("- ", StringComparison.Ordinal) || line.StartsWith("* ", StringComparison.Ordinal) ? "\\n" : " ").Append(line);
            blank = false;
        }

        return text.ToString();
    }
}
