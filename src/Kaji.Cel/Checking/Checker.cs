using Kaji.Cel.Lexing;
using Kaji.Cel.Parsing;

namespace Kaji.Cel.Checking;

/// <summary>
/// Third station: gives every node its type, finds what names and calls mean, and reports what fits nothing in the words of cel-go. An expression
/// that was reported gets the error type, which fits everything, so that one mistake is told once.
/// </summary>
internal sealed class Checker(CelEnvironment environment, Source source)
{
    private static readonly CelType A = CelType.Parameter("A");
    private readonly TypeUnifier types = new();
    private readonly List<(string Name, CelType Type)> locals = [];
    private readonly List<Expr> all = [];
    private int mixedAllowed;

    /// <summary>Variables that the expression reads.</summary>
    public HashSet<string> References { get; } = new(StringComparer.Ordinal);

    public void Check(Expr expr)
    {
        Visit(expr);
        foreach (var node in all)
        {
            node.Type = types.Resolve(node.Type, unknownIsDyn: true);
        }
    }

    private CelType Visit(Expr expr)
    {
        all.Add(expr);
        return expr.Type = expr switch
        {
            LiteralExpr literal => Values.CelValues.TypeOf(literal.Value),
            IdentExpr ident => Ident(ident),
            SelectExpr select => Select(select),
            CallExpr call => Call(call),
            ListExpr list => List(list),
            MapExpr map => Map(map),
            StructExpr made => Struct(made),
            ComprehensionExpr loop => Comprehension(loop),
            BindExpr bind => Within(bind.Name, Visit(bind.Value), () => Visit(bind.Body)),
            OptMapExpr map => OptMap(map),
            _ => CelType.Error,
        };
    }

    private CelType Ident(IdentExpr ident)
    {
        for (var i = locals.Count - 1; i >= 0 && !ident.LeadingDot; i--)
        {
            if (locals[i].Name == ident.Name)
            {
                return locals[i].Type;
            }
        }

        ident.Resolved = FindIdentifier(ident.LeadingDot ? "." + ident.Name : ident.Name);
        return ident.Resolved?.Type ?? Undeclared(ident.Position, ident.Name);
    }

    private Declaration? FindIdentifier(string name)
    {
        var found = environment.Candidates(name).Select(environment.FindIdentifier).FirstOrDefault(declared => declared is not null);
        if (found is { Value: null })
        {
            References.Add(found.Name);
        }

        return found;
    }

    private CelType Undeclared(int position, string name) => Wrong(position, $"undeclared reference to '{name}' (in container '{environment.Container}')");

    private CelType Wrong(int position, string message)
    {
        source.Report(position, message);
        return CelType.Error;
    }

    private bool IsRootLocal(Expr expr)
    {
        while (expr is SelectExpr select)
        {
            expr = select.Operand;
        }

        return expr is IdentExpr { LeadingDot: false } ident && locals.Exists(local => local.Name == ident.Name);
    }

    private CelType Select(SelectExpr select)
    {
        if (!select.Test && !select.Optional && Parser.TypeName(select) is { } qualified && !IsRootLocal(select) && FindIdentifier(qualified) is { } found)
        {
            select.Resolved = found;
            return found.Type;
        }

        var operand = types.Resolve(Visit(select.Operand), unknownIsDyn: false);
        var wrapped = select.Optional || operand.Kind == CelTypeKind.Optional;
        if (operand.Kind == CelTypeKind.Optional)
        {
            operand = types.Resolve(operand.Element, unknownIsDyn: false);
        }

        CelType result;
        switch (operand.Kind)
        {
            case CelTypeKind.Dyn or CelTypeKind.Parameter:
                result = CelType.Dyn;
                break;
            case CelTypeKind.Error:
                return CelType.Error;
            case CelTypeKind.Map:
                result = operand.Value;
                break;
            case CelTypeKind.Object:
                if (!operand.TryGetField(select.Field, out result))
                {
                    return Wrong(select.Position, $"undefined field '{select.Field}'");
                }

                break;
            default:
                return Wrong(select.Position, $"type '{types.Resolve(operand, true)}' does not support field selection");
        }

        return select.Test ? CelType.Bool : wrapped && result.Kind != CelTypeKind.Optional ? CelType.Optional(result) : result;
    }

