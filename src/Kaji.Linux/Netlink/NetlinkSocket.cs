using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kaji.Linux.Netlink;

/// <summary>
/// A blocking netlink socket: one request, then its answers. It belongs for life to the network namespace of the thread that made it, whichever thread
/// uses it later; calls are serialized by one lock.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    public const int Route = 0;
    public const int Netfilter = 12;
    public const ushort FlagRequest = 1;
    public const ushort FlagAck = 4;
    public const ushort FlagDump = 0x300;
    public const ushort FlagExclusive = 0x200;
    public const ushort FlagReplace = 0x100;
    public const ushort FlagCreate = 0x400;
    private const int TypeError = 2;
    private const int TypeDone = 3;
    private const int Eintr = 4;

    private readonly SafeFileHandle _fd;
    private readonly Lock _lock = new();
    private readonly byte[] _buffer = new byte[64 * 1024];
    private uint _sequence;

    public NetlinkSocket(int protocol)
    {
        var fd = Native.Socket(Native.AfNetlink, Native.SockRaw | Native.SockCloexec, protocol);
        if (fd < 0)
        {
            throw Failed("socket(AF_NETLINK)", Marshal.GetLastPInvokeError());
        }

        _fd = new SafeFileHandle(fd, ownsHandle: true);
        var one = 1;
        Native.SetSockOpt(_fd, Native.SolNetlink, Native.NetlinkCapAck, &one, sizeof(int));
        Native.SetSockOpt(_fd, Native.SolNetlink, Native.NetlinkExtAck, &one, sizeof(int));
        var address = stackalloc byte[12];
        new Span<byte>(address, 12).Clear();
        *(ushort*)address = Native.AfNetlink;
        if (Native.Bind(_fd, address, 12) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            _fd.Dispose();
            throw Failed("bind(AF_NETLINK)", errno);
        }
    }

    /// <summary>Receives the payload after nlmsghdr of each answer.</summary>
    public delegate void Answer(ushort type, ReadOnlySpan<byte> payload);

    /// <summary>Sends and waits for the acknowledgement (the message must carry <see cref="FlagAck"/>), handing over what comes before it.</summary>
    public void Request(NetlinkMessage message, string what, Answer? answer = null) => Exchange(message, what, answer);

    /// <summary>Sends a dump request and hands over each entry.</summary>
    public void Dump(NetlinkMessage message, string what, Answer answer) => Exchange(message, what, answer);

    public void Dispose() => _fd.Dispose();

    private void Exchange(NetlinkMessage message, string what, Answer? answer)
    {
        lock (_lock)
        {
            var sequence = ++_sequence;
            var bytes = message.Finish(sequence);
            fixed (byte* start = bytes)
            {
                if (Native.Send(_fd, start, bytes.Length, 0) != bytes.Length)
                {
                    throw Failed(what, Marshal.GetLastPInvokeError());
                }
            }

            while (!Read(sequence, what, answer))
            {
            }
        }
    }

    private bool Read(uint sequence, string what, Answer? answer)
    {
        nint count;
        fixed (byte* start = _buffer)
        {
            do
            {
                count = Native.Receive(_fd, start, _buffer.Length, 0);
            }
            while (count < 0 && Marshal.GetLastPInvokeError() == Eintr);
        }

        if (count < 0)
        {
            throw Failed(what, Marshal.GetLastPInvokeError());
        }

        var rest = _buffer.AsSpan(0, (int)count);
        var done = false;
        while (rest.Length >= 16)
        {
            var length = MemoryMarshal.Read<int>(rest);
            if (length < 16 || length > rest.Length)
            {
                break;
            }

            var type = MemoryMarshal.Read<ushort>(rest[4..]);
            var flags = MemoryMarshal.Read<ushort>(rest[6..]);
            if (MemoryMarshal.Read<uint>(rest[8..]) == sequence)
            {
                var payload = rest[16..length];
                switch (type)
                {
                    case TypeError:
                        var error = MemoryMarshal.Read<int>(payload);
                        if (error != 0)
                        {
                            throw Failed(what, -error, Explanation(payload, flags));
                        }

                        done = true;
                        break;
                    case TypeDone:
                        done = true;
                        break;
                    default:
                        answer?.Invoke(type, payload);
                        break;
                }
            }

            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }

        return done;
    }

    // With NETLINK_EXT_ACK the kernel adds a sentence: errno (4), the request's header (16), then attributes of which 1 is the text.
    private static string? Explanation(ReadOnlySpan<byte> payload, ushort flags)
    {
        const ushort HasAttributes = 0x200;
        if ((flags & HasAttributes) == 0 || payload.Length <= 20)
        {
            return null;
        }

        var text = NetlinkAttributes.Find(payload[20..], 1);
        return text.IsEmpty ? null : Encoding.UTF8.GetString(text.TrimEnd((byte)0));
    }

    private static NetlinkException Failed(string what, int errno, string? explanation = null) =>
        new($"{what}: {Marshal.GetPInvokeErrorMessage(errno)}{(explanation is null ? "" : $" ({explanation})")}", errno);
}
