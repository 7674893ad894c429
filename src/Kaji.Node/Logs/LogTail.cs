using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Kaji.Node.Logs;

/// <summary>Finds where the last lines of a log begin, reading from its end backwards in blocks: the cost is that of the lines, not of the file.</summary>
internal static class LogTail
{
    private const int Block = 64 * 1024;

    /// <summary>Offset of the first of the last <paramref name="lines"/> whole lines of a file (pieces of one line count once).</summary>
    public static long Find(SafeFileHandle file, long lines)
    {
        var length = RandomAccess.GetLength(file);
        if (lines == 0)
        {
            return AfterLastLine(file, length);
        }

        var buffer = ArrayPool<byte>.Shared.Rent(Block);
        try
        {
            long found = 0;
            var end = length;
            while (end > 0)
            {
                var start = Math.Max(0, end - Block);
                var count = RandomAccess.Read(file, buffer.AsSpan(0, (int)(end - start)), start);
                for (var i = count - 1; i >= 0; i--)
                {
                    // A line feed ends one line; the next begins after it. The wanted ones begin after the end of a whole line that is one too many.
                    if (buffer[i] == (byte)'\n' && EndsWholeLine(file, start + i) && ++found > lines)
                    {
                        return start + i + 1;
                    }
                }

                end = start;
            }

            return 0;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static long AfterLastLine(SafeFileHandle file, long length)
    {
        Span<byte> one = stackalloc byte[1];
        while (length > 0 && RandomAccess.Read(file, one, length - 1) == 1 && one[0] != (byte)'\n')
        {
            length--;
        }

        return length;
    }

    /// <summary>Whether the line that the line feed at <paramref name="feed"/> ends carries the F tag.</summary>
    private static bool EndsWholeLine(SafeFileHandle file, long feed)
    {
        // conmon cuts lines at 8 KiB, so the start is near; a longer line counts as whole.
        const int Reach = 16 * 1024;
        var from = Math.Max(0, feed - Reach);
        var piece = ArrayPool<byte>.Shared.Rent(Reach);
        try
        {
            // Short lines are the rule: a small look first.
            foreach (var reach in (ReadOnlySpan<int>)[512, Reach])
            {
                var start = Math.Max(from, feed - reach);
                var count = RandomAccess.Read(file, piece.AsSpan(0, (int)(feed - start)), start);
                var before = piece.AsSpan(0, count).LastIndexOf((byte)'\n');
                if (before >= 0 || start == 0)
                {
                    return !LogLine.TryParse(piece.AsSpan((before + 1)..count), out var line) || !line.Partial;
                }
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
