namespace Kaji.Cel.Parsing;

/// <summary>Names of the operators as functions, which error texts show too.</summary>
internal static class Operators
{
    public const string Conditional = "_?_:_";
    public const string And = "_&&_";
    public const string Or = "_||_";
    public const string Not = "!_";
    public const string Negate = "-_";
    public const string Equal = "_==_";
    public const string NotEqual = "_!=_";
    public const string Less = "_<_";
    public const string LessEqual = "_<=_";
    public const string Greater = "_>_";
    public const string GreaterEqual = "_>=_";
    public const string In = "@in";
    public const string Add = "_+_";
    public const string Subtract = "_-_";
    public const string Multiply = "_*_";
    public const string Divide = "_/_";
    public const string Modulo = "_%_";
    public const string Index = "_[_]";
    public const string OptionalIndex = "_[?_]";

    public static (string? Function, int Level) Binary(string symbol) => symbol switch
    {
        "==" => (Equal, 1),
        "!=" => (NotEqual, 1),
        "<" => (Less, 1),
        "<=" => (LessEqual, 1),
        ">" => (Greater, 1),
        ">=" => (GreaterEqual, 1),
        "in" => (In, 1),
        "+" => (Add, 2),
        "-" => (Subtract, 2),
        "*" => (Multiply, 3),
        "/" => (Divide, 3),
        "%" => (Modulo, 3),
        _ => (null, 0),
    };
}
