using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Win32.SafeHandles;

namespace Kaji.Node.Logs;

/// <summary>
/// Serves a container's log file: filtered, without CRI's prefixes, from the tail if asked, and on as it grows, over rotations (the file renamed, a new one
/// of the old name begun). Waits for the kernel's notice; never polls.
/// </summary>
/// <param name="changes">Needed to follow.</param>
internal sealed class LogReader(DirectoryChanges changes)
{
    private const int Chunk = 64 * 1024, MaxLine = 1 << 20;

    /// <param name="path">The file that conmon writes.</param>
    /// <param name="ended">Completes when no more will be written: a follower then reads to the end and leaves.</param>
    public async Task CopyAsync(string path, LogQuery query, PipeWriter output, Task ended, CancellationToken cancellationToken)
    {
        // Listening begins before the first look, so that no change falls between.
        using var listener = query.Follow && !ended.IsCompleted ? changes.Listen(Path.GetDirectoryName(path)!) : null;
        if (listener is not null)
        {
            _ = ended.ContinueWith(static (_, state) => ((DirectoryChanges.Listener)state!).Signal(), listener, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        var format = new LogFormatter(query);
        var file = Open(path);
        try
        {
            // What /proc says of the open file tells a rename, whatever the path went through.
            var name = NameOf(file);
            var offset = query.TailLines is { } tail ? LogTail.Find(file, tail) : 0;
            while (true)
            {
                var last = listener is null || ended.IsCompleted;
                var rotated = listener is not null && NameOf(file) != name && File.Exists(path);
                offset = await ReadToEndAsync(file, offset, format, output, cancellationToken);
                var flushed = await output.FlushAsync(cancellationToken);
                if (format.Full || flushed.IsCompleted)
                {
                    return;
                }

                if (rotated)
                {
                    file.Dispose();
                    file = Open(path);
                    name = NameOf(file);
                    offset = 0;
                    continue;
                }

                if (last)
                {
                    return;
                }

                await listener!.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            file.Dispose();
        }
    }

    /// <summary>Formats all whole lines from an offset on; returns where they end.</summary>
    private static async Task<long> ReadToEndAsync(SafeFileHandle file, long offset, LogFormatter format, PipeWriter output, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            while (!format.Full)
            {
                var count = RandomAccess.Read(file, buffer, offset);
                var whole = buffer.AsSpan(0, count).LastIndexOf((byte)'\n') + 1;
                if (whole == 0)
                {
                    if (count < buffer.Length || buffer.Length >= MaxLine)
                    {
                        // Nothing, or a line still being written (or one that no runtime writes: passed over in pieces).
                        return count < buffer.Length ? offset : offset + count;
                    }

                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = ArrayPool<byte>.Shared.Rent(buffer.Length * 4);
                    continue;
                }

                format.Write(buffer.AsSpan(0, whole), output);
                offset += whole;
                var flushed = await output.FlushAsync(cancellationToken);
                if (flushed.IsCompleted)
                {
                    return offset;
                }
            }

            return offset;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static SafeFileHandle Open(string path) => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private static string? NameOf(SafeFileHandle file) => new FileInfo($"/proc/self/fd/{file.DangerousGetHandle()}").LinkTarget;
}
