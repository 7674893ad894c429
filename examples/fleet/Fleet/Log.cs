using System.Globalization;

namespace Fleet;

/// <summary>One line a happening on standard output: time, words.</summary>
internal static class Log
{
    public static void Line(TimeProvider time, string text) =>
        Console.Out.WriteLine($"{time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)} {text}");
}
