using Kaji.Cel.Lexing;

namespace Kaji.Cel.Parsing;

/// <summary>
/// Second station: words to a tree, by recursive descent, with macros expanded. The first mistake ends it: what follows one is guesswork.
/// Nesting and the height of the tree are bounded, so that no expression can overflow the stack of what walks it.
/// </summary>
internal sealed class Parser
{
    public const int MaxCodePoints = 100_000;
    public const int MaxNesting = 250;
    public const int MaxHeight = 500;
    private const string Primaries = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal)
    {
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
    };

    private readonly Source source;
    private readonly List<Token> tokens;
    private int at;
    private int nesting;

    private Parser(Source source)
    {
        this.source = source;
        tokens = new Lexer(source).Read();
    }

    private Token Current => tokens[at];

    /// <summary>The tree, or null with issues in the source.</summary>
    public static Expr? Parse(Source source)
    {
        var size = Values.CelText.Length(source.Text);
        if (size > MaxCodePoints)
        {
            source.Report(0, $"expression code point size exceeds limit: size: {size}, limit {MaxCodePoints}");
            return null;
        }

        try
        {
            var parser = new Parser(source);
            var expr = parser.Expression();
            if (parser.Current.Kind != TokenKind.End)
            {
                throw parser.Unexpected("extraneous input", "<EOF>");
            }

            return source.Issues.Count == 0 ? expr : null;
        }
        catch (SyntaxException e)
        {
            source.Report(e.Position, e.Message);
            return null;
        }
    }

    private Expr Expression()
    {
        if (++nesting > MaxNesting)
        {
            throw new SyntaxException(Current.Position, $"expression recursion limit exceeded: {MaxNesting}");
        }

        var condition = Logical(Operators.Or, "||");
        if (Current.Is("?"))
        {
            var op = Take();
            var yes = Logical(Operators.Or, "||");
            Expect(":");
            var no = Expression();
            condition = Bounded(new CallExpr(op.Position, Operators.Conditional, null, [condition, yes, no]));
        }

        nesting--;
        return condition;
    }

    // Chains of one logical operator become a balanced tree: a thousand conditions are ten deep.
    private Expr Logical(string function, string symbol)
    {
        var terms = new List<Expr> { Operand(symbol) };
        var ops = new List<int>();
        while (Current.Is(symbol))
        {
            ops.Add(Take().Position);
            terms.Add(Operand(symbol));
        }

        return Balance(0, terms.Count - 1);

        Expr Balance(int low, int high)
        {
            if (low == high)
            {
                return terms[low];
            }

            var middle = (low + high) / 2;
            return Bounded(new CallExpr(ops[middle], function, null, [Balance(low, middle), Balance(middle + 1, high)]));
        }
    }

    private Expr Operand(string symbol) => symbol == "||" ? Logical(Operators.And, "&&") : Binary(1);

    private Expr Binary(int level)
    {
        var left = level == 3 ? Unary() : Binary(level + 1);
        while (Current.Kind is TokenKind.Symbol or TokenKind.Keyword && Operators.Binary(Current.Text) is { Function: { } function } op && op.Level == level)
        {
            var position = Take().Position;
            var right = level == 3 ? Unary() : Binary(level + 1);
            left = Bounded(new CallExpr(position, function, null, [left, right]));
        }

        return left;
    }

    private Expr Unary()
    {
        if (!Current.Is("!") && !Current.Is("-"))
        {
            return Member(Primary());
        }

        var first = Current;
        var count = 0;
        while (Current.Is(first.Text))
        {
            at++;
            count++;
        }

        if (first.Text == "-" && count == 1 && Current.Kind is TokenKind.Int or TokenKind.Double)
        {
            var number = Take();
            object? value = number.Value switch
            {
                double d => (object)-d,
                ulong u when u <= 9223372036854775808 => unchecked(-(long)u),
                _ => throw new SyntaxException(first.Position, "invalid int literal"),
            };
            return Member(new LiteralExpr(first.Position, value));
        }

        var operand = Member(Primary());

        // Pairs cancel out: !!x is x.
        return count % 2 == 0 ? operand : Bounded(new CallExpr(first.Position, first.Text == "!" ? Operators.Not : Operators.Negate, null, [operand]));
    }

    private Expr Member(Expr operand)
    {
        while (true)
        {
            if (Current.Is("."))
            {
                var dot = Take();
                var optional = TakeIf("?");
                if (Current.Kind != TokenKind.Identifier)
                {
                    throw Unexpected("mismatched input", optional ? "IDENTIFIER" : "{'?', IDENTIFIER}");
                }

                var name = Take().Text;
                if (!optional && Current.Is("("))
                {
                    var open = Take();
                    operand = Call(open.Position, name, operand, Arguments(")"));
                }
                else
                {
                    operand = Bounded(new SelectExpr(dot.Position, operand, name, optional: optional));
                }
            }
            else if (Current.Is("["))
            {
                var open = Take();
                var function = TakeIf("?") ? Operators.OptionalIndex : Operators.Index;
                var index = Expression();
                Expect("]");
                operand = Bounded(new CallExpr(open.Position, function, null, [operand, index]));
            }
            else if (Current.Is("{") && TypeName(operand) is { } typeName)
            {
                operand = Struct(typeName);
            }
            else
            {
                return operand;
            }
        }
    }

    private Expr Primary()
    {
        var token = Current;
        switch (token.Kind)
        {
            case TokenKind.Int:
                at++;
                return new LiteralExpr(token.Position, token.Value is ulong and <= long.MaxValue ? (long)(ulong)token.Value : throw new SyntaxException(token.Position, "invalid int literal"));
            case TokenKind.Uint:
                at++;
                return new LiteralExpr(token.Position, token.Value ?? throw new SyntaxException(token.Position, "invalid uint literal"));
            case TokenKind.Double or TokenKind.String or TokenKind.Bytes:
                at++;
                return new LiteralExpr(token.Position, token.Value);
            case TokenKind.Keyword when token.Text != "in":
                at++;
                return new LiteralExpr(token.Position, token.Text switch { "true" => true, "false" => false, _ => (object?)null });
            case TokenKind.Identifier:
                return Identifier(leadingDot: false);
        }

        if (TakeIf("."))
        {
            return Current.Kind == TokenKind.Identifier ? Identifier(leadingDot: true) : throw Unexpected("mismatched input", "IDENTIFIER");
        }

        if (TakeIf("("))
        {
            var inner = Expression();
            Expect(")");
            return inner;
        }

        return Current.Is("[") ? List() : Current.Is("{") ? Map() : throw Unexpected("mismatched input", Primaries);
    }

    private Expr Identifier(bool leadingDot)
    {
        var token = Take();
        var name = token.Text;
        if (Current.Is("("))
        {
            var open = Take();
            return Call(open.Position, leadingDot ? "." + name : name, null, Arguments(")"));
        }

        if (Reserved.Contains(name))
        {
            throw new SyntaxException(token.Position, $"reserved identifier: {name}");
        }

        return new IdentExpr(token.Position, name, leadingDot);
    }

    private Expr Call(int position, string function, Expr? target, List<Expr> arguments) =>
        Bounded(Macros.Expand(position, function, target, arguments, source.Report) ?? new CallExpr(position, function, target, arguments));

    private List<Expr> Arguments(string close)
    {
        var items = new List<Expr>();
        if (TakeIf(close))
        {
            return items;
        }

        do
        {
            items.Add(Expression());
        }
        while (TakeIf(","));
        Expect(close);
        return items;
    }

    private Expr List()
    {
        var open = Take();
        var items = new List<Expr>();
        var optional = new HashSet<int>();
        while (!Current.Is("]"))
        {
            if (TakeIf("?"))
            {
                optional.Add(items.Count);
            }

            items.Add(Expression());
            if (!TakeIf(","))
            {
                break;
            }
        }

        Expect("]");
        return Bounded(new ListExpr(open.Position, items, optional));
    }

    private Expr Map()
    {
        var open = Take();
        var entries = new List<MapEntry>();
        while (!Current.Is("}"))
        {
            var optional = TakeIf("?");
            var key = Expression();
            Expect(":");
            entries.Add(new MapEntry(key, Expression(), optional));
            if (!TakeIf(","))
            {
                break;
            }
        }

        Expect("}");
        return Bounded(new MapExpr(open.Position, entries));
    }

    private Expr Struct(string typeName)
    {
        var open = Take();
        var fields = new List<FieldEntry>();
        while (!Current.Is("}"))
        {
            var optional = TakeIf("?");
            if (Current.Kind != TokenKind.Identifier)
            {
                throw Unexpected("mismatched input", "{'}', '?', IDENTIFIER}");
            }

            var name = Take();
            var colon = Current.Position;
            Expect(":");
            fields.Add(new FieldEntry(colon, name.Text, Expression(), optional));
            if (!TakeIf(","))
            {
                break;
            }
        }

        Expect("}");
        return Bounded(new StructExpr(open.Position, typeName, fields));
    }

    /// <summary>The dotted name that a chain of selections spells, or null.</summary>
    internal static string? TypeName(Expr expr) => expr switch
    {
        IdentExpr ident => ident.LeadingDot ? "." + ident.Name : ident.Name,
        SelectExpr { Test: false, Optional: false } select when TypeName(select.Operand) is { } prefix => $"{prefix}.{select.Field}",
        _ => null,
    };

    private static Expr Bounded(Expr expr) => expr.Depth <= MaxHeight ? expr : throw new SyntaxException(expr.Position, $"expression recursion limit exceeded: {MaxNesting}");

    private Token Take() => tokens[at++];

    private bool TakeIf(string symbol)
    {
        if (!Current.Is(symbol))
        {
            return false;
        }

        at++;
        return true;
    }

    private void Expect(string symbol)
    {
        if (!TakeIf(symbol))
        {
            throw Unexpected(Current.Kind == TokenKind.End ? "mismatched input" : "extraneous input", $"'{symbol}'");
        }
    }

    private SyntaxException Unexpected(string what, string expected) => new(Current.Position, $"Syntax error: {what} '{Current.Shown}' expecting {expected}");

    private sealed class SyntaxException(int position, string message) : Exception(message)
    {
        public int Position { get; } = position;
    }
}
