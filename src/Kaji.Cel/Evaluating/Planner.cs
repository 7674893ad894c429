using Kaji.Cel.Json;
using Kaji.Cel.Parsing;

namespace Kaji.Cel.Evaluating;

/// <summary>Fourth station: the checked tree to a tree of steps, with variables of macros in numbered slots.</summary>
internal sealed class Planner
{
    private readonly List<string> locals = [];
    private int slots;

    public CelProgram Plan(Expr expr) => new(Make(expr), slots);

    private Node Make(Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal:
                return new ConstantNode(literal.Value);
            case IdentExpr ident:
                var slot = ident.LeadingDot || ident.Resolved is not null ? -1 : locals.LastIndexOf(ident.Name);
                return slot >= 0 ? new SlotNode(slot) : Declared(ident.Resolved!);
            case SelectExpr { Resolved: { } resolved }:
                return Declared(resolved);
            case SelectExpr { Test: true } test:
                return new TestNode(Make(test.Operand), test.Field);
            case SelectExpr select:
                return new SelectNode(Make(select.Operand), select.Field, select.Optional);
            case CallExpr call:
                return Call(call);
            case ListExpr list:
                return new ListNode([.. list.Items.Select(Make)], list.Optional);
            case MapExpr map:
                return new MapNode([.. map.Entries.Select(entry => (Make(entry.Key), Make(entry.Value), entry.Optional))]);
            case StructExpr made:
                return new StructNode(made.Type, [.. made.Fields.Select(field => (CelEscaping.TryUnescape(field.Name, out var name) ? name : field.Name, Make(field.Value), field.Optional))]);
            case BindExpr bind:
                var value = Make(bind.Value);
                return new BindNode(locals.Count, value, Within(() => Make(bind.Body), bind.Name));
            case OptMapExpr map:
                var target = Make(map.Target);
                return new OptMapNode(locals.Count, target, Within(() => Make(map.Body), map.Name), map.Flat);
            case ComprehensionExpr loop:
                return Loop(loop);
            default:
                throw new InvalidOperationException($"{expr.GetType().Name} has no step.");
        }
    }

    private static Node Declared(Checking.Declaration declaration) => declaration.Value is null ? new VariableNode(declaration.Name) : new ConstantNode(declaration.Value);

    private Node Call(CallExpr call)
    {
        var arguments = (call.Target is null ? call.Arguments : [call.Target, .. call.Arguments]).Select(Make).ToArray();
        return call.Function switch
        {
            Operators.And => new LogicalNode(arguments[0], arguments[1], deciding: false),
            Operators.Or => new LogicalNode(arguments[0], arguments[1], deciding: true),
            Operators.Conditional => new ConditionalNode(arguments[0], arguments[1], arguments[2]),
            _ => new CallNode(call.Overloads, arguments),
        };
    }

    private ComprehensionNode Loop(ComprehensionExpr loop)
    {
        var range = Make(loop.Range);
        var slot = locals.Count;
        Node? predicate = null;
        Node? transform = null;
        string[] names = loop.Second is null ? [loop.Variable] : [loop.Variable, loop.Second];
        Within(
            () =>
            {
                predicate = loop.Predicate is null ? null : Make(loop.Predicate);
                transform = loop.Transform is null ? null : Make(loop.Transform);
                return null;
            },
            names);
        return new ComprehensionNode(loop.Kind, range, slot, loop.Second is null ? -1 : slot + 1, predicate, transform);
    }

    private Node Within(Func<Node?> make, params string[] names)
    {
        locals.AddRange(names);
        slots = Math.Max(slots, locals.Count);
        var node = make();
        locals.RemoveRange(locals.Count - names.Length, names.Length);
        return node!;
    }
}
