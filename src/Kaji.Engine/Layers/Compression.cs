using System.IO.Compression;

namespace Kaji.Engine.Layers;

/// <summary>Opens gzip, zstd and plain content alike, by its first bytes: media types are often wrong.</summary>
internal static class Compression
{
    /// <summary>A stream of the plain content. Disposing it disposes <paramref name="source"/>.</summary>
    public static async Task<Stream> OpenAsync(Stream source, CancellationToken cancellationToken)
    {
        var head = new byte[4];
        var count = await source.ReadAtLeastAsync(head, 4, false, cancellationToken).ConfigureAwait(false);
        var whole = source.CanSeek ? Rewind(source, count) : new PrefixedStream(head.AsMemory(0, count), source);
        return head switch
        {
            [0x1f, 0x8b, ..] => new GZipStream(whole, CompressionMode.Decompress),
            [0x28, 0xb5, 0x2f, 0xfd] => new ZstdSharp.DecompressionStream(whole, leaveOpen: false),
            _ => whole,
        };
    }

    private static Stream Rewind(Stream source, int count)
    {
        source.Seek(-count, SeekOrigin.Current);
        return source;
    }

    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer) => _prefix.Length > 0 ? TakePrefix(buffer) : rest.Read(buffer);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _prefix.Length > 0 ? ValueTask.FromResult(TakePrefix(buffer.Span)) : rest.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }

        private int TakePrefix(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..count].CopyTo(buffer);
            _prefix = _prefix[count..];
            return count;
        }
    }
}
