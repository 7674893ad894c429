using System.Text.Json.Nodes;

namespace Kaji.Api.CustomResources;

/// <summary>A simple JSON path to one field: <c>.spec.replicas</c>, <c>.metadata.labels['a.b/c']</c>. No filters, no arrays: what scale and selectable fields may use.</summary>
public sealed class FieldPath
{
    private FieldPath(string text, IReadOnlyList<string> steps) => (Text, Steps) = (text, steps);

    /// <summary>As written, with its leading dot.</summary>
    public string Text { get; }

    public IReadOnlyList<string> Steps { get; }

    /// <summary>As field selectors name it: <c>spec.color</c>.</summary>
    public string Name => Text.TrimStart('.');

    public static FieldPath Parse(string text)
    {
        var steps = new List<string>();
        var at = 0;
        while (at < text.Length)
        {
            if (text[at] == '[' && at + 1 < text.Length && text[at + 1] is '\'' or '"')
            {
                var quote = text[at + 1];
                var end = text.IndexOf(quote, at + 2);
                if (end < 0)
                {
                    break;
                }

                steps.Add(text[(at + 2)..end]);
                at = end + 2;
                continue;
            }

            if (text[at] == '.')
            {
                at++;
            }

            var stop = at;
            while (stop < text.Length && text[stop] is not ('.' or '['))
            {
                stop++;
            }

            if (stop == at)
            {
                break;
            }

            steps.Add(text[at..stop]);
            at = stop;
        }

        return new FieldPath(text, steps);
    }

    /// <summary>The value there, or null.</summary>
    public JsonNode? Find(JsonNode? node)
    {
        foreach (var step in Steps)
        {
            node = (node as JsonObject)?[step];
        }

        return node;
    }

    /// <summary>Sets the value, making the objects on the way.</summary>
    public void Set(JsonObject obj, JsonNode? value)
    {
        for (var i = 0; i < Steps.Count - 1; i++)
        {
            if (obj[Steps[i]] is not JsonObject next)
            {
                obj[Steps[i]] = next = [];
            }

            obj = next;
        }

        obj[Steps[^1]] = value;
    }
}