    private CelType Call(CallExpr call)
    {
        if (call.Target is { } target && Parser.TypeName(target) is { } prefix && !IsRootLocal(target))
        {
            var name = environment.Candidates($"{prefix}.{call.Function}").FirstOrDefault(candidate => environment.FindFunction(candidate).Count > 0);
            if (name is not null)
            {
                call.Target = null;
                call.Function = name;
            }
        }

        var mixed = call is { Target: not null, Function: "format" } or { Function: "math.@max" or "math.@min" } ? 1 : 0;
        mixedAllowed += mixed;
        var arguments = new List<CelType>();
        if (call.Target is not null)
        {
            arguments.Add(Visit(call.Target));
        }

        foreach (var argument in call.Arguments)
        {
            arguments.Add(Visit(argument));
        }

        mixedAllowed -= mixed;
        var overloads = environment.FindFunction(call.Function);
        if (call.Target is null)
        {
            foreach (var candidate in environment.Candidates(call.Function))
            {
                overloads = environment.FindFunction(candidate);
                if (overloads.Count > 0)
                {
                    call.Function = candidate;
                    break;
                }
            }
        }

        if (overloads.Count == 0)
        {
            return Undeclared(call.Position, call.Function.TrimStart('.'));
        }

        var result = Overload(call, overloads, arguments);
        return result.Kind == CelTypeKind.Error ? result : Literals(call, result);
    }

    private CelType Overload(CallExpr call, IReadOnlyList<CelOverload> overloads, List<CelType> arguments)
    {
        CelType? result = null;
        var fitting = new List<CelOverload>();
        foreach (var overload in overloads)
        {
            if (overload.IsMember != call.Target is not null || overload.Arguments.Count != arguments.Count)
            {
                continue;
            }

            var mark = types.Mark;
            var names = overload.HasParameters ? new Dictionary<string, CelType>(StringComparer.Ordinal) : null;
            var fits = true;
            for (var i = 0; i < arguments.Count && fits; i++)
            {
                fits = types.IsAssignable(names is null ? overload.Arguments[i] : types.Instantiate(overload.Arguments[i], names), arguments[i]);
            }

            if (!fits)
            {
                types.Undo(mark);
                continue;
            }

            fitting.Add(overload);
            var made = types.Resolve(names is null ? overload.Result : types.Instantiate(overload.Result, names), unknownIsDyn: false);
            result = result is null || result.Is(made) ? made : CelType.Dyn;
        }

        call.Overloads = fitting;
        return result ?? NoOverload(call.Position, call.Function, arguments, call.Target is not null);
    }

    private CelType NoOverload(int position, string function, IReadOnlyList<CelType> arguments, bool member)
    {
        var shown = arguments.Select(type => types.Resolve(type, unknownIsDyn: true).ToString()).ToList();
        var signature = member ? $"{shown[0]}.({string.Join(", ", shown.Skip(1))})" : $"({string.Join(", ", shown)})";
        return arguments.Any(type => type.Kind == CelTypeKind.Error) ? CelType.Error : Wrong(position, $"found no matching overload for '{function}' applied to '{signature}'");
    }

    /// <summary>Literals that can be known to be wrong before anything is evaluated.</summary>
    private CelType Literals(CallExpr call, CelType result)
    {
        if (call.Arguments.LastOrDefault() is not LiteralExpr { Value: string text } literal)
        {
            return result;
        }

        var bad = call.Function switch
        {
            "duration" => !Values.CelDuration.TryParse(text, out _),
            "timestamp" => !Values.CelTimestamp.TryParse(text, out _),
            "matches" => !Regexes.Re2.TryCompile(text, out _, out _),
            _ => false,
        };
        return bad ? Wrong(literal.Position, $"invalid {call.Function} argument") : result;
    }

    private CelType List(ListExpr list)
    {
        CelType? element = null;
        for (var i = 0; i < list.Items.Count; i++)
        {
            var type = Visit(list.Items[i]);
            if (list.Optional.Contains(i))
            {
                type = Unwrapped(list.Items[i], type);
            }

            element = Join(element, type, list.Items[i]);
        }

        return CelType.List(element ?? types.Fresh());
    }

    private CelType Map(MapExpr map)
    {
        CelType? key = null;
        CelType? value = null;
        foreach (var entry in map.Entries)
        {
            key = Join(key, Visit(entry.Key), entry.Key);
            var type = Visit(entry.Value);
            value = Join(value, entry.Optional ? Unwrapped(entry.Value, type) : type, entry.Value);
        }

        return CelType.Map(key ?? types.Fresh(), value ?? types.Fresh());
    }

    private CelType Unwrapped(Expr item, CelType type)
    {
        var resolved = types.Resolve(type, unknownIsDyn: false);
        return resolved.Kind switch
        {
            CelTypeKind.Optional => resolved.Element,
            CelTypeKind.Dyn or CelTypeKind.Error or CelTypeKind.Parameter => resolved,
            _ => Wrong(item.Position, $"expected type '{CelType.Optional(resolved)}' but found '{resolved}'"),
        };
    }

