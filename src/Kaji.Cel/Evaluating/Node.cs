using Kaji.Cel.Costs;
using Kaji.Cel.Parsing;
using Kaji.Cel.Values;

namespace Kaji.Cel.Evaluating;

/// <summary>A step of a program. Errors are values here: whoever can't absorb them passes them on.</summary>
internal abstract class Node
{
    public abstract object? Evaluate(Frame frame);
}

internal sealed class ConstantNode(object? value) : Node
{
    public override object? Evaluate(Frame frame) => value;
}

internal sealed class VariableNode(string name) : Node
{
    public override object? Evaluate(Frame frame)
    {
        frame.Charge(1);
        return frame.Bindings.TryGet(name, out var value) ? value : new CelError($"no such attribute(s): {name}");
    }
}

internal sealed class SlotNode(int slot) : Node
{
    public override object? Evaluate(Frame frame)
    {
        frame.Charge(1);
        return frame.Slots[slot];
    }
}

internal sealed class SelectNode(Node operand, string field, bool optional) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var value = operand.Evaluate(frame);
        if (value is CelError)
        {
            return value;
        }

        frame.Charge(1);
        if (value is CelOptional wrapped)
        {
            return !wrapped.HasValue ? wrapped : Find(wrapped.Value, field, out var found) is { } wrong ? wrong : found is null && !Has(wrapped.Value, field) ? CelOptional.None : Wrap(found);
        }

        if (Find(value, field, out var selected) is { } error)
        {
            return error;
        }

        if (optional)
        {
            return selected is null && !Has(value, field) ? CelOptional.None : Wrap(selected);
        }

        return selected is null && !Has(value, field) ? CelError.NoSuchKey(field) : selected;
    }

    private static object Wrap(object? value) => value as CelOptional ?? CelOptional.Of(value);

    private static CelError? Find(object? value, string field, out object? found)
    {
        found = null;
        switch (value)
        {
            case CelObject o:
                o.TryGetField(field, out found);
                return null;
            case CelMap map:
                map.TryGet(field, out found);
                return null;
            default:
                return CelError.NoSuchOverload;
        }
    }

    internal static bool Has(object? value, string field) => value switch
    {
        CelObject o => o.TryGetField(field, out _),
        CelMap map => map.TryGet(field, out _),
        _ => false,
    };
}

internal sealed class TestNode(Node operand, string field) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var value = operand.Evaluate(frame);
        return value switch
        {
            CelError => value,
            CelOptional optional => optional.HasValue && SelectNode.Has(optional.Value, field),
            CelObject or CelMap => SelectNode.Has(value, field),
            _ => CelError.NoSuchOverload,
        };
    }
}

/// <summary><c>&amp;&amp;</c> and <c>||</c>: the deciding value wins over errors on either side.</summary>
internal sealed class LogicalNode(Node left, Node right, bool deciding) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var a = left.Evaluate(frame);
        if (a is bool x && x == deciding)
        {
            return a;
        }

        var b = right.Evaluate(frame);
        if (b is bool y && y == deciding)
        {
            return b;
        }

        return a is CelError ? a : b is CelError ? b : a is bool && b is bool ? !deciding : CelError.NoSuchOverload;
    }
}

internal sealed class ConditionalNode(Node condition, Node yes, Node no) : Node
{
    public override object? Evaluate(Frame frame) => condition.Evaluate(frame) switch
    {
        bool chosen => (chosen ? yes : no).Evaluate(frame),
        CelError error => error,
        _ => CelError.NoSuchOverload,
    };
}

internal sealed class CallNode(IReadOnlyList<CelOverload> overloads, Node[] arguments) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var values = new object?[arguments.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = arguments[i].Evaluate(frame);
            if (values[i] is CelError)
            {
                return values[i];
            }
        }

        foreach (var overload in overloads)
        {
            var fits = true;
            for (var i = 0; i < values.Length && fits; i++)
            {
                fits = CelValues.Fits(values[i], overload.Arguments[i]);
            }

            if (fits)
            {
                frame.Tick();
                if (overload.Cost is not { NeedsResult: true } cost)
                {
                    frame.Charge(overload.Cost?.Actual(values, null) ?? 1);
                    return overload.Body(values);
                }

                var result = overload.Body(values);
                frame.Charge(cost.Actual(values, result));
                return result;
            }
        }

        return CelError.NoSuchOverload;
    }
}

