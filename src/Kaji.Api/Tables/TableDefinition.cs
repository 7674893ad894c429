using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tables;

/// <summary>A column of the server-side Table that <c>kubectl get</c> asks for; priority 1 is shown with <c>-o wide</c> only.</summary>
public sealed record TableColumn(string Name, string Type, string Format, int Priority)
{
    public string Description { get; init; } = Name;
}

/// <summary>How a resource is shown: its columns and the cells of an object.</summary>
public sealed class TableDefinition
{
    private static readonly Lazy<Dictionary<(string, string, string), TableColumn[]>> Known = new(Load);

    private static readonly TableColumn[] Fallback = [new("Name", "string", "name", 0), new("Age", "string", "", 0)];

    private readonly Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>> _cells;

    private TableDefinition(IReadOnlyList<TableColumn> columns, Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>> cells)
    {
        Columns = columns;
        _cells = cells;
    }

    public IReadOnlyList<TableColumn> Columns { get; }

    /// <summary>The definition of a resource; kinds without one show name and age.</summary>
    public static TableDefinition For(ResourceInfo resource)
    {
        if (resource.Custom is { } custom)
        {
            return custom.Table;
        }

        var columns = Known.Value.GetValueOrDefault((resource.Group, resource.Version, resource.Plural), Fallback);
        var cells = Cells.For(resource.Group, resource.Plural);
        return new TableDefinition(columns, (obj, now) => cells?.Invoke(obj, now) ?? [.. columns.Select(c => Cells.Generic(c.Name, obj, now))]);
    }

    internal static TableDefinition Of(IReadOnlyList<TableColumn> columns, Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>> cells) => new(columns, cells);

    /// <summary>The cells of an object, one a column.</summary>
    public IReadOnlyList<JsonNode?> CellsOf(JsonObject obj, DateTimeOffset now) => _cells(obj, now);

    private static Dictionary<(string, string, string), TableColumn[]> Load()
    {
        var all = new Dictionary<(string, string, string), List<TableColumn>>();
        List<TableColumn> columns = [];
        foreach (var line in EmbeddedFacts.Lines("columns.txt"))
        {
            if (line[0] == '=')
            {
                var w = line[1..].Split(' ');
                all[(w[0] == "-" ? "" : w[0], w[1], w[2])] = columns = [];
            }
            else
            {
                var w = line.Split('|');
                columns.Add(new TableColumn(w[0], w[1], w[2], w[3] == "1" ? 1 : 0));
            }
        }

        return all.ToDictionary(p => p.Key, p => p.Value.ToArray());
    }
}
