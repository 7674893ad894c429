using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Kaji.Linux.Netlink;

/// <summary>
/// One request being written: nlmsghdr (length, type, flags, sequence, port), a fixed struct of the message type, then attributes
/// (length, type, value, padded to 4). Numbers are host order, as the kernel reads them; addresses and ports are network order.
/// </summary>
internal sealed class NetlinkMessage
{
    private const ushort Nested = 0x8000;
    private byte[] _buffer = new byte[512];
    private int _length = 16;

    public NetlinkMessage(ushort type, ushort flags)
    {
        MemoryMarshal.Write(_buffer.AsSpan(4), type);
        MemoryMarshal.Write(_buffer.AsSpan(6), flags);
    }

    /// <summary>The bytes to send, with the length and <paramref name="sequence"/> filled in.</summary>
    public ReadOnlySpan<byte> Finish(uint sequence)
    {
        MemoryMarshal.Write(_buffer, (uint)_length);
        MemoryMarshal.Write(_buffer.AsSpan(8), sequence);
        return _buffer.AsSpan(0, _length);
    }

    public NetlinkMessage Struct(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Take(bytes.Length));
        return this;
    }

    public NetlinkMessage Bytes(ushort type, ReadOnlySpan<byte> value)
    {
        Head(type, value.Length);
        value.CopyTo(Take(value.Length));
        return this;
    }

    public NetlinkMessage Text(ushort type, string value)
    {
        var count = Encoding.UTF8.GetByteCount(value) + 1;
        Head(type, count);
        Encoding.UTF8.GetBytes(value, Take(count));
        return this;
    }

    public NetlinkMessage U8(ushort type, byte value) => Bytes(type, [value]);

    public NetlinkMessage U32(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        MemoryMarshal.Write(bytes, value);
        return Bytes(type, bytes);
    }

    public NetlinkMessage U16BigEndian(ushort type, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return Bytes(type, bytes);
    }

    /// <summary>An attribute that holds what <paramref name="write"/> adds.</summary>
    public NetlinkMessage Nest(ushort type, Action<NetlinkMessage> write, bool flag = false)
    {
        var start = _length;
        Head((ushort)(type | (flag ? Nested : 0)), 0);
        write(this);
        MemoryMarshal.Write(_buffer.AsSpan(start), (ushort)(_length - start));
        return this;
    }

    private void Head(ushort type, int length)
    {
        var head = Take(4);
        MemoryMarshal.Write(head, (ushort)(length + 4));
        MemoryMarshal.Write(head[2..], type);
    }

    private Span<byte> Take(int count)
    {
        var padded = (count + 3) & ~3;
        if (_length + padded > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + padded));
        }

        var span = _buffer.AsSpan(_length, padded);
        _length += padded;
        return span[..count];
    }
}