internal sealed class ListNode(Node[] items, IReadOnlySet<int> optional) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var values = new List<object?>(items.Length);
        for (var i = 0; i < items.Length; i++)
        {
            var value = items[i].Evaluate(frame);
            if (value is CelError)
            {
                return value;
            }

            if (optional.Contains(i))
            {
                if (value is not CelOptional wrapped)
                {
                    return CelError.NoSuchOverload;
                }

                if (wrapped.HasValue)
                {
                    values.Add(wrapped.Value);
                }
            }
            else
            {
                values.Add(value);
            }
        }

        frame.Charge(CallCosts.List);
        return new CelArray(values);
    }
}

internal sealed class MapNode((Node Key, Node Value, bool Optional)[] entries) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var map = new CelDictionary();
        foreach (var (keyNode, valueNode, optional) in entries)
        {
            var key = keyNode.Evaluate(frame);
            var value = valueNode.Evaluate(frame);
            if (key is CelError || value is CelError)
            {
                return key as CelError ?? value;
            }

            if (optional)
            {
                if (value is not CelOptional wrapped)
                {
                    return CelError.NoSuchOverload;
                }

                if (!wrapped.HasValue)
                {
                    continue;
                }

                value = wrapped.Value;
            }

            if (Insert(map, key, value) is { } wrong)
            {
                return wrong;
            }
        }

        frame.Charge(CallCosts.Map);
        return map;
    }

    public static CelError? Insert(CelDictionary map, object? key, object? value)
    {
        if (key is not (string or bool or long or ulong))
        {
            return new CelError("unsupported key type");
        }

        return map.TryAdd(key, value) ? null : new CelError($"Failed with repeated key: {CelText.Show(key)}");
    }
}

internal sealed class StructNode(CelType type, (string Name, Node Value, bool Optional)[] fields) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var made = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, node, optional) in fields)
        {
            var value = node.Evaluate(frame);
            if (value is CelError)
            {
                return value;
            }

            if (optional)
            {
                if (value is not CelOptional wrapped)
                {
                    return CelError.NoSuchOverload;
                }

                if (!wrapped.HasValue)
                {
                    continue;
                }

                value = wrapped.Value;
            }

            made[name] = value;
        }

        frame.Charge(CallCosts.Struct);
        return new CelConstructed(type, made);
    }
}

internal sealed class BindNode(int slot, Node value, Node body) : Node
{
    public override object? Evaluate(Frame frame)
    {
        frame.Charge(CallCosts.List);
        frame.Slots[slot] = value.Evaluate(frame);
        return body.Evaluate(frame);
    }
}

internal sealed class OptMapNode(int slot, Node target, Node body, bool flat) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var value = target.Evaluate(frame);
        frame.Charge(1);
        if (value is not CelOptional wrapped)
        {
            return value as CelError ?? CelError.NoSuchOverload;
        }

        if (!wrapped.HasValue)
        {
            frame.Charge(1);
            return wrapped;
        }

        frame.Charge(CallCosts.List + 2);
        frame.Slots[slot] = wrapped.Value;
        var result = body.Evaluate(frame);
        return result is CelError || flat ? result : CelOptional.Of(result);
    }
}

/// <summary>A loop over a list, the keys of a map, or the fields of an object; charged as the expansion of the macro would be.</summary>
internal sealed class ComprehensionNode(MacroKind kind, Node range, int slot, int second, Node? predicate, Node? transform) : Node
{
    public override object? Evaluate(Frame frame)
    {
        var over = range.Evaluate(frame);
        if (over is CelError)
        {
            return over;
        }

        IEnumerable<(object? Key, object? Value)>? items = over switch
        {
            CelList list => list.Select((item, index) => ((object?)(long)index, item)),
            CelMap map => map.Keys.Select(key => (key, map.TryGet(key, out var value) ? value : null)),
            CelObject o => o.FieldNames.Select(name => ((object?)(Json.CelEscaping.TryEscape(name, out var escaped) ? escaped : name), o.TryGetByName(name, out var value) ? value : null)),
            _ => null,
        };
        if (items is null)
        {
            return CelError.NoSuchOverload;
        }

        var single = second < 0;
        var values = over is CelList;
        return kind switch
        {
            MacroKind.All => Decide(frame, items, single && values, deciding: false, head: 2),
            MacroKind.Exists => Decide(frame, items, single && values, deciding: true, head: 3),
            MacroKind.ExistsOne => One(frame, items, single && values),
            MacroKind.TransformMap or MacroKind.TransformMapEntry => Map(frame, items),
            _ => List(frame, items, single && values),
        };
    }