    private CelType Join(CelType? before, CelType type, Expr item)
    {
        if (before is null)
        {
            return type;
        }

        var mark = types.Mark;
        if (types.IsAssignable(before, type))
        {
            return types.MostGeneral(before, type);
        }

        types.Undo(mark);
        if (mixedAllowed > 0)
        {
            return CelType.Dyn;
        }

        Wrong(item.Position, $"expected type '{types.Resolve(before, true)}' but found '{types.Resolve(type, true)}'");
        return before;
    }

    private CelType Struct(StructExpr made)
    {
        var type = environment.Candidates(made.TypeName).Select(environment.FindType).FirstOrDefault(found => found is not null);
        if (type is null)
        {
            foreach (var field in made.Fields)
            {
                Visit(field.Value);
            }

            return Undeclared(made.Position, made.TypeName);
        }

        if (type.Kind != CelTypeKind.Object)
        {
            return Wrong(made.Position, $"'{type.Name}' is not a message type");
        }

        foreach (var field in made.Fields)
        {
            var value = Visit(field.Value);
            if (field.Optional)
            {
                value = Unwrapped(field.Value, value);
            }

            if (!type.TryGetField(field.Name, out var expected))
            {
                Wrong(field.Position, $"undefined field '{field.Name}'");
            }
            else if (!types.IsAssignable(expected, value))
            {
                Wrong(field.Position, $"expected type of field '{field.Name}' is '{expected}' but provided type is '{types.Resolve(value, true)}'");
            }
        }

        return type;
    }

    private CelType Comprehension(ComprehensionExpr loop)
    {
        var range = types.Resolve(Visit(loop.Range), unknownIsDyn: false);
        var (key, value) = range.Kind switch
        {
            CelTypeKind.List => (CelType.Int, range.Element),
            CelTypeKind.Map => (range.Element, range.Value),
            CelTypeKind.Dyn or CelTypeKind.Parameter => (CelType.Dyn, CelType.Dyn),
            CelTypeKind.Error => (CelType.Error, CelType.Error),
            _ => (Wrong(loop.Range.Position, $"expression of type '{types.Resolve(range, true)}' cannot be range of a comprehension (must be list, map, or dynamic)"), CelType.Error),
        };
        var first = loop.Second is not null || range.Kind == CelTypeKind.Map ? key : value;
        return Within(loop.Variable, first, () => loop.Second is null ? Body(loop, key, first) : Within(loop.Second, value, () => Body(loop, key, first)));
    }

    private CelType Body(ComprehensionExpr loop, CelType key, CelType element)
    {
        if (loop.Predicate is not null)
        {
            var predicate = types.Resolve(Visit(loop.Predicate), unknownIsDyn: false);
            if (!types.IsAssignable(CelType.Bool, predicate))
            {
                var made = CelType.List(loop.Transform is null ? element : CelType.Dyn);
                return loop.Kind switch
                {
                    MacroKind.All => NoOverload(loop.Position, Operators.And, [CelType.Bool, predicate], false),
                    MacroKind.Exists => NoOverload(loop.Position, Operators.Or, [CelType.Bool, predicate], false),
                    MacroKind.ExistsOne => NoOverload(loop.Position, Operators.Conditional, [predicate, CelType.Int, CelType.Int], false),
                    _ => NoOverload(loop.Position, Operators.Conditional, [predicate, made, made], false),
                };
            }
        }

        var result = loop.Transform is null ? element : Visit(loop.Transform);
        switch (loop.Kind)
        {
            case MacroKind.All or MacroKind.Exists or MacroKind.ExistsOne:
                return CelType.Bool;
            case MacroKind.TransformMap:
                return CelType.Map(key, result);
            case MacroKind.TransformMapEntry:
                var entry = CelType.Map(types.Fresh(), types.Fresh());
                return types.IsAssignable(entry, result) ? types.Resolve(entry, false) : NoOverload(loop.Position, "cel.@mapInsert", [entry, result], false);
            default:
                return CelType.List(result);
        }
    }

    private CelType OptMap(OptMapExpr map)
    {
        var target = types.Resolve(Visit(map.Target), unknownIsDyn: false);
        if (target.Kind is not (CelTypeKind.Optional or CelTypeKind.Dyn or CelTypeKind.Parameter or CelTypeKind.Error))
        {
            return NoOverload(map.Position, "hasValue", [target], true);
        }

        var body = Within(map.Name, target.Kind == CelTypeKind.Optional ? target.Element : CelType.Dyn, () => Visit(map.Body));
        if (!map.Flat)
        {
            return CelType.Optional(body);
        }

        var optional = CelType.Optional(types.Fresh());
        return types.IsAssignable(optional, body) ? types.Resolve(optional, false) : NoOverload(map.Position, Operators.Conditional, [CelType.Bool, body, CelType.Optional(A)], false);
    }

    private CelType Within(string name, CelType type, Func<CelType> visit)
    {
        locals.Add((name, type));
        var result = visit();
        locals.RemoveAt(locals.Count - 1);
        return result;
    }
}
