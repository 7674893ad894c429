namespace Kaji.Cel.Lexing;

internal enum TokenKind
{
    End,
    Identifier,
    Keyword,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Symbol,
}

/// <summary>A word of an expression: where it stands, its text, and for literals its value.</summary>
internal readonly record struct Token(TokenKind Kind, int Position, string Text, object? Value = null)
{
    public bool Is(string symbol) => Kind is TokenKind.Symbol or TokenKind.Keyword && string.Equals(Text, symbol, StringComparison.Ordinal);

    /// <summary>As error texts show it.</summary>
    public string Shown => Kind == TokenKind.End ? "<EOF>" : Text;
}