    private void Bind(Frame frame, (object? Key, object? Value) item, bool value)
    {
        frame.Tick();
        frame.Slots[slot] = value ? item.Value : item.Key;
        if (second >= 0)
        {
            frame.Slots[second] = item.Value;
        }
    }

    private object? Decide(Frame frame, IEnumerable<(object? Key, object? Value)> items, bool value, bool deciding, ulong head)
    {
        object? outcome = !deciding;
        foreach (var item in items)
        {
            frame.Charge(head);
            if (outcome is bool decided && decided == deciding)
            {
                break;
            }

            Bind(frame, item, value);
            frame.Charge(1);
            var result = predicate!.Evaluate(frame);
            outcome = result switch
            {
                bool b when b == deciding => b,
                CelError => outcome is CelError ? outcome : result,
                bool => outcome,
                _ => outcome is CelError ? outcome : CelError.NoSuchOverload,
            };
        }

        frame.Charge(1);
        return outcome;
    }

    private object? One(Frame frame, IEnumerable<(object? Key, object? Value)> items, bool value)
    {
        var count = 0;
        foreach (var item in items)
        {
            Bind(frame, item, value);
            switch (predicate!.Evaluate(frame))
            {
                case CelError error:
                    return error;
                case bool b:
                    frame.Charge(b ? 2UL : 1);
                    count += b ? 1 : 0;
                    break;
                default:
                    return CelError.NoSuchOverload;
            }
        }

        frame.Charge(2);
        return count == 1;
    }

    /// <summary>Null when the item passes, else what to answer, or false to pass over it.</summary>
    private object? Filter(Frame frame)
    {
        if (predicate is null)
        {
            return null;
        }

        var passes = predicate.Evaluate(frame);
        if (passes is false)
        {
            frame.Charge(1);
        }

        return passes switch { true => null, false => passes, CelError => passes, _ => CelError.NoSuchOverload };
    }

    private object? List(Frame frame, IEnumerable<(object? Key, object? Value)> items, bool value)
    {
        frame.Charge(CallCosts.List);
        var made = new List<object?>();
        foreach (var item in items)
        {
            Bind(frame, item, value);
            var passed = Filter(frame);
            if (passed is CelError)
            {
                return passed;
            }

            if (passed is false)
            {
                continue;
            }

            var result = transform is null ? (value ? item.Value : item.Key) : transform.Evaluate(frame);
            if (result is CelError)
            {
                return result;
            }

            made.Add(result);
            frame.Charge(CallCosts.List + (transform is null ? 3UL : 2));
        }

        frame.Charge(1);
        return new CelArray(made);
    }

    private object? Map(Frame frame, IEnumerable<(object? Key, object? Value)> items)
    {
        frame.Charge(CallCosts.Map);
        var made = new CelDictionary();
        foreach (var item in items)
        {
            Bind(frame, item, value: false);
            var passed = Filter(frame);
            if (passed is CelError)
            {
                return passed;
            }

            if (passed is false)
            {
                continue;
            }

            var result = transform!.Evaluate(frame);
            if (result is CelError)
            {
                return result;
            }

            if (kind == MacroKind.TransformMap)
            {
                frame.Charge(3);
                if (MapNode.Insert(made, item.Key, result) is { } wrong)
                {
                    return wrong;
                }

                continue;
            }

            frame.Charge(2);
            if (result is not CelMap entries)
            {
                return CelError.NoSuchOverload;
            }

            foreach (var key in entries.Keys)
            {
                entries.TryGet(key, out var entry);
                if (MapNode.Insert(made, key, entry) is { } wrong)
                {
                    return new CelError($"insert failed: key {CelText.Show(key)} already exists");
                }
            }
        }

        frame.Charge(1);
        return made;
    }
}
