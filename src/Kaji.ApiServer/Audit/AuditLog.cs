using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Audit;

/// <summary>Writes events, a line of JSON each, to a file that is put away when it is large. What can't be written (a full disk) is said in the server's log and lost: requests go on.</summary>
internal sealed partial class AuditLog : IAsyncDisposable
{
    private readonly AuditOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<byte[]> _events;
    private readonly Task _writing;
    private Stream? _stream;

    /// <exception cref="IOException">The file can't be opened.</exception>
    public AuditLog(AuditOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log) = (options, time, log);
        _stream = Open();
        _events = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(options.MaxWaiting) { SingleReader = true });
        _writing = Task.Run(WriteAsync);
    }

    public ValueTask AddAsync(byte[] line) => _events.Writer.TryWrite(line) ? ValueTask.CompletedTask : _events.Writer.WriteAsync(line);

    public async ValueTask DisposeAsync()
    {
        _events.Writer.TryComplete();
        await _writing;
    }

    private async Task WriteAsync()
    {
        while (await _events.Reader.WaitToReadAsync())
        {
            try
            {
                _stream ??= Open();
                while (_events.Reader.TryRead(out var line))
                {
                    await _stream.WriteAsync(line);
                    if (_stream is FileStream file && file.Length > _options.MaxSize * 1024L * 1024)
                    {
                        await PutAwayAsync();
                    }
                }

                await _stream!.FlushAsync();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                NotWritten(_options.Path, e.Message);
                _stream?.Dispose();
                _stream = null;
            }
        }

        if (_stream is not null)
        {
            await _stream.DisposeAsync();
        }
    }

    private Stream Open()
    {
        if (_options.Path == "-")
        {
            return Console.OpenStandardOutput();
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(_options.Path))!);
        return new FileStream(_options.Path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
    }

    /// <summary><c>audit.log</c> becomes <c>audit-2026-01-02T03-04-05.678.log</c>; older ones go as the options say.</summary>
    private async Task PutAwayAsync()
    {
        await _stream!.DisposeAsync();
        var (directory, name, extension) = (Path.GetDirectoryName(Path.GetFullPath(_options.Path))!, Path.GetFileNameWithoutExtension(_options.Path), Path.GetExtension(_options.Path));
        File.Move(_options.Path, Path.Combine(directory, $"{name}-{_time.GetUtcNow().ToString("yyyy-MM-ddTHH-mm-ss.fff", CultureInfo.InvariantCulture)}{extension}"), overwrite: true);
        _stream = Open();
        var away = Directory.EnumerateFiles(directory, $"{name}-*{extension}").OrderDescending(StringComparer.Ordinal).ToArray();
        foreach (var file in away.Where((f, i) => (_options.MaxBackups > 0 && i >= _options.MaxBackups) || (_options.MaxAge > 0 && _time.GetUtcNow() - File.GetLastWriteTimeUtc(f) > TimeSpan.FromDays(_options.MaxAge))))
        {
            File.Delete(file);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "audit events were not written to {path}: {why}")]
    private partial void NotWritten(string path, string why);
}
