using Kaji.Cel.Checking;

namespace Kaji.Cel.Parsing;

/// <summary>A node of the parsed expression. The checker writes types and resolutions into it; after that nobody changes it.</summary>
internal abstract class Expr(int position, int depth)
{
    /// <summary>Where it stands, as code units from the start; calls and selections stand where their bracket, operator or dot does.</summary>
    public int Position { get; } = position;

    /// <summary>Height of the tree below, which the parser bounds so that no walk overflows the stack.</summary>
    public int Depth { get; } = depth + 1;

    public CelType Type { get; set; } = CelType.Dyn;
}

internal sealed class LiteralExpr(int position, object? value) : Expr(position, 0)
{
    public object? Value { get; } = value;
}

internal sealed class IdentExpr(int position, string name, bool leadingDot = false) : Expr(position, 0)
{
    public string Name { get; } = name;

    public bool LeadingDot { get; } = leadingDot;

    /// <summary>The declared name, or a type's.</summary>
    public Declaration? Resolved { get; set; }
}

/// <summary><c>a.b</c>, <c>has(a.b)</c>, <c>a.?b</c>.</summary>
internal sealed class SelectExpr(int position, Expr operand, string field, bool test = false, bool optional = false) : Expr(position, operand.Depth)
{
    public Expr Operand { get; } = operand;

    public string Field { get; } = field;

    public bool Test { get; } = test;

    public bool Optional { get; } = optional;

    /// <summary>The whole chain is the name of a variable with dots.</summary>
    public Declaration? Resolved { get; set; }
}

internal sealed class CallExpr(int position, string function, Expr? target, IReadOnlyList<Expr> arguments)
    : Expr(position, Math.Max(target?.Depth ?? 0, arguments.Count == 0 ? 0 : arguments.Max(a => a.Depth)))
{
    public string Function { get; set; } = function;

    /// <summary>What stands before the dot; null also once the checker found it to be a namespace (<c>sets.contains</c>).</summary>
    public Expr? Target { get; set; } = target;

    public IReadOnlyList<Expr> Arguments { get; } = arguments;

    public IReadOnlyList<CelOverload> Overloads { get; set; } = [];
}

internal sealed class ListExpr(int position, IReadOnlyList<Expr> items, IReadOnlySet<int> optional) : Expr(position, items.Count == 0 ? 0 : items.Max(i => i.Depth))
{
    public IReadOnlyList<Expr> Items { get; } = items;

    public IReadOnlySet<int> Optional { get; } = optional;
}

internal readonly record struct MapEntry(Expr Key, Expr Value, bool Optional);

internal sealed class MapExpr(int position, IReadOnlyList<MapEntry> entries)
    : Expr(position, entries.Count == 0 ? 0 : entries.Max(e => Math.Max(e.Key.Depth, e.Value.Depth)))
{
    public IReadOnlyList<MapEntry> Entries { get; } = entries;
}

internal readonly record struct FieldEntry(int Position, string Name, Expr Value, bool Optional);

internal sealed class StructExpr(int position, string typeName, IReadOnlyList<FieldEntry> fields) : Expr(position, fields.Count == 0 ? 0 : fields.Max(f => f.Value.Depth))
{
    public string TypeName { get; } = typeName;

    public IReadOnlyList<FieldEntry> Fields { get; } = fields;
}

internal enum MacroKind
{
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    TransformList,
    TransformMap,
    TransformMapEntry,
}

/// <summary>A macro over a list or map: <c>range.all(v, predicate)</c>, <c>range.map(v, predicate, transform)</c>, <c>range.transformMap(k, v, transform)</c>.</summary>
internal sealed class ComprehensionExpr(int position, MacroKind kind, Expr range, string variable, string? second, Expr? predicate, Expr? transform)
    : Expr(position, Math.Max(range.Depth, Math.Max(predicate?.Depth ?? 0, transform?.Depth ?? 0)))
{
    public MacroKind Kind { get; } = kind;

    public Expr Range { get; } = range;

    public string Variable { get; } = variable;

    public string? Second { get; } = second;

    public Expr? Predicate { get; } = predicate;

    public Expr? Transform { get; } = transform;
}

/// <summary><c>cel.bind(name, value, body)</c>.</summary>
internal sealed class BindExpr(int position, string name, Expr value, Expr body) : Expr(position, Math.Max(value.Depth, body.Depth))
{
    public string Name { get; } = name;

    public Expr Value { get; } = value;

    public Expr Body { get; } = body;
}

/// <summary><c>optional.optMap(name, body)</c>, <c>optional.optFlatMap(name, body)</c>.</summary>
internal sealed class OptMapExpr(int position, Expr target, string name, Expr body, bool flat) : Expr(position, Math.Max(target.Depth, body.Depth))
{
    public Expr Target { get; } = target;

    public string Name { get; } = name;

    public Expr Body { get; } = body;

    public bool Flat { get; } = flat;
}
