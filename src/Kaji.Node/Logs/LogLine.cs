using System.Globalization;
using System.Text;

namespace Kaji.Node.Logs;

/// <summary>
/// One line of CRI's log format, as conmon writes it: <c>2026-11-23T14:05:12.123456789+00:00 stdout F text</c>. <c>P</c> marks a piece of a line that goes on
/// in the next one of the same stream.
/// </summary>
internal readonly ref struct LogLine
{
    private LogLine(ReadOnlySpan<byte> time, ReadOnlySpan<byte> stream, bool partial, ReadOnlySpan<byte> text)
    {
        Time = time;
        Stream = stream;
        Partial = partial;
        Text = text;
    }

    public ReadOnlySpan<byte> Time { get; }

    public ReadOnlySpan<byte> Stream { get; }

    public bool Partial { get; }

    /// <summary>Without the line feed.</summary>
    public ReadOnlySpan<byte> Text { get; }

    /// <param name="line">Without its line feed.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, out LogLine parsed)
    {
        parsed = default;
        var space = line.IndexOf((byte)' ');
        if (space <= 0)
        {
            return false;
        }

        var rest = line[(space + 1)..];
        var second = rest.IndexOf((byte)' ');
        if (second <= 0 || rest.Length < second + 2)
        {
            return false;
        }

        // The tag may be followed by more tags after a colon.
        var tags = rest[(second + 1)..];
        var end = tags.IndexOf((byte)' ');
        var tag = end < 0 ? tags : tags[..end];
        parsed = new LogLine(line[..space], rest[..second], tag[0] == (byte)'P', end < 0 ? default : tags[(end + 1)..]);
        return tag[0] is (byte)'P' or (byte)'F';
    }

    /// <summary>The time as RFC 3339; false when it is none.</summary>
    public bool TryGetTime(out DateTimeOffset time)
    {
        Span<char> text = stackalloc char[48];
        time = default;
        return Time.Length <= text.Length && Encoding.ASCII.TryGetChars(Time, text, out var length)
            && DateTimeOffset.TryParse(text[..length], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }
}
