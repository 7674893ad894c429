namespace Kaji.Cel.Parsing;

/// <summary>Calls that are not calls: their arguments are names and expressions rather than values.</summary>
internal static class Macros
{
    /// <summary>What a call expands to; null when the call is no macro.</summary>
    public static Expr? Expand(int position, string function, Expr? target, IReadOnlyList<Expr> arguments, Action<int, string> report)
    {
        if (target is null)
        {
            return function == "has" && arguments.Count == 1 ? Has(position, arguments[0], report) : null;
        }

        switch (function, arguments.Count)
        {
            case ("bind", 3) when target is IdentExpr { Name: "cel" }:
                return arguments[0] is IdentExpr name ? new BindExpr(position, name.Name, arguments[1], arguments[2]) : Wrong(arguments[0], "cel.bind() variable names must be simple identifiers", report);
            case ("optMap" or "optFlatMap", 2):
                return arguments[0] is IdentExpr optional
                    ? new OptMapExpr(position, target, optional.Name, arguments[1], function == "optFlatMap")
                    : Wrong(arguments[0], $"{function}() variable name must be a simple identifier", report);
        }

        if (target is IdentExpr { Name: "math" } && function is "greatest" or "least" && arguments.Count > 0)
        {
            // One argument is a number or a list; several are a list.
            return new CallExpr(position, function == "greatest" ? "math.@max" : "math.@min", null, [arguments.Count == 1 ? arguments[0] : new ListExpr(position, arguments, new HashSet<int>())]);
        }

        if (function == "sortBy" && arguments.Count == 2)
        {
            if (arguments[0] is not IdentExpr key)
            {
                return Wrong(arguments[0], "sortBy can only be applied to a list, map, or identifier variable", report);
            }

            var keys = new ComprehensionExpr(position, MacroKind.Map, new IdentExpr(position, "@sorted"), key.Name, null, null, arguments[1]);
            return new BindExpr(position, "@sorted", target, new CallExpr(position, "@sortByAssociatedKeys", new IdentExpr(position, "@sorted"), [keys]));
        }

        var (kind, second, filter) = (function, arguments.Count) switch
        {
            ("all", 2) => (MacroKind.All, false, true),
            ("all", 3) => (MacroKind.All, true, true),
            ("exists", 2) => (MacroKind.Exists, false, true),
            ("exists", 3) => (MacroKind.Exists, true, true),
            ("exists_one" or "existsOne", 2) => (MacroKind.ExistsOne, false, true),
            ("exists_one" or "existsOne", 3) => (MacroKind.ExistsOne, true, true),
            ("filter", 2) => (MacroKind.Filter, false, true),
            ("map", 2) => (MacroKind.Map, false, false),
            ("map", 3) => (MacroKind.Map, false, true),
            ("transformList", 3) => (MacroKind.TransformList, true, false),
            ("transformList", 4) => (MacroKind.TransformList, true, true),
            ("transformMap", 3) => (MacroKind.TransformMap, true, false),
            ("transformMap", 4) => (MacroKind.TransformMap, true, true),
            ("transformMapEntry", 3) => (MacroKind.TransformMapEntry, true, false),
            ("transformMapEntry", 4) => (MacroKind.TransformMapEntry, true, true),
            _ => ((MacroKind?)null, false, false),
        };
        if (kind is null)
        {
            return null;
        }

        var names = second ? 2 : 1;
        for (var i = 0; i < names; i++)
        {
            if (arguments[i] is not IdentExpr { LeadingDot: false })
            {
                return Wrong(arguments[i], "argument must be a simple name", report);
            }

            if (((IdentExpr)arguments[i]).Name is "__result__" or "@result")
            {
                return Wrong(arguments[i], "iteration variable overwrites accumulator variable", report);
            }
        }

        var first = ((IdentExpr)arguments[0]).Name;
        var other = second ? ((IdentExpr)arguments[1]).Name : null;
        if (first == other)
        {
            return Wrong(arguments[1], $"duplicate variable name: {first}", report);
        }

        var predicate = filter ? arguments[names] : null;
        var transform = arguments.Count > names + (filter ? 1 : 0) ? arguments[^1] : null;
        return new ComprehensionExpr(position, kind.Value, target, first, other, predicate, transform);
    }

    private static Expr Has(int position, Expr argument, Action<int, string> report) =>
        argument is SelectExpr { Test: false, Optional: false } select ? new SelectExpr(position, select.Operand, select.Field, test: true) : Wrong(argument, "invalid argument to has() macro", report);

    private static LiteralExpr Wrong(Expr at, string message, Action<int, string> report)
    {
        report(at.Position, message);
        return new LiteralExpr(at.Position, null);
    }
}
