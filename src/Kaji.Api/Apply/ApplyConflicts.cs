using System.Text;

namespace Kaji.Api.Apply;

/// <summary>Says whose fields an apply wanted to change.</summary>
internal static class ApplyConflicts
{
    public static ApiError Error(IReadOnlyList<(ManagerEntry Owner, FieldSet Fields)> conflicts)
    {
        var all = conflicts.SelectMany(c => c.Fields.Paths().Select(path => (c.Owner, Path: FieldSet.Show(path)))).ToArray();
        return new ApiError(409, "Conflict", Message(all))
        {
            Causes = [.. all.Select(c => new FieldError("FieldManagerConflict", c.Path, $"conflict with {Show(c.Owner)}"))],
        };
    }

    private static string Message((ManagerEntry Owner, string Path)[] all)
    {
        if (all is [var only])
        {
            return $"Apply failed with 1 conflict: conflict with {Show(only.Owner)}: {only.Path}";
        }

        var text = new StringBuilder($"Apply failed with {all.Length} conflicts: ");
        foreach (var owner in all.GroupBy(c => Show(c.Owner), StringComparer.Ordinal))
        {
            text.Append(text[^1] == ' ' ? "" : "\n").Append("conflicts with ").Append(owner.Key).Append(':');
            foreach (var (_, path) in owner)
            {
                text.Append("\n- ").Append(path);
            }
        }

        return text.ToString();
    }

    private static string Show(ManagerEntry owner) =>
        $"\"{owner.Manager}\"{(owner.Subresource.Length > 0 ? $" with subresource \"{owner.Subresource}\"" : "")}{(owner.Applies ? "" : $" using {owner.ApiVersion}")}";
}
