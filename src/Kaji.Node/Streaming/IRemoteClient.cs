using System.Threading.Channels;

namespace Kaji.Node.Streaming;

/// <summary>
/// The far end of an exec or attach (<c>kubectl</c>), whatever protocol carries it: WebSocket channels (<see cref="ChannelClient"/>) or
/// SPDY streams (<see cref="SpdyClient"/>). <see cref="ExecRelay"/> ties it to the container's end.
/// </summary>
internal interface IRemoteClient : IAsyncDisposable
{
    /// <summary>What the client types; its end is end of file. Null when not asked for.</summary>
    Stream? Stdin { get; }

    /// <summary>Null when not asked for.</summary>
    Stream? Stdout { get; }

    /// <summary>Null when not asked for, or with a terminal.</summary>
    Stream? Stderr { get; }

    /// <summary>New sizes of the client's terminal.</summary>
    ChannelReader<TerminalSize> Resizes { get; }

    /// <summary>Cancelled when the connection is lost or the client has left.</summary>
    CancellationToken Gone { get; }

    /// <summary>Sends the outcome (a Status object) and says goodbye.</summary>
    Task FinishAsync(ReadOnlyMemory<byte> status, CancellationToken cancellationToken);
}

/// <summary>Columns and rows.</summary>
internal readonly record struct TerminalSize(int Width, int Height);

/// <summary>Which streams a request asks for: <c>input, output, error, tty</c> as the kubelet calls them, or <c>stdin, stdout, stderr</c> as the API does.</summary>
internal readonly record struct StreamChoice(bool Stdin, bool Stdout, bool Stderr, bool Tty);
