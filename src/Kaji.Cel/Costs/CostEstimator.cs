using Kaji.Cel.Parsing;
using Kaji.Cel.Values;

namespace Kaji.Cel.Costs;

/// <summary>
/// What evaluating an expression will cost at least and at most, from the sizes that types allow. A list of at most 10 strings of at most 100 characters in
/// <c>self.all(s, s.matches('a+'))</c> is 10 times the price of one match; without bounds the worst case is endless, and the host refuses the rule.
/// Macros cost what the loops cost that cel-go expands them to: so estimates and the limits told to users agree.
/// </summary>
internal sealed class CostEstimator
{
    private readonly Dictionary<string, Stack<CelRange>> locals = new(StringComparer.Ordinal);

    private readonly record struct Shape(CelRange Cost, CelRange Size, CelRange? Entry = null);

    public static CelRange Estimate(Expr expr) => new CostEstimator().Walk(expr).Cost;

    /// <summary>How large a value of a type may be.</summary>
    public static CelRange SizeOf(CelType type) => type.Kind switch
    {
        CelTypeKind.String or CelTypeKind.Bytes or CelTypeKind.List or CelTypeKind.Map or CelTypeKind.Object => type.MaxSize is { } most ? new CelRange(0, (ulong)Math.Max(0, most)) : CelRange.Unknown,
        CelTypeKind.Dyn or CelTypeKind.Parameter => type.MaxSize is { } most ? new CelRange(0, (ulong)Math.Max(0, most)) : CelRange.Unknown,
        CelTypeKind.Optional => SizeOf(type.Element),
        _ => CelRange.One,
    };

