using System.Net.Sockets;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Linux.Terminals;

/// <summary>Takes a terminal's master from an OCI runtime (<c>--console-socket</c>): it connects and passes the descriptor (SCM_RIGHTS).</summary>
public sealed class ConsoleSocket : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <param name="path">Shorter than 108 bytes; deleted when disposed.</param>
    public ConsoleSocket(string path)
    {
        Path = path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
    }

    public string Path { get; }

    /// <summary>Waits for the runtime.</summary>
    public async Task<Descriptor> ReceiveAsync(EventLoop loop, CancellationToken cancellationToken)
    {
        using var connection = await _listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
        connection.Blocking = false;
        while (true)
        {
            if (TryReceive((int)connection.Handle) is { } master)
            {
                return master;
            }

            await loop.WaitAsync(connection.SafeHandle, EventLoop.Readable, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// To be called when the runtime has ended: <see cref="ReceiveAsync"/> ends too, with the terminal when one was sent, else with an <see cref="IOException"/>.
    /// What the runtime sent is first in the queue; behind it comes an empty connection of our own.
    /// </summary>
    public void NoMoreSenders()
    {
        using var own = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        own.Connect(new UnixDomainSocketEndPoint(Path));
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(Path);
    }

    private static unsafe Descriptor? TryReceive(int fd)
    {
        const int CloseOnExec = 0x40000000, Rights = 1;
        // struct msghdr: name, namelen, iov, iovlen, control, controllen, flags. struct cmsghdr: len, level, type, data.
        var data = stackalloc byte[256];
        var control = stackalloc long[8];
        var vector = stackalloc nint[2] { (nint)data, 256 };
        var message = stackalloc nint[7] { 0, 0, (nint)vector, 1, (nint)control, 64, 0 };
        var count = LibC.ReceiveMessage(fd, message, CloseOnExec);
        if (count < 0)
        {
            var error = KernelException.Last("recvmsg");
            return error.Errno is Errno.EAGAIN or Errno.EINTR ? null : throw error;
        }

        var header = (int*)control;
        return message[5] >= 20 && header[2] == 1 && header[3] == Rights
            ? new Descriptor(header[4])
            : throw new IOException("The runtime closed the console socket without a terminal.");
    }
}
