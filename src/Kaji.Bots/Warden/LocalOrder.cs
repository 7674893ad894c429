using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaji.Bots.Api;

namespace Kaji.Bots.Warden;

/// <summary>What the file of a halt made on one machine (<c>kaji halt --local</c>) says. As it lies there, the last line once the server knows of it:
/// <code>
/// flatten
/// the exchange is odd
/// local-4f1c0a93d2
/// </code></summary>
/// <param name="Halt">The Halt that the machine's agent has made of it; null before.</param>
public sealed record LocalOrder(bool Flatten, string Why, string? Halt)
{
    /// <summary>Reads the file's text; of a damaged one (a machine that lost power) this much is sure, that somebody wanted a halt.</summary>
    public static LocalOrder Parse(string text)
    {
        var lines = text.Split('\n');
        return new LocalOrder(lines[0] == "flatten", lines.ElementAtOrDefault(1) ?? "", lines.ElementAtOrDefault(2) is { Length: > 0 } halt ? halt : null);
    }

    /// <summary>The file's text.</summary>
    public string Format() => $"{(Flatten ? "flatten" : "keep")}\n{Why.ReplaceLineEndings(" ")}\n{(Halt is null ? "" : Halt + "\n")}";

    /// <summary>Name of its Halt: the same however often it is asked for, so that an answer that got lost makes no second one.</summary>
    public string NameOn(string host, DateTime written) =>
        "local-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{host}\n{written.Ticks}\n{Flatten}\n{Why}"))))[..10];

    /// <summary>The Halt with bots added; null when it names all of them. None is taken out: it stays halted until it is resumed, wherever it is by then.</summary>
    public static HaltSpec? Adding(HaltSpec halt, IEnumerable<string> bots)
    {
        string[] all = [.. (halt.Bots ?? []).Union(bots, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return all.Length == (halt.Bots?.Count ?? 0) ? null : halt with { Bots = all };
    }
}
