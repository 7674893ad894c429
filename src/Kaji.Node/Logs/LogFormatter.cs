using System.Buffers;
using System.Text;

namespace Kaji.Node.Logs;

/// <summary>Turns CRI lines into what <c>kubectl logs</c> prints. Keeps what carries over from line to line: the byte limit and whether a line goes on.</summary>
internal sealed class LogFormatter(LogQuery query)
{
    private readonly byte[]? _stream = query.Stream is null ? null : Encoding.ASCII.GetBytes(query.Stream);
    private long _left = query.LimitBytes ?? long.MaxValue;
    private bool _sinceReached = query.Since is null;
    private bool _lineBegins = true;

    /// <summary>The limit is reached: nothing more is wanted.</summary>
    public bool Full => _left <= 0;

    /// <param name="lines">Whole lines with their line feeds.</param>
    public void Write(ReadOnlySpan<byte> lines, IBufferWriter<byte> output)
    {
        while (!lines.IsEmpty && !Full)
        {
            var end = lines.IndexOf((byte)'\n');
            if (LogLine.TryParse(lines[..end], out var line))
            {
                Write(line, output);
            }

            lines = lines[(end + 1)..];
        }
    }

    private void Write(LogLine line, IBufferWriter<byte> output)
    {
        if (_stream is not null && !line.Stream.SequenceEqual(_stream))
        {
            return;
        }

        if (!_sinceReached)
        {
            if (line.TryGetTime(out var time) && time < query.Since)
            {
                return;
            }

            // A log's times do not go back: from here on they need no look.
            _sinceReached = true;
        }

        if (query.Timestamps && _lineBegins)
        {
            if (line.Time.EndsWith("+00:00"u8))
            {
                Put(line.Time[..^6], output);
                Put("Z"u8, output);
            }
            else
            {
                Put(line.Time, output);
            }

            Put(" "u8, output);
        }

        Put(line.Text, output);
        _lineBegins = !line.Partial;
        if (_lineBegins)
        {
            Put("\n"u8, output);
        }
    }

    private void Put(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        bytes = bytes[..(int)Math.Min(bytes.Length, Math.Max(0, _left))];
        output.Write(bytes);
        _left -= bytes.Length;
    }
}