    private Shape Walk(Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal:
                return new Shape(default, CelRange.Fixed((ulong)CelValues.Size(literal.Value)));
            case IdentExpr ident:
                return new Shape(CelRange.One, locals.TryGetValue(ident.Name, out var sizes) && sizes.Count > 0 ? sizes.Peek() : SizeOf(ident.Type));
            case SelectExpr { Resolved: not null }:
                return new Shape(CelRange.One, SizeOf(expr.Type));
            case SelectExpr { Test: true } test:
                return new Shape(Walk(test.Operand).Cost, CelRange.One);
            case SelectExpr select:
                // Fields of what has no type are free here, as they are in cel-go's estimate.
                return new Shape(Walk(select.Operand).Cost.Add(select.Operand.Type.Kind is CelTypeKind.Dyn ? 0UL : 1), SizeOf(select.Type));
            case CallExpr call:
                return Call(call);
            case ListExpr list:
                return List(list);
            case MapExpr map:
                return Map(map);
            case StructExpr made:
                return new Shape(made.Fields.Aggregate(CelRange.Fixed(CallCosts.Struct), (sum, field) => sum.Add(Walk(field.Value).Cost)), SizeOf(made.Type));
            case BindExpr bind:
                var value = Walk(bind.Value);
                var body = With(bind.Name, value.Size, () => Walk(bind.Body));
                return body with { Cost = value.Cost.Add(body.Cost).Add(CallCosts.List) };
            case OptMapExpr map:
                var target = Walk(map.Target);
                var inner = With(map.Name, target.Size, () => Walk(map.Body));
                var most = inner.Cost.Add(target.Cost).Add(CallCosts.List + 2);
                return new Shape(target.Cost.Add(1).Add(new CelRange(1, Math.Max(1, most.Max))), inner.Size);
            case ComprehensionExpr loop:
                return Loop(loop);
            default:
                return default;
        }
    }

    private Shape List(ListExpr list)
    {
        var cost = CelRange.Fixed(CallCosts.List);
        CelRange? entry = null;
        foreach (var item in list.Items)
        {
            var shape = Walk(item);
            cost = cost.Add(shape.Cost);
            entry = entry?.Union(shape.Size) ?? shape.Size;
        }

        return new Shape(cost, CelRange.Fixed((ulong)list.Items.Count), entry ?? default(CelRange));
    }

    private Shape Map(MapExpr map)
    {
        var cost = CelRange.Fixed(CallCosts.Map);
        CelRange? entry = null;
        foreach (var item in map.Entries)
        {
            var key = Walk(item.Key);
            var value = Walk(item.Value);
            cost = cost.Add(key.Cost).Add(value.Cost);
            entry = entry?.Union(value.Size) ?? value.Size;
        }

        return new Shape(cost, CelRange.Fixed((ulong)map.Entries.Count), entry ?? default(CelRange));
    }

    private Shape Call(CallExpr call)
    {
        var arguments = call.Target is null ? call.Arguments : [call.Target, .. call.Arguments];
        var shapes = arguments.Select(Walk).ToArray();
        var costs = shapes.Aggregate(default(CelRange), (sum, shape) => sum.Add(shape.Cost));
        switch (call.Function)
        {
            case Operators.And or Operators.Or:
                return new Shape(new CelRange(shapes[0].Cost.Min, costs.Max), CelRange.One);
            case Operators.Conditional:
                return new Shape(shapes[0].Cost.Add(shapes[1].Cost.Union(shapes[2].Cost)), shapes[1].Size.Union(shapes[2].Size), shapes[1].Entry is { } yes && shapes[2].Entry is { } no ? yes.Union(no) : null);
            case "dyn":
                return shapes[0] with { Cost = costs.Add(1) };
            case Operators.Index:
                return new Shape(costs.Add(1), shapes[0].Entry ?? SizeOf(call.Type));
        }

        var shapeOfCall = new CelCallShape([.. shapes.Select(s => s.Size)], [.. arguments.Select(a => a.Type)], [.. arguments.Select(a => (a as LiteralExpr)?.Value)]);
        CelRange? own = null;
        CelRange? size = null;
        foreach (var overload in call.Overloads)
        {
            var estimate = overload.Cost?.Estimate(shapeOfCall) ?? new CelCallEstimate(CelRange.One);
            own = own?.Union(estimate.Cost) ?? estimate.Cost;
            size = estimate.Size is { } made ? size?.Union(made) ?? made : size;
        }

        var entry = call.Function == Operators.Add && shapes[0].Entry is { } left && shapes[1].Entry is { } right ? left.Union(right) : (CelRange?)null;
        return new Shape(costs.Add(own ?? CelRange.One), size ?? SizeOf(call.Type), entry);
    }

    private Shape Loop(ComprehensionExpr loop)
    {
        var range = Walk(loop.Range);
        var type = loop.Range.Type;
        var value = range.Entry ?? (type.Kind switch { CelTypeKind.List => SizeOf(type.Element), CelTypeKind.Map => SizeOf(type.Value), _ => CelRange.Unknown });
        var key = type.Kind switch { CelTypeKind.List => CelRange.One, CelTypeKind.Map => SizeOf(type.Element), _ => CelRange.Unknown };
        var first = loop.Second is not null || type.Kind == CelTypeKind.Map ? key : value;
        var (predicate, transform) = With(loop.Variable, first, () => With(loop.Second ?? string.Empty, value, () => (
            loop.Predicate is null ? default : Walk(loop.Predicate),
            loop.Transform is null ? default : Walk(loop.Transform))));

        (ulong Init, CelRange Step, ulong Result) parts = loop.Kind switch
        {
            MacroKind.All => (0, new CelRange(3, CelRange.Add(3, predicate.Cost.Max)), 1),
            MacroKind.Exists => (0, new CelRange(4, CelRange.Add(4, predicate.Cost.Max)), 1),
            MacroKind.ExistsOne => (0, predicate.Cost.Add(new CelRange(1, 2)), 2),
            MacroKind.Filter => (CallCosts.List, predicate.Cost.Add(new CelRange(1, 3 + CallCosts.List)), 1),
            MacroKind.Map or MacroKind.TransformList => (CallCosts.List, Filtered(loop, predicate.Cost, transform.Cost.Add(2 + CallCosts.List)), 1),
            MacroKind.TransformMap => (CallCosts.Map, Filtered(loop, predicate.Cost, transform.Cost.Add(3)), 1),
            _ => (CallCosts.Map, Filtered(loop, predicate.Cost, transform.Cost.Add(2)), 1),
        };
        var cost = range.Cost.Add(parts.Init).Add(range.Size.Multiply(parts.Step)).Add(parts.Result);
        return loop.Kind switch
        {
            MacroKind.All or MacroKind.Exists or MacroKind.ExistsOne => new Shape(cost, CelRange.One),
            MacroKind.Filter => new Shape(cost, new CelRange(0, range.Size.Max), value),
            _ => new Shape(cost, loop.Predicate is null ? range.Size : new CelRange(0, range.Size.Max), transform.Size),
        };
    }

    private static CelRange Filtered(ComprehensionExpr loop, CelRange predicate, CelRange step) =>
        loop.Predicate is null ? step : predicate.Add(new CelRange(1, Math.Max(1, step.Max)));

    private T With<T>(string name, CelRange size, Func<T> walk)
    {
        if (!locals.TryGetValue(name, out var sizes))
        {
            locals[name] = sizes = new Stack<CelRange>();
        }

        sizes.Push(size);
        var result = walk();
        sizes.Pop();
        return result;
    }
}
